//! Members of a caller's JSON, in either spelling, and what is said of wrong ones.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};
use tollgate_core::error::Failure;

use crate::faults::Faults;

/// The name of a member in camel case, however it is spelled.
pub(super) fn camel(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    Cow::Owned(out)
}

/// The members of an object that are not null, with their names in camel case.
pub(super) fn members<'a>(
    value: &'a Value,
    path: &str,
) -> Result<impl Iterator<Item = (Cow<'a, str>, &'a Value)> + use<'a>, Failure> {
    let members = object(value, path)?.iter();
    Ok(members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (camel(name), value)))
}

/// The member of this name in camel case.
pub(super) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut members = object.iter();
    let (_, value) = members.find(|(spelled, _)| camel(spelled) == name)?;
    (!value.is_null()).then_some(value)
}

/// The failure for a field of a wrong shape.
pub(super) fn wrong(path: &str, wanted: &str) -> Failure {
    let mut faults = Faults::default();
    faults.add(
        format_args!("{path}"),
        "value_error",
        &format!("must be {wanted}"),
    );
    faults.into_failure(None)
}

pub(super) fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, Failure> {
    value.as_object().ok_or_else(|| wrong(path, "an object"))
}

pub(super) fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Failure> {
    let items = value.as_array().map(Vec::as_slice);
    items.ok_or_else(|| wrong(path, "an array"))
}

pub(super) fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, Failure> {
    value.as_str().ok_or_else(|| wrong(path, "a string"))
}

pub(super) fn bool(value: &Value, path: &str) -> Result<bool, Failure> {
    value.as_bool().ok_or_else(|| wrong(path, "a boolean"))
}

pub(super) fn number(value: &Value, path: &str) -> Result<Number, Failure> {
    let number = value.as_number().cloned();
    number.ok_or_else(|| wrong(path, "a number"))
}

/// A whole number, however it is written: `40.0` is one.
pub(super) fn integer(value: &Value, path: &str) -> Result<i64, Failure> {
    let number = number(value, path)?;
    let whole = number.as_f64().filter(|value| value.fract() == 0.0);
    let whole = number.as_i64().or_else(|| whole.and_then(exact));
    whole.ok_or_else(|| wrong(path, "an integer"))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whole numbers below 2^53 are exact in both types"
)]
fn exact(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.abs() < EXACT).then_some(value as i64)
}
