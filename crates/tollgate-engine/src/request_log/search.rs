//! Finds rows, the newest first: whole segments are passed over by their summaries, and only the
//! rows of the page that is asked for are read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout};
use tollgate_core::request_log::{Filter, Index, Meets, Row, Rows, Segment, SegmentError};

use super::directory::Item;
use super::{RequestLog, SearchError, Taking};
use crate::port::StoreError;

/// How long a search may wait for its turn, and how long it may take.
const TURN: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(5);
/// How many segments are looked through before others get their turn.
const BREATH: usize = 32;
/// How many indexes and how many segments are read at once.
const INDEXES_AT_ONCE: u64 = 16;
const SEGMENTS_AT_ONCE: usize = 16;
/// How many indexes are read from the store for the sake of an exact total alone.
const MOST_FOR_TOTAL: usize = 256;
/// How many rows are looked at for the sake of an exact total alone.
const MOST_COUNTED: u64 = 2_000_000;
/// How often a search begins again because segments were merged under it.
const TRIES: usize = 3;

/// Rows, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// How many there are in all, as far as they were counted.
    pub total: u64,
    /// Whether that is all of them.
    pub is_exact: bool,
    /// Whether there are more behind these.
    pub has_more: bool,
}

/// Where a row is.
pub(super) type Spot = (Arc<Item>, usize);

/// One search under way: what it looks through, and what it has read.
pub(super) struct Search<'a> {
    log: &'a RequestLog,
    pub(super) filter: Filter,
    /// Segments, the newest first.
    pub(super) items: Vec<Arc<Item>>,
    until: Instant,
    /// Indexes that were read from the store, by their numbers.
    read: HashMap<u64, Bytes>,
    /// How many of them were read.
    pub(super) reads: usize,
    since_breath: usize,
    _turn: SemaphorePermit<'a>,
}

impl RequestLog {
    /// The rows that a filter wants: so many behind the first `offset`.
    pub async fn query(
        &self,
        filter: &Filter,
        limit: usize,
        offset: u64,
    ) -> Result<Page, SearchError> {
        for _ in 0..TRIES {
            let mut search = self.search(filter).await?;
            let found = search.find(limit, offset).await?;
            if let Some(rows) = search.rows(&found.spots).await? {
                return Ok(Page {
                    has_more: found.total > offset.saturating_add(rows.len() as u64)
                        || !found.is_exact,
                    rows,
                    total: found.total,
                    is_exact: found.is_exact,
                });
            }
        }
        Err(SearchError::Busy)
    }

    /// The row of this id, or the latest row of this id of a request, if a filter wants it.
    pub async fn get(&self, id: &str, filter: &Filter) -> Result<Option<Row>, SearchError> {
        let mut search = self.search(filter).await?;
        let named = Row::read_id(id);
        for position in 0..search.items.len() {
            let Some(item) = search.items.get(position).map(Arc::clone) else {
                break;
            };
            if search
                .filter
                .from
                .is_some_and(|from| item.summary.to < from)
            {
                continue;
            }
            if let Some((at, _)) = named
                && (at < item.summary.from || at > item.summary.to)
            {
                continue;
            }
            if named.is_none() {
                let Some(bytes) = search.index(position).await? else {
                    return Err(SearchError::Busy);
                };
                let index = Index::read(&bytes, &item.summary).map_err(damaged)?;
                if !index.may_have(id) {
                    continue;
                }
            }
            let Some(segment) = search.segment(&item).await? else {
                continue;
            };
            if let Some(row) = find(&segment, &item, id).map_err(damaged)? {
                return Ok(Some(row).filter(|row| search.filter.takes(row)));
            }
        }
        Ok(None)
    }

    /// Begins a search when it has its turn.
    pub(super) async fn search(&self, filter: &Filter) -> Result<Search<'_>, SearchError> {
        let turn = timeout(TURN, self.searches.acquire()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(SearchError::Busy)?;
        self.seal(Taking::All);
        let mut filter = filter.clone();
        // What is older is as good as forgotten.
        filter.from = filter.from.max(Some(self.oldest()));
        Ok(Search {
            log: self,
            filter,
            items: self.directory().all(),
            until: Instant::now() + LONGEST,
            read: HashMap::new(),
            reads: 0,
            since_breath: 0,
            _turn: turn,
        })
    }
}

