use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_core::call::Call;
use tollgate_core::error::Failure;
use tollgate_core::format::Operation;

use super::*;
use crate::answer::AnswerProblem;
use crate::formats::Received;
use crate::neutral::{
    Cache, Content, Effort, Event, Media, OutputFormat, Part, Reasoned, Reasoning, Request, Role,
    Source, ToolChoice,
};
use crate::state::State;
use crate::stream::{StreamProblem, StreamRules, Terminator};

fn call(body: &Value) -> Call {
    crate::anthropic::request::read(Received {
        operation: Operation::Chat,
        body: body.to_string().into(),
        model: None,
        stream: false,
        array: false,
    })
    .unwrap()
}

/// A request with these members beside the needed ones.
fn with(members: &Value) -> Result<Request, Failure> {
    let mut body = json!({
        "model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}],
    });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    request(&call(&body))
}

fn saying(blocks: &Value) -> Result<Request, Failure> {
    with(&json!({"messages": [{"role": "user", "content": blocks}]}))
}

/// A conversation with blocks of every kind.
fn every_kind() -> Value {
    let sealed = State::of("google", "sig").seal();
    json!({
        "system": [
            {"type": "text", "text": "one"},
            {"type": "text", "text": "two", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}},
                {"type": "image", "source": {"type": "file", "file_id": "f1"}},
                {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "foo"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": sealed},
                {"type": "redacted_thinking", "data": "own"},
                {"type": "thinking", "thinking": "unsigned", "signature": ""},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"b": 1, "a": 2}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "is_error": true, "content": [
                    {"type": "text", "text": "r"},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/x"}},
                ]},
                {"type": "tool_result", "tool_use_id": "c2"},
            ]},
        ],
    })
}

#[test]
fn blocks_of_every_kind_are_read() {
    let request = with(&every_kind()).unwrap();
    assert_eq!(request.others, Vec::<String>::new());
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::User]
    );
    assert_eq!(request.turns[0].parts[0], Part::text("one"));
    let ttl = Some("1h".to_owned());
    assert_eq!(request.turns[0].parts[1].cache, Some(Cache { ttl }));
    let media = |source, kind: &str, name: Option<&str>| Media {
        source,
        media_type: kind.to_owned(),
        name: name.map(str::to_owned),
        detail: None,
    };
    let contents = |at: usize| request.turns[at].parts.iter().map(|part| &part.content);
    let document = media(Source::Base64("Zm9v".to_owned()), "text/plain", Some("T"));
    assert!(contents(1).eq([
        &Content::Image(media(Source::Base64("aa".to_owned()), "image/png", None)),
        &Content::Image(media(Source::File("f1".to_owned()), "", None)),
        &Content::Document(document),
    ]));
    let thought = |text: &str, state, redacted| {
        Content::Reasoning(Reasoned {
            text: text.to_owned(),
            state,
            redacted,
        })
    };
    let assistant: Vec<&Content> = contents(2).collect();
    assert_eq!(
        assistant[..3],
        [
            &thought("t", Some(State::of("google", "sig")), false),
            &thought("", Some(State::open("own")), true),
            &thought("unsigned", None, false),
        ]
    );
    let Content::ToolCall(call) = assistant[3] else {
        panic!("{assistant:?}")
    };
    assert_eq!((&*call.id, &*call.arguments), ("c1", r#"{"b":1,"a":2}"#));
    let results: Vec<&Content> = contents(3).collect();
    let [Content::ToolResult(full), Content::ToolResult(empty)] = results[..] else {
        panic!("{results:?}")
    };
    assert!(full.failed && full.parts.len() == 2 && !empty.failed && empty.parts.is_empty());
}

#[test]
fn what_has_no_place_is_named() {
    let request = with(&json!({
        "tools": [
            {"name": "f", "input_schema": {"type": "object"}, "input_examples": [{}]},
            {"type": "web_search_20250305", "name": "web_search"},
            {"type": "custom", "name": "g", "input_schema": {"type": "object"}, "defer_loading": false},
        ],
        "tool_choice": {"type": "tool", "name": "web_search"},
        "mcp_servers": [], "container": "c", "context_management": {}, "service_tier": "auto",
        "metadata": {"user_id": "u"}, "output_config": {"task_budget": {}, "effort": "new"},
        "speed": null,
        "messages": [{"role": "user", "content": [
            {"type": "server_tool_use", "id": "s"},
            {"type": "document", "citations": {"enabled": true}, "context": "c",
                "source": {"type": "content", "content": "inside"}},
            {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "words"}]},
            {"type": "image", "source": {"type": "news"}},
            {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "tool_reference"}]},
        ]}],
    }))
    .unwrap();
    let mut others = request.others.clone();
    others.sort();
    assert_eq!(
        others,
        [
            "container",
            "context_management",
            "mcp_servers",
            "messages[0].content[0]",
            "messages[0].content[1].citations",
            "messages[0].content[1].context",
            "messages[0].content[1].source",
            "messages[0].content[2]",
            "messages[0].content[3].source",
            "messages[0].content[4].content[0]",
            "output_config.effort",
            "output_config.task_budget",
            "tool_choice",
            "tools[0].input_examples",
            "tools[1]",
        ]
    );
    assert_eq!((request.tools.len(), request.tool_choice), (2, None));
    assert_eq!(request.user.as_deref(), Some("u"));
    let parts = &request.turns[0].parts;
    for (part, text) in parts.iter().zip(["inside", "T", "S", "words"]) {
        assert_eq!(part, &Part::text(text));
    }
}

