//! Makes a segment out of rows. What many rows have in common is said once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::bytes::put_piece;
use super::segment::{MOST_BYTES, MOST_ROWS, Segment};
use super::{Bodies, Figures, Outcome, What, Who, hash, packed};
use crate::reply::Usage;
use crate::time::Timestamp;

/// The version of both blobs.
pub(super) const VERSION: u8 = 1;
/// What ids begin with that Tollgate makes; 32 digits follow.
pub(super) const MADE: &str = "req_";
/// Bits per row of the set by which a request is found by its id.
const BITS_OF_ID: usize = 8;

/// What an entry of the heap holds.
pub(super) const MADE_ID: u8 = 1;
pub(super) const USAGE: u8 = 2;
pub(super) const PROVIDER_ID: u8 = 4;
pub(super) const TRAIL: u8 = 8;
pub(super) const BODIES: u8 = 16;
pub(super) const BOUNDED: u8 = 32;

/// How many columns of figures there are, in the order of [`Builder::push`].
pub(super) const COLUMNS: usize = 13;

/// One row on its way into a segment.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// Who called, as [`Builder::who`] named it.
    pub who: usize,
    /// What was asked for, as [`Builder::what`] named it.
    pub what: usize,
    /// How it ended, as [`Builder::outcome`] named it.
    pub outcome: usize,
    /// Its figures.
    pub figures: Figures,
    /// The id of the request.
    pub request_id: &'a str,
    /// The provider's id of the exchange.
    pub provider_request_id: Option<&'a str>,
    /// The attempts in one line.
    pub trail: Option<&'a str>,
    /// What was said.
    pub bodies: Option<&'a Bodies>,
}

/// Gathers rows.
#[derive(Debug, Default)]
pub struct Builder {
    whos: Vec<Who>,
    whats: Vec<What>,
    outcomes: Vec<Outcome>,
    who: Vec<u64>,
    what: Vec<u64>,
    outcome: Vec<u64>,
    latency: Vec<u64>,
    /// When each row ended.
    at: Vec<i64>,
    columns: [Vec<u64>; COLUMNS],
    heap: Vec<u8>,
    ids: Vec<u64>,
}

impl Builder {
    /// A builder with room for so many rows.
    pub fn with_room(rows: usize) -> Self {
        let rows = rows.min(MOST_ROWS);
        let room = || Vec::with_capacity(rows);
        Self {
            who: room(),
            what: room(),
            outcome: room(),
            latency: room(),
            at: Vec::with_capacity(rows),
            columns: std::array::from_fn(|_| Vec::with_capacity(rows)),
            heap: Vec::with_capacity(rows * 64),
            ids: room(),
            ..Self::default()
        }
    }

    /// Says once who called. Gives the name for rows.
    pub fn who(&mut self, who: Who) -> usize {
        self.whos.push(who);
        self.whos.len() - 1
    }

    /// Says once what was asked for. Gives the name for rows.
    pub fn what(&mut self, what: What) -> usize {
        self.whats.push(what);
        self.whats.len() - 1
    }

    /// Says once how calls end. Gives the name for rows.
    pub fn outcome(&mut self, outcome: Outcome) -> usize {
        self.outcomes.push(outcome);
        self.outcomes.len() - 1
    }

    /// Whether no more rows fit.
    pub fn is_full(&self) -> bool {
        self.at.len() >= MOST_ROWS || self.heap.len() >= MOST_BYTES
    }

    /// Adds a row behind the others.
    pub fn push(&mut self, line: &Line<'_>) {
        let Figures {
            attempts,
            usage,
            cost,
            lost,
            duration_us,
            first_byte_us,
        } = line.figures;
        self.at.push(line.at.as_millis());
        self.who.push(line.who as u64);
        self.what.push(line.what as u64);
        self.outcome.push(line.outcome as u64);
        self.latency.push(line.figures.latency_ms());
        let Usage {
            prompt,
            completion,
            cached,
            cache_written,
            cache_written_1h,
            reasoning,
            bounded,
        } = usage.unwrap_or_default();
        let numbers: [u64; COLUMNS] = [
            // When it ended; written relative to the first once all are there.
            0,
            duration_us,
            first_byte_us.map_or(0, |us| us.saturating_add(1)),
            attempts.into(),
            prompt,
            completion,
            cached,
            cache_written,
            cache_written_1h,
            reasoning,
            cost,
            lost,
            self.heap.len() as u64,
        ];
        for (column, number) in self.columns.iter_mut().zip(numbers) {
            column.push(number);
        }
        self.ids.push(hash::hash(line.request_id.as_bytes()));
        self.push_texts(line, (usage.is_some(), bounded));
    }

