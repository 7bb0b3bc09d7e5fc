//! The simple chat of seed 000: `/v1/chat`, `/api/v1/chat`, its health and its metrics.

mod chat;
mod errors;
mod limits;
mod observing;

use serde_json::{Value, json};

use crate::world::{Ask, KEY, World};

/// The surface without limits of its own.
pub const OPEN: &str = r#"
[surfaces]
default_model = "sim/echo"
simple = { hints = { fast = "openai/gpt-4o", local = "lenient/echo" }, capacity = 0 }
"#;

/// The body of the seed's own example.
pub fn says(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}]})
}

/// The same for a model.
pub fn asks(model: &str, text: &str) -> Value {
    let mut body = says(text);
    body["model"] = model.into();
    body
}

/// A request with the key where the seed's clients put it.
pub fn chat<'a>(world: &'a World, body: &Value) -> Ask<'a> {
    world
        .gateway
        .post("/v1/chat", body)
        .header("x-api-key", KEY)
}
