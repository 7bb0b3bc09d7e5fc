//! The OpenAI formats: chat completions, completions, responses, embeddings and models.

mod chat;
mod completions;
mod embeddings;
pub(crate) mod failure;
pub(crate) mod headers;
mod models;
mod read;
mod responses;
mod stream;

use serde_json::Value;

use crate::address::Address;
use crate::draft::{Draft, Piece};
use crate::problem::Problem;
use crate::reply::Circumstances;
use crate::request::Request;

/// The name under which the simulator shows that no model said this.
const FINGERPRINT: &str = "tollgate-simulator";

/// Answers a request to one of the formats' addresses.
pub(crate) fn answer(request: &Request, seed: u64) -> Draft {
    let answered = match (request.method.as_str(), &request.address) {
        ("POST", Address::Chat) => chat::answer(request, seed),
        ("POST", Address::Completions) => completions::answer(request, seed),
        ("POST", Address::Responses) => responses::answer(request, seed),
        ("POST", Address::Embeddings) => embeddings::answer(request, seed),
        ("GET", Address::Models) => Ok(models::list(request, seed)),
        ("GET", Address::Model(name)) => models::one(request, name, seed),
        (
            _,
            Address::Chat
            | Address::Completions
            | Address::Responses
            | Address::Embeddings
            | Address::Models,
        ) => Err(Problem::invalid(
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
    answered.unwrap_or_else(|problem| {
        let (content_type, body) = failure::body(&problem);
        let headers = headers::common(request.number, seed, content_type);
        Draft::whole(problem.status, headers, body)
    })
}

/// An event with this text, as it would stand in a stream of one of the formats.
pub(crate) fn text_event(address: &Address, model: &str, id: &str, text: &str) -> Piece {
    match address {
        Address::Responses => responses::text_event(text),
        Address::Completions => completions::text_event(model, id, text),
        _ => stream::text_event(model, id, text),
    }
}

/// The events that end a stream of the format by an error.
pub(crate) fn error_events(address: &Address, model: &str, problem: &Problem) -> Vec<Piece> {
    match address {
        Address::Responses => responses::error_events(model, problem),
        _ => vec![Piece::data(
            &serde_json::json!({"error": failure::object(problem)}).to_string(),
        )],
    }
}

/// An event at the start of a stream that says nothing yet.
pub(crate) fn silent_event(address: &Address, model: &str) -> Piece {
    match address {
        Address::Responses => responses::silent_event(model),
        // As Azure begins its streams.
        _ => Piece::data(
            r#"{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[]}"#,
        ),
    }
}

fn circumstances(request: &Request, seed: u64, choices: u64) -> Circumstances<'_> {
    Circumstances {
        seed,
        number: request.number,
        model: request.model(),
        choices,
    }
}

/// Answers are dated from here on, one second for each request: clocks are not deterministic.
fn created(request: &Request) -> u64 {
    1_750_000_000 + request.number
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
