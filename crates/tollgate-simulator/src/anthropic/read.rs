//! A request for a message, read into a conversation.

use serde_json::Value;

use super::cache::Mark;
use crate::conversation::{
    Choice, Conversation, Kind, Media, Output, Part, Place, Speaker, Thinking, Tool,
};
use crate::request::Request;

/// What was read.
pub(super) struct Read {
    /// What is said.
    pub(super) conversation: Conversation,
    /// Up to where it is to be cached.
    pub(super) marks: Vec<Mark>,
}

/// Reads a request whose form was checked.
pub(super) fn read(request: &Request) -> Read {
    let mut read = Read {
        conversation: Conversation::default(),
        marks: Vec::new(),
    };
    // The order in which the provider caches: tools, system, messages.
    let mut before = Vec::new();
    let list = |name: &str| request.member(name).and_then(Value::as_array);
    for tool in list("tools").into_iter().flatten() {
        before.extend(tool_text(tool));
        let place = format!("tools[{}]", read.conversation.tools.len());
        read.mark(tool, &before, place);
        read.conversation.tools.extend(self::tool(tool));
    }
    match request.member("system") {
        Some(Value::String(text)) => {
            before.extend(text.bytes());
            read.conversation.instruct(text);
        }
        Some(Value::Array(blocks)) => {
            for block in blocks {
                let text = block
                    .get("text")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                before.extend(text.bytes());
                let place = format!("system[{}]", read.conversation.system.len());
                read.conversation.instruct(text);
                read.mark(block, &before, place);
            }
        }
        _ => {}
    }
    for message in list("messages").into_iter().flatten() {
        read.message(message, &mut before);
    }
    let conversation = &mut read.conversation;
    conversation.limit = request.member("max_tokens").and_then(Value::as_u64);
    conversation.thinking = thinking(request);
    conversation.output = output(request);
    (conversation.choice, conversation.one_call) = choice(request.member("tool_choice"));
    let stops = list("stop_sequences").into_iter().flatten();
    let stops = stops.filter_map(|stop| stop.as_str().map(str::to_owned));
    conversation.stop = stops.collect();
    for name in ["temperature", "top_p", "top_k"] {
        conversation.set(name, request.member(name));
    }
    let user = request
        .member("metadata")
        .and_then(|about| about.get("user_id"));
    conversation.user = user.and_then(Value::as_str).map(str::to_owned);
    conversation.stream = request.wants_stream();
    read
}

impl Read {
    fn message(&mut self, message: &Value, before: &mut Vec<u8>) {
        let role = message.get("role").and_then(Value::as_str);
        let speaker = match role {
            Some("assistant") => Speaker::Model,
            _ => Speaker::User,
        };
        before.extend(role.unwrap_or_default().bytes());
        let mut parts = Vec::new();
        let mut marked = Vec::new();
        match message.get("content") {
            Some(Value::String(text)) => {
                before.extend(text.bytes());
                parts.push(Part::Text(text.clone()));
            }
            Some(Value::Array(blocks)) => {
                for block in blocks {
                    before.extend(without_mark(block));
                    if let Some(is_long) = cache_mark(block) {
                        let place = self.conversation.next_place(speaker, parts.len());
                        marked.push((place, before.clone(), is_long));
                    }
                    parts.push(part(block));
                }
            }
            _ => {}
        }
        if role == Some("system") {
            for part in &parts {
                if let Part::Text(text) = part {
                    self.conversation.instruct(text);
                }
            }
            return;
        }
        self.conversation.say(speaker, parts);
        for (place, before, is_long) in marked {
            self.conversation.cached.push(place);
            self.marks.push(Mark {
                tokens: self.conversation.tokens,
                before,
                is_long,
            });
        }
    }

    fn mark(&mut self, block: &Value, before: &[u8], place: String) {
        if let Some(is_long) = cache_mark(block) {
            self.conversation.cached.push(place);
            self.marks.push(Mark {
                tokens: self.conversation.tokens,
                before: before.to_owned(),
                is_long,
            });
        }
    }
}

/// Whether a block is to be cached, and if so, whether for an hour.
fn cache_mark(block: &Value) -> Option<bool> {
    let mark = block.get("cache_control").filter(|mark| mark.is_object())?;
    Some(mark.get("ttl").and_then(Value::as_str) == Some("1h"))
}

/// A block as text. Where it is marked does not change what is cached.
fn without_mark(block: &Value) -> Vec<u8> {
    let mut block = block.clone();
    if let Some(members) = block.as_object_mut() {
        members.shift_remove("cache_control");
    }
    block.to_string().into_bytes()
}

