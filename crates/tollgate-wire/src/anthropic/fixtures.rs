//! Recorded streams and answers, each with what a right reading gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::format::Operation;
use tollgate_core::reply::{Finish, Usage};

use super::{parse, relay};
use crate::neutral::{Answer, Content, Event, Gathering};
use crate::stream::{StreamProblem, StreamRules, Terminator};

const RULES: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::Native,
    provider: "anthropic",
    array: false,
};

/// The rows of an index, with the file that each describes.
fn fixtures(kind: &str) -> Vec<(String, Value, Bytes)> {
    let folder = format!("{}/fixtures/anthropic/{kind}", env!("CARGO_MANIFEST_DIR"));
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
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        other => panic!("no fixture ends with {other}"),
    })
}

fn expected_usage(row: &Value) -> Usage {
    let usage = &row["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    let (cached, cache_written) = (
        count("cache_read_input_tokens"),
        count("cache_creation_input_tokens"),
    );
    Usage {
        prompt: count("input_tokens") + cached + cache_written,
        completion: count("output_tokens"),
        cached,
        cache_written,
        reasoning: usage["output_tokens_details"]["thinking_tokens"]
            .as_u64()
            .unwrap_or_default(),
        ..Usage::default()
    }
}

/// Text, thoughts and calls of an answer are as the row says.
fn check(answer: &Answer, row: &Value) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match &part.content {
            Content::Text { text: more, .. } => text.push_str(more),
            Content::Reasoning(thought) => {
                reasoning.push_str(&thought.text);
                assert!(thought.state.as_ref().unwrap().is_of("anthropic"));
            }
            Content::ToolCall(call) => {
                assert!(call.id.starts_with("toolu_"));
                calls.push((call.name.clone(), call.arguments.clone()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(text, row["text"].as_str().unwrap());
    assert_eq!(reasoning, row["reasoning"].as_str().unwrap_or_default());
    let want: Vec<(String, String)> = row["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| {
            let arguments = match &call["arguments"] {
                Value::String(text) => text.clone(),
                object => object.to_string(),
            };
            (call["name"].as_str().unwrap().to_owned(), arguments)
        })
        .collect();
    assert_eq!(calls, want);
    assert_eq!(
        answer.ending.as_ref().map(|ending| ending.finish),
        expected_finish(row)
    );
    assert_eq!(answer.usage, Some(expected_usage(row)));
}

/// Reads a stream in pieces of this size, up to its end.
fn parse(stream: &[u8], size: usize) -> (Vec<Event>, Result<(), StreamProblem>) {
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

/// The events with neighbouring texts joined, as cuts decide nothing else.
fn gathered(events: Vec<Event>) -> Gathering {
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    gathering
}

fn error_of(row: &Value) -> Option<&Value> {
    row["errors"].as_array().and_then(|errors| errors.first())
}

#[test]
fn recorded_streams_are_parsed_right_however_they_are_cut() {
    let fixtures = fixtures("streams");
    assert_eq!(fixtures.len(), 6);
    for (name, row, stream) in fixtures {
        let whole = parse(&stream, usize::MAX);
        for size in [1, 2, 3, 7, 64, 1000] {
            assert_eq!(parse(&stream, size), whole, "{name} in chunks of {size}");
        }
        let (events, end) = whole;
        let gathering = gathered(events);
        println!("{name}");
        if let Some(error) = error_of(&row) {
            assert!(!gathering.ended);
            let Err(StreamProblem::Error { json }) = end else {
                panic!("{end:?}")
            };
            assert_eq!(&serde_json::from_slice::<Value>(&json).unwrap(), error);
        } else {
            assert_eq!(end, Ok(()));
            assert!(gathering.ended);
        }
        check(&gathering.into_answer(), &row);
    }
}

#[test]
fn recorded_streams_are_relayed_as_they_came() {
    for (name, row, stream) in fixtures("streams") {
        for size in [1, 7, 1000, usize::MAX] {
            println!("{name} in chunks of {size}");
            let mut relay = relay::stream(RULES);
            let mut fed: Vec<_> = stream
                .chunks(size)
                .map(|chunk| relay.feed(Bytes::copy_from_slice(chunk)))
                .collect();
            fed.push(relay.end());
            let (mut out, mut usage, mut finish, mut last) = (Vec::new(), None, None, false);
            let mut problem = None;
            for fed in fed {
                out.extend_from_slice(&fed.piece.bytes);
                usage = fed.piece.usage.or(usage);
                finish = fed.piece.finish.or(finish);
                last |= fed.piece.last;
                problem = problem.or(fed.problem);
            }
            assert_eq!(usage, Some(expected_usage(&row)));
            assert_eq!(finish, expected_finish(&row));
            let text = String::from_utf8(stream.to_vec()).unwrap();
            // A ping before the first content does not go on.
            let content = text.find("_delta\"").unwrap();
            let (before, behind) = text.split_at(content);
            let ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
            let short_ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
            let mut want = before.replace(ping, "").replace(short_ping, "") + behind;
            if let Some(error) = error_of(&row) {
                let Some(StreamProblem::Error { json }) = problem else {
                    panic!("{problem:?}")
                };
                assert_eq!(&serde_json::from_slice::<Value>(&json).unwrap(), error);
                want.truncate(want.find("event: error").unwrap());
                assert!(!last);
            } else {
                assert_eq!((problem, last), (None, true));
            }
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}

#[test]
fn a_stream_that_is_cut_before_its_end_is_a_problem_wherever_it_is_cut() {
    for (name, row, stream) in fixtures("streams") {
        if error_of(&row).is_some() {
            continue;
        }
        let text = std::str::from_utf8(&stream).unwrap();
        // The last event counts even without the blank line behind it.
        let end = text.rfind("message_stop\"").unwrap();
        for cut in 0..end {
            let (events, result) = parse(&stream[..cut], usize::MAX);
            assert_eq!(result, Err(StreamProblem::Truncated), "{name} cut at {cut}");
            assert!(!events.contains(&Event::End));
            let mut relay = relay::stream(RULES);
            let fed = relay.feed(stream.slice(..cut));
            let end = relay.end();
            assert!(!fed.piece.last && !end.piece.last);
            let problem = fed.problem.or(end.problem);
            assert_eq!(
                problem,
                Some(StreamProblem::Truncated),
                "{name} cut at {cut}"
            );
        }
    }
}

#[test]
fn recorded_answers_are_read_right() {
    let fixtures = fixtures("responses");
    assert_eq!(fixtures.len(), 3);
    for (name, row, body) in fixtures {
        println!("{name}");
        check(&parse::answer(&body, "anthropic").unwrap(), &row);
        let relayed = relay::answer(Operation::Chat, body.clone()).unwrap();
        assert_eq!(relayed.body, body);
        assert_eq!(relayed.usage, Some(expected_usage(&row)));
        assert_eq!(relayed.finish, expected_finish(&row));
    }
}
