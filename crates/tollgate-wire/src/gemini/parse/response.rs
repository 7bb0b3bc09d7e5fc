//! What one response says, as events: the whole answer of a plain call, or a step of a stream.

use serde_json::Value;
use tollgate_core::reply::{Finish, Usage};

use super::{Events, citations};
use crate::gemini::calls;
use crate::gemini::chunk::{self, Progress, Verdict};
use crate::neutral::{Citation, Ending, Event};
use crate::state::State;

/// How many different citations are told of one answer.
const MOST_CITATIONS: usize = 1000;

/// Why a response tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It reports an error, or that the provider's policy refused.
    Error,
    /// It cannot be read.
    Malformed(&'static str),
}

/// Tells an answer from its responses, in order.
#[derive(Debug)]
pub(super) struct Teller {
    provider: &'static str,
    progress: Progress,
    begun: bool,
    calls: usize,
    finish: Option<Finish>,
    usage: Option<Usage>,
    /// What has been told, for the same citation comes with every later response.
    citations: Vec<Citation>,
    /// Whether all of the text so far is ASCII.
    ascii: bool,
}

impl Teller {
    /// Nothing has been said.
    pub(super) fn new(provider: &'static str) -> Self {
        Self {
            provider,
            progress: Progress::default(),
            begun: false,
            calls: 0,
            finish: None,
            usage: None,
            citations: Vec::new(),
            ascii: true,
        }
    }

    /// Whether the end of the body would be a good end.
    pub(super) fn is_complete(&self) -> bool {
        self.progress.is_complete()
    }

    /// Adds what a response says. A response that is trouble adds nothing.
    pub(super) fn tell(&mut self, data: &[u8], events: &mut Events) -> Result<(), Trouble> {
        let facts = chunk::read(data, &mut self.progress)
            .map_err(|unreadable| Trouble::Malformed(unreadable.reason()))?;
        match facts.verdict {
            Verdict::Good => {}
            Verdict::Refused | Verdict::Error => return Err(Trouble::Error),
        }
        let response: Value = serde_json::from_slice(data)
            .map_err(|_| Trouble::Malformed("it holds what is no text or number"))?;
        let before = events.len();
        let result = self.add(&response, &facts, events);
        if result.is_err() {
            events.truncate(before);
        }
        result
    }

    fn add(
        &mut self,
        response: &Value,
        facts: &chunk::Chunk,
        events: &mut Events,
    ) -> Result<(), Trouble> {
        let id = response["responseId"].as_str();
        if !self.begun {
            self.begun = true;
            events.push(Event::Begin {
                id: id.map(str::to_owned),
                model: response["modelVersion"].as_str().map(str::to_owned),
            });
        }
        if let Some(candidate) = first(&response["candidates"]) {
            let parts = candidate
                .pointer("/content/parts")
                .and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                self.part(part, id.unwrap_or_default(), events)?;
            }
            for citation in citations::of(candidate, self.ascii) {
                if self.citations.len() < MOST_CITATIONS && !self.citations.contains(&citation) {
                    self.citations.push(citation.clone());
                    events.push(Event::Citation(citation));
                }
            }
        }
        if let Some(finish) = facts.finish.filter(|_| facts.finish != self.finish) {
            self.finish = facts.finish;
            events.push(Event::Finish(Ending::new(finish)));
        }
        if let Some(usage) = facts.usage.filter(|_| facts.usage != self.usage) {
            self.usage = facts.usage;
            events.push(Event::Usage(usage));
        }
        Ok(())
    }

    fn part(&mut self, part: &Value, response: &str, events: &mut Events) -> Result<(), Trouble> {
        let state = part["thoughtSignature"].as_str();
        let made = state.filter(|token| State::opened(token).is_some());
        let mut state = made.map(|token| State::of(self.provider, token));
        if let Some(text) = part["text"].as_str() {
            if text.is_empty() {
            } else if part["thought"] == true {
                events.push(Event::Reasoning(text.to_owned()));
            } else {
                self.ascii &= text.is_ascii();
                events.push(Event::Text(text.to_owned()));
            }
        } else if part["functionCall"].is_object() {
            self.call(&part["functionCall"], response, state.take(), events)?;
        } else if let Some(text) = shown(part) {
            events.push(Event::Text(text));
        }
        if let Some(state) = state {
            events.push(Event::ReasoningState {
                state,
                redacted: false,
            });
        }
        Ok(())
    }

    fn call(
        &mut self,
        call: &Value,
        response: &str,
        state: Option<State>,
        events: &mut Events,
    ) -> Result<(), Trouble> {
        if call["willContinue"] == true || call["partialArgs"].is_array() {
            return Err(Trouble::Malformed(
                "arguments in pieces, for which nobody asked",
            ));
        }
        let name = call["name"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or(Trouble::Malformed("a call without a name"))?;
        let json = match &call["args"] {
            Value::Null => "{}".to_owned(),
            arguments => arguments.to_string(),
        };
        let index = self.calls;
        self.calls += 1;
        let given = call["id"].as_str().filter(|id| !id.is_empty());
        let id = given.map_or_else(
            || calls::of_answer(response, index, name, &json),
            str::to_owned,
        );
        events.extend([
            Event::ToolCall {
                index,
                id,
                name: name.to_owned(),
                state,
            },
            Event::Arguments { index, json },
            Event::CallEnd { index },
        ]);
        Ok(())
    }
}

/// The first of several candidates, if this response is about it.
fn first(candidates: &Value) -> Option<&Value> {
    let mut candidates = candidates.as_array()?.iter().enumerate();
    let (_, candidate) =
        candidates.find(|(place, candidate)| match candidate["index"].as_u64() {
            Some(index) => index == 0,
            None => *place == 0,
        })?;
    Some(candidate)
}

/// What models give beside text and calls, as the text that comes closest: a picture or recording
/// as Markdown with the data in its address, code that Google ran as a block.
fn shown(part: &Value) -> Option<String> {
    let data = &part["inlineData"];
    if let (Some(kind), Some(base64)) = (data["mimeType"].as_str(), data["data"].as_str()) {
        let mark = if kind.starts_with("image/") { "!" } else { "" };
        return Some(format!("{mark}[{kind}](data:{kind};base64,{base64})"));
    }
    if let Some(uri) = part.pointer("/fileData/fileUri").and_then(Value::as_str) {
        return Some(format!("[{uri}]({uri})"));
    }
    if let Some(code) = part.pointer("/executableCode/code").and_then(Value::as_str) {
        return Some(format!("\n```\n{code}\n```\n"));
    }
    let output = part.pointer("/codeExecutionResult/output")?.as_str()?;
    Some(format!("\n```\n{output}\n```\n"))
}
