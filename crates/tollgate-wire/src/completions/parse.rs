//! Reading a caller's completion as a question to a model that answers in turns.

use serde_json::{Map, Number, Value};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};

use crate::faults::Faults;
use crate::neutral::{Part, Request, Role};

/// Members that are parsed here.
const PARSED: [&str; 13] = [
    "model",
    "prompt",
    "stream",
    "stream_options",
    "max_tokens",
    "stop",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "user",
];

/// Members that change nothing of an answer.
const HARMLESS: [&str; 3] = ["metadata", "store", "service_tier"];

/// Parses a caller's request: its one prompt is what the user says. Fails with `invalid_request`
/// where the answer of a model that takes turns would not be what was asked for: for several
/// prompts or answers, tokens, a `suffix`, and an `echo` of the prompt.
pub fn request(call: &Call) -> Result<Request, Failure> {
    let body: Map<String, Value> = serde_json::from_slice(&call.body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not a JSON object of valid texts.")
            .because(error)
    })?;
    let number = |name: &str| match body.get(name) {
        Some(Value::Number(number)) => Some::<Number>(number.clone()),
        _ => None,
    };
    let mut request = Request {
        max_tokens: call.max_tokens,
        stop: stop(&body),
        temperature: number("temperature"),
        top_p: number("top_p"),
        top_k: body.get("top_k").and_then(Value::as_u64),
        seed: body.get("seed").and_then(Value::as_i64),
        frequency_penalty: number("frequency_penalty"),
        presence_penalty: number("presence_penalty"),
        user: body.get("user").and_then(Value::as_str).map(str::to_owned),
        stream: call.stream,
        others: others(&body)?,
        ..Request::default()
    };
    request.push(Role::User, Part::text(prompt(&body)?));
    Ok(request)
}

fn prompt(body: &Map<String, Value>) -> Result<String, Failure> {
    let prompt = match body.get("prompt") {
        Some(Value::Array(items)) => match items.as_slice() {
            [prompt @ Value::String(_)] => Some(prompt),
            _ => None,
        },
        other => other,
    };
    match prompt {
        Some(Value::String(prompt)) => Ok(prompt.clone()),
        _ => Err(wrong(
            "prompt",
            "must be one string: the model's provider takes neither several prompts nor tokens",
        )),
    }
}

/// The texts at which the model stops; their shape was checked before.
fn stop(body: &Map<String, Value>) -> Vec<String> {
    let texts = match body.get("stop") {
        Some(Value::Array(texts)) => texts.as_slice(),
        Some(text) => std::slice::from_ref(text),
        None => &[],
    };
    let texts = texts.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The members that have no place in the neutral form. Fails for those without which the answer
/// would be wrong.
fn others(body: &Map<String, Value>) -> Result<Vec<String>, Failure> {
    let mut others = Vec::new();
    for (name, value) in body {
        match (name.as_str(), value) {
            (_, Value::Null)
            | ("echo", Value::Bool(false))
            | ("n" | "best_of", Value::Number(_))
                if is_usual(value) => {}
            ("suffix", Value::String(text)) if text.is_empty() => {}
            ("suffix", _) => {
                let what = "cannot be told to the model's provider, which only continues";
                return Err(wrong(name, what));
            }
            ("echo", _) => {
                let what = "cannot be true: the model's provider does not repeat the prompt";
                return Err(wrong(name, what));
            }
            ("n", _) => {
                let what = "must be 1: the model's provider gives one answer at a time";
                return Err(wrong(name, what));
            }
            // Numbers that the neutral form has no place for.
            ("top_k", value) if value.as_u64().is_none() => others.push(name.to_owned()),
            ("seed", value) if value.as_i64().is_none() => others.push(name.to_owned()),
            (name, _) if PARSED.contains(&name) || HARMLESS.contains(&name) => {}
            (name, _) => others.push(name.to_owned()),
        }
    }
    Ok(others)
}

/// Whether a value is what comes without asking.
fn is_usual(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_u64() == Some(1),
        Value::Null | Value::Bool(_) => true,
        Value::String(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn wrong(path: &str, what: &str) -> Failure {
    let mut faults = Faults::default();
    faults.add(format_args!("{path}"), "value_error", what);
    faults.into_failure(None)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tollgate_core::format::Operation;

    use super::*;
    use crate::formats::Received;

    fn parse(body: &str) -> Result<Request, Failure> {
        let call = crate::completions::request::read(Received {
            operation: Operation::Chat,
            body: Bytes::copy_from_slice(body.as_bytes()),
            model: None,
            stream: false,
            array: false,
        });
        request(&call.unwrap())
    }

    #[test]
    fn a_prompt_becomes_what_the_user_says() {
        for prompt in [r#""Say hi""#, r#"["Say hi"]"#] {
            let body = format!(
                r#"{{"model":"m","prompt":{prompt},"max_tokens":9,"temperature":0.5,"seed":-3,"stop":"x",
                    "presence_penalty":1,"user":"u","n":1,"best_of":1,"echo":false,"suffix":null,"stream":true}}"#
            );
            let request = parse(&body).unwrap();
            let mut want = Request {
                max_tokens: Some(9),
                temperature: Number::from_f64(0.5),
                seed: Some(-3),
                stop: vec!["x".to_owned()],
                presence_penalty: Some(1.into()),
                user: Some("u".to_owned()),
                stream: true,
                ..Request::default()
            };
            want.push(Role::User, Part::text("Say hi"));
            assert_eq!(request, want);
        }
    }

    #[test]
    fn what_has_no_place_is_reported() {
        let body = r#"{"model":"m","prompt":"x","logprobs":3,"best_of":2,"logit_bias":{"5":1},"metadata":{},"stop":["a","b"]}"#;
        let request = parse(body).unwrap();
        assert_eq!(request.others, ["logprobs", "best_of", "logit_bias"]);
        assert_eq!(request.stop, ["a", "b"]);
    }

    #[test]
    fn numbers_that_have_no_place_are_reported() {
        let body = r#"{"model":"m","prompt":"x","top_k":-1,"seed":18446744073709551615}"#;
        assert_eq!(parse(body).unwrap().others, ["top_k", "seed"]);
    }

    #[test]
    fn what_would_be_answered_wrongly_is_refused() {
        for (member, path) in [
            (r#""prompt":["a","b"]"#, "prompt"),
            (r#""prompt":[1,2]"#, "prompt"),
            (r#""prompt":[]"#, "prompt"),
            (r#""prompt":"x","suffix":"y""#, "suffix"),
            (r#""prompt":"x","echo":true"#, "echo"),
            (r#""prompt":"x","n":2"#, "n"),
        ] {
            let body = format!(r#"{{"model":"m",{member}}}"#);
            let failure = parse(&body).unwrap_err();
            assert_eq!(failure.code, Code::InvalidRequest, "{body}");
            assert_eq!(failure.fields[0].path, path, "{body}");
        }
        assert!(parse(r#"{"model":"m","prompt":"x","suffix":""}"#).is_ok());
    }
}
