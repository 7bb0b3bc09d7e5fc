//! A store that holds nothing and takes nothing, for commands that only look at a configuration.

use tollgate_core::audit::AuditRow;
use tollgate_core::id::{KeyId, TeamId};
use tollgate_core::job::{CallRecord, Job, JobId, Totals};
use tollgate_core::ledger::{EntryId, Page, PageHead, WalletId};
use tollgate_core::offer::Offer;
use tollgate_core::request_log::Segment;
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;

use super::{
    Appended, AuditQuery, Beside, Change, Checkpoint, JobBy, JobEnd, JobQuery, JobStore, JobSum,
    LedgerStore, LogStore, ReplayStore, Store, StoreError, Stored, StoredConnection, StoredKey,
    StoredReplay, StoredSegment, TenantStore, Transaction, UsageQuery, UsageRow,
};

/// Holds nothing. Whatever is to be kept is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyStore;

fn none<'a, T: Default + Send + 'a>() -> Stored<'a, T> {
    Box::pin(std::future::ready(Ok(T::default())))
}

fn refused<'a, T: Send + 'a>() -> Stored<'a, T> {
    Box::pin(std::future::ready(Err(StoreError(
        "nothing is kept here".into(),
    ))))
}

impl Store for EmptyStore {
    fn ping(&self) -> Stored<'_, ()> {
        none()
    }
}

impl TenantStore for EmptyStore {
    fn keys(&self) -> Stored<'_, Vec<StoredKey>> {
        none()
    }

    fn organizations(&self) -> Stored<'_, Vec<Organization>> {
        none()
    }

    fn teams(&self) -> Stored<'_, Vec<Team>> {
        none()
    }

    fn users(&self) -> Stored<'_, Vec<User>> {
        none()
    }

    fn connections(&self) -> Stored<'_, Vec<StoredConnection>> {
        none()
    }

    fn offers(&self) -> Stored<'_, Vec<Offer>> {
        none()
    }

    fn change<'a>(&'a self, _changes: &'a [Change], _audit: &'a [AuditRow]) -> Stored<'a, ()> {
        refused()
    }

    fn note_uses<'a>(&'a self, _uses: &'a [(KeyId, Timestamp)]) -> Stored<'a, ()> {
        refused()
    }

    fn setting<'a>(&'a self, _name: &'a str) -> Stored<'a, Option<String>> {
        none()
    }

    fn audit<'a>(&'a self, _query: &'a AuditQuery) -> Stored<'a, (Vec<AuditRow>, u64)> {
        none()
    }
}

impl LedgerStore for EmptyStore {
    fn last_page(&self) -> Stored<'_, PageHead> {
        none()
    }

    fn append<'a>(&'a self, _page: &'a Page, _beside: Beside<'a>) -> Stored<'a, Appended> {
        refused()
    }

    fn pages(&self, _after: u64, _most: u32) -> Stored<'_, Vec<Page>> {
        none()
    }

    fn transaction<'a>(
        &'a self,
        _wallet: &'a WalletId,
        _reference: &'a str,
    ) -> Stored<'a, Option<Transaction>> {
        none()
    }

    fn transaction_of(&self, _id: EntryId) -> Stored<'_, Option<Transaction>> {
        none()
    }

    fn open_holds(&self) -> Stored<'_, Vec<Transaction>> {
        none()
    }

    fn transactions<'a>(
        &'a self,
        _wallet: &'a WalletId,
        _offset: u64,
        _limit: u32,
    ) -> Stored<'a, Vec<Transaction>> {
        none()
    }

    fn given<'a>(&'a self, _wallet: &'a WalletId) -> Stored<'a, i64> {
        none()
    }

    fn given_to_all(&self) -> Stored<'_, Vec<(WalletId, i64)>> {
        none()
    }

    fn moved<'a>(&'a self, _wallet: &'a WalletId) -> Stored<'a, i64> {
        none()
    }

    fn moved_until<'a>(&'a self, _wallet: &'a WalletId, _last: EntryId) -> Stored<'a, Option<i64>> {
        none()
    }

    fn write_checkpoint<'a>(&'a self, _checkpoint: &'a Checkpoint) -> Stored<'a, ()> {
        refused()
    }

    fn checkpoint(&self) -> Stored<'_, Checkpoint> {
        none()
    }

    fn usage<'a>(&'a self, _query: &'a UsageQuery) -> Stored<'a, Vec<UsageRow>> {
        none()
    }
}

