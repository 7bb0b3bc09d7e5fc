use serde_json::json;
use tollgate_core::reply::Finish;

use super::*;
use crate::neutral::Citation;

fn parse(value: &Value) -> Result<Answer, AnswerProblem> {
    answer(&Bytes::from(value.to_string()), "cohere")
}

#[test]
fn every_part_has_its_place() {
    let answer = parse(&json!({
        "id": "a-1",
        "message": {
            "role": "assistant",
            "tool_plan": "plan",
            "content": [
                {"type": "thinking", "thinking": "so"},
                {"type": "text", "text": "one"},
                {"type": "text", "text": ""},
                {"type": "text", "text": "two"},
            ],
            "citations": [
                {"start": 0, "end": 3, "text": "two", "content_index": 3, "type": "TEXT_CONTENT",
                 "sources": [{"type": "document", "id": "d", "document": {"title": "T", "url": "https://e.com", "snippet": "s"}}]},
                {"start": 0, "end": 2, "type": "PLAN"},
            ],
            "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        "finish_reason": "MAX_TOKENS",
    }))
    .unwrap();
    let think = |text: &str| thought(text.to_owned());
    let cited = Part::new(Content::Text {
        text: "two".to_owned(),
        citations: vec![Citation {
            url: Some("https://e.com".to_owned()),
            title: Some("T".to_owned()),
            quote: Some("s".to_owned()),
            document: None,
            start: Some(0),
            end: Some(3),
        }],
    });
    let call = Part::new(Content::ToolCall(ToolCall {
        id: "call_a1_0".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        state: None,
    }));
    assert_eq!(
        answer.parts,
        [think("plan"), think("so"), Part::text("one"), cited, call]
    );
    assert_eq!(answer.ending, Some(Ending::new(Finish::Length)));
    assert_eq!((answer.usage, answer.model), (None, None));
}

#[test]
fn what_is_no_answer_is_told_apart() {
    for value in [
        json!({"id": "x", "message": "too many tokens"}),
        json!({"message": {"content": []}, "finish_reason": "ERROR"}),
        json!({"message": {"content": [{"type": "text", "text": "Hi"}]}, "finish_reason": "TIMEOUT"}),
        json!({"error": {"message": "m"}}),
    ] {
        let problem = parse(&value).unwrap_err();
        let json = Bytes::from(value.to_string());
        assert_eq!(problem, AnswerProblem::Error { json });
    }
    for value in [
        json!({}),
        json!([]),
        json!({"message": null}),
        json!({"message": {"tool_calls": [{"id": "x", "function": {"arguments": "{}"}}]}}),
    ] {
        let problem = parse(&value).unwrap_err();
        assert!(matches!(problem, AnswerProblem::NotAnAnswer(_)), "{value}");
    }
    for body in ["", " ", "<html>", "{\"message\":{"] {
        let problem = answer(&Bytes::from(body), "cohere").unwrap_err();
        assert!(matches!(problem, AnswerProblem::NotJson(_)), "{body}");
    }
}
