//! Makes settlements durable: what came together is one page of the ledger, one write. The last
//! byte of an answer waits for its page, or does not, as the deployment declares.

mod along;
mod books;
mod budgets;
mod clerk;
mod group;
mod losses;
mod posted;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;
use tollgate_core::error::{Code, Failure};
use tollgate_core::ledger::{Entry, EntryId, Kind};
use tollgate_core::money::Money;
use tollgate_core::time::Timestamp;

pub(crate) use self::along::Along;
use self::group::Group;
pub use self::group::{Ticket, Unsettled};
use self::posted::Posted;
use crate::hold::Undo;
use crate::port::{Clock, Store, StoreError};
use crate::tenants::Tenants;

/// Whether answers wait for their settlements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The last byte of an answer leaves when its settlement is durable.
    #[default]
    Strict,
    /// It leaves at once, and settlements are written a little later: a crash loses those of that
    /// time.
    Relaxed,
}

/// What becomes of calls while the store fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStoreFails {
    /// They are refused.
    #[default]
    Refuse,
    /// They go on, until what is not durable reaches the bound.
    Continue,
}

/// How settlements are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether answers wait.
    pub durability: Durability,
    /// How long relaxed settlements may wait to be written.
    pub delay: Duration,
    /// How long an answer waits for its settlement before it is withheld.
    pub patience: Duration,
    /// What becomes of calls while the store fails.
    pub when_store_fails: WhenStoreFails,
    /// The most that may not be durable while the store fails and calls go on.
    pub unbilled: Money,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Strict,
            delay: Duration::from_millis(100),
            patience: Duration::from_secs(5),
            when_store_fails: WhenStoreFails::Refuse,
            unbilled: Money::from_nano(10 * tollgate_core::money::USD),
        }
    }
}

/// The most entries that wait to be written. From there on calls are refused as if the store
/// failed: it does not keep up.
const MOST_WAITING: usize = 100_000;

/// The ledger of a running gateway.
pub struct Ledger {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Organizations and teams with their wallets.
    pub tenants: Arc<Tenants>,
    settings: ArcSwap<Settings>,
    queue: Mutex<Queue>,
    wake: Notify,
    /// Set while a write has failed and none has gone well since.
    failing: AtomicBool,
    /// Set when another process writes to this ledger: nothing more is written here.
    lost: AtomicBool,
    /// What waits to become durable, in nano-USD.
    unwritten: AtomicU64,
    /// The first half of the ids of entries, of this process alone.
    boot: u64,
    count: AtomicU64,
    figures: Figures,
    /// What follows from the entries that are durable.
    posted: tokio::sync::Mutex<Posted>,
    /// Stands for the version of a price where there is none.
    no_price: Arc<str>,
}

/// Counts for the metrics.
#[derive(Debug, Default)]
struct Figures {
    pages: AtomicU64,
    entries: AtomicU64,
    failures: AtomicU64,
    withheld: AtomicU64,
    differences: AtomicU64,
}

/// How the ledger does, for metrics and operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Pages that this process has made durable.
    pub pages: u64,
    /// Entries on them.
    pub entries: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Answers that were withheld because their settlement did not become durable in time.
    pub withheld: u64,
    /// Entries that wait to be written.
    pub waiting: u64,
    /// What they come to, in nano-USD.
    pub unwritten: u64,
    /// Whether writing fails now.
    pub failing: bool,
    /// What the last self-check found that must not be.
    pub differences: u64,
}

/// What waits to be written, in its order.
#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    /// What belongs to each entry and does not stand on the page.
    extras: Vec<Extra>,
    group: Arc<Group>,
    /// The entries that are being written: taken out of the queue, and not in the books yet.
    flying: Option<Arc<[Entry]>>,
}

/// What belongs to an entry on its way and does not stand on the page.
#[derive(Default)]
struct Extra {
    along: Option<Box<Along>>,
    undo: Option<Undo>,
}

/// An entry on its way to a page.
pub(crate) struct Posting {
    pub(crate) entry: Entry,
    /// For entries that an operator made.
    pub(crate) along: Option<Box<Along>>,
    /// What it takes to undo it in memory, for settlements.
    pub(crate) undo: Option<Undo>,
}