#[test]
fn wishes_are_read() {
    let thinking = |members: Value| with(&members).unwrap().reasoning;
    let reasoning = |effort, budget, show| {
        Some(Reasoning {
            effort,
            budget,
            show,
        })
    };
    for (members, want) in [
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}}),
            reasoning(None, Some(2048), Some(false)),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}),
            reasoning(None, Some(2048), Some(true)),
        ),
        (
            json!({"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}}),
            reasoning(Some(Effort::Highest), None, None),
        ),
        (
            json!({"thinking": {"type": "adaptive"}}),
            reasoning(None, None, None),
        ),
        (
            json!({"output_config": {"effort": "high"}, "thinking": {"type": "disabled"}}),
            reasoning(Some(Effort::None), None, None),
        ),
        (json!({"thinking": null}), None),
    ] {
        assert_eq!(thinking(members.clone()), want, "{members}");
    }
    let format = json!({"type": "json_schema", "schema": {"type": "object"}});
    for members in [
        json!({"output_config": {"format": format}}),
        json!({"output_format": format}),
    ] {
        let output = with(&members).unwrap().output;
        assert!(matches!(output, Some(OutputFormat::Schema { .. })));
    }
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    for (choice, want, parallel) in [
        (json!({"type": "auto"}), ToolChoice::Auto, None),
        (
            json!({"type": "any", "disable_parallel_tool_use": true}),
            ToolChoice::Required,
            Some(false),
        ),
        (json!({"type": "none"}), ToolChoice::None, None),
        (
            json!({"type": "tool", "name": "f"}),
            ToolChoice::Named("f".to_owned()),
            None,
        ),
    ] {
        let request = with(&json!({"tools": tools, "tool_choice": choice})).unwrap();
        assert_eq!(request.tool_choice, Some(want));
        assert_eq!(request.parallel_tools, parallel);
    }
    let marked = with(&json!({"cache_control": {"type": "ephemeral"}})).unwrap();
    assert_eq!(marked.turns[0].parts[0].cache, Some(Cache::default()));
}

#[test]
fn fields_of_a_wrong_shape_are_named() {
    for (result, path) in [
        (saying(&json!([{}])), "messages[0].content[0].type"),
        (
            saying(&json!([{"type": "text"}])),
            "messages[0].content[0].text",
        ),
        (
            saying(&json!([{"type": "text", "text": 5}])),
            "messages[0].content[0].text",
        ),
        (
            saying(&json!([{"type": "image"}])),
            "messages[0].content[0].source",
        ),
        (
            saying(&json!([{"type": "tool_use", "id": "", "name": "f"}])),
            "messages[0].content[0].id",
        ),
        (
            saying(&json!([{"type": "tool_use", "id": "x", "name": "f", "input": "{}"}])),
            "messages[0].content[0].input",
        ),
        (
            saying(&json!([{"type": "tool_result", "tool_use_id": "x", "content": 5}])),
            "messages[0].content[0].content",
        ),
        (
            saying(&json!([{"type": "text", "text": "x", "cache_control": 1}])),
            "messages[0].content[0].cache_control",
        ),
        (
            with(&json!({"messages": [{"role": "tool", "content": "x"}]})),
            "messages[0].role",
        ),
        (with(&json!({"system": [5]})), "system[0]"),
        (with(&json!({"tools": [{}]})), "tools[0].name"),
        (
            with(&json!({"tool_choice": {"type": "x"}})),
            "tool_choice.type",
        ),
        (with(&json!({"thinking": {}})), "thinking.type"),
        (with(&json!({"stop_sequences": [1]})), "stop_sequences[0]"),
        (with(&json!({"top_k": -1})), "top_k"),
        (
            with(&json!({"output_config": {"format": {"type": "json_schema"}}})),
            "output_config.format.schema",
        ),
    ] {
        let failure = result.unwrap_err();
        assert_eq!(failure.fields[0].path, path);
        assert_eq!(failure.model.as_deref(), Some("m"));
    }
}

