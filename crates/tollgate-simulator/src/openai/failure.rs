//! Errors in the shape in which OpenAI sends them.

use serde_json::{Value, json};

use crate::problem::Problem;

/// The object that describes an error.
pub(crate) fn object(problem: &Problem) -> Value {
    json!({
        "message": problem.message,
        "type": problem.kind,
        "param": problem.param,
        "code": problem.code,
    })
}

/// The content type and the body.
pub(crate) fn body(problem: &Problem) -> (&'static str, String) {
    let body = json!({"error": object(problem)});
    ("application/json", format!("{body:#}\n"))
}
