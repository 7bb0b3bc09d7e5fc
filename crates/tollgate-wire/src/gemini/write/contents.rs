//! The conversation of a request.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{media, set};
use crate::formats::{Aim, Lost};
use crate::gemini::calls::is_made;
use crate::gemini::family::Family;
use crate::gemini::signature::PLACEHOLDER;
use crate::neutral::{
    Content, Media, Part, Reasoned, Request, Role, ToolCall, ToolResult, Turn, arguments_object,
};

/// A conversation as Google has it.
pub(super) struct Contents {
    /// The parts of `systemInstruction`.
    pub(super) system: Vec<Value>,
    /// The contents.
    pub(super) turns: Vec<Value>,
}

/// The conversation of a request.
pub(super) fn write(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Contents {
    let family = Family::of(aim.model);
    let mut writing = Writing {
        aim,
        third: family.is_third(),
        // Elsewhere calls and results are matched by their order, and ids may be refused.
        ids: family.is_third() && aim.provider == "google",
        calls: HashMap::new(),
        count: 0,
        lost,
    };
    let (mut system, mut turns) = (Vec::new(), Vec::new());
    for (index, turn) in request.turns.iter().enumerate() {
        match turn.role {
            Role::System => system.extend(writing.system(turn, index)),
            Role::User => push(&mut turns, "user", &writing.user(turn, index)),
            Role::Assistant => push(&mut turns, "model", &writing.model(turn, index)),
        }
    }
    if turns.is_empty() {
        // There must be somebody to answer.
        push(&mut turns, "user", &std::mem::take(&mut system));
    }
    Contents { system, turns }
}

fn push(turns: &mut Vec<Value>, role: &str, parts: &[Value]) {
    if !parts.is_empty() {
        turns.push(json!({"role": role, "parts": parts}));
    }
}

struct Writing<'a> {
    aim: &'a Aim<'a>,
    /// Whether the model is of the third generation.
    third: bool,
    /// Whether ids of calls are written.
    ids: bool,
    /// The number and name of the last call of each id.
    calls: HashMap<&'a str, (usize, &'a str)>,
    /// How many calls there were.
    count: usize,
    lost: &'a mut Lost,
}

impl<'a> Writing<'a> {
    fn system(&mut self, turn: &Turn, index: usize) -> Vec<Value> {
        let mut parts = Vec::new();
        for (place, part) in turn.parts.iter().enumerate() {
            match &part.content {
                Content::Text { text, .. } => parts.extend(text_part(text)),
                _ => self.lose(index, place),
            }
        }
        parts
    }

