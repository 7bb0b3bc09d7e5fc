//! Neutral values at random, for the tests of every format: what a format can express must come
//! back as it was written.
//!
//! A format that lacks something narrows the strategies of its own test (`prop_map` that clears
//! what it cannot say) and says in the test why.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Number, Value, json};
use tollgate_core::reply::{Finish, Usage};

use super::{
    Answer, Content, Ending, Event, Media, Part, Reasoned, Request, Role, Source, Tool, ToolCall,
    ToolChoice, ToolResult,
};
use crate::state::State;

/// A text with escapes, other alphabets and line ends; never empty.
pub(crate) fn text() -> impl Strategy<Value = String> {
    "[ -~äé\u{4e2d}\u{1f600}\n\t\"\\\\]{1,24}"
}

/// The name of a tool.
pub(crate) fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,12}"
}

/// The id of a call: unique within a conversation by its number.
fn call_id(number: usize) -> String {
    format!("call_{number}")
}

/// A small JSON object as the text that a model would write, in compact form.
pub(crate) fn arguments() -> impl Strategy<Value = String> {
    vec((name(), text()), 0..3).prop_map(|members| {
        let object: serde_json::Map<String, Value> = members
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        Value::Object(object).to_string()
    })
}

/// A picture, here or at an address.
pub(crate) fn image() -> impl Strategy<Value = Media> {
    let source = prop_oneof![
        Just(Source::Base64("iVBORw0KGgo=".to_owned())),
        name().prop_map(|name| Source::Url(format!("https://example.com/{name}.png"))),
    ];
    source.prop_map(|source| Media {
        source,
        media_type: "image/png".to_owned(),
        name: None,
        detail: None,
    })
}

/// A thought with a state of this provider.
pub(crate) fn thought(provider: &'static str) -> impl Strategy<Value = Reasoned> {
    (text(), "[A-Za-z0-9+/]{8}").prop_map(move |(text, token)| Reasoned {
        text,
        state: Some(State::of(provider, token)),
        redacted: false,
    })
}

/// A conversation: perhaps a system prompt, then turns in which a user speaks and a model answers,
/// with calls of tools in parallel and their results.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    let rounds = vec(
        (text(), option::of(image()), option::of(text()), 0_usize..3),
        1..4,
    );
    (
        option::of(text()),
        rounds,
        text(),
        vec((name(), option::of(text())), 0..3),
        settings(),
    )
        .prop_map(|(system, rounds, last, tools, settings)| {
            let mut request = settings;
            if let Some(system) = system {
                request.push(Role::System, Part::text(system));
            }
            let mut calls = 0;
            for (question, picture, answer, tools) in rounds {
                request.push(Role::User, Part::text(question));
                if let Some(picture) = picture {
                    request.push(Role::User, Part::new(Content::Image(picture)));
                }
                round(&mut request, answer.as_deref(), tools, &mut calls);
            }
            request.push(Role::User, Part::text(last));
            request.tools = tools
                .into_iter()
                .enumerate()
                .map(|(at, (name, description))| Tool {
                    name: format!("{name}{at}"),
                    description,
                    parameters: Some(json!({"type": "object", "properties": {}})),
                    strict: None,
                    freeform: false,
                    cache: None,
                })
                .collect();
            if request.tools.is_empty() {
                request.tool_choice = None;
            }
            request
        })
}

/// A model's answer, or the results of the tools that it called.
fn round(request: &mut Request, answer: Option<&str>, tools: usize, calls: &mut usize) {
    if let Some(answer) = answer {
        request.push(Role::Assistant, Part::text(answer));
    } else if tools == 0 {
        request.push(Role::Assistant, Part::text("…"));
    }
    let first = *calls;
    for _ in 0..tools {
        let call = ToolCall {
            id: call_id(*calls),
            name: format!("tool_{calls}"),
            arguments: format!("{{\"n\":{calls}}}"),
            state: None,
        };
        request.push(Role::Assistant, Part::new(Content::ToolCall(call)));
        *calls += 1;
    }
    for number in first..*calls {
        let result = ToolResult {
            id: call_id(number),
            name: Some(format!("tool_{number}")),
            parts: vec![Part::text(format!("result {number}"))],
            failed: false,
        };
        request.push(Role::User, Part::new(Content::ToolResult(result)));
    }
}