/// The row of an id in a segment.
fn find(segment: &Segment, item: &Item, id: &str) -> Result<Option<Row>, SegmentError> {
    let index = Index::read(&segment.summary, &item.summary)?;
    let rows = Rows::read(&segment.rows)?;
    let named = Row::read_id(id);
    for place in (0..rows.len()).rev() {
        if named.is_some_and(|(at, _)| at != rows.at(place)) {
            continue;
        }
        let row = rows.row(&index, place)?;
        let is_it = match named {
            Some(_) => row.id() == id,
            None => &*row.request_id == id,
        };
        if is_it {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// What a search found.
#[derive(Default)]
struct Found {
    spots: Vec<Spot>,
    total: u64,
    is_exact: bool,
}

impl Search<'_> {
    async fn find(&mut self, limit: usize, offset: u64) -> Result<Found, SearchError> {
        let mut found = Found::default();
        let (mut skip, mut counted) = (offset, 0);
        for position in 0..self.items.len() {
            let Some(item) = self.items.get(position).map(Arc::clone) else {
                break;
            };
            let is_full = found.spots.len() >= limit;
            if let Meets::Exactly(count) = item.summary.meets(&self.filter) {
                let count = u64::from(count);
                // Passed over: there are none, all are before the page, or behind it.
                if count <= skip || is_full {
                    skip -= if is_full { 0 } else { count };
                    found.total += count;
                    continue;
                }
            }
            if is_full {
                counted += u64::from(item.summary.count);
                if counted > MOST_COUNTED || self.reads >= MOST_FOR_TOTAL {
                    return Ok(found);
                }
            }
            let Some(places) = self.places(position).await? else {
                return Ok(found);
            };
            found.total += places.len() as u64;
            let skipped = skip.min(places.len() as u64);
            skip -= skipped;
            let rest = places.into_iter().rev().skip(skipped as usize);
            let room = limit - found.spots.len().min(limit);
            let spots = rest.take(room).map(|place| (Arc::clone(&item), place));
            found.spots.extend(spots);
        }
        found.is_exact = true;
        Ok(found)
    }

    /// The places of the rows that are wanted in a segment, the oldest first. `None` when the time
    /// of the search is over.
    pub(super) async fn places(
        &mut self,
        position: usize,
    ) -> Result<Option<Vec<usize>>, SearchError> {
        let Some(item) = self.items.get(position).map(Arc::clone) else {
            return Ok(None);
        };
        if item.summary.meets(&self.filter) == Meets::Exactly(0) {
            return Ok(Some(Vec::new()));
        }
        let Some(bytes) = self.index(position).await? else {
            return Ok(None);
        };
        let mut places = {
            let index = Index::read(&bytes, &item.summary).map_err(damaged)?;
            let matcher = index.matcher(&self.filter);
            if matcher.is_hopeless() {
                return Ok(Some(Vec::new()));
            }
            let all = 0..index.len();
            all.filter(|place| matcher.takes(*place))
                .collect::<Vec<_>>()
        };
        if item.summary.is_split(&self.filter) {
            let Some(segment) = self.segment(&item).await? else {
                return Ok(Some(Vec::new()));
            };
            let rows = Rows::read(&segment.rows).map_err(damaged)?;
            places.retain(|place| self.filter.takes_time(rows.at(*place)));
        }
        Ok(Some(places))
    }

    /// The index of a segment, with the summary before it. `None` when the time is over.
    pub(super) async fn index(&mut self, position: usize) -> Result<Option<Bytes>, SearchError> {
        self.since_breath += 1;
        if self.since_breath >= BREATH {
            self.since_breath = 0;
            tokio::task::yield_now().await;
        }
        if Instant::now() >= self.until {
            return Ok(None);
        }
        let Some(item) = self.items.get(position) else {
            return Ok(None);
        };
        if let Some(index) = item.index() {
            return Ok(Some(index));
        }
        let number = item.number();
        if !self.read.contains_key(&number) {
            self.reads += 1;
            // Those before it are asked next.
            let first = position as u64 + INDEXES_AT_ONCE - 1;
            let first = usize::try_from(first).unwrap_or(usize::MAX);
            let first = self.items.get(first).or(self.items.last());
            let after = first.map_or(0, |first| first.number().saturating_sub(1));
            let most = u32::try_from(INDEXES_AT_ONCE).unwrap_or(1);
            let stored = self.log.store.segment_summaries(after, most);
            self.read = in_time(stored)
                .await?
                .into_iter()
                .map(|stored| (stored.number, stored.segment.summary))
                .collect();
        }
        // A segment that was merged meanwhile has another index under its number, or none.
        let same = |bytes: &Bytes| {
            tollgate_core::request_log::Summary::read(bytes).is_ok_and(|summary| {
                self.items
                    .get(position)
                    .is_some_and(|it| it.summary == summary)
            })
        };
        let index = self.read.get(&number).filter(|bytes| same(bytes));
        index.cloned().map(Some).ok_or(SearchError::Busy)
    }

    /// A segment with its rows; `None` if it is gone.
    pub(super) async fn segment(&self, item: &Item) -> Result<Option<Segment>, SearchError> {
        if let Some(segment) = &item.segment {
            return Ok(Some(segment.clone()));
        }
        let stored = in_time(self.log.store.segments(&[item.number()])).await?;
        let stored = stored.into_iter().map(|stored| stored.segment).next();
        Ok(stored.filter(|segment| item.is(segment)))
    }

    /// Reads rows. `None` if a segment was merged or forgotten since it was looked through.
    pub(super) async fn rows(&self, spots: &[Spot]) -> Result<Option<Vec<Row>>, SearchError> {
        let mut rows = Vec::with_capacity(spots.len());
        let mut rest = spots;
        while !rest.is_empty() {
            let part = part(rest);
            let (spots, behind) = rest.split_at_checked(part).unwrap_or((rest, &[]));
            rest = behind;
            let mut numbers: Vec<u64> = spots
                .iter()
                .filter(|(item, _)| item.segment.is_none())
                .map(|(item, _)| item.number())
                .collect();
            numbers.dedup();
            let stored = in_time(self.log.store.segments(&numbers)).await?;
            let stored: HashMap<u64, Segment> = stored
                .into_iter()
                .map(|stored| (stored.number, stored.segment))
                .collect();
            for (item, places) in together(spots) {
                let segment = match &item.segment {
                    Some(segment) => Some(segment),
                    None => stored.get(&item.number()).filter(|it| item.is(it)),
                };
                let Some(segment) = segment else {
                    return Ok(None);
                };
                read_rows(segment, item, places, &mut rows).map_err(damaged)?;
            }
        }
        Ok(Some(rows))
    }
}

/// How many of the first spots lie in as many segments as are read at once.
fn part(spots: &[Spot]) -> usize {
    let groups = together(spots).take(SEGMENTS_AT_ONCE);
    groups.map(|(_, places)| places.len()).sum()
}

/// Spots in the same segment stand together.
fn together(spots: &[Spot]) -> impl Iterator<Item = (&Arc<Item>, &[Spot])> {
    let groups = spots.chunk_by(|one, next| Arc::ptr_eq(&one.0, &next.0));
    groups.filter_map(|group| Some((&group.first()?.0, group)))
}

fn read_rows(
    segment: &Segment,
    item: &Item,
    spots: &[Spot],
    into: &mut Vec<Row>,
) -> Result<(), SegmentError> {
    let index = Index::read(&segment.summary, &item.summary)?;
    let rows = Rows::read(&segment.rows)?;
    for (_, place) in spots {
        into.push(rows.row(&index, *place)?);
    }
    Ok(())
}

/// Waits for the store, but not for long.
async fn in_time<T>(
    reading: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, SearchError> {
    let read = timeout(LONGEST, reading).await;
    let late = |_| Err(StoreError("the store did not answer in time".into()));
    Ok(read.unwrap_or_else(late)?)
}

pub(super) fn damaged(error: SegmentError) -> SearchError {
    SearchError::Store(StoreError(Box::new(error)))
}
