//! Access tokens of Google Cloud: exchanged for with a service account's assertion, kept until
//! shortly before they end, and fetched by one call at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT,
};
use http::{Method, Request, StatusCode, Uri, Version};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tollgate_core::error::Failure;
use tollgate_core::time::Timestamp;

use super::ServiceAccount;
use crate::body::RequestBody;
use crate::dial::Dialer;
use crate::gather::Gathered;
use crate::headers;
use crate::pool::{Pool, Requests};
use crate::progress::Progress;
use crate::provider::Provider;
use crate::settings::{BaseUrl, ConnectionSettings, HttpVersion, Place};
use crate::tls::{SystemTrust, Tls};
use problem::TokenProblem;

mod problem;

/// The longest that an exchange may take; it is one small request.
const EXCHANGE: Duration = Duration::from_secs(10);
/// A token is replaced by a call that finds it with less than this left; others use it meanwhile.
const AGING: Duration = Duration::from_mins(5);
/// Less than this is taken for nothing: the request has to arrive with a token that holds.
const SPENT: Duration = Duration::from_secs(20);
/// The longest that a call waits for a token while it has one that still holds.
const RENEWAL: Duration = Duration::from_secs(3);
/// When a token that still holds could not be replaced: how long until the next try.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a token holds when its answer does not say.
const UNSAID: u64 = 300;
/// The largest answer that is read; real ones have one or two kilobytes.
const ANSWER: usize = 64 * 1024;

/// The tokens of one connection.
pub(crate) struct TokenSource {
    account: ServiceAccount,
    pool: Arc<Pool>,
    state: Mutex<State>,
    /// Held by the call that fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// How many exchanges have ended.
    ended: u64,
    /// How the last one went wrong, if it did.
    problem: Option<TokenProblem>,
}

#[derive(Clone)]
struct Token {
    /// As the header has it.
    value: HeaderValue,
    /// From when on a call replaces it.
    aging: Instant,
    /// From when on it is not used.
    spent: Instant,
}

/// When a token is wanted, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time of day, for the assertion.
    pub(crate) now: Timestamp,
    /// How long a connection may take to stand.
    pub(crate) connect: Duration,
    /// When the whole call must be over.
    pub(crate) deadline: Instant,
}

