//! Reading a request of the simple chat.

use bytes::Bytes;
use serde_json::{Map, Number, Value, json};
use tollgate_core::error::{Code, Failure};

use crate::faults::Faults;
use crate::fields::{article, not_json};
use crate::json::{self, Kind, Scanner};

/// Members that have a meaning. Others are left out, as the documents have no word of them.
const KNOWN: [&str; 6] = [
    "messages",
    "model",
    "model_hint",
    "max_tokens",
    "temperature",
    "stream",
];
const MAX_TOKENS: u64 = 512;
const TEMPERATURE: f64 = 0.7;
/// The longest name of a model, and the longest hint, in bytes.
const LONGEST_NAME: usize = 256;

/// What a caller asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The model that it names; wins over the hint.
    pub model: Option<String>,
    /// What kind of model it wants.
    pub hint: Option<String>,
    /// Members that nobody is told of.
    pub unknown: Vec<String>,
    messages: Vec<Value>,
    max_tokens: u64,
    temperature: Number,
    stream: bool,
}

/// Reads a body. Fails with `malformed_json` if it is no JSON, and with `invalid_request` and all
/// the fields at fault if it asks nothing.
pub fn read(body: &[u8]) -> Result<Request, Failure> {
    // The scanner knows what is wrong where, and the parser comes behind it.
    kind(body).map_err(|problem| not_json(problem, body))?;
    let body: Value = serde_json::from_slice(body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not a JSON object of valid texts.")
            .because(error)
    })?;
    let Value::Object(body) = body else {
        let what = article(kind_of(&body));
        return Err(Failure::client(Code::InvalidRequest)
            .message(format!("The body must be a JSON object, not {what}.")));
    };
    let mut faults = Faults::default();
    let request = Request {
        model: name(&body, "model", &mut faults),
        hint: name(&body, "model_hint", &mut faults),
        messages: messages(&body, &mut faults),
        max_tokens: max_tokens(&body, &mut faults),
        temperature: temperature(&body, &mut faults),
        stream: stream(&body, &mut faults),
        unknown: body
            .keys()
            .filter(|name| !KNOWN.contains(&name.as_str()))
            .cloned()
            .collect(),
    };
    if faults.is_empty() {
        Ok(request)
    } else {
        Err(faults.into_failure(request.model.as_deref()))
    }
}

impl Request {
    /// The same as a chat completion of a model.
    pub fn completion(&self, model: &str) -> Bytes {
        let body = json!({
            "model": model,
            "messages": self.messages,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "stream": self.stream,
        });
        body.to_string().into()
    }
}

/// A request without a model where there is no default.
pub fn without_model() -> Failure {
    let mut faults = Faults::default();
    faults.add(
        format_args!("model"),
        "missing",
        "is missing, and the gateway has no default model for this address",
    );
    faults.into_failure(None)
}

fn kind(body: &[u8]) -> Result<Kind, json::Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let kind = scanner.kind()?;
    scanner.skip()?;
    scanner.finish()?;
    Ok(kind)
}

const fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Bool,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::String,
        Value::Array(_) => Kind::Array,
        Value::Object(_) => Kind::Object,
    }
}

/// Notes that a field holds something else than it should.
fn other(path: &str, kind: &'static str, wanted: &str, found: &Value, faults: &mut Faults) {
    let found = article(kind_of(found));
    faults.add(
        format_args!("{path}"),
        kind,
        &format!("must be {wanted}, not {found}"),
    );
}

/// A name, or nothing: empty ones are nothing.
fn name(body: &Map<String, Value>, field: &str, faults: &mut Faults) -> Option<String> {
    match body.get(field)? {
        Value::String(name) if name.len() > LONGEST_NAME => {
            let what = format!("must have at most {LONGEST_NAME} bytes");
            faults.add(format_args!("{field}"), "string_too_long", &what);
            None
        }
        Value::String(name) => Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
        Value::Null => None,
        found => {
            other(field, "string_type", "a string or null", found, faults);
            None
        }
    }
}

fn messages(body: &Map<String, Value>, faults: &mut Faults) -> Vec<Value> {
    let path = "messages";
    match body.get(path) {
        None => faults.add(format_args!("{path}"), "missing", "is missing"),
        Some(Value::Array(messages)) if messages.is_empty() => faults.add(
            format_args!("{path}"),
            "too_short",
            "must hold at least one message",
        ),
        Some(Value::Array(messages)) => {
            let messages = messages.iter().enumerate();
            return messages
                .map(|(index, given)| message(index, given, faults))
                .collect();
        }
        Some(found) => other(path, "list_type", "an array", found, faults),
    }
    Vec::new()
}

fn message(index: usize, message: &Value, faults: &mut Faults) -> Value {
    let Value::Object(members) = message else {
        let path = format!("messages[{index}]");
        other(&path, "dict_type", "an object", message, faults);
        return Value::Null;
    };
    let mut text = |field: &str| match members.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(found) => {
            let path = format!("messages[{index}].{field}");
            other(&path, "string_type", "a string", found, faults);
            String::new()
        }
        None => {
            let path = format_args!("messages[{index}].{field}");
            faults.add(path, "missing", "is missing");
            String::new()
        }
    };
    json!({"role": text("role"), "content": text("content")})
}

