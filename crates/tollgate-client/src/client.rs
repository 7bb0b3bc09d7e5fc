//! The client, and what it is made of.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tollgate_core::secret::Secret;

use crate::answers::{ChatCompletion, Model, Models};
use crate::asked::Asked;
use crate::breaker::CircuitBreaker;
use crate::chat::ChatRequest;
use crate::clock::Clock;
use crate::connect::Connections;
use crate::exchange::{Core, Exchange, LONGEST_TIMEOUT};
use crate::failure::Error;
use crate::jobs::Jobs;
use crate::metrics::Metrics;
use crate::retry::{RetryPolicy, Watcher};
use crate::stream::ChatStream;

/// The most of an answer that is read, unless the builder says otherwise.
const LONGEST_ANSWER: usize = 128 * 1024 * 1024;

/// A setting with which no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// It does not begin with `http://` or `https://` and a host.
    #[error("`{0}` is no address of a gateway: it has to begin with http:// or https://")]
    Address(String),
    /// It holds a name or a password.
    #[error("the address of the gateway holds a name or a password: give the key beside it")]
    Credentials,
    /// The system's certificates cannot be read.
    #[error("encrypted connections cannot be prepared: {0}")]
    Tls(String),
    /// The timeout leaves no time at all.
    #[error("the timeout has to be more than nothing; leave it out for the usual times")]
    Timeout,
}

/// Talks to a gateway. Copies share connections, breaker and metrics.
#[derive(Clone, Debug)]
pub struct Client(pub(crate) Arc<Core>);

impl Client {
    /// A client with the usual habits. `base_url` may end with `/v1` or `/api`, or not.
    pub fn new(base_url: &str, key: impl Into<Box<str>>) -> Result<Self, BadSetting> {
        Self::builder(base_url, key).build()
    }

    /// A client of other habits.
    pub fn builder(base_url: &str, key: impl Into<Box<str>>) -> Builder {
        Builder {
            base_url: base_url.to_owned(),
            key: Secret::new(key),
            is_admin: false,
            timeout: None,
            longest_answer: LONGEST_ANSWER,
            has_idempotency_keys: true,
            retry: RetryPolicy::default(),
            breaker: Some(Arc::new(CircuitBreaker::default())),
            clock: Clock::default(),
            headers: HeaderMap::new(),
            on_retry: None,
        }
    }

    /// Asks a model and waits for the whole answer.
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatCompletion, Error> {
        self.begin(Asked::chat(request))?.answer().await
    }

    /// The same, with the answer as it is.
    pub async fn chat_as_is(&self, request: &ChatRequest) -> Result<Value, Error> {
        self.begin(Asked::chat(request))?.answer().await
    }

    /// Asks a model and hands on the answer as it comes.
    pub async fn chat_stream(&self, request: &ChatRequest) -> Result<ChatStream, Error> {
        ChatStream::open(self.begin(Asked::chat_stream(request))?).await
    }

    /// The models that the key may use.
    pub async fn models(&self) -> Result<Vec<Model>, Error> {
        let listed: Models = self.begin(Asked::models())?.answer().await?;
        Ok(listed.data)
    }

    /// The jobs of a team.
    pub fn jobs(&self, team_id: impl Into<String>) -> Jobs {
        Jobs::new(self.clone(), team_id.into())
    }

    /// What this client did until now.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The circuit breaker, if there is one.
    pub fn breaker(&self) -> Option<&CircuitBreaker> {
        self.0.breaker.as_deref()
    }

    pub(crate) fn begin(&self, asked: Asked) -> Result<Exchange, Error> {
        Exchange::begin(&self.0, asked)
    }
}

/// Makes a [`Client`].
#[derive(Debug)]
pub struct Builder {
    base_url: String,
    key: Secret,
    is_admin: bool,
    timeout: Option<Duration>,
    longest_answer: usize,
    has_idempotency_keys: bool,
    retry: RetryPolicy,
    breaker: Option<Arc<CircuitBreaker>>,
    clock: Clock,
    headers: HeaderMap,
    on_retry: Option<Watcher>,
}

