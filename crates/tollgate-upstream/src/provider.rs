//! The provider table: one row for each provider. One that speaks a known format is one more row.

use tollgate_core::format::{Format, Operation};
use tollgate_wire::quirks::Quirks;
use tollgate_wire::stream::Terminator;

/// A row: what is particular to one provider.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name in configurations, metrics and failures; lower case.
    pub name: &'static str,
    /// What it speaks. Calls of a format that is not among them are translated into the first.
    pub formats: &'static [Format],
    /// How it reads `OpenAI`'s format.
    pub quirks: Quirks,
    /// Where it is when the configuration does not say.
    pub home: Home,
    /// How the connection's credential is put on a request.
    pub credential: CredentialStyle,
    /// How its streams end when they end well.
    pub terminator: Terminator,
    /// Whether it tells the number of a prompt's tokens, in those of its formats that can ask.
    pub counts: bool,
    /// Whether streams are asked for their usage, which this provider sends only then.
    pub ask_usage: bool,
    /// The headers that may carry its request id, the first one that is there counts.
    pub request_id_headers: &'static [&'static str],
}

/// Where a provider is when the configuration gives no base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// At its public API.
    Public(&'static str),
    /// Nowhere: the configuration must say.
    Configured,
    /// Inside this process.
    InProcess,
}

/// How a credential is put on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialStyle {
    /// `Authorization: Bearer …`, when the connection has one.
    Bearer,
    /// Nothing is sent.
    None,
}

/// THE TABLE.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        formats: &[Format::OpenAi, Format::Responses],
        quirks: Quirks::OPENAI,
        home: Home::Public("https://api.openai.com/v1"),
        credential: CredentialStyle::Bearer,
        terminator: Terminator::Done,
        counts: false,
        ask_usage: true,
        request_id_headers: &["x-request-id"],
    },
    Provider {
        name: "openai-compatible",
        formats: &[Format::OpenAi, Format::Completions],
        quirks: Quirks::COMPATIBLE,
        home: Home::Configured,
        credential: CredentialStyle::Bearer,
        terminator: Terminator::FinishThenEnd,
        counts: false,
        ask_usage: true,
        request_id_headers: &["x-request-id", "request-id"],
    },
    Provider {
        name: "simulated",
        formats: &[
            Format::OpenAi,
            Format::Completions,
            Format::Responses,
            Format::Anthropic,
            Format::Gemini,
        ],
        quirks: Quirks::OPENAI,
        home: Home::InProcess,
        credential: CredentialStyle::None,
        terminator: Terminator::Done,
        counts: true,
        ask_usage: true,
        request_id_headers: &["x-request-id"],
    },
];

/// The row of this name.
pub fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// All names, in the order of the table: for messages about unknown ones.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name)
}

impl Provider {
    /// The format in which a call of this format and operation is asked; `None` if the provider
    /// cannot be asked for it.
    pub fn format_for(&self, format: Format, operation: Operation) -> Option<Format> {
        let own = self.formats.iter().find(|own| **own == format);
        match operation {
            Operation::Chat | Operation::CountTokens => own.or(self.formats.first()).copied(),
            Operation::Embeddings => own.copied(),
        }
    }
}

/// Where an operation is below the base URL.
pub(crate) const fn path(format: Format, operation: Operation) -> &'static str {
    match (format, operation) {
        (Format::Completions, _) => "/completions",
        (Format::Responses, _) => "/responses",
        (_, Operation::Embeddings) => "/embeddings",
        (_, Operation::Chat | Operation::CountTokens) => "/chat/completions",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::BaseUrl;

    #[test]
    fn every_row_is_found_by_its_name_and_only_once() {
        for provider in PROVIDERS {
            assert_eq!(find(provider.name), Some(provider));
            assert_eq!(names().filter(|name| *name == provider.name).count(), 1);
        }
        assert_eq!(find("OpenAI"), None);
    }

    #[test]
    fn every_row_can_be_used_as_it_stands() {
        for provider in PROVIDERS {
            assert_eq!(provider.name, provider.name.to_ascii_lowercase());
            for header in provider.request_id_headers {
                http::HeaderName::from_lowercase(header.as_bytes()).unwrap();
            }
            if let Home::Public(url) = provider.home {
                BaseUrl::parse(url).unwrap();
                assert!(
                    url.starts_with("https://"),
                    "{url} carries credentials in clear text"
                );
            }
        }
    }
}
