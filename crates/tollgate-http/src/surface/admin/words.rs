//! Members that bodies of several endpoints have.

use serde_json::Value;
use tollgate_core::tenant::Status;
use tollgate_engine::accounts::is_id;

use super::fields::Fields;

const LONGEST_NAME: usize = 100;
/// The most bytes of what people note of something.
const LONGEST_METADATA: usize = 16 * 1024;
/// The most characters of an id that somebody chose.
pub(super) const LONGEST_ID: usize = 64;

/// Takes a name, which has to be there.
pub(super) fn name(fields: &mut Fields) -> Option<Box<str>> {
    let name = fields.required_text("name", LONGEST_NAME)?;
    Some(name.trim().into())
}

/// Takes a name that replaces another.
pub(super) fn new_name(fields: &mut Fields) -> Option<Box<str>> {
    let name = fields.text("name", LONGEST_NAME)?;
    Some(name.trim().into())
}

/// Takes an id of the maker's own choice.
pub(super) fn id(fields: &mut Fields) -> Option<Box<str>> {
    let id = fields.text("id", LONGEST_ID)?;
    if !is_id(&id) {
        let what = "must have letters, digits, `-`, `_` and `.` only and begin with a letter or a \
                    digit";
        fields.fault("id", "value_error", what);
    }
    Some(id.into())
}

/// Takes what people note of something, as JSON; `Some(None)` where that is nothing.
#[expect(
    clippy::option_option,
    reason = "what is not named stays, and `null` takes it away"
)]
pub(super) fn metadata(fields: &mut Fields) -> Option<Option<Box<str>>> {
    if !fields.names("metadata") {
        return None;
    }
    if fields.names_null("metadata") {
        fields.skip("metadata");
        return Some(None);
    }
    let noted = fields.object("metadata", Fields::everything)?;
    if noted.is_empty() {
        return Some(None);
    }
    let text = Value::Object(noted).to_string();
    if text.len() > LONGEST_METADATA {
        let what = format!("must have at most {LONGEST_METADATA} bytes of JSON");
        fields.fault("metadata", "value_error", &what);
    }
    Some(Some(text.into()))
}

/// What people noted, as it is told.
pub(super) fn told_metadata(noted: Option<&str>) -> Value {
    let noted = noted.and_then(|text| serde_json::from_str(text).ok());
    noted.unwrap_or_else(|| serde_json::json!({}))
}

/// Takes a status.
pub(super) fn status(fields: &mut Fields) -> Option<Status> {
    let word = fields.text("status", 32)?;
    let status = Status::from_name(&word);
    if status.is_none() {
        let what = "must be active, paused or suspended";
        fields.fault("status", "value_error", what);
    }
    status
}
