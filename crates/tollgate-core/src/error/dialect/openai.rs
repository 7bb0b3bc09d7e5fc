//! `OpenAI`'s error object with what Tollgate adds: status, request id, page, details, attempts.

use serde_json::{Map, Value};

use super::case::Case;
use super::{object, tell_retry};
use crate::error::catalog::Code;

/// The status of the table holds as it is.
pub(super) fn status(case: &Case<'_>) -> u16 {
    case.code.status()
}

/// `{"error": …}`
pub(super) fn body(case: &Case<'_>) -> Map<String, Value> {
    object([("error", Value::Object(error(case)))])
}

/// The body, with what headers would say.
pub(super) fn event(case: &Case<'_>) -> Map<String, Value> {
    let mut error = error(case);
    tell_retry(case, &mut error);
    object([("error", Value::Object(error))])
}

fn error(case: &Case<'_>) -> Map<String, Value> {
    let message = message(case);
    let details = case.details(&message);
    let mut error = object([
        ("message", message.into()),
        ("type", case.code.kind().into()),
        ("code", case.code.slug().into()),
        ("param", case.param()),
        ("status", status(case).into()),
        ("request_id", case.context.request_id.into()),
        ("doc_url", case.doc_url().into()),
    ]);
    if !details.is_empty() {
        error.insert("details".into(), Value::Object(details));
    }
    if let Some(attempts) = case.attempts() {
        error.insert("attempts".into(), attempts);
    }
    error
}

/// The sentences that seed 004 prints stand exactly as there; what they leave out is in the
/// details.
fn message(case: &Case<'_>) -> String {
    match case.code {
        code @ (Code::InvalidApiKey | Code::InsufficientCredits | Code::RateLimitExceeded) => {
            code.message().to_owned()
        }
        _ => case.sentence(),
    }
}
