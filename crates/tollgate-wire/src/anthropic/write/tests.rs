mod streams;

use serde_json::{Number, Value, json};
use tollgate_core::reply::Finish;

use super::stream;
use crate::formats::{Aim, Asked, Lost};
use crate::neutral::{
    Content, Effort, Ending, Event, Gathering, Media, OutputFormat, Part, Reasoned, Reasoning,
    Request, Role, Source, Tool, ToolCall, ToolChoice, ToolResult,
};
use crate::quirks::Quirks;
use crate::state::{NO_STATE, State};

const fn aim(model: &str) -> Aim<'_> {
    Aim {
        provider: "anthropic",
        model,
        max_output: Some(8192),
        ask_usage: false,
        quirks: &Quirks::OPENAI,
    }
}

fn write(request: &Request, model: &str) -> (Value, Lost) {
    let mut lost = Lost::new();
    let body = super::request(request, &aim(model), &mut lost);
    (serde_json::from_slice(&body).unwrap(), lost)
}

fn asks() -> Request {
    let mut request = Request::default();
    request.push(Role::User, Part::text("Hi"));
    request
}

fn call(id: &str) -> Part {
    Part::new(Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "not JSON".to_owned(),
        state: Some(State::of("google", "sig")),
    }))
}

fn result(id: &str) -> Part {
    Part::new(Content::ToolResult(ToolResult {
        id: id.to_owned(),
        name: None,
        parts: vec![Part::text("")],
        failed: true,
    }))
}

#[test]
fn ids_that_are_refused_are_replaced_alike_in_calls_and_results() {
    let mut request = asks();
    request.push(Role::Assistant, call("call:1"));
    request.push(Role::User, Part::text("first"));
    request.push(Role::User, result("call:1"));
    let (body, lost) = write(&request, "claude-sonnet-4-0");
    let called = &body["messages"][1]["content"][0];
    assert!(called["id"].as_str().unwrap().starts_with("call_1_"));
    assert_eq!(called["input"], json!({"_raw": "not JSON"}));
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": called["id"], "is_error": true},
            {"type": "text", "text": "first"},
        ])
    );
    assert_eq!(lost, ["messages[1].content[0].thought_signature"]);
}

#[test]
fn thinking_rules_what_goes_with_it() {
    let request = Request {
        reasoning: Some(Reasoning {
            effort: Some(Effort::Medium),
            ..Reasoning::default()
        }),
        temperature: Number::from_f64(0.2),
        tools: vec![Tool {
            name: "f".to_owned(),
            description: None,
            parameters: None,
            strict: None,
            freeform: false,
            cache: None,
        }],
        tool_choice: Some(ToolChoice::Named("f".to_owned())),
        parallel_tools: Some(false),
        ..asks()
    };
    let (body, lost) = write(&request, "claude-sonnet-4-5");
    assert_eq!(
        body,
        json!({
            "model": "claude-sonnet-4-5",
            "messages": [{"role": "user", "content": "Hi"}],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
            "thinking": {"type": "enabled", "budget_tokens": 6144},
            "max_tokens": 8192,
        })
    );
    assert_eq!(lost, ["tool_choice", "temperature"]);
    let (body, _) = write(&request, "claude-opus-4-7");
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "medium"}));
    // The number of tokens is asked without what makes an answer.
    let count = super::count_request(&request, &aim("claude-sonnet-4-5"));
    let count: Value = serde_json::from_slice(&count).unwrap();
    assert_eq!(
        (count.get("max_tokens"), count.get("temperature")),
        (None, None)
    );
    assert!(count["tools"].is_array() && count["thinking"].is_object());
}

#[test]
fn a_thought_that_nobody_signed_is_told_from_one_of_anthropic() {
    let asked = Asked {
        request_id: "req_1",
        model: "m",
        now: 0,
        usage: false,
        array: false,
        freeform: &[],
    };
    let mut writer = stream(&asked);
    let mut out = Vec::new();
    writer.write(&Event::Reasoning("a".to_owned()), &mut out);
    writer.write(&Event::Text("b".to_owned()), &mut out);
    writer.write(&Event::Reasoning("c".to_owned()), &mut out);
    let state = State::of("google", "d");
    let signed = Event::ReasoningState {
        state: state.clone(),
        redacted: false,
    };
    writer.write(&signed, &mut out);
    writer.write(&Event::End, &mut out);
    let text = String::from_utf8(out).unwrap();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.map(|data| serde_json::from_str(data).unwrap());
    let signatures: Vec<String> = events
        .filter_map(|event: Value| Some(event["delta"]["signature"].as_str()?.to_owned()))
        .collect();
    assert_eq!(signatures, [NO_STATE.to_owned(), state.seal()]);
}

#[test]
fn foreign_thoughts_are_left_out_and_told() {
    let thought = |state| {
        Part::new(Content::Reasoning(Reasoned {
            text: "t".to_owned(),
            state,
            redacted: false,
        }))
    };
    let mut request = asks();
    request.push(Role::Assistant, thought(Some(State::of("google", "a"))));
    request.push(Role::Assistant, thought(None));
    request.push(Role::Assistant, thought(Some(State::of("anthropic", "b"))));
    request.push(Role::Assistant, Part::text("x"));
    request.push(Role::User, Part::text("y"));
    let (body, lost) = write(&request, "claude-sonnet-4-5");
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "t", "signature": "b"},
            {"type": "text", "text": "x"},
        ])
    );
    assert_eq!(lost, ["messages[1].content[0]", "messages[1].content[1]"]);
}

