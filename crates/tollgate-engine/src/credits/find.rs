//! Finds an entry by its id. Pages have no index of what stands on them: the entries of one
//! process stand side by side and nearly in the order of their numbers, so that a few pages lead
//! to the right one.

use tollgate_core::ledger::{Entry, EntryId};

use crate::port::{LedgerStore, StoreError};

/// How many pages beside the right one are looked at: numbers are given a moment before entries
/// are queued.
const AROUND: u64 = 8;

/// Finds a durable entry, and the number of its page.
pub(crate) async fn find<S: LedgerStore + ?Sized>(
    store: &S,
    id: EntryId,
) -> Result<Option<(u64, Entry)>, StoreError> {
    let mut last = store.last_page().await?.number;
    let (boot, _) = halves(id);
    while last > 0 {
        let Some((of, _)) = first(store, last).await? else {
            return Ok(None);
        };
        // The pages of one process follow each other: where do those of this one begin?
        let begin = behind(store, (1, last), Before::Process(of)).await?;
        if of == boot {
            return among(store, id, (begin, last)).await;
        }
        last = begin - 1;
    }
    Ok(None)
}

/// Finds it among the pages of its process.
async fn among<S: LedgerStore + ?Sized>(
    store: &S,
    id: EntryId,
    (begin, end): (u64, u64),
) -> Result<Option<(u64, Entry)>, StoreError> {
    let (_, count) = halves(id);
    let behind = behind(store, (begin, end), Before::Count(count)).await?;
    let from = behind.saturating_sub(1 + AROUND).max(begin);
    let to = behind.saturating_add(AROUND).min(end);
    // The likeliest first.
    let mut pages: Vec<u64> = (from..=to).collect();
    pages.sort_by_key(|page| page.abs_diff(behind - 1));
    for page in pages {
        let mut entries = read(store, page).await?.into_iter();
        if let Some(entry) = entries.find(|entry| entry.id == id) {
            return Ok(Some((page, entry)));
        }
    }
    Ok(None)
}

/// What pages lie before the one that is looked for.
#[derive(Clone, Copy)]
enum Before {
    /// Those of other processes.
    Process(u64),
    /// Those whose first entry has this number or a lower one.
    Count(u64),
}

impl Before {
    fn holds(self, first: Option<(u64, u64)>) -> bool {
        match self {
            Self::Process(of) => first.is_none_or(|(other, _)| other != of),
            Self::Count(most) => first.is_some_and(|(_, count)| count <= most),
        }
    }
}

/// The first page of a range that does not lie before; the one behind the range if all do.
async fn behind<S: LedgerStore + ?Sized>(
    store: &S,
    (mut from, to): (u64, u64),
    before: Before,
) -> Result<u64, StoreError> {
    let mut behind = to + 1;
    while from < behind {
        let middle = from + (behind - from) / 2;
        if before.holds(first(store, middle).await?) {
            from = middle + 1;
        } else {
            behind = middle;
        }
    }
    Ok(from)
}

/// Process and number of the first entry of a page.
async fn first<S: LedgerStore + ?Sized>(
    store: &S,
    page: u64,
) -> Result<Option<(u64, u64)>, StoreError> {
    let entries = read(store, page).await?;
    Ok(entries.first().map(|entry| halves(entry.id)))
}

async fn read<S: LedgerStore + ?Sized>(store: &S, page: u64) -> Result<Vec<Entry>, StoreError> {
    let pages = store.pages(page.saturating_sub(1), 1).await?;
    match pages.first().filter(|found| found.head.number == page) {
        Some(page) => page.entries().map_err(|error| StoreError(Box::new(error))),
        None => Ok(Vec::new()),
    }
}

fn halves(id: EntryId) -> (u64, u64) {
    let bits = id.bits();
    let boot = u64::try_from(bits >> 64).unwrap_or(u64::MAX);
    let count = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    (boot, count)
}
