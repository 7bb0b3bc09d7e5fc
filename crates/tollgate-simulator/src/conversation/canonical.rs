//! One spelling for values that mean the same.

use serde_json::{Map, Value};

/// Members in the order of their names, whole numbers without a fraction.
pub(crate) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let sorted = names
                .into_iter()
                .filter_map(|name| Some((name.clone(), canonical(members.get(name)?))));
            Value::Object(sorted.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Number(number) => match number.as_f64() {
            // Every whole number of this size is exact as a float.
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
            _ => value.clone(),
        },
        Value::String(_) | Value::Bool(_) | Value::Null => value.clone(),
    }
}

/// A schema in one spelling: some formats write the types in upper case.
pub(super) fn schema(value: &Value) -> Value {
    lower_types(canonical(value))
}

fn lower_types(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("type", Value::String(kind)) => Value::String(kind.to_lowercase()),
                    (_, value) => lower_types(value),
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(lower_types).collect()),
        plain @ (Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null) => plain,
    }
}

/// What a tool gave: JSON in one spelling, anything else as it is.
pub(super) fn text(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => canonical(&value).to_string(),
        Ok(_) | Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_and_numbers_have_one_spelling() {
        let value = json!({"b": 1.0, "a": [{"d": 0.5, "c": -3}]});
        assert_eq!(
            canonical(&value).to_string(),
            r#"{"a":[{"c":-3,"d":0.5}],"b":1}"#
        );
    }

    #[test]
    fn types_of_schemas_are_in_lower_case_and_properties_named_type_stay() {
        let value = json!({"type": "OBJECT", "properties": {"type": {"type": "STRING"}}});
        assert_eq!(
            schema(&value),
            json!({"type": "object", "properties": {"type": {"type": "string"}}})
        );
    }

    #[test]
    fn only_objects_and_arrays_are_spelled_anew() {
        assert_eq!(text("{ \"b\": 1, \"a\": 2 }"), r#"{"a":2,"b":1}"#);
        assert_eq!(text("1.0"), "1.0");
        assert_eq!(text("It rains."), "It rains.");
    }
}
