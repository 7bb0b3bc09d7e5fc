//! Answers that are kept in memory, and given again to the same question of the same team. Of
//! equal questions at the same time one is asked; the others wait for its answer, and read it along
//! if it is a stream.
//!
//! What a question is known by, and what its answer looks like, is decided by whoever asks; here
//! it is bytes behind a key. Everything is forgotten when other models come into use: what was
//! asked for before that is for those who asked before it.

mod filling;
mod live;
mod table;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tollgate_core::error::{Code, Failure};
use tollgate_core::reply::{Finish, Usage};
use tollgate_core::route::cache::CacheMode;
use tollgate_core::time::Moment;

use self::live::Live;
use self::table::Table;
use crate::engine::Ticker;
use crate::routes::{Route, RouteTarget};

pub use self::filling::Filling;
pub use self::live::{Joining, Reader};

/// What a question is known by: a hash of everything that changes its answer, and of its team.
pub type Key = [u8; 32];

/// How answers are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Which requests.
    pub mode: CacheMode,
    /// How long an answer is given again.
    pub ttl: Duration,
    /// How much longer it is kept for calls that no provider can answer.
    pub stale: Duration,
    /// The most bytes of all answers.
    pub size: usize,
    /// The most bytes of one.
    pub longest_answer: usize,
    /// What a call that is answered from here costs, in percent.
    pub hit_price_percent: u8,
}

/// What an answer tells of itself.
#[derive(Debug)]
pub struct About {
    /// Who answered.
    pub answered: Arc<RouteTarget>,
    /// The request to which it was the answer.
    pub request_id: Box<str>,
    /// Parts of the request that its provider could not be told.
    pub lost: Vec<String>,
}

/// An answer that is kept.
#[derive(Debug)]
pub struct Kept {
    /// The body as it goes to the caller; of a stream all of its parts.
    pub body: Bytes,
    /// Where the parts of a stream end; nothing for a whole answer.
    pub ends: Option<Box<[usize]>>,
    /// What the provider said was used.
    pub usage: Option<Usage>,
    /// Why the model stopped.
    pub finish: Option<Finish>,
    /// About how many tokens a stream has, in sixteenths of a token.
    pub delivered: u32,
    about: Arc<About>,
    born: Moment,
    ttl: Duration,
    stale: Duration,
}

/// An answer that is given again.
#[derive(Clone, Debug)]
pub struct Hit {
    /// What it tells of itself.
    pub about: Arc<About>,
    /// How old it is.
    pub age: Duration,
    /// What the call costs, in percent.
    pub percent: u8,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What it is known by.
    pub key: Key,
    /// Under which models it is asked: [`Cache::generation`], read before its model is looked up.
    pub generation: u64,
    /// Whether an answer that is kept will do.
    pub reads: bool,
    /// How old that may be at most, if the caller says so.
    pub max_age: Option<Duration>,
    /// How long an answer is given again.
    pub ttl: Duration,
    /// How much longer it is kept for calls that no provider can answer.
    pub stale: Duration,
    /// How long the answer to an equal question is waited for.
    pub patience: Duration,
}

/// Where an answer that is given again comes from.
#[derive(Debug)]
pub enum Source {
    /// It is kept.
    Kept(Arc<Kept>),
    /// It is a stream that an equal request is just getting.
    Along(Reader),
}

/// What was found.
pub enum Found {
    /// The answer.
    Hit(Hit, Source),
    /// Nothing: a provider is to be asked, and this takes what it says.
    Miss(Box<Filling>),
}

/// How far an equal question is.
#[derive(Clone)]
enum Flight {
    /// It is under way.
    Open,
    /// Its answer is a stream, which has begun.
    Live(Arc<Live>),
    /// Its answer is kept.
    Kept(Arc<Kept>),
    /// It failed, or its answer is not for others.
    Failed,
}

