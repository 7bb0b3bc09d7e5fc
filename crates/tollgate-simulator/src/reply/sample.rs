//! Values that satisfy a JSON schema, as far as simple schemas go.

use serde_json::{Map, Value, json};

const DEEPEST: usize = 16;

/// Makes the same value for the same schema every time; an object without members for none.
pub(crate) fn value(schema: &Value) -> Value {
    if schema.is_object() {
        deeper(schema, schema, 0)
    } else {
        json!({})
    }
}

fn deeper(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|choices| choices.get(0)) {
        return first.clone();
    }
    if let Some(place) = schema.get("$ref").and_then(Value::as_str) {
        let found = place
            .strip_prefix('#')
            .and_then(|place| root.pointer(place));
        return found.map_or(Value::Null, |found| deeper(found, root, depth + 1));
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(choice).and_then(|choices| choices.get(0)) {
            return deeper(first, root, depth + 1);
        }
    }
    match kind(schema).as_str() {
        "string" => string(schema),
        "integer" => json!(schema.get("minimum").and_then(Value::as_i64).unwrap_or(1)),
        "number" => json!(schema.get("minimum").and_then(Value::as_f64).unwrap_or(1.5)),
        "boolean" => json!(true),
        "array" => array(schema, root, depth),
        "null" => Value::Null,
        _ => object(schema, root, depth),
    }
}

/// The type. One format writes it in upper case.
fn kind(schema: &Value) -> String {
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("object"),
        _ => "object",
    };
    kind.to_lowercase()
}

fn string(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2025-01-01",
        Some("date-time") => "2025-01-01T00:00:00Z",
        Some("email") => "simulated@example.com",
        Some("uri") => "https://example.com/",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "simulated",
    };
    json!(text)
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    let items = schema.get("items").unwrap_or(&Value::Null);
    let least = schema
        .get("minItems")
        .and_then(Value::as_u64)
        .unwrap_or(1)
        .clamp(1, 16);
    let items = (0..least).map(|_| {
        if items.is_object() {
            deeper(items, root, depth + 1)
        } else {
            json!("simulated")
        }
    });
    Value::Array(items.collect())
}

/// Has the required members only: what is left out shows who relies on it.
fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let mut members = Map::new();
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let property = schema
            .get("properties")
            .and_then(|properties| properties.get(name));
        let member = property.map_or(Value::Null, |property| deeper(property, root, depth + 1));
        members.insert(name.to_owned(), member);
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_members_are_filled_by_their_types() {
        let schema = json!({
            "type": "object",
            "required": ["city", "days", "unit", "tags", "place"],
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer", "minimum": 3},
                "unit": {"enum": ["c", "f"]},
                "tags": {"type": "array", "items": {"type": ["boolean", "null"]}},
                "place": {"$ref": "#/$defs/place"},
                "left_out": {"type": "string"},
            },
            "$defs": {"place": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}},
        });
        let expected = json!({
            "city": "simulated", "days": 3, "unit": "c", "tags": [true], "place": {"x": 1.5},
        });
        assert_eq!(value(&schema), expected);
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema =
            json!({"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}});
        assert!(value(&schema).is_object());
    }
}
