use tollgate_core::reply::Finish;

use super::*;
use crate::responses::fixtures::RULES;
use crate::stream::{Fed, StreamProblem};

fn feed(text: &str) -> Fed {
    stream(RULES).feed(Bytes::copy_from_slice(text.as_bytes()))
}

fn content(event: &str) -> bool {
    let fed = feed(&format!("data: {event}\n\n"));
    assert_eq!(fed.problem, None, "{event}");
    fed.piece.content
}

#[test]
fn output_is_content_and_what_announces_it_is_not() {
    for (event, want) in [
        (
            r#"{"type":"response.created","response":{"id":"r"}}"#,
            false,
        ),
        (r#"{"type":"response.queued","response":{"id":"r"}}"#, false),
        (
            r#"{"type":"response.output_item.added","item":{"type":"message"}}"#,
            false,
        ),
        (
            r#"{"type":"response.output_item.added","item":{"type":"reasoning"}}"#,
            false,
        ),
        (
            r#"{"type":"response.output_item.added","item":{"type":"function_call"}}"#,
            true,
        ),
        (
            r#"{"type":"response.output_item.added","item":{"type":"web_search_call"}}"#,
            true,
        ),
        (r#"{"type":"response.content_part.added","part":{}}"#, false),
        (r#"{"type":"response.output_text.delta","delta":"x"}"#, true),
        (
            r#"{"type":"response.reasoning_summary_text.delta","delta":"x"}"#,
            true,
        ),
        (
            r#"{"type":"response.output_item.done","item":{"type":"message"}}"#,
            true,
        ),
        (r#"{"type":"keepalive"}"#, false),
    ] {
        assert_eq!(content(event), want, "{event}");
    }
}

#[test]
fn the_mark_says_where_the_stream_stands() {
    let mut flow = stream(RULES);
    assert_eq!(flow.mark(), Some(StreamMark::default()));
    for (event, sequence) in [
        (
            r#"{"type":"response.created","sequence_number":7,"response":{"id":"resp_\u0031"}}"#,
            8,
        ),
        (
            r#"{"type":"response.in_progress","response":{"id":"other"}}"#,
            9,
        ),
        (
            r#"{"type":"response.output_text.delta","sequence_number":11,"delta":"x"}"#,
            12,
        ),
    ] {
        let fed = flow.feed(format!("data: {event}\n\n").into());
        assert_eq!(fed.problem, None);
        let want = StreamMark {
            response_id: "resp_1".to_owned(),
            sequence,
        };
        assert_eq!(flow.mark(), Some(want), "{event}");
    }
}

#[test]
fn the_end_says_how_it_ended() {
    for (event, want) in [
        (
            r#"{"type":"response.completed","response":{"status":"completed"}}"#,
            Finish::Stop,
        ),
        (
            r#"{"type":"response.completed","response":{"output":[{"type":"function_call"}]}}"#,
            Finish::ToolCalls,
        ),
        (
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#,
            Finish::ContentFilter,
        ),
    ] {
        let fed = feed(&format!("data: {event}\n\n"));
        assert_eq!(
            (fed.piece.finish, fed.piece.last),
            (Some(want), true),
            "{event}"
        );
    }
    let added = r#"{"type":"response.output_item.added","item":{"type":"custom_tool_call"}}"#;
    let end = r#"{"type":"response.completed","response":{"status":"completed"}}"#;
    let fed = feed(&format!("data: {added}\n\ndata: {end}\n\n"));
    assert_eq!(fed.piece.finish, Some(Finish::ToolCalls));
}

#[test]
fn errors_and_wrong_events_are_problems() {
    for event in [
        r#"{"type":"response.failed","response":{"error":{"code":"c"}}}"#,
        r#"{"type":"error","message":"m"}"#,
        r#"{"type":"response.completed","response":{"status":"failed"}}"#,
    ] {
        let fed = feed(&format!("data: {event}\n\n"));
        let json = Bytes::copy_from_slice(event.as_bytes());
        assert_eq!(fed.problem, Some(StreamProblem::Error { json }));
        assert!(fed.piece.bytes.is_empty() && !fed.piece.last);
    }
    for event in ["[]", "{", r#"{"type":"response.completed"}"#] {
        let fed = feed(&format!("data: {event}\n\n"));
        assert!(
            matches!(fed.problem, Some(StreamProblem::Malformed(_))),
            "{event}"
        );
    }
}

#[test]
fn answers_are_told_from_errors() {
    let read = |body: &str| answer(Bytes::copy_from_slice(body.as_bytes()));
    let queued = read(r#"{"status":"queued","output":[],"error":null}"#).unwrap();
    assert_eq!((queued.finish, queued.usage), (None, None));
    for body in [
        r#"{"status":"failed","output":[],"error":{"code":"c"}}"#,
        r#"{"status":"failed","output":[]}"#,
        r#"{"error":"text","code":"c"}"#,
        r#"{"object":"error","message":"m"}"#,
    ] {
        let json = Bytes::copy_from_slice(body.as_bytes());
        assert_eq!(read(body).unwrap_err(), AnswerProblem::Error { json });
    }
    for body in ["[]", "{}", r#"{"output":{}}"#] {
        assert!(
            matches!(read(body), Err(AnswerProblem::NotAnAnswer(_))),
            "{body}"
        );
    }
    for body in ["", "<html>", r#"{"output":[{"#] {
        assert!(
            matches!(read(body), Err(AnswerProblem::NotJson(_))),
            "{body}"
        );
    }
    let running = Bytes::from_static(br#"{"status":"in_progress","output":[]}"#);
    let parsed = crate::responses::parse::answer(&running, "openai");
    assert!(matches!(parsed, Err(AnswerProblem::NotAnAnswer(_))));
}
