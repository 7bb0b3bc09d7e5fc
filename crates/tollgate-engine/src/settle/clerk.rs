//! The one who writes: takes what waits, puts it on a page, makes the page durable, and tells
//! whoever waits. Never more than one page is on its way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tollgate_core::audit::AuditRow;
use tollgate_core::ledger::{Entry, Flags, Kind, Movement, Page};

use super::group::Group;
use super::posted::Posted;
use super::{Durability, Extra, Ledger, Posting, Settings, WhenStoreFails, weight};
use crate::fault;
use crate::port::{Appended, Beside, Change, StoreError, Transaction};

/// The longest that one try to write may take.
const LONGEST_TRY: Duration = Duration::from_secs(10);
/// From when on a write that goes on counts as one that fails.
const STALL: Duration = Duration::from_secs(2);
/// How long the clerk waits after a failure, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long after a page the next one begins at the earliest, where several wait at once: each page
/// costs the same whatever is on it, about what settling twenty calls costs.
const PACE: Duration = Duration::from_micros(500);
/// How many entries on a page are several. One caller after the other does not wait for more.
const SEVERAL: usize = 4;
/// How often everything that follows from the entries is written, and after how many of them.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);
const CHECKPOINT_ENTRIES: u64 = 65_536;

/// What is on its way to the store.
struct Work {
    page: Page,
    entries: Arc<[Entry]>,
    extras: Vec<Extra>,
    group: Arc<Group>,
    transactions: Vec<Transaction>,
    changes: Vec<Change>,
    audit: Vec<AuditRow>,
}

impl Ledger {
    /// Writes what comes until the end is asked for and everything is written, or cannot be.
    pub async fn write(self: Arc<Self>, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        let mut checkpoint_at = Instant::now() + CHECKPOINT_EVERY;
        let mut is_over = false;
        loop {
            let settings = **self.settings.load();
            let is_relaxed = settings.durability == Durability::Relaxed;
            if is_relaxed && !is_over {
                tokio::select! {
                    () = tokio::time::sleep_until(Instant::now() + settings.delay) => {}
                    () = &mut end => is_over = true,
                }
            }
            loop {
                let began = Instant::now();
                let Some(work) = self.gather().await else {
                    break;
                };
                let are_several = work.entries.len() >= SEVERAL;
                if !self.carry_out(work).await {
                    return;
                }
                if is_relaxed && !is_over {
                    break;
                }
                if are_several && !is_over {
                    tokio::time::sleep_until(began + PACE).await;
                }
            }
            if Instant::now() >= checkpoint_at || is_over {
                self.write_checkpoint().await;
                checkpoint_at = Instant::now() + CHECKPOINT_EVERY;
            }
            if is_over && self.lock().entries.is_empty() {
                return;
            }
            if is_over {
                continue;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep_until(checkpoint_at) => {}
                () = &mut end => is_over = true,
            }
        }
    }

    /// Puts what waits on a page. `None` if nothing waits.
    async fn gather(&self) -> Option<Work> {
        let head = self.posted.lock().await.head;
        let (entries, mut extras, group) = {
            let mut queue = self.lock();
            if queue.entries.is_empty() {
                return None;
            }
            let mut entries = std::mem::take(&mut queue.entries);
            let mut extras = std::mem::take(&mut queue.extras);
            let group = std::mem::take(&mut queue.group);
            for position in group.close() {
                let both = entries.get_mut(position).zip(extras.get_mut(position));
                if let Some((entry, extra)) = both {
                    self.void(entry, extra);
                }
            }
            let entries: Arc<[Entry]> = entries.into();
            queue.flying = Some(Arc::clone(&entries));
            (entries, extras, group)
        };
        fault::point("clerk.gathered");
        let page = Page::write(head, &entries);
        fault::point("clerk.paged");
        let transactions = entries
            .iter()
            .filter_map(|entry| transaction(entry, page.head.number));
        let transactions = transactions.collect();
        let (mut changes, mut audit) = (Vec::new(), Vec::new());
        for along in extras.iter_mut().filter_map(|extra| extra.along.as_mut()) {
            changes.append(&mut along.changes);
            audit.append(&mut along.audit);
        }
        Some(Work {
            page,
            entries,
            extras,
            group,
            transactions,
            changes,
            audit,
        })
    }

