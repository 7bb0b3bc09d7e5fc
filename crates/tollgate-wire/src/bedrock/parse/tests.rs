use bytes::Bytes;
use serde_json::json;
use tollgate_core::reply::Finish;

use super::*;
use crate::answer::AnswerProblem;
use crate::bedrock::fixtures::read;
use crate::eventstream::tests::{event, frame, header};
use crate::neutral::{Content, Event, Part, Reasoned};
use crate::state::State;
use crate::stream::StreamProblem;

fn stream_of(events: &[(&str, serde_json::Value)]) -> Vec<u8> {
    let frames = events.iter();
    frames
        .flat_map(|(name, payload)| event(name, payload.to_string().as_bytes()))
        .collect()
}

#[test]
fn thoughts_end_with_their_signature_and_hidden_ones_are_told_apart() {
    let delta = |block: u64, delta: serde_json::Value| {
        let payload = json!({"contentBlockIndex": block, "delta": delta});
        ("contentBlockDelta", payload)
    };
    let stop = |block: u64| ("contentBlockStop", json!({"contentBlockIndex": block}));
    let stream = stream_of(&[
        ("messageStart", json!({"role": "assistant"})),
        delta(0, json!({"reasoningContent": {"text": "hm"}})),
        delta(0, json!({"reasoningContent": {"signature": "sig"}})),
        stop(0),
        delta(1, json!({"reasoningContent": {"redactedContent": "b64"}})),
        stop(1),
        delta(2, json!({"text": "a"})),
        stop(2),
        delta(3, json!({"text": "b"})),
        ("news", json!({})),
        ("messageStop", json!({"stopReason": "content_filtered"})),
        (
            "metadata",
            json!({"usage": {"inputTokens": 1, "outputTokens": 2}}),
        ),
    ]);
    let (events, end) = read(&stream, 5);
    assert_eq!(end, Ok(()));
    let state = |token: &str, redacted| Event::ReasoningState {
        state: State::of("bedrock", token),
        redacted,
    };
    assert_eq!(
        events[1..8],
        [
            Event::Reasoning("hm".to_owned()),
            state("sig", false),
            Event::Break,
            state("b64", true),
            Event::Break,
            Event::Text("a".to_owned()),
            Event::Break,
        ]
    );
    assert!(matches!(
        &events[9..],
        [Event::Finish(ending), Event::Usage(_), Event::End]
            if ending.finish == Finish::ContentFilter
    ));
}

#[test]
fn a_wrong_checksum_ends_a_converse_stream() {
    let good = event("messageStart", b"{}");
    let mut bad = event("contentBlockDelta", b"{}");
    *bad.last_mut().unwrap() ^= 1;
    let (events, end) = read(&[good, bad].concat(), usize::MAX);
    assert_eq!(events.len(), 1);
    assert_eq!(
        end,
        Err(StreamProblem::Malformed(
            "a frame's checksum (CRC32) is wrong"
        ))
    );
}

#[test]
fn errors_of_every_form_are_told_with_their_type() {
    let mut headers = header(":message-type", 7, b"error");
    headers.extend(header(":error-code", 7, b"InternalFailure"));
    headers.extend(header(":error-message", 7, b"It broke."));
    let undefined = frame(&headers, b"");
    let mut headers = header(":exception-type", 7, b"modelStreamErrorException");
    headers.extend(header(":message-type", 7, b"exception"));
    let plain = frame(&headers, b"no JSON");
    let full = frame(&headers, br#"{"message":"m","originalStatusCode":503}"#);
    for (stream, want) in [
        (
            undefined,
            json!({"__type": "InternalFailure", "message": "It broke."}),
        ),
        (
            plain,
            json!({"__type": "modelStreamErrorException", "message": "no JSON"}),
        ),
        (
            full,
            json!({"__type": "modelStreamErrorException", "message": "m", "originalStatusCode": 503}),
        ),
    ] {
        let (_, end) = read(&stream, usize::MAX);
        let Err(StreamProblem::Error { json }) = end else {
            panic!("{end:?}")
        };
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json, want);
    }
}

#[test]
fn streams_that_make_no_sense_are_malformed() {
    for events in [
        vec![("contentBlockDelta", json!({"delta": {"text": "x"}}))],
        vec![("contentBlockDelta", json!({"contentBlockIndex": 0}))],
        vec![(
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": "x"}}}),
        )],
        vec![("contentBlockDelta", json!([]))],
        vec![("messageStop", json!({"stopReason": "malformed_tool_use"}))],
        vec![
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 0, "start": {}}),
            ),
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 0, "start": {}}),
            ),
        ],
    ] {
        let (found, end) = read(&stream_of(&events), usize::MAX);
        assert!(
            matches!(end, Err(StreamProblem::Malformed(_))),
            "{events:?}"
        );
        assert_eq!(found, []);
    }
    // A frame that says not what it is.
    let (_, end) = read(&frame(b"", b"{}"), usize::MAX);
    assert!(matches!(end, Err(StreamProblem::Malformed(_))));
}

#[test]
fn what_came_before_a_malformed_end_counts() {
    let stream = stream_of(&[
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"text": "x"}}),
        ),
        (
            "messageStop",
            json!({"stopReason": "malformed_model_output"}),
        ),
    ]);
    let (events, end) = read(&stream, usize::MAX);
    assert_eq!(end, Ok(()));
    assert!(
        matches!(&events[1..], [Event::Finish(ending), Event::End] if ending.finish == Finish::Other)
    );
}

#[test]
fn what_is_no_answer_is_told_apart() {
    let answer = |body: &'static str| answer(&Bytes::from_static(body.as_bytes()), "bedrock");
    for body in ["", " ", "<html>", r#"{"output":"#] {
        assert!(
            matches!(answer(body), Err(AnswerProblem::NotJson(_))),
            "{body}"
        );
    }
    for body in [
        "[]",
        "{}",
        r#"{"output":{"message":{"content":[]}},"stopReason":"malformed_tool_use"}"#,
    ] {
        assert!(
            matches!(answer(body), Err(AnswerProblem::NotAnAnswer(_))),
            "{body}"
        );
    }
    let body = r#"{"message":"Too many requests"}"#;
    let json = Bytes::from_static(body.as_bytes());
    assert_eq!(answer(body), Err(AnswerProblem::Error { json }));
}

#[test]
fn hidden_thoughts_and_cited_texts_are_parts() {
    let body = json!({"output": {"message": {"content": [
        {"reasoningContent": {"redactedContent": "b64"}},
        {"citationsContent": {
            "content": [{"text": "cited "}, {"text": "text"}],
            "citations": [{"title": "facts", "location": {"documentChar": {"documentIndex": 0}}}],
        }},
        {"news": {}},
    ]}}});
    let answer = answer(&body.to_string().into(), "bedrock").unwrap();
    let hidden = Part::new(Content::Reasoning(Reasoned {
        text: String::new(),
        state: Some(State::of("bedrock", "b64")),
        redacted: true,
    }));
    assert_eq!(answer.parts[0], hidden);
    let [
        _,
        Part {
            content: Content::Text { text, citations },
            ..
        },
    ] = &answer.parts[..]
    else {
        panic!("{answer:?}")
    };
    assert_eq!((&**text, citations[0].document), ("cited text", Some(0)));
}