    /// Results come first, in the order of their calls, for by that alone some models match them.
    fn user(&mut self, turn: &'a Turn, index: usize) -> Vec<Value> {
        let (mut results, mut beside, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (place, part) in turn.parts.iter().enumerate() {
            if let Content::ToolResult(result) = &part.content {
                let call = self.calls.get(&*result.id);
                let order = call.map_or(usize::MAX, |(number, _)| *number);
                let (response, media) = self.result(result, (index, place));
                results.push((order, response));
                beside.extend(media);
            } else {
                others.extend(self.part(part, (index, place)));
            }
        }
        results.sort_by_key(|(order, _)| *order);
        let results = results.into_iter().map(|(_, result)| result);
        results.chain(beside).chain(others).collect()
    }

    fn model(&mut self, turn: &'a Turn, index: usize) -> Vec<Value> {
        let mut parts: Vec<Value> = Vec::new();
        let mut called = false;
        for (place, part) in turn.parts.iter().enumerate() {
            match &part.content {
                Content::ToolCall(call) => {
                    parts.push(self.call(call, (index, place), !called));
                    called = true;
                }
                Content::Reasoning(thought) => {
                    self.thought(thought, (index, place), &mut parts);
                }
                _ => parts.extend(self.part(part, (index, place))),
            }
        }
        parts
    }

    /// A part that either side may have said.
    fn part(&mut self, part: &Part, (index, place): (usize, usize)) -> Option<Value> {
        match &part.content {
            Content::Text { text, .. } | Content::Refusal(text) => text_part(text),
            Content::Image(media) | Content::Audio(media) | Content::Document(media) => {
                self.media(media, index, place)
            }
            Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => {
                self.lose(index, place);
                None
            }
        }
    }

    fn media(&mut self, media: &Media, index: usize, place: usize) -> Option<Value> {
        let path = format!("messages[{index}].content[{place}]");
        let part = media::write(media, self.aim, &path, self.lost);
        if part.is_none() {
            self.lost.push(path);
        }
        part
    }

    /// A thought goes back to its maker only; one that nobody signed is but words. Without words it
    /// is but the signature of the text before it.
    fn thought(
        &mut self,
        thought: &Reasoned,
        (index, place): (usize, usize),
        parts: &mut Vec<Value>,
    ) {
        let state = match &thought.state {
            Some(state) if state.is_of(self.aim.provider) => state,
            // As these models say their own, when the signature stands on what they said then.
            None if !thought.text.is_empty() => {
                parts.push(json!({"text": thought.text, "thought": true}));
                return;
            }
            _ => {
                self.lose(index, place);
                return;
            }
        };
        let token = Value::from(&*state.token);
        if !thought.text.is_empty() {
            parts.push(json!({
                "text": thought.text, "thought": true, "thoughtSignature": token,
            }));
            return;
        }
        match parts.last_mut().and_then(Value::as_object_mut) {
            Some(last)
                if last.contains_key("text")
                    && !last.contains_key("thought")
                    && !last.contains_key("thoughtSignature") =>
            {
                last.insert("thoughtSignature".to_owned(), token);
            }
            _ => parts.push(json!({"text": "", "thoughtSignature": token})),
        }
    }

    fn call(&mut self, call: &'a ToolCall, (index, place): (usize, usize), first: bool) -> Value {
        self.calls.insert(&call.id, (self.count, &call.name));
        self.count += 1;
        let mut function = json!({"name": call.name, "args": arguments_object(&call.arguments)});
        if self.ids && !is_made(&call.id) {
            set(&mut function, "id", call.id.as_str());
        }
        let mut part = json!({"functionCall": function});
        match &call.state {
            Some(state) if state.is_of(self.aim.provider) => {
                set(&mut part, "thoughtSignature", state.token.as_str());
            }
            state => {
                if state.is_some() {
                    let path = format!("messages[{index}].content[{place}].signature");
                    self.lost.push(path);
                }
                // The first call of a step is refused without a signature.
                if first && self.third {
                    set(&mut part, "thoughtSignature", PLACEHOLDER);
                }
            }
        }
        part
    }

    /// The response of a function, and the media that have no place within it.
    fn result(
        &mut self,
        result: &'a ToolResult,
        (index, place): (usize, usize),
    ) -> (Value, Vec<Value>) {
        let called = self.calls.get(&*result.id).map(|(_, name)| *name);
        let name = called.or(result.name.as_deref()).unwrap_or(&result.id);
        let (mut texts, mut within, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for part in &result.parts {
            match &part.content {
                Content::Text { text, .. } | Content::Refusal(text) => texts.push(&**text),
                Content::Image(media) | Content::Audio(media) | Content::Document(media) => {
                    let media = self.media(media, index, place);
                    let inline = media
                        .as_ref()
                        .is_some_and(|media| media.get("inlineData").is_some());
                    if self.third && inline {
                        within.extend(media);
                    } else {
                        beside.extend(media);
                    }
                }
                Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => {
                    self.lose(index, place);
                }
            }
        }
        let mut response = json!({
            "name": name, "response": spoken(&texts.join("\n"), result.failed),
        });
        if self.ids && !is_made(&result.id) {
            set(&mut response, "id", result.id.as_str());
        }
        if !within.is_empty() {
            set(&mut response, "parts", within);
        }
        (json!({"functionResponse": response}), beside)
    }

    fn lose(&mut self, index: usize, place: usize) {
        self.lost
            .push(format!("messages[{index}].content[{place}]"));
    }
}

/// A text; `None` for an empty one, which is refused.
fn text_part(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({"text": text}))
}

/// What a tool gave, as the object that it must be.
fn spoken(text: &str, failed: bool) -> Value {
    if failed {
        return json!({"error": text});
    }
    let object = serde_json::from_str(text).ok().filter(Value::is_object);
    object.unwrap_or_else(|| json!({"result": text}))
}
