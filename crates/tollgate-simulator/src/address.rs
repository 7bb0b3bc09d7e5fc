//! Addresses: what a path asks for, and whose format that is.

use crate::percent;
use crate::request::header;

/// Who speaks the format of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Chat completions, completions, responses and embeddings.
    OpenAi,
    /// Messages.
    Anthropic,
    /// Gemini.
    Google,
}

/// What an address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Chat completions.
    Chat,
    /// Completions of a text.
    Completions,
    /// Embeddings.
    Embeddings,
    /// Responses.
    Responses,
    /// Messages.
    Messages,
    /// The tokens of messages.
    CountMessages,
    /// The word of greeting with which a client looks whether somebody is there.
    Hello,
    /// Content of this model.
    Generate {
        /// The model.
        model: String,
        /// The form of the answer.
        form: Form,
    },
    /// The tokens of contents for this model.
    CountContents {
        /// The model.
        model: String,
    },
    /// The list of models.
    Models,
    /// One model.
    Model(String),
    /// Nothing that is known.
    Unknown,
}

/// The form in which content is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One document.
    Plain,
    /// A stream of events.
    Events,
    /// A JSON array that is written piece by piece.
    Array,
}

impl Address {
    /// The model that the address names.
    pub(crate) fn model(&self) -> Option<&str> {
        match self {
            Self::Generate { model, .. } | Self::CountContents { model } => Some(model),
            Self::Chat
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::Messages
            | Self::CountMessages
            | Self::Hello
            | Self::Models
            | Self::Model(_)
            | Self::Unknown => None,
        }
    }
}

/// Finds out what a request asks for, and in whose format.
pub(crate) fn locate(path: &str, query: &str, headers: &[(String, String)]) -> (Family, Address) {
    // Some clients write the colon before the method as `%3A`, and slashes of names as `%2F`.
    let path = percent::decoded(path);
    if let Some(address) = content(&path, query) {
        return (Family::Google, address);
    }
    let below = ["/v1beta", "/v1alpha", "/v1"]
        .iter()
        .find_map(|version| path.strip_prefix(version))
        .filter(|below| below.starts_with('/'))
        .unwrap_or(&path);
    match below {
        "/chat/completions" => (Family::OpenAi, Address::Chat),
        "/completions" => (Family::OpenAi, Address::Completions),
        "/embeddings" => (Family::OpenAi, Address::Embeddings),
        "/responses" => (Family::OpenAi, Address::Responses),
        "/messages" => (Family::Anthropic, Address::Messages),
        "/messages/count_tokens" => (Family::Anthropic, Address::CountMessages),
        "/api/hello" => (Family::Anthropic, Address::Hello),
        "/models" => (asking(&path, query, headers), Address::Models),
        other => {
            let address = match other.strip_prefix("/models/") {
                Some(model) => Address::Model(model.to_owned()),
                None => Address::Unknown,
            };
            (asking(&path, query, headers), address)
        }
    }
}

/// `…/models/NAME:METHOD`; names may hold colons and slashes.
fn content(path: &str, query: &str) -> Option<Address> {
    let (_, rest) = path.split_once("/models/")?;
    let (model, method) = rest.rsplit_once(':')?;
    let model = model.to_owned();
    Some(match method {
        "generateContent" => Address::Generate {
            model,
            form: Form::Plain,
        },
        "streamGenerateContent" => Address::Generate {
            model,
            form: match percent::in_query(query, "alt").as_deref() {
                Some("sse") => Form::Events,
                _ => Form::Array,
            },
        },
        "countTokens" => Address::CountContents { model },
        _ => return None,
    })
}

/// Whose client asks at an address that several have.
fn asking(path: &str, query: &str, headers: &[(String, String)]) -> Family {
    if header(headers, "anthropic-version").is_some() {
        return Family::Anthropic;
    }
    let by_key =
        header(headers, "x-goog-api-key").is_some() || percent::in_query(query, "key").is_some();
    if by_key || path.starts_with("/v1beta/") || path.starts_with("/v1alpha/") {
        return Family::Google;
    }
    Family::OpenAi
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate(model: &str, form: Form) -> (Family, Address) {
        let model = model.to_owned();
        (Family::Google, Address::Generate { model, form })
    }

    #[test]
    fn a_model_in_a_path_may_hold_colons_and_slashes_and_be_encoded() {
        for (path, model) in [
            ("/v1beta/models/echo:generateContent", "echo"),
            ("/v1/models/sim/echo:generateContent", "sim/echo"),
            ("/v1beta/models/sim%2Fecho%3AgenerateContent", "sim/echo"),
            (
                "/v1beta/models/fault/cut-after-3:how=rst:generateContent",
                "fault/cut-after-3:how=rst",
            ),
            (
                "/v1/projects/p/locations/l/publishers/google/models/echo:generateContent",
                "echo",
            ),
        ] {
            assert_eq!(
                locate(path, "", &[]),
                generate(model, Form::Plain),
                "{path}"
            );
        }
    }

    #[test]
    fn a_stream_is_an_array_unless_events_are_asked_for() {
        let path = "/v1beta/models/echo:streamGenerateContent";
        assert_eq!(locate(path, "", &[]), generate("echo", Form::Array));
        assert_eq!(
            locate(path, "key=k&alt=sse", &[]),
            generate("echo", Form::Events)
        );
    }

    #[test]
    fn the_list_of_models_belongs_to_whoever_asks() {
        let header = |name: &str| vec![(name.to_owned(), "x".to_owned())];
        let family = |path, query, headers: &[(String, String)]| locate(path, query, headers).0;
        assert_eq!(family("/v1/models", "", &[]), Family::OpenAi);
        assert_eq!(
            family("/v1/models", "", &header("Anthropic-Version")),
            Family::Anthropic
        );
        assert_eq!(
            family("/v1/models", "", &header("x-goog-api-key")),
            Family::Google
        );
        assert_eq!(family("/v1/models", "key=k", &[]), Family::Google);
        assert_eq!(family("/v1beta/models/echo", "", &[]), Family::Google);
    }

    #[test]
    fn a_path_that_only_begins_like_a_version_is_not_cut() {
        assert_eq!(locate("/v1x/messages", "", &[]).1, Address::Unknown);
        assert_eq!(locate("/messages", "", &[]).1, Address::Messages);
    }
}
