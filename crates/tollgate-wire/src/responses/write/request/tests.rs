use serde_json::Number;

use super::*;
use crate::neutral::{Media, Part, Reasoned, Reasoning, Role, Source, ToolCall, ToolResult};
use crate::quirks::Quirks;
use crate::state::State;

fn written(request: &Request, quirks: &'static Quirks) -> (Value, Lost) {
    let mut lost = Lost::new();
    let aim = Aim {
        provider: "openai",
        model: "own",
        max_output: Some(99),
        ask_usage: true,
        quirks,
    };
    let body = super::request(request, &aim, &mut lost);
    (serde_json::from_slice(&body).unwrap(), lost)
}

fn thought(state: Option<State>) -> Part {
    Part::new(Content::Reasoning(Reasoned {
        text: "Hm".to_owned(),
        state,
        redacted: false,
    }))
}

#[test]
fn what_has_no_words_is_lost_by_name() {
    let mut request = Request {
        stop: vec!["x".to_owned()],
        top_k: Some(1),
        seed: Some(2),
        frequency_penalty: Some(Number::from(1)),
        presence_penalty: Some(Number::from(1)),
        ..Request::default()
    };
    let media = Media {
        source: Source::Base64("AAAA".to_owned()),
        media_type: "audio/wav".to_owned(),
        name: None,
        detail: None,
    };
    request.push(Role::User, Part::text("Hi"));
    request.push(Role::User, Part::new(Content::Audio(media)));
    request.push(Role::Assistant, thought(Some(State::of("xai", "s"))));
    request.push(Role::Assistant, thought(None));
    let call = ToolCall {
        id: "c".to_owned(),
        name: "f".to_owned(),
        arguments: String::new(),
        state: Some(State::of("google", "s")),
    };
    request.push(Role::Assistant, Part::new(Content::ToolCall(call)));
    let result = ToolResult {
        id: "c".to_owned(),
        name: None,
        parts: vec![thought(None)],
        failed: true,
    };
    request.push(Role::User, Part::new(Content::ToolResult(result)));
    let (body, lost) = written(&request, &Quirks::OPENAI);
    let want = [
        "messages[0].content[1]",
        "messages[1].content[0]",
        "messages[1].content[1]",
        "messages[1].content[2].signature",
        "messages[2].content[0].is_error",
        "messages[2].content[0].content[0]",
        "stop",
        "top_k",
        "seed",
        "frequency_penalty",
        "presence_penalty",
    ];
    assert_eq!(lost, want);
    let input = json!([
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": []},
    ]);
    assert_eq!(body["input"], input);
    assert_eq!(
        (&body["model"], &body["store"]),
        (&json!("own"), &json!(false))
    );
}

#[test]
fn state_is_asked_for_only_of_models_that_think() {
    let thinking = |effort| Request {
        reasoning: Some(Reasoning {
            effort: Some(effort),
            ..Reasoning::default()
        }),
        ..Request::default()
    };
    let mut has_thought = Request::default();
    has_thought.push(Role::Assistant, thought(Some(State::of("openai", "s"))));
    let include = json!(["reasoning.encrypted_content"]);
    for (request, want) in [
        (Request::default(), &Value::Null),
        (thinking(Effort::None), &Value::Null),
        (thinking(Effort::High), &include),
        (has_thought, &include),
    ] {
        let (body, lost) = written(&request, &Quirks::OPENAI);
        assert_eq!((&body["include"], lost.len()), (want, 0), "{body}");
    }
}

#[test]
fn system_texts_behind_the_first_keep_their_place() {
    let mut request = Request::default();
    request.push(Role::System, Part::text("a"));
    request.push(Role::System, Part::text("b"));
    request.push(Role::User, Part::text("c"));
    request.push(Role::System, Part::text("d"));
    let (body, _) = written(&request, &Quirks::OPENAI);
    assert_eq!(body["instructions"], "a");
    let roles: Vec<&Value> = body["input"].as_array().unwrap().iter().collect();
    let roles: Vec<&str> = roles
        .iter()
        .map(|item| item["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["system", "user", "system"]);
}

#[test]
fn quirks_of_the_provider_count() {
    let quirks: &'static Quirks = &Quirks {
        schemas: false,
        effort: false,
        tool_required: "any",
        ..Quirks::COMPATIBLE
    };
    let request = Request {
        tool_choice: Some(ToolChoice::Required),
        output: Some(OutputFormat::Schema {
            name: None,
            description: None,
            schema: json!({}),
            strict: None,
        }),
        reasoning: Some(Reasoning {
            budget: Some(5000),
            ..Reasoning::default()
        }),
        ..Request::default()
    };
    let (body, lost) = written(&request, quirks);
    assert_eq!(lost, ["response_format", "reasoning.effort"]);
    assert_eq!(body["tool_choice"], "any");
    assert_eq!(body["text"]["format"]["type"], "json_object");
    assert_eq!(body["reasoning"], Value::Null);
    let (body, lost) = written(&request, &Quirks::OPENAI);
    assert!(lost.is_empty());
    assert_eq!(body["reasoning"]["effort"], "medium");
    assert_eq!(body["text"]["format"]["name"], "response");
}

#[test]
fn functions_are_strict_only_where_that_is_asked_for() {
    let tool = |strict| Tool {
        name: "f".to_owned(),
        description: None,
        parameters: None,
        strict,
        freeform: false,
        cache: None,
    };
    let request = Request {
        tools: vec![tool(None), tool(Some(true))],
        ..Request::default()
    };
    let (body, _) = written(&request, &Quirks::OPENAI);
    let parameters = json!({"type": "object", "properties": {}});
    let want = json!([
        {"type": "function", "name": "f", "parameters": parameters, "strict": false},
        {"type": "function", "name": "f", "parameters": parameters, "strict": true},
    ]);
    assert_eq!(body["tools"], want);
}
