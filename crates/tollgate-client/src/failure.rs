//! What can go wrong. Branch on the kind or the code; show the message; tell the request id.

mod read;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use serde_json::Value;

pub(crate) use read::{event, is_failure, response};

/// The kinds of errors, named as the exceptions of the Python package are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Anything that has no kind of its own.
    Api,
    /// The request has to be changed.
    BadRequest,
    /// Fields of the request are missing or wrong; the details name them.
    Validation,
    /// The key is missing, wrong, expired or revoked.
    Authentication,
    /// The key may not do this: its team is stopped, or something is not open to it.
    PermissionDenied,
    /// The team is out of credits or over its budget.
    InsufficientCredits,
    /// There is no such thing, or it belongs to somebody else.
    NotFound,
    /// It is there already, or is being done at this moment.
    Conflict,
    /// Too many requests or tokens.
    RateLimit,
    /// Something failed at the gateway or behind it.
    Server,
    /// The gateway, or the provider behind it, ran out of time.
    GatewayTimeout,
    /// No answer came within the timeout of this client.
    Timeout,
    /// The gateway could not be reached, or the connection broke before an answer.
    Connection,
    /// An answer came that cannot be read.
    InvalidResponse,
    /// Nothing was sent: too many requests failed one after the other.
    CircuitOpen,
    /// A stream ended before its end; [`Facts::partial`] is what came until then.
    StreamInterrupted,
    /// A stream fell silent, or its provider ran out of time.
    StreamTimeout,
}

impl Kind {
    /// The name of the exception in the Python package.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "APIError",
            Self::BadRequest => "BadRequestError",
            Self::Validation => "ValidationError",
            Self::Authentication => "AuthenticationError",
            Self::PermissionDenied => "PermissionDeniedError",
            Self::InsufficientCredits => "InsufficientCreditsError",
            Self::NotFound => "NotFoundError",
            Self::Conflict => "ConflictError",
            Self::RateLimit => "RateLimitError",
            Self::Server => "ServerError",
            Self::GatewayTimeout => "GatewayTimeoutError",
            Self::Timeout => "APITimeoutError",
            Self::Connection => "APIConnectionError",
            Self::InvalidResponse => "InvalidResponseError",
            Self::CircuitOpen => "CircuitOpenError",
            Self::StreamInterrupted => "StreamInterruptedError",
            Self::StreamTimeout => "StreamTimeoutError",
        }
    }

    /// Whether time ran out, at whichever end.
    pub fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::GatewayTimeout | Self::StreamTimeout
        )
    }

    /// Whether the gateway answered with a failure of its own.
    pub fn is_server(self) -> bool {
        matches!(self, Self::Server | Self::GatewayTimeout)
    }

    /// Whether a stream ended before its end.
    pub fn is_interruption(self) -> bool {
        matches!(self, Self::StreamInterrupted | Self::StreamTimeout)
    }

    /// Whether it says that the gateway is not well, for a circuit breaker.
    pub(crate) fn is_failure(self) -> bool {
        self.is_server()
            || self.is_interruption()
            || matches!(self, Self::RateLimit | Self::Timeout | Self::Connection)
    }
}

/// What an [`Error`] says.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What kind of error it is.
    pub kind: Kind,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// The code of the gateway's catalogue, or the family code of an answer that has no other.
    pub code: Option<String>,
    /// The status of the answer; `None` where no answer came.
    pub status: Option<u16>,
    /// The id under which the gateway's log has the request.
    pub request_id: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// How long the gateway asked to wait.
    pub retry_after: Option<Duration>,
    /// Whatever else the answer said about the failure.
    pub details: Option<Value>,
    /// How many times the request was sent.
    pub attempts: u32,
    /// Whether a connection could not be made at all: nothing was sent.
    pub unreachable: bool,
    /// What had arrived of a stream's text.
    pub partial: Option<String>,
}

/// Why a request came to nothing.
#[derive(Clone)]
pub struct Error(Box<Facts>);

impl Error {
    /// An error that says no more than this.
    pub(crate) fn new(kind: Kind, code: Option<&str>, message: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            kind,
            message: message.into(),
            code: code.map(str::to_owned),
            status: None,
            request_id: None,
            retryable: false,
            retry_after: None,
            details: None,
            attempts: 0,
            unreachable: false,
            partial: None,
        }))
    }

    /// The same, for something that may go well later.
    pub(crate) fn passing(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        let mut error = Self::new(kind, Some(code), message);
        error.retryable = true;
        error
    }

    /// The same with what had come of a stream.
    pub(crate) fn with_partial(mut self, text: &str, request_id: Option<&str>) -> Self {
        self.partial = Some(text.to_owned());
        if self.request_id.is_none() {
            self.request_id = request_id.map(str::to_owned);
        }
        self
    }
}

impl Deref for Error {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