impl LogStore for EmptyStore {
    fn append_segment<'a>(&'a self, _segment: &'a Segment) -> Stored<'a, u64> {
        refused()
    }

    fn segment_summaries(&self, _after: u64, _most: u32) -> Stored<'_, Vec<StoredSegment>> {
        none()
    }

    fn segments<'a>(&'a self, _numbers: &'a [u64]) -> Stored<'a, Vec<StoredSegment>> {
        none()
    }

    fn replace_segments<'a>(
        &'a self,
        _numbers: &'a [u64],
        _segment: &'a Segment,
    ) -> Stored<'a, bool> {
        refused()
    }

    fn forget_segments(&self, _before: Timestamp) -> Stored<'_, u64> {
        none()
    }
}

impl ReplayStore for EmptyStore {
    fn replay<'a>(&'a self, _slot: &'a [u8; 32]) -> Stored<'a, Option<StoredReplay>> {
        none()
    }

    fn put_replay<'a>(&'a self, _replay: &'a StoredReplay) -> Stored<'a, ()> {
        refused()
    }

    fn forget_replays(&self, _now: Timestamp) -> Stored<'_, u64> {
        none()
    }
}

impl JobStore for EmptyStore {
    fn insert_job<'a>(&'a self, _job: &'a Job) -> Stored<'a, ()> {
        refused()
    }

    fn job(&self, _id: JobId) -> Stored<'_, Option<Job>> {
        none()
    }

    fn jobs_there<'a>(&'a self, _ids: &'a [JobId]) -> Stored<'a, Vec<JobId>> {
        none()
    }

    fn job_totals(&self, _id: JobId) -> Stored<'_, Totals> {
        none()
    }

    fn job_calls(&self, _id: JobId) -> Stored<'_, Vec<CallRecord>> {
        none()
    }

    fn begin_job_call<'a>(&'a self, _call: &'a CallRecord, _most: u64) -> Stored<'a, bool> {
        refused()
    }

    fn undo_job_call<'a>(&'a self, _call: &'a CallRecord) -> Stored<'a, ()> {
        refused()
    }

    fn end_job_call<'a>(&'a self, _call: &'a CallRecord) -> Stored<'a, ()> {
        refused()
    }

    fn set_job_metadata<'a>(
        &'a self,
        _id: JobId,
        _old: &'a str,
        _new: &'a str,
    ) -> Stored<'a, bool> {
        refused()
    }

    fn end_job<'a>(&'a self, _id: JobId, _end: &'a JobEnd) -> Stored<'a, bool> {
        refused()
    }

    fn settle_job(&self, _id: JobId, _charged: u64) -> Stored<'_, ()> {
        refused()
    }

    fn jobs<'a>(&'a self, _query: &'a JobQuery) -> Stored<'a, (Vec<(Job, Totals)>, u64)> {
        none()
    }

    fn job_sums<'a>(&'a self, _query: &'a JobQuery, _by: JobBy) -> Stored<'a, Vec<JobSum>> {
        none()
    }

    fn overdue_jobs(&self, _before: Timestamp, _limit: u32) -> Stored<'_, Vec<Job>> {
        none()
    }

    fn teams_with_open_jobs(&self) -> Stored<'_, Vec<TeamId>> {
        none()
    }

    fn unsettled_jobs(&self, _limit: u32) -> Stored<'_, Vec<Job>> {
        none()
    }

    fn close_job_calls<'a>(&'a self, _at: Timestamp, _error: &'a str) -> Stored<'a, Vec<JobId>> {
        none()
    }
}