impl TokenSource {
    /// A source that has no token yet.
    pub(crate) fn new(
        account: ServiceAccount,
        settings: &ConnectionSettings,
        trust: &SystemTrust,
        tasks: &TaskTracker,
    ) -> Self {
        let place = account.exchange().clone();
        let http = HttpVersion::Http1;
        let encrypts = place.is_https();
        let tls = encrypts.then(|| Tls::new(http, settings.roots.clone(), trust.clone()));
        let dialer = Dialer::new(Place::Url(place), tls, None);
        Self {
            account,
            pool: Arc::new(Pool::new(dialer, http, tasks.clone())),
            state: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The `authorization` of a request. Fails when there is no token that holds and none can be
    /// had in time; calls that waited for the same exchange fail with it.
    pub(crate) async fn token(
        &self,
        moment: Moment,
        provider: &Provider,
    ) -> Result<HeaderValue, Failure> {
        let outcome = match self.look() {
            Look::Good(value) => Ok(value),
            Look::Aging(value) => Ok(self.replace(moment).await.unwrap_or(value)),
            Look::Nothing { ended } => self.fetch(moment, ended).await,
        };
        outcome.map_err(|problem| problem.failure(provider))
    }

    /// Forgets a token that the provider refuses although it should hold.
    pub(crate) fn forget(&self, refused: &HeaderValue) {
        let mut state = self.lock();
        if state
            .token
            .as_ref()
            .is_some_and(|token| token.value == *refused)
        {
            state.token = None;
        }
    }

    fn look(&self) -> Look {
        let state = self.lock();
        let now = Instant::now();
        match &state.token {
            Some(token) if now < token.aging => Look::Good(token.value.clone()),
            Some(token) if now < token.spent => Look::Aging(token.value.clone()),
            _ => Look::Nothing { ended: state.ended },
        }
    }

    /// Replaces a token that still holds, unless another call is at it; `None` if that fails.
    async fn replace(&self, moment: Moment) -> Option<HeaderValue> {
        let _turn = self.turn.try_lock().ok()?;
        match self.exchange(moment.in_passing()).await {
            Ok(value) => Some(value),
            Err(problem) => {
                tracing::warn!(%problem, "an access token could not be renewed before its end");
                if let Some(token) = &mut self.lock().token {
                    token.aging = Instant::now() + PATIENCE;
                }
                None
            }
        }
    }

    /// Waits for the exchange that is under way, or makes one. `ended` is how many had ended when
    /// the call came: what has ended since is as good as its own.
    async fn fetch(&self, moment: Moment, ended: u64) -> Result<HeaderValue, TokenProblem> {
        let turn = timeout_at(moment.until(), self.turn.lock());
        let _turn = turn.await.map_err(|_| TokenProblem::Timeout)?;
        {
            let state = self.lock();
            if state.ended != ended {
                match (&state.problem, &state.token) {
                    (Some(problem), _) => return Err(problem.clone()),
                    (None, Some(token)) => return Ok(token.value.clone()),
                    (None, None) => {}
                }
            }
        }
        self.exchange(moment).await
    }

    async fn exchange(&self, moment: Moment) -> Result<HeaderValue, TokenProblem> {
        let asked = Instant::now();
        let until = moment.until();
        let outcome = match timeout_at(until, self.ask(moment)).await {
            Ok(outcome) => outcome,
            // Calls that wait may have more time; one of them tries again.
            Err(_) if until < asked + EXCHANGE => return Err(TokenProblem::Timeout),
            Err(_) => Err(TokenProblem::Timeout),
        };
        let mut state = self.lock();
        state.ended = state.ended.wrapping_add(1);
        let granted = outcome.inspect_err(|problem| state.problem = Some(problem.clone()))?;
        let value = granted.value.clone();
        state.problem = None;
        state.token = Some(granted.token(asked));
        Ok(value)
    }

    async fn ask(&self, moment: Moment) -> Result<Granted, TokenProblem> {
        let assertion = self.account.assertion(moment.now);
        let assertion = assertion.ok_or(TokenProblem::Unsigned)?;
        let mut exchange = Exchange::new(self.account.exchange(), &assertion)?;
        let (head, mut inflow) = self.pool.send(&mut exchange, moment.connect).await?;
        let mut gathered = Gathered::new(ANSWER);
        gathered.read(&mut inflow).await?;
        if gathered.is_complete() {
            inflow.release();
        }
        let body = gathered.into_bytes();
        if head.status != StatusCode::OK {
            return Err(TokenProblem::refused(head.status, &body));
        }
        Granted::read(&body).ok_or(TokenProblem::NoToken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is held is valid at every moment, whoever panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is at hand.
enum Look {
    /// A token with time left.
    Good(HeaderValue),
    /// A token that is to be replaced.
    Aging(HeaderValue),
    /// None that can be used.
    Nothing { ended: u64 },
}

impl Moment {
    fn until(self) -> Instant {
        self.deadline.min(Instant::now() + EXCHANGE)
    }

    /// The moment of an exchange that the call can do without: most of its time is left to it.
    fn in_passing(self) -> Self {
        let now = Instant::now();
        let left = self.deadline.saturating_duration_since(now);
        let deadline = now + RENEWAL.min(left / 2);
        Self { deadline, ..self }
    }
}

/// What an exchange gave.
struct Granted {
    value: HeaderValue,
    lifetime: Duration,
}

impl Granted {
    fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            expires_in: Option<u64>,
        }
        let answer: Answer = serde_json::from_slice(body).ok()?;
        if answer.access_token.is_empty() {
            return None;
        }
        let mut value = HeaderValue::try_from(format!("Bearer {}", answer.access_token)).ok()?;
        value.set_sensitive(true);
        // A bound, so that a strange number cannot overflow a point in time.
        let seconds = answer.expires_in.unwrap_or(UNSAID).min(24 * 3600);
        Some(Self {
            value,
            lifetime: Duration::from_secs(seconds),
        })
    }

    fn token(self, asked: Instant) -> Token {
        Token {
            value: self.value,
            aging: asked + self.lifetime.saturating_sub(AGING),
            spent: asked + self.lifetime.saturating_sub(SPENT),
        }
    }
}

/// The request of an exchange.
struct Exchange {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Exchange {
    fn new(place: &BaseUrl, assertion: &str) -> Result<Self, TokenProblem> {
        let path = if place.path.is_empty() {
            "/"
        } else {
            &place.path
        };
        let uri = Uri::try_from(path).map_err(|_| TokenProblem::Unsigned)?;
        let host = HeaderValue::try_from(place.authority.as_str());
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(HOST, host.map_err(|_| TokenProblem::Unsigned)?);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, headers::OWN_AGENT);
        // An assertion has no character that a form would have to encode.
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let body = format!("grant_type={grant}&assertion={assertion}").into();
        Ok(Self { uri, headers, body })
    }
}

impl Requests for Exchange {
    fn request(&self, version: Version) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::new([self.body.clone()]));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = version;
        *request.headers_mut() = self.headers.clone();
        request
    }

    // A call whose token could not be had was never sent, whatever became of this.
    fn note(&mut self, _: Progress) {}
}
