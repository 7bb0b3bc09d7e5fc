//! What the families have in common for the rest of the simulator: answers, errors, odd events.

use serde_json::json;

use crate::address::{Address, Family};
use crate::anthropic::{self, cache::Caches};
use crate::draft::{Draft, Piece};
use crate::fault::Scene;
use crate::percent;
use crate::problem::{Problem, html};
use crate::request::Request;
use crate::{google, openai};

/// The shapes that error bodies have; the names are those of the parameter `shape`.
pub(crate) const SHAPES: &[&str] = &[
    "own",
    "openai",
    "azure",
    "vllm",
    "string",
    "detail",
    "html",
    "text",
    "empty",
    "anthropic",
    "google",
];

/// Answers a request in the format of its family.
pub(crate) fn answer(request: &Request, seed: u64, caches: &Caches) -> Draft {
    match request.family {
        Family::OpenAi => openai::answer(request, seed),
        Family::Anthropic => anthropic::answer(request, seed, caches),
        Family::Google => google::answer(request, seed),
    }
}

/// Whether a request has the only key that is accepted, where its family puts it.
pub(crate) fn has_key(request: &Request, key: &str) -> bool {
    let bearer = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let own = match request.family {
        Family::OpenAi => None,
        Family::Anthropic => request.header("x-api-key"),
        Family::Google => request.header("x-goog-api-key"),
    };
    let in_query = || percent::in_query(&request.query, "key");
    bearer == Some(key)
        || own == Some(key)
        || (request.family == Family::Google && in_query().as_deref() == Some(key))
}

/// The error for a key that is not accepted.
pub(crate) fn wrong_key(family: Family) -> Problem {
    match family {
        Family::OpenAi => Problem {
            code: Some("invalid_api_key".into()),
            ..Problem::invalid(401, None, "Incorrect API key provided.")
        },
        Family::Anthropic => Problem::plain(401, "invalid x-api-key"),
        Family::Google => Problem {
            code: Some("API_KEY_INVALID".into()),
            ..Problem::plain(400, "API key not valid. Please pass a valid API key.")
        },
    }
}

/// A request that the simulator cannot follow, for a reason of its own.
pub(crate) fn refusal(family: Family, message: &str) -> Problem {
    match family {
        Family::OpenAi => Problem::invalid(400, Some("model"), message),
        Family::Anthropic | Family::Google => Problem::plain(400, message),
    }
}

/// The headers of every answer.
pub(crate) fn headers(scene: &Scene, content_type: &str) -> Vec<(String, String)> {
    let (number, seed) = (scene.number, scene.seed);
    match scene.family {
        Family::OpenAi => openai::headers::common(number, seed, content_type),
        Family::Anthropic => anthropic::headers::common(number, seed, content_type),
        Family::Google => google::headers::common(number, seed, content_type),
    }
}

/// An error as an answer of the family.
pub(crate) fn draft(problem: &Problem, scene: &Scene) -> Draft {
    let (content_type, body) = body(problem, "own", scene);
    let mut draft = Draft::whole(problem.status, headers(scene, content_type), body);
    if scene.family == Family::Anthropic {
        let retry = anthropic::failure::should_retry(problem.status);
        draft.set_header("x-should-retry", &retry.to_string());
    }
    draft
}

/// The content type and the body of an error in one of the shapes.
pub(crate) fn body(problem: &Problem, shape: &str, scene: &Scene) -> (&'static str, String) {
    let json = |value: serde_json::Value| ("application/json", format!("{value:#}\n"));
    match shape {
        "openai" => openai::failure::body(problem),
        "anthropic" => anthropic::failure::body(problem, &id(scene)),
        "google" => google::failure::body(problem, scene.in_array),
        "azure" => json(json!({"error": azure(problem)})),
        "vllm" => json(json!({
            "object": "error",
            "message": problem.message,
            "type": "BadRequestError",
            "param": problem.param,
            "code": problem.status,
        })),
        "string" => json(json!({"error": problem.message})),
        "detail" => json(json!({"detail": problem.message})),
        "html" => (
            "text/html; charset=UTF-8",
            html(problem.status, &problem.message),
        ),
        "text" => ("text/plain; charset=utf-8", problem.message.clone()),
        "empty" => ("application/json", String::new()),
        _ => body(problem, own_shape(scene.family), scene),
    }
}

fn own_shape(family: Family) -> &'static str {
    match family {
        Family::OpenAi => "openai",
        Family::Anthropic => "anthropic",
        Family::Google => "google",
    }
}

fn azure(problem: &Problem) -> serde_json::Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    json!({
        "message": problem.message,
        "type": null,
        "param": problem.param,
        "code": problem.code,
        "status": problem.status,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": safe,
                "self_harm": safe,
                "sexual": safe,
                "violence": {"filtered": true, "severity": "high"},
            },
        },
    })
}

/// The events that end a stream by an error.
pub(crate) fn error_events(problem: &Problem, scene: &Scene) -> Vec<Piece> {
    match scene.family {
        Family::OpenAi => openai::error_events(&scene.address, &scene.model, problem),
        Family::Anthropic => vec![anthropic::error_event(problem, &id(scene))],
        Family::Google => vec![google::error_event(problem)],
    }
}

/// An event with this text, as it would stand in the stream.
pub(crate) fn text_event(scene: &Scene, id: &str, text: &str) -> Piece {
    match scene.family {
        Family::OpenAi => openai::text_event(&scene.address, &scene.model, id, text),
        Family::Anthropic => anthropic::text_event(text),
        Family::Google => google::text_event(&scene.model, text),
    }
}

/// An event at the start of a stream that says nothing yet.
pub(crate) fn silent_event(scene: &Scene) -> Piece {
    match scene.family {
        Family::OpenAi => openai::silent_event(&scene.address, &scene.model),
        Family::Anthropic => anthropic::ping(),
        Family::Google => google::silent_event(&scene.model),
    }
}

/// The kind of error that the family means by a failure of its own.
pub(crate) fn server_error(scene: &Scene) -> Problem {
    let mut problem = Problem::plain(500, "The server had an error");
    if scene.family == Family::OpenAi {
        problem.kind = Some("server_error".into());
        if scene.address == Address::Responses {
            problem.code = Some("server_error".into());
        }
    }
    problem
}

/// The status that goes with a kind of error, where the family tells it in the body.
pub(crate) fn status_of(family: Family, kind: &str) -> u16 {
    match family {
        Family::Google => google::failure::status(kind),
        Family::OpenAi | Family::Anthropic => 500,
    }
}

fn id(scene: &Scene) -> String {
    anthropic::headers::request_id(scene.number, scene.seed)
}
