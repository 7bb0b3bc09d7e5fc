//! The OpenAI format: chat completions, embeddings and the list of models.

pub(crate) mod chat;
pub(crate) mod embeddings;
pub(crate) mod failure;
pub(crate) mod headers;
pub(crate) mod models;
pub(crate) mod sample;
pub(crate) mod stream;
pub(crate) mod tools;
pub(crate) mod usage;

use crate::draft::Draft;
use crate::request::Request;
use failure::Problem;

/// Answers a request to one of the format's addresses.
pub(crate) fn answer(request: &Request, seed: u64) -> Draft {
    let path = request.path.strip_prefix("/v1").unwrap_or(&request.path);
    let answered = match (request.method.as_str(), path) {
        ("POST", "/chat/completions") => chat::answer(request, seed),
        ("POST", "/embeddings") => embeddings::answer(request, seed),
        ("GET", "/models") => Ok(models::list(request, seed)),
        ("GET", path) if path.starts_with("/models/") => models::one(request, path, seed),
        (_, "/chat/completions" | "/embeddings" | "/models") => Err(Problem::invalid(
            405,
            None,
            "this address does not take this method",
        )),
        _ => Err(Problem::invalid(
            404,
            None,
            &format!("there is nothing at {}", request.path),
        )),
    };
    answered.unwrap_or_else(|problem| problem.draft(request.number, seed))
}
