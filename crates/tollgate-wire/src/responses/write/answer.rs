//! A caller's answer, and the response object that its stream tells of.

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_core::reply::{Finish, Usage};

use super::stream::Writer;
use crate::formats::Asked;
use crate::neutral::{Answer, Content, Event, Reasoned, ToolCall};
use crate::responses::usage;
use crate::stream::WriteEvents;

/// Writes an answer: what a stream of it ends with.
pub fn answer(answer: &Answer, asked: &Asked<'_>) -> Bytes {
    let mut writer = Writer::new(asked);
    let mut told = Vec::new();
    let mut tell = |event: Event| writer.write(&event, &mut told);
    tell(Event::Begin {
        id: answer.id.clone(),
        model: answer.model.clone(),
    });
    let mut calls = 0;
    for part in &answer.parts {
        tell(Event::Break);
        match &part.content {
            Content::Text { text, citations } => {
                tell(Event::Text(text.clone()));
                citations
                    .iter()
                    .cloned()
                    .map(Event::Citation)
                    .for_each(&mut tell);
            }
            Content::Refusal(words) => tell(Event::Refusal(words.clone())),
            Content::Reasoning(thought) => thought_events(thought).for_each(&mut tell),
            Content::ToolCall(call) => {
                call_events(call, calls).into_iter().for_each(&mut tell);
                calls += 1;
            }
            // No model answers with these here.
            Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolResult(_) => {}
        }
    }
    answer.ending.clone().map(Event::Finish).map(&mut tell);
    answer.usage.map(Event::Usage).map(&mut tell);
    writer.into_response().to_string().into()
}

fn thought_events(thought: &Reasoned) -> impl Iterator<Item = Event> {
    let words = (!thought.redacted).then(|| Event::Reasoning(thought.text.clone()));
    let state = thought.state.clone().map(|state| Event::ReasoningState {
        state,
        redacted: thought.redacted,
    });
    words.into_iter().chain(state)
}

fn call_events(call: &ToolCall, index: usize) -> [Event; 3] {
    [
        Event::ToolCall {
            index,
            id: call.id.clone(),
            name: call.name.clone(),
            state: call.state.clone(),
        },
        Event::Arguments {
            index,
            json: call.arguments.clone(),
        },
        Event::CallEnd { index },
    ]
}

/// What is known of a response.
pub(super) struct Response<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) created: i64,
    pub(super) status: Status,
    pub(super) output: &'a [Value],
    pub(super) usage: Option<Usage>,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It is being made.
    Running,
    /// It is whole.
    Completed,
    /// A token limit has cut it off.
    Limited,
    /// A filter has cut it off.
    Filtered,
}

impl Status {
    /// The status of a response that has ended for this reason.
    pub(super) const fn of(finish: Option<Finish>) -> Self {
        match finish {
            Some(Finish::Length) => Self::Limited,
            Some(Finish::ContentFilter) => Self::Filtered,
            Some(Finish::Stop | Finish::ToolCalls | Finish::Other) | None => Self::Completed,
        }
    }

    /// The word for a response, and for the item that it ends with.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Running => "in_progress",
            Self::Completed => "completed",
            Self::Limited | Self::Filtered => "incomplete",
        }
    }
}

impl Response<'_> {
    /// The object. What the caller asked for is not known here; the members of it that the
    /// official SDKs cannot do without are as if nothing had been asked.
    pub(super) fn write(&self) -> Value {
        let reason = match self.status {
            Status::Running | Status::Completed => Value::Null,
            Status::Limited => json!({"reason": "max_output_tokens"}),
            Status::Filtered => json!({"reason": "content_filter"}),
        };
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": self.status.word(),
            "background": false,
            "error": null,
            "incomplete_details": reason,
            "instructions": null,
            "max_output_tokens": null,
            "model": self.model,
            "output": self.output,
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "store": false,
            "temperature": null,
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "usage": self.usage.as_ref().map(usage::write),
            "metadata": {},
        })
    }
}
