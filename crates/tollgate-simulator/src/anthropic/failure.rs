//! Errors in the shape in which Anthropic sends them.

use serde_json::{Value, json};

use super::headers;
use crate::draft::Draft;
use crate::problem::Problem;

/// The answer to a request that is refused.
pub(crate) fn draft(problem: &Problem, number: u64, seed: u64) -> Draft {
    let id = headers::request_id(number, seed);
    let (content_type, body) = body(problem, &id);
    let mut headers = headers::common(number, seed, content_type);
    let retry = should_retry(problem.status).to_string();
    headers.push(("x-should-retry".to_owned(), retry));
    Draft::whole(problem.status, headers, body)
}

/// The object that describes an error.
pub(crate) fn object(problem: &Problem, id: &str) -> Value {
    let kind = problem.kind.as_deref().unwrap_or(kind(problem.status));
    let mut error = json!({"type": kind, "message": problem.message});
    if let (Some(code), Some(members)) = (&problem.code, error.as_object_mut()) {
        members.insert("details".to_owned(), json!({"error_code": code}));
    }
    if problem.is_edge {
        return json!({"error": error});
    }
    json!({"type": "error", "error": error, "request_id": id})
}

/// The content type and the body.
pub(crate) fn body(problem: &Problem, id: &str) -> (&'static str, String) {
    ("application/json", object(problem, id).to_string())
}

/// Whether the provider wants a request to be sent again that was answered with this status.
pub(crate) fn should_retry(status: u16) -> bool {
    matches!(status, 408 | 409 | 429) || status >= 500
}

/// The type that is usual for a status.
fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
