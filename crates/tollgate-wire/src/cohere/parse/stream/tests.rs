use tollgate_core::reply::{Finish, Usage};

use super::*;
use crate::neutral::{Answer, Content, Gathering};
use crate::stream::Terminator;

const BEGIN: &str = r#"{"type":"message-start","id":"a","delta":{"message":{"role":"assistant"}}}"#;
const END: &str = r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":2,"output_tokens":1}}}}"#;

fn stream_of(events: &[&str]) -> String {
    let events = events
        .iter()
        .map(|data| format!("event: x\ndata: {data}\n\n"));
    events.collect()
}

fn read(stream: &str, size: usize) -> (Vec<Event>, Result<(), StreamProblem>) {
    let mut reader = super::stream(StreamRules {
        show_usage: true,
        done: Terminator::Native,
        provider: "cohere",
        array: false,
    });
    let mut events = Vec::new();
    for chunk in stream.as_bytes().chunks(size) {
        if let Err(problem) = reader.feed(Bytes::copy_from_slice(chunk), &mut events) {
            return (events, Err(problem));
        }
    }
    let result = reader.end(&mut events);
    (events, result)
}

fn gathered(events: Vec<Event>) -> (Answer, bool) {
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    let ended = gathering.ended;
    (gathering.into_answer(), ended)
}

fn good() -> String {
    stream_of(&[
        BEGIN,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"plan"}}}"#,
        r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"so é😀"}}}}"#,
        r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":"o"}}}}"#,
        r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"ne"}}}}"#,
        r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":3,"text":"one","sources":[]}}}}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c","type":"function","function":{"name":"f","arguments":"{"}}}}}"#,
        r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"d","type":"function","function":{"name":"g","arguments":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"}"}}}}}"#,
        r#"{"type":"tool-call-end","index":0}"#,
        r#"{"type":"something-new","index":0}"#,
        END,
    ])
}

#[test]
fn every_part_has_its_place() {
    let (events, result) = read(&good(), usize::MAX);
    assert_eq!(result, Ok(()));
    let ends = events
        .iter()
        .filter(|event| matches!(event, Event::CallEnd { .. }));
    assert_eq!(ends.count(), 2);
    let (answer, ended) = gathered(events);
    assert!(ended);
    let parts: Vec<_> = answer
        .parts
        .iter()
        .map(|part| match &part.content {
            Content::Text { text, citations } => format!("{text} {}", citations.len()),
            Content::Reasoning(thought) => thought.text.clone(),
            Content::ToolCall(call) => format!("{} {} {}", call.id, call.name, call.arguments),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parts, ["plan", "so é😀", "one 1", "c f {}", "d g "]);
    assert_eq!(answer.ending, Some(Ending::new(Finish::Stop)));
    assert_eq!(
        answer.usage,
        Some(Usage {
            prompt: 2,
            completion: 1,
            ..Usage::default()
        })
    );
}

#[test]
fn any_cut_gives_the_same_events() {
    let stream = good() + "data: [DONE]\n\n";
    let whole = read(&stream, usize::MAX);
    for size in 1..200 {
        assert_eq!(read(&stream, size), whole, "chunks of {size}");
    }
}

#[test]
fn a_stream_without_its_end_is_truncated_wherever_it_was_cut() {
    let stream = good();
    // Behind the brace of the last event, its line ends may be missing.
    let whole = stream.trim_end().len();
    for cut in 0..stream.len() {
        let Some(part) = stream.get(..cut) else {
            continue;
        };
        let (events, result) = read(part, 50);
        if cut < whole {
            assert_eq!(result, Err(StreamProblem::Truncated), "cut at {cut}");
            assert!(!gathered(events).1);
        } else {
            assert_eq!(result, Ok(()), "cut at {cut}");
        }
    }
}

#[test]
fn errors_end_the_stream() {
    let failed = END.replace("COMPLETE", "ERROR");
    let late = END.replace("COMPLETE", "TIMEOUT");
    let told = END.replace("\"usage\"", "\"error\":\"broken\",\"usage\"");
    let bare = r#"{"id":"x","message":"internal"}"#;
    for data in [&*failed, &late, &told, bare, r#"{"type":"error"}"#] {
        let (events, result) = read(&stream_of(&[BEGIN, data, END]), 10);
        let json = Bytes::copy_from_slice(data.as_bytes());
        assert_eq!(result, Err(StreamProblem::Error { json }));
        assert!(!gathered(events).1);
    }
    for stream in [
        "event: error\ndata: {\"a\":1}\n\n",
        "{\"a\":1}\n\n",
        "error: {\"a\":1}\n\n",
    ] {
        let json = Bytes::from_static(b"{\"a\":1}");
        assert_eq!(
            read(stream, 3).1,
            Err(StreamProblem::Error { json }),
            "{stream}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    for data in [
        "{",
        "[]",
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{}}}"#,
        r#"{"type":"tool-call-start","delta":{"message":{"tool_calls":{"function":{"name":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":7,"delta":{"message":{}}}"#,
        "[DONE]",
    ] {
        let (_, result) = read(&stream_of(&[BEGIN, data, END]), usize::MAX);
        assert!(matches!(result, Err(StreamProblem::Malformed(_))), "{data}");
    }
}

#[test]
fn comments_are_signs_of_life() {
    let stream = format!("{}: hi\n\n{}", stream_of(&[BEGIN]), stream_of(&[END]));
    let (events, _) = read(&stream, usize::MAX);
    assert_eq!(events.get(1), Some(&Event::Idle));
}