    fn push_texts(&mut self, line: &Line<'_>, (has_usage, bounded): (bool, bool)) {
        let heap = &mut self.heap;
        let made = made_id(line.request_id);
        let mut flags = 0;
        for (flag, is_there) in [
            (MADE_ID, made.is_some()),
            (USAGE, has_usage),
            (BOUNDED, bounded),
            (PROVIDER_ID, line.provider_request_id.is_some()),
            (TRAIL, line.trail.is_some()),
            (BODIES, line.bodies.is_some()),
        ] {
            flags |= if is_there { flag } else { 0 };
        }
        heap.push(flags);
        match made {
            Some(id) => heap.extend_from_slice(&id.to_be_bytes()),
            None => put_piece(heap, line.request_id.as_bytes()),
        }
        for text in [line.provider_request_id, line.trail].into_iter().flatten() {
            put_piece(heap, text.as_bytes());
        }
        if let Some(bodies) = line.bodies {
            put_piece(heap, &bodies.request);
            put_piece(heap, &bodies.answer);
        }
    }

    /// Makes the segment. `None` if there are no rows.
    pub fn finish(mut self) -> Option<Segment> {
        let from = self.at.iter().copied().min()?;
        let to = self.at.iter().copied().max()?;
        if let Some(column) = self.columns.first_mut() {
            column.clear();
            let since = self
                .at
                .iter()
                .map(|at| at.wrapping_sub(from).cast_unsigned());
            column.extend(since);
        }
        let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
        Some(Segment {
            from,
            to,
            count: u32::try_from(self.at.len()).unwrap_or(u32::MAX),
            summary: self.write_summary(from, to).into(),
            rows: self.write_rows(from).into(),
        })
    }

    fn write_summary(&self, from: Timestamp, to: Timestamp) -> Vec<u8> {
        let mut out = vec![VERSION, 0, 0, 0, 0];
        let start = out.len();
        self.write_head(&mut out, from, to);
        let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(1..5) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.write_index(&mut out);
        out
    }

    fn write_head(&self, out: &mut Vec<u8>, from: Timestamp, to: Timestamp) {
        let who = counts(&self.who, self.whos.len());
        let what = counts(&self.what, self.whats.len());
        let outcome = counts(&self.outcome, self.outcomes.len());
        let good: u32 = self
            .outcomes
            .iter()
            .zip(&outcome)
            .filter(|(outcome, _)| outcome.is_good())
            .map(|(_, count)| count)
            .sum();
        let latency = self.latency.iter().copied();
        out.extend_from_slice(&(self.at.len() as u32).to_le_bytes());
        out.extend_from_slice(&good.to_le_bytes());
        out.extend_from_slice(&from.as_millis().to_le_bytes());
        out.extend_from_slice(&to.as_millis().to_le_bytes());
        out.extend_from_slice(&latency.clone().min().unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&latency.max().unwrap_or(0).to_le_bytes());
        let whos: [fn(&Who) -> &str; 4] = [
            |who| &who.organization,
            |who| &who.team,
            |who| &who.user,
            |who| &who.key,
        ];
        for text in whos {
            hash::write_counts(out, counted(&self.whos, &who, text));
        }
        // A row counts for both of its models, once if they are the same.
        let mut models = counted(&self.whats, &what, |what| &what.model);
        let others = self.whats.iter().zip(&what);
        let others = others.filter(|(what, _)| what.asked != what.model);
        models.extend(others.map(|(what, count)| (hash::hash(what.asked.as_bytes()), *count)));
        hash::write_counts(out, models);
        hash::write_counts(out, counted(&self.whats, &what, |what| &what.provider));
        let outcomes = &self.outcomes;
        hash::write_counts(out, counted(outcomes, &outcome, |it| &it.surface));
        hash::write_counts(out, counted(outcomes, &outcome, |it| &it.code));
    }

    fn write_index(&self, out: &mut Vec<u8>) {
        let mut hashes = Texts::default();
        hashes.list.reserve(self.whos.len());
        let mut column = |texts: &mut dyn Iterator<Item = &Arc<str>>| -> Vec<u64> {
            texts.map(|text| hashes.name(text)).collect()
        };
        let tuples = [
            column(&mut self.whos.iter().map(|who| &who.organization)),
            column(&mut self.whos.iter().map(|who| &who.team)),
            column(&mut self.whos.iter().map(|who| &who.user)),
            column(&mut self.whos.iter().map(|who| &who.key)),
            column(&mut self.whats.iter().map(|what| &what.asked)),
            column(&mut self.whats.iter().map(|what| &what.model)),
            column(&mut self.whats.iter().map(|what| &what.provider)),
        ];
        put_count(out, hashes.list.len());
        for (hash, _) in &hashes.list {
            out.extend_from_slice(&hash.to_le_bytes());
        }
        put_count(out, self.whos.len());
        put_count(out, self.whats.len());
        for tuple in &tuples {
            packed::write(out, tuple);
        }
        put_count(out, self.outcomes.len());
        for outcome in &self.outcomes {
            put_piece(out, outcome.surface.as_bytes());
            put_piece(out, outcome.code.as_bytes());
            out.extend_from_slice(&outcome.status.to_le_bytes());
            out.push(outcome.stream.into());
        }
        for column in [&self.who, &self.what, &self.outcome, &self.latency] {
            packed::write(out, column);
        }
        hash::write_bits(out, &self.ids, BITS_OF_ID);
    }

