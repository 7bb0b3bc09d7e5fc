use bytes::Bytes;
use proptest::prelude::*;
use tollgate_core::reply::Finish;

use super::super::answer::tests::{ASKED, opened};
use super::*;
use crate::neutral::{Answer, Gathering, sample};
use crate::openai::parse;
use crate::stream::{StreamRules, Terminator};

fn written(events: &[Event], asked: &Asked<'_>) -> String {
    let mut writer = stream(asked);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
        assert!(
            out.is_empty() || out.ends_with(b"\n\n"),
            "whole events only"
        );
    }
    String::from_utf8(out).unwrap()
}

fn read(stream: &str, size: usize) -> Answer {
    let mut reader = parse::stream(StreamRules {
        show_usage: true,
        done: Terminator::Done,
        provider: "tollgate",
        array: false,
    });
    let mut events = Vec::new();
    for chunk in stream.as_bytes().chunks(size) {
        reader
            .feed(Bytes::copy_from_slice(chunk), &mut events)
            .unwrap();
    }
    reader.end(&mut events).unwrap();
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    assert!(gathering.ended);
    gathering.into_answer()
}

/// The JSON of every event but the last.
fn chunks(stream: &str) -> Vec<Value> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

proptest! {
    #[test]
    fn a_stream_is_read_as_it_was_written(
        answer in sample::answer("anthropic"),
        size in 1_usize..9,
        cut in 1_usize..300,
    ) {
        let stream = written(&sample::events(&answer, size), &ASKED);
        prop_assert!(stream.ends_with("data: [DONE]\n\n"));
        prop_assert_eq!(opened(read(&stream, cut)), answer);
    }
}

#[test]
fn the_role_comes_first_and_the_end_in_order() {
    let events = [
        Event::Begin {
            id: None,
            model: None,
        },
        Event::Usage(Usage::default()),
        Event::Finish(Ending::new(Finish::Length)),
        Event::Text("é\n\"".to_owned()),
        Event::Idle,
        Event::End,
    ];
    let stream = written(&events, &ASKED);
    assert!(stream.contains("\n: keep-alive\n\n"));
    let got = chunks(&stream);
    for chunk in &got {
        assert_eq!(chunk["id"], "chatcmpl-r1");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(
            (&chunk["created"], &chunk["model"]),
            (&json!(7), &json!("asked/m"))
        );
    }
    let choice = |at: usize| &got[at]["choices"][0];
    assert_eq!(choice(0)["delta"]["role"], "assistant");
    assert_eq!(choice(1)["delta"]["content"], "é\n\"");
    assert_eq!(choice(1)["finish_reason"], Value::Null);
    assert_eq!(choice(2)["finish_reason"], "length");
    assert_eq!(got[3]["choices"], json!([]));
    assert_eq!(got[3]["usage"]["total_tokens"], 0);
    assert_eq!(got.len(), 4);
}

#[test]
fn usage_is_told_only_to_those_who_asked() {
    let events = [Event::Usage(Usage::default()), Event::End];
    let quiet = Asked {
        usage: false,
        ..ASKED
    };
    assert!(!written(&events, &quiet).contains("usage"));
    assert!(written(&events, &ASKED).contains("usage"));
    assert!(!written(&[Event::End], &ASKED).contains("usage"));
}

#[test]
fn what_breaks_off_does_not_look_whole() {
    let events = [
        Event::Text("Hi".to_owned()),
        Event::Finish(Ending::new(Finish::Stop)),
        Event::Usage(Usage::default()),
    ];
    let stream = written(&events, &ASKED);
    assert!(
        !stream.contains("[DONE]") && !stream.contains("\"stop\""),
        "{stream}"
    );
}

#[test]
fn a_state_stands_with_all_words_of_its_thought() {
    let state = |token: &str| Event::ReasoningState {
        state: State::of("anthropic", token),
        redacted: false,
    };
    let events = [
        Event::Reasoning("o".to_owned()),
        Event::Reasoning("ne".to_owned()),
        state("1"),
        Event::Reasoning("two".to_owned()),
        state("2"),
        Event::ReasoningState {
            state: State::of("anthropic", "3"),
            redacted: true,
        },
        Event::End,
    ];
    let stream = written(&events, &ASKED);
    let details: Vec<_> = chunks(&stream)
        .iter()
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"]["reasoning_details"]
                .get(0)
                .cloned()
        })
        .collect();
    let sealed = |token: &str| State::of("anthropic", token).seal();
    assert_eq!(
        details,
        [
            json!({"type": "reasoning.text", "text": "one", "signature": sealed("1"), "index": 0}),
            json!({"type": "reasoning.text", "text": "two", "signature": sealed("2"), "index": 1}),
            json!({"type": "reasoning.encrypted", "data": sealed("3"), "index": 2}),
        ]
    );
    let mut want = Gathering::default();
    for event in events {
        want.take(event);
    }
    let want = want.into_answer();
    assert_eq!(opened(read(&stream, 10)).parts, want.parts);
}

#[test]
fn the_signature_of_a_call_comes_with_its_beginning() {
    let state = State::of("google", "sig");
    let events = [
        Event::ToolCall {
            index: 0,
            id: "c".to_owned(),
            name: "f".to_owned(),
            state: Some(state.clone()),
        },
        Event::Arguments {
            index: 0,
            json: "{}".to_owned(),
        },
        Event::CallEnd { index: 0 },
    ];
    let chunk = chunks(&written(&events, &ASKED)).remove(1);
    assert_eq!(
        chunk["choices"][0]["delta"]["tool_calls"][0],
        json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""},
            "extra_content": {"google": {"thought_signature": state.seal()}}})
    );
}

#[test]
fn citations_count_from_the_beginning_of_the_whole_text() {
    let citation = Event::Citation(Citation {
        url: Some("https://e.com".to_owned()),
        start: Some(1),
        ..Citation::default()
    });
    let events = [
        Event::Text("é😀".to_owned()),
        citation.clone(),
        Event::Break,
        Event::Text("b".to_owned()),
        citation,
    ];
    let starts: Vec<_> = chunks(&written(&events, &ASKED))
        .iter()
        .filter_map(|chunk| {
            let annotation = chunk["choices"][0]["delta"]["annotations"].get(0)?;
            annotation["url_citation"]["start_index"].as_u64()
        })
        .collect();
    assert_eq!(starts, [1, 3]);
}
