//! Recorded streams and answers, each with what a right parsing gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::reply::{Finish, Usage};

use super::{answer, stream};
use crate::answer::AnswerProblem;
use crate::neutral::{Answer, Content, Event, Gathering};
use crate::openai::fixtures::{expected_usage, fixtures};
use crate::stream::{StreamProblem, StreamRules, Terminator};

/// Ends that the index names as the provider did.
fn expected_finish(row: &Value) -> Option<Finish> {
    Some(match row["finish_reason"].as_str()? {
        "stop" | "eos" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        other => panic!("{other}"),
    })
}

/// What an answer says, put together.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    reasoning: String,
    calls: Vec<(String, String)>,
}

fn said(answer: &Answer) -> Said {
    let mut said = Said::default();
    for part in &answer.parts {
        match &part.content {
            Content::Text { text, .. } => said.text.push_str(text),
            Content::Reasoning(thought) => said.reasoning.push_str(&thought.text),
            Content::ToolCall(call) => {
                assert!(!call.id.is_empty());
                said.calls.push((call.name.clone(), call.arguments.clone()));
            }
            Content::Refusal(_) => {}
            other => panic!("{other:?}"),
        }
    }
    said
}

fn check(answer: &Answer, row: &Value) {
    let said = said(answer);
    if let Some(text) = row["text"].as_str() {
        assert_eq!(said.text, text);
    }
    if let Some(reasoning) = row["reasoning"].as_str() {
        assert_eq!(said.reasoning, reasoning);
    }
    let want = row["tool_calls"].as_array().into_iter().flatten();
    let want: Vec<_> = want
        .map(|call| {
            let part = |name: &str| call[name].as_str().unwrap().to_owned();
            (part("name"), part("arguments"))
        })
        .collect();
    assert_eq!(said.calls, want);
}

fn usage(row: &Value) -> Option<Usage> {
    let mut usage = expected_usage(row)?;
    usage.cached = usage.cached.min(usage.prompt);
    Some(usage)
}

fn check_stream(row: &Value, bytes: &Bytes, size: usize) {
    let done = match row["terminator"].as_str() {
        None if row["provider"] == "perplexity" => Terminator::FinishThenEnd,
        _ => Terminator::Done,
    };
    let mut reader = stream(StreamRules {
        show_usage: true,
        done,
        provider: "openai",
        array: false,
    });
    let mut events = Vec::new();
    let mut result = Ok(());
    for chunk in bytes.chunks(size) {
        result = result.and_then(|()| reader.feed(Bytes::copy_from_slice(chunk), &mut events));
    }
    let result = result.and_then(|()| reader.end(&mut events));
    let begin = events.iter().find(|event| **event != Event::Idle);
    assert!(
        matches!(begin, Some(Event::Begin { .. }) | None),
        "{begin:?}"
    );
    let mut gathering = Gathering::default();
    for event in events {
        assert!(!gathering.ended, "{event:?} behind the end");
        gathering.take(event);
    }
    let ended = gathering.ended;
    let answer = gathering.into_answer();
    if let Some(error) = row["errors"].as_array().and_then(|errors| errors.first()) {
        let Err(StreamProblem::Error { json }) = result else {
            panic!("{result:?}")
        };
        assert_eq!(&serde_json::from_slice::<Value>(&json).unwrap(), error);
        assert!(!ended);
    } else {
        assert_eq!(result, Ok(()));
        assert!(ended);
        assert_eq!(answer.usage, usage(row));
        let finish = answer.ending.as_ref().map(|ending| ending.finish);
        assert_eq!(finish, expected_finish(row));
    }
    check(&answer, row);
}

#[test]
fn recorded_streams_are_parsed_right_in_any_cuts() {
    let fixtures = fixtures("streams");
    assert!(fixtures.len() >= 25);
    for (name, row, bytes) in fixtures {
        for size in [1, 7, 1000, usize::MAX] {
            println!("{name} in chunks of {size}");
            check_stream(&row, &bytes, size);
        }
    }
}

#[test]
fn recorded_answers_are_parsed_right() {
    let fixtures = fixtures("responses");
    assert!(fixtures.len() >= 20);
    for (name, row, body) in fixtures {
        println!("{name}");
        match answer(&body, "openai") {
            Ok(answer) => {
                let counted = answer.usage.map(|usage| Usage {
                    bounded: false,
                    ..usage
                });
                assert_eq!(counted, usage(&row));
                let finish = answer.ending.as_ref().map(|ending| ending.finish);
                assert_eq!(finish, expected_finish(&row));
                if name.contains("legacy-function-call") {
                    // The index has no calls of the older form.
                    let said = said(&answer);
                    assert_eq!(said.calls.len(), 1);
                    assert_eq!(said.calls[0].0, "get_current_weather");
                } else {
                    check(&answer, &row);
                }
            }
            Err(AnswerProblem::Error { json }) => {
                assert!(name.contains("error"), "{name}");
                assert_eq!(json, body);
            }
            Err(problem) => assert!(name.contains("embeddings"), "{problem}"),
        }
    }
}

#[test]
fn pages_that_are_named_beside_an_answer_are_cited() {
    for (name, _, body) in fixtures("responses") {
        if name == "perplexity-text.json" {
            let answer = answer(&body, "perplexity").unwrap();
            let Content::Text { citations, .. } = &answer.parts[0].content else {
                panic!("{:?}", answer.parts)
            };
            assert!(citations.len() > 2);
            assert!(citations.iter().all(|citation| citation.url.is_some()));
            return;
        }
    }
    panic!("there is no such fixture");
}
