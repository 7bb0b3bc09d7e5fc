use serde_json::{Value, json};
use tollgate_core::reply::Finish;

use super::story::MOST_ITEMS;
use super::*;
use crate::neutral::{Answer, Citation, Content, Ending, Part, Reasoned, ToolCall};
use crate::responses::fixtures::{events, gathered};
use crate::state::State;

/// A stream of these events, each under the name that is its type.
fn stream(events: &[Value]) -> Vec<u8> {
    let events = events.iter().map(|event| {
        let name = event["type"].as_str().unwrap();
        format!("event: {name}\ndata: {event}\n\n")
    });
    events.collect::<String>().into_bytes()
}

fn completed(output: &Value) -> Value {
    json!({"type": "response.completed", "response": {"status": "completed", "output": output}})
}

/// The answer of a good stream.
fn answer_of(given: &[Value]) -> Answer {
    let (told, problem) = events(&stream(given), usize::MAX);
    assert_eq!(problem, None);
    gathered(&told)
}

fn problem_of(stream: &[u8]) -> Option<StreamProblem> {
    let (told, problem) = events(stream, usize::MAX);
    assert!(!told.contains(&Event::End));
    problem
}

#[test]
fn what_was_not_told_in_stretches_is_told_at_the_end() {
    let output = json!([
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "s"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "message", "content": [
            {"type": "output_text", "text": "Hi", "annotations": [{"type": "url_citation", "url": "u", "start_index": 0, "end_index": 2}]},
            {"type": "refusal", "refusal": "No"},
        ]},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
    ]);
    let want = vec![
        Part::new(Content::Reasoning(Reasoned {
            text: "Hm".to_owned(),
            state: Some(State::of("openai", "s")),
            redacted: false,
        })),
        Part::new(Content::Text {
            text: "Hi".to_owned(),
            citations: vec![Citation {
                url: Some("u".to_owned()),
                start: Some(0),
                end: Some(2),
                ..Citation::default()
            }],
        }),
        Part::new(Content::Refusal("No".to_owned())),
        Part::new(Content::ToolCall(ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: r#"{"input":"x"}"#.to_owned(),
            state: None,
        })),
    ];
    let at_once = answer_of(&[completed(&output)]);
    assert_eq!(at_once.parts, want);
    assert_eq!(at_once.ending, Some(Ending::new(Finish::ToolCalls)));
    let items = output.as_array().unwrap().iter().enumerate();
    let mut by_items: Vec<Value> = items
        .map(|(at, item)| json!({"type": "response.output_item.done", "output_index": at, "item": item}))
        .collect();
    by_items.push(completed(&output));
    assert_eq!(answer_of(&by_items).parts, want);
}

#[test]
fn calls_are_told_apart_by_their_items() {
    let added = |at: u64, id: &str| {
        json!({"type": "response.output_item.added", "output_index": at,
            "item": {"type": "function_call", "call_id": id, "name": "f", "arguments": ""}})
    };
    let more = |at: u64, delta: &str| json!({"type": "response.function_call_arguments.delta", "output_index": at, "delta": delta});
    let given = [
        added(3, "a"),
        added(4, "b"),
        more(4, "{\"b\""),
        more(3, "{\"a\""),
        more(4, ":2}"),
        more(3, ":1}"),
        completed(&json!([])),
    ];
    let (told, problem) = events(&stream(&given), usize::MAX);
    assert_eq!(problem, None);
    let ends = told
        .iter()
        .filter(|event| matches!(event, Event::CallEnd { .. }));
    assert_eq!(
        ends.count(),
        2,
        "a call that nobody ends is ended with the answer"
    );
    let calls = gathered(&told)
        .parts
        .into_iter()
        .map(|part| match part.content {
            Content::ToolCall(call) => (call.id, call.arguments),
            other => panic!("{other:?}"),
        });
    let calls: Vec<_> = calls.collect();
    let want = [("a", "{\"a\":1}"), ("b", "{\"b\":2}")];
    assert_eq!(
        calls,
        want.map(|(id, arguments)| (id.to_owned(), arguments.to_owned()))
    );
}

#[test]
fn thoughts_are_told_once_and_their_parts_are_parted() {
    let summary = |part: u64, delta: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": part, "delta": delta});
    let part = |part: u64| json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": part, "part": {}});
    let raw = json!({"type": "response.reasoning_text.delta", "output_index": 0, "delta": "raw"});
    let item = json!({"type": "reasoning", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "s"});
    let answer = answer_of(&[
        part(0),
        summary(0, "a"),
        raw,
        part(1),
        summary(1, "b"),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        completed(&json!([])),
    ]);
    let want = Reasoned {
        text: "a\n\nb".to_owned(),
        state: Some(State::of("openai", "s")),
        redacted: false,
    };
    assert_eq!(answer.parts, [Part::new(Content::Reasoning(want))]);
}

