//! `{model}:{method}`, the last part of Gemini's paths.

use super::Endpoint;

/// The endpoint of `{model}:{method}`; `None` if that is no method that Tollgate has. Names of
/// models hold colons and slashes themselves, and some clients escape the colon.
pub(super) fn find(value: &str) -> Option<Endpoint<'_>> {
    [":", "%3A", "%3a"]
        .into_iter()
        .filter_map(|colon| value.rsplit_once(colon))
        .filter(|(model, _)| !model.is_empty())
        .find_map(|(model, method)| match method {
            "generateContent" => Some(Endpoint::Generate(model)),
            "streamGenerateContent" => Some(Endpoint::GenerateStream(model)),
            "countTokens" => Some(Endpoint::GenerateTokens(model)),
            _ => None,
        })
}
