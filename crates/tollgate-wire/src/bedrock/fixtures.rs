//! Recorded streams and answers, each with what a right reading gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::reply::{Finish, Usage};

use super::parse;
use crate::neutral::{Answer, Content, Event, Gathering};
use crate::stream::{StreamProblem, StreamRules, Terminator};

pub(super) const RULES: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::Native,
    provider: "bedrock",
    array: false,
};

/// The rows of an index, with the file that each describes.
fn fixtures(kind: &str) -> Vec<(String, Value, Bytes)> {
    let folder = format!("{}/fixtures/bedrock/{kind}", env!("CARGO_MANIFEST_DIR"));
    let index = std::fs::read_to_string(format!("{folder}/index.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&index).unwrap();
    let read = |row: Value| {
        let name = row["file"].as_str().unwrap().to_owned();
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        (name, row, Bytes::from(bytes))
    };
    rows.into_iter().map(read).collect()
}

fn expected_finish(row: &Value) -> Option<Finish> {
    row["finish_reason"].as_str().map(|reason| match reason {
        "end_turn" => Finish::Stop,
        "tool_use" => Finish::ToolCalls,
        "guardrail_intervened" => Finish::ContentFilter,
        other => panic!("no fixture ends with {other}"),
    })
}

fn expected_usage(row: &Value) -> Option<Usage> {
    let usage = row["usage"].as_object()?;
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or_default();
    let usage = Usage {
        prompt: count("totalTokens") - count("outputTokens"),
        completion: count("outputTokens"),
        cached: count("cacheReadInputTokens"),
        cache_written: count("cacheWriteInputTokens"),
        reasoning: 0,
        ..Usage::default()
    };
    Some(usage)
}

/// Text, thoughts and calls of an answer are as the row says.
fn check(answer: &Answer, row: &Value) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match &part.content {
            Content::Text { text: more, .. } => text.push_str(more),
            Content::Reasoning(thought) => reasoning.push_str(&thought.text),
            Content::ToolCall(call) => {
                assert!(call.id.starts_with("tooluse_"));
                calls.push((&*call.name, &*call.arguments));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(text, row["text"].as_str().unwrap());
    if let Some(want) = row["reasoning"].as_str() {
        assert_eq!(reasoning, want);
    }
    let want = row["tool_calls"].as_array().unwrap().iter();
    let want: Vec<(&str, &str)> = want
        .map(|call| {
            let member = |name: &str| call[name].as_str().unwrap();
            (member("name"), member("arguments"))
        })
        .collect();
    assert_eq!(calls, want);
    assert_eq!(
        answer.ending.as_ref().map(|ending| ending.finish),
        expected_finish(row)
    );
    assert_eq!(answer.usage, expected_usage(row));
}

/// Reads a stream in pieces of this size, up to its end.
pub(super) fn read(stream: &[u8], size: usize) -> (Vec<Event>, Result<(), StreamProblem>) {
    let mut reader = parse::stream(RULES);
    let mut events = Vec::new();
    for chunk in stream.chunks(size) {
        if let Err(problem) = reader.feed(Bytes::copy_from_slice(chunk), &mut events) {
            return (events, Err(problem));
        }
    }
    let end = reader.end(&mut events);
    (events, end)
}

#[test]
fn recorded_streams_are_parsed_right_however_they_are_cut() {
    let fixtures = fixtures("streams");
    assert_eq!(fixtures.len(), 3);
    for (name, row, stream) in fixtures {
        let whole = read(&stream, usize::MAX);
        for size in [1, 2, 3, 7, 64, 300] {
            assert_eq!(read(&stream, size), whole, "{name} in chunks of {size}");
        }
        let (events, end) = whole;
        let mut gathering = Gathering::default();
        for event in events {
            gathering.take(event);
        }
        println!("{name}");
        if let Some(error) = row["errors"].as_array().unwrap().first() {
            assert!(!gathering.ended);
            let Err(StreamProblem::Error { json }) = end else {
                panic!("{end:?}")
            };
            let json: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json["__type"], error["type"]);
            assert_eq!(json["message"], error["message"]);
        } else {
            assert_eq!(end, Ok(()));
            assert!(gathering.ended);
        }
        check(&gathering.into_answer(), &row);
    }
}

#[test]
fn a_stream_that_is_cut_before_its_end_is_a_problem_wherever_it_is_cut() {
    for (name, _, stream) in fixtures("streams") {
        let mut frames = 0;
        for cut in 0..stream.len() {
            let (events, result) = read(&stream[..cut], usize::MAX);
            if result.is_ok() {
                // Nothing but the counts may be missing, and they wholly.
                frames += 1;
                assert!(matches!(events[..], [.., Event::Finish(_), Event::End]));
            } else {
                assert_eq!(result, Err(StreamProblem::Truncated), "{name} cut at {cut}");
                assert!(!events.contains(&Event::End));
            }
        }
        assert_eq!(frames, usize::from(!name.contains("midstream")));
    }
}

#[test]
fn recorded_answers_are_read_right() {
    let fixtures = fixtures("responses");
    assert_eq!(fixtures.len(), 3);
    for (name, row, body) in fixtures {
        println!("{name}");
        let answer = parse::answer(&body, "bedrock").unwrap();
        check(&answer, &row);
        if name.contains("reasoning") {
            let Content::Reasoning(thought) = &answer.parts[0].content else {
                panic!("{answer:?}")
            };
            assert!(thought.text.starts_with("This is a basic"));
            assert!(thought.state.as_ref().unwrap().is_of("bedrock"));
        }
    }
}
