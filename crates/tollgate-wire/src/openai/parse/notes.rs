//! Taking the values of a caller's body by their kinds, and noting what is wrong with it and what
//! has no place in the neutral form.

use serde_json::{Map, Number, Value};

use crate::faults::Faults;
use crate::fields::article;
use crate::json::Kind;

/// What was noted of a body. A value of a wrong kind is at fault; `null` is as good as absent.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) faults: Faults,
    pub(super) others: Vec<String>,
}

impl Notes {
    /// Notes a part that has no place.
    pub(super) fn other(&mut self, path: impl Into<String>) {
        self.others.push(path.into());
    }

    /// Notes a value of a wrong kind.
    pub(super) fn wrong(&mut self, path: &str, wanted: &str, value: &Value) {
        let what = format!("must be {wanted}, not {}", article(kind(value)));
        self.faults
            .add(format_args!("{path}"), "value_error", &what);
    }

    /// Notes a member that must be there.
    pub(super) fn missing(&mut self, path: &str) {
        self.faults
            .add(format_args!("{path}"), "missing", "is missing");
    }

    pub(super) fn text<'a>(&mut self, value: &'a Value, path: &str) -> Option<&'a str> {
        self.take(value, path, "a string", Value::as_str)
    }

    /// A text that must be there and not be empty.
    pub(super) fn name<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        name: &str,
        path: &str,
    ) -> Option<&'a str> {
        let path = format!("{path}.{name}");
        let Some(value) = object.get(name).filter(|value| !value.is_null()) else {
            self.missing(&path);
            return None;
        };
        let text = self.text(value, &path)?;
        if text.is_empty() {
            self.faults.add(
                format_args!("{path}"),
                "string_too_short",
                "must not be empty",
            );
            return None;
        }
        Some(text)
    }

    pub(super) fn bool(&mut self, value: &Value, path: &str) -> Option<bool> {
        self.take(value, path, "a boolean", Value::as_bool)
    }

    pub(super) fn number(&mut self, value: &Value, path: &str) -> Option<Number> {
        self.take(value, path, "a number", Value::as_number)
            .cloned()
    }

    /// A whole number from zero.
    pub(super) fn count(&mut self, value: &Value, path: &str) -> Option<u64> {
        self.take(value, path, "a whole number from 0", whole)
    }

    pub(super) fn object<'a>(
        &mut self,
        value: &'a Value,
        path: &str,
    ) -> Option<&'a Map<String, Value>> {
        self.take(value, path, "an object", Value::as_object)
    }

    pub(super) fn list<'a>(&mut self, value: &'a Value, path: &str) -> Option<&'a [Value]> {
        self.take(value, path, "an array", |value| {
            value.as_array().map(Vec::as_slice)
        })
    }

    fn take<'a, T>(
        &mut self,
        value: &'a Value,
        path: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        if value.is_null() {
            return None;
        }
        let found = read(value);
        if found.is_none() {
            self.wrong(path, wanted, value);
        }
        found
    }
}

/// A whole number, however it is written (`5`, `5.0`).
fn whole(value: &Value) -> Option<u64> {
    /// From here on floating point skips whole numbers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        let fits = number.fract() == 0.0 && (0.0..EXACT).contains(&number);
        #[expect(clippy::cast_sign_loss, reason = "the range has been checked")]
        fits.then_some(number as u64)
    })
}

/// Whether a value says nothing: `null`, or empty in its kind.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Bool,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::String,
        Value::Array(_) => Kind::Array,
        Value::Object(_) => Kind::Object,
    }
}
