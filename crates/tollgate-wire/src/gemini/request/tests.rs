use bytes::Bytes;
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Operation;

use super::*;
use crate::state::State;

fn read_as(operation: Operation, body: &str) -> Result<Call, Failure> {
    read(Received {
        operation,
        body: Bytes::copy_from_slice(body.as_bytes()),
        model: Some("gemini-2.5-flash"),
        stream: true,
        array: true,
    })
}

fn faults(operation: Operation, body: &str) -> Vec<(String, &'static str)> {
    let failure = read_as(operation, body).unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest, "{body}");
    let faults = failure.fields.iter();
    faults
        .map(|fault| (fault.path.clone(), fault.kind))
        .collect()
}

#[test]
fn candidates_asked_for_are_counted_within_bounds() {
    for (config, want) in [
        ("{}", 1),
        (r#"{"candidateCount":3}"#, 3),
        (
            r#"{"candidate_count":5000000000}"#,
            tollgate_core::call::MOST_CHOICES,
        ),
    ] {
        let body = format!(
            r#"{{"contents":[{{"parts":[{{"text":"Hi"}}]}}],"generationConfig":{config}}}"#
        );
        let call = read_as(Operation::Chat, &body).unwrap();
        assert_eq!(call.choices, want, "{body}");
    }
}

#[test]
fn what_decides_comes_from_the_address_and_the_body() {
    for body in [
        r#" {"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"maxOutputTokens":9},"x":{}}"#,
        r#"{"generation_config":{"max_output_tokens":9,"stop_sequences":null},"contents":[{"parts":[]},{"role":"model","parts":[{}]}]}"#,
    ] {
        let call = read_as(Operation::Chat, body).unwrap();
        assert_eq!(&*call.model, "gemini-2.5-flash");
        assert_eq!(call.max_tokens, Some(9));
        assert!(call.stream && call.array && call.wants_usage && !call.sealed);
        assert_eq!(call.marks.model, None);
        assert_eq!(call.marks.start, body.find('{').unwrap() + 1);
        assert_eq!(&call.body[..], body.as_bytes());
    }
}

#[test]
fn sealed_signatures_are_seen() {
    let sealed = State::of("anthropic", "x").seal();
    for (name, text, want) in [
        ("thoughtSignature", &*sealed, true),
        ("thought_signature", &*sealed, true),
        ("thoughtSignature", "EqQB", false),
        ("text", &*sealed, false),
    ] {
        let body =
            format!(r#"{{"contents":[{{"role":"model","parts":[{{"{name}":"{text}"}}]}}]}}"#);
        assert_eq!(read_as(Operation::Chat, &body).unwrap().sealed, want);
    }
}

#[test]
fn every_field_at_fault_is_named() {
    let body = r#"{"contents":[{"role":"system","parts":{}},[],{"role":1},{"parts":[1],"parts":[]}],
        "systemInstruction":"Hi","system_instruction":{},
        "generationConfig":{"maxOutputTokens":0,"max_output_tokens":3,"stopSequences":"x",
            "topK":"1","seed":1.5,"thinkingConfig":{"thinkingBudget":"x"}},"tools":{}}"#;
    assert_eq!(
        faults(Operation::Chat, body),
        [
            ("contents[0].role", "value_error"),
            ("contents[0].parts", "list_type"),
            ("contents[1]", "dict_type"),
            ("contents[2].role", "string_type"),
            ("contents[3].parts[0]", "dict_type"),
            ("contents[3].parts", "value_error"),
            ("systemInstruction", "dict_type"),
            ("systemInstruction", "value_error"),
            ("generationConfig.maxOutputTokens", "greater_than_equal"),
            ("generationConfig.maxOutputTokens", "value_error"),
            ("generationConfig.stopSequences", "list_type"),
            ("generationConfig.topK", "float_type"),
            ("generationConfig.seed", "int_from_float"),
            ("generationConfig.thinkingConfig.thinkingBudget", "int_type"),
            ("tools", "list_type"),
        ]
        .map(|(path, kind)| (path.to_owned(), kind))
    );
    for (body, path, kind) in [
        ("{}", "contents", "missing"),
        (r#"{"contents":[]}"#, "contents", "too_short"),
        (r#"{"contents":"Hi"}"#, "contents", "list_type"),
    ] {
        assert_eq!(faults(Operation::Chat, body), [(path.to_owned(), kind)]);
    }
}

#[test]
fn tokens_are_counted_of_contents_or_of_a_whole_request() {
    const CONTENTS: &str = r#""contents":[{"parts":[{"text":"Hi"}]}]"#;
    for body in [
        format!("{{{CONTENTS}}}"),
        format!(r#"{{"generateContentRequest":{{"model":"models/m",{CONTENTS}}}}}"#),
        format!(r#"{{"generate_content_request":{{{CONTENTS},"tools":[]}}}}"#),
    ] {
        let call = read_as(Operation::CountTokens, &body).unwrap();
        assert_eq!(call.operation, Operation::CountTokens);
    }
    assert_eq!(
        faults(
            Operation::CountTokens,
            r#"{"generateContentRequest":{"contents":[{"parts":1}]}}"#
        ),
        [(
            "generateContentRequest.contents[0].parts".to_owned(),
            "list_type"
        )]
    );
    // To other requests it is a member like any other.
    let body = format!(r#"{{{CONTENTS},"generateContentRequest":1}}"#);
    assert!(read_as(Operation::Chat, &body).is_ok());
}

#[test]
fn what_is_no_request_is_refused() {
    for (body, code) in [
        ("", Code::MalformedJson),
        ("{", Code::MalformedJson),
        ("[]", Code::InvalidRequest),
        ("null", Code::InvalidRequest),
    ] {
        let failure = read_as(Operation::Chat, body).unwrap_err();
        assert_eq!(failure.code, code, "{body}");
    }
    let nameless = read(Received {
        operation: Operation::Chat,
        body: Bytes::from_static(b"{}"),
        model: None,
        stream: false,
        array: false,
    });
    assert_eq!(nameless.unwrap_err().code, Code::InvalidRequest);
}
