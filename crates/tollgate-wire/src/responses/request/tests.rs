use tollgate_core::format::Operation;

use super::*;
use crate::state::State;

fn read_text(body: &str) -> Result<Call, Failure> {
    read(Received {
        operation: Operation::Chat,
        body: Bytes::copy_from_slice(body.as_bytes()),
        model: None,
        stream: false,
        array: false,
    })
}

fn paths(body: &str) -> Vec<String> {
    let failure = read_text(body).unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest, "{body}");
    failure
        .fields
        .iter()
        .map(|field| field.path.clone())
        .collect()
}

#[test]
fn the_facts_that_decide_are_read() {
    let body =
        r#" {"input":"Hi","model":"gp\u0074","stream":true,"max_output_tokens":7,"x":{"a":[1]}}"#;
    let call = read_text(body).unwrap();
    assert_eq!(call.format, Format::Responses);
    assert_eq!(&*call.model, "gpt");
    assert!(call.stream && call.wants_usage && !call.sealed);
    assert_eq!(call.max_tokens, Some(7));
    let model = body.get(call.marks.model.unwrap());
    assert_eq!(model, Some(r#""gp\u0074""#));
    assert_eq!(call.marks.start, 2);
}

#[test]
fn what_the_provider_keeps_stands_for_the_input() {
    for body in [
        r#"{"model":"m","previous_response_id":"resp_1"}"#,
        r#"{"model":"m","prompt":{"id":"p"},"input":null}"#,
        r#"{"model":"m","conversation":"conv_1"}"#,
        r#"{"model":"m","input":[]}"#,
        r#"{"model":"m","input":[{"type":"item_reference","id":"x"}],"user":null}"#,
    ] {
        assert!(read_text(body).is_ok(), "{body}");
    }
}

#[test]
fn fields_at_fault_are_named() {
    for (body, want) in [
        ("{}", &["model", "input"][..]),
        (r#"{"model":"m","previous_response_id":null}"#, &["input"]),
        (r#"{"model":1,"input":"x"}"#, &["model"]),
        (r#"{"model":"m","input":7}"#, &["input"]),
        (r#"{"model":"m","input":["x",{}]}"#, &["input[0]"]),
        (r#"{"model":"m","input":"x","input":"y"}"#, &["input"]),
        (r#"{"model":"m","input":"x","mo\u0064el":"n"}"#, &["model"]),
        (
            r#"{"model":"m","input":"x","stream":"yes","max_output_tokens":0}"#,
            &["stream", "max_output_tokens"],
        ),
        (r#"{"model":"m","input":"x","tools":{}}"#, &["tools"]),
        (r#"{"model":"m","prompt":"text"}"#, &["prompt", "input"]),
    ] {
        assert_eq!(paths(body), want, "{body}");
    }
}

#[test]
fn what_is_no_json_object_is_told() {
    for (body, code) in [
        ("", Code::MalformedJson),
        (r#"{"model":"#, Code::MalformedJson),
        ("[]", Code::InvalidRequest),
    ] {
        assert_eq!(read_text(body).unwrap_err().code, code, "{body}");
    }
}

#[test]
fn sealed_state_is_seen() {
    let sealed = State::of("anthropic", "sig").seal();
    let escaped = sealed.replacen('t', "\\u0074", 1);
    for (state, want) in [(&*sealed, true), (&escaped, true), ("gAAAAA", false)] {
        let body = format!(
            r#"{{"model":"m","input":[{{"role":"user","content":"x"}},{{"type":"reasoning","encrypted_content":"{state}"}}]}}"#
        );
        assert_eq!(read_text(&body).unwrap().sealed, want, "{state}");
    }
}
