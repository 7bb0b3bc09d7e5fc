//! Recorded streams and answers, each with what a right reading gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::format::Operation;
use tollgate_core::reply::{Finish, Usage};

use super::{parse, relay};
use crate::answer::AnswerProblem;
use crate::neutral::{Answer, Content, Event, Gathering};
use crate::stream::{StreamProblem, StreamRules, Terminator};

/// The rows of an index, with the file that each describes.
fn fixtures(kind: &str) -> Vec<(String, Value, Bytes)> {
    let folder = format!("{}/fixtures/gemini/{kind}", env!("CARGO_MANIFEST_DIR"));
    let index = std::fs::read_to_string(format!("{folder}/index.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&index).unwrap();
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(rows.len(), files - 1, "every file has its row");
    let read = |row: Value| {
        let name = row["file"].as_str().unwrap().to_owned();
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        (name, row, Bytes::from(bytes))
    };
    rows.into_iter().map(read).collect()
}

fn provider(row: &Value) -> &'static str {
    match row["provider"].as_str() {
        Some("google") => "google",
        Some("vertex") => "vertex",
        other => panic!("{other:?}"),
    }
}

fn rules(row: &Value, array: bool) -> StreamRules {
    StreamRules {
        show_usage: true,
        done: Terminator::Native,
        provider: provider(row),
        array,
    }
}

fn expected_finish(row: &Value) -> Option<Finish> {
    let calls = row["tool_calls"]
        .as_array()
        .is_some_and(|calls| !calls.is_empty());
    row["finish_reason"].as_str().map(|reason| match reason {
        "STOP" if calls => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "RECITATION" | "SAFETY" | "promptFeedback:SAFETY" => Finish::ContentFilter,
        other => panic!("{other}"),
    })
}

fn expected_usage(row: &Value) -> Option<Usage> {
    let usage = row["usage"].as_object()?;
    let count = |name: &str| usage.get(name).map_or(0, |value| value.as_u64().unwrap());
    let expected = Usage {
        prompt: count("promptTokenCount"),
        completion: count("candidatesTokenCount") + count("thoughtsTokenCount"),
        cached: count("cachedContentTokenCount"),
        cache_written: 0,
        reasoning: count("thoughtsTokenCount"),
        ..Usage::default()
    };
    assert_eq!(
        expected.prompt + expected.completion,
        count("totalTokenCount")
    );
    Some(expected)
}

/// Whether what the file holds is an error to callers of other formats.
fn is_refused(row: &Value) -> bool {
    matches!(
        row["finish_reason"].as_str(),
        Some("promptFeedback:SAFETY" | "SAFETY")
    )
}

fn check_said(answer: &Answer, row: &Value) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match &part.content {
            Content::Text { text: more, .. } => text.push_str(more),
            Content::Reasoning(thought) => reasoning.push_str(&thought.text),
            Content::ToolCall(call) => {
                assert!(!call.id.is_empty());
                calls.push(serde_json::json!({
                    "name": call.name,
                    "arguments": serde_json::from_str::<Value>(&call.arguments).unwrap(),
                }));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(text, row["text"].as_str().unwrap());
    assert_eq!(reasoning, row["reasoning"].as_str().unwrap());
    assert_eq!(Value::Array(calls), row["tool_calls"]);
}

/// The events of a stream in chunks of this size, and the problem.
fn events(row: &Value, stream: &[u8], size: usize) -> (Vec<Event>, Option<StreamProblem>) {
    let mut reader = parse::stream(rules(row, false));
    let mut events = Vec::new();
    for chunk in stream.chunks(size) {
        if let Err(problem) = reader.feed(Bytes::copy_from_slice(chunk), &mut events) {
            return (events, Some(problem));
        }
    }
    let problem = reader.end(&mut events).err();
    (events, problem)
}

fn check_parsed(row: &Value, stream: &Bytes, size: usize) {
    let (events, problem) = events(row, stream, size);
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    let ended = gathering.ended;
    let answer = gathering.into_answer();
    check_said(&answer, row);
    let errors = row["errors"].as_array().unwrap();
    if is_refused(row) || !errors.is_empty() {
        let Some(StreamProblem::Error { json }) = problem else {
            panic!("{problem:?}")
        };
        let json: Value = serde_json::from_slice(&json).unwrap();
        if let Some(error) = errors.first() {
            assert_eq!(&json, error);
        } else {
            assert!(json["promptFeedback"]["blockReason"].is_string());
        }
        assert!(!ended);
        return;
    }
    assert_eq!(problem, None);
    assert!(ended);
    assert_eq!(
        answer.ending.map(|ending| ending.finish),
        expected_finish(row)
    );
    assert_eq!(answer.usage, expected_usage(row));
}

/// The JSON of the responses in a stream, up to a bare error.
fn responses(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn check_relayed(row: &Value, stream: &Bytes, size: usize, array: bool) {
    let mut relay = relay::stream(rules(row, array));
    let (mut relayed, mut usage, mut finish, mut last) = (Vec::new(), None, None, false);
    let mut problem = None;
    let mut fed: Vec<_> = stream
        .chunks(size)
        .map(|chunk| relay.feed(Bytes::copy_from_slice(chunk)))
        .collect();
    fed.push(relay.end());
    for fed in fed {
        relayed.extend_from_slice(&fed.piece.bytes);
        usage = fed.piece.usage.or(usage);
        finish = fed.piece.finish.or(finish);
        last |= fed.piece.last;
        problem = problem.or(fed.problem);
    }
    if let Some(error) = row["errors"].as_array().unwrap().first() {
        let Some(StreamProblem::Error { json }) = problem else {
            panic!("{problem:?}")
        };
        assert_eq!(&serde_json::from_slice::<Value>(&json).unwrap(), error);
        assert!(!last);
        return;
    }
    assert_eq!(problem, None);
    assert!(last);
    assert_eq!(usage, expected_usage(row));
    assert_eq!(finish, expected_finish(row));
    let want = responses(stream);
    if array {
        let got: Vec<Value> = serde_json::from_slice(&relayed).unwrap();
        assert_eq!(got, want);
    } else {
        assert_eq!(responses(&relayed), want);
        let relayed = std::str::from_utf8(&relayed).unwrap();
        let lines = relayed.lines().filter(|line| !line.is_empty());
        assert!(lines.into_iter().all(|line| line.starts_with("data: {")));
        assert!(relayed.ends_with("\n\n"));
    }
}

#[test]
fn recorded_streams_are_read_right() {
    let fixtures = fixtures("streams");
    assert!(fixtures.len() >= 7);
    for (name, row, stream) in fixtures {
        for size in [1, 7, 1000, usize::MAX] {
            println!("{name} in chunks of {size}");
            check_parsed(&row, &stream, size);
            check_relayed(&row, &stream, size, false);
            check_relayed(&row, &stream, size, true);
        }
    }
}

#[test]
fn a_stream_that_came_as_an_array_says_the_same() {
    for (name, row, stream) in fixtures("streams") {
        println!("{name}");
        let mut items: Vec<String> = responses(&stream)
            .iter()
            .map(|response| serde_json::to_string_pretty(response).unwrap())
            .collect();
        let errors = row["errors"].as_array().unwrap();
        items.extend(errors.iter().map(ToString::to_string));
        let array = Bytes::from(format!("[{}\r\n]\r\n", items.join(",\r\n")));
        for size in [1, 100, usize::MAX] {
            check_parsed(&row, &array, size);
            let (mut in_events, _) = events(&row, &stream, usize::MAX);
            in_events.retain(|event| *event != Event::Idle);
            assert_eq!(events(&row, &array, size).0, in_events);
        }
    }
}

#[test]
fn recorded_answers_are_read_right() {
    let fixtures = fixtures("responses");
    assert!(fixtures.len() >= 5);
    for (name, row, body) in fixtures {
        println!("{name}");
        let error = AnswerProblem::Error { json: body.clone() };
        let parsed = parse::answer(&body, provider(&row));
        let relayed = relay::answer(Operation::Chat, body.clone());
        if row["finish_reason"] == "UNEXPECTED_TOOL_CALL" {
            assert_eq!(parsed, Err(error.clone()));
            assert_eq!(relayed.unwrap_err(), error);
            continue;
        }
        let relayed = relayed.unwrap();
        assert_eq!(relayed.body, body);
        assert_eq!(relayed.usage, expected_usage(&row));
        assert_eq!(relayed.finish, expected_finish(&row));
        if is_refused(&row) {
            assert_eq!(parsed, Err(error));
            continue;
        }
        let answer = parsed.unwrap();
        check_said(&answer, &row);
        assert_eq!(answer.usage, expected_usage(&row));
        assert_eq!(
            answer.ending.map(|ending| ending.finish),
            expected_finish(&row)
        );
    }
}

#[test]
fn every_error_that_comes_with_a_good_status_is_seen() {
    const CORPUS: &str = include_str!("../../fixtures/gemini/errors.jsonl");
    let mut seen = 0;
    for line in CORPUS.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        seen += 1;
        let body = Bytes::from(row["body"].as_str().unwrap().to_owned());
        let problem = parse::answer(&body, "google").unwrap_err();
        println!("{}: {problem}", row["id"]);
        match row["class"].as_str().unwrap() {
            "content_filtered" | "server_error" => {
                assert_eq!(problem, AnswerProblem::Error { json: body });
            }
            class => assert_eq!(class, "malformed_response"),
        }
    }
    assert!(seen >= 5);
}
