//! Members that bodies of several endpoints have.

use tollgate_core::tenant::Status;
use tollgate_engine::accounts::is_id;

use super::fields::Fields;

const LONGEST_NAME: usize = 100;
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
