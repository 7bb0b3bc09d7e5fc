//! One choice, whole or in pieces: the same members in a `message` as in a `delta`.

use serde_json::{Map, Value};
use tollgate_core::reply::Finish;

use super::calls::{Calls, Piece};
use super::{citation, thinking};
use crate::neutral::{Citation, Ending, Event};
use crate::openai::thought;
use crate::stream::StreamProblem;

/// Reads the first choice of one answer. Others are not read: callers that ask for several are
/// told that they get one.
pub(super) struct Choice {
    provider: &'static str,
    /// Whether it comes at once: then every call is a call of its own.
    whole: bool,
    calls: Calls,
    /// Whether the words of the thought that is open came as plain text. Details repeat them.
    spoken: bool,
    /// Whether a thought is open.
    thinking: bool,
    /// The pages that belong to the answer as a whole.
    pub(super) pages: Vec<Citation>,
    ending: Option<Ending>,
}

impl Choice {
    /// A choice that comes in pieces.
    pub(super) fn streamed(provider: &'static str) -> Self {
        Self::new(provider, false)
    }

    /// A choice that comes at once.
    pub(super) fn whole(provider: &'static str) -> Self {
        Self::new(provider, true)
    }

    fn new(provider: &'static str, whole: bool) -> Self {
        Self {
            provider,
            whole,
            calls: Calls::default(),
            spoken: false,
            thinking: false,
            pages: Vec::new(),
            ending: None,
        }
    }

    /// Takes a message or a delta; `answer` is the id of the answer.
    pub(super) fn take(
        &mut self,
        delta: &Map<String, Value>,
        answer: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let text = |name: &str| delta.get(name).and_then(Value::as_str);
        let filled = |name: &str| text(name).filter(|text| !text.is_empty());
        let list = |name: &str| delta.get(name).and_then(Value::as_array);
        let items = |name: &str| list(name).into_iter().flatten();
        if let Some(words) = filled("reasoning_content").or(filled("reasoning")) {
            self.think(words.to_owned(), events);
            self.spoken = true;
        }
        for detail in items("reasoning_details").filter_map(Value::as_object) {
            self.detail(detail, events);
        }
        if let Some(content) = delta.get("content") {
            self.content(content, events);
        }
        events.extend(filled("refusal").map(|text| Event::Refusal(text.to_owned())));
        let citations = items("annotations").filter_map(citation::of_annotation);
        events.extend(citations.map(Event::Citation));
        let calls = items("tool_calls").filter_map(Value::as_object);
        for (place, call) in calls.enumerate() {
            let number = match call.get("index").and_then(Value::as_u64) {
                _ if self.whole => Some(place as u64),
                number => number,
            };
            let piece = Piece::of(call, number, self.provider);
            self.calls.take(piece, answer, events)?;
        }
        if let Some(Value::Object(function)) = delta.get("function_call") {
            self.calls
                .take(Piece::of_function(function), answer, events)?;
        }
        Ok(())
    }

    fn content(&mut self, content: &Value, events: &mut Vec<Event>) {
        match content {
            Value::String(text) if !text.is_empty() => events.push(Event::Text(text.clone())),
            Value::Array(parts) => {
                for part in parts {
                    let words = thinking::words(part.get("thinking"));
                    if !words.is_empty() {
                        self.think(words, events);
                    }
                    if let Some(text) = part.get("text").and_then(Value::as_str)
                        && !text.is_empty()
                    {
                        events.push(Event::Text(text.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }

    fn think(&mut self, words: String, events: &mut Vec<Event>) {
        self.thinking = true;
        events.push(Event::Reasoning(words));
    }

    fn detail(&mut self, detail: &Map<String, Value>, events: &mut Vec<Event>) {
        let told = thought::told(detail, self.provider);
        if !self.spoken && !told.text.is_empty() {
            self.think(told.text, events);
        }
        if let Some(state) = told.state {
            events.push(Event::ReasoningState {
                state,
                redacted: told.encrypted && !self.thinking,
            });
            self.thinking = false;
            self.spoken = false;
        }
    }

    /// Takes the reason for the end. Fails for reasons that are failures.
    pub(super) fn finish(
        &mut self,
        choice: &Map<String, Value>,
        events: &mut Vec<Event>,
    ) -> Result<(), Unfinished> {
        let text = |name: &str| choice.get(name).and_then(Value::as_str);
        let Some(reason) = text("finish_reason").filter(|reason| !reason.is_empty()) else {
            return Ok(());
        };
        let native = text("native_finish_reason").unwrap_or_default();
        if FAILURES.contains(&reason) || FAILURES.contains(&native) {
            return Err(Unfinished::Failed);
        }
        self.end(events).map_err(Unfinished::Problem)?;
        let finish = match finish_of(reason) {
            _ if native == OTHER => Finish::Other,
            // Some servers say so even when tools are to be called.
            Finish::Stop if !self.calls.is_empty() => Finish::ToolCalls,
            finish => finish,
        };
        let ending = Ending {
            finish,
            // Where vLLM names the stop sequence.
            stop_sequence: text("stop_reason")
                .filter(|_| finish == Finish::Stop)
                .map(str::to_owned),
        };
        if self.ending.as_ref() != Some(&ending) {
            self.ending = Some(ending.clone());
            events.push(Event::Finish(ending));
        }
        Ok(())
    }

    /// Takes the end of the answer's parts.
    pub(super) fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        let pages = std::mem::take(&mut self.pages);
        events.extend(pages.into_iter().map(Event::Citation));
        self.calls.end(events)
    }
}

/// Why a choice has no good end.
pub(super) enum Unfinished {
    /// The provider says that it failed.
    Failed,
    /// What came cannot be an answer.
    Problem(StreamProblem),
}

/// Reasons for an end that are failures: by whatever name, the answer was broken off.
const FAILURES: [&str; 3] = ["error", "insufficient_system_resource", "network_error"];

/// What we write for ends that the format has no word for, beside one that it has.
pub(in super::super) const OTHER: &str = "other";

fn finish_of(reason: &str) -> Finish {
    match reason {
        // `eos`: Together, and older servers.
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => Finish::Stop,
        // `model_length`: Mistral.
        "length" | "model_length" | "max_tokens" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Other,
    }
}

/// The first choice: the one that counts itself as such, or does not count.
pub(super) fn first(choices: &Value) -> Option<&Map<String, Value>> {
    let mut choices = choices.as_array()?.iter().filter_map(Value::as_object);
    choices.find(|choice| {
        matches!(
            choice.get("index").map(Value::as_u64),
            None | Some(Some(0) | None)
        )
    })
}
