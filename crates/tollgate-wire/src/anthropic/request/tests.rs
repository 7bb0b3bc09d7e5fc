use super::*;
use crate::state::State;

const GOOD: &str = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#;

fn read_as(operation: Operation, body: &str) -> Result<Call, Failure> {
    read(Received {
        operation,
        body: Bytes::copy_from_slice(body.as_bytes()),
        model: None,
        stream: false,
        array: false,
    })
}

fn chat(body: &str) -> Result<Call, Failure> {
    read_as(Operation::Chat, body)
}

/// The fields at fault, as `path kind`.
fn faults(result: Result<Call, Failure>) -> Vec<String> {
    let failure = result.unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    let row = |field: &tollgate_core::error::FieldProblem| format!("{} {}", field.path, field.kind);
    failure.fields.iter().map(row).collect()
}

#[test]
fn the_facts_of_a_message_are_read() {
    let body = r#" {"system":[{"type":"text","text":"S"}], "model" : "claude-x","stream":true,
        "max_tokens":32000,"thinking":{"type":"adaptive"},"unknown":{"model":7},
        "messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}"#;
    let call = chat(body).unwrap();
    assert_eq!(&*call.model, "claude-x");
    assert_eq!(
        (call.format, call.operation),
        (Format::Anthropic, Operation::Chat)
    );
    assert!(call.stream && call.wants_usage && !call.sealed);
    assert_eq!(call.max_tokens, Some(32_000));
    assert_eq!(&call.body[..], body.as_bytes());
    assert_eq!(body.get(call.marks.model.unwrap()), Some("\"claude-x\""));
    assert_eq!(body.get(..call.marks.start), Some(" {"));
}

#[test]
fn max_tokens_is_required_of_messages_and_may_be_zero() {
    let without = GOOD.replace(r#""max_tokens":5,"#, "");
    assert_eq!(faults(chat(&without)), ["max_tokens missing"]);
    let counted = read_as(Operation::CountTokens, &without).unwrap();
    assert_eq!((counted.max_tokens, counted.stream), (None, false));
    let with = |value: &str| chat(&GOOD.replace(":5,", &format!(":{value},")));
    assert_eq!(with("0").unwrap().max_tokens, Some(0));
    assert_eq!(with("1e3").unwrap().max_tokens, Some(1000));
    assert_eq!(faults(with("null")), ["max_tokens int_type"]);
    assert_eq!(faults(with("1.5")), ["max_tokens int_from_float"]);
    assert_eq!(faults(with("-1")), ["max_tokens greater_than_equal"]);
}

#[test]
fn fields_at_fault_are_all_named() {
    let body = r#"{"system":7,"stream":"yes","stop_sequences":"x","tools":{},"top_k":1.5,
        "temperature":"hot","tool_choice":"auto","max_tokens":5,"max_tokens":6,
        "messages":[7,{"role":1},{"role":"user","content":null},{"content":[1],"role":"a","role":"b"}]}"#;
    assert_eq!(
        faults(chat(body)),
        [
            "system string_type",
            "stream bool_type",
            "stop_sequences list_type",
            "tools list_type",
            "top_k int_from_float",
            "temperature float_type",
            "tool_choice dict_type",
            "max_tokens value_error",
            "messages[0] dict_type",
            "messages[1].role string_type",
            "messages[1].content missing",
            "messages[2].content string_type",
            "messages[3].content[0] dict_type",
            "messages[3].role value_error",
            "model missing",
        ]
    );
    assert_eq!(
        faults(chat(r#"{"model":"m","max_tokens":1,"messages":[]}"#)),
        ["messages too_short"]
    );
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    assert_eq!(chat("").unwrap_err().code, Code::MalformedJson);
    assert_eq!(chat("{").unwrap_err().code, Code::MalformedJson);
    assert_eq!(chat("[]").unwrap_err().code, Code::InvalidRequest);
}

#[test]
fn sealed_state_is_noticed_where_state_can_be() {
    let sealed = State::of("google", "sig").seal();
    let with = |block: String| {
        let body = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"assistant","content":[{block}]}}]}}"#
        );
        chat(&body).unwrap().sealed
    };
    assert!(with(format!(
        r#"{{"type":"thinking","thinking":"t","signature":"{sealed}"}}"#
    )));
    assert!(with(format!(
        r#"{{"type":"redacted_thinking","data":"{sealed}"}}"#
    )));
    assert!(!with(format!(r#"{{"type":"text","text":"{sealed}"}}"#)));
    assert!(!with(r#"{"type":"thinking","signature":"own"}"#.to_owned()));
}
