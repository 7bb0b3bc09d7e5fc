//! Which family of clients a request comes from, at the addresses that several families share.

use http::request::Parts;
use tollgate_core::error::dialect::Dialect;

use crate::query::Query;
use crate::routes::Endpoint;

/// A family of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    OpenAi,
    Anthropic,
    Gemini,
}

impl Family {
    /// Who asks, by the marks that its own clients put on every request.
    pub(crate) fn of(parts: &Parts) -> Self {
        if parts.headers.contains_key("anthropic-version") {
            Self::Anthropic
        } else if parts.headers.contains_key("x-goog-api-key")
            || Query::new(parts.uri.query()).first("key").is_some()
        {
            Self::Gemini
        } else {
            Self::OpenAi
        }
    }

    /// The dialect of errors at an address that answers by who asks; `None` where the address or
    /// the settings decide.
    pub(crate) fn dialect(parts: &Parts) -> Option<Dialect> {
        match Endpoint::find(parts.uri.path())? {
            Endpoint::Models | Endpoint::Model(_) => match Self::of(parts) {
                Self::OpenAi => None,
                Self::Anthropic => Some(Dialect::Anthropic),
                Self::Gemini => Some(Dialect::Gemini),
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(address: &str, header: Option<&'static str>) -> Parts {
        let mut request = http::Request::builder().uri(address);
        if let Some(name) = header {
            request = request.header(name, "x");
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn families_are_told_apart_by_what_their_clients_send() {
        for (address, header, family) in [
            ("/v1/models", None, Family::OpenAi),
            ("/v1/models", Some("authorization"), Family::OpenAi),
            ("/v1/models", Some("x-api-key"), Family::OpenAi),
            ("/v1/models", Some("anthropic-version"), Family::Anthropic),
            (
                "/v1/models?key=x",
                Some("anthropic-version"),
                Family::Anthropic,
            ),
            ("/v1/models", Some("x-goog-api-key"), Family::Gemini),
            ("/v1/models?key=x", None, Family::Gemini),
        ] {
            assert_eq!(Family::of(&request(address, header)), family, "{address}");
        }
    }

    #[test]
    fn only_shared_addresses_answer_errors_by_who_asks() {
        let anthropic = Some("anthropic-version");
        for (address, dialect) in [
            ("/v1/models", Some(Dialect::Anthropic)),
            ("/v1/models/a/b", Some(Dialect::Anthropic)),
            ("/v1/chat/completions", None),
            ("/nowhere", None),
        ] {
            let request = request(address, anthropic);
            assert_eq!(Family::dialect(&request), dialect, "{address}");
        }
    }
}
