//! The blocks of a request.

use serde_json::{Value, json};

use crate::anthropic::base64;
use crate::claude::id::tool_id;
use crate::claude::media::picture_type;
use crate::formats::Lost;
use crate::neutral::{
    Cache, Content, Media, Reasoned, Role, Source, ToolCall, ToolResult, Turn, arguments_object,
};

/// The longest id of a call that is left as it is.
const LONGEST_ID: usize = 256;

/// Writes blocks for a provider.
pub(super) struct Blocks<'a> {
    pub(super) provider: &'static str,
    /// What could not be said.
    pub(super) lost: &'a mut Lost,
}

impl Blocks<'_> {
    /// The blocks of a turn.
    pub(super) fn turn(&mut self, turn: &Turn, path: &str) -> Vec<Value> {
        let parts = turn.parts.iter().enumerate();
        let blocks = parts.filter_map(|(at, part)| {
            let path = format!("{path}.content[{at}]");
            let block = match (turn.role, &part.content) {
                (_, Content::Text { text, .. } | Content::Refusal(text)) => text_block(text),
                (Role::Assistant, Content::Reasoning(thought)) => {
                    // A mark for the cache is refused here.
                    return self.thought(thought, path);
                }
                (Role::Assistant, Content::ToolCall(call)) => Some(self.call(call, &path)),
                (Role::User, Content::ToolResult(result)) => Some(self.result(result, &path)),
                (Role::User, content) => self.media(content, path),
                (Role::System | Role::Assistant, _) => {
                    self.lost.push(path);
                    None
                }
            };
            Some(with_cache(block?, part.cache.as_ref()))
        });
        blocks.collect()
    }

    /// A thought, if it is of this provider and proven to be.
    fn thought(&mut self, thought: &Reasoned, path: String) -> Option<Value> {
        let state = thought.state.as_ref();
        match state.filter(|state| state.is_of(self.provider)) {
            Some(state) if thought.redacted => {
                Some(json!({"type": "redacted_thinking", "data": state.token}))
            }
            Some(state) => Some(json!({
                "type": "thinking",
                "thinking": thought.text,
                "signature": state.token,
            })),
            None => {
                self.lost.push(path);
                None
            }
        }
    }

    fn call(&mut self, call: &ToolCall, path: &str) -> Value {
        if call.state.is_some() {
            self.lost.push(format!("{path}.thought_signature"));
        }
        json!({
            "type": "tool_use",
            "id": tool_id(&call.id, LONGEST_ID),
            "name": call.name,
            "input": arguments_object(&call.arguments),
        })
    }

    fn result(&mut self, result: &ToolResult, path: &str) -> Value {
        let mut block = json!({
            "type": "tool_result",
            "tool_use_id": tool_id(&result.id, LONGEST_ID),
        });
        let parts = result.parts.iter().enumerate();
        let content: Vec<Value> = parts
            .filter_map(|(at, part)| {
                let block = match &part.content {
                    Content::Text { text, .. } | Content::Refusal(text) => text_block(text),
                    content => self.media(content, format!("{path}.content[{at}]")),
                };
                Some(with_cache(block?, part.cache.as_ref()))
            })
            .collect();
        if let Some(members) = block.as_object_mut() {
            if !content.is_empty() {
                members.insert("content".to_owned(), content.into());
            }
            if result.failed {
                members.insert("is_error".to_owned(), true.into());
            }
        }
        block
    }

    /// A picture or a document that the provider can read.
    fn media(&mut self, content: &Content, path: String) -> Option<Value> {
        let block = match content {
            Content::Image(media) => {
                if let Some("low" | "high") = media.detail.as_deref() {
                    self.lost.push(format!("{path}.detail"));
                }
                image_source(media).map(|source| json!({"type": "image", "source": source}))
            }
            Content::Document(media) => document_source(media).map(|source| {
                let mut block = json!({"type": "document", "source": source});
                if let (Some(members), Some(name)) = (block.as_object_mut(), &media.name) {
                    members.insert("title".to_owned(), name.as_str().into());
                }
                block
            }),
            _ => None,
        };
        if block.is_none() {
            self.lost.push(path);
        }
        block
    }
}

/// The block with its mark for the provider's cache.
pub(super) fn with_cache(mut block: Value, cache: Option<&Cache>) -> Value {
    if let (Some(members), Some(cache)) = (block.as_object_mut(), cache) {
        let mut control = json!({"type": "ephemeral"});
        if let (Some(control), Some(ttl)) = (control.as_object_mut(), &cache.ttl) {
            control.insert("ttl".to_owned(), ttl.as_str().into());
        }
        members.insert("cache_control".to_owned(), control);
    }
    block
}

/// A text, unless it says nothing: blocks of white space alone are refused.
fn text_block(text: &str) -> Option<Value> {
    let says_nothing = text.trim().is_empty();
    (!says_nothing).then(|| json!({"type": "text", "text": text}))
}

/// Where a picture is. What is in another provider's store is out of reach.
fn image_source(media: &Media) -> Option<Value> {
    match &media.source {
        Source::Base64(data) => picture_type(media, data)
            .map(|kind| json!({"type": "base64", "media_type": kind, "data": data})),
        Source::Url(url) => Some(json!({"type": "url", "url": url})),
        Source::File(_) => None,
    }
}

/// Where a document is. Portable documents go as they are, texts as texts.
fn document_source(media: &Media) -> Option<Value> {
    let kind = media.media_type.as_str();
    match &media.source {
        Source::Base64(data) if kind == "application/pdf" || data.starts_with("JVBERi") => {
            Some(json!({"type": "base64", "media_type": "application/pdf", "data": data}))
        }
        Source::Base64(data) => {
            let is_text = kind.starts_with("text/") || kind == "application/json";
            let text = base64::decode(data).filter(|_| is_text)?;
            let text = String::from_utf8(text).ok()?;
            Some(json!({"type": "text", "media_type": "text/plain", "data": text}))
        }
        Source::Url(url) => Some(json!({"type": "url", "url": url})),
        Source::File(_) => None,
    }
}
