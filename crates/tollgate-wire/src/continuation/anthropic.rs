//! Anthropic's messages: the words are in blocks of text, of which one may be open where the
//! stream breaks off.

use bytes::Bytes;
use serde_json::{Value, json};

use super::body::{Body, Place};
use super::chat::extend_part;
use super::form::{Form, Members, Words, has, is_filled, mark_estimate, overlay};
use super::said::Said;
use super::tally::Total;
use crate::anthropic::usage;
use crate::json::Kind;

/// Follows the blocks of one message.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The block of text that is open.
    open: Option<u64>,
    /// How many blocks have begun.
    blocks: u64,
    /// How much is added to the numbers of a further stream's blocks; `None` before its first.
    raised: Option<u64>,
}

impl Form for Messages {
    fn note(&mut self, event: &Members, said: &mut Said) {
        match kind(event) {
            "content_block_start" => {
                let index = index(event);
                let block = &event.get("content_block").unwrap_or(&Value::Null);
                self.blocks = index.saturating_add(1);
                self.open = Some(index).filter(|_| block["type"] == "text");
                if self.open.is_none() || is_filled(&block["citations"]) {
                    said.give_up();
                }
                said.say(block["text"].as_str().unwrap_or_default());
            }
            "content_block_delta" => match words_of(event) {
                Some(words) => said.say(words),
                None => said.give_up(),
            },
            "content_block_stop" => self.open = None,
            "message_delta" => {
                let delta = event.get("delta").and_then(Value::as_object);
                if delta.is_some_and(|delta| has(delta, "stop_reason")) {
                    said.close();
                }
            }
            "message_stop" => said.close(),
            "error" => said.give_up(),
            // The beginning, signs of life, and what readers have to put up with.
            _ => {}
        }
    }

    fn switch(&mut self) {
        self.raised = None;
    }

    fn join(&mut self, mut event: Members, words: &mut Words<'_>, out: &mut Vec<Members>) {
        match kind(&event) {
            // There is one beginning.
            "message_start" => {}
            "content_block_start" => self.join_start(event, words, out),
            "content_block_delta" => {
                self.raise(&mut event);
                if let Some(more) = words_of(&event) {
                    let new = words.push(more);
                    if !new.is_empty() {
                        if let Some(Value::Object(delta)) = event.get_mut("delta") {
                            delta.insert("text".to_owned(), new.into());
                        }
                        out.push(event);
                    }
                } else {
                    self.flush(words, out);
                    out.push(event);
                }
            }
            "content_block_stop" => {
                self.flush(words, out);
                self.raise(&mut event);
                out.push(event);
            }
            "message_delta" | "message_stop" => {
                self.flush(words, out);
                if let Some(open) = self.open.take() {
                    out.push(stop(open));
                }
                out.push(event);
            }
            _ => out.push(event),
        }
    }

    fn speak(&self, words: String) -> Members {
        let index = self.open.unwrap_or(self.blocks.saturating_sub(1));
        let delta = json!({
            "type": "content_block_delta",
            "index": index,
            "delta": {"type": "text_delta", "text": words},
        });
        members(delta)
    }

    fn has_counts(&self, event: &Members) -> bool {
        let message = event
            .get("message")
            .and_then(|message| message.get("usage"));
        let mut places = event.get("usage").into_iter().chain(message);
        places.any(is_filled)
    }

    fn count(&self, event: &mut Members, total: &Total) {
        if let Some(Value::Object(counts)) = event.get_mut("usage") {
            overlay(counts, usage::written(&total.usage));
            mark_estimate(counts, total);
        }
    }

    fn ends_in_words(&self) -> bool {
        // A last turn of the assistant that ends in blanks is refused.
        true
    }

    fn ask(&self, body: &str, said: &str, spent: u64) -> Option<Bytes> {
        ask(body, said, spent)
    }
}

impl Messages {
    /// The first block of a further stream: one of text goes on in the block that is open.
    fn join_start(&mut self, mut event: Members, words: &mut Words<'_>, out: &mut Vec<Members>) {
        let is_text = event
            .get("content_block")
            .is_some_and(|block| block["type"] == "text");
        if self.raised.is_some() {
            self.flush(words, out);
        } else if let Some(open) = self.open.filter(|_| is_text) {
            self.raised = Some(open.saturating_sub(index(&event)));
            let first = event.get("content_block").map(|block| &block["text"]);
            let new = words.push(first.and_then(Value::as_str).unwrap_or_default());
            if !new.is_empty() {
                out.push(self.speak(new));
            }
            return;
        } else {
            if let Some(open) = self.open.take() {
                out.push(stop(open));
            }
            self.raised = Some(self.blocks.saturating_sub(index(&event)));
        }
        self.raise(&mut event);
        if let Some(Value::Object(block)) = event.get_mut("content_block")
            && let Some(Value::String(first)) = block.get("text")
        {
            let new = words.push(first);
            block.insert("text".to_owned(), new.into());
        }
        out.push(event);
    }

    fn raise(&self, event: &mut Members) {
        let raised = index(event).saturating_add(self.raised.unwrap_or_default());
        event.insert("index".to_owned(), raised.into());
    }

    fn flush(&self, words: &mut Words<'_>, out: &mut Vec<Members>) {
        let held = words.flush();
        if !held.is_empty() {
            out.push(self.speak(held));
        }
    }
}

fn kind(event: &Members) -> &str {
    let kind = event.get("type").and_then(Value::as_str);
    kind.unwrap_or_default()
}

fn index(event: &Members) -> u64 {
    let index = event.get("index").and_then(Value::as_u64);
    index.unwrap_or_default()
}

/// The words of a delta; `None` if it is of another kind.
fn words_of(event: &Members) -> Option<&str> {
    let delta = event.get("delta")?;
    let is_text = delta["type"] == "text_delta";
    delta["text"].as_str().filter(|_| is_text)
}

fn stop(index: u64) -> Members {
    members(json!({"type": "content_block_stop", "index": index}))
}

fn members(event: Value) -> Members {
    match event {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

/// The body that asks for the rest.
fn ask(text: &str, said: &str, spent: u64) -> Option<Bytes> {
    let mut body = Body::new(text);
    let mut messages = None;
    for (name, place) in body.members(&body.whole())? {
        match &*name {
            "messages" => messages = Some(place),
            "max_tokens" => body.lower(&place, spent),
            name if !body.is(&place, |value| is_plain(name, value)) => return None,
            _ => {}
        }
    }
    let last = body.last_item(&messages?)?;
    let (mut own, mut content) = (false, None);
    for (name, place) in body.members(&last)? {
        match &*name {
            "role" => own = body.is(&place, |role| role == "assistant"),
            "content" => content = Some(place),
            _ => {}
        }
    }
    if own {
        extend(&mut body, &content?, said)?;
    } else {
        let block = json!({"type": "text", "text": said});
        body.add_behind(&last, &json!({"role": "assistant", "content": [block]}));
    }
    Some(body.into_bytes())
}

/// Adds to what the caller has begun to say for the assistant; `None` if it does not end in words.
fn extend(body: &mut Body<'_>, content: &Place, said: &str) -> Option<()> {
    match body.kind(content)? {
        Kind::String => body.lengthen(content, said),
        _ => extend_part(body, content, said)?,
    }
    Some(())
}

/// Whether a member of the request leaves the answer to be plain words.
fn is_plain(name: &str, value: &Value) -> bool {
    match name {
        "thinking" => !is_filled(value) || value["type"] == "disabled",
        "output_format" => !is_filled(value),
        "output_config" => !is_filled(&value["format"]),
        _ => true,
    }
}
