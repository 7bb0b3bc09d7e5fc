//! A store that forgets everything when it is dropped.

mod jobs;
mod tables;

use self::tables::{Tables, folded, is_of, is_wanted, page_of};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tollgate_core::audit::AuditRow;
use tollgate_core::id::KeyId;
use tollgate_core::ledger::{EntryId, Page, PageHead, WalletId, reserved};
use tollgate_core::offer::Offer;
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;

use crate::port::{
    Appended, AuditQuery, Beside, Change, Checkpoint, LedgerStore, LogStore, ReplayStore, Store,
    StoreError, Stored, StoredConnection, StoredKey, StoredReplay, StoredSegment, TenantStore,
    Transaction, UsageQuery, UsageRow,
};

/// Keeps everything in memory.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    broken: AtomicBool,
    stuck: AtomicBool,
    sumless: AtomicBool,
    new_jobs: Mutex<NewJobs>,
}

/// What becomes of new jobs, and of calls that begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewJobs {
    /// They are taken.
    #[default]
    Taken,
    /// They are refused.
    Refused,
    /// They are taken, and nobody is told so.
    TakenUnsaid,
    /// They are not taken, and nobody is told so.
    RefusedUnsaid,
}

type Outcome<T> = Result<T, StoreError>;

fn refused<T>(why: &str) -> Outcome<T> {
    Err(StoreError(why.into()))
}

/// Whether a transaction counts as given to its wallet.
fn is_given(it: &Transaction) -> bool {
    let reference = it.reference.as_deref();
    matches!(&*it.kind, "top_up" | "adjustment" | "refund")
        && reference.is_none_or(|reference| !reference.starts_with(reserved::USED))
        && !it.is_cost_of_job()
}

/// A future that is there already.
fn ready<'a, T: Send + 'a>(outcome: Outcome<T>) -> Stored<'a, T> {
    Box::pin(std::future::ready(outcome))
}

impl MemoryStore {
    /// From here on everything fails, or works again.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// From here on nothing that is written comes to an end, or it does again.
    pub fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::SeqCst);
    }

    /// From here on nobody is told what transactions come to, or everybody is again.
    pub fn set_sumless(&self, sumless: bool) {
        self.sumless.store(sumless, Ordering::SeqCst);
    }

    /// From here on this becomes of new jobs, and of calls that begin.
    pub fn set_new_jobs(&self, what: NewJobs) {
        *self.new_jobs.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Adds something up.
    fn sum<'a, T: Send + 'a>(&self, sum: impl FnOnce(&Tables) -> T) -> Stored<'a, T> {
        if self.sumless.load(Ordering::SeqCst) {
            return ready(refused("the store adds nothing up on purpose"));
        }
        self.read(sum)
    }

    fn tables(&self) -> Outcome<MutexGuard<'_, Tables>> {
        if self.broken.load(Ordering::SeqCst) {
            return refused("the store is broken on purpose");
        }
        Ok(self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<'a, T: Send + 'a>(&self, read: impl FnOnce(&Tables) -> T) -> Stored<'a, T> {
        ready(self.tables().map(|tables| read(&tables)))
    }

    /// Changes everything or nothing.
    fn write<'a, T: Send + 'a>(
        &self,
        write: impl FnOnce(&mut Tables) -> Outcome<T>,
    ) -> Stored<'a, T> {
        if self.stuck.load(Ordering::SeqCst) {
            return Box::pin(std::future::pending());
        }
        ready(self.tables().and_then(|mut tables| {
            let before = tables.clone();
            let outcome = write(&mut tables);
            if outcome.is_err() {
                *tables = before;
            }
            outcome
        }))
    }
}

impl Store for MemoryStore {
    fn ping(&self) -> Stored<'_, ()> {
        self.read(|_| ())
    }
}

