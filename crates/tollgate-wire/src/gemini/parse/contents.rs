//! The conversation of a caller's request.

use serde_json::{Map, Value};
use tollgate_core::error::Failure;

use super::members::{bool, list, member, members, object, text, wrong};
use crate::gemini::calls::Open;
use crate::gemini::media::{by_address, by_data};
use crate::gemini::signature::is_placeholder;
use crate::neutral::{
    Content, Media, Part, Reasoned, Request, Role, Source, ToolCall, ToolResult, Turn,
};
use crate::state::State;

/// Puts a conversation into a request.
pub(super) struct Contents<'a> {
    request: &'a mut Request,
    open: Open,
}

/// What a part holds beside its signature.
enum Said {
    Text(String),
    Content(Content),
}

impl<'a> Contents<'a> {
    /// A conversation that has not begun.
    pub(super) fn new(request: &'a mut Request) -> Self {
        Self {
            request,
            open: Open::default(),
        }
    }

    /// Reads `systemInstruction`.
    pub(super) fn system(&mut self, value: &Value, path: &str) -> Result<(), Failure> {
        for (name, value) in members(value, path)? {
            match &*name {
                "parts" => self.parts(value, &format!("{path}.parts"), Role::System)?,
                // Whatever it says, it is the system's.
                "role" => {}
                _ => self.request.others.push(format!("{path}.{name}")),
            }
        }
        Ok(())
    }

    /// Reads `contents`.
    pub(super) fn turns(&mut self, value: &Value, path: &str) -> Result<(), Failure> {
        for (index, content) in list(value, path)?.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let content = object(content, &path)?;
            let role = member(content, "role")
                .map(|role| text(role, &format!("{path}.role")))
                .transpose()?;
            let role = match role {
                Some("model") => Role::Assistant,
                Some("user" | "function" | "") | None => Role::User,
                Some(_) => return Err(wrong(&format!("{path}.role"), "`user` or `model`")),
            };
            if let Some(parts) = member(content, "parts") {
                self.parts(parts, &format!("{path}.parts"), role)?;
            }
        }
        Ok(())
    }

    fn parts(&mut self, value: &Value, path: &str, role: Role) -> Result<(), Failure> {
        for (index, part) in list(value, path)?.iter().enumerate() {
            self.part(part, &format!("{path}[{index}]"), role)?;
        }
        Ok(())
    }

    fn part(&mut self, value: &Value, path: &str, role: Role) -> Result<(), Failure> {
        let (mut thought, mut state, mut said) = (false, None, None);
        for (name, value) in members(value, path)? {
            let at = &format!("{path}.{name}");
            match &*name {
                "thought" => thought = bool(value, at)?,
                "thoughtSignature" => {
                    let signature = text(value, at)?;
                    let made = (!is_placeholder(signature)).then(|| State::opened(signature));
                    state = made.flatten();
                }
                "text" => said = Some(Said::Text(text(value, at)?.to_owned())),
                "inlineData" | "fileData" => match media(value, at)? {
                    Some(media) => said = Some(Said::Content(media)),
                    None => self.request.others.push(at.clone()),
                },
                "functionCall" => said = Some(Said::Content(self.call(value, at)?)),
                "functionResponse" => said = Some(Said::Content(self.result(value, at)?)),
                _ => self.request.others.push(at.clone()),
            }
        }
        match said {
            Some(Said::Text(text)) if thought => self.think(text, state, role),
            Some(Said::Text(text)) => {
                if !text.is_empty() {
                    self.request.push(role, Part::text(text));
                }
                self.keep(state, false, role);
            }
            Some(Said::Content(Content::ToolCall(mut call))) => {
                call.state = state;
                self.request.push(role, Part::new(Content::ToolCall(call)));
            }
            Some(Said::Content(content)) => {
                self.request.push(role, Part::new(content));
                self.keep(state, false, role);
            }
            None => self.keep(state, thought, role),
        }
        Ok(())
    }

    /// Adds a thought, or more of the one before: a stream spells it out in several parts, and
    /// its signature comes last.
    fn think(&mut self, more: String, state: Option<State>, role: Role) {
        if let Some(Turn { role: last, parts }) = self.request.turns.last_mut()
            && *last == role
            && let Some(Part { content, .. }) = parts.last_mut()
            && let Content::Reasoning(thought) = content
            && thought.state.is_none()
        {
            thought.text.push_str(&more);
            thought.state = state;
        } else if !more.is_empty() || state.is_some() {
            let thought = Reasoned {
                text: more,
                state,
                redacted: false,
            };
            let part = Part::new(Content::Reasoning(thought));
            self.request.push(role, part);
        }
    }

    /// Adds state that belongs to no thought that is shown.
    fn keep(&mut self, state: Option<State>, redacted: bool, role: Role) {
        if let Some(state) = state {
            let thought = Reasoned {
                text: String::new(),
                state: Some(state),
                redacted,
            };
            let part = Part::new(Content::Reasoning(thought));
            self.request.push(role, part);
        }
    }

    fn call(&mut self, value: &Value, path: &str) -> Result<Content, Failure> {
        let (mut id, mut called, mut arguments) = (None, "", "{}".to_owned());
        for (name, value) in members(value, path)? {
            let at = &format!("{path}.{name}");
            match &*name {
                "id" => id = Some(text(value, at)?).filter(|id| !id.is_empty()),
                "name" => called = text(value, at)?,
                "args" => {
                    object(value, at)?;
                    arguments = value.to_string();
                }
                _ => self.request.others.push(at.clone()),
            }
        }
        if called.is_empty() {
            return Err(wrong(&format!("{path}.name"), "the name of a function"));
        }
        Ok(Content::ToolCall(ToolCall {
            id: self.open.call(id, called),
            name: called.to_owned(),
            arguments,
            state: None,
        }))
    }

    fn result(&mut self, value: &Value, path: &str) -> Result<Content, Failure> {
        let (mut id, mut called, mut response) = (None, "", None);
        let mut pictures = Vec::new();
        for (name, value) in members(value, path)? {
            let at = &format!("{path}.{name}");
            match &*name {
                "id" => id = Some(text(value, at)?).filter(|id| !id.is_empty()),
                "name" => called = text(value, at)?,
                "response" => response = Some(object(value, at)?),
                "parts" => {
                    for (index, part) in list(value, at)?.iter().enumerate() {
                        pictures.extend(self.picture(part, &format!("{at}[{index}]"))?);
                    }
                }
                _ => self.request.others.push(at.clone()),
            }
        }
        if called.is_empty() {
            return Err(wrong(&format!("{path}.name"), "the name of a function"));
        }
        let (said, failed) = response.map_or_else(|| (String::new(), false), spoken);
        let mut parts = vec![Part::text(said)];
        parts.extend(pictures);
        Ok(Content::ToolResult(ToolResult {
            id: self.open.result(id, called),
            name: Some(called.to_owned()),
            parts,
            failed,
        }))
    }

    fn picture(&mut self, value: &Value, path: &str) -> Result<Option<Part>, Failure> {
        let mut part = None;
        for (name, value) in members(value, path)? {
            let at = format!("{path}.{name}");
            let found = match &*name {
                "inlineData" | "fileData" => media(value, &at)?,
                _ => None,
            };
            match found {
                Some(found) => part = Some(Part::new(found)),
                None => self.request.others.push(at),
            }
        }
        Ok(part)
    }
}

