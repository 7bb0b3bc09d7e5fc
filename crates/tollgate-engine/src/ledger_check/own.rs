//! The checks of a gateway that runs: against the store, and against its own memory.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::ledger::{Finding, PageHead, Report, Verifier, WalletId};

use super::{PAGES_AT_ONCE, SLACK, all_pages, resolve, take, told};
use crate::port::StoreError;
use crate::settle::Ledger;

/// How often a running gateway checks itself.
pub const EVERY: Duration = Duration::from_mins(1);
/// How many pages may be read while the books are held. More are read before.
const LAST_PAGES: u64 = 4;
/// How often it is tried to come so near.
const MOST_TRIES: usize = 50;
/// How many wallets are compared while the queue is held.
const WALLETS_AT_ONCE: usize = 64;

/// Reads every page of a ledger that is being written, and compares what they come to with what
/// the store has noted and with what this process holds.
pub async fn verify_running(ledger: &Ledger) -> Result<Report, StoreError> {
    let mut verifier = Verifier::default();
    all_pages(&**ledger.store(), ledger.now(), &mut verifier).await?;
    compare_memory(ledger, &mut verifier).await?;
    Ok(verifier.finish())
}

/// Checks a running gateway again and again: each time only what has come since the last time.
pub struct SelfCheck {
    ledger: Arc<Ledger>,
    verifier: Verifier,
    /// What was found since the process began.
    found: u64,
}

impl SelfCheck {
    /// Begins behind the last checkpoint, whose balances the process began with.
    pub async fn begin(ledger: Arc<Ledger>) -> Result<Self, StoreError> {
        let checkpoint = ledger.store().checkpoint().await?;
        let verifier = Verifier::behind(checkpoint.head, checkpoint.balances);
        Ok(Self {
            ledger,
            verifier,
            found: 0,
        })
    }

    /// Checks what has come. Gives what must not be; the ledger's figures count it from then on.
    pub async fn run(&mut self) -> Result<Vec<Finding>, StoreError> {
        let Self {
            ledger, verifier, ..
        } = self;
        verifier.expect_none_after(ledger.now().after(SLACK));
        take(&**ledger.store(), verifier, None).await?;
        compare_memory(ledger, verifier).await?;
        for reference in verifier.take_unresolved() {
            resolve(&**ledger.store(), verifier, &reference).await?;
        }
        // What was used is compared by the whole verification alone.
        verifier.forget_usage();
        let findings = verifier.report().findings.clone();
        self.found = self.found.saturating_add(verifier.report().found);
        verifier.forget_findings();
        ledger.note_differences(self.found);
        Ok(findings)
    }

    /// Checks again and again until the end.
    pub async fn watch(ledger: Arc<Ledger>, every: Duration, end: impl Future<Output = ()>) {
        let watching = async {
            let mut check = None;
            loop {
                if let Err(error) = Self::step(&ledger, &mut check).await {
                    tracing::warn!(%error, "the ledger could not be checked");
                }
                ledger.clock().sleep(every).await;
            }
        };
        tokio::select! {
            () = watching => {}
            () = end => {}
        }
    }

    async fn step(ledger: &Arc<Ledger>, check: &mut Option<Self>) -> Result<(), StoreError> {
        let check = match check {
            Some(check) => check,
            None => check.insert(Self::begin(Arc::clone(ledger)).await?),
        };
        let findings = check.run().await?;
        if !findings.is_empty() {
            tracing::error!(
                findings = findings.len(),
                "the ledger differs from itself: {}. `tollgate ledger verify` checks all of it",
                told(&findings)
            );
        }
        Ok(())
    }
}

/// Compares the wallets that have changed with the books and with memory.
async fn compare_memory(ledger: &Ledger, verifier: &mut Verifier) -> Result<(), StoreError> {
    let store = ledger.store();
    for _ in 0..MOST_TRIES {
        let books = ledger.books().await;
        let (head, last) = (verifier.head(), books.head());
        if last.number.saturating_sub(head.number) > LAST_PAGES {
            drop(books);
            take(&**store, verifier, None).await?;
            continue;
        }
        // No page enters the books now. One may be durable and not in them yet.
        take(&**store, verifier, Some(last.number)).await?;
        if verifier.head().number > last.number {
            drop(books);
            // Its turn to enter them comes as soon as they are free.
            tokio::task::yield_now().await;
            continue;
        }
        note_head(verifier, last);
        let wallets = verifier.take_changed();
        let mut found = Vec::new();
        for wallet in &wallets {
            found.extend(of_books(verifier, wallet, books.balance(wallet)));
        }
        for some in wallets.chunks(WALLETS_AT_ONCE) {
            let drifts = books.drifts(some).into_iter().map(|drift| {
                let (wallet, entries, memory) = (drift.wallet, drift.entries, drift.memory);
                format!("{wallet}: the entries come to {entries}, and memory holds {memory}.")
            });
            found.extend(drifts);
        }
        drop(books);
        for what in found {
            verifier.note(last.number, what);
        }
        return Ok(());
    }
    tracing::debug!(
        pages_at_once = PAGES_AT_ONCE,
        "pages come faster than they can be compared with memory; the next check tries again"
    );
    Ok(())
}

fn note_head(verifier: &mut Verifier, last: PageHead) {
    let head = verifier.head();
    if head != last {
        let (there, here) = (head.number, last.number);
        let what = format!("The last page is {there}, and this process wrote page {here}.");
        verifier.note(here, what);
    }
}

fn of_books(verifier: &Verifier, wallet: &Arc<WalletId>, booked: i64) -> Option<String> {
    let entries = verifier.balance(wallet)?.balance;
    (entries != i128::from(booked))
        .then(|| format!("{wallet}: the entries come to {entries}, and {booked} is in the books."))
}
