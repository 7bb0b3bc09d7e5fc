use serde_json::json;
use tollgate_core::reply::Finish;

use super::*;
use crate::neutral::{Content, Ending, Part};

fn parse(value: &Value) -> Result<Answer, AnswerProblem> {
    answer(&Bytes::from(value.to_string()), "p")
}

#[test]
fn a_failure_by_whatever_sign_is_no_answer() {
    let choice = |members: Value| {
        let mut choice = json!({"message": {"content": "Hi"}, "finish_reason": "stop"});
        for (name, value) in members.as_object().unwrap() {
            choice[name] = value.clone();
        }
        json!({ "choices": [choice] })
    };
    for value in [
        json!({"error": {"message": "m"}, "choices": []}),
        json!({"object": "error", "message": "m"}),
        choice(json!({"finish_reason": "error"})),
        choice(json!({"finish_reason": "insufficient_system_resource"})),
        choice(json!({"native_finish_reason": "network_error"})),
    ] {
        let json = Bytes::from(value.to_string());
        assert_eq!(parse(&value), Err(AnswerProblem::Error { json }));
    }
    let nameless = json!({"tool_calls": [{"id": "a", "function": {"arguments": "{}"}}]});
    for value in [
        json!({"choices": []}),
        json!({"choices": [{"index": 1, "message": {"content": "x"}}]}),
        json!({"data": []}),
        choice(json!({ "message": nameless })),
    ] {
        let problem = parse(&value).unwrap_err();
        assert!(matches!(problem, AnswerProblem::NotAnAnswer(_)), "{value}");
    }
    let broken = Bytes::from_static(b"{\"choices\":[");
    assert!(matches!(
        answer(&broken, "p"),
        Err(AnswerProblem::NotJson(_))
    ));
}

#[test]
fn a_filtered_answer_may_have_no_message() {
    let answer =
        parse(&json!({"id": "", "choices": [{"finish_reason": "content_filter"}]})).unwrap();
    assert!(answer.parts.is_empty() && answer.id.is_none());
    assert_eq!(answer.ending, Some(Ending::new(Finish::ContentFilter)));
}

#[test]
fn every_call_of_a_message_is_a_call_of_its_own() {
    // Mistral numbers them all with zero; some servers repeat ids.
    let call = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {}}});
    let answer = parse(&json!({"choices": [{"message": {"tool_calls": [call, call]}}]})).unwrap();
    let ids: Vec<_> = answer
        .parts
        .iter()
        .map(|part| match &part.content {
            Content::ToolCall(call) => (&*call.id, &*call.arguments),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [("a", "{}"), ("a_1", "{}")]);
}

#[test]
fn thoughts_come_before_what_is_said() {
    let answer = parse(&json!({"choices": [{"index": 0, "message": {
        "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]},
                    {"type": "text", "text": "x"}],
        "refusal": "no",
    }}]}))
    .unwrap();
    assert!(
        matches!(&answer.parts[0].content, Content::Reasoning(thought) if thought.text == "so")
    );
    assert_eq!(answer.parts[1], Part::text("x"));
    assert_eq!(
        answer.parts[2],
        Part::new(Content::Refusal("no".to_owned()))
    );
    assert_eq!(answer.ending, None);
}
