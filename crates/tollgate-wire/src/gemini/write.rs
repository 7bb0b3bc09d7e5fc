//! Writing the format from the neutral form.

mod answer;
mod contents;
mod media;
mod request;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::formats::{Aim, Asked, Lost};
use crate::neutral::{Answer, Request};
use crate::stream::WriteEvents;

/// Writes a request. The model and whether the answer is a stream are in the address.
pub fn request(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Bytes {
    bytes(&Value::Object(request::body(request, aim, lost)))
}

/// Writes the request for a number of tokens.
pub fn count_request(request: &Request, aim: &Aim<'_>) -> Bytes {
    let body = request::counted(request, aim);
    bytes(&Value::Object(body))
}

/// Writes an answer.
pub fn answer(answer: &Answer, asked: &Asked<'_>) -> Bytes {
    bytes(&answer::write(answer, asked))
}

/// Writes a number of tokens.
pub fn count(tokens: u64) -> Bytes {
    bytes(&json!({"totalTokens": tokens}))
}

/// Writes a stream: `data` lines and nothing else, or one array.
pub fn stream(asked: &Asked<'_>) -> Box<dyn WriteEvents> {
    Box::new(stream::Writer::new(asked))
}

/// Puts a member into an object.
fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}
