//! Schemas in Google's subset of `OpenAPI`, as JSON schemas.

use serde_json::{Map, Value};

/// A schema of a caller as a JSON schema: types in lower case, `nullable` as one of the types,
/// and counts as numbers, which protobuf writes in quotes.
pub(super) fn to_json_schema(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut out = Map::new();
    for (name, value) in members {
        let (name, value) = member(name, value);
        // The order of properties is their order here.
        if name != "propertyOrdering" && name != "nullable" {
            out.insert(name.to_owned(), value);
        }
    }
    if members.get("nullable") == Some(&Value::Bool(true)) {
        make_nullable(&mut out);
    }
    Value::Object(out)
}

fn member<'a>(name: &'a str, value: &Value) -> (&'a str, Value) {
    match name {
        "type" => (name, of_type(value)),
        "items" | "additionalProperties" | "additional_properties" | "not" => {
            (camel(name), to_json_schema(value))
        }
        "properties" | "$defs" | "defs" => {
            let name = if name == "defs" { "$defs" } else { name };
            (name, of_each_member(value))
        }
        "anyOf" | "any_of" | "prefixItems" | "prefix_items" | "oneOf" | "allOf" => {
            (camel(name), of_each_item(value))
        }
        "ref" => ("$ref", value.clone()),
        "minItems" | "min_items" | "maxItems" | "max_items" | "minLength" | "min_length"
        | "maxLength" | "max_length" | "minProperties" | "min_properties" | "maxProperties"
        | "max_properties" => (camel(name), number(value)),
        _ => (camel(name), value.clone()),
    }
}

/// The one spelling of names that have two.
fn camel(name: &str) -> &str {
    match name {
        "additional_properties" => "additionalProperties",
        "any_of" => "anyOf",
        "prefix_items" => "prefixItems",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        "property_ordering" => "propertyOrdering",
        other => other,
    }
}

fn of_type(value: &Value) -> Value {
    match value {
        Value::String(word) => Value::String(word.to_ascii_lowercase()),
        Value::Array(words) => words.iter().map(of_type).collect(),
        other => other.clone(),
    }
}

fn of_each_member(value: &Value) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let each = |(name, schema): (&String, &Value)| (name.clone(), to_json_schema(schema));
    Value::Object(members.iter().map(each).collect())
}

fn of_each_item(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(to_json_schema).collect(),
        other => other.clone(),
    }
}

fn number(value: &Value) -> Value {
    let parsed = value.as_str().and_then(|digits| digits.parse::<u64>().ok());
    parsed.map_or_else(|| value.clone(), Value::from)
}

/// Adds `null` to what a schema allows.
fn make_nullable(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type") {
        if kind.is_string() {
            *kind = Value::Array(vec![kind.take(), "null".into()]);
        }
        if let Some(Value::Array(allowed)) = schema.get_mut("enum") {
            allowed.push(Value::Null);
        }
    } else if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.push(serde_json::json!({"type": "null"}));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_of_google_become_json_schemas() {
        let schema = json!({
            "type": "OBJECT",
            "properties": {
                "type": {"type": "STRING", "nullable": true, "enum": ["a"]},
                "list": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "1"},
                "either": {"any_of": [{"type": "NUMBER"}], "nullable": true},
            },
            "required": ["type"],
            "propertyOrdering": ["type", "list"],
        });
        assert_eq!(
            to_json_schema(&schema),
            json!({
                "type": "object",
                "properties": {
                    "type": {"type": ["string", "null"], "enum": ["a", null]},
                    "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
                    "either": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                },
                "required": ["type"],
            })
        );
    }

    #[test]
    fn a_json_schema_stays_what_it_is() {
        let schema = json!({"type": ["string", "null"], "description": "STRING", "minLength": 2});
        assert_eq!(to_json_schema(&schema), schema);
        assert_eq!(to_json_schema(&json!(true)), json!(true));
    }
}
