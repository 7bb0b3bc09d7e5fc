//! What the address of a call says about it.

use tollgate_core::format::{Format, Operation};

use crate::query::Query;
use crate::routes::Endpoint;

/// What the address of a call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(super) format: Format,
    pub(super) operation: Operation,
    /// The model, still encoded, where the address names it.
    pub(super) model: Option<&'a str>,
    /// Whether the address asks for a stream.
    pub(super) stream: bool,
    /// Whether that stream is to be one JSON array.
    pub(super) array: bool,
    /// What stands around the format.
    pub(super) shape: Shape,
}

/// What stands around a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing: bodies are what the format says.
    Bare,
    /// The simple chat of seed 000.
    Simple,
}

impl<'a> Address<'a> {
    /// An address that says no more than the format and what is asked for.
    const fn plain(format: Format, operation: Operation) -> Self {
        Self {
            format,
            operation,
            model: None,
            stream: false,
            array: false,
            shape: Shape::Bare,
        }
    }

    /// The same in the shape of the simple chat.
    fn simple(self) -> Self {
        Self {
            shape: Shape::Simple,
            ..self
        }
    }

    /// What an endpoint says with its query; `None` for endpoints that take no calls.
    pub(crate) fn of(endpoint: Endpoint<'a>, query: Query<'_>) -> Option<Self> {
        let plain = Self::plain;
        let gemini = |operation, model| Self {
            model: Some(model),
            ..plain(Format::Gemini, operation)
        };
        Some(match endpoint {
            Endpoint::Chat => plain(Format::OpenAi, Operation::Chat),
            Endpoint::SimpleChat => plain(Format::OpenAi, Operation::Chat).simple(),
            Endpoint::Embeddings => plain(Format::OpenAi, Operation::Embeddings),
            Endpoint::Completions => plain(Format::Completions, Operation::Chat),
            Endpoint::Responses => plain(Format::Responses, Operation::Chat),
            Endpoint::Messages => plain(Format::Anthropic, Operation::Chat),
            Endpoint::MessageTokens => plain(Format::Anthropic, Operation::CountTokens),
            Endpoint::Generate(model) => gemini(Operation::Chat, model),
            Endpoint::GenerateStream(model) => Self {
                stream: true,
                array: query.first("alt").as_deref() != Some("sse"),
                ..gemini(Operation::Chat, model)
            },
            Endpoint::GenerateTokens(model) => gemini(Operation::CountTokens, model),
            Endpoint::GeminiModels
            | Endpoint::GeminiModel(_)
            | Endpoint::Models
            | Endpoint::Model(_)
            | Endpoint::Validate
            | Endpoint::Keys
            | Endpoint::TemporaryKeys
            | Endpoint::Key(_)
            | Endpoint::RotateKey(_)
            | Endpoint::Organizations
            | Endpoint::Organization(_)
            | Endpoint::OrganizationStatus(..)
            | Endpoint::Members(_)
            | Endpoint::Member(..)
            | Endpoint::Teams
            | Endpoint::Team(_)
            | Endpoint::TeamStatus(..)
            | Endpoint::Audit
            | Endpoint::Credits(..)
            | Endpoint::Ledger
            | Endpoint::Balance
            | Endpoint::CreditWebhook
            | Endpoint::Maintenance
            | Endpoint::Connections
            | Endpoint::Connection(_)
            | Endpoint::TestConnection(_)
            | Endpoint::ConnectionBreaker(_)
            | Endpoint::ConnectionKey(_)
            | Endpoint::ExplainRoute
            | Endpoint::Saas(_)
            | Endpoint::Report(_)
            | Endpoint::Job(_)
            | Endpoint::Hello
            | Endpoint::SimpleHealth
            | Endpoint::SimpleMetrics
            | Endpoint::Errors
            | Endpoint::Error(_)
            | Endpoint::ErrorPages
            | Endpoint::ErrorPage(_)
            | Endpoint::Health
            | Endpoint::Live
            | Endpoint::Ready
            | Endpoint::Metrics
            | Endpoint::Front => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an address says, in a line.
    fn said(path: &str, query: &str) -> Option<String> {
        let address = Address::of(Endpoint::find(path)?, Query::new(Some(query)))?;
        let mut said = format!("{:?} {:?}", address.format, address.operation);
        for (part, holds) in [(" stream", address.stream), (" array", address.array)] {
            said.push_str(if holds { part } else { "" });
        }
        said.push_str(
            &address
                .model
                .map_or_else(String::new, |model| format!(" of {model}")),
        );
        Some(said)
    }

    #[test]
    fn an_address_says_the_format_and_at_gemini_the_model_and_the_kind_of_answer_too() {
        for (path, query, expected) in [
            ("/v1/chat/completions", "", "OpenAi Chat"),
            ("/embeddings", "", "OpenAi Embeddings"),
            ("/v1/completions", "", "Completions Chat"),
            ("/responses", "alt=sse", "Responses Chat"),
            ("/v1/messages", "beta=true", "Anthropic Chat"),
            ("/v1/messages/count_tokens", "", "Anthropic CountTokens"),
        ] {
            assert_eq!(said(path, query).as_deref(), Some(expected), "{path}");
        }
        for (method, query, expected) in [
            (":generateContent", "alt=sse", "Gemini Chat of a%2Fb"),
            (
                ":streamGenerateContent",
                "key=k&alt=sse",
                "Gemini Chat stream of a%2Fb",
            ),
            (
                ":streamGenerateContent",
                "alt=json",
                "Gemini Chat stream array of a%2Fb",
            ),
            (
                "%3AstreamGenerateContent",
                "",
                "Gemini Chat stream array of a%2Fb",
            ),
            (":countTokens", "", "Gemini CountTokens of a%2Fb"),
        ] {
            for version in ["/v1", "/v1beta"] {
                let path = format!("{version}/models/a%2Fb{method}");
                assert_eq!(said(&path, query).as_deref(), Some(expected), "{path}");
            }
        }
        assert_eq!(said("/v1/models", ""), None);
    }
}