impl TenantStore for MemoryStore {
    fn keys(&self) -> Stored<'_, Vec<StoredKey>> {
        self.read(|tables| tables.keys.values().cloned().collect())
    }

    fn organizations(&self) -> Stored<'_, Vec<Organization>> {
        self.read(|tables| tables.organizations.values().cloned().collect())
    }

    fn teams(&self) -> Stored<'_, Vec<Team>> {
        self.read(|tables| tables.teams.values().cloned().collect())
    }

    fn users(&self) -> Stored<'_, Vec<User>> {
        self.read(|tables| tables.users.values().cloned().collect())
    }

    fn connections(&self) -> Stored<'_, Vec<StoredConnection>> {
        self.read(|tables| tables.connections.values().cloned().collect())
    }

    fn offers(&self) -> Stored<'_, Vec<Offer>> {
        self.read(|tables| tables.offers.values().cloned().collect())
    }

    fn change<'a>(&'a self, changes: &'a [Change], audit: &'a [AuditRow]) -> Stored<'a, ()> {
        self.write(|tables| {
            for change in changes {
                tables.change(change)?;
            }
            tables.audit.extend(audit.iter().cloned());
            Ok(())
        })
    }

    fn note_uses<'a>(&'a self, uses: &'a [(KeyId, Timestamp)]) -> Stored<'a, ()> {
        self.write(|tables| {
            for (id, at) in uses {
                if let Some(stored) = tables.keys.get_mut(id) {
                    stored.last_used_at = stored.last_used_at.max(Some(*at));
                }
            }
            Ok(())
        })
    }

    fn setting<'a>(&'a self, name: &'a str) -> Stored<'a, Option<String>> {
        self.read(|tables| tables.settings.get(name).map(ToString::to_string))
    }

    fn audit<'a>(&'a self, query: &'a AuditQuery) -> Stored<'a, (Vec<AuditRow>, u64)> {
        self.read(|tables| {
            let rows = tables
                .audit
                .iter()
                .rev()
                .filter(|row| is_wanted(row, query));
            let count = u64::try_from(rows.clone().count()).unwrap_or(u64::MAX);
            (page_of(rows.cloned(), query.offset, query.limit), count)
        })
    }
}

impl LedgerStore for MemoryStore {
    fn last_page(&self) -> Stored<'_, PageHead> {
        self.read(|tables| {
            tables
                .pages
                .last()
                .map(|page| page.head)
                .unwrap_or_default()
        })
    }

    fn append<'a>(&'a self, page: &'a Page, beside: Beside<'a>) -> Stored<'a, Appended> {
        self.write(|tables| {
            let appended = tables.append(page, beside.transactions)?;
            if appended == Appended::Now {
                for change in beside.changes {
                    tables.change(change)?;
                }
                tables.audit.extend(beside.audit.iter().cloned());
            }
            Ok(appended)
        })
    }

    fn pages(&self, after: u64, most: u32) -> Stored<'_, Vec<Page>> {
        self.read(|tables| {
            let behind = tables.pages.iter().filter(|page| page.head.number > after);
            page_of(behind.cloned(), 0, most)
        })
    }

    fn transaction<'a>(
        &'a self,
        wallet: &'a WalletId,
        reference: &'a str,
    ) -> Stored<'a, Option<Transaction>> {
        self.read(|tables| {
            let mut all = tables.transactions.iter();
            let found =
                all.find(|it| it.wallet == *wallet && it.reference.as_deref() == Some(reference));
            found.cloned()
        })
    }

    fn transaction_of(&self, id: EntryId) -> Stored<'_, Option<Transaction>> {
        self.read(|tables| tables.transactions.iter().find(|it| it.id == id).cloned())
    }

    fn open_holds(&self) -> Stored<'_, Vec<Transaction>> {
        self.read(|tables| {
            let all = &tables.transactions;
            let is_open = |hold: &&Transaction| {
                &*hold.kind == "hold" && !all.iter().any(|other| other.of == Some(hold.id))
            };
            all.iter().filter(is_open).cloned().collect()
        })
    }

    fn transactions<'a>(
        &'a self,
        wallet: &'a WalletId,
        offset: u64,
        limit: u32,
    ) -> Stored<'a, Vec<Transaction>> {
        self.read(|tables| {
            let all = tables.transactions.iter().rev();
            page_of(
                all.filter(|it| it.wallet == *wallet).cloned(),
                offset,
                limit,
            )
        })
    }

    fn given<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64> {
        self.sum(|tables| {
            let all = tables.transactions.iter();
            let given = all.filter(|it| it.wallet == *wallet && is_given(it));
            given.map(|it| it.amount).sum()
        })
    }

    fn given_to_all(&self) -> Stored<'_, Vec<(WalletId, i64)>> {
        self.read(|tables| {
            let mut sums: BTreeMap<WalletId, i64> = BTreeMap::new();
            for it in tables.transactions.iter().filter(|it| is_given(it)) {
                *sums.entry(it.wallet.clone()).or_default() += it.amount;
            }
            sums.into_iter().collect()
        })
    }

    fn moved<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64> {
        self.sum(|tables| {
            let all = tables.transactions.iter();
            let own = all.filter(|it| it.wallet == *wallet);
            own.map(|it| it.amount).sum()
        })
    }

    fn moved_until<'a>(&'a self, wallet: &'a WalletId, last: EntryId) -> Stored<'a, Option<i64>> {
        self.sum(|tables| {
            let own: Vec<_> = tables
                .transactions
                .iter()
                .filter(|it| it.wallet == *wallet)
                .collect();
            let last = own.iter().position(|it| it.id == last)?;
            Some(own.iter().take(last + 1).map(|it| it.amount).sum())
        })
    }

    fn write_checkpoint<'a>(&'a self, checkpoint: &'a Checkpoint) -> Stored<'a, ()> {
        self.write(|tables| {
            if tables.checkpoint == checkpoint.head {
                return Ok(());
            }
            if tables.checkpoint != checkpoint.before {
                return refused("the checkpoint before is another one");
            }
            tables.checkpoint = checkpoint.head;
            tables.balances.extend(checkpoint.balances.iter().cloned());
            for row in &checkpoint.usage {
                tables.use_more(row);
            }
            Ok(())
        })
    }

    fn checkpoint(&self) -> Stored<'_, Checkpoint> {
        self.read(|tables| Checkpoint {
            before: tables.checkpoint,
            head: tables.checkpoint,
            balances: tables.balances.clone().into_iter().collect(),
            usage: Vec::new(),
        })
    }

    fn usage<'a>(&'a self, query: &'a UsageQuery) -> Stored<'a, Vec<UsageRow>> {
        self.read(|tables| {
            let mut sums = Tables::default();
            for row in tables.usage.values().filter(|row| is_of(row, query)) {
                sums.use_more(&folded(row, &query.by));
            }
            sums.usage.into_values().collect()
        })
    }
}

