//! Where a call is put below the base URL of its connection.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tollgate_core::format::{Format, Operation};

use super::Paths;
use crate::settings::ConnectionSettings;

/// What stands for itself in a segment of a path. Everything else is encoded, so that the name of
/// a model can neither end its segment nor begin a query.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What a path is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// What the provider is asked in.
    pub(crate) format: Format,
    /// What it is asked for.
    pub(crate) operation: Operation,
    /// Whether the answer is to be a stream.
    pub(crate) stream: bool,
    /// The model, as the provider calls it.
    pub(crate) model: &'a str,
}

/// A name that cannot be part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unusable;

/// The path that is the same for every model, with its query; `None` where the model, or whether
/// a stream is wanted, is part of the path.
pub(crate) fn fixed(
    settings: &ConnectionSettings,
    root: &str,
    format: Format,
    operation: Operation,
) -> Option<String> {
    match settings.provider.paths {
        Paths::Format => of_format(settings, root, format, operation),
        Paths::Azure => azure(settings, root, format, operation),
        Paths::Vertex => None,
    }
}

fn of_format(
    settings: &ConnectionSettings,
    root: &str,
    format: Format,
    operation: Operation,
) -> Option<String> {
    let below = match (operation, format) {
        (Operation::Embeddings, _) => settings.provider.embeddings?,
        (_, Format::Anthropic) => {
            // Where `OpenAI`'s format is spoken, too, the base URL ends with the version.
            let root = root.strip_suffix("/v1").unwrap_or(root);
            let path = match operation {
                Operation::CountTokens => "/v1/messages/count_tokens",
                Operation::Chat | Operation::Embeddings => "/v1/messages",
            };
            return Some(format!("{root}{path}"));
        }
        (_, Format::Cohere) => "/v2/chat",
        (_, Format::Ollama) => "/api/chat",
        (_, Format::Gemini | Format::Bedrock) => return None,
        (_, Format::OpenAi | Format::Completions | Format::Responses) => openai(format, operation),
    };
    Some(format!("{root}{below}"))
}

/// Where the provider answers a cheap question; `None` if nowhere.
pub(crate) fn of_check(settings: &ConnectionSettings, root: &str) -> Option<String> {
    let below = settings.provider.check?;
    match settings.provider.paths {
        Paths::Format | Paths::Vertex => Some(format!("{root}{below}")),
        Paths::Azure => Some(match settings.api_version.as_deref() {
            None => format!("{root}/openai/v1{below}"),
            Some(version) if is_dated(version) => {
                format!("{root}/openai{below}?api-version={version}")
            }
            Some(version) => format!("{root}/openai/v1{below}?api-version={version}"),
        }),
    }
}

/// Where `OpenAI` has an operation below its version.
const fn openai(format: Format, operation: Operation) -> &'static str {
    match (format, operation) {
        (_, Operation::Embeddings) => "/embeddings",
        (Format::Completions, _) => "/completions",
        (Format::Responses, _) => "/responses",
        (_, Operation::Chat | Operation::CountTokens) => "/chat/completions",
    }
}

/// Whether an `api_version` is one of those before `/openai/v1`, which bear dates.
fn is_dated(version: &str) -> bool {
    version.starts_with(|first: char| first.is_ascii_digit())
}

fn azure(
    settings: &ConnectionSettings,
    root: &str,
    format: Format,
    operation: Operation,
) -> Option<String> {
    let below = openai(format, operation);
    match settings.api_version.as_deref() {
        None => Some(format!("{root}/openai/v1{below}")),
        Some(version) if !is_dated(version) => {
            Some(format!("{root}/openai/v1{below}?api-version={version}"))
        }
        // Responses belong to the resource, not to a deployment.
        Some(version) if format == Format::Responses && operation != Operation::Embeddings => {
            Some(format!("{root}/openai{below}?api-version={version}"))
        }
        Some(_) => None,
    }
}

/// The path with the model in it, and its query.
pub(crate) fn of_model(
    settings: &ConnectionSettings,
    root: &str,
    wanted: Wanted<'_>,
) -> Result<String, Unusable> {
    let Wanted {
        format,
        operation,
        stream,
        model,
    } = wanted;
    match (settings.provider.paths, format) {
        (Paths::Azure, _) => {
            let (deployment, below) = (segment(model)?, openai(format, operation));
            let version = settings.api_version.as_deref().unwrap_or_default();
            Ok(format!(
                "{root}/openai/deployments/{deployment}{below}?api-version={version}"
            ))
        }
        (Paths::Vertex, _) => {
            let project = segment(settings.project.as_deref().unwrap_or_default())?;
            let location = segment(settings.region.as_deref().unwrap_or_default())?;
            let place = format!("{root}/v1/projects/{project}/locations/{location}");
            let (model, method) = (vertex_model(model)?, method(operation, stream));
            Ok(format!("{place}/{model}:{method}"))
        }
        (Paths::Format, Format::Bedrock) => {
            let (model, streaming) = (segment(model)?, if stream { "-stream" } else { "" });
            Ok(format!("{root}/model/{model}/converse{streaming}"))
        }
        (Paths::Format, _) => {
            let root = root.strip_suffix("/v1").unwrap_or(root);
            let (model, method) = (gemini_model(model)?, method(operation, stream));
            Ok(format!("{root}/v1beta/{model}:{method}"))
        }
    }
}

/// Gemini's word for what is wanted. Streams are asked for as events: without `alt=sse` they
/// would be one JSON array.
const fn method(operation: Operation, stream: bool) -> &'static str {
    match (operation, stream) {
        (Operation::CountTokens, _) => "countTokens",
        (Operation::Chat | Operation::Embeddings, true) => "streamGenerateContent?alt=sse",
        (Operation::Chat | Operation::Embeddings, false) => "generateContent",
    }
}

/// A model of Gemini's API: a plain name, or one with the name of its collection.
fn gemini_model(model: &str) -> Result<String, Unusable> {
    if let Some(tuned) = model.strip_prefix("tunedModels/") {
        return Ok(format!("tunedModels/{}", segment(tuned)?));
    }
    let name = model.strip_prefix("models/").unwrap_or(model);
    Ok(format!("models/{}", segment(name)?))
}

/// A model of Vertex AI: one of Google's, one of another publisher
/// (`publishers/{name}/models/{name}`), or an endpoint of the project (`endpoints/{id}`).
fn vertex_model(model: &str) -> Result<String, Unusable> {
    let mut names = model.split('/');
    let four = (names.next(), names.next(), names.next(), names.next());
    match (four, names.next()) {
        ((Some("publishers"), Some(publisher), Some("models"), Some(name)), None) => Ok(format!(
            "publishers/{}/models/{}",
            segment(publisher)?,
            segment(name)?
        )),
        ((Some("endpoints"), Some(id), None, None), None) => {
            Ok(format!("endpoints/{}", segment(id)?))
        }
        _ => Ok(format!("publishers/google/models/{}", segment(model)?)),
    }
}

/// A name as one segment of a path. Fails for names that servers would take for a way up, however
/// they are encoded, and for empty ones.
fn segment(name: &str) -> Result<Cow<'_, str>, Unusable> {
    let leads_up = |part: &str| matches!(part, "." | "..");
    if name.is_empty() || name.split(['/', '\\']).any(leads_up) {
        return Err(Unusable);
    }
    Ok(utf8_percent_encode(name, SEGMENT).into())
}

#[cfg(test)]
mod tests;
