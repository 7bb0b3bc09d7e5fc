//! The keys that callers may present, as requests look them up: by hash, without a lock, in a
//! time that does not depend on how many there are.
#![expect(
    clippy::mutable_key_type,
    reason = "entries are told apart by the hash of their key, which never changes"
)]

mod home;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tollgate_core::budget::Controls;
use tollgate_core::id::KeyId;
use tollgate_core::key::{KeyHash, KeyProblem, VirtualKey};
use tollgate_core::time::Timestamp;

pub use self::home::Home;
use crate::meter::MeterSlot;
use crate::port::StoredKey;
use crate::tenants::{TeamNode, Tenants, UserNode};

/// Into how many maps the stored keys are split, so that a change copies only one of them.
const SHARDS: usize = 64;
/// Stands for "not yet" in the atomics of last uses.
const NEVER: i64 = i64::MIN;

/// Every key, by hash for requests and by id for operators.
pub struct KeyTable {
    /// Keys of the configuration file. They win over stored ones with the same hash.
    declared: ArcSwap<Map>,
    stored: Box<[Shard]>,
    /// Taken for every change, so that changes come one after the other; requests never wait
    /// for it.
    by_id: Mutex<BTreeMap<KeyId, Arc<Entry>>>,
}

/// A key in the table, with what is known of its use.
pub struct Entry {
    key: Arc<VirtualKey>,
    home: Home,
    meter: MeterSlot,
    declared_at: Option<Box<str>>,
    last_used_ms: AtomicI64,
    written_ms: AtomicI64,
}

/// A use of a key that has not been written yet.
pub(crate) type Use = (Arc<Entry>, Timestamp);

/// Entries by their hashes, which they hold themselves: a map would keep each of them twice.
type Map = HashSet<ByHash, BuildHasherDefault<HashBits>>;

/// An entry that is found by its hash.
#[derive(Clone)]
struct ByHash(Arc<Entry>);

impl Borrow<KeyHash> for ByHash {
    fn borrow(&self) -> &KeyHash {
        &self.0.key.hash
    }
}

impl PartialEq for ByHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.key.hash == other.0.key.hash
    }
}

impl Eq for ByHash {}

impl Hash for ByHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash.hash(state);
    }
}

#[derive(Default)]
struct Shard {
    keys: ArcSwap<Map>,
    /// Whether one of the keys has been used since the uses were last written.
    used: AtomicBool,
}

impl KeyTable {
    /// Makes a table of the keys that the store holds.
    pub fn new(keys: Vec<(StoredKey, Home)>) -> Self {
        let mut maps: Vec<Map> = (0..SHARDS).map(|_| Map::default()).collect();
        // Collected at once, which packs the tree; key by key it would be half empty.
        let by_id = keys.into_iter().map(|(stored, home)| {
            let StoredKey { key, last_used_at } = stored;
            let entry = Arc::new(Entry::new(key, home, None, last_used_at));
            if let Some(map) = maps.get_mut(shard_index(&entry.key.hash)) {
                map.replace(ByHash(Arc::clone(&entry)));
            }
            (entry.key.id.clone(), entry)
        });
        let by_id: BTreeMap<KeyId, Arc<Entry>> = by_id.collect();
        let shard = |map| Shard {
            keys: ArcSwap::from_pointee(map),
            used: AtomicBool::new(false),
        };
        Self {
            declared: ArcSwap::default(),
            stored: maps.into_iter().map(shard).collect(),
            by_id: Mutex::new(by_id),
        }
    }

    /// The key of this hash, whatever its status.
    pub fn find(&self, hash: &KeyHash) -> Option<Arc<Entry>> {
        let declared = self.declared.load();
        if let Some(ByHash(entry)) = declared.get(hash) {
            return Some(Arc::clone(entry));
        }
        let keys = self.shard(hash)?.keys.load();
        keys.get(hash).map(|ByHash(entry)| Arc::clone(entry))
    }

    /// The key of this id.
    pub fn get(&self, id: &KeyId) -> Option<Arc<Entry>> {
        self.lock().get(id).map(Arc::clone)
    }

    /// Every key, the oldest first.
    pub fn list(&self) -> Vec<Arc<Entry>> {
        self.select(|_| true)
    }

