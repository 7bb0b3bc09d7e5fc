//! Everything that must survive the process, in a database.

mod audit;
mod changes;
mod checkpoint;
mod controls;
mod job_terms;
mod jobs;
mod key_row;
mod keys;
mod many;
mod offers;
mod pages;
mod replays;
mod segments;
mod tenants;
mod transactions;
mod usage;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tollgate_core::audit::AuditRow;
use tollgate_core::id::{KeyId, TeamId};
use tollgate_core::job::{CallRecord, Job, JobId, Totals};
use tollgate_core::ledger::{EntryId, Page, PageHead, WalletId};
use tollgate_core::offer::Offer;
use tollgate_core::request_log::Segment;
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;
use tollgate_engine::late;
use tollgate_engine::port::{
    Appended, AuditQuery, Beside, Change, Checkpoint, JobBy, JobEnd, JobQuery, JobStore, JobSum,
    LedgerStore, LogStore, ReplayStore, Store, StoreError, Stored, StoredConnection, StoredKey,
    StoredReplay, StoredSegment, TenantStore, Transaction, UsageQuery, UsageRow,
};

use crate::database::{Database, Purpose, Trouble};

/// The longest that one call may take; disks have been seen to hang, and servers to be stopped.
const STATEMENT_LIMIT: Duration = Duration::from_secs(15);
/// The same for what the last byte of an answer waits for: less than its writer waits, so that a
/// connection that hangs is given up here and not there.
const LEDGER_LIMIT: Duration = Duration::from_secs(8);
/// The longest that reading all keys or balances may take: a million of them are read in a few
/// seconds.
const READ_ALL_LIMIT: Duration = Duration::from_mins(2);
/// How often something is tried that met the work of others or a connection that was gone.
const TRIES: u32 = 4;

/// Keeps everything in a database. What an awaited change returned from survives a loss of power.
pub struct SqlStore {
    database: Database,
}

impl SqlStore {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Closes the database in an orderly way. Whatever comes after fails.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Does work, again where it came to nothing and may go well now, and not for ever. What is
    /// given up then may happen yet.
    fn run<'a, T, F>(&'a self, limit: Duration, work: impl Fn() -> F + Send + 'a) -> Stored<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, Trouble>> + Send + 'a,
    {
        let trying = async move {
            let mut tries = 1;
            loop {
                match work().await {
                    Err(trouble) if trouble.is_passing() && tries < TRIES => tries += 1,
                    done => return done.map_err(StoreError::from),
                }
            }
        };
        Box::pin(async move {
            let done = late::wait(limit, trying).await;
            done.unwrap_or_else(|_| {
                let name = self.database.name();
                let told = format!("{name} did not answer within {limit:?}");
                Err(StoreError::unsure(told))
            })
        })
    }

    /// The same of one statement that is no transaction and may be done again: where a connection
    /// was lost, the statement may have been done, whatever became of further tries.
    fn run_alone<'a, T, F>(&'a self, work: impl Fn() -> F + Send + 'a) -> Stored<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, Trouble>> + Send + 'a,
    {
        let was_lost = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&was_lost);
        let tried = self.run(STATEMENT_LIMIT, move || {
            let (working, noted) = (work(), Arc::clone(&noted));
            async move {
                let done = working.await;
                if done.as_ref().is_err_and(Trouble::is_lost) {
                    noted.store(true, Ordering::Relaxed);
                }
                done
            }
        });
        Box::pin(async move {
            let done = tried.await;
            done.map_err(|error| {
                if was_lost.load(Ordering::Relaxed) && !error.is_unsure() {
                    StoreError::unsure(error)
                } else {
                    error
                }
            })
        })
    }

    async fn read_anything(&self) -> Result<(), Trouble> {
        let mut session = self.database.session(Purpose::Read).await?;
        session.row("SELECT 1 FROM settings LIMIT 1", &[]).await?;
        Ok(())
    }
}

impl Store for SqlStore {
    fn ping(&self) -> Stored<'_, ()> {
        self.run(LEDGER_LIMIT, || self.read_anything())
    }
}