/// Sampling and bounds, which every family can be told.
fn settings() -> impl Strategy<Value = Request> {
    let choice = prop_oneof![
        Just(None),
        Just(Some(ToolChoice::Auto)),
        Just(Some(ToolChoice::None)),
        Just(Some(ToolChoice::Required)),
    ];
    (
        option::of(1_u64..5000),
        option::of(0_u8..=10),
        vec("[a-z]{1,4}", 0..3),
        choice,
        any::<bool>(),
    )
        .prop_map(
            |(max_tokens, temperature, stop, tool_choice, stream)| Request {
                max_tokens,
                temperature: temperature
                    .and_then(|tenths| Number::from_f64(f64::from(tenths) / 10.0)),
                stop,
                tool_choice,
                stream,
                ..Request::default()
            },
        )
}

/// Token counts that add up.
pub(crate) fn usage() -> impl Strategy<Value = Usage> {
    (0_u64..9000, 0_u64..9000, 0_u64..100, 0_u64..100).prop_map(
        |(prompt, completion, cached, reasoning)| Usage {
            prompt: prompt + cached,
            completion: completion + reasoning,
            cached,
            cache_written: 0,
            reasoning,
            ..Usage::default()
        },
    )
}

/// An answer of this provider: a thought, a text, calls in parallel.
pub(crate) fn answer(provider: &'static str) -> impl Strategy<Value = Answer> {
    (
        option::of(thought(provider)),
        option::of(text()),
        vec((name(), arguments()), 0..3),
        option::of(usage()),
        name(),
    )
        .prop_map(|(thought, text, calls, usage, id)| {
            let mut parts = Vec::new();
            parts.extend(thought.map(|thought| Part::new(Content::Reasoning(thought))));
            parts.extend(text.map(Part::text));
            let finish = if calls.is_empty() {
                Finish::Stop
            } else {
                Finish::ToolCalls
            };
            parts.extend(
                calls
                    .into_iter()
                    .enumerate()
                    .map(|(at, (name, arguments))| {
                        Part::new(Content::ToolCall(ToolCall {
                            id: call_id(at),
                            name,
                            arguments,
                            state: None,
                        }))
                    }),
            );
            Answer {
                id: Some(id),
                model: Some("m".to_owned()),
                parts,
                ending: Some(Ending::new(finish)),
                usage,
            }
        })
}

/// The stream that spells out an answer, every text in pieces of `size` characters.
pub(crate) fn events(answer: &Answer, size: usize) -> Vec<Event> {
    let mut events = vec![Event::Begin {
        id: answer.id.clone(),
        model: answer.model.clone(),
    }];
    let mut calls = 0;
    for part in &answer.parts {
        match &part.content {
            Content::Text { text, .. } => {
                events.extend(pieces(text, size).map(Event::Text));
            }
            Content::Reasoning(thought) => {
                events.extend(pieces(&thought.text, size).map(Event::Reasoning));
                events.extend(thought.state.clone().map(|state| Event::ReasoningState {
                    state,
                    redacted: thought.redacted,
                }));
            }
            Content::ToolCall(call) => {
                events.push(Event::ToolCall {
                    index: calls,
                    id: call.id.clone(),
                    name: call.name.clone(),
                    state: call.state.clone(),
                });
                let index = calls;
                events.extend(
                    pieces(&call.arguments, size).map(|json| Event::Arguments { index, json }),
                );
                events.push(Event::CallEnd { index });
                calls += 1;
            }
            other => panic!("no answer of a sample holds {other:?}"),
        }
    }
    events.extend(answer.ending.clone().map(Event::Finish));
    events.extend(answer.usage.map(Event::Usage));
    events.push(Event::End);
    events
}

fn pieces(text: &str, size: usize) -> impl Iterator<Item = String> {
    let letters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = letters
        .chunks(size.max(1))
        .map(|piece| piece.iter().collect())
        .collect();
    pieces.into_iter()
}

#[cfg(test)]
mod tests {
    use super::super::Gathering;
    use super::*;

    proptest! {
        #[test]
        fn a_stream_gathers_into_the_answer_that_it_spells_out(
            answer in answer("sim"),
            size in 1_usize..9,
        ) {
            let mut gathering = Gathering::default();
            for event in events(&answer, size) {
                gathering.take(event);
            }
            prop_assert!(gathering.ended);
            prop_assert_eq!(gathering.into_answer(), answer);
        }

        #[test]
        fn neighbouring_turns_have_different_roles(request in request()) {
            for pair in request.turns.windows(2) {
                prop_assert_ne!(pair[0].role, pair[1].role);
            }
        }
    }
}
