//! How one failure looks to a caller: status, headers and body, as a pure function.

use super::failure::Failure;
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

    /// The whole answer to a request that failed before its first byte.
    pub fn render(self, failure: &Failure, context: &Context<'_>) -> Rendered {
        let _ = context;
        Rendered { status: failure.code.status(), content_type: "application/json", headers: vec![], body: String::new() }
    }

    /// The last event of a stream that failed after its first byte, framed as the surface's
    /// stream needs it, blank line included.
    pub fn event(self, failure: &Failure, context: &Context<'_>) -> String {
        let _ = (failure, context);
        String::new()
    }
}
