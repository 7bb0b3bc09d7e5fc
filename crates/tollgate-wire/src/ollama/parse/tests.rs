use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::reply::Usage;

use super::super::fixtures::read;
use super::*;
use crate::neutral::sample;
use crate::neutral::{Content, Part};
use crate::sse::EVENT_CAP;

/// What Ollama's server would send for these parts.
fn message(parts: &[Part]) -> Value {
    let mut message = json!({"role": "assistant", "content": ""});
    for part in parts {
        match &part.content {
            Content::Text { text, .. } => message["content"] = json!(text),
            Content::Reasoning(thought) => message["thinking"] = json!(thought.text),
            Content::ToolCall(call) => {
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
                let call = json!({
                    "id": call.id, "function": {"name": call.name, "arguments": arguments},
                });
                match message["tool_calls"].as_array_mut() {
                    Some(calls) => calls.push(call),
                    None => message["tool_calls"] = json!([call]),
                }
            }
            other => panic!("{other:?}"),
        }
    }
    message
}

fn line(message: &Value, done: Option<&Answer>) -> String {
    let mut line = json!({
        "model": "m", "created_at": "2026-08-05T08:10:56.372032Z", "message": message,
        "done": done.is_some(),
    });
    if let Some(answer) = done {
        line["done_reason"] = json!("stop");
        if let Some(usage) = answer.usage {
            line["prompt_eval_count"] = json!(usage.prompt);
            line["prompt_eval_cached_count"] = json!(usage.cached);
            line["eval_count"] = json!(usage.completion);
        }
    }
    format!("{line}\n")
}

/// Answers that Ollama can give: it has no ids of answers, no state, and does not count thoughts.
fn answers() -> impl Strategy<Value = Answer> {
    sample::answer("ollama").prop_map(|mut answer| {
        answer.id = None;
        for part in &mut answer.parts {
            if let Content::Reasoning(thought) = &mut part.content {
                thought.state = None;
            }
        }
        answer.usage = answer.usage.map(|usage| Usage {
            reasoning: 0,
            ..usage
        });
        answer
    })
}

proptest! {
    #[test]
    fn an_answer_is_read_as_it_was_meant(answer in answers()) {
        let body = Bytes::from(line(&message(&answer.parts), Some(&answer)));
        prop_assert_eq!(super::answer(&body, "ollama").unwrap(), answer);
    }

    #[test]
    fn a_stream_is_read_as_it_was_meant_however_it_is_cut(
        answer in answers(),
        size in 1_usize..40,
    ) {
        let mut stream = String::new();
        for part in &answer.parts {
            match &part.content {
                Content::Text { text, .. } => for letter in text.chars() {
                    let piece = Part::text(letter.to_string());
                    stream += &line(&message(&[piece]), None);
                }
                _ => stream += &line(&message(std::slice::from_ref(part)), None),
            }
        }
        stream += &line(&message(&[]), Some(&answer));
        let (gathering, result) = read(stream.as_bytes(), size);
        prop_assert!(result.is_ok() && gathering.ended);
        prop_assert_eq!(gathering.into_answer(), answer);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1_usize..50) {
        let (gathering, result) = read(&bytes, size);
        prop_assert!(!gathering.ended && result.is_err());
    }
}

fn only(body: &str) -> Result<Answer, AnswerProblem> {
    answer(&Bytes::copy_from_slice(body.as_bytes()), "ollama")
}

