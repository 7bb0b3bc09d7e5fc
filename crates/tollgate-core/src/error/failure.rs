//! One failure: what happened, who failed, what the caller may know, and what only the log may.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::catalog::Code;
use crate::format::Format;
use crate::ledger::Flags;
use crate::reply::Usage;
use crate::time::Timestamp;

/// Who failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The caller sent something that cannot work.
    Client,
    /// Tollgate itself.
    Gateway,
    /// A provider, by the name of its row in the provider table (lower case).
    Provider(&'static str),
}

/// A field of a request that is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where it is: `messages[0].role`.
    pub path: String,
    /// What is wrong with it and what would be right, as a sentence.
    pub message: String,
    /// The kind in pydantic's words (`missing`, `string_type`, `value_error`), for the
    /// `detail` dialect.
    pub kind: &'static str,
}

/// One attempt at a target, as callers and the log see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The connection that was tried.
    pub connection: Arc<str>,
    /// The model as the provider calls it.
    pub model: Arc<str>,
    /// How it ended; `None` for success, and for one that was given up because another was faster.
    pub code: Option<Code>,
    /// Whether it was given up: another attempt was faster.
    pub cancelled: bool,
    /// The provider's HTTP status, if it answered.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// What the provider charges for it, if it did not become the answer and the provider said
    /// what it used: nobody pays that.
    pub lost: Option<Box<Lost>>,
}

/// What a provider says that it used for an attempt that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The tokens, as far as they can be true.
    pub usage: Usage,
    /// What has to be known of how that figure came about.
    pub flags: Flags,
    /// The public name of the model whose price is taken.
    pub model: Arc<str>,
    /// What it costs, if the target has a price.
    pub cost: Option<LostCost>,
}

/// What an attempt that came to nothing costs the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostCost {
    /// How much, in nano-USD.
    pub nano: u64,
    /// The version of the price that was taken.
    pub price_version: Arc<str>,
}

impl AttemptRecord {
    /// What it costs the operator, in nano-USD, as far as that is known.
    pub fn lost_cost(&self) -> Option<u64> {
        Some(self.lost.as_ref()?.cost.as_ref()?.nano)
    }

    /// How it ended, in one word: `ok`, `cancelled` or its code.
    pub fn outcome(&self) -> &'static str {
        match self.code {
            Some(code) => code.slug(),
            None if self.cancelled => "cancelled",
            None => "ok",
        }
    }
}

/// A provider's own error answer, kept for callers that speak its format.
#[derive(Clone, Debug)]
pub struct ProviderAnswer {
    /// The format in which it is written.
    pub format: Format,
    /// Its HTTP status.
    pub status: u16,
    /// Its content type.
    pub content_type: Option<Bytes>,
    /// Its body, byte for byte.
    pub body: Bytes,
}

/// A figure or text that belongs to a failure, beside its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// Where a stream of `OpenAI`'s responses stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamMark {
    /// The id of the response; empty if none was told yet.
    pub response_id: String,
    /// The number of the next event.
    pub sequence: u64,
}

/// A failure on its way to the caller. Small to move: all of it is behind one pointer.
#[derive(Debug)]
pub struct Failure(Box<Facts>);

/// What is known of a failure. Read through [`Failure`]'s methods and fields.
#[derive(Debug)]
pub struct Facts {
    /// What happened.
    pub code: Code,
    /// Who failed.
    pub origin: Origin,
    /// Our own sentence for this case, if it is more exact than the table's.
    pub message: Option<String>,
    /// What the provider said, as text for humans, cleaned and bounded by whoever set it.
    pub provider_text: Option<String>,
    /// The provider's own error code or type, if it sent one.
    pub provider_code: Option<String>,
    /// The provider's HTTP status, if it answered.
    pub provider_status: Option<u16>,
    /// The provider's request id, if it sent one.
    pub provider_request_id: Option<String>,
    /// The fields at fault.
    pub fields: Vec<FieldProblem>,
    /// The model that the caller asked for.
    pub model: Option<String>,
    /// How long to wait before asking again, if that is known. Not yet bounded.
    pub retry_after: Option<Duration>,
    /// When the cause goes away, where the wait is longer than a client should sleep.
    pub resets_at: Option<Timestamp>,
    /// Every attempt that was made at a target.
    pub attempts: Vec<AttemptRecord>,
    /// The provider's answer, to be passed through to callers that speak its format.
    pub passthrough: Option<ProviderAnswer>,
    /// More facts for the `details` of the answer.
    pub details: Vec<(&'static str, Detail)>,
    /// Where the stream stood that this failure ends, where its last event has to say so.
    pub stream: Option<StreamMark>,
    /// How the exchange with the provider broke, in one word of a closed set: for metrics and the
    /// log. `None` when the provider answered.
    pub exchange: Option<&'static str>,
    /// Whether the provider surely never got the request, so that sending it again cannot do
    /// the work twice. `false` when it may have.
    pub unsent: bool,
    /// What the provider said was used by the attempt that failed, if it said so.
    pub usage: Option<Usage>,
    /// The cause: for the log only, it never leaves the process.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl std::ops::Deref for Failure {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl std::ops::DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl Failure {
    /// A failure with nothing but its code. Codes of providers are not made here.
    pub fn new(code: Code, origin: Origin) -> Self {
        Self(Box::new(Facts {
            code,
            origin,
            message: None,
            provider_text: None,
            provider_code: None,
            provider_status: None,
            provider_request_id: None,
            fields: Vec::new(),
            model: None,
            retry_after: None,
            resets_at: None,
            attempts: Vec::new(),
            passthrough: None,
            details: Vec::new(),
            stream: None,
            exchange: None,
            unsent: false,
            usage: None,
            cause: None,
        }))
    }

    /// The caller's fault.
    pub fn client(code: Code) -> Self {
        Self::new(code, Origin::Client)
    }

    /// Our own fault or state.
    pub fn gateway(code: Code) -> Self {
        Self::new(code, Origin::Gateway)
    }

    /// A provider's fault.
    pub fn provider(code: Code, provider: &'static str) -> Self {
        Self::new(code, Origin::Provider(provider))
    }

    /// Sets our own sentence: what is wrong and what to do about it.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Sets what the provider said.
    #[must_use]
    pub fn provider_text(mut self, text: impl Into<String>) -> Self {
        self.0.provider_text = Some(text.into());
        self
    }

    /// Names the model that the caller asked for.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.0.model = Some(model.into());
        self
    }

    /// Adds a field at fault.
    #[must_use]
    pub fn field(mut self, problem: FieldProblem) -> Self {
        self.0.fields.push(problem);
        self
    }

    /// Says how long to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a fact to the details.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: Detail) -> Self {
        self.0.details.push((name, value));
        self
    }
}

/// For the log: the code and the cause. Callers get a rendering in their dialect instead.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.code.slug())?;
        if let Some(message) = &self.0.message {
            write!(formatter, ": {message}")?;
        }
        if let Some(cause) = &self.0.cause {
            write!(formatter, " ({cause})")?;
        }
        Ok(())
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_pointer_wide() {
        assert_eq!(size_of::<Failure>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Failure>>(), size_of::<usize>());
    }

    #[test]
    fn the_log_is_told_the_cause() {
        let failure = Failure::gateway(Code::DatabaseError)
            .message("The store is away.")
            .because("disk full");
        assert_eq!(
            failure.to_string(),
            "database_error: The store is away. (disk full)"
        );
    }
}
