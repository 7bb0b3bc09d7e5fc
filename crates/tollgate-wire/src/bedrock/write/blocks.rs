//! The blocks of a request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Family;
use super::media;
use super::request::{push_cache_point, put};
use crate::claude::id::tool_id;
use crate::formats::Lost;
use crate::neutral::{
    Cache, Content, Media, Reasoned, Role, ToolCall, ToolResult, Turn, arguments_object,
};

/// The longest id of a call.
const LONGEST_ID: usize = 64;

/// Writes blocks for a provider.
pub(super) struct Blocks<'a> {
    provider: &'static str,
    family: Family,
    /// The names of documents so far; each may occur but once.
    names: BTreeSet<String>,
    /// How many documents wanted a name.
    wanted: BTreeMap<String, usize>,
    /// What could not be said.
    lost: &'a mut Lost,
}

/// The mark up to which the prompt is cached.
pub(super) fn cache_point(cache: &Cache, family: Family) -> Value {
    let mut point = json!({"type": "default"});
    if let (Some(members), Some(ttl), Family::Claude) = (point.as_object_mut(), &cache.ttl, family)
    {
        put(members, "ttl", ttl.as_str());
    }
    json!({"cachePoint": point})
}

impl<'a> Blocks<'a> {
    pub(super) fn new(provider: &'static str, family: Family, lost: &'a mut Lost) -> Self {
        Self {
            provider,
            family,
            names: BTreeSet::new(),
            wanted: BTreeMap::new(),
            lost,
        }
    }

    /// Notes what could not be said.
    pub(super) fn lose(&mut self, path: String) {
        self.lost.push(path);
    }

    /// The blocks of a turn.
    pub(super) fn turn(&mut self, turn: &Turn, path: &str) -> Vec<Value> {
        let mut blocks = Vec::new();
        for (at, part) in turn.parts.iter().enumerate() {
            let path = format!("{path}.content[{at}]");
            let block = match (turn.role, &part.content) {
                (_, Content::Text { text, .. } | Content::Refusal(text)) => text_block(text),
                (Role::Assistant, Content::Reasoning(thought)) => self.thought(thought, path),
                (Role::Assistant, Content::ToolCall(call)) => Some(self.call(call, &path)),
                (Role::User, Content::ToolResult(result)) => Some(self.result(result, &path)),
                (Role::User, content) => self.media(content, path),
                (Role::System | Role::Assistant, _) => {
                    self.lose(path);
                    None
                }
            };
            if let Some(block) = block {
                let is_thought = block.get("reasoningContent").is_some();
                blocks.push(block);
                // A mark for the cache is refused behind a thought.
                let cache = part.cache.as_ref().filter(|_| !is_thought);
                push_cache_point(&mut blocks, cache, self.family);
            }
        }
        blocks
    }

    /// A thought, if it is of this provider and proven to be.
    fn thought(&mut self, thought: &Reasoned, path: String) -> Option<Value> {
        let state = thought.state.as_ref();
        let state = state.filter(|state| state.is_of(self.provider));
        let content = match (state, self.family) {
            (Some(state), Family::Claude) if thought.redacted => {
                json!({"redactedContent": state.token})
            }
            (Some(state), Family::Claude) => {
                json!({"reasoningText": {"text": thought.text, "signature": state.token}})
            }
            (_, Family::Claude | Family::Nova | Family::Other) => {
                self.lose(path);
                return None;
            }
        };
        Some(json!({"reasoningContent": content}))
    }

    fn call(&mut self, call: &ToolCall, path: &str) -> Value {
        if call.state.is_some() {
            self.lose(format!("{path}.thought_signature"));
        }
        json!({"toolUse": {
            "toolUseId": tool_id(&call.id, LONGEST_ID),
            "name": call.name,
            "input": arguments_object(&call.arguments),
        }})
    }

    fn result(&mut self, result: &ToolResult, path: &str) -> Value {
        let mut content = Vec::new();
        for (at, part) in result.parts.iter().enumerate() {
            content.extend(match &part.content {
                Content::Text { text, .. } | Content::Refusal(text) => text_block(text),
                other => self.media(other, format!("{path}.content[{at}]")),
            });
        }
        let mut block = json!({
            "toolUseId": tool_id(&result.id, LONGEST_ID),
            "content": content,
        });
        if result.failed && !self.family.knows_failed_tools() {
            self.lose(format!("{path}.is_error"));
        } else if let Some(members) = block.as_object_mut()
            && result.failed
        {
            put(members, "status", "error");
        }
        json!({"toolResult": block})
    }

    /// A picture or a document that the provider can read.
    fn media(&mut self, content: &Content, path: String) -> Option<Value> {
        let block = match content {
            Content::Image(media) => {
                if let Some("low" | "high") = media.detail.as_deref() {
                    self.lose(format!("{path}.detail"));
                }
                media::image(media).map(|image| json!({"image": image}))
            }
            Content::Document(document) => self.document(document),
            _ => None,
        };
        if block.is_none() {
            self.lose(path);
        }
        block
    }

    fn document(&mut self, document: &Media) -> Option<Value> {
        let (format, data) = media::document(document)?;
        let plain = media::document_name(document.name.as_deref());
        // The numbers up to there are taken. Of more names than there are, one is free.
        let number = self.wanted.entry(plain.clone()).or_insert(1);
        let first = *number + 1;
        let mut names = (first..=first + self.names.len()).map(|at| {
            *number = at;
            format!("{plain} {at}")
        });
        let name = std::iter::once(plain.clone())
            .chain(&mut names)
            .find(|name| !self.names.contains(name))?;
        self.names.insert(name.clone());
        Some(json!({"document": {"format": format, "name": name, "source": {"bytes": data}}}))
    }
}

/// A text, unless it says nothing: blank ones are refused.
fn text_block(text: &str) -> Option<Value> {
    let says_nothing = text.trim().is_empty();
    (!says_nothing).then(|| json!({"text": text}))
}