impl TenantStore for SqlStore {
    fn keys(&self) -> Stored<'_, Vec<StoredKey>> {
        self.run(READ_ALL_LIMIT, || keys::read_all(&self.database))
    }

    fn organizations(&self) -> Stored<'_, Vec<Organization>> {
        self.run(READ_ALL_LIMIT, || tenants::organizations(&self.database))
    }

    fn teams(&self) -> Stored<'_, Vec<Team>> {
        self.run(READ_ALL_LIMIT, || tenants::teams(&self.database))
    }

    fn users(&self) -> Stored<'_, Vec<User>> {
        self.run(READ_ALL_LIMIT, || tenants::users(&self.database))
    }

    fn connections(&self) -> Stored<'_, Vec<StoredConnection>> {
        self.run(STATEMENT_LIMIT, || tenants::connections(&self.database))
    }

    fn offers(&self) -> Stored<'_, Vec<Offer>> {
        self.run(READ_ALL_LIMIT, || offers::read_all(&self.database))
    }

    fn change<'a>(&'a self, changes: &'a [Change], audit: &'a [AuditRow]) -> Stored<'a, ()> {
        self.run(STATEMENT_LIMIT, move || {
            changes::make(&self.database, changes, audit)
        })
    }

    fn note_uses<'a>(&'a self, uses: &'a [(KeyId, Timestamp)]) -> Stored<'a, ()> {
        self.run(STATEMENT_LIMIT, move || {
            keys::note_uses(&self.database, uses)
        })
    }

    fn setting<'a>(&'a self, name: &'a str) -> Stored<'a, Option<String>> {
        self.run(STATEMENT_LIMIT, move || {
            tenants::setting(&self.database, name)
        })
    }

    fn audit<'a>(&'a self, query: &'a AuditQuery) -> Stored<'a, (Vec<AuditRow>, u64)> {
        self.run(STATEMENT_LIMIT, move || audit::find(&self.database, query))
    }
}

impl LedgerStore for SqlStore {
    fn last_page(&self) -> Stored<'_, PageHead> {
        self.run(STATEMENT_LIMIT, || pages::last(&self.database))
    }

    fn append<'a>(&'a self, page: &'a Page, beside: Beside<'a>) -> Stored<'a, Appended> {
        self.run(LEDGER_LIMIT, move || {
            pages::append(&self.database, page, beside)
        })
    }

    fn pages(&self, after: u64, most: u32) -> Stored<'_, Vec<Page>> {
        self.run(STATEMENT_LIMIT, move || {
            pages::behind(&self.database, after, most)
        })
    }

    fn transaction<'a>(
        &'a self,
        wallet: &'a WalletId,
        reference: &'a str,
    ) -> Stored<'a, Option<Transaction>> {
        self.run(STATEMENT_LIMIT, move || {
            transactions::of_reference(&self.database, wallet, reference)
        })
    }

    fn transaction_of(&self, id: EntryId) -> Stored<'_, Option<Transaction>> {
        self.run(STATEMENT_LIMIT, move || {
            transactions::of_entry(&self.database, id)
        })
    }

    fn open_holds(&self) -> Stored<'_, Vec<Transaction>> {
        self.run(STATEMENT_LIMIT, || transactions::open_holds(&self.database))
    }

    fn transactions<'a>(
        &'a self,
        wallet: &'a WalletId,
        offset: u64,
        limit: u32,
    ) -> Stored<'a, Vec<Transaction>> {
        self.run(STATEMENT_LIMIT, move || {
            transactions::of_wallet(&self.database, wallet, offset, limit)
        })
    }

    fn given<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64> {
        self.run(STATEMENT_LIMIT, move || {
            transactions::given(&self.database, wallet)
        })
    }

    fn given_to_all(&self) -> Stored<'_, Vec<(WalletId, i64)>> {
        self.run(READ_ALL_LIMIT, || {
            transactions::given_to_all(&self.database)
        })
    }

    fn moved<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64> {
        self.run(STATEMENT_LIMIT, move || {
            transactions::moved(&self.database, wallet)
        })
    }

    fn moved_until<'a>(&'a self, wallet: &'a WalletId, last: EntryId) -> Stored<'a, Option<i64>> {
        self.run(STATEMENT_LIMIT, move || {
            transactions::moved_until(&self.database, wallet, last)
        })
    }

    fn write_checkpoint<'a>(&'a self, checkpoint: &'a Checkpoint) -> Stored<'a, ()> {
        self.run(LEDGER_LIMIT, move || {
            checkpoint::write(&self.database, checkpoint)
        })
    }

    fn checkpoint(&self) -> Stored<'_, Checkpoint> {
        self.run(READ_ALL_LIMIT, || checkpoint::read(&self.database))
    }

    fn usage<'a>(&'a self, query: &'a UsageQuery) -> Stored<'a, Vec<UsageRow>> {
        self.run(STATEMENT_LIMIT, move || usage::find(&self.database, query))
    }
}

impl LogStore for SqlStore {
    fn append_segment<'a>(&'a self, segment: &'a Segment) -> Stored<'a, u64> {
        self.run(STATEMENT_LIMIT, move || {
            segments::append(&self.database, segment)
        })
    }

