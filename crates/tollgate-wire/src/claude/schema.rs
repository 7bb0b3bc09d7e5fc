//! Schemas for the form of an answer.

use serde_json::{Map, Value};

/// The schema with every object closed: one that does not say whether it may have more members
/// is refused.
pub(crate) fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(closed_object(members)),
        other => other.clone(),
    }
}

fn closed_object(members: &Map<String, Value>) -> Map<String, Value> {
    let mut made: Map<String, Value> = members
        .iter()
        .map(|(name, value)| (name.clone(), closed_member(name, value)))
        .collect();
    let is_object = match made.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => made.contains_key("properties"),
    };
    if is_object && !made.contains_key("additionalProperties") {
        made.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    made
}

fn closed_member(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("properties" | "$defs" | "definitions", Value::Object(schemas)) => schemas
            .iter()
            .map(|(name, schema)| (name.clone(), closed(schema)))
            .collect::<Map<_, _>>()
            .into(),
        ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
            schemas.iter().map(closed).collect()
        }
        ("items", schema) => closed(schema),
        (_, other) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_closed_wherever_they_are() {
        let schema = json!({
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["object"]},
                "list": {"type": "array", "items": {"type": ["object", "null"], "properties": {}}},
                "open": {"type": "object", "additionalProperties": true},
            },
            "$defs": {"x": {"anyOf": [{"properties": {}}, {"type": "null"}]}},
        });
        assert_eq!(
            closed(&schema),
            json!({
                "type": "object",
                "properties": {
                    "type": {"type": "string", "enum": ["object"]},
                    "list": {"type": "array", "items": {
                        "type": ["object", "null"], "properties": {}, "additionalProperties": false,
                    }},
                    "open": {"type": "object", "additionalProperties": true},
                },
                "$defs": {"x": {"anyOf": [
                    {"properties": {}, "additionalProperties": false}, {"type": "null"},
                ]}},
                "additionalProperties": false,
            })
        );
    }
}
