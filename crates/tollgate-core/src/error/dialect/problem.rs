//! RFC 9457, problem details for HTTP APIs.

use serde_json::{Map, Value};

use super::case::Case;
use super::{object, tell_retry};

/// The status of the table holds as it is.
pub(super) fn status(case: &Case<'_>) -> u16 {
    case.code.status()
}

/// `{"type", "title", "status", "detail", "instance", …}`
pub(super) fn body(case: &Case<'_>) -> Map<String, Value> {
    let sentence = case.sentence();
    let details = case.details(&sentence);
    let mut problem = object([
        ("type", case.doc_url().into()),
        ("title", case.code.title().into()),
        ("status", status(case).into()),
        ("detail", sentence.into()),
        (
            "instance",
            format!("urn:tollgate:request:{}", case.context.request_id).into(),
        ),
        ("code", case.code.slug().into()),
        ("request_id", case.context.request_id.into()),
    ]);
    tell_retry(case, &mut problem);
    if !details.is_empty() {
        problem.insert("details".into(), Value::Object(details));
    }
    problem
}
