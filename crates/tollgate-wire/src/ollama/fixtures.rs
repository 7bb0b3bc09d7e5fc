//! Recorded streams and answers, each with what a right reading gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::reply::{Finish, Usage};

use super::parse;
use crate::neutral::{Answer, Content, Gathering};
use crate::stream::{StreamProblem, StreamRules, Terminator};

const RULES: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::Native,
    provider: "ollama",
    array: false,
};

fn fixtures(kind: &str) -> Vec<(String, Value, Bytes)> {
    let folder = format!("{}/fixtures/ollama/{kind}", env!("CARGO_MANIFEST_DIR"));
    let index = std::fs::read_to_string(format!("{folder}/index.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&index).unwrap();
    let read = |row: Value| {
        let name = row["file"].as_str().unwrap().to_owned();
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        (name, row, Bytes::from(bytes))
    };
    rows.into_iter().map(read).collect()
}

/// Reads a stream in chunks of this size: what was gathered, and how it ended.
pub(super) fn read(stream: &[u8], size: usize) -> (Gathering, Result<(), StreamProblem>) {
    let mut reader = parse::stream(RULES);
    let mut events = Vec::new();
    let mut result = Ok(());
    for chunk in stream.chunks(size) {
        result = reader.feed(Bytes::copy_from_slice(chunk), &mut events);
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| reader.end(&mut events));
    let mut gathering = Gathering::default();
    for event in events {
        assert!(!gathering.ended, "nothing follows the end");
        gathering.take(event);
    }
    (gathering, result)
}

fn check(row: &Value, answer: &Answer) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match &part.content {
            Content::Text { text: more, .. } => text.push_str(more),
            Content::Reasoning(thought) => reasoning.push_str(&thought.text),
            Content::ToolCall(call) => {
                assert!(!call.id.is_empty());
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
                calls.push((call.name.clone(), arguments));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(row["text"], text);
    if let Some(want) = row["reasoning"].as_str() {
        assert_eq!(reasoning, want);
    }
    let want: Vec<(String, Value)> = row["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| {
            let arguments = match &call["arguments"] {
                Value::String(text) => serde_json::from_str(text).unwrap(),
                object => object.clone(),
            };
            (call["name"].as_str().unwrap().to_owned(), arguments)
        })
        .collect();
    assert_eq!(calls, want);
    let count = |name: &str| row["usage"][name].as_u64();
    let usage = count("eval_count").map(|completion| Usage {
        prompt: count("prompt_eval_count").unwrap_or_default(),
        completion,
        ..Usage::default()
    });
    assert_eq!(answer.usage, usage);
    // Ollama says `stop` for calls of tools, too.
    let finish = row["finish_reason"].as_str().map(|reason| match reason {
        "stop" if calls.is_empty() => Finish::Stop,
        "stop" => Finish::ToolCalls,
        other => panic!("{other}"),
    });
    assert_eq!(answer.ending.as_ref().map(|ending| ending.finish), finish);
}

#[test]
fn recorded_streams_are_read_right() {
    let fixtures = fixtures("streams");
    assert_eq!(fixtures.len(), 2);
    for (name, row, stream) in fixtures {
        for size in [1, 7, 1000, usize::MAX] {
            println!("{name} in chunks of {size}");
            let (gathering, result) = read(&stream, size);
            if let Some(error) = row["errors"].as_array().and_then(|errors| errors.first()) {
                let Err(StreamProblem::Error { json }) = result else {
                    panic!("{result:?}")
                };
                assert_eq!(&serde_json::from_slice::<Value>(&json).unwrap(), error);
                assert!(!gathering.ended);
            } else {
                assert_eq!(result, Ok(()));
                assert!(gathering.ended);
            }
            check(&row, &gathering.into_answer());
        }
    }
}

#[test]
fn a_recorded_stream_that_is_cut_anywhere_never_ends_well() {
    let (_, _, stream) = fixtures("streams").swap_remove(0);
    let whole = stream.trim_ascii_end().len();
    // A cut within the last line matters most; the lines before are all alike.
    for length in (0..whole).step_by(97).chain(whole - 300..whole) {
        let (gathering, result) = read(&stream[..length], 4096);
        assert_eq!(result, Err(StreamProblem::Truncated), "{length}");
        assert!(!gathering.ended);
    }
    let (gathering, result) = read(&stream[..whole], 4096);
    assert!(
        result.is_ok() && gathering.ended,
        "only the line end is missing"
    );
}

#[test]
fn recorded_answers_are_read_right() {
    let fixtures = fixtures("responses");
    assert_eq!(fixtures.len(), 2);
    for (name, row, body) in fixtures {
        println!("{name}");
        check(&row, &parse::answer(&body, "ollama").unwrap());
    }
}

#[test]
fn a_recorded_thought_is_kept_apart_from_the_text() {
    let (_, _, body) = fixtures("responses")
        .into_iter()
        .find(|(name, ..)| name.contains("thinking"))
        .unwrap();
    let answer = parse::answer(&body, "ollama").unwrap();
    let Content::Reasoning(thought) = &answer.parts[0].content else {
        panic!("{answer:?}")
    };
    assert!(thought.text.starts_with("Thinking Process:") && thought.state.is_none());
}
