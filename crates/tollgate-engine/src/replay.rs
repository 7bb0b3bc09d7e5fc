//! Answers that are given again: a request with an idempotency key runs once, and whoever sends it
//! again gets the answer of the first time. Requests without such a key never come here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::time::{Instant, timeout, timeout_at};
use tollgate_core::error::{Code, Failure};
use tollgate_core::time::Timestamp;

use crate::fault;
use crate::port::{Clock, Store, StoreError, StoredReplay, Vault};

/// The most requests with a key that run at once.
const MOST_RUNNING: usize = 65_536;
/// The most bytes of answers that are recorded at once, of all requests together.
const MOST_RECORDED: usize = 256 << 20;
/// After what time somebody who comes too early should ask again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The longest that one try to write may take.
const LONGEST_TRY: Duration = Duration::from_secs(10);
/// How long to wait after a write that failed, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often answers whose time is over are forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// The first byte of what is kept: an answer follows, or nothing because it was too long, or
/// because nobody knows whether what was asked for was done.
const WHOLE: u8 = 0;
const TOO_LONG: u8 = 1;
const UNSURE: u8 = 2;

/// How long answers are kept, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an answer is kept.
    pub ttl: Duration,
    /// The most bytes of an answer that is kept. Of a longer one it is only kept that it was given.
    pub longest_answer: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_hours(24),
            longest_answer: 1 << 20,
        }
    }
}

/// A request with an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// A hash of whose request it is, where it goes, and its key.
    pub slot: [u8; 32],
    /// A hash of everything that must be the same when it comes again.
    pub fingerprint: [u8; 32],
}

/// What becomes of a request with an idempotency key.
#[derive(Debug)]
pub enum Begun {
    /// It runs: nobody else does under this key.
    First(Running),
    /// It was answered before: head and body in the form of who kept them.
    Again(Kept),
}

/// An answer that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its head, in the form of who kept it.
    pub head: Bytes,
    /// Its body, byte for byte.
    pub body: Bytes,
}

/// How it does, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Requests that run now.
    pub running: u64,
    /// Bytes of their answers that are in memory.
    pub recorded: u64,
    /// Answers that were kept.
    pub kept: u64,
    /// Answers that were given again.
    pub replayed: u64,
    /// Writes that failed.
    pub failures: u64,
}

/// The requests with idempotency keys of this deployment.
#[derive(Debug)]
pub struct Replays {
    settings: ArcSwap<Settings>,
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    vault: OnceLock<Arc<dyn Vault>>,
    slots: Mutex<Slots>,
    recorded: AtomicUsize,
    kept: AtomicU64,
    replayed: AtomicU64,
    failures: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Slots {
    /// What runs, with its fingerprint.
    running: HashMap<[u8; 32], [u8; 32]>,
    /// How many have come to an end: whoever looked into the store before one did looks again.
    ended: u64,
}

impl Replays {
    /// Keeps answers in this store. Before [`Self::set_vault`] it takes no requests.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings: ArcSwap::default(),
            shared: Arc::new(Shared {
                store,
                clock,
                vault: OnceLock::new(),
                slots: Mutex::default(),
                recorded: AtomicUsize::new(0),
                kept: AtomicU64::new(0),
                replayed: AtomicU64::new(0),
                failures: AtomicU64::new(0),
            }),
        }
    }

    /// Says what encrypts the answers. Only the first time counts.
    pub fn set_vault(&self, vault: Arc<dyn Vault>) {
        self.shared.vault.get_or_init(|| vault);
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Takes other settings into use, for answers to come.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// How it does.
    pub fn read(&self) -> Reading {
        let shared = &self.shared;
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let count = |count| u64::try_from(count).unwrap_or(u64::MAX);
        Reading {
            running: count(shared.lock().running.len()),
            recorded: count(shared.recorded.load(Ordering::Relaxed)),
            kept: load(&shared.kept),
            replayed: load(&shared.replayed),
            failures: load(&shared.failures),
        }
    }

    /// Lets a request run, or gives the answer that it had. Fails while the same one runs, if the
    /// key was another request's, and if the store does not say within `patience` which it is.
    pub async fn begin(&self, asked: Asked, patience: Duration) -> Result<Begun, Failure> {
        let shared = &self.shared;
        shared.vault()?;
        let end = Instant::now() + patience;
        let seen = {
            let slots = shared.lock();
            slots.check(&asked)?;
            slots.ended
        };
        if let Some(kept) = shared.look(&asked, end).await? {
            return Ok(Begun::Again(kept));
        }
        let (running, changed) = {
            let mut slots = shared.lock();
            slots.check(&asked)?;
            if slots.running.len() >= MOST_RUNNING {
                return Err(too_many());
            }
            slots.running.insert(asked.slot, asked.fingerprint);
            (self.running(asked), slots.ended != seen)
        };
        // The same request may have come to its end since the store was asked.
        if changed && let Some(kept) = shared.look(&asked, end).await? {
            return Ok(Begun::Again(kept));
        }
        Ok(Begun::First(running))
    }

    fn running(&self, asked: Asked) -> Running {
        let settings = **self.settings.load();
        Running {
            shared: Arc::clone(&self.shared),
            asked,
            settings,
            recorded: Vec::new(),
            is_too_long: false,
            is_unsure: false,
        }
    }

    /// Forgets answers whose time is over, every few minutes until the end.
    pub async fn sweep(&self, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        loop {
            let now = self.shared.clock.now();
            match timeout(LONGEST_TRY, self.shared.store.forget_replays(now)).await {
                Ok(Ok(count)) => tracing::debug!(count, "answers that were kept are forgotten"),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "answers whose time is over cannot be forgotten");
                }
                Err(_) => tracing::warn!("answers whose time is over cannot be forgotten in time"),
            }
            tokio::select! {
                () = self.shared.clock.sleep(SWEEP_EVERY) => {}
                () = &mut end => return,
            }
        }
    }
}

