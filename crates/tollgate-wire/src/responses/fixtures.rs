//! Recorded streams and answers, each with what a right reading gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::reply::{Finish, Usage};

use super::{parse, relay};
use crate::neutral::{Answer, Content, Event, Gathering};
use crate::stream::{Flow, StreamProblem, StreamRules, Terminator};

/// The rules of these streams.
pub(super) const RULES: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::Native,
    provider: "openai",
    array: false,
};

/// The rows of an index, with the file that each describes.
pub(super) fn fixtures(kind: &str) -> Vec<(String, Value, Bytes)> {
    let folder = format!("{}/fixtures/responses/{kind}", env!("CARGO_MANIFEST_DIR"));
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
    let calls = !row["tool_calls"].as_array().unwrap().is_empty();
    Some(match row["finish_reason"].as_str().unwrap() {
        "completed" if calls => Finish::ToolCalls,
        "completed" => Finish::Stop,
        "incomplete:max_output_tokens" => Finish::Length,
        "failed" => return None,
        other => panic!("{other}"),
    })
}

fn expected_usage(row: &Value) -> Option<Usage> {
    let usage = row["usage"].as_object()?;
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    Some(Usage {
        prompt: count(&usage["input_tokens"]),
        completion: count(&usage["output_tokens"]),
        cached: count(&usage["input_tokens_details"]["cached_tokens"]),
        cache_written: count(&usage["input_tokens_details"]["cache_write_tokens"]),
        reasoning: count(&usage["output_tokens_details"]["reasoning_tokens"]),
        ..Usage::default()
    })
}

/// Everything that a reader makes of a stream in chunks of this size.
pub(super) fn events(stream: &[u8], size: usize) -> (Vec<Event>, Option<StreamProblem>) {
    let mut reader = parse::stream(RULES);
    let mut events = Vec::new();
    for chunk in stream.chunks(size) {
        let fed = reader.feed(Bytes::copy_from_slice(chunk), &mut events);
        if let Err(problem) = fed {
            return (events, Some(problem));
        }
    }
    let problem = reader.end(&mut events).err();
    (events, problem)
}

/// The answer that events spell out.
pub(super) fn gathered(events: &[Event]) -> Answer {
    let mut gathering = Gathering::default();
    events
        .iter()
        .cloned()
        .for_each(|event| gathering.take(event));
    gathering.into_answer()
}

fn check_answer(answer: &Answer, row: &Value) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match &part.content {
            Content::Text { text: more, .. } => text.push_str(more),
            Content::Reasoning(thought) => {
                reasoning.push_str(&thought.text);
                if let Some(state) = &thought.state {
                    assert!(state.is_of("openai") && !state.token.is_empty());
                }
            }
            Content::ToolCall(call) => calls.push(serde_json::json!({
                "name": call.name,
                "arguments": call.arguments,
            })),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(text, row["text"].as_str().unwrap());
    if let Some(want) = row["reasoning"].as_str() {
        assert_eq!(reasoning, want);
    }
    assert_eq!(Value::Array(calls), row["tool_calls"]);
    let finish = answer.ending.as_ref().map(|ending| ending.finish);
    assert_eq!(finish, expected_finish(row));
    assert_eq!(answer.usage, expected_usage(row));
    assert!(answer.id.is_some() && answer.model.is_some());
}

/// The error that a stream reports first.
fn expected_error(row: &Value) -> Option<&Value> {
    row["errors"].as_array().and_then(|errors| errors.first())
}

fn check_error(problem: Option<StreamProblem>, error: &Value) {
    let Some(StreamProblem::Error { json }) = problem else {
        panic!("{problem:?}")
    };
    assert_eq!(&serde_json::from_slice::<Value>(&json).unwrap(), error);
}

#[test]
fn recorded_streams_are_read_right_however_they_are_cut() {
    let fixtures = fixtures("streams");
    assert!(fixtures.len() >= 9);
    for (name, row, stream) in fixtures {
        let (whole, _) = events(&stream, usize::MAX);
        for size in [1, 7, 1000, usize::MAX] {
            println!("{name} in chunks of {size}");
            let (read, problem) = events(&stream, size);
            assert_eq!(read, whole);
            if let Some(error) = expected_error(&row) {
                check_error(problem, error);
            } else {
                assert_eq!(problem, None);
                assert_eq!(read.last(), Some(&Event::End));
                check_answer(&gathered(&read), &row);
            }
        }
    }
}

