//! What addresses have used of their limits: a table of a fixed size, so that nobody who has many
//! addresses can fill the memory.
//!
//! An address has its place in one small group of the table, found by its hash. In a full group a
//! new address takes the place of the one that has been silent for longest; one that has requests
//! under way goes only if all have. The table has room for 65,536 addresses and takes 7 MiB when
//! it is full; without a limit for addresses it takes nothing.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tollgate_core::limit::Usage;
use tollgate_core::time::Moment;

/// Each is locked by itself.
const SHARDS: usize = 64;
const GROUPS: usize = 128;
/// Addresses in a group.
const GROUP: usize = 8;

/// An address as limits count it: one of IPv4, or the network of one of IPv6, whose user has the
/// last 64 bits to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address(u128);

impl Address {
    /// Stands for none: no address is that large.
    const NONE: Self = Self(u128::MAX);

    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self((1 << 64) | u128::from(address.to_bits())),
            IpAddr::V6(address) => Self(address.to_bits() >> 64),
        }
    }

    /// The place of a key, beside those of all addresses: the half of the table's range that they
    /// leave free.
    pub(super) fn of_key(hash: u128) -> Self {
        // Never that of none.
        Self(((1 << 127) | (hash >> 1)).min(u128::MAX - 1))
    }
}

/// What each address has used.
pub(super) struct Addresses {
    shards: Box<[Mutex<Shard>]>,
    /// Differs from process to process, so that nobody can choose addresses of one group.
    hasher: RandomState,
}

/// Empty until the first address comes.
#[derive(Default)]
struct Shard(Box<[[Entry; GROUP]]>);

#[derive(Clone, Copy)]
struct Entry {
    address: Address,
    seen: Moment,
    usage: Usage,
}

impl Entry {
    const EMPTY: Self = Self {
        address: Address::NONE,
        seen: Moment::START,
        usage: Usage::NOTHING,
    };
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Addresses {
    /// Reads or changes what an address has used.
    pub(super) fn with<T>(
        &self,
        address: Address,
        now: Moment,
        act: impl FnOnce(&mut Usage) -> T,
    ) -> T {
        let hash = usize::try_from(self.hasher.hash_one(address)).unwrap_or(usize::MAX);
        let Some(shard) = self.shards.get(hash % SHARDS) else {
            return act(&mut Usage::default());
        };
        // Each change under the lock is complete before anything could panic.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.0.is_empty() {
            shard.0 = vec![[Entry::EMPTY; GROUP]; GROUPS].into_boxed_slice();
        }
        let group = shard.0.get_mut(hash / SHARDS % GROUPS);
        match group.and_then(|group| place(group, address)) {
            Some(entry) => {
                entry.seen = entry.seen.max(now);
                act(&mut entry.usage)
            }
            None => act(&mut Usage::default()),
        }
    }
}

/// The place of an address in its group. A new one takes the place of another.
fn place(group: &mut [Entry; GROUP], address: Address) -> Option<&mut Entry> {
    if let Some(found) = group.iter().position(|entry| entry.address == address) {
        return group.get_mut(found);
    }
    let idle = |entry: &&mut Entry| (entry.usage.parallel() > 0, entry.seen);
    let oldest = group.iter_mut().min_by_key(idle)?;
    *oldest = Entry {
        address,
        ..Entry::EMPTY
    };
    Some(oldest)
}

#[cfg(test)]
mod tests;
