//! A request as it was received.

use bytes::Bytes;
use serde_json::Value;

/// What the models of every answer begin with.
const NAMESPACE: &str = "sim/";

/// One request, whole.
pub(crate) struct Request {
    /// Which request this is, counted from one over all connections; 0 while it is not counted.
    pub(crate) number: u64,
    /// The method, as sent.
    pub(crate) method: String,
    /// The path without the query.
    pub(crate) path: String,
    /// The query without the question mark; empty if none.
    pub(crate) query: String,
    /// The headers in order; bytes that are not UTF-8 were replaced.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, without its transfer coding.
    pub(crate) body: Bytes,
    /// The body as JSON, if it is JSON.
    pub(crate) document: Option<Value>,
    /// Whether the client wants to use the connection again.
    pub(crate) keep_alive: bool,
}

impl Request {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// A member of the body; `None` if there is none or it is null.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.document
            .as_ref()?
            .get(name)
            .filter(|value| !value.is_null())
    }

    /// The model that the body names, with or without [`NAMESPACE`]; empty if none.
    pub(crate) fn model(&self) -> &str {
        let named = self.member("model").and_then(Value::as_str);
        let named = named.unwrap_or_default();
        named.strip_prefix(NAMESPACE).unwrap_or(named)
    }

    /// The model as answers name it, so that nobody takes what they say for a model's words.
    pub(crate) fn shown_model(&self) -> String {
        format!("{NAMESPACE}{}", self.model())
    }

    /// Whether the body asks for a stream.
    pub(crate) fn wants_stream(&self) -> bool {
        self.member("stream")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    #[cfg(test)]
    pub(crate) fn example(method: &str, path: &str) -> Self {
        Self {
            number: 1,
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            document: None,
            keep_alive: true,
        }
    }
}

/// The first value of a header in a list.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers
        .iter()
        .find(|(present, _)| present.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}
