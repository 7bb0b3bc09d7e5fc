//! The chunks of `OpenAI`'s streams: those of chats and those of the older text completions, which
//! differ in where the words are.

use bytes::Bytes;
use serde_json::{Value, json};

use super::form::{Form, Members, Words, has, is_filled, mark_estimate, overlay};
use super::said::Said;
use super::tally::Total;
use super::{chat, completions};
use crate::openai::write;

/// What tells an answer in a chunk beside its choices: pages that were read, pictures.
const BEYOND: [&str; 5] = ["error", "citations", "search_results", "images", "videos"];

/// The members that are the same in every chunk of an answer.
const HEAD: [&str; 3] = ["id", "model", "created"];

/// Follows the chunks of one answer.
pub(super) struct Chunks {
    kind: Kind,
    /// The head of the first stream, in the order of [`HEAD`].
    head: Option<[Option<Value>; 3]>,
}

/// Where the words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// In the `content` of the choice's `delta`.
    Chat,
    /// In the `text` of the choice.
    Text,
}

impl Chunks {
    /// The chunks of a chat.
    pub(super) const fn chat() -> Self {
        Self {
            kind: Kind::Chat,
            head: None,
        }
    }

    /// The chunks of a text completion.
    pub(super) const fn text() -> Self {
        Self {
            kind: Kind::Text,
            head: None,
        }
    }

    /// Keeps the head of the first chunk that has an id. One of Azure's comes before it.
    fn note_head(&mut self, event: &Members) {
        if self.head.is_none() && has(event, "id") {
            self.head = Some(HEAD.map(|name| event.get(name).cloned()));
        }
    }

    fn put_head(&self, event: &mut Members) {
        for (name, value) in HEAD.into_iter().zip(self.head.iter().flatten()) {
            if let Some(value) = value {
                event.insert(name.to_owned(), value.clone());
            }
        }
    }
}

impl Form for Chunks {
    fn note(&mut self, event: &Members, said: &mut Said) {
        self.note_head(event);
        if BEYOND.into_iter().any(|name| has(event, name)) {
            said.give_up();
        }
        let Some(Value::Array(choices)) = event.get("choices") else {
            return;
        };
        for choice in choices {
            match choice {
                Value::Object(choice) if is_first(choice) && choices.len() == 1 => {
                    match self.kind {
                        Kind::Chat => chat::note(choice, said),
                        Kind::Text => completions::note(choice, said),
                    }
                    if has(choice, "logprobs") {
                        said.give_up();
                    }
                    if is_finished(choice) {
                        said.close();
                    }
                }
                _ => said.give_up(),
            }
        }
    }

    fn switch(&mut self) {}

    fn join(&mut self, mut event: Members, words: &mut Words<'_>, out: &mut Vec<Members>) {
        self.put_head(&mut event);
        let counts = self.has_counts(&event);
        let choices = event.get_mut("choices").and_then(Value::as_array_mut);
        let Some([Value::Object(choice)]) = choices.map(Vec::as_mut_slice) else {
            // Counts, what a filter says, or choices that nobody asked for.
            out.push(event);
            return;
        };
        let finished = is_finished(choice);
        let likely = has(choice, "logprobs");
        let says = match self.kind {
            Kind::Chat => chat::join(choice, finished, words),
            Kind::Text => completions::join(choice, finished, words),
        };
        if says || finished || counts || likely {
            out.push(event);
        }
    }

    fn speak(&self, words: String) -> Members {
        let (object, choice) = match self.kind {
            Kind::Chat => (
                "chat.completion.chunk",
                json!({"index": 0, "delta": {"content": words}, "finish_reason": null}),
            ),
            Kind::Text => (
                "text_completion",
                json!({"text": words, "index": 0, "logprobs": null, "finish_reason": null}),
            ),
        };
        let mut event = Members::new();
        event.insert("object".to_owned(), object.into());
        self.put_head(&mut event);
        event.insert("choices".to_owned(), json!([choice]));
        event
    }

    fn has_counts(&self, event: &Members) -> bool {
        let groq = event.get("x_groq").and_then(|groq| groq.get("usage"));
        let mut places = event.get("usage").into_iter().chain(groq);
        places.any(is_filled)
    }

    fn count(&self, event: &mut Members, total: &Total) {
        let groq = |event: &mut Members| Some(event.get_mut("x_groq")?.get_mut("usage")?.take());
        let put = |counts: &mut Value| {
            if let Value::Object(counts) = counts
                && !counts.is_empty()
            {
                overlay(counts, write::counts(&total.usage));
                mark_estimate(counts, total);
            }
        };
        if let Some(counts) = event.get_mut("usage") {
            put(counts);
        }
        if let Some(mut counts) = groq(event) {
            put(&mut counts);
            if let Some(groq) = event.get_mut("x_groq").and_then(Value::as_object_mut) {
                groq.insert("usage".to_owned(), counts);
            }
        }
    }

    fn ends_in_words(&self) -> bool {
        match self.kind {
            // Another target may be asked in Anthropic's words, which refuse blanks at the end.
            Kind::Chat => true,
            // It is the prompt that goes on, to the byte.
            Kind::Text => false,
        }
    }

    fn ask(&self, body: &str, said: &str, spent: u64) -> Option<Bytes> {
        match self.kind {
            Kind::Chat => chat::ask(body, said, spent),
            Kind::Text => completions::ask(body, said, spent),
        }
    }
}

/// Whether a choice is the first one; those that do not say are.
fn is_first(choice: &Members) -> bool {
    matches!(choice.get("index"), None | Some(Value::Null))
        || choice.get("index").and_then(Value::as_u64) == Some(0)
}

fn is_finished(choice: &Members) -> bool {
    has(choice, "finish_reason")
}