    /// Makes a page durable, however long it takes. `false`: this process may not write any more.
    async fn carry_out(&self, work: Work) -> bool {
        let mut wait = FIRST_WAIT;
        let mut told = None;
        loop {
            match self.append(&work).await {
                Ok(Appended::Now | Appended::Before) => break,
                Ok(Appended::Other) => {
                    self.lost.store(true, Ordering::Relaxed);
                    self.failing.store(true, Ordering::Relaxed);
                    tracing::error!(
                        page = work.page.head.number,
                        "another process writes to this ledger: nothing more is written here"
                    );
                    return false;
                }
                Err(error) => {
                    self.failing.store(true, Ordering::Relaxed);
                    self.figures.failures.fetch_add(1, Ordering::Relaxed);
                    // What goes on is told once, and what it turns into as well.
                    let why = error.to_string();
                    if told.as_ref() != Some(&why) {
                        tracing::error!(%error, "the ledger cannot be written");
                        told = Some(why);
                    }
                    self.excuse(&work.group);
                }
            }
            tokio::time::sleep_until(Instant::now() + wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        self.settled(work).await;
        true
    }

    /// One try. A try that takes long is told as a failure while it goes on.
    async fn append(&self, work: &Work) -> Result<Appended, StoreError> {
        let beside = Beside {
            transactions: &work.transactions,
            changes: &work.changes,
            audit: &work.audit,
        };
        let append = self.store.append(&work.page, beside);
        let mut append = std::pin::pin!(timeout(LONGEST_TRY, append));
        let done = if let Ok(done) = timeout(STALL, &mut append).await {
            done
        } else {
            self.failing.store(true, Ordering::Relaxed);
            self.excuse(&work.group);
            append.await
        };
        done.unwrap_or_else(|_| Err(StoreError("the store did not answer in time".into())))
    }

    /// Where calls go on without the store, nobody waits for it.
    fn excuse(&self, group: &Group) {
        let Settings {
            when_store_fails, ..
        } = **self.settings.load();
        if when_store_fails == WhenStoreFails::Continue {
            group.excuse();
            self.lock().group.excuse();
        }
    }

    /// A page is durable: what follows from it is noted, and whoever waits is told.
    async fn settled(&self, mut work: Work) {
        fault::point("clerk.appended");
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the ledger is written again");
        }
        let weights = work.entries.iter().map(weight);
        let weights = weights.fold(0_u64, u64::saturating_add);
        let full = {
            let mut posted = self.posted.lock().await;
            posted.add(&work.entries);
            posted.head = work.page.head;
            self.lock().flying = None;
            fault::point("clerk.booked");
            for along in work
                .extras
                .iter_mut()
                .filter_map(|extra| extra.along.take())
            {
                if let Some(then) = along.then {
                    then();
                }
            }
            self.unwritten.fetch_sub(weights, Ordering::Relaxed);
            self.figures.pages.fetch_add(1, Ordering::Relaxed);
            let count = u64::try_from(work.entries.len()).unwrap_or(u64::MAX);
            self.figures.entries.fetch_add(count, Ordering::Relaxed);
            // Before anybody else sees the books with this page: whoever refunds one of its
            // settlements then sees what is given back here.
            for position in work.group.finish() {
                let both = work.entries.get(position).zip(work.extras.get(position));
                if let Some((entry, extra)) = both {
                    self.give_back(entry, extra);
                }
            }
            posted.entries >= CHECKPOINT_ENTRIES
        };
        fault::point("clerk.told");
        if full {
            self.write_checkpoint().await;
        }
    }

    /// A settlement that nobody waits for any longer takes nothing.
    fn void(&self, entry: &mut Entry, extra: &mut Extra) {
        let at = entry.at;
        let Kind::Settlement(settlement) = &mut entry.kind else {
            return;
        };
        self.figures.withheld.fetch_add(1, Ordering::Relaxed);
        self.unwritten
            .fetch_sub(settlement.charged, Ordering::Relaxed);
        if let Some(undo) = extra.undo.take() {
            let cost = settlement.charged.saturating_add(settlement.shortfall);
            undo.run(settlement.charged, cost, at);
        }
        settlement.charged = 0;
        settlement.shortfall = 0;
        settlement.flags = settlement.flags.with(Flags::WITHHELD);
    }

    /// A settlement that has become durable, and whose answer was withheld, is refunded.
    fn give_back(&self, entry: &Entry, extra: &Extra) {
        let (Kind::Settlement(settlement), Some(undo)) = (&entry.kind, &extra.undo) else {
            return;
        };
        self.figures.withheld.fetch_add(1, Ordering::Relaxed);
        let cost = settlement.charged.saturating_add(settlement.shortfall);
        let movement = Movement {
            amount: settlement.charged,
            reference: None,
            reason: "the answer was withheld".into(),
        };
        let refund = Posting {
            entry: Entry {
                id: self.next_id(),
                at: self.now(),
                wallet: entry.wallet.clone(),
                kind: Kind::Refund {
                    movement,
                    of: entry.id,
                },
            },
            along: None,
            undo: None,
        };
        fault::point("clerk.refunded");
        // The queue never refuses what is made here, and nobody waits for it.
        drop(self.post(|| {
            undo.run(settlement.charged, cost, entry.at);
            let pays = entry.wallet.is_some() && settlement.charged > 0;
            Ok((pays.then_some(refund), ()))
        }));
    }

    /// Writes everything that follows from the durable entries. A failure is no harm: the next one
    /// contains it.
    pub async fn write_checkpoint(&self) {
        let mut posted = self.posted.lock().await;
        if let Err(error) = self.checkpoint_with(&mut posted).await {
            tracing::warn!(%error, "a checkpoint could not be written");
        }
    }

    /// The same for whoever holds the books.
    pub(super) async fn checkpoint_with(&self, posted: &mut Posted) -> Result<(), StoreError> {
        while let Some(checkpoint) = posted.next_checkpoint() {
            fault::point("checkpoint.made");
            let writing = timeout(LONGEST_TRY, self.store.write_checkpoint(&checkpoint));
            let mut writing = std::pin::pin!(writing);
            let written = if let Ok(written) = timeout(STALL, &mut writing).await {
                written
            } else {
                // No page can be written meanwhile: calls have to know that.
                let was_failing = self.failing.swap(true, Ordering::Relaxed);
                let written = writing.await;
                // The next page finds out how it is by now.
                if !was_failing && !self.lost.load(Ordering::Relaxed) {
                    self.failing.store(false, Ordering::Relaxed);
                }
                written
            };
            match written {
                Ok(written) => written?,
                Err(_) => return Err(StoreError("the store did not answer in time".into())),
            }
            fault::point("checkpoint.written");
            posted.checkpoint_is_written();
        }
        Ok(())
    }
}

/// The row by which an operator's entry is found again.
fn transaction(entry: &Entry, page: u64) -> Option<Transaction> {
    let movement = entry.movement()?;
    let of = match &entry.kind {
        Kind::Refund { of, .. } | Kind::Release { of, .. } | Kind::Spend { of, .. } => Some(*of),
        Kind::TopUp(_)
        | Kind::Adjustment { .. }
        | Kind::Hold(_)
        | Kind::Settlement(_)
        | Kind::Loss(_) => None,
    };
    Some(Transaction {
        id: entry.id,
        page,
        at: entry.at,
        wallet: entry.wallet.as_deref()?.clone(),
        kind: entry.kind.as_str().into(),
        amount: i64::try_from(entry.effect()).unwrap_or(0),
        reference: movement.reference.clone(),
        of,
        reason: movement.reason.clone(),
    })
}
