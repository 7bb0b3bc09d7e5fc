//! What is known of every segment without reading it, in memory: the summary of each, and the
//! indexes of the newest, by which rows are found.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tollgate_core::request_log::{MOST_BYTES, MOST_ROWS, Segment, SegmentError, Summary};
use tollgate_core::time::Timestamp;

/// Every segment, the oldest first.
pub(super) struct Directory {
    written: BTreeMap<u64, Arc<Item>>,
    /// Those that are not in the store yet, behind all others.
    unwritten: VecDeque<Arc<Item>>,
    rows: u64,
    /// The bytes of summaries.
    summaries: u64,
    /// The bytes of indexes that are kept, and how many may be.
    kept: usize,
    most: usize,
    /// No index of a segment below this number is kept.
    kept_from: u64,
}

/// A segment.
pub(super) struct Item {
    /// Its number in the store; 0 while it has none.
    number: AtomicU64,
    pub(super) summary: Summary,
    /// About how many bytes its rows take.
    pub(super) size: usize,
    /// The summary with the index, as it is stored.
    index: Mutex<Option<Bytes>>,
    /// The whole of it, while it is not in the store.
    pub(super) segment: Option<Segment>,
}

impl Item {
    fn new(number: u64, segment: &Segment, summary: Summary) -> Self {
        Self {
            number: AtomicU64::new(number),
            summary,
            size: segment.rows.len(),
            index: Mutex::new(Some(segment.summary.clone())),
            segment: None,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Its index, if that is kept.
    pub(super) fn index(&self) -> Option<Bytes> {
        self.lock().clone()
    }

    fn forget_index(&self) -> usize {
        self.lock().take().map_or(0, |index| index.len())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Bytes>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a stored segment is the one that this was read from.
    pub(super) fn is(&self, segment: &Segment) -> bool {
        let summary = &self.summary;
        (segment.from, segment.to, segment.count) == (summary.from, summary.to, summary.count)
    }
}

impl Directory {
    pub(super) fn new(most: usize) -> Self {
        Self {
            written: BTreeMap::new(),
            unwritten: VecDeque::new(),
            rows: 0,
            summaries: 0,
            kept: 0,
            most,
            kept_from: 0,
        }
    }

    /// Takes a segment that was just made.
    pub(super) fn add_unwritten(&mut self, segment: Segment) {
        // What was made here can be read here.
        let Ok(summary) = Summary::read(&segment.summary) else {
            return;
        };
        let mut item = Item::new(0, &segment, summary);
        item.segment = Some(segment);
        self.unwritten.push_back(Arc::new(item));
    }

    /// The first segments that are not written yet, as many as go together into one.
    pub(super) fn next_unwritten(&self) -> Vec<Segment> {
        let (mut rows, mut bytes) = (0, 0);
        let segments = self.unwritten.iter().filter_map(|it| it.segment.as_ref());
        segments
            .enumerate()
            .take_while(|(index, segment)| {
                rows += segment.count as usize;
                bytes += segment.rows.len();
                *index == 0 || (rows <= MOST_ROWS && bytes <= MOST_BYTES)
            })
            .map(|(_, segment)| segment.clone())
            .collect()
    }

    /// The first segments that were not written, so many, are now: as this one. Or they are lost.
    pub(super) fn unwritten_are(&mut self, count: usize, written: Option<(u64, &Segment)>) {
        self.unwritten.drain(..count.min(self.unwritten.len()));
        if let Some((number, segment)) = written
            && let Err(error) = self.add(number, segment)
        {
            tracing::warn!(%error, number, "a segment of the request log cannot be searched");
        }
    }

    /// Takes a segment of the store, or another in its place.
    pub(super) fn add(&mut self, number: u64, segment: &Segment) -> Result<(), SegmentError> {
        let summary = Summary::read(&segment.summary)?;
        self.remove(number);
        self.rows += u64::from(summary.count);
        self.summaries += summary.size() as u64;
        let item = Item::new(number, segment, summary);
        if number < self.kept_from {
            item.forget_index();
        } else {
            self.kept += segment.summary.len();
        }
        self.written.insert(number, Arc::new(item));
        self.forget_indexes();
        Ok(())
    }

    fn forget_indexes(&mut self) {
        while self.kept > self.most {
            let Some((number, oldest)) = self.written.range(self.kept_from..).next() else {
                return;
            };
            self.kept -= oldest.forget_index();
            self.kept_from = number + 1;
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some(former) = self.written.remove(&number) {
            self.rows -= u64::from(former.summary.count);
            self.summaries -= former.summary.size() as u64;
            self.kept -= former.forget_index();
        }
    }

    /// One segment has come in place of these, under the number of the last.
    pub(super) fn replace(&mut self, numbers: &[u64], segment: &Segment) {
        for number in numbers {
            self.remove(*number);
        }
        if let Some(number) = numbers.last() {
            // What was merged here can be read here.
            self.add(*number, segment).unwrap_or_default();
        }
    }

    /// Forgets what ended before a time.
    pub(super) fn forget(&mut self, before: Timestamp) {
        let old = self.written.iter();
        let old = old.filter(|(_, item)| item.summary.to < before);
        let old: Vec<u64> = old.map(|(number, _)| *number).collect();
        for number in old {
            self.remove(number);
        }
    }

    /// Every segment, the newest first.
    pub(super) fn all(&self) -> Vec<Arc<Item>> {
        let unwritten = self.unwritten.iter().rev();
        let written = self.written.values().rev();
        unwritten.chain(written).map(Arc::clone).collect()
    }

    /// The newest segments of the store, so many, the oldest of them first.
    pub(super) fn newest(&self, most: usize) -> Vec<Arc<Item>> {
        let newest = self.written.values().rev().take(most);
        let mut newest: Vec<_> = newest.map(Arc::clone).collect();
        newest.reverse();
        newest
    }

    /// The number of the newest segment of the store.
    pub(super) fn last_number(&self) -> u64 {
        self.written.keys().next_back().copied().unwrap_or(0)
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.written.contains_key(&number)
    }

    /// Rows that are not written yet.
    pub(super) fn unwritten(&self) -> u64 {
        let items = self.unwritten.iter();
        items.map(|item| u64::from(item.summary.count)).sum()
    }

    /// Rows in all.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn segments(&self) -> u64 {
        self.written.len() as u64
    }

    /// Bytes of memory, as far as they grow with the rows.
    pub(super) fn memory(&self) -> u64 {
        self.summaries + self.kept as u64
    }
}