/// What a tool gave as text, and whether it failed. Google asks for an object, with `output` or
/// `error` in it where there is nothing else to say.
fn spoken(response: &Map<String, Value>) -> (String, bool) {
    let mut members = response.iter();
    if let (Some((name, value)), None) = (members.next(), members.next()) {
        let failed = name == "error";
        match (&**name, value) {
            ("output" | "result" | "error", Value::String(text)) => return (text.clone(), failed),
            ("error", value) => return (value.to_string(), true),
            _ => {}
        }
    }
    let whole = Value::Object(response.clone());
    (whole.to_string(), false)
}

/// A picture, recording or document; `None` for films, which have no place in the neutral form.
fn media(value: &Value, path: &str) -> Result<Option<Content>, Failure> {
    let (mut source, mut media_type, mut title) = (None, String::new(), None);
    for (name, value) in members(value, path)? {
        let at = &format!("{path}.{name}");
        match &*name {
            "mimeType" => text(value, at)?.clone_into(&mut media_type),
            "data" => source = Some(Source::Base64(standard(text(value, at)?))),
            "fileUri" => source = Some(place(text(value, at)?)),
            "displayName" => title = Some(text(value, at)?.to_owned()),
            _ => {}
        }
    }
    let source = source.ok_or_else(|| wrong(path, "data or the address of a file"))?;
    if media_type.is_empty() {
        let guessed = match &source {
            Source::Base64(data) => by_data(data),
            Source::Url(uri) | Source::File(uri) => by_address(uri),
        };
        guessed.unwrap_or_default().clone_into(&mut media_type);
    }
    let media = Media {
        source,
        media_type,
        name: title,
        detail: None,
    };
    let kind = media.media_type.split('/').next().unwrap_or_default();
    Ok(match kind {
        "image" => Some(Content::Image(media)),
        "audio" => Some(Content::Audio(media)),
        "video" => None,
        _ => Some(Content::Document(media)),
    })
}

/// Files in Google's own stores can be fetched by nobody else.
fn place(uri: &str) -> Source {
    const STORES: [&str; 3] = [
        "gs://",
        "files/",
        "https://generativelanguage.googleapis.com/",
    ];
    if STORES.into_iter().any(|store| uri.starts_with(store)) {
        Source::File(uri.to_owned())
    } else {
        Source::Url(uri.to_owned())
    }
}

/// Base64 in the standard alphabet, with its padding: one SDK writes the one for addresses.
fn standard(base64: &str) -> String {
    let mut out: String = base64
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !out.len().is_multiple_of(4) && !out.ends_with("==") {
        out.push('=');
    }
    out
}
