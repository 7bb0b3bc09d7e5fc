//! The models that a key may use, in OpenAI's form.

use std::borrow::Cow;

use serde_json::{Value, json};
use tollgate_core::caller::Caller;
use tollgate_core::error::{Code, Failure};
use tollgate_engine::admit;

use crate::dispatch::Given;
use crate::gateway::Gateway;

/// The list for this caller, in the order of the configuration.
pub(crate) fn list(gateway: &Gateway, caller: &Caller) -> Given {
    let routes = gateway.engine.routes();
    let data: Vec<_> = routes
        .listed()
        .iter()
        .filter(|model| caller.may_use(&model.name))
        .map(|model| row(gateway, &model.name, &model.connection))
        .collect();
    Given::json(200, &json!({"object": "list", "data": data}))
}

/// One model; one that the caller may not use looks like one that is not there.
pub(crate) fn one(gateway: &Gateway, caller: &Caller, encoded: &str) -> Result<Given, Failure> {
    let Some(id) = decode(encoded) else {
        return Err(Failure::client(Code::ModelNotFound).model(encoded));
    };
    let route = admit::route(&gateway.engine, caller, &id)?;
    Ok(Given::json(
        200,
        &row(gateway, &id, &route.target.connection),
    ))
}

fn row(gateway: &Gateway, name: &str, connection: &str) -> Value {
    json!({
        "id": name,
        "object": "model",
        "created": gateway.began.as_seconds(),
        "owned_by": connection,
    })
}

/// Undoes percent encoding (RFC 3986, section 2.1); `None` for what is not UTF-8 then.
fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    if !encoded.contains('%') {
        return Some(Cow::Borrowed(encoded));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| (*byte as char).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).ok()?);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_percent_decoded() {
        for (encoded, id) in [
            ("openai/gpt-4o", Some("openai/gpt-4o")),
            ("openai%2Fgpt-4o", Some("openai/gpt-4o")),
            ("a%2", Some("a%2")),
            ("%zz", Some("%zz")),
            ("%ff", None),
        ] {
            assert_eq!(decode(encoded).as_deref(), id, "{encoded}");
        }
    }
}
