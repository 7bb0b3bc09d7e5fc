//! Taking members of a request, and saying what is wrong with one.

use serde_json::{Map, Value};
use tollgate_core::error::Failure;

use crate::faults::Faults;

/// An object of the request.
pub(super) type Members = Map<String, Value>;

/// The failure that names a field; `what` completes the sentence that begins with its path.
pub(super) fn wrong(path: &str, what: &str) -> Failure {
    let mut faults = Faults::default();
    faults.add(format_args!("{path}"), "value_error", what);
    faults.into_failure(None)
}

/// A member that is not `null`.
pub(super) fn member<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// The object itself.
pub(super) fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Members, Failure> {
    value
        .as_object()
        .ok_or_else(|| wrong(path, "must be an object"))
}

/// The items of an array.
pub(super) fn array<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Failure> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| wrong(path, "must be an array"))
}

/// A text that must be there.
pub(super) fn text(members: &Members, name: &str, path: &str) -> Result<String, Failure> {
    optional_text(members, name, path)?.ok_or_else(|| wrong(&joined(path, name), "is missing"))
}

/// A text that may be there.
pub(super) fn optional_text(
    members: &Members,
    name: &str,
    path: &str,
) -> Result<Option<String>, Failure> {
    match member(members, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(&joined(path, name), "must be a string")),
    }
}

/// A truth value that may be there.
pub(super) fn optional_bool(
    members: &Members,
    name: &str,
    path: &str,
) -> Result<Option<bool>, Failure> {
    match member(members, name) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(wrong(&joined(path, name), "must be a boolean")),
    }
}

/// A whole number that may be there.
pub(super) fn optional_count(
    members: &Members,
    name: &str,
    path: &str,
) -> Result<Option<u64>, Failure> {
    use crate::json::{Count, count};
    match member(members, name) {
        None => Ok(None),
        Some(Value::Number(number)) => match count(&number.to_string()) {
            Count::Whole(value) => Ok(Some(value)),
            Count::Negative | Count::Fraction => Err(wrong(
                &joined(path, name),
                "must be an integer that is not negative",
            )),
        },
        Some(_) => Err(wrong(&joined(path, name), "must be an integer")),
    }
}

/// The path of a member.
pub(super) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
