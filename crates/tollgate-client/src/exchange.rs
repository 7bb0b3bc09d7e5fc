//! One request from the first attempt to its end.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::InvalidHeaderValue;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::error::Elapsed;
use tollgate_core::secret::Secret;

use crate::asked::Asked;
use crate::breaker::{CircuitBreaker, Outcome, Pass};
use crate::clock::Clock;
use crate::connect::{Broken, Connections};
use crate::failure::{self, Error, Kind};
use crate::metrics::Metrics;
use crate::retry::{RetryPolicy, Watcher};

/// The most of an error's body that is read.
const LONGEST_ERROR: usize = 1024 * 1024;
const ADMIN_KEY: HeaderName = HeaderName::from_static("x-admin-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that the gateway waits for an answer; it refuses requests that name more.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);
const TIMEOUT_MS: HeaderName = HeaderName::from_static("x-tollgate-timeout-ms");
const AGENT: &str = concat!("tollgate-rust/", env!("CARGO_PKG_VERSION"));

/// What all requests of a client share.
#[derive(Debug)]
pub(crate) struct Core {
    /// The address of the gateway, without a slash at its end.
    pub(crate) root: String,
    pub(crate) key: Secret,
    /// Which header carries the key.
    pub(crate) is_admin: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) longest_answer: usize,
    pub(crate) has_idempotency_keys: bool,
    pub(crate) retry: RetryPolicy,
    pub(crate) breaker: Option<Arc<CircuitBreaker>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) headers: HeaderMap,
    pub(crate) connections: Connections,
    pub(crate) on_retry: Option<Watcher>,
}

/// A request with all its attempts. Dropped before its end, it was given up.
#[derive(Debug)]
pub(crate) struct Exchange {
    core: Arc<Core>,
    asked: Asked,
    id: String,
    idempotency_key: String,
    attempt: u32,
    timeout: Duration,
    begin: Duration,
    pass: Option<Pass>,
    is_settled: bool,
}

/// An answer and how it is called.
pub(crate) struct Answer {
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Exchange {
    /// Begins a request; fails while nothing may be sent.
    pub(crate) fn begin(core: &Arc<Core>, asked: Asked) -> Result<Self, Error> {
        let begin = (core.clock.monotonic)();
        let id = format!("cli_{}", random_hex()?);
        let idempotency_key = random_hex()?;
        let breaker = core.breaker.as_ref();
        let pass = breaker.map(|breaker| breaker.admit(begin)).transpose()?;
        Ok(Self {
            timeout: core.timeout.unwrap_or(asked.timeout),
            core: core.clone(),
            asked,
            id,
            idempotency_key,
            attempt: 0,
            begin,
            pass,
            is_settled: false,
        })
    }

    /// The answer, whole and in its form.
    pub(crate) async fn answer<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let outcome = loop {
            let error = match self.whole().await.and_then(|answer| read(&answer)) {
                Ok(value) => break Ok(value),
                Err(error) => error,
            };
            if let Err(error) = self.wait(error).await {
                break Err(error);
            }
        };
        self.settled(outcome)
    }

    /// The answer as it begins, for a stream.
    pub(crate) async fn open(&mut self) -> Result<(Incoming, HeaderMap), Error> {
        loop {
            let error = match self.opened().await {
                Ok(answer) => {
                    // A stream may take long; the gateway has answered.
                    if let (Some(breaker), Some(pass)) = (&self.core.breaker, self.pass) {
                        self.pass = Some(breaker.answered(pass));
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if let Err(error) = self.wait(error).await {
                return self.settled(Err(error));
            }
        }
    }

    /// How long nothing may come.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout
    }

    /// Notes how the request went.
    pub(crate) fn settled<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        match outcome {
            Ok(value) => {
                self.settle(Outcome::Answered, true);
                let (id, endpoint) = (self.request_id(), self.asked.endpoint);
                tracing::info!(request_id = id, endpoint, attempt = self.attempt, "done");
                Ok(value)
            }
            Err(mut error) => {
                error.attempts = self.attempt;
                let outcome = if error.kind.is_failure() {
                    Outcome::Failed
                } else {
                    Outcome::Answered
                };
                self.settle(outcome, false);
                tracing::error!(
                    request_id = error.request_id,
                    endpoint = self.asked.endpoint,
                    attempt = self.attempt,
                    status = error.status,
                    code = error.code,
                    kind = error.kind.name(),
                    "failed"
                );
                Err(error)
            }
        }
    }

    fn settle(&mut self, outcome: Outcome, success: bool) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let now = (self.core.clock.monotonic)();
        if let (Some(breaker), Some(pass)) = (&self.core.breaker, self.pass) {
            breaker.settle(pass, outcome, now);
        }
        let latency = now.saturating_sub(self.begin);
        let endpoint = self.asked.endpoint;
        self.core.metrics.request(endpoint, latency, success);
    }

