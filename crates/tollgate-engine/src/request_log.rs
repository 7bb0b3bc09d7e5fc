//! The log of requests while it runs: calls leave their rows in a bounded queue and go on; a task
//! puts them together and writes them; searches read what is written and what is not yet.

mod directory;
mod draft;
mod errors;
mod keep;
mod load;
mod plan;
mod search;
mod sums;
mod write;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Notify, Semaphore};
use tollgate_core::request_log::MOST_ROWS;

use self::directory::Directory;
use self::draft::encode;
use crate::port::{Clock, Store, StoreError};

pub use self::draft::{Called, Draft};
pub use self::errors::{ErrorRow, Errors};
pub use self::search::Page;
pub use self::sums::{Stats, Sums};

/// The most rows that wait to be put together; further ones are dropped and counted.
const MOST_WAITING: usize = 16 * MOST_ROWS;
/// The most bytes of texts among them.
const MOST_TEXT: usize = 64 * 1024 * 1024;
/// The most rows that are put together and not written: no more are taken from the queue.
const MOST_UNWRITTEN: u64 = 16 * MOST_ROWS as u64;
/// The most bytes of indexes that are kept in memory: those of some ten million rows. Older ones
/// are read when a search needs them.
const INDEXES: usize = 64 * 1024 * 1024;
/// How many searches go on at once, so that they do not take the processor from calls.
const SEARCHES: usize = 2;

/// What is kept of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether anything is.
    pub enabled: bool,
    /// For how long.
    pub retention: Duration,
    /// The most bytes of each body that are kept, where an organization keeps them.
    pub longest_body: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            retention: Duration::from_hours(30 * 24),
            longest_body: 16 * 1024,
        }
    }
}

/// How the log does, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Rows that this process has written.
    pub written: u64,
    /// Rows that were lost: because the queue was full, or because the store did not take them.
    pub dropped: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Rows that wait to be written.
    pub waiting: u64,
    /// Rows that are kept.
    pub rows: u64,
    /// Segments that hold them.
    pub segments: u64,
    /// Bytes of memory by which they are searched.
    pub memory: u64,
}

/// The log of requests.
pub struct RequestLog {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    is_enabled: AtomicBool,
    settings: ArcSwap<Settings>,
    queue: Mutex<Queue>,
    /// Told when the queue holds a whole segment.
    full: Notify,
    /// Held by whoever takes rows from the queue, so that they stay in their order.
    /// They leave their room for the next ones here.
    sealing: Mutex<Vec<Draft>>,
    directory: Mutex<Directory>,
    is_loaded: AtomicBool,
    /// Set when the end has been asked for.
    is_ending: AtomicBool,
    /// When segments are forgotten next.
    forget_at_ms: AtomicI64,
    /// Places for searches; none until what is kept has been read.
    searches: Semaphore,
    figures: Figures,
}

#[derive(Debug, Default)]
struct Figures {
    written: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
}

#[derive(Default)]
struct Queue {
    drafts: Vec<Draft>,
    text: usize,
}

/// What is taken from the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taking {
    /// Everything.
    All,
    /// What fills whole segments, the oldest rows first. Under load nothing else is taken, so that
    /// there are few small segments to put together later.
    Whole,
}

impl Queue {
    /// Takes rows out. `room` is empty, and is used for those that come next.
    fn take(&mut self, what: Taking, mut room: Vec<Draft>) -> Vec<Draft> {
        let whole = match what {
            Taking::All => self.drafts.len(),
            Taking::Whole => self.drafts.len() / MOST_ROWS * MOST_ROWS,
        };
        room.extend(self.drafts.drain(whole..));
        self.text = room.iter().map(Draft::text).sum();
        std::mem::replace(&mut self.drafts, room)
    }
}

/// Why a search came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is kept has not all been read since the start, or others search.
    #[error("the request log is busy")]
    Busy,
}

impl RequestLog {
    /// A log that is kept in this store. Nothing is written until [`Self::run`].
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            is_enabled: AtomicBool::new(true),
            settings: ArcSwap::default(),
            queue: Mutex::default(),
            full: Notify::new(),
            sealing: Mutex::default(),
            directory: Mutex::new(Directory::new(INDEXES)),
            is_loaded: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            forget_at_ms: AtomicI64::new(i64::MIN),
            searches: Semaphore::new(0),
            figures: Figures::default(),
        }
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Takes other settings into use.
    pub fn set_settings(&self, settings: Settings) {
        self.is_enabled.store(settings.enabled, Ordering::Relaxed);
        self.settings.store(Arc::new(settings));
    }

    /// Whether anything is kept.
    pub fn is_enabled(&self) -> bool {
        self.is_enabled.load(Ordering::Relaxed)
    }

    /// The most bytes of a body that are kept of a caller's calls; `None` where none are.
    pub fn keeps_bodies(&self, caller: &crate::caller::Caller) -> Option<usize> {
        let keeps = self.is_enabled() && caller.organization().facts().keeps_bodies;
        keeps.then(|| self.settings.load().longest_body)
    }

    /// Leaves a row. Never waits: a row that finds no room is lost, and counted.
    pub fn push(&self, draft: Draft) {
        if !self.is_enabled() {
            return;
        }
        let text = draft.text();
        let mut queue = self.queue();
        if queue.drafts.len() >= MOST_WAITING || queue.text.saturating_add(text) > MOST_TEXT {
            drop(queue);
            self.figures.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.text += text;
        queue.drafts.push(draft);
        let is_segment = queue.drafts.len().is_multiple_of(MOST_ROWS);
        drop(queue);
        if is_segment {
            self.full.notify_one();
        }
    }

    /// How it does.
    pub fn read(&self) -> Reading {
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let waiting = self.queue().drafts.len() as u64;
        let directory = self.directory();
        Reading {
            written: load(&self.figures.written),
            dropped: load(&self.figures.dropped),
            failures: load(&self.figures.failures),
            waiting: waiting + directory.unwritten(),
            rows: directory.rows(),
            segments: directory.segments(),
            memory: directory.memory(),
        }
    }

    /// Puts together what waits in the queue, or of it what fills whole segments. From then on
    /// searches see it.
    fn seal(&self, what: Taking) {
        let mut room = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.directory().unwritten() >= MOST_UNWRITTEN {
            return;
        }
        let mut drafts = self.queue().take(what, std::mem::take(&mut *room));
        if drafts.is_empty() {
            *room = drafts;
            return;
        }
        let count = drafts.len() as u64;
        let (segments, encoded) = encode(&drafts);
        self.figures
            .dropped
            .fetch_add(count.saturating_sub(encoded), Ordering::Relaxed);
        let mut directory = self.directory();
        for segment in segments {
            directory.add_unwritten(segment);
        }
        drop(directory);
        drafts.clear();
        drafts.shrink_to(2 * MOST_ROWS);
        *room = drafts;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