fn tool_text(tool: &Value) -> Vec<u8> {
    without_mark(tool)
}

fn part(block: &Value) -> Part {
    let text = |name: &str| block.get(name).and_then(Value::as_str);
    let owned = |name: &str| text(name).unwrap_or_default().to_owned();
    match text("type").unwrap_or_default() {
        "text" => Part::Text(owned("text")),
        "image" => Part::Media(media(block, Kind::Image)),
        "document" => Part::Media(media(block, Kind::Document)),
        "thinking" => Part::Thought {
            text: owned("thinking"),
            is_signed: text("signature").is_some_and(|signature| !signature.is_empty()),
        },
        "redacted_thinking" => Part::Thought {
            text: String::new(),
            is_signed: true,
        },
        "tool_use" => Part::Call {
            id: text("id").map(str::to_owned),
            name: owned("name"),
            arguments: block.get("input").cloned().unwrap_or(Value::Null),
            is_signed: false,
        },
        "tool_result" => Part::Outcome {
            id: text("tool_use_id").map(str::to_owned),
            name: None,
            parts: match block.get("content") {
                Some(Value::String(text)) => vec![Part::Text(text.clone())],
                Some(Value::Array(blocks)) => blocks.iter().map(part).collect(),
                _ => Vec::new(),
            },
            is_failed: block.get("is_error").and_then(Value::as_bool) == Some(true),
        },
        other => Part::Other(other.to_owned()),
    }
}

fn media(block: &Value, kind: Kind) -> Media {
    let source = |name: &str| {
        let member = block.get("source").and_then(|source| source.get(name));
        member.and_then(Value::as_str)
    };
    let mut media = match source("type") {
        Some("url") => Media::at(kind, source("url").unwrap_or_default()),
        Some("file") => {
            let id = source("file_id").unwrap_or_default().to_owned();
            Media::new(kind, None, Place::File(id))
        }
        Some("text") => {
            let bytes = source("data").unwrap_or_default().as_bytes().to_owned();
            Media::new(kind, source("media_type"), Place::Inline(Some(bytes)))
        }
        _ => Media::inline(
            kind,
            source("media_type"),
            source("data").unwrap_or_default(),
        ),
    };
    media.name = block
        .get("title")
        .and_then(Value::as_str)
        .map(str::to_owned);
    media
}

fn tool(tool: &Value) -> Option<Tool> {
    let text = |name: &str| tool.get(name).and_then(Value::as_str);
    let is_function = matches!(text("type"), None | Some("custom"));
    let name = if is_function {
        text("name")
    } else {
        text("type")
    };
    Some(Tool {
        name: name?.to_owned(),
        description: text("description").map(str::to_owned),
        schema: tool.get("input_schema").cloned().unwrap_or(Value::Null),
        is_strict: tool.get("strict").and_then(Value::as_bool) == Some(true),
        is_function,
    })
}

fn choice(choice: Option<&Value>) -> (Choice, bool) {
    let member = |name: &str| choice.and_then(|choice| choice.get(name));
    let named = match member("type").and_then(Value::as_str) {
        Some("none") => Choice::None,
        Some("any") => Choice::Any,
        Some("tool") => {
            let name = member("name").and_then(Value::as_str).unwrap_or_default();
            Choice::Named(vec![name.to_owned()])
        }
        _ => Choice::Auto,
    };
    let one_call = member("disable_parallel_tool_use").and_then(Value::as_bool);
    (named, one_call == Some(true))
}

/// No model of this family thinks without being told to.
fn thinking(request: &Request) -> Thinking {
    let member = |name: &str| {
        let thinking = request.member("thinking");
        thinking.and_then(|thinking| thinking.get(name))
    };
    let effort = request
        .member("output_config")
        .and_then(|config| config.get("effort"))
        .and_then(Value::as_str);
    let kind = member("type").and_then(Value::as_str);
    Thinking {
        wanted: Some(matches!(kind, Some("enabled" | "adaptive"))),
        effort: effort.map(str::to_owned),
        budget: member("budget_tokens").and_then(Value::as_i64),
        is_shown: member("display")
            .and_then(Value::as_str)
            .map(|display| display != "omitted"),
    }
}

fn output(request: &Request) -> Output {
    let format = request
        .member("output_config")
        .and_then(|config| config.get("format"))
        .or(request.member("output_format"));
    match format.and_then(|format| format.get("schema")) {
        Some(schema) => Output::Schema(schema.clone()),
        None => Output::Text,
    }
}
