use super::*;
use crate::stream::{Fed, StreamProblem, Terminator};
use tollgate_core::reply::Finish;

fn relay() -> Box<dyn Flow> {
    stream(StreamRules {
        show_usage: true,
        done: Terminator::Native,
        provider: "anthropic",
        array: false,
    })
}

fn feed(relay: &mut dyn Flow, text: &str) -> Fed {
    relay.feed(Bytes::copy_from_slice(text.as_bytes()))
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\n";
const PING: &str = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
const TEXT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n";
const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"output_tokens\":9}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[test]
fn pings_go_on_once_content_has_begun() {
    let mut relay = relay();
    let fed = feed(&mut *relay, &format!("{START}{PING}"));
    assert_eq!(fed.piece.bytes, START);
    assert!(!fed.piece.content);
    let fed = feed(&mut *relay, &format!("{TEXT}{PING}"));
    assert_eq!(fed.piece.bytes, format!("{TEXT}{PING}"));
    assert!(fed.piece.content);
}

#[test]
fn counts_of_the_end_replace_those_of_the_beginning() {
    let mut relay = relay();
    let usage = feed(&mut *relay, START).piece.usage.unwrap();
    assert_eq!((usage.prompt, usage.cached, usage.completion), (7, 4, 1));
    let piece = feed(&mut *relay, DELTA).piece;
    let usage = piece.usage.unwrap();
    assert_eq!((usage.prompt, usage.cached, usage.completion), (7, 4, 9));
    assert_eq!(piece.finish, Some(Finish::Length));
}

#[test]
fn a_done_that_does_not_belong_there_is_dropped() {
    let mut flow = relay();
    let all = format!("{START}{TEXT}{DELTA}{STOP}event: data\ndata: [DONE]\n\n");
    let fed = feed(&mut *flow, &all);
    assert!(fed.piece.last && fed.problem.is_none());
    assert!(fed.piece.bytes.ends_with(STOP.as_bytes()));
    let mut flow = relay();
    let fed = feed(&mut *flow, &format!("{START}{TEXT}data: [DONE]\n\n"));
    assert_eq!(fed.piece.bytes, format!("{START}{TEXT}"));
    assert_eq!(flow.end().problem, Some(StreamProblem::Truncated));
}

#[test]
fn errors_are_errors_however_they_are_named() {
    for data in [
        r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
        r#"{"error":{"message":"m"}}"#,
    ] {
        for name in ["event: error\n", ""] {
            let fed = feed(&mut *relay(), &format!("{START}{name}data: {data}\n\n"));
            let json = Bytes::copy_from_slice(data.as_bytes());
            assert_eq!(fed.problem, Some(StreamProblem::Error { json }));
            assert_eq!(fed.piece.bytes, START);
        }
    }
}

#[test]
fn unknown_events_and_members_go_on_untouched() {
    let news = "event: news\r\ndata: {\"type\":\"news\",\"x\":[1, 2]}\r\n\r\n";
    let fed = feed(&mut *relay(), &format!("{TEXT}{news}"));
    assert_eq!(fed.piece.bytes, format!("{TEXT}{news}"));
    let fed = feed(&mut *relay(), "event: ping\ndata: {\"type\":\n\n");
    assert!(matches!(fed.problem, Some(StreamProblem::Malformed(_))));
}

#[test]
fn the_beginning_of_a_call_is_content_and_that_of_a_text_is_not() {
    for (kind, content) in [
        ("text", false),
        ("thinking", false),
        ("tool_use", true),
        ("redacted_thinking", true),
    ] {
        let data = format!(
            r#"{{"type":"content_block_start","index":0,"content_block":{{"id":"x","type":"{kind}"}}}}"#
        );
        let fed = feed(
            &mut *relay(),
            &format!("event: content_block_start\ndata: {data}\n\n"),
        );
        assert_eq!(fed.piece.content, content, "{kind}");
    }
}

#[test]
fn what_is_no_answer_is_told_apart() {
    let read = |operation, body: &str| answer(operation, Bytes::copy_from_slice(body.as_bytes()));
    for body in ["", "\n", "<html>", r#"{"content":["#, "plain"] {
        let problem = read(Operation::Chat, body).unwrap_err();
        assert!(matches!(problem, AnswerProblem::NotJson(_)), "{body}");
    }
    for body in ["[]", "{}", r#"{"content":"x"}"#, r#"{"input_tokens":5}"#] {
        let problem = read(Operation::Chat, body).unwrap_err();
        assert!(matches!(problem, AnswerProblem::NotAnAnswer(_)), "{body}");
    }
    for body in [
        r#"{"type":"error","error":{"type":"api_error"}}"#,
        r#"{"error":"text"}"#,
        r#"{"content":[],"error":{}}"#,
    ] {
        let json = Bytes::copy_from_slice(body.as_bytes());
        let problem = read(Operation::Chat, body).unwrap_err();
        assert_eq!(problem, AnswerProblem::Error { json });
    }
    assert!(read(Operation::CountTokens, r#"{"input_tokens":5}"#).is_ok());
    assert!(read(Operation::CountTokens, r#"{"content":[]}"#).is_err());
    assert!(read(Operation::Chat, r#"{"content":[],"error":null}"#).is_ok());
}