impl LogStore for MemoryStore {
    fn append_segment<'a>(
        &'a self,
        segment: &'a tollgate_core::request_log::Segment,
    ) -> Stored<'a, u64> {
        self.write(|tables| {
            let number = tables.segments.last().map_or(0, |last| last.number) + 1;
            let segment = segment.clone();
            tables.segments.push(StoredSegment { number, segment });
            Ok(number)
        })
    }

    fn segment_summaries(&self, after: u64, most: u32) -> Stored<'_, Vec<StoredSegment>> {
        self.read(|tables| {
            let behind = tables.segments.iter().filter(|it| it.number > after);
            page_of(behind.cloned(), 0, most)
        })
    }

    fn segments<'a>(&'a self, numbers: &'a [u64]) -> Stored<'a, Vec<StoredSegment>> {
        self.read(|tables| {
            let wanted = tables.segments.iter();
            wanted
                .filter(|it| numbers.contains(&it.number))
                .cloned()
                .collect()
        })
    }

    fn replace_segments<'a>(
        &'a self,
        numbers: &'a [u64],
        segment: &'a tollgate_core::request_log::Segment,
    ) -> Stored<'a, bool> {
        self.write(|tables| {
            let all = &mut tables.segments;
            let there = all.iter().filter(|it| numbers.contains(&it.number));
            if numbers.is_empty() || there.count() != numbers.len() {
                return Ok(false);
            }
            let last = numbers.iter().max();
            all.retain(|it| !numbers.contains(&it.number) || Some(&it.number) == last);
            if let Some(kept) = all.iter_mut().find(|it| Some(&it.number) == last) {
                kept.segment = segment.clone();
            }
            Ok(true)
        })
    }

    fn forget_segments(&self, before: Timestamp) -> Stored<'_, u64> {
        self.write(|tables| {
            let count = tables.segments.len();
            tables.segments.retain(|it| it.segment.to >= before);
            Ok(u64::try_from(count - tables.segments.len()).unwrap_or(u64::MAX))
        })
    }
}

impl ReplayStore for MemoryStore {
    fn replay<'a>(&'a self, slot: &'a [u8; 32]) -> Stored<'a, Option<StoredReplay>> {
        self.read(|tables| tables.replays.get(slot).cloned())
    }

    fn put_replay<'a>(&'a self, replay: &'a StoredReplay) -> Stored<'a, ()> {
        self.write(|tables| {
            tables.replays.insert(replay.slot, replay.clone());
            Ok(())
        })
    }

    fn forget_replays(&self, now: Timestamp) -> Stored<'_, u64> {
        self.write(|tables| {
            let count = tables.replays.len();
            tables.replays.retain(|_, it| it.expires_at > now);
            Ok(u64::try_from(count - tables.replays.len()).unwrap_or(u64::MAX))
        })
    }
}