/// How often answers were there, and what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Calls that were answered from here.
    pub hits: u64,
    /// Calls for which nothing was there.
    pub misses: u64,
    /// Calls that were answered with a stale answer because no provider could be asked.
    pub stale: u64,
    /// Answers that are kept.
    pub entries: usize,
    /// The bytes of them.
    pub bytes: usize,
}

/// The answers.
pub struct Cache {
    settings: ArcSwap<Settings>,
    ticker: Ticker,
    table: Mutex<Table>,
    /// Counts how often everything was forgotten. Changed with the table locked.
    generation: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
}

impl Cache {
    pub(crate) fn new(ticker: Ticker) -> Self {
        Self {
            settings: ArcSwap::default(),
            ticker,
            table: Mutex::default(),
            generation: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            stale: AtomicU64::new(0),
        }
    }

    /// Takes other settings into use.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.table().shrink(settings.size);
    }

    /// Under which models is asked now. To be read before a request looks its model up: then what
    /// comes of it is kept only if everything that it met was the same throughout.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Which requests to a model are looked for.
    pub fn mode(&self, route: &Route) -> CacheMode {
        let own = route.rules.cache.mode;
        own.unwrap_or_else(|| self.settings.load().mode)
    }

    /// How long answers of a model are given again, and how much longer they are kept.
    pub fn ages(&self, route: &Route) -> (Duration, Duration) {
        let settings = self.settings.load();
        let own = &route.rules.cache;
        (
            own.ttl.unwrap_or(settings.ttl),
            own.stale.unwrap_or(settings.stale),
        )
    }

    /// Looks for an answer. Where an equal question is under way, waits for its answer, of a stream
    /// for its beginning; if it fails before that, those who waited ask for themselves, all at
    /// once, as they would without a cache. If whoever asked it goes away, the next one asks for
    /// all. A question of before everything was forgotten is asked without the others.
    pub async fn find(self: &Arc<Self>, question: &Question) -> Found {
        let end = Instant::now() + question.patience;
        loop {
            let mut flight = match self.look(question) {
                Looked::Found(found) => return found,
                Looked::Wait(flight) => flight,
            };
            let ended = async {
                // Whatever it changes to is all there is to wait for.
                flight.changed().await.ok()?;
                Some(flight.borrow().clone())
            };
            match timeout_at(end, ended).await {
                Ok(Some(Flight::Kept(kept))) => return self.hit(kept),
                Ok(Some(Flight::Live(live))) => {
                    return match live.join() {
                        Some(reader) => self.along(&live, reader),
                        None => Found::Miss(self.miss(question, None)),
                    };
                }
                // Whoever asked has gone.
                Ok(None) => {}
                Ok(Some(Flight::Failed | Flight::Open)) | Err(_) => {
                    return Found::Miss(self.miss(question, None));
                }
            }
        }
    }

    fn look(self: &Arc<Self>, question: &Question) -> Looked {
        if !question.reads {
            return Looked::Found(Found::Miss(self.miss(question, None)));
        }
        let now = self.ticker.moment();
        let mut table = self.table();
        if question.generation != self.generation() {
            drop(table);
            return Looked::Found(Found::Miss(self.miss(question, None)));
        }
        if let Some(kept) = table.get(&question.key, now) {
            let age = now.since(kept.born);
            if age <= kept.ttl && question.max_age.is_none_or(|most| age <= most) {
                drop(table);
                return Looked::Found(self.hit(kept));
            }
        }
        if let Some(flight) = table.flights.get(&question.key) {
            return Looked::Wait(flight.clone());
        }
        let (sender, receiver) = watch::channel(Flight::Open);
        table.flights.insert(question.key, receiver);
        drop(table);
        Looked::Found(Found::Miss(self.miss(question, Some(sender))))
    }

    fn hit(&self, kept: Arc<Kept>) -> Found {
        self.hits.fetch_add(1, Ordering::Relaxed);
        Found::Hit(self.again(&kept), Source::Kept(kept))
    }

    fn along(&self, live: &Live, reader: Reader) -> Found {
        self.hits.fetch_add(1, Ordering::Relaxed);
        let hit = Hit {
            about: Arc::clone(&live.about),
            age: Duration::ZERO,
            percent: self.settings.load().hit_price_percent,
        };
        Found::Hit(hit, Source::Along(reader))
    }

    fn again(&self, kept: &Kept) -> Hit {
        Hit {
            about: Arc::clone(&kept.about),
            age: self.ticker.moment().since(kept.born),
            percent: self.settings.load().hit_price_percent,
        }
    }

    fn miss(
        self: &Arc<Self>,
        question: &Question,
        flight: Option<watch::Sender<Flight>>,
    ) -> Box<Filling> {
        self.misses.fetch_add(1, Ordering::Relaxed);
        let longest = self.settings.load().longest_answer;
        Box::new(Filling::new(Arc::clone(self), *question, flight, longest))
    }

    /// An answer that is too old, for a call that failed because no provider could answer.
    pub fn stale(&self, question: &Question, failure: &Failure) -> Option<(Hit, Source)> {
        let is_wanted = question.reads && question.max_age.is_none();
        if !is_wanted || question.stale.is_zero() || !is_down(failure.code) {
            return None;
        }
        let now = self.ticker.moment();
        let mut table = self.table();
        if question.generation != self.generation() {
            return None;
        }
        let kept = table.get(&question.key, now)?;
        drop(table);
        self.stale.fetch_add(1, Ordering::Relaxed);
        Some((self.again(&kept), Source::Kept(kept)))
    }

    /// Forgets every answer: who would answer now may be somebody else. To be called once others
    /// answer.
    pub(crate) fn clear(&self) {
        let mut table = self.table();
        self.generation.fetch_add(1, Ordering::Release);
        table.clear();
    }

    /// How it does.
    pub fn read(&self) -> Reading {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let table = self.table();
        Reading {
            hits: load(&self.hits),
            misses: load(&self.misses),
            stale: load(&self.stale),
            entries: table.len(),
            bytes: table.bytes(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change under the lock is complete before anything could panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a look into the table shows.
enum Looked {
    Found(Found),
    Wait(watch::Receiver<Flight>),
}

/// Whether a failure says that no provider can answer now, whoever asks.
fn is_down(code: Code) -> bool {
    match code {
        Code::ProviderAuthenticationFailed
        | Code::ProviderPermissionDenied
        | Code::ProviderQuotaExhausted
        | Code::ProviderRateLimited
        | Code::ProviderOverloaded
        | Code::ProviderError
        | Code::ProviderUnreachable
        | Code::ProviderInvalidResponse
        | Code::ProviderGenerationFailed
        | Code::ProviderTimeout
        | Code::ProviderModelNotFound
        | Code::StreamInterrupted
        | Code::NoModels
        | Code::NoTargets
        | Code::NoHealthyTargets
        | Code::CircuitBreakerOpen
        | Code::RouteSelectionFailed
        | Code::RouteSelectionTimeout
        | Code::RetryLimitExceeded
        | Code::FallbackChainExhausted
        | Code::RemoteGatewayUnavailable
        | Code::RemoteGatewayTimeout => true,
        Code::MissingApiKey
        | Code::InvalidApiKey
        | Code::ExpiredApiKey
        | Code::PermissionDenied
        | Code::TeamSuspended
        | Code::TeamPaused
        | Code::ModelAccessDenied
        | Code::ModelNotFound
        | Code::ResourceNotFound
        | Code::UnknownUrl
        | Code::MethodNotAllowed
        | Code::InvalidRequest
        | Code::MalformedJson
        | Code::UnsupportedMediaType
        | Code::RequestTooLarge
        | Code::RequestTimeout
        | Code::Conflict
        | Code::IdempotencyMismatch
        | Code::InsufficientCredits
        | Code::BudgetExceeded
        | Code::RateLimitExceeded
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::ProviderInvalidRequest
        | Code::ProviderRequestTooLarge
        | Code::ProviderDataPolicy
        | Code::Overloaded
        | Code::Maintenance
        | Code::DatabaseError
        | Code::InternalError => false,
    }
}
