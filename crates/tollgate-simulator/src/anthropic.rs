//! The Anthropic format: messages, their tokens, and models.

pub(crate) mod cache;
mod check;
pub(crate) mod failure;
pub(crate) mod headers;
mod models;
mod read;
mod stream;
mod write;

use serde_json::json;

use crate::address::Address;
use crate::draft::{Draft, Piece};
use crate::problem::Problem;
use crate::reply::{Circumstances, reply};
use crate::request::Request;
use cache::Caches;

/// Answers a request to one of the format's addresses.
pub(crate) fn answer(request: &Request, seed: u64, caches: &Caches) -> Draft {
    let answered = match (request.method.as_str(), &request.address) {
        ("HEAD" | "GET", Address::Hello) => Ok(hello(request, seed)),
        (_, Address::Hello) => Err(wrong_method()),
        _ if request.header("anthropic-version").is_none() => {
            let text = "anthropic-version: header is required";
            Err(Problem::plain(400, text))
        }
        ("POST", Address::Messages) => messages(request, seed, caches),
        ("POST", Address::CountMessages) => count(request, seed),
        ("GET", Address::Models) => Ok(models::list(request, seed)),
        ("GET", Address::Model(name)) => models::one(request, name, seed),
        (_, Address::Messages | Address::CountMessages | Address::Models) => Err(wrong_method()),
        _ => Err(Problem::plain(404, "Not Found")),
    };
    answered.unwrap_or_else(|problem| failure::draft(&problem, request.number, seed))
}

fn wrong_method() -> Problem {
    Problem::plain(405, "Method Not Allowed")
}

fn hello(request: &Request, seed: u64) -> Draft {
    let headers = headers::common(request.number, seed, "application/json");
    Draft::whole(200, headers, json!({"message": "hello"}).to_string())
}

fn messages(request: &Request, seed: u64, caches: &Caches) -> Result<Draft, Problem> {
    check::request(request)?;
    let read = read::read(request);
    check::messages(request, seed)?;
    let about = Circumstances {
        seed,
        number: request.number,
        model: request.model(),
        choices: 1,
    };
    let reply = reply(&read.conversation, about);
    let message = write::Message {
        id: format!("msg_sim_{:016x}{:08x}", about.drawn(), request.number),
        model: request.shown_model(),
        cached: caches.look_up(request.model(), &read.marks),
        prompt: read.conversation.tokens,
        is_redacted: about.model == "think-redacted",
        seed,
        reply,
    };
    if read.conversation.stream {
        let headers = headers::common(request.number, seed, "text/event-stream; charset=utf-8");
        return Ok(Draft::events(headers, stream::events(&message)));
    }
    let headers = headers::common(request.number, seed, "application/json");
    Ok(Draft::whole(200, headers, message.json().to_string()))
}

fn count(request: &Request, seed: u64) -> Result<Draft, Problem> {
    check::countable(request)?;
    let tokens = read::read(request).conversation.tokens;
    let headers = headers::common(request.number, seed, "application/json");
    let body = json!({"input_tokens": tokens}).to_string();
    Ok(Draft::whole(200, headers, body))
}

/// An event with this text.
pub(crate) fn text_event(text: &str) -> Piece {
    let delta = json!({"type": "text_delta", "text": text});
    let event = json!({"type": "content_block_delta", "index": 0, "delta": delta});
    Piece::named("content_block_delta", &event.to_string())
}

/// The event that ends a stream by an error.
pub(crate) fn error_event(problem: &Problem, id: &str) -> Piece {
    Piece::named("error", &failure::object(problem, id).to_string())
}

/// An event that says nothing.
pub(crate) fn ping() -> Piece {
    Piece::named("ping", r#"{"type": "ping"}"#)
}