    fn segment_summaries(&self, after: u64, most: u32) -> Stored<'_, Vec<StoredSegment>> {
        self.run(STATEMENT_LIMIT, move || {
            segments::summaries(&self.database, after, most)
        })
    }

    fn segments<'a>(&'a self, numbers: &'a [u64]) -> Stored<'a, Vec<StoredSegment>> {
        self.run(STATEMENT_LIMIT, move || {
            segments::whole(&self.database, numbers)
        })
    }

    fn replace_segments<'a>(
        &'a self,
        numbers: &'a [u64],
        segment: &'a Segment,
    ) -> Stored<'a, bool> {
        self.run(STATEMENT_LIMIT, move || {
            segments::replace(&self.database, numbers, segment)
        })
    }

    fn forget_segments(&self, before: Timestamp) -> Stored<'_, u64> {
        self.run(READ_ALL_LIMIT, move || {
            segments::forget(&self.database, before)
        })
    }
}

impl ReplayStore for SqlStore {
    fn replay<'a>(&'a self, slot: &'a [u8; 32]) -> Stored<'a, Option<StoredReplay>> {
        self.run(STATEMENT_LIMIT, move || replays::find(&self.database, slot))
    }

    fn put_replay<'a>(&'a self, replay: &'a StoredReplay) -> Stored<'a, ()> {
        self.run(STATEMENT_LIMIT, move || {
            replays::put(&self.database, replay)
        })
    }

    fn forget_replays(&self, now: Timestamp) -> Stored<'_, u64> {
        self.run(READ_ALL_LIMIT, move || replays::forget(&self.database, now))
    }
}

impl JobStore for SqlStore {
    fn insert_job<'a>(&'a self, job: &'a Job) -> Stored<'a, ()> {
        self.run_alone(move || jobs::insert(&self.database, job))
    }

    fn job(&self, id: JobId) -> Stored<'_, Option<Job>> {
        self.run(STATEMENT_LIMIT, move || jobs::one(&self.database, id))
    }

    fn jobs_there<'a>(&'a self, ids: &'a [JobId]) -> Stored<'a, Vec<JobId>> {
        self.run(READ_ALL_LIMIT, move || jobs::there(&self.database, ids))
    }

    fn job_totals(&self, id: JobId) -> Stored<'_, Totals> {
        self.run(STATEMENT_LIMIT, move || jobs::totals_of(&self.database, id))
    }

    fn job_calls(&self, id: JobId) -> Stored<'_, Vec<CallRecord>> {
        self.run(STATEMENT_LIMIT, move || jobs::calls(&self.database, id))
    }

    fn begin_job_call<'a>(&'a self, call: &'a CallRecord, most: u64) -> Stored<'a, bool> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::begin_call(&self.database, call, most)
        })
    }

    fn undo_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::undo_call(&self.database, call)
        })
    }

    fn end_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::end_call(&self.database, call)
        })
    }

    fn set_job_metadata<'a>(&'a self, id: JobId, old: &'a str, new: &'a str) -> Stored<'a, bool> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::set_metadata(&self.database, id, (old, new))
        })
    }

    fn end_job<'a>(&'a self, id: JobId, end: &'a JobEnd) -> Stored<'a, bool> {
        self.run(STATEMENT_LIMIT, move || jobs::end(&self.database, id, end))
    }

    fn settle_job(&self, id: JobId, charged: u64) -> Stored<'_, ()> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::settle(&self.database, id, charged)
        })
    }

    fn jobs<'a>(&'a self, query: &'a JobQuery) -> Stored<'a, (Vec<(Job, Totals)>, u64)> {
        self.run(STATEMENT_LIMIT, move || jobs::find(&self.database, query))
    }

    fn job_sums<'a>(&'a self, query: &'a JobQuery, by: JobBy) -> Stored<'a, Vec<JobSum>> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::sums(&self.database, query, by)
        })
    }

    fn overdue_jobs(&self, before: Timestamp, limit: u32) -> Stored<'_, Vec<Job>> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::overdue(&self.database, before, limit)
        })
    }

    fn teams_with_open_jobs(&self) -> Stored<'_, Vec<TeamId>> {
        self.run(READ_ALL_LIMIT, || jobs::teams_at_work(&self.database))
    }

    fn unsettled_jobs(&self, limit: u32) -> Stored<'_, Vec<Job>> {
        self.run(STATEMENT_LIMIT, move || {
            jobs::unsettled(&self.database, limit)
        })
    }

    fn close_job_calls<'a>(&'a self, at: Timestamp, error: &'a str) -> Stored<'a, Vec<JobId>> {
        self.run(READ_ALL_LIMIT, move || {
            jobs::close_calls(&self.database, at, error)
        })
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SqlStore({})", self.database.name())
    }
}