fn max_tokens(body: &Map<String, Value>, faults: &mut Faults) -> u64 {
    let path = "max_tokens";
    match body.get(path) {
        None | Some(Value::Null) => MAX_TOKENS,
        Some(Value::Number(number)) => match number.as_u64() {
            Some(tokens) if tokens > 0 => tokens,
            _ if number.is_f64() => {
                let what = "must be an integer, not a number with a fraction";
                faults.add(format_args!("{path}"), "int_type", what);
                MAX_TOKENS
            }
            _ => {
                let what = "must be at least 1";
                faults.add(format_args!("{path}"), "greater_than_equal", what);
                MAX_TOKENS
            }
        },
        Some(found) => {
            other(path, "int_type", "an integer", found, faults);
            MAX_TOKENS
        }
    }
}

fn temperature(body: &Map<String, Value>, faults: &mut Faults) -> Number {
    let path = "temperature";
    let usual = Number::from_f64(TEMPERATURE).unwrap_or_else(|| 0.into());
    let (kind, what) = match body.get(path) {
        None | Some(Value::Null) => return usual,
        Some(Value::Number(number)) => match number.as_f64() {
            Some(value) if value < 0.0 => ("greater_than_equal", "must be at least 0"),
            Some(value) if value > 2.0 => ("less_than_equal", "must be at most 2"),
            _ => return number.clone(),
        },
        Some(found) => {
            other(path, "float_type", "a number", found, faults);
            return usual;
        }
    };
    faults.add(format_args!("{path}"), kind, what);
    usual
}

fn stream(body: &Map<String, Value>, faults: &mut Faults) -> bool {
    match body.get("stream") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(stream)) => *stream,
        Some(found) => {
            other("stream", "bool_type", "a boolean", found, faults);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HI: &str = r#"{"role":"user","content":"Hi"}"#;

    #[test]
    fn the_sample_of_the_seed_gets_the_documented_defaults() {
        let request = read(format!(r#"{{"messages":[{HI}]}}"#).as_bytes()).unwrap();
        assert_eq!((&request.model, &request.hint), (&None, &None));
        let completion: Value = serde_json::from_slice(&request.completion("m")).unwrap();
        assert_eq!(
            completion,
            json!({
                "model": "m", "messages": [{"role": "user", "content": "Hi"}],
                "max_tokens": 512, "temperature": 0.7, "stream": false,
            })
        );
    }

    #[test]
    fn everything_that_is_documented_is_read_and_the_rest_is_told() {
        let body = format!(
            r#"{{"messages":[{HI}],"model":" a/b ","model_hint":"fast","max_tokens":7,
                "temperature":0,"stream":true,"tools":[],"n":2}}"#
        );
        let request = read(body.as_bytes()).unwrap();
        assert_eq!(request.model.as_deref(), Some("a/b"));
        assert_eq!(request.hint.as_deref(), Some("fast"));
        let mut unknown = request.unknown.clone();
        unknown.sort();
        assert_eq!(unknown, ["n", "tools"]);
        let completion: Value = serde_json::from_slice(&request.completion("x")).unwrap();
        assert_eq!(completion["max_tokens"], 7);
        assert_eq!(completion["temperature"], 0);
        assert_eq!(completion["stream"], true);
    }

    #[test]
    fn fields_at_fault_are_named_with_their_kind() {
        for (body, want) in [
            ("{}", &[("messages", "missing")][..]),
            (r#"{"messages":[]}"#, &[("messages", "too_short")]),
            (r#"{"messages":"x"}"#, &[("messages", "list_type")]),
            (r#"{"messages":["x"]}"#, &[("messages[0]", "dict_type")]),
            (
                r#"{"messages":[{"content":7}]}"#,
                &[
                    ("messages[0].role", "missing"),
                    ("messages[0].content", "string_type"),
                ],
            ),
            (
                r#"{"messages":[{"role":"user","content":"x"}],"max_tokens":0,"temperature":2.1,
                    "stream":"yes","model":3,"model_hint":[]}"#,
                &[
                    ("model", "string_type"),
                    ("model_hint", "string_type"),
                    ("max_tokens", "greater_than_equal"),
                    ("temperature", "less_than_equal"),
                    ("stream", "bool_type"),
                ],
            ),
            (
                r#"{"messages":[{"role":"user","content":"x"}],"max_tokens":1.5,"temperature":-1}"#,
                &[
                    ("max_tokens", "int_type"),
                    ("temperature", "greater_than_equal"),
                ],
            ),
        ] {
            let failure = read(body.as_bytes()).unwrap_err();
            assert_eq!(failure.code, Code::InvalidRequest, "{body}");
            let fields = failure.fields.iter();
            let seen: Vec<_> = fields.map(|field| (&*field.path, field.kind)).collect();
            assert_eq!(seen, want, "{body}");
        }
        assert_eq!(read(b"[1]").unwrap_err().code, Code::InvalidRequest);
        assert_eq!(read(b"{").unwrap_err().code, Code::MalformedJson);
        assert_eq!(read(b"").unwrap_err().code, Code::MalformedJson);
    }
}
