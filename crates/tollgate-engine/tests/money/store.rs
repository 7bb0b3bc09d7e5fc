//! A store that fails by a seed: before a write, after it, or so slowly that nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tollgate_core::audit::AuditRow;
use tollgate_core::id::{KeyId, TeamId};
use tollgate_core::job::{CallRecord, Job, JobId, Totals};
use tollgate_core::ledger::{EntryId, Page, PageHead, WalletId};
use tollgate_core::offer::Offer;
use tollgate_core::request_log::Segment;
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{
    Appended, AuditQuery, Beside, Change, Checkpoint, JobBy, JobEnd, JobQuery, JobStore, JobSum,
    LedgerStore, LogStore, ReplayStore, Store, StoreError, Stored, StoredConnection, StoredKey,
    StoredReplay, StoredSegment, TenantStore, Transaction, UsageQuery, UsageRow,
};
use tollgate_engine::testing::MemoryStore;

/// Numbers that follow from a seed.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d,
        ))
    }

    /// The next number below a bound.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        let step = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mut bits = step ^ (step >> 30);
        bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits ^= bits >> 27;
        bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }
}

/// Keeps what the memory store keeps, and fails as often as it is told.
pub(crate) struct FaultyStore {
    pub(crate) kept: Arc<MemoryStore>,
    pub(crate) dice: Arc<Dice>,
    /// Of a hundred writes so many fail.
    pub(crate) percent: AtomicU32,
}

fn broken<T>() -> Result<T, StoreError> {
    Err(StoreError("it failed on purpose".into()))
}

impl FaultyStore {
    /// Does a write, or what becomes of it.
    async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::time::sleep(Duration::from_micros(self.dice.below(3000))).await;
        let fails = self.dice.below(100) < u64::from(self.percent.load(Ordering::Relaxed));
        if !fails {
            return write.await;
        }
        match self.dice.below(4) {
            0 => broken(),
            // It is written, and nobody hears of it.
            1 => {
                write.await?;
                broken()
            }
            2 => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                write.await
            }
            _ => {
                write.await?;
                tokio::time::sleep(Duration::from_secs(30)).await;
                broken()
            }
        }
    }
}

impl Store for FaultyStore {
    fn ping(&self) -> Stored<'_, ()> {
        self.kept.ping()
    }
}

impl TenantStore for FaultyStore {
    fn keys(&self) -> Stored<'_, Vec<StoredKey>> {
        self.kept.keys()
    }
    fn organizations(&self) -> Stored<'_, Vec<Organization>> {
        self.kept.organizations()
    }
    fn teams(&self) -> Stored<'_, Vec<Team>> {
        self.kept.teams()
    }
    fn users(&self) -> Stored<'_, Vec<User>> {
        self.kept.users()
    }
    fn connections(&self) -> Stored<'_, Vec<StoredConnection>> {
        self.kept.connections()
    }
    fn offers(&self) -> Stored<'_, Vec<Offer>> {
        self.kept.offers()
    }
    fn change<'a>(&'a self, changes: &'a [Change], audit: &'a [AuditRow]) -> Stored<'a, ()> {
        self.kept.change(changes, audit)
    }
    fn note_uses<'a>(&'a self, uses: &'a [(KeyId, Timestamp)]) -> Stored<'a, ()> {
        self.kept.note_uses(uses)
    }
    fn setting<'a>(&'a self, name: &'a str) -> Stored<'a, Option<String>> {
        self.kept.setting(name)
    }
    fn audit<'a>(&'a self, query: &'a AuditQuery) -> Stored<'a, (Vec<AuditRow>, u64)> {
        self.kept.audit(query)
    }
}

impl LedgerStore for FaultyStore {
    fn last_page(&self) -> Stored<'_, PageHead> {
        self.kept.last_page()
    }
    fn append<'a>(&'a self, page: &'a Page, beside: Beside<'a>) -> Stored<'a, Appended> {
        Box::pin(self.write(async move { self.kept.append(page, beside).await }))
    }
    fn pages(&self, after: u64, most: u32) -> Stored<'_, Vec<Page>> {
        self.kept.pages(after, most)
    }
    fn transaction<'a>(
        &'a self,
        wallet: &'a WalletId,
        reference: &'a str,
    ) -> Stored<'a, Option<Transaction>> {
        self.kept.transaction(wallet, reference)
    }
    fn transaction_of(&self, id: EntryId) -> Stored<'_, Option<Transaction>> {
        self.kept.transaction_of(id)
    }
    fn open_holds(&self) -> Stored<'_, Vec<Transaction>> {
        self.kept.open_holds()
    }
    fn transactions<'a>(
        &'a self,
        wallet: &'a WalletId,
        offset: u64,
        limit: u32,
    ) -> Stored<'a, Vec<Transaction>> {
        self.kept.transactions(wallet, offset, limit)
    }
    fn given<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64> {
        self.kept.given(wallet)
    }
    fn given_to_all(&self) -> Stored<'_, Vec<(WalletId, i64)>> {
        self.kept.given_to_all()
    }
    fn moved<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64> {
        self.kept.moved(wallet)
    }
    fn moved_until<'a>(&'a self, wallet: &'a WalletId, last: EntryId) -> Stored<'a, Option<i64>> {
        self.kept.moved_until(wallet, last)
    }
    fn write_checkpoint<'a>(&'a self, checkpoint: &'a Checkpoint) -> Stored<'a, ()> {
        Box::pin(self.write(async move { self.kept.write_checkpoint(checkpoint).await }))
    }
    fn checkpoint(&self) -> Stored<'_, Checkpoint> {
        self.kept.checkpoint()
    }
    fn usage<'a>(&'a self, query: &'a UsageQuery) -> Stored<'a, Vec<UsageRow>> {
        self.kept.usage(query)
    }
}

