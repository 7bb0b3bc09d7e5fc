//! The Gemini format: content, its tokens, and models.

mod check;
pub(crate) mod failure;
pub(crate) mod headers;
mod models;
mod read;
mod write;

use serde_json::{Value, json};

use crate::address::{Address, Form};
use crate::conversation::Conversation;
use crate::draft::{Draft, Piece};
use crate::problem::Problem;
use crate::reply::{Circumstances, reply};
use crate::request::Request;

/// Answers a request to one of the format's addresses.
pub(crate) fn answer(request: &Request, seed: u64) -> Draft {
    let answered = match (request.method.as_str(), &request.address) {
        ("POST", Address::Generate { form, .. }) => generate(request, *form, seed),
        ("POST", Address::CountContents { .. }) => count(request, seed),
        ("GET", Address::Models) => Ok(models::list(request, seed)),
        ("GET", Address::Model(name)) => models::one(request, name, seed),
        _ => Err(Problem::plain(
            404,
            &format!("there is nothing at {}", request.path),
        )),
    };
    answered.unwrap_or_else(|problem| {
        let (content_type, body) = failure::body(&problem, request.wants_array());
        let headers = headers::common(request.number, seed, content_type);
        Draft::whole(problem.status, headers, body)
    })
}

fn generate(request: &Request, form: Form, seed: u64) -> Result<Draft, Problem> {
    let body = check::request(request, seed)?;
    let conversation = read::read(body, request.wants_stream());
    let choices = read::choices(body)?;
    let about = Circumstances {
        seed,
        number: request.number,
        model: request.model(),
        choices,
    };
    let content = write::Content {
        id: format!("sim{:016x}{:08x}", about.drawn(), request.number),
        model: request.shown_model(),
        choices,
        prompt: conversation.tokens,
        shows_thoughts: conversation.thinking.is_shown == Some(true),
        signature: signs(&conversation, about.model).then(|| write::signature(about)),
        reply: reply(&conversation, about),
    };
    if form == Form::Plain {
        let headers = headers::common(request.number, seed, "application/json; charset=UTF-8");
        return Ok(Draft::whole(200, headers, content.json().to_string()));
    }
    let content_type = match form {
        Form::Array => "application/json",
        Form::Plain | Form::Events => "text/event-stream",
    };
    let headers = headers::common(request.number, seed, content_type);
    let draft = Draft::events(headers, content.chunks());
    Ok(match form {
        Form::Array => draft.into_array(),
        Form::Plain | Form::Events => draft.with_crlf(),
    })
}

fn count(request: &Request, seed: u64) -> Result<Draft, Problem> {
    let body = check::body(request)?;
    let body = body.get("generateContentRequest").unwrap_or(body);
    check::contents(body)?;
    let tokens = read::read(body, false).tokens;
    let headers = headers::common(request.number, seed, "application/json; charset=UTF-8");
    let body = json!({
        "totalTokens": tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
    });
    Ok(Draft::whole(200, headers, body.to_string()))
}

/// Whether calls are signed: by models that think, and by those that want their signatures back.
fn signs(conversation: &Conversation, model: &str) -> bool {
    demands_signatures(model) || conversation.thinking.wanted == Some(true)
}

/// Whether a model refuses calls without the signatures that it gave them, as those of the third
/// generation do.
fn demands_signatures(model: &str) -> bool {
    model == "think-tools" || model.contains("gemini-3")
}

/// An event with this text.
pub(crate) fn text_event(model: &str, text: &str) -> Piece {
    let chunk = json!({
        "candidates": [{
            "content": {"parts": [{"text": text}], "role": "model"},
            "index": 0,
        }],
        "modelVersion": model,
    });
    Piece::data(&chunk.to_string())
}

/// The event that ends a stream by an error.
pub(crate) fn error_event(problem: &Problem) -> Piece {
    Piece::data(&failure::object(problem).to_string())
}

/// An event at the start of a stream that says nothing yet.
pub(crate) fn silent_event(model: &str) -> Piece {
    let chunk = json!({"usageMetadata": {"promptTokenCount": 8}, "modelVersion": model});
    Piece::data(&chunk.to_string())
}

/// A member by its name in JSON, or by that of the field, which are both accepted.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let found = object.get(name).or_else(|| {
        let mut snake = String::with_capacity(name.len() + 4);
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        object.get(&snake)
    });
    found.filter(|value| !value.is_null())
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    member(object, name)?.as_str()
}
