//! Blocks of content: what turns are made of.

mod media;

use serde_json::Value;
use tollgate_core::error::Failure;

use super::wrong::{
    Members, array, joined, member, object, optional_bool, optional_text, text, wrong,
};
use crate::anthropic::citation;
use crate::neutral::{
    Cache, Citation, Content, Part, Reasoned, Request, Role, ToolCall, ToolResult,
};
use crate::state::State;

/// Takes the system prompt.
pub(super) fn system(value: &Value, request: &mut Request) -> Result<(), Failure> {
    content(value, "system", Role::System, request)
}

/// Takes the content of a message: a text, or blocks.
pub(super) fn content(
    value: &Value,
    path: &str,
    role: Role,
    request: &mut Request,
) -> Result<(), Failure> {
    if let Value::String(text) = value {
        request.push(role, Part::text(text.clone()));
        return Ok(());
    }
    let mut reader = Reader {
        others: &mut request.others,
        parts: Vec::new(),
        call_state: None,
    };
    for (at, block) in array(value, path)?.iter().enumerate() {
        reader.block(block, &format!("{path}[{at}]"))?;
    }
    reader.settle();
    for part in reader.parts {
        request.push(role, part);
    }
    Ok(())
}

/// The mark for the provider's cache.
pub(super) fn cache(members: &Members, path: &str) -> Result<Option<Cache>, Failure> {
    const NAME: &str = "cache_control";
    let Some(control) = member(members, NAME) else {
        return Ok(None);
    };
    let path = joined(path, NAME);
    let ttl = optional_text(object(control, &path)?, "ttl", &path)?;
    Ok(Some(Cache { ttl }))
}

/// Reads the blocks of one message or result.
struct Reader<'a> {
    others: &'a mut Vec<String>,
    parts: Vec<Part>,
    /// State that belongs to the next call: it came in a block of hidden thought before it.
    call_state: Option<State>,
}

impl Reader<'_> {
    fn block(&mut self, block: &Value, path: &str) -> Result<(), Failure> {
        let members = object(block, path)?;
        let kind = text(members, "type", path)?;
        let content = match &*kind {
            "text" => Content::Text {
                text: text(members, "text", path)?,
                citations: citations(members),
            },
            "image" => match media::image(members, path, self.others)? {
                Some(image) => Content::Image(image),
                None => return Ok(()),
            },
            "document" => return self.document(members, path),
            "search_result" => return self.search_result(members, path),
            "thinking" => thought(members, path)?,
            "redacted_thinking" => {
                let data = text(members, "data", path)?;
                match super::super::write::opened_call_state(&data) {
                    Some(state) => {
                        self.settle();
                        self.call_state = Some(state);
                        return Ok(());
                    }
                    None => redacted(&data),
                }
            }
            "tool_use" => Content::ToolCall(self.call(members, path)?),
            "tool_result" => Content::ToolResult(self.result(members, path)?),
            _ => {
                self.others.push(path.to_owned());
                return Ok(());
            }
        };
        let cache = cache(members, path)?;
        self.parts.push(Part { content, cache });
        Ok(())
    }

    /// State whose call does not come is a hidden thought of its own.
    fn settle(&mut self) {
        if let Some(state) = self.call_state.take() {
            self.parts.push(Part::new(Content::Reasoning(Reasoned {
                text: String::new(),
                state: Some(state),
                redacted: true,
            })));
        }
    }

    fn document(&mut self, members: &Members, path: &str) -> Result<(), Failure> {
        if let Some(citations) = member(members, "citations")
            && citations.get("enabled") == Some(&Value::Bool(true))
        {
            self.others.push(joined(path, "citations"));
        }
        if member(members, "context").is_some() {
            self.others.push(joined(path, "context"));
        }
        let source_path = joined(path, "source");
        let Some(source) = member(members, "source") else {
            return Err(wrong(&source_path, "is missing"));
        };
        let source = object(source, &source_path)?;
        if source.get("type").and_then(Value::as_str) == Some("content") {
            // A document that is made of blocks stays as its blocks.
            self.others.push(source_path.clone());
            return self.inner(source, &source_path);
        }
        let title = optional_text(members, "title", path)?;
        let Some(document) = media::document(source, &source_path, title, self.others)? else {
            return Ok(());
        };
        let cache = cache(members, path)?;
        let content = Content::Document(document);
        self.parts.push(Part { content, cache });
        Ok(())
    }

    /// A result of a search is said in plain texts elsewhere.
    fn search_result(&mut self, members: &Members, path: &str) -> Result<(), Failure> {
        self.others.push(path.to_owned());
        for name in ["title", "source"] {
            if let Some(text) = optional_text(members, name, path)? {
                self.parts.push(Part::text(text));
            }
        }
        self.inner(members, path)
    }

    /// Takes `content`, a text or blocks, as parts of its own.
    fn inner(&mut self, members: &Members, path: &str) -> Result<(), Failure> {
        let path = joined(path, "content");
        match member(members, "content") {
            None => {}
            Some(Value::String(text)) => self.parts.push(Part::text(text.clone())),
            Some(blocks) => {
                for (at, block) in array(blocks, &path)?.iter().enumerate() {
                    self.block(block, &format!("{path}[{at}]"))?;
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, members: &Members, path: &str) -> Result<ToolCall, Failure> {
        let id = text(members, "id", path)?;
        if id.is_empty() {
            return Err(wrong(&joined(path, "id"), "must not be empty"));
        }
        let input = member(members, "input");
        if input.is_some_and(|input| !input.is_object()) {
            return Err(wrong(&joined(path, "input"), "must be an object"));
        }
        Ok(ToolCall {
            id,
            name: text(members, "name", path)?,
            arguments: input.map(ToString::to_string).unwrap_or_default(),
            state: self.call_state.take(),
        })
    }

    fn result(&mut self, members: &Members, path: &str) -> Result<ToolResult, Failure> {
        let mut inner = Reader {
            others: &mut *self.others,
            parts: Vec::new(),
            call_state: None,
        };
        inner.inner(members, path)?;
        Ok(ToolResult {
            id: text(members, "tool_use_id", path)?,
            name: None,
            parts: inner.parts,
            failed: optional_bool(members, "is_error", path)?.unwrap_or_default(),
        })
    }
}

fn citations(members: &Members) -> Vec<Citation> {
    let citations = members.get("citations").and_then(Value::as_array);
    citations
        .into_iter()
        .flatten()
        .filter_map(citation::read)
        .collect()
}

fn thought(members: &Members, path: &str) -> Result<Content, Failure> {
    let signature = optional_text(members, "signature", path)?;
    Ok(Content::Reasoning(Reasoned {
        text: text(members, "thinking", path)?,
        state: signature.and_then(|signature| State::given(&signature)),
        redacted: false,
    }))
}

fn redacted(data: &str) -> Content {
    Content::Reasoning(Reasoned {
        text: String::new(),
        state: Some(State::open(data)),
        redacted: true,
    })
}