impl Ledger {
    /// Opens the ledger: reads the last checkpoint and the pages behind it, and sets the balances
    /// of the wallets. `boot` is random.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        tenants: Arc<Tenants>,
        boot: u64,
    ) -> Result<Arc<Self>, StoreError> {
        let posted = Posted::read(&*store).await?;
        for (wallet, balance) in posted.balances() {
            let balance = u64::try_from(balance)
                .map_err(|_| StoreError(format!("the balance of {wallet} is negative").into()))?;
            // A wallet whose team was never declared again stays in the books alone.
            tenants.with_wallet(wallet, |wallet| wallet.restore(balance));
        }
        Ok(Arc::new(Self {
            store,
            clock,
            tenants,
            settings: ArcSwap::from_pointee(Settings::default()),
            queue: Mutex::default(),
            no_price: "none".into(),
            wake: Notify::new(),
            failing: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            unwritten: AtomicU64::new(0),
            boot,
            count: AtomicU64::new(1),
            figures: Figures::default(),
            posted: tokio::sync::Mutex::new(posted),
        }))
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Takes other settings into use.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// The clock that entries are dated by.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The store that keeps the pages.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Whether a call may begin: its settlement has to become durable.
    pub fn check(&self) -> Result<(), Failure> {
        if !self.failing.load(Ordering::Relaxed) {
            return Ok(());
        }
        let settings = self.settings.load();
        let may_go_on = settings.when_store_fails == WhenStoreFails::Continue
            && !self.lost.load(Ordering::Relaxed)
            && self.unwritten.load(Ordering::Relaxed) < settings.unbilled.as_nano()
            && self.lock().entries.len() < MOST_WAITING;
        if may_go_on {
            return Ok(());
        }
        Err(Failure::gateway(Code::DatabaseError).message(
            "The gateway cannot write to its store, so calls cannot be settled. Try again in a \
             few seconds.",
        ))
    }

    /// What the durable entries come to for a wallet; `None` if there is none for it.
    pub async fn booked(&self, wallet: &tollgate_core::ledger::WalletId) -> Option<u64> {
        let posted = self.posted.lock().await;
        u64::try_from(posted.balance_of(wallet)?).ok()
    }

    /// How it does.
    pub fn read(&self) -> Reading {
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Reading {
            pages: load(&self.figures.pages),
            entries: load(&self.figures.entries),
            failures: load(&self.figures.failures),
            withheld: load(&self.figures.withheld),
            waiting: u64::try_from(self.lock().entries.len()).unwrap_or(u64::MAX),
            unwritten: load(&self.unwritten),
            failing: self.failing.load(Ordering::Relaxed),
            differences: load(&self.figures.differences),
        }
    }

    /// Notes what a self-check found.
    pub fn note_differences(&self, count: u64) {
        self.figures.differences.store(count, Ordering::Relaxed);
    }

    /// The time by which entries are dated.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn no_price(&self) -> &Arc<str> {
        &self.no_price
    }

    /// A new id for an entry.
    pub fn next_id(&self) -> EntryId {
        EntryId::new(self.boot, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Changes memory and puts the entry that says so in the queue, with nothing between: whoever
    /// reads the one under the lock reads the other alike. `make` gives `None` where there is
    /// nothing to write.
    pub(crate) fn post<T>(
        &self,
        make: impl FnOnce() -> Result<(Option<Posting>, T), Failure>,
    ) -> Result<(Option<Ticket>, T), Failure> {
        let mut queue = self.lock();
        let (posting, given) = make()?;
        let Some(posting) = posting else {
            return Ok((None, given));
        };
        let ticket = self.push(&mut queue, posting);
        let is_first = queue.entries.len() == 1;
        drop(queue);
        if is_first {
            self.wake.notify_one();
        }
        Ok((Some(ticket), given))
    }

    /// The same of any number of entries: they become durable on one page.
    pub(crate) fn post_all(
        &self,
        make: impl FnOnce() -> Result<Vec<Posting>, Failure>,
    ) -> Result<Option<Ticket>, Failure> {
        let mut queue = self.lock();
        let mut last = None;
        for posting in make()? {
            last = Some(self.push(&mut queue, posting));
        }
        drop(queue);
        if last.is_some() {
            self.wake.notify_one();
        }
        Ok(last)
    }

    fn push(&self, queue: &mut Queue, posting: Posting) -> Ticket {
        let Posting { entry, along, undo } = posting;
        self.unwritten.fetch_add(weight(&entry), Ordering::Relaxed);
        let ticket = Ticket::new(Arc::clone(&queue.group), queue.entries.len());
        queue.entries.push(entry);
        queue.extras.push(Extra { along, undo });
        ticket
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an entry that is not durable may cost the operator, in nano-USD.
fn weight(entry: &Entry) -> u64 {
    match &entry.kind {
        Kind::Settlement(settlement) => settlement.charged,
        _ => 0,
    }
}