impl LogStore for FaultyStore {
    fn append_segment<'a>(&'a self, segment: &'a Segment) -> Stored<'a, u64> {
        self.kept.append_segment(segment)
    }
    fn segment_summaries(&self, after: u64, most: u32) -> Stored<'_, Vec<StoredSegment>> {
        self.kept.segment_summaries(after, most)
    }
    fn segments<'a>(&'a self, numbers: &'a [u64]) -> Stored<'a, Vec<StoredSegment>> {
        self.kept.segments(numbers)
    }
    fn replace_segments<'a>(
        &'a self,
        numbers: &'a [u64],
        segment: &'a Segment,
    ) -> Stored<'a, bool> {
        self.kept.replace_segments(numbers, segment)
    }
    fn forget_segments(&self, before: Timestamp) -> Stored<'_, u64> {
        self.kept.forget_segments(before)
    }
}

impl ReplayStore for FaultyStore {
    fn replay<'a>(&'a self, slot: &'a [u8; 32]) -> Stored<'a, Option<StoredReplay>> {
        self.kept.replay(slot)
    }
    fn put_replay<'a>(&'a self, replay: &'a StoredReplay) -> Stored<'a, ()> {
        self.kept.put_replay(replay)
    }
    fn forget_replays(&self, now: Timestamp) -> Stored<'_, u64> {
        self.kept.forget_replays(now)
    }
}

impl JobStore for FaultyStore {
    fn insert_job<'a>(&'a self, job: &'a Job) -> Stored<'a, ()> {
        Box::pin(self.write(self.kept.insert_job(job)))
    }
    fn job(&self, id: JobId) -> Stored<'_, Option<Job>> {
        self.kept.job(id)
    }
    fn jobs_there<'a>(&'a self, ids: &'a [JobId]) -> Stored<'a, Vec<JobId>> {
        self.kept.jobs_there(ids)
    }

    fn job_totals(&self, id: JobId) -> Stored<'_, Totals> {
        self.kept.job_totals(id)
    }

    fn job_calls(&self, id: JobId) -> Stored<'_, Vec<CallRecord>> {
        self.kept.job_calls(id)
    }
    fn begin_job_call<'a>(&'a self, call: &'a CallRecord, most: u64) -> Stored<'a, bool> {
        Box::pin(self.write(self.kept.begin_job_call(call, most)))
    }
    fn undo_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()> {
        Box::pin(self.write(self.kept.undo_job_call(call)))
    }
    fn end_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()> {
        Box::pin(self.write(self.kept.end_job_call(call)))
    }
    fn set_job_metadata<'a>(&'a self, id: JobId, old: &'a str, new: &'a str) -> Stored<'a, bool> {
        Box::pin(self.write(self.kept.set_job_metadata(id, old, new)))
    }
    fn end_job<'a>(&'a self, id: JobId, end: &'a JobEnd) -> Stored<'a, bool> {
        Box::pin(self.write(self.kept.end_job(id, end)))
    }
    fn settle_job(&self, id: JobId, charged: u64) -> Stored<'_, ()> {
        Box::pin(self.write(self.kept.settle_job(id, charged)))
    }
    fn jobs<'a>(&'a self, query: &'a JobQuery) -> Stored<'a, (Vec<(Job, Totals)>, u64)> {
        self.kept.jobs(query)
    }
    fn job_sums<'a>(&'a self, query: &'a JobQuery, by: JobBy) -> Stored<'a, Vec<JobSum>> {
        self.kept.job_sums(query, by)
    }
    fn overdue_jobs(&self, before: Timestamp, limit: u32) -> Stored<'_, Vec<Job>> {
        self.kept.overdue_jobs(before, limit)
    }
    fn teams_with_open_jobs(&self) -> Stored<'_, Vec<TeamId>> {
        self.kept.teams_with_open_jobs()
    }
    fn unsettled_jobs(&self, limit: u32) -> Stored<'_, Vec<Job>> {
        self.kept.unsettled_jobs(limit)
    }
    fn close_job_calls<'a>(&'a self, at: Timestamp, error: &'a str) -> Stored<'a, Vec<JobId>> {
        self.kept.close_job_calls(at, error)
    }
}
