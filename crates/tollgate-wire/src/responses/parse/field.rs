//! Saying what is wrong with a member of a request.

use serde_json::{Map, Value};
use tollgate_core::error::Failure;

use crate::faults::Faults;

/// The failure that names this member. `what` completes the sentence that begins with its path.
pub(super) fn wrong(path: &str, kind: &'static str, what: &str) -> Failure {
    let mut faults = Faults::default();
    faults.add(format_args!("{path}"), kind, what);
    faults.into_failure(None)
}

/// The value of this name; none if it is `null`.
pub(super) fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// The text of this name, if it is there. Fails if it is no text.
pub(super) fn text<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<&'a str>, Failure> {
    match get(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(&under(path, name), "string_type", "must be a string")),
    }
}

/// The text of this name. Fails if it is missing, empty or no text.
pub(super) fn needed<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<&'a str, Failure> {
    match text(object, name, path)? {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) => Err(wrong(
            &under(path, name),
            "string_too_short",
            "must not be empty",
        )),
        None => Err(wrong(&under(path, name), "missing", "is missing")),
    }
}

/// The array of this name; empty if it is missing. Fails if it is no array.
pub(super) fn list<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<&'a [Value], Failure> {
    match get(object, name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(&under(path, name), "list_type", "must be an array")),
    }
}

/// The object of this name, if it is there. Fails if it is none.
pub(super) fn object<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<&'a Map<String, Value>>, Failure> {
    match get(object, name) {
        None => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(_) => Err(wrong(&under(path, name), "dict_type", "must be an object")),
    }
}

/// The flag of this name, if it is there. Fails if it is none.
pub(super) fn flag(
    object: &Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<bool>, Failure> {
    match get(object, name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(wrong(&under(path, name), "bool_type", "must be a boolean")),
    }
}

/// The path of a member.
pub(super) fn under(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