/// The end of the terminal event of a stream, which may go without its blank line.
fn end_of(stream: &[u8]) -> usize {
    let text = std::str::from_utf8(stream).unwrap();
    let last = text
        .rfind("\"type\":\"response.completed\"")
        .or_else(|| text.rfind("\"type\":\"response.incomplete\""));
    let last = last.unwrap();
    let rest = text.get(last..).unwrap();
    last + rest.find('\n').unwrap_or(rest.len())
}

#[test]
fn a_stream_that_breaks_off_is_a_problem_at_every_place() {
    for (name, row, stream) in fixtures("streams") {
        if expected_error(&row).is_some() {
            continue;
        }
        let end = end_of(&stream);
        // Every place of the last event, and some of those before.
        let cuts = (0..end).step_by(97).chain(end.saturating_sub(300)..end);
        for cut in cuts {
            let (read, problem) = events(&stream[..cut], usize::MAX);
            assert_eq!(problem, Some(StreamProblem::Truncated), "{name} at {cut}");
            assert!(!read.contains(&Event::End), "{name} at {cut}");
            let mut flow = relay::stream(RULES);
            let fed = flow.feed(stream.slice(..cut));
            assert_eq!(fed.problem, None, "{name} at {cut}");
            let rest = flow.end();
            assert!(!fed.piece.last && !rest.piece.last, "{name} at {cut}");
            assert_eq!(
                rest.problem,
                Some(StreamProblem::Truncated),
                "{name} at {cut}"
            );
        }
        assert_eq!(events(&stream[..end], usize::MAX).1, None, "{name}");
    }
}

/// The events of a stream without comments and without a `[DONE]`.
fn kept(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8(stream.to_vec()).unwrap();
    let events = text.split("\n\n").map(str::trim_start);
    let events = events.filter(|event| !event.is_empty() && !event.starts_with(':'));
    let events = events.filter(|event| *event != "data: [DONE]");
    events.map(str::to_owned).collect()
}

fn relayed(flow: &mut dyn Flow, stream: &[u8], size: usize) -> (Vec<u8>, Vec<crate::stream::Fed>) {
    let mut fed: Vec<_> = stream
        .chunks(size)
        .map(|chunk| flow.feed(Bytes::copy_from_slice(chunk)))
        .collect();
    fed.push(flow.end());
    let bytes = fed.iter().flat_map(|fed| fed.piece.bytes.to_vec());
    (bytes.collect(), fed)
}

#[test]
fn recorded_streams_are_relayed_as_they_came() {
    for (name, row, stream) in fixtures("streams") {
        for size in [1, 7, 1000, usize::MAX] {
            println!("{name} in chunks of {size}");
            let mut flow = relay::stream(RULES);
            let (bytes, fed) = relayed(&mut *flow, &stream, size);
            let finish = fed.iter().filter_map(|fed| fed.piece.finish).next_back();
            let usage = fed.iter().filter_map(|fed| fed.piece.usage).next_back();
            let last = fed.iter().any(|fed| fed.piece.last);
            let problem = fed.into_iter().find_map(|fed| fed.problem);
            assert_eq!(finish, expected_finish(&row));
            let all = kept(&stream);
            if let Some(error) = expected_error(&row) {
                check_error(problem, error);
                assert!(!last);
                assert_eq!(kept(&bytes), all[..2]);
                let mark = flow.mark().unwrap();
                assert_eq!(mark.sequence, 2);
                assert!(mark.response_id.starts_with("resp_"));
            } else {
                assert_eq!(problem, None);
                assert!(last);
                assert_eq!(usage, expected_usage(&row));
                assert_eq!(kept(&bytes), all);
                assert_eq!(flow.mark().unwrap().sequence, all.len() as u64);
            }
        }
    }
}

#[test]
fn recorded_answers_are_read_right() {
    let fixtures = fixtures("responses");
    assert!(fixtures.len() >= 5);
    for (name, row, body) in fixtures {
        println!("{name}");
        check_answer(&parse::answer(&body, "openai").unwrap(), &row);
        let relayed = relay::answer(body.clone()).unwrap();
        assert_eq!(relayed.body, body);
        assert_eq!(relayed.usage, expected_usage(&row));
        assert_eq!(relayed.finish, expected_finish(&row));
    }
}