    /// Every key that is wanted, the oldest first.
    pub fn select(&self, is_wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Entry>> {
        let all = self.lock();
        let wanted = all.values().filter(|entry| is_wanted(entry));
        let mut entries: Vec<_> = wanted.map(Arc::clone).collect();
        drop(all);
        // Keys of the configuration begin together: among equals the id decides.
        entries.sort_by(|a, b| {
            let age = |entry: &Entry| entry.key.created_at;
            let by_age = age(a).cmp(&age(b));
            by_age.then_with(|| a.key.id.as_str().cmp(b.key.id.as_str()))
        });
        entries
    }

    /// The keys that have budgets of their own.
    pub(crate) fn with_budgets(&self) -> Vec<Arc<Entry>> {
        let by_id = self.lock();
        let with = by_id
            .values()
            .filter(|entry| !entry.key.controls.budgets.is_empty());
        with.map(Arc::clone).collect()
    }

    /// Looks again for the homes of stored keys whose home was not there.
    pub(crate) fn rehome(&self, tenants: &Tenants) {
        let mut by_id = self.lock();
        let mut changed: BTreeMap<usize, Vec<Arc<Entry>>> = BTreeMap::new();
        for entry in by_id.values_mut() {
            if entry.home.is_found || entry.declared_at.is_some() {
                continue;
            }
            if let Some(home) = Home::find(tenants, &entry.key.tenancy) {
                let new = Entry::new(Arc::clone(&entry.key), home, None, None);
                new.inherit_use(entry);
                new.meter.inherit(&entry.meter);
                *entry = Arc::new(new);
                let shard = changed.entry(shard_index(&entry.key.hash)).or_default();
                shard.push(Arc::clone(entry));
            }
        }
        // A shard is copied once, however many of its keys have come home.
        for (index, entries) in changed {
            if let Some(shard) = self.stored.get(index) {
                let mut map = Map::clone(&shard.keys.load());
                for entry in entries {
                    map.replace(ByHash(entry));
                }
                shard.keys.store(Arc::new(map));
            }
        }
    }

    /// Inserts a stored key, or replaces the one of the same id: from here on its former hash
    /// finds nothing.
    pub fn put(&self, key: Arc<VirtualKey>, home: Home) -> Arc<Entry> {
        let mut by_id = self.lock();
        let former = by_id.get(&key.id).map(Arc::clone);
        let entry = Arc::new(Entry::new(key, home, None, None));
        if let Some(former) = &former {
            entry.inherit_use(former);
            entry.meter.inherit(&former.meter);
        }
        if let Some(former) = former.filter(|former| former.key.hash != entry.key.hash) {
            self.change_shard(&former.key.hash, |map| {
                map.remove(&former.key.hash);
            });
        }
        self.change_shard(&entry.key.hash, |map| {
            map.replace(ByHash(Arc::clone(&entry)));
        });
        if entry.unwritten_use().is_some() {
            self.mark_used(&entry);
        }
        by_id.insert(entry.key.id.clone(), Arc::clone(&entry));
        entry
    }

    /// Replaces all declared keys by these, each with the place of its declaration. What is known
    /// of the use of one that stays is kept, and so is the time when it came.
    pub fn declare(&self, keys: Vec<(VirtualKey, Home, Box<str>)>) {
        let keys = keys.into_iter().map(|(key, home, place)| {
            let meter = MeterSlot::default();
            (key, home, place, meter)
        });
        self.declare_metered(keys.collect());
    }

    /// The same, each with its meter, if one was made for it.
    pub(crate) fn declare_metered(&self, keys: Vec<(VirtualKey, Home, Box<str>, MeterSlot)>) {
        let mut by_id = self.lock();
        let mut map = Map::default();
        let mut declared = Vec::with_capacity(keys.len());
        for (mut key, home, place, meter) in keys {
            let former = by_id.get(&key.id);
            if let Some(former) = former {
                key.created_at = former.key.created_at;
            }
            let last_used_at = former.and_then(|entry| entry.last_used_at());
            let mut entry = Entry::new(Arc::new(key), home, Some(place), last_used_at);
            entry.meter = meter;
            if let Some(former) = former {
                entry.meter.inherit(&former.meter);
            }
            let entry = Arc::new(entry);
            map.replace(ByHash(Arc::clone(&entry)));
            declared.push(entry);
        }
        by_id.retain(|_, entry| entry.declared_at.is_none());
        by_id.extend(
            declared
                .into_iter()
                .map(|entry| (entry.key.id.clone(), entry)),
        );
        self.declared.store(Arc::new(map));
    }

    /// Notes that a key has been used: two stores at most, no lock.
    pub fn note_use(&self, entry: &Entry, now: Timestamp) {
        let ms = now.as_millis();
        // Reading first keeps the line shared between cores when many calls come in one
        // millisecond.
        if entry.last_used_ms.load(Ordering::Relaxed) >= ms {
            return;
        }
        entry.last_used_ms.store(ms, Ordering::Relaxed);
        if entry.declared_at.is_some() {
            return;
        }
        self.mark_used(entry);
    }

    /// The parts of the table, for [`Self::take_uses`].
    pub(crate) fn parts(&self) -> std::ops::Range<usize> {
        0..self.stored.len()
    }

    /// The uses in one part of the table that have not been written yet.
    pub(crate) fn take_uses(&self, part: usize) -> Vec<Use> {
        let Some(shard) = self.stored.get(part) else {
            return Vec::new();
        };
        if !shard.used.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        let keys = shard.keys.load();
        keys.iter()
            .filter_map(|ByHash(entry)| Some((Arc::clone(entry), entry.unwritten_use()?)))
            .collect()
    }

    /// Takes note that these uses have been written.
    pub(crate) fn uses_are_written(uses: &[Use]) {
        for (entry, at) in uses {
            entry.written_ms.store(at.as_millis(), Ordering::Relaxed);
        }
    }

    /// Puts back uses that could not be written.
    pub(crate) fn uses_are_not_written(&self, uses: &[Use]) {
        for (entry, _) in uses {
            self.mark_used(entry);
        }
    }

    /// Has the part of the table that holds the entry looked through at the next writing.
    fn mark_used(&self, entry: &Entry) {
        if let Some(shard) = self.shard(&entry.key.hash) {
            // A use that meets the writer in this very moment may wait for the key's next use to
            // be written; that is exact enough for a figure that people read.
            if !shard.used.load(Ordering::Relaxed) {
                shard.used.store(true, Ordering::Release);
            }
        }
    }

    fn shard(&self, hash: &KeyHash) -> Option<&Shard> {
        self.stored.get(shard_index(hash))
    }

    /// Replaces a shard by a changed copy. Callers hold the lock, so no change is lost.
    fn change_shard(&self, hash: &KeyHash, change: impl FnOnce(&mut Map)) {
        if let Some(shard) = self.shard(hash) {
            let mut map = Map::clone(&shard.keys.load());
            change(&mut map);
            shard.keys.store(Arc::new(map));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<KeyId, Arc<Entry>>> {
        // A panic under the lock leaves at worst an entry that is found by only one of its names.
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(
        key: Arc<VirtualKey>,
        home: Home,
        declared_at: Option<Box<str>>,
        last_used_at: Option<Timestamp>,
    ) -> Self {
        let ms = last_used_at.map_or(NEVER, Timestamp::as_millis);
        Self {
            key,
            home,
            meter: MeterSlot::default(),
            declared_at,
            last_used_ms: AtomicI64::new(ms),
            written_ms: AtomicI64::new(ms),
        }
    }

    /// A key that is in no table.
    pub fn alone(key: Arc<VirtualKey>, home: Home) -> Self {
        Self::new(key, home, None, None)
    }

    /// Its team.
    pub fn team(&self) -> &Arc<TeamNode> {
        &self.home.team
    }

    /// The user who holds it.
    pub fn user(&self) -> Option<&Arc<UserNode>> {
        self.home.user.as_ref()
    }

    pub(crate) fn id(&self) -> &str {
        self.key.id.as_str()
    }

    pub(crate) fn controls(&self) -> &Controls {
        &self.key.controls
    }

    pub(crate) fn meter(&self) -> &MeterSlot {
        &self.meter
    }

    /// The key.
    pub fn key(&self) -> Arc<VirtualKey> {
        Arc::clone(&self.key)
    }

    /// Whether the key may be used at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), KeyProblem> {
        self.key.check(now)
    }

    /// Where the configuration declares the key; `None` for a key that the store holds.
    pub fn declared_at(&self) -> Option<&str> {
        self.declared_at.as_deref()
    }

    /// Whether the key has budgets of its own.
    pub(crate) fn has_budgets(&self) -> bool {
        !self.key.controls.budgets.is_empty()
    }

    /// When the key was last used.
    pub fn last_used_at(&self) -> Option<Timestamp> {
        let ms = self.last_used_ms.load(Ordering::Relaxed);
        (ms != NEVER).then_some(Timestamp::from_millis(ms))
    }

    /// Takes over what is known of the use of the entry that this one replaces; what of it has
    /// not been written stays to be written.
    fn inherit_use(&self, former: &Self) {
        let used = former.last_used_ms.load(Ordering::Relaxed);
        let written = former.written_ms.load(Ordering::Relaxed);
        self.last_used_ms.store(used, Ordering::Relaxed);
        self.written_ms.store(written, Ordering::Relaxed);
    }

    fn unwritten_use(&self) -> Option<Timestamp> {
        let at = self.last_used_at()?;
        (at.as_millis() > self.written_ms.load(Ordering::Relaxed)).then_some(at)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Entry({})", self.key.id)
    }
}

fn shard_index(hash: &KeyHash) -> usize {
    let [first, ..] = *hash.as_bytes();
    usize::from(first) % SHARDS
}

/// Takes bits of a key's hash as they are. They come out of HMAC under a secret, so nobody can
/// choose them, and hashing them again would add nothing.
#[derive(Default)]
struct HashBits(u64);

impl Hasher for HashBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The first byte chooses the shard; the map takes others.
        if let Some(bits) = bytes.get(8..).and_then(<[u8]>::first_chunk) {
            self.0 = u64::from_le_bytes(*bits);
        }
    }
}

#[cfg(test)]
mod tests;
