//! What a model is asked.

use serde_json::{Map, Value, json};

/// A question to a model, in `OpenAI`'s form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    messages: Vec<Value>,
    model: Option<String>,
    more: Map<String, Value>,
}

impl ChatRequest {
    /// A question that consists of these messages.
    pub fn new(messages: impl IntoIterator<Item = Value>) -> Self {
        Self {
            messages: messages.into_iter().collect(),
            ..Self::default()
        }
    }

    /// A question that consists of one text.
    pub fn user(text: &str) -> Self {
        Self::new([json!({"role": "user", "content": text})])
    }

    /// Asks this model; the gateway's default one otherwise.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets a further member of the request: `temperature`, `max_tokens`, `tools`, ….
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.more.insert(name.into(), value.into());
        self
    }

    /// What is sent.
    pub(crate) fn body(&self) -> Map<String, Value> {
        let mut body = self.more.clone();
        if let Some(model) = &self.model {
            body.insert("model".to_owned(), model.as_str().into());
        }
        let messages = Value::Array(self.messages.clone());
        body.insert("messages".to_owned(), messages);
        body
    }
}
