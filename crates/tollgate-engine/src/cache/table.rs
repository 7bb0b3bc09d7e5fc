//! What is kept, and which questions are under way. Never more than the bytes that it may have:
//! what nobody asked for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;
use std::sync::Arc;

use tokio::sync::watch;
use tollgate_core::time::Moment;

use super::{Flight, Kept, Key};

/// What an answer takes beside its body: its places in both maps, and its facts.
const AROUND: usize = 512;

/// What is kept. Empty, and without memory, while nothing is.
#[derive(Default)]
pub(super) struct Table {
    entries: HashMap<Key, Entry>,
    /// By when they were asked for last.
    order: BTreeMap<u64, Key>,
    /// Questions under way.
    pub(super) flights: HashMap<Key, watch::Receiver<Flight>>,
    bytes: usize,
    uses: u64,
}

struct Entry {
    kept: Arc<Kept>,
    used: u64,
}

impl Table {
    /// The answer to a question, if it is not too old even for those who take stale ones.
    pub(super) fn get(&mut self, key: &Key, now: Moment) -> Option<Arc<Kept>> {
        let entry = self.entries.get_mut(key)?;
        let kept = Arc::clone(&entry.kept);
        if now.since(kept.born) > kept.ttl.saturating_add(kept.stale) {
            self.remove(key);
            return None;
        }
        self.uses += 1;
        let before = std::mem::replace(&mut entry.used, self.uses);
        self.order.remove(&before);
        self.order.insert(self.uses, *key);
        Some(kept)
    }

    /// Keeps an answer within so many bytes.
    pub(super) fn put(&mut self, key: Key, kept: Arc<Kept>, most: usize) {
        self.remove(&key);
        let size = size(&kept);
        if size > most {
            return;
        }
        self.shrink(most - size);
        self.uses += 1;
        self.bytes += size;
        self.order.insert(self.uses, key);
        let used = self.uses;
        self.entries.insert(key, Entry { kept, used });
    }

    /// Lets go of what nobody asked for longest, until no more than this is left.
    pub(super) fn shrink(&mut self, most: usize) {
        while self.bytes > most {
            let Some((_, key)) = self.order.pop_first() else {
                return;
            };
            if let Some(entry) = self.entries.remove(&key) {
                self.bytes -= size(&entry.kept);
            }
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= size(&entry.kept);
        }
    }

    /// Forgets every answer. Questions under way go on for those who wait for them already.
    pub(super) fn clear(&mut self) {
        self.flights = HashMap::new();
        self.entries = HashMap::new();
        self.order = BTreeMap::new();
        self.bytes = 0;
    }

    /// A question has come to its end. Nothing happens to an equal one that is asked since
    /// everything was forgotten.
    pub(super) fn land(&mut self, key: &Key, flight: &watch::Receiver<Flight>) {
        let is_it = |known: &watch::Receiver<Flight>| known.same_channel(flight);
        if self.flights.get(key).is_some_and(is_it) {
            self.flights.remove(key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn size(kept: &Kept) -> usize {
    let parts = kept.ends.as_ref().map_or(0, |ends| ends.len());
    AROUND + kept.body.len() + parts * size_of::<usize>()
}