fn read(events: &[Value]) -> (Vec<Event>, Result<(), StreamProblem>) {
    let mut reader = stream(StreamRules {
        show_usage: true,
        done: Terminator::Native,
        provider: "anthropic",
        array: false,
    });
    let mut text = String::new();
    for event in events {
        let name = event["type"].as_str().unwrap();
        text.push_str(&["event: ", name, "\ndata: ", &event.to_string(), "\n\n"].concat());
    }
    let mut found = Vec::new();
    let result = reader.feed(text.into(), &mut found);
    let result = result.and_then(|()| reader.end(&mut found));
    (found, result)
}

#[test]
fn blocks_that_make_no_sense_are_malformed() {
    let start =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text"}});
    let delta = json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta"}});
    for events in [
        vec![delta.clone()],
        vec![start.clone(), delta],
        vec![start.clone(), start],
        vec![json!({"type": "content_block_stop", "index": 0})],
        vec![json!({"type": "content_block_start", "content_block": {}})],
        vec![json!({"type": "content_block_start", "index": 0})],
    ] {
        let (_, result) = read(&events);
        assert!(
            matches!(result, Err(StreamProblem::Malformed(_))),
            "{events:?}"
        );
    }
}

#[test]
fn arguments_that_come_with_the_beginning_count_if_nothing_follows() {
    let start = json!({"type": "content_block_start", "index": 0, "content_block":
        {"type": "tool_use", "name": "f", "input": {"a": 1}}});
    let (events, result) = read(&[start, json!({"type": "message_stop"})]);
    assert_eq!(result, Ok(()));
    let id = "toolu_0".to_owned();
    let json = r#"{"a":1}"#.to_owned();
    assert_eq!(
        events[1..],
        [
            Event::ToolCall {
                index: 0,
                id,
                name: "f".to_owned(),
                state: None
            },
            Event::Arguments { index: 0, json },
            Event::CallEnd { index: 0 },
            Event::End,
        ]
    );
}

#[test]
fn hidden_thoughts_and_citations_are_read_from_streams() {
    let page = json!({"type": "web_search_result_location", "url": "https://example.com"});
    let (events, _) = read(&[
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking", "data": "d"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "x"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": page}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "news"}}),
    ]);
    let hidden = Event::ReasoningState {
        state: State::of("anthropic", "d"),
        redacted: true,
    };
    assert_eq!(events[1], hidden);
    assert_eq!(events[3], Event::Text("x".to_owned()));
    assert!(matches!(&events[4], Event::Citation(citation) if citation.url.is_some()));
}

#[test]
fn what_is_no_answer_is_told_apart() {
    let answer = |body: &'static str| answer(&Bytes::from_static(body.as_bytes()), "anthropic");
    for body in ["", " ", "<html>", "{"] {
        assert!(
            matches!(answer(body), Err(AnswerProblem::NotJson(_))),
            "{body}"
        );
    }
    for body in ["[]", "{}", r#"{"content":5}"#] {
        assert!(
            matches!(answer(body), Err(AnswerProblem::NotAnAnswer(_))),
            "{body}"
        );
    }
    for body in [r#"{"type":"error"}"#, r#"{"error":{},"content":[]}"#] {
        assert!(
            matches!(answer(body), Err(AnswerProblem::Error { .. })),
            "{body}"
        );
    }
    assert_eq!(count(&Bytes::from_static(br#"{"input_tokens":7}"#)), Ok(7));
    assert!(count(&Bytes::from_static(b"{}")).is_err());
}

#[test]
fn a_stream_whose_beginning_is_missing_begins_with_its_content() {
    let (events, result) = read(&[
        json!({"type": "ping"}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
        json!({"type": "message_stop"}),
    ]);
    result.unwrap();
    let begin = Event::Begin {
        id: None,
        model: None,
    };
    assert_eq!(
        events[..3],
        [Event::Idle, begin, Event::Text("Hi".to_owned())]
    );
}