#[test]
fn references_are_told_once() {
    let annotation =
        json!({"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2});
    let part = json!({"type": "output_text", "text": "Hi", "annotations": [annotation]});
    let text = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"});
    let one = json!({"type": "response.output_text.annotation.added", "output_index": 0, "annotation": annotation});
    let done = json!({"type": "response.content_part.done", "output_index": 0, "part": part});
    for given in [
        vec![
            text.clone(),
            one.clone(),
            done.clone(),
            completed(&json!([])),
        ],
        vec![text.clone(), one, completed(&json!([]))],
        vec![text, done, completed(&json!([]))],
    ] {
        let answer = answer_of(&given);
        let Content::Text { text, citations } = &answer.parts[0].content else {
            panic!()
        };
        assert_eq!((text.as_str(), citations.len()), ("Hi", 1));
        assert_eq!(citations[0].title.as_deref(), Some("t"));
    }
}

#[test]
fn answers_that_were_cut_short_say_why() {
    let incomplete = |response: Value| {
        let end = json!({"type": "response.incomplete", "response": response});
        answer_of(&[end]).ending.unwrap().finish
    };
    for (response, want) in [
        (
            json!({"incomplete_details": {"reason": "max_output_tokens"}}),
            Finish::Length,
        ),
        (
            json!({"incomplete_details": {"reason": "content_filter"}}),
            Finish::ContentFilter,
        ),
        (json!({"status": "incomplete"}), Finish::Other),
    ] {
        assert_eq!(incomplete(response), want);
    }
}

#[test]
fn errors_are_found_in_every_form() {
    for error in [
        json!({"type": "error", "code": "server_error", "message": "m"}),
        json!({"type": "error", "error": {"code": "server_error"}}),
        json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "c"}}}),
        json!({"type": "response.completed", "response": {"status": "failed", "output": []}}),
        json!({"type": "response.completed", "response": {"error": {"code": "c"}, "output": []}}),
        json!({"error": {"message": "m"}}),
    ] {
        let text = format!("data: {error}\n\n");
        let want = StreamProblem::Error {
            json: Bytes::from(error.to_string()),
        };
        assert_eq!(problem_of(text.as_bytes()), Some(want.clone()), "{error}");
        assert_eq!(problem_of(format!("{error}\n\n").as_bytes()), Some(want));
    }
    for named in ["{\"message\":\"m\"}", "overloaded", ""] {
        let text = format!("event: error\ndata: {named}\n\n");
        let problem = problem_of(text.as_bytes());
        assert!(
            matches!(problem, Some(StreamProblem::Error { .. })),
            "{named}"
        );
    }
    let field = b"error: {\"message\":\"m\"}\n\n";
    assert!(matches!(
        problem_of(field),
        Some(StreamProblem::Error { .. })
    ));
}

#[test]
fn what_cannot_be_read_is_malformed() {
    for text in [
        "data: {\"type\"\n\n",
        "data: []\n\n",
        "data: {\"type\":\"response.completed\"}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"in_progress\"}}\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\ud83d\"}\n\n",
        "data: {\"type\":\"response.output_text.delta\"}\n\n",
        "data: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{\"}\n\n",
        "data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\"}}\n\n",
        "data: {\"type\":\"response.output_item.done\"}\n\n",
        "{\"type\":\"response.in_progress\"}\n\n",
    ] {
        let problem = problem_of(text.as_bytes());
        assert!(
            matches!(problem, Some(StreamProblem::Malformed(_))),
            "{text}"
        );
    }
}

#[test]
fn items_without_end_are_not_kept() {
    let mut reader = Reader::new("openai");
    let mut told = Vec::new();
    let result = (0..=MOST_ITEMS).try_for_each(|at| {
        let event = json!({"type": "response.output_text.delta", "output_index": at, "delta": "x"});
        reader.feed(stream(&[event]).into(), &mut told)
    });
    assert!(matches!(result, Err(StreamProblem::Malformed(_))));
}

#[test]
fn signs_of_life_are_idle_and_nothing_follows_the_end() {
    let text = ": ping\n\ndata: {\"type\":\"keepalive\"}\n\ndata: [DONE]\n\n";
    let (told, problem) = events(text.as_bytes(), usize::MAX);
    assert_eq!(
        problem,
        Some(StreamProblem::Truncated),
        "`[DONE]` ends nothing here"
    );
    let idle = told.iter().filter(|event| **event == Event::Idle);
    assert_eq!(idle.count(), 2);
    let end = stream(&[completed(&json!([]))]);
    let twice = [&end[..], &end[..], b"data: {\"error\":{}}\n\n"].concat();
    let (told, problem) = events(&twice, 5);
    assert_eq!(problem, None);
    let ends = told.iter().filter(|event| **event == Event::End);
    assert_eq!(ends.count(), 1);
}

#[test]
fn breaks_stand_only_between_parts() {
    for (_, _, stream) in crate::responses::fixtures::fixtures("streams") {
        let (told, _) = events(&stream, usize::MAX);
        let told: Vec<Event> = told.into_iter().filter(|it| *it != Event::Idle).collect();
        for pair in told.windows(2) {
            let first = matches!(pair[0], Event::Begin { .. } | Event::Break);
            assert!(!(first && pair[1] == Event::Break), "{told:?}");
        }
    }
}

#[test]
fn messages_are_parts_of_their_own_even_unannounced() {
    let more = |at: u64, text: &str| json!({"type": "response.output_text.delta", "output_index": at, "delta": text});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message"}});
    let answer = answer_of(&[more(0, "a"), done, more(1, "b"), completed(&json!([]))]);
    assert_eq!(answer.parts, [Part::text("a"), Part::text("b")]);
}