#[test]
fn calls_without_ids_get_some_that_stay_their_own() {
    let body = |second: u8| {
        format!(
            r#"{{"created_at":"2026-08-05T08:10:0{second}Z","message":{{"tool_calls":[{{"function":{{"name":"a","arguments":{{}}}}}},{{"id":"","function":{{"name":"b"}}}}]}},"done":true}}"#
        )
    };
    let ids = |body: &str| -> Vec<String> {
        only(body)
            .unwrap()
            .parts
            .into_iter()
            .map(|part| match part.content {
                Content::ToolCall(call) => call.id,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(
        ids(&body(1)),
        ["call_20260805081001_0", "call_20260805081001_1"]
    );
    assert_ne!(ids(&body(1)), ids(&body(2)));
}

#[test]
fn arguments_keep_the_order_of_their_members() {
    let body = r#"{"message":{"tool_calls":[{"id":"x","function":{"name":"a","arguments":{"z":1,"a":2.50}}}]},"done":true}"#;
    let answer = only(body).unwrap();
    let Content::ToolCall(call) = &answer.parts[0].content else {
        panic!("{answer:?}")
    };
    assert_eq!(call.arguments, r#"{"z":1,"a":2.50}"#);
    assert_eq!(
        answer.ending.map(|ending| ending.finish),
        Some(Finish::ToolCalls)
    );
}

#[test]
fn each_reason_to_stop_is_told() {
    for (reason, finish) in [
        (r#","done_reason":"stop""#, Finish::Stop),
        (r#","done_reason":"length""#, Finish::Length),
        (r#","done_reason":"load""#, Finish::Other),
        ("", Finish::Stop),
    ] {
        let body = format!(r#"{{"message":{{"content":"a"}},"done":true{reason}}}"#);
        let ending = only(&body).unwrap().ending.unwrap();
        assert_eq!(ending.finish, finish, "{reason}");
    }
}

#[test]
fn counts_that_cannot_be_are_neither_believed_nor_a_failure() {
    for (counts, want) in [
        (r#""prompt_eval_count":-1,"eval_count":1.5"#, None),
        (r#""prompt_eval_count":"5","eval_count":{}"#, None),
        (
            r#""prompt_eval_count":18446744073709551615,"eval_count":[]"#,
            Some((u64::from(u32::MAX), 0)),
        ),
    ] {
        let body = format!(r#"{{"message":{{"content":"a"}},"done":true,{counts}}}"#);
        let usage = answer(&body.into(), "ollama").unwrap().usage;
        let usage = usage.map(|usage| (usage.prompt, usage.completion));
        assert_eq!(usage, want, "{counts}");
    }
}

#[test]
fn counts_that_are_missing_are_no_failure() {
    let usage = |counts: &str| {
        let body = format!(r#"{{"message":{{"content":"a"}},"done":true{counts}}}"#);
        only(&body).unwrap().usage
    };
    assert_eq!(usage(""), None);
    let half = usage(r#","eval_count":3"#).unwrap();
    assert_eq!((half.prompt, half.completion), (0, 3));
    let whole = usage(r#","prompt_eval_count":5,"prompt_eval_cached_count":9,"eval_count":3"#);
    assert_eq!(whole.unwrap().cached, 5, "never more than the prompt");
}

#[test]
fn what_is_no_answer_is_told_apart() {
    assert!(matches!(
        only(r#"{"error":"model 'm' not found"}"#),
        Err(AnswerProblem::Error { .. })
    ));
    assert!(matches!(only("<html>"), Err(AnswerProblem::NotJson(_))));
    assert!(matches!(
        only(r#"{"message":{"content":"a"#),
        Err(AnswerProblem::NotJson(_))
    ));
    for body in [
        "{}",
        r#"{"done":true}"#,
        r#"{"message":"a","done":true}"#,
        r#"{"message":{"content":"a"},"done":false}"#,
        r#"{"message":{"content":"a"}}"#,
    ] {
        assert!(
            matches!(only(body), Err(AnswerProblem::NotAnAnswer(_))),
            "{body}"
        );
    }
}

#[test]
fn an_error_line_ends_the_stream_with_what_it_says() {
    let stream = b"{\"message\":{\"content\":\"a\"}}\n{\"error\":\"boom\"}\n{\"message\":{\"content\":\"b\"},\"done\":true}\n";
    let (gathering, result) = read(stream, 5);
    let json = Bytes::from_static(b"{\"error\":\"boom\"}");
    assert_eq!(result, Err(StreamProblem::Error { json }));
    assert_eq!(gathering.into_answer().parts, [Part::text("a")]);
    let (_, result) = read(b"{\"error\":\"boom\"}", 5);
    assert!(matches!(result, Err(StreamProblem::Error { .. })));
}

#[test]
fn a_broken_line_in_the_middle_is_a_fault_of_the_provider() {
    let (_, result) = read(b"{\"message\":\n{\"done\":true}\n", 100);
    assert!(matches!(result, Err(StreamProblem::Malformed(_))));
    let (_, result) = read(b"[]\n", 100);
    assert!(matches!(result, Err(StreamProblem::Malformed(_))));
}

#[test]
fn what_follows_the_last_line_is_not_read() {
    let stream = b"{\"message\":{\"content\":\"a\"},\"done\":true}\n{\"error\":\"late\"}\n";
    for size in [1, 1000] {
        let (gathering, result) = read(stream, size);
        assert!(result.is_ok() && gathering.ended);
    }
}

#[test]
fn a_line_is_bounded() {
    let long = format!(
        "{{\"message\":{{\"content\":\"{}\"}}}}\n",
        "x".repeat(EVENT_CAP)
    );
    for size in [4096, usize::MAX] {
        let (_, result) = read(long.as_bytes(), size);
        assert!(matches!(result, Err(StreamProblem::TooLarge(_))));
    }
}
