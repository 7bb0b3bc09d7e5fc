//! Recorded streams and answers, each with what a right reading gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::reply::{Finish, Usage};

use super::parse;
use crate::neutral::{Answer, Content, Gathering};
use crate::stream::{StreamRules, Terminator};

/// The rows of an index, with the file that each describes.
fn fixtures(kind: &str) -> Vec<(String, Value, Bytes)> {
    let folder = format!("{}/fixtures/cohere/{kind}", env!("CARGO_MANIFEST_DIR"));
    let index = std::fs::read_to_string(format!("{folder}/index.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&index).unwrap();
    let read = |row: Value| {
        let name = row["file"].as_str().unwrap().to_owned();
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        (name, row, Bytes::from(bytes))
    };
    rows.into_iter().map(read).collect()
}

fn check(answer: &Answer, row: &Value) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match &part.content {
            Content::Text { text: more, .. } => text.push_str(more),
            Content::Reasoning(thought) => reasoning.push_str(&thought.text),
            Content::ToolCall(call) => calls.push((&*call.name, &*call.arguments)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(text, row["text"].as_str().unwrap());
    assert_eq!(reasoning, row["reasoning"].as_str().unwrap_or_default());
    let want = row["tool_calls"].as_array().unwrap().iter();
    let want: Vec<_> = want
        .map(|call| {
            let part = |name: &str| call[name].as_str().unwrap();
            (part("name"), part("arguments"))
        })
        .collect();
    assert_eq!(calls, want);
    let finish = match row["finish_reason"].as_str().unwrap() {
        "COMPLETE" => Finish::Stop,
        "TOOL_CALL" => Finish::ToolCalls,
        other => panic!("{other}"),
    };
    assert_eq!(
        answer.ending.as_ref().map(|ending| ending.finish),
        Some(finish)
    );
    let billed = |name: &str| row["usage"]["billed_units"][name].as_u64().unwrap();
    assert_eq!(
        answer.usage,
        Some(Usage {
            prompt: billed("input_tokens"),
            completion: billed("output_tokens"),
            ..Usage::default()
        })
    );
}

#[test]
fn recorded_answers_are_parsed_right() {
    let fixtures = fixtures("responses");
    assert_eq!(fixtures.len(), 2);
    for (name, row, body) in fixtures {
        println!("{name}");
        check(&parse::answer(&body, "cohere").unwrap(), &row);
    }
}

#[test]
fn recorded_streams_are_parsed_right_in_any_cuts() {
    let fixtures = fixtures("streams");
    assert_eq!(fixtures.len(), 2);
    for (name, row, stream) in fixtures {
        for size in [1, 7, 100, usize::MAX] {
            println!("{name} in chunks of {size}");
            let mut reader = parse::stream(StreamRules {
                show_usage: true,
                done: Terminator::Native,
                provider: "cohere",
                array: false,
            });
            let mut events = Vec::new();
            for chunk in stream.chunks(size) {
                reader
                    .feed(Bytes::copy_from_slice(chunk), &mut events)
                    .unwrap();
            }
            reader.end(&mut events).unwrap();
            let mut gathering = Gathering::default();
            for event in events {
                assert!(!gathering.ended, "{event:?} behind the end");
                gathering.take(event);
            }
            assert!(gathering.ended);
            check(&gathering.into_answer(), &row);
        }
    }
}
