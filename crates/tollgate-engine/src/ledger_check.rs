//! Checks the ledger against itself: what the pages come to is what the store has noted beside
//! them, and what this process holds in memory.

mod own;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::ledger::{
    Finding, Kind, PageHead, Reference, Report, Verifier, WalletId, Wants,
};
use tollgate_core::time::Timestamp;

pub use self::own::{EVERY, SelfCheck, verify_running};
use self::usage::{Compared, Usage};
use crate::credits::find;
use crate::port::{Checkpoint, LedgerStore, StoreError};

/// How many pages are read at once.
const PAGES_AT_ONCE: u32 = 64;
/// How much later than now an entry may claim to be made: clocks differ, and are set back.
const SLACK: Duration = Duration::from_hours(24);
/// How often a checkpoint may be followed by another one while it is compared.
const MOST_TRIES: usize = 100;

/// Reads every page and compares what they come to with what the store has noted beside them.
/// What must not be is in the findings of the report.
pub async fn verify<S: LedgerStore + ?Sized>(
    store: &S,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let mut verifier = Verifier::default();
    all_pages(store, now, &mut verifier).await?;
    Ok(verifier.finish())
}

async fn all_pages<S: LedgerStore + ?Sized>(
    store: &S,
    now: Timestamp,
    verifier: &mut Verifier,
) -> Result<(), StoreError> {
    verifier.expect_none_after(now.after(SLACK));
    let mut usage = Usage::default();
    for _ in 0..MOST_TRIES {
        // A gateway that runs may have gone on since the last look.
        let checkpoint = store.checkpoint().await?;
        take(store, verifier, Some(checkpoint.head.number)).await?;
        if compare_heads(verifier, checkpoint.head) {
            compare_balances(verifier, &checkpoint);
        }
        match usage.compare(store, verifier, checkpoint.head).await? {
            Compared::All => break,
            Compared::Moved => {}
        }
    }
    take(store, verifier, None).await?;
    for reference in verifier.take_unresolved() {
        resolve(store, verifier, &reference).await?;
    }
    Ok(())
}

/// Takes the pages up to a number, or all that there are.
async fn take<S: LedgerStore + ?Sized>(
    store: &S,
    verifier: &mut Verifier,
    up_to: Option<u64>,
) -> Result<(), StoreError> {
    loop {
        let last = verifier.head().number;
        let left = up_to.map_or(u64::MAX, |up_to| up_to.saturating_sub(last));
        let most = u32::try_from(left).map_or(PAGES_AT_ONCE, |left| left.min(PAGES_AT_ONCE));
        if most == 0 {
            return Ok(());
        }
        let pages = store.pages(last, most).await?;
        if pages.is_empty() {
            return Ok(());
        }
        for page in &pages {
            verifier.take(page);
            // Reading a page is work of up to some milliseconds.
            tokio::task::yield_now().await;
        }
    }
}

/// Whether the pages reach to the checkpoint and no further, so that both can be compared.
fn compare_heads(verifier: &mut Verifier, noted: PageHead) -> bool {
    let head = verifier.head();
    if head.number < noted.number {
        let (last, noted) = (head.number, noted.number);
        let what = format!("The last page is {last}, and balances were noted behind page {noted}.");
        verifier.note(noted, what);
        return false;
    }
    if head == noted {
        return true;
    }
    if head.number == noted.number {
        let what = "Balances were noted behind another page of this number.".to_owned();
        verifier.note(head.number, what);
    }
    false
}

fn compare_balances(verifier: &mut Verifier, checkpoint: &Checkpoint) {
    let noted: BTreeMap<&WalletId, i128> = checkpoint
        .balances
        .iter()
        .map(|(wallet, balance)| (wallet, i128::from(*balance)))
        .collect();
    let mut found = Vec::new();
    for (wallet, balance) in verifier.balances() {
        let noted = noted.get(wallet).copied().unwrap_or_default();
        if noted != balance.balance {
            let entries = balance.balance;
            found.push(format!(
                "{wallet}: the entries come to {entries}, and {noted} is noted."
            ));
        }
    }
    for (wallet, noted) in noted {
        if verifier.balance(wallet).is_none() && noted != 0 {
            found.push(format!("{wallet} has no entry, and {noted} is noted."));
        }
    }
    found.sort();
    for what in found {
        verifier.note(checkpoint.head.number, what);
    }
}

/// Looks up what an entry refers to.
async fn resolve<S: LedgerStore + ?Sized>(
    store: &S,
    verifier: &mut Verifier,
    reference: &Reference,
) -> Result<(), StoreError> {
    let Reference {
        page,
        of,
        wallet,
        wants,
    } = reference;
    let what = match wants {
        Wants::Hold(held) => {
            let row = store.transaction_of(*of).await?;
            let row = row.filter(|row| &*row.kind == "hold");
            let is_good = row.is_some_and(|row| {
                row.amount.unsigned_abs() == *held && wallet.as_deref() == Some(&row.wallet)
            });
            (!is_good).then(|| format!("{of} is ended as a hold of {held}, which it is not."))
        }
        Wants::Refund(refunded) => {
            let found = find(store, *of).await?.map(|(_, entry)| entry);
            let charged = found.and_then(|entry| match entry.kind {
                Kind::Settlement(settlement) if entry.wallet == *wallet => Some(settlement.charged),
                _ => None,
            });
            match charged {
                None => Some(format!(
                    "{of} is refunded, and it is no settlement of {}.",
                    name(wallet.as_ref())
                )),
                Some(charged) if charged < *refunded => Some(format!(
                    "{refunded} of {of} are refunded, and it took {charged}."
                )),
                Some(_) => None,
            }
        }
    };
    if let Some(what) = what {
        verifier.note(*page, what);
    }
    Ok(())
}

fn name(wallet: Option<&Arc<WalletId>>) -> String {
    wallet.map_or("nobody".to_owned(), ToString::to_string)
}

/// Findings as text for the log.
fn told(findings: &[Finding]) -> String {
    let lines = findings.iter().take(10);
    let lines: Vec<String> = lines
        .map(|finding| format!("page {}: {}", finding.page, finding.what))
        .collect();
    lines.join(" ")
}