    fn write_rows(&self, from: Timestamp) -> Vec<u8> {
        let mut texts = Texts::default();
        let mut tuples = Vec::new();
        for who in &self.whos {
            let Who {
                organization,
                team,
                user,
                key,
                key_prefix,
            } = who;
            let parts = [organization, team, user, key, key_prefix];
            tuples.extend(parts.map(|text| texts.name(text)));
        }
        for what in &self.whats {
            let What {
                asked,
                model,
                provider,
                connection,
            } = what;
            let parts = [asked, model, provider, connection];
            tuples.extend(parts.map(|text| texts.name(text)));
        }
        let mut out = Vec::with_capacity(self.heap.len() + self.at.len() * 24 + 1024);
        out.push(VERSION);
        put_count(&mut out, self.at.len());
        out.extend_from_slice(&from.as_millis().to_le_bytes());
        put_count(&mut out, self.whos.len());
        put_count(&mut out, self.whats.len());
        packed::write(&mut out, &tuples);
        let (mut ends, mut end) = (Vec::with_capacity(texts.list.len()), 0);
        for (_, text) in &texts.list {
            end += text.len() as u64;
            ends.push(end);
        }
        put_count(&mut out, texts.list.len());
        packed::write(&mut out, &ends);
        for (_, text) in &texts.list {
            out.extend_from_slice(text.as_bytes());
        }
        for column in &self.columns {
            packed::write(&mut out, column);
        }
        out.extend_from_slice(&self.heap);
        out
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

/// How many rows name each of so many.
fn counts(names: &[u64], most: usize) -> Vec<u32> {
    let mut counts = vec![0; most];
    for name in names {
        if let Some(count) = counts.get_mut(*name as usize) {
            *count += 1;
        }
    }
    counts
}

/// The hashes of a text of each, with the number of rows that name it.
fn counted<T>(all: &[T], counts: &[u32], text: impl Fn(&T) -> &str) -> Vec<(u64, u32)> {
    let all = all.iter().zip(counts);
    all.map(|(one, count)| (hash::hash(text(one).as_bytes()), *count))
        .collect()
}

/// Texts with their hashes, each said once.
#[derive(Default)]
struct Texts {
    names: HashMap<u64, u64, BuildHasherDefault<HashBits>>,
    list: Vec<(u64, Arc<str>)>,
}

impl Texts {
    fn name(&mut self, text: &Arc<str>) -> u64 {
        let hash = hash::hash(text.as_bytes());
        let there = self.names.get(&hash).copied();
        let same = |name: &u64| {
            self.list
                .get(*name as usize)
                .is_some_and(|it| it.1 == *text)
        };
        if let Some(name) = there.filter(same) {
            return name;
        }
        // Another text of the same hash is said each time: nobody meets one by chance.
        let name = self.list.len() as u64;
        self.names.entry(hash).or_insert(name);
        self.list.push((hash, Arc::clone(text)));
        name
    }
}

/// Takes a hash as it is.
#[derive(Default)]
struct HashBits(u64);

impl Hasher for HashBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash::hash(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The value of each hexadecimal digit in lower case; what is none has a bit beyond.
const DIGITS: [u8; 256] = {
    let mut table = [0x80; 256];
    let mut value = 0;
    while value < 16 {
        #[expect(clippy::indexing_slicing, reason = "checked while compiling")]
        {
            table[b"0123456789abcdef"[value] as usize] = value as u8;
        }
        value += 1;
    }
    table
};

/// The number in an id that Tollgate made.
fn made_id(id: &str) -> Option<u128> {
    let digits: &[u8; 32] = id.strip_prefix(MADE)?.as_bytes().try_into().ok()?;
    let (mut number, mut seen) = (0_u128, 0);
    let (halves, _) = digits.as_chunks::<16>();
    for half in halves {
        let mut word = 0_u64;
        for byte in half {
            let digit = DIGITS.get(usize::from(*byte)).copied().unwrap_or(0x80);
            seen |= digit;
            word = word << 4 | u64::from(digit & 0xf);
        }
        number = number << 64 | u128::from(word);
    }
    (seen < 0x80).then_some(number)
}