    /// The id of the attempt that runs.
    fn request_id(&self) -> String {
        match self.attempt {
            0 | 1 => self.id.clone(),
            attempt => format!("{}.{attempt}", self.id),
        }
    }

    async fn whole(&mut self) -> Result<Answer, Error> {
        let request = self.request()?;
        let mut received = Received::default();
        let asking = async {
            let body = received.begin(&self.core, request).await?;
            let most = if received.is_success() {
                self.core.longest_answer
            } else {
                LONGEST_ERROR
            };
            received.read(body, most).await
        };
        let asked = tokio::time::timeout(self.timeout, asking).await;
        let trouble = self.trouble(asked).err();
        self.judged(received, trouble)
    }

    async fn opened(&mut self) -> Result<(Incoming, HeaderMap), Error> {
        let request = self.request()?;
        let mut received = Received::default();
        let asking = async {
            let body = received.begin(&self.core, request).await?;
            if received.is_success() {
                return Ok(Some(body));
            }
            received.read(body, LONGEST_ERROR).await.map(|()| None)
        };
        let asked = tokio::time::timeout(self.timeout, asking).await;
        let trouble = match self.trouble(asked) {
            Ok(Some(body)) => return Ok((body, received.headers)),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        Err(self.refused(&received, trouble))
    }

    /// What came, or what went wrong with that.
    fn trouble<T>(&self, asked: Result<Result<T, Broken>, Elapsed>) -> Result<T, Error> {
        match asked {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(broken)) => Err(self.broken(&broken)),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn judged(&self, received: Received, trouble: Option<Error>) -> Result<Answer, Error> {
        if !received.is_success() || trouble.is_some() {
            return Err(self.refused(&received, trouble));
        }
        let answer = Answer {
            request_id: self.id_of(&received.headers),
            status: received.status.as_u16(),
            body: received.body.freeze(),
        };
        if received.is_cut {
            let most = self.core.longest_answer;
            let message = format!("the gateway's answer is longer than {most} bytes");
            return Err(unreadable(&answer, &message));
        }
        Ok(answer)
    }

    /// The error for an answer with an error status, even where its body broke off; otherwise what
    /// went wrong.
    fn refused(&self, received: &Received, trouble: Option<Error>) -> Error {
        if let (true, Some(error)) = (!received.has_begun || received.is_success(), trouble) {
            return error;
        }
        let now = (self.core.clock.wall)();
        let status = received.status.as_u16();
        let mut error = failure::response(status, &received.headers, &received.body, now);
        if error.request_id.is_none() {
            error.request_id = Some(self.request_id());
        }
        error
    }

    /// What the next attempt sends.
    fn request(&mut self) -> Result<Request<Full<Bytes>>, Error> {
        self.attempt += 1;
        let headers = self.headers();
        let headers = headers.map_err(|_| unsendable("the key cannot stand in a header"))?;
        let asked = &self.asked;
        tracing::debug!(
            request_id = self.request_id(),
            endpoint = asked.endpoint,
            attempt = self.attempt,
            "sent"
        );
        let body = asked.body.as_ref().map(ToString::to_string);
        let mut request = Request::builder()
            .method(asked.method.clone())
            .uri(format!("{}{}", self.core.root, asked.path))
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| unsendable(&error.to_string()))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn headers(&self) -> Result<HeaderMap, InvalidHeaderValue> {
        let (core, asked) = (&self.core, &self.asked);
        let mut headers = core.headers.clone();
        let key = core.key.expose();
        let (name, mut key) = if core.is_admin {
            (ADMIN_KEY, HeaderValue::try_from(key)?)
        } else {
            let bearer = format!("Bearer {key}");
            (AUTHORIZATION, HeaderValue::try_from(bearer)?)
        };
        // Not to be shown, nor kept in the tables of a connection's compression.
        key.set_sensitive(true);
        headers.insert(name, key);
        let mut set = |name: HeaderName, value: &str| {
            HeaderValue::try_from(value).map(|value| _ = headers.insert(name, value))
        };
        if asked.is_stream {
            set(ACCEPT, "text/event-stream")?;
        } else {
            set(ACCEPT, "application/json")?;
            // Whoever is told how long the caller waits can answer before it has gone.
            let timeout = self.timeout.min(LONGEST_TIMEOUT);
            set(TIMEOUT_MS, &timeout.as_millis().max(1).to_string())?;
        }
        set(ACCEPT_ENCODING, "identity")?;
        set(USER_AGENT, AGENT)?;
        set(REQUEST_ID, &self.request_id())?;
        if asked.body.is_some() {
            set(CONTENT_TYPE, "application/json")?;
        }
        if self.has_idempotency_key() {
            set(IDEMPOTENCY_KEY, &self.idempotency_key)?;
        }
        Ok(headers)
    }

    fn has_idempotency_key(&self) -> bool {
        self.asked.method == Method::POST && self.core.has_idempotency_keys
    }

    /// The id under which the gateway's log has the request.
    pub(crate) fn id_of(&self, headers: &HeaderMap) -> String {
        let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
        id.map_or_else(|| self.request_id(), str::to_owned)
    }

    fn timed_out(&self) -> Error {
        let seconds = self.timeout.as_secs_f64();
        let message = format!("Request timed out after {seconds} s");
        let mut error = Error::passing(Kind::Timeout, "client_timeout", message);
        error.request_id = Some(self.request_id());
        error
    }

    fn broken(&self, broken: &Broken) -> Error {
        let message = format!("Connection error: {broken}");
        let mut error = Error::passing(Kind::Connection, "connection_error", message);
        error.request_id = Some(self.request_id());
        error.unreachable = broken.unreachable;
        error
    }

    /// Waits before the next attempt; gives the error back to give up.
    async fn wait(&mut self, error: Error) -> Result<(), Error> {
        let core = self.core.clone();
        let is_lost = matches!(error.kind, Kind::Timeout | Kind::Connection) && !error.unreachable;
        if is_lost && !self.asked.is_repeatable && !self.has_idempotency_key() {
            // It may have been done, and doing it again may be another thing.
            return Err(error);
        }
        let chance = (core.clock.random)();
        let Some(wait) = core.retry.wait(&error, self.attempt, chance) else {
            return Err(error);
        };
        if error.kind == Kind::Timeout {
            self.timeout = longer(self.timeout, core.retry.more_time);
        }
        core.metrics.retry();
        tracing::warn!(
            request_id = error.request_id,
            endpoint = self.asked.endpoint,
            attempt = self.attempt,
            status = error.status,
            code = error.code,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "retrying"
        );
        if let Some(watcher) = &core.on_retry {
            watcher.tell(&error, wait);
        }
        (core.clock.sleep)(wait).await;
        Ok(())
    }
}

/// So many times a timeout, a day at most. A factor that makes none of it leaves it as it is.
fn longer(timeout: Duration, times: f64) -> Duration {
    let seconds = timeout.as_secs_f64() * times;
    if seconds > 0.0 {
        Duration::from_secs_f64(seconds.min(LONGEST_TIMEOUT.as_secs_f64()))
    } else {
        timeout
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.settle(Outcome::Unknown, false);
    }
}

/// What one attempt brought until now.
#[derive(Default)]
struct Received {
    has_begun: bool,
    status: StatusCode,
    headers: HeaderMap,
    body: BytesMut,
    /// The body is longer than what is read of it.
    is_cut: bool,
}

impl Received {
    /// Sends a request and notes the head of its answer.
    async fn begin(
        &mut self,
        core: &Core,
        request: Request<Full<Bytes>>,
    ) -> Result<Incoming, Broken> {
        let (parts, body) = core.connections.send(request).await?.into_parts();
        self.has_begun = true;
        self.status = parts.status;
        self.headers = parts.headers;
        Ok(body)
    }

    /// Reads the body, so many bytes at most.
    async fn read(&mut self, mut body: Incoming, most: usize) -> Result<(), Broken> {
        while let Some(frame) = body.frame().await {
            if let Ok(piece) = frame?.into_data() {
                self.body.extend_from_slice(&piece);
            }
            if self.body.len() > most {
                self.body.truncate(most);
                self.is_cut = true;
                break;
            }
        }
        Ok(())
    }

    fn is_success(&self) -> bool {
        self.has_begun && self.status.is_success()
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    // As a whole first: of members that stand there twice the last one counts, whatever the form.
    serde_json::from_slice::<serde_json::Value>(&answer.body)
        .and_then(serde_json::from_value)
        .map_err(|_| unreadable(answer, "the gateway's answer cannot be read"))
}

fn unreadable(answer: &Answer, message: &str) -> Error {
    let mut error = Error::new(Kind::InvalidResponse, Some("invalid_response"), message);
    error.status = Some(answer.status);
    error.request_id = Some(answer.request_id.clone());
    error
}

fn unsendable(why: &str) -> Error {
    Error::new(Kind::BadRequest, Some("unsendable"), why)
}

fn random_hex() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| unsendable(&error.to_string()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_grows_to_a_day_at_most() {
        let hours = Duration::from_hours;
        for (timeout, times, expected) in [
            (hours(2), 1.5, hours(3)),
            (hours(16), 1.5, hours(24)),
            (hours(17), 1.5, LONGEST_TIMEOUT),
            (LONGEST_TIMEOUT, 1.5, LONGEST_TIMEOUT),
            (hours(2), f64::INFINITY, LONGEST_TIMEOUT),
            (hours(2), 0.5, hours(1)),
            (hours(2), 0.0, hours(2)),
            (hours(2), -1.0, hours(2)),
            (hours(2), f64::NAN, hours(2)),
        ] {
            assert_eq!(longer(timeout, times), expected, "{timeout:?} {times}");
        }
    }
}