impl Builder {
    /// The key is an admin key, for management addresses.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.is_admin = true;
        self
    }

    /// How long every answer may take: more than nothing; a day where it is longer, since the
    /// gateway waits no longer either. Each endpoint has its own time otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The most bytes of an answer that are read.
    #[must_use]
    pub fn longest_answer(mut self, bytes: usize) -> Self {
        self.longest_answer = bytes;
        self
    }

    /// Sends no idempotency keys, for requests that are never sent again.
    #[must_use]
    pub fn without_idempotency_keys(mut self) -> Self {
        self.has_idempotency_keys = false;
        self
    }

    /// How requests are sent again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Another circuit breaker, which several clients may share, or none.
    #[must_use]
    pub fn breaker(mut self, breaker: Option<Arc<CircuitBreaker>>) -> Self {
        self.breaker = breaker;
        self
    }

    /// Another clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Is told of each request that is sent again: why, and after which wait.
    #[must_use]
    pub fn on_retry(mut self, told: impl Fn(&Error, Duration) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Watcher::new(told));
        self
    }

    /// A header of every request.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        // It may be a secret of something between here and the gateway.
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Makes the client. Fails if the address is none, or the timeout.
    pub fn build(self) -> Result<Client, BadSetting> {
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(BadSetting::Timeout);
        }
        let root = root(&self.base_url);
        let uri: Option<http::Uri> = root.parse().ok();
        let uri = uri.filter(|uri| uri.host().is_some());
        let authority = uri.as_ref().and_then(http::Uri::authority);
        if authority.is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(BadSetting::Credentials);
        }
        let connections = match uri.as_ref().and_then(http::Uri::scheme_str) {
            Some("http") => Connections::plain(),
            Some("https") => {
                Connections::encrypted().map_err(|error| BadSetting::Tls(error.to_string()))?
            }
            _ => return Err(BadSetting::Address(self.base_url)),
        };
        Ok(Client(Arc::new(Core {
            root: root.to_owned(),
            key: self.key,
            is_admin: self.is_admin,
            timeout: self.timeout.map(|timeout| timeout.min(LONGEST_TIMEOUT)),
            longest_answer: self.longest_answer,
            has_idempotency_keys: self.has_idempotency_keys,
            retry: self.retry,
            breaker: self.breaker,
            metrics: Arc::default(),
            clock: self.clock,
            headers: self.headers,
            on_retry: self.on_retry,
            connections,
        })))
    }
}

/// The address of the gateway, whichever of its own prefixes was given along.
fn root(base_url: &str) -> &str {
    let address = base_url.trim_end_matches('/');
    let prefixes = ["/api/v1", "/v1", "/api"];
    let stripped = prefixes.iter().find_map(|end| address.strip_suffix(end));
    stripped.unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_come_with_a_prefix() {
        for address in [
            "http://gate:4000",
            "http://gate:4000/",
            "http://gate:4000/v1",
            "http://gate:4000/api/",
            "http://gate:4000/api/v1",
        ] {
            assert_eq!(root(address), "http://gate:4000");
        }
    }

    #[test]
    fn what_is_no_address_is_told_at_once() {
        for address in ["gate:4000", "ftp://gate", "", "http://"] {
            assert!(Client::new(address, "sk-1").is_err(), "{address}");
        }
    }

    #[test]
    fn a_timeout_is_more_than_nothing_and_a_day_at_most() {
        let made = |timeout| {
            Client::builder("http://gate", "sk-1")
                .timeout(timeout)
                .build()
        };
        assert!(matches!(made(Duration::ZERO), Err(BadSetting::Timeout)));
        for (timeout, held) in [
            (Duration::from_nanos(1), Duration::from_nanos(1)),
            (Duration::from_hours(23), Duration::from_hours(23)),
            (Duration::from_hours(25), LONGEST_TIMEOUT),
            (Duration::MAX, LONGEST_TIMEOUT),
        ] {
            assert_eq!(made(timeout).unwrap().0.timeout, Some(held));
        }
    }

    #[test]
    fn an_address_has_no_room_for_secrets() {
        let bad = Client::new("http://me:canary@gate", "sk-1").unwrap_err();
        assert!(matches!(bad, BadSetting::Credentials));
        assert!(!format!("{bad} {bad:?}").contains("canary"));
    }

    #[test]
    fn a_client_does_not_show_its_key() {
        let builder = Client::builder("http://gate", "sk-canary").header(
            HeaderName::from_static("x-proxy-key"),
            HeaderValue::from_static("canary"),
        );
        let client = builder.build().unwrap();
        assert!(!format!("{client:?}").contains("canary"));
    }
}
