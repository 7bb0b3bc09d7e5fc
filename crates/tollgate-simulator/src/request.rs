//! A request as it was received.

use bytes::Bytes;
use serde_json::Value;

use crate::address::{Address, Family, Form};

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
    /// Whose format the request has.
    pub(crate) family: Family,
    /// What the path asks for.
    pub(crate) address: Address,
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

    /// The model that the address or the body names, with or without [`NAMESPACE`]; empty if none.
    pub(crate) fn model(&self) -> &str {
        let in_body = || self.member("model").and_then(Value::as_str);
        let named = self.address.model().or_else(in_body).unwrap_or_default();
        named.strip_prefix(NAMESPACE).unwrap_or(named)
    }

    /// The model as answers name it, so that nobody takes what they say for a model's words.
    pub(crate) fn shown_model(&self) -> String {
        format!("{NAMESPACE}{}", self.model())
    }

    /// Whether the address or the body asks for a stream.
    pub(crate) fn wants_stream(&self) -> bool {
        match self.address {
            Address::Generate { form, .. } => form != Form::Plain,
            _ => self
                .member("stream")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        }
    }

    /// Whether the answer, be it an error, is to be an array.
    pub(crate) fn wants_array(&self) -> bool {
        matches!(
            self.address,
            Address::Generate {
                form: Form::Array,
                ..
            }
        )
    }

    /// The body, when it is an object.
    pub(crate) fn object(&self) -> Option<&Value> {
        self.document.as_ref().filter(|body| body.is_object())
    }

    #[cfg(test)]
    pub(crate) fn example(method: &str, path: &str) -> Self {
        let (family, address) = crate::address::locate(path, "", &[]);
        Self {
            family,
            address,
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
