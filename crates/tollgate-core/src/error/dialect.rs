//! How one failure looks to a caller: status, headers and body, as a pure function.

mod anthropic;
mod case;
mod detail;
mod gemini;
mod langmart;
mod openai;
mod problem;
mod provider;
mod sentence;
mod stream;

pub use self::provider::display_name;
pub use self::stream::StreamForm;
use serde_json::{Map, Value};

use self::case::Case;
use self::detail::Service;
use super::advice::Advice;
use super::catalog::Code;
use super::failure::{Failure, ProviderAnswer};
use crate::format::Format;
use crate::time::Timestamp;

/// A form of error answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `{"error":{"message","type","code","param","status","request_id","doc_url"}}`.
    OpenAi,
    /// Seed 002: family A codes.
    LangMart,
    /// Seed 000: `{"detail"}` with the texts of the simple chat.
    DetailSimple,
    /// Seed 001: `{"detail"}` with the texts of the jobs service.
    DetailJobs,
    /// Anthropic's messages.
    Anthropic,
    /// Google's APIs.
    Gemini,
    /// RFC 9457.
    Problem,
}

/// What the rendering of a failure needs to know of the request.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The id of the request.
    pub request_id: &'a str,
    /// Where the error pages are: `https://host`, without a slash at the end.
    pub public_url: &'a str,
    /// The time of the answer, for reset times.
    pub now: Timestamp,
    /// Whether the caller says that it is Claude Code, which has a contract of its own for
    /// spent budgets.
    pub claude_code: bool,
}

/// An error answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The HTTP status.
    pub status: u16,
    /// The content type of `body`.
    pub content_type: &'static str,
    /// Headers that every error answer carries, beside the request ids; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Dialect {
    /// Every dialect, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::OpenAi,
        Self::LangMart,
        Self::DetailSimple,
        Self::DetailJobs,
        Self::Anthropic,
        Self::Gemini,
        Self::Problem,
    ];

    /// The dialect of this name, as requests and configuration write it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "openai" => Some(Self::OpenAi),
            "langmart" => Some(Self::LangMart),
            "detail" => Some(Self::DetailJobs),
            "anthropic" => Some(Self::Anthropic),
            "gemini" => Some(Self::Gemini),
            "problem" => Some(Self::Problem),
            _ => None,
        }
    }

    /// The name by which requests, configuration and the store write the dialect. Both forms of
    /// `detail` share one: the surface tells them apart.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::LangMart => "langmart",
            Self::DetailSimple | Self::DetailJobs => "detail",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Problem => "problem",
        }
    }

    /// The name in documentation, where both forms of `detail` are shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::DetailSimple => "detail (simple chat)",
            Self::DetailJobs => "detail (jobs)",
            other => other.name(),
        }
    }

    /// The whole answer to a request that failed before its first byte.
    pub fn render(self, failure: &Failure, context: &Context<'_>) -> Rendered {
        let case = self.case(failure, context);
        let (status, body) = match self {
            Self::OpenAi => (openai::status(&case), openai::body(&case)),
            Self::LangMart => (langmart::status(&case), langmart::body(&case)),
            Self::DetailSimple => detail::answer(Service::SimpleChat, &case),
            Self::DetailJobs => detail::answer(Service::Jobs, &case),
            Self::Anthropic => (anthropic::status(&case), anthropic::body(&case)),
            Self::Gemini => (gemini::status(&case), gemini::body(&case)),
            Self::Problem => (problem::status(&case), problem::body(&case)),
        };
        Rendered {
            status,
            content_type: match self {
                Self::Problem => "application/problem+json",
                Self::OpenAi
                | Self::LangMart
                | Self::DetailSimple
                | Self::DetailJobs
                | Self::Anthropic
                | Self::Gemini => "application/json",
            },
            headers: headers(&case),
            body: Value::Object(body).to_string(),
        }
    }

    /// The last event of a stream that failed after its first byte, framed as the surface's
    /// stream needs it. No terminator of success may follow it.
    pub fn event(self, failure: &Failure, form: StreamForm, context: &Context<'_>) -> String {
        stream::last_event(self, form, &self.case(failure, context))
    }

    /// The provider's own answer, where the caller gets it byte for byte: it complains about the
    /// request, and clients match on its wording. Only the dialect of the very format that the
    /// provider speaks does this; the headers of [`Dialect::render`] go with it.
    pub fn passes_through(self, failure: &Failure) -> Option<&ProviderAnswer> {
        let by_request = matches!(
            failure.code,
            Code::ContextLengthExceeded
                | Code::ContentFiltered
                | Code::ProviderInvalidRequest
                | Code::ProviderRequestTooLarge
        );
        failure
            .passthrough
            .as_ref()
            .filter(|answer| Some(self) == Self::of(answer.format))
            .filter(|answer| by_request && (400..500).contains(&answer.status))
    }

    /// The dialect in which providers of a format complain.
    const fn of(format: Format) -> Option<Self> {
        match format {
            Format::OpenAi | Format::Completions | Format::Responses => Some(Self::OpenAi),
            Format::Anthropic => Some(Self::Anthropic),
            Format::Gemini => Some(Self::Gemini),
            Format::Bedrock | Format::Cohere | Format::Ollama => None,
        }
    }

    fn case<'a>(self, failure: &'a Failure, context: &'a Context<'a>) -> Case<'a> {
        // A model that the caller may not know of must look like one that does not exist. Only
        // the detail dialect tells the two apart, by its seeds' contract.
        let hidden = match self {
            Self::DetailSimple | Self::DetailJobs => false,
            Self::OpenAi | Self::LangMart | Self::Anthropic | Self::Gemini | Self::Problem => true,
        };
        let code = match failure.code {
            Code::ModelAccessDenied if hidden => Code::ModelNotFound,
            code => code,
        };
        Case {
            failure,
            context,
            code,
            advice: Advice::new(failure, context.now),
        }
    }
}

/// What is told of a failure in one or a few sentences, outside of every dialect. Never empty.
pub fn told(failure: &Failure) -> String {
    sentence::whole(failure)
}

/// The headers that every dialect sends.
fn headers(case: &Case<'_>) -> Vec<(&'static str, String)> {
    let advice = case.advice;
    let mut headers = vec![
        ("x-tollgate-error-code", case.code.slug().to_owned()),
        ("x-should-retry", advice.should_retry().to_string()),
    ];
    if let (Some(seconds), Some(millis)) = (advice.seconds(), advice.millis()) {
        headers.push(("retry-after", seconds.to_string()));
        headers.push(("retry-after-ms", millis.to_string()));
    }
    headers
}

/// Says in the body what an event of a stream cannot say in headers.
fn tell_retry(case: &Case<'_>, object: &mut Map<String, Value>) {
    object.insert("retryable".into(), case.advice.should_retry().into());
    if let Some(seconds) = case.advice.seconds() {
        object.insert("retry_after".into(), seconds.into());
    }
}

/// An object with these members, in this order.
fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests;