#[test]
fn system_turns_are_gathered_and_late_ones_told() {
    let mut request = Request::default();
    request.push(Role::System, Part::text("one"));
    request.push(Role::User, Part::text("Hi"));
    request.push(Role::System, Part::text("two"));
    request.push(Role::User, Part::text(" "));
    request.push(Role::User, Part::text("again"));
    request.push(Role::Assistant, Part::text("so: \n"));
    let (body, lost) = write(&request, "claude-3-haiku");
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(body["system"], json!([text("one"), text("two")]));
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [text("Hi"), text("again")]},
            {"role": "assistant", "content": "so:"},
        ])
    );
    assert_eq!(lost, ["messages[2].role"]);
    let mut alone = Request::default();
    alone.push(Role::System, Part::text("one"));
    let (body, lost) = write(&alone, "claude-3-haiku");
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": "one"}])
    );
    assert_eq!(
        (body.get("system"), lost),
        (None, vec!["messages[0].role".to_owned()])
    );
}

#[test]
fn what_cannot_be_said_is_told() {
    let media = |source, kind: &str| Media {
        source,
        media_type: kind.to_owned(),
        name: Some("n".to_owned()),
        detail: Some("high".to_owned()),
    };
    let data = || Source::Base64("Zm9v".to_owned());
    let mut request = Request {
        seed: Some(1),
        frequency_penalty: Number::from_f64(0.5),
        presence_penalty: Number::from_f64(0.0),
        temperature: Number::from_f64(1.7),
        stop: vec!["\n".to_owned(), "x".to_owned()],
        output: Some(OutputFormat::Json),
        user: Some("a@example.com".to_owned()),
        max_tokens: Some(10_000),
        ..Request::default()
    };
    for content in [
        Content::Image(media(data(), "image/png")),
        Content::Image(media(data(), "image/tiff")),
        Content::Image(media(Source::File("f".to_owned()), "image/png")),
        Content::Audio(media(data(), "audio/wav")),
        Content::Document(media(data(), "text/markdown")),
        Content::Document(media(data(), "application/zip")),
    ] {
        request.push(Role::User, Part::new(content));
    }
    let (body, mut lost) = write(&request, "claude-3-haiku");
    lost.sort();
    assert_eq!(
        lost,
        [
            "frequency_penalty",
            "max_tokens",
            "messages[0].content[0].detail",
            "messages[0].content[1]",
            "messages[0].content[1].detail",
            "messages[0].content[2]",
            "messages[0].content[2].detail",
            "messages[0].content[3]",
            "messages[0].content[5]",
            "response_format",
            "seed",
            "stop",
            "temperature",
        ]
    );
    let source = json!({"type": "text", "media_type": "text/plain", "data": "foo"});
    assert_eq!(
        body["messages"][0]["content"][1],
        json!({"type": "document", "source": source, "title": "n"})
    );
    assert_eq!(body["stop_sequences"], json!(["x"]));
    assert_eq!(
        (&body["max_tokens"], &body["temperature"]),
        (&json!(8192), &json!(1))
    );
    assert_eq!(body.get("metadata"), None);
}

#[test]
fn schemas_are_native_and_closed() {
    let request = Request {
        output: Some(OutputFormat::Schema {
            name: Some("n".to_owned()),
            description: None,
            schema: json!({"type": "object"}),
            strict: Some(true),
        }),
        ..asks()
    };
    let (body, lost) = write(&request, "claude-sonnet-4-5");
    let schema = json!({"type": "object", "additionalProperties": false});
    assert_eq!(
        body["output_config"]["format"],
        json!({"type": "json_schema", "schema": schema})
    );
    assert_eq!(lost, Lost::new());
    let (_, lost) = write(&request, "claude-3-5-haiku");
    assert_eq!(lost, ["response_format"]);
}

#[test]
fn tools_are_strict_where_that_is_known() {
    let tool = |strict| Tool {
        name: "f".to_owned(),
        description: None,
        parameters: Some(json!({"type": "object"})),
        strict,
        freeform: false,
        cache: None,
    };
    let request = Request {
        tools: vec![tool(Some(true)), tool(Some(false))],
        ..asks()
    };
    let schema = json!({"type": "object"});
    let closed = json!({"type": "object", "additionalProperties": false});
    let lenient = json!({"name": "f", "input_schema": schema});
    let (body, lost) = write(&request, "claude-sonnet-4-5");
    let strict = json!({"name": "f", "input_schema": closed, "strict": true});
    assert_eq!(body["tools"], json!([strict, lenient]));
    assert_eq!(lost, Lost::new());
    let (body, lost) = write(&request, "claude-3-haiku");
    assert_eq!(body["tools"], json!([lenient, lenient]));
    assert_eq!(lost, ["tools[0].strict"]);
}