impl Slots {
    /// Whether nobody runs here.
    fn check(&self, asked: &Asked) -> Result<(), Failure> {
        match self.running.get(&asked.slot) {
            None => Ok(()),
            Some(fingerprint) if *fingerprint == asked.fingerprint => Err(still_running()),
            Some(_) => Err(mismatch()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer that is kept for a request.
    async fn look(&self, asked: &Asked, end: Instant) -> Result<Option<Kept>, Failure> {
        let found = timeout_at(end, self.store.replay(&asked.slot)).await;
        let found = found.unwrap_or_else(|_| Err(StoreError("no answer in time".into())));
        let found = found.map_err(|error| {
            Failure::gateway(Code::DatabaseError)
                .message(
                    "The gateway cannot look up whether this request was answered before. Try \
                     again in a few seconds.",
                )
                .because(error)
        })?;
        let Some(stored) = found.filter(|stored| stored.expires_at > self.clock.now()) else {
            return Ok(None);
        };
        if stored.fingerprint != asked.fingerprint {
            return Err(mismatch());
        }
        let opened = self.vault()?.open(&asked.slot, &stored.answer);
        let clear = opened.map_err(|error| unreadable().because(error))?;
        let kept = unpack(clear.into())?;
        self.replayed.fetch_add(1, Ordering::Relaxed);
        Ok(Some(kept))
    }

    fn vault(&self) -> Result<&Arc<dyn Vault>, Failure> {
        self.vault.get().ok_or_else(|| {
            Failure::gateway(Code::InternalError).because("nothing encrypts answers here")
        })
    }
}

/// A request with an idempotency key that runs. Dropping it frees the key: nothing was made.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    asked: Asked,
    settings: Settings,
    recorded: Vec<u8>,
    is_too_long: bool,
    is_unsure: bool,
}

impl Running {
    /// Notes a part of the body of its answer.
    pub fn record(&mut self, part: &[u8]) {
        if self.is_too_long {
            return;
        }
        let length = self.recorded.len().saturating_add(part.len());
        let all = &self.shared.recorded;
        let before = all.fetch_add(part.len(), Ordering::Relaxed);
        let has_room = before.saturating_add(part.len()) <= MOST_RECORDED;
        if length > self.settings.longest_answer || !has_room {
            all.fetch_sub(part.len(), Ordering::Relaxed);
            self.forget();
            self.is_too_long = true;
            return;
        }
        self.recorded.extend_from_slice(part);
    }

    /// Keeps in place of an answer that nobody knows whether what was asked for was done: it is
    /// never done again under this key.
    pub async fn keep_unsure(mut self) {
        self.forget();
        self.is_unsure = true;
        self.keep(&[]).await;
    }

    /// Notes another body in place of all that was noted. One that was too long stays so.
    pub fn replace(&mut self, body: &[u8]) {
        self.forget();
        self.record(body);
    }

    /// Keeps the answer, with this head, and then frees the key. It tries until the answer is
    /// durable or its time is over; until then whoever asks again is told to wait.
    pub async fn keep(self, head: &[u8]) {
        let now = self.shared.clock.now();
        let expires_at = now.after(self.settings.ttl);
        let stored = match self.seal(head, expires_at) {
            Ok(stored) => stored,
            Err(failure) => {
                self.shared.failures.fetch_add(1, Ordering::Relaxed);
                let cause = failure.cause.as_ref().map(ToString::to_string);
                tracing::error!(cause, "an answer cannot be encrypted, so it is not kept");
                return;
            }
        };
        let mut wait = FIRST_WAIT;
        while self.shared.clock.now() < expires_at {
            let put = timeout(LONGEST_TRY, self.shared.store.put_replay(&stored)).await;
            match put.unwrap_or_else(|_| Err(StoreError("no answer in time".into()))) {
                Ok(()) => {
                    fault::point("replay.kept");
                    self.shared.kept.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(error) => {
                    self.shared.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, "an answer to an idempotency key cannot be kept yet");
                }
            }
            self.shared.clock.sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn seal(&self, head: &[u8], expires_at: Timestamp) -> Result<StoredReplay, Failure> {
        let clear = if self.is_unsure {
            vec![UNSURE]
        } else if self.is_too_long {
            vec![TOO_LONG]
        } else {
            pack(head, &self.recorded)
        };
        let sealed = self.shared.vault()?.seal(&self.asked.slot, &clear);
        let answer =
            sealed.map_err(|error| Failure::gateway(Code::InternalError).because(error))?;
        Ok(StoredReplay {
            slot: self.asked.slot,
            fingerprint: self.asked.fingerprint,
            answer,
            expires_at,
        })
    }

    fn forget(&mut self) {
        let recorded = std::mem::take(&mut self.recorded).len();
        self.shared.recorded.fetch_sub(recorded, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.forget();
        let mut slots = self.shared.lock();
        slots.running.remove(&self.asked.slot);
        slots.ended = slots.ended.wrapping_add(1);
    }
}

/// The kind, the length of the head (four bytes), the head, the body.
fn pack(head: &[u8], body: &[u8]) -> Vec<u8> {
    let mut packed = BytesMut::with_capacity(5 + head.len() + body.len());
    packed.put_u8(WHOLE);
    packed.put_u32(u32::try_from(head.len()).unwrap_or(u32::MAX));
    packed.put_slice(head);
    packed.put_slice(body);
    packed.into()
}

fn unpack(mut rest: Bytes) -> Result<Kept, Failure> {
    let damaged = || unreadable().because("a kept answer has no known form");
    let kind = rest.first().copied().ok_or_else(damaged)?;
    if kind == TOO_LONG {
        return Err(Failure::client(Code::Conflict).message(
            "This request was answered before, but its answer was too long to be kept, so it \
             cannot be given again. Use a new idempotency key to have it made once more.",
        ));
    }
    if kind == UNSURE {
        return Err(unsure());
    }
    let length = rest.get(1..5).and_then(|length| length.try_into().ok());
    let length = length.map(u32::from_be_bytes).ok_or_else(damaged)?;
    let length = usize::try_from(length).map_err(|_| damaged())?;
    if kind != WHOLE || rest.len() - 5 < length {
        return Err(damaged());
    }
    let body = rest.split_off(5 + length);
    Ok(Kept {
        head: rest.slice(5..),
        body,
    })
}

/// The one conflict that passes by itself: it says when to ask again.
fn still_running() -> Failure {
    let mut failure = Failure::client(Code::Conflict).message(
        "A request with the same idempotency key is still running. Ask again in a moment to get \
         its answer.",
    );
    failure.retry_after = Some(ASK_AGAIN);
    failure
}

fn mismatch() -> Failure {
    Failure::client(Code::IdempotencyMismatch)
}

fn too_many() -> Failure {
    Failure::gateway(Code::Overloaded)
        .message("Too many requests with idempotency keys are running. Try again in a moment.")
}

/// A write whose end nobody saw.
fn unsure() -> Failure {
    Failure::client(Code::Conflict).message(
        "The store failed while this request was carried out, so nobody knows whether it was. \
         Look whether what it asks for is there; use a new idempotency key to ask for it once more.",
    )
}

fn unreadable() -> Failure {
    Failure::gateway(Code::Conflict).message(
        "This request was answered before, but the answer that was kept cannot be read. Use a new \
         idempotency key to have it made once more.",
    )
}

#[cfg(test)]
mod tests;
