//! Errors in the shape in which Google sends them.

use serde_json::{Value, json};

use crate::problem::Problem;

/// The object that describes an error.
pub(crate) fn object(problem: &Problem) -> Value {
    let status = problem.kind.as_deref().unwrap_or(kind(problem.status));
    let mut error = json!({
        "code": problem.status,
        "message": problem.message,
        "status": status,
    });
    let details = details(problem);
    if !details.is_empty()
        && let Some(members) = error.as_object_mut()
    {
        members.insert("details".to_owned(), Value::Array(details));
    }
    json!({"error": error})
}

/// The content type and the body; where an array is streamed, errors stand in one, too.
pub(crate) fn body(problem: &Problem, in_array: bool) -> (&'static str, String) {
    let object = object(problem);
    let body = if in_array { json!([object]) } else { object };
    ("application/json; charset=UTF-8", format!("{body:#}\n"))
}

fn details(problem: &Problem) -> Vec<Value> {
    let mut details = Vec::new();
    if let Some(reason) = &problem.code {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }));
    }
    if let Some(field) = &problem.param {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": field, "description": problem.message}],
        }));
    }
    if let Some(quota) = &problem.quota {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric":
                    "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
                "quotaId": quota,
                "quotaDimensions": {"model": "simulated", "location": "global"},
                "quotaValue": "1000",
            }],
        }));
    }
    if let Some(wait) = &problem.wait {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": wait,
        }));
    }
    details
}

/// The status in words that is usual for a status.
fn kind(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        400..=499 => "INVALID_ARGUMENT",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        500..=599 => "INTERNAL",
        _ => "UNKNOWN",
    }
}

/// The status of these words; 500 for others.
pub(crate) fn status(kind: &str) -> u16 {
    let known = [400, 401, 403, 404, 409, 429, 499, 500, 501, 503, 504];
    known
        .into_iter()
        .find(|status| self::kind(*status) == kind)
        .unwrap_or(500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_statuses_belong_together() {
        for (kind, expected) in [
            ("INVALID_ARGUMENT", 400),
            ("RESOURCE_EXHAUSTED", 429),
            ("UNAVAILABLE", 503),
            ("DEADLINE_EXCEEDED", 504),
            ("server_error", 500),
        ] {
            assert_eq!(status(kind), expected, "{kind}");
        }
    }
}
