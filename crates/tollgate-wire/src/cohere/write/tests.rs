use super::*;
use crate::neutral::{Content, Effort, Media, Part, Reasoned, Role, Source, ToolCall, ToolResult};
use crate::quirks::Quirks;
use crate::state::State;

fn written(request: &Request) -> (Value, Lost) {
    let aim = Aim {
        provider: "cohere",
        model: "command-a",
        max_output: None,
        ask_usage: false,
        quirks: &Quirks::COMPATIBLE,
    };
    let mut lost = Lost::new();
    let body = super::request(request, &aim, &mut lost);
    (serde_json::from_slice(&body).unwrap(), lost)
}

fn tool(name: &str, strict: Option<bool>) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        parameters: None,
        strict,
        freeform: false,
        cache: None,
    }
}

fn media(source: Source) -> Media {
    Media {
        source,
        media_type: "image/png".to_owned(),
        name: None,
        detail: None,
    }
}

fn thought(state: Option<State>) -> Part {
    Part::new(Content::Reasoning(Reasoned {
        text: "plan".to_owned(),
        state,
        redacted: false,
    }))
}

#[test]
fn settings_get_their_names() {
    let request = Request {
        max_tokens: Some(5),
        stop: vec!["x".to_owned()],
        temperature: Some(1.into()),
        top_p: Some(1.into()),
        top_k: Some(3),
        seed: Some(4),
        frequency_penalty: Some(0.into()),
        presence_penalty: Some(0.into()),
        user: Some("u".to_owned()),
        stream: true,
        ..Request::default()
    };
    let (body, lost) = written(&request);
    assert_eq!(
        body,
        json!({"model": "command-a", "messages": [], "max_tokens": 5, "stop_sequences": ["x"],
            "temperature": 1, "p": 1, "k": 3, "seed": 4, "frequency_penalty": 0,
            "presence_penalty": 0, "stream": true})
    );
    assert!(lost.is_empty());
    let negative = Request {
        seed: Some(-1),
        ..Request::default()
    };
    assert_eq!(written(&negative).1, ["seed"]);
}

#[test]
fn thinking_has_a_budget() {
    let of = |reasoning| {
        let request = Request {
            reasoning: Some(reasoning),
            ..Request::default()
        };
        written(&request).0["thinking"].clone()
    };
    let effort = |effort| Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    };
    let budget = |budget| Reasoning {
        budget: Some(budget),
        ..Reasoning::default()
    };
    assert_eq!(of(effort(Effort::None)), json!({"type": "disabled"}));
    assert_eq!(of(budget(0)), json!({"type": "disabled"}));
    assert_eq!(
        of(budget(99)),
        json!({"type": "enabled", "token_budget": 99})
    );
    let low = Effort::Low.budget();
    assert_eq!(
        of(effort(Effort::Low)),
        json!({"type": "enabled", "token_budget": low})
    );
    assert_eq!(of(Reasoning::default()), Value::Null);
}

#[test]
fn tools_and_their_choice_are_said_as_far_as_can_be() {
    let with = |tools: Vec<Tool>, tool_choice| Request {
        tools,
        tool_choice,
        parallel_tools: Some(false),
        ..Request::default()
    };
    let both = || vec![tool("f", Some(true)), tool("g", None)];
    let named = |name: &str| Some(ToolChoice::Named(name.to_owned()));
    for (request, choice, want) in [
        (
            with(both(), None),
            Value::Null,
            vec!["tools[0].strict", "parallel_tool_calls"],
        ),
        (
            with(vec![tool("f", None)], Some(ToolChoice::Auto)),
            Value::Null,
            vec!["parallel_tool_calls"],
        ),
        (
            with(vec![tool("f", None)], Some(ToolChoice::None)),
            json!("NONE"),
            vec!["parallel_tool_calls"],
        ),
        (
            with(vec![tool("f", None)], Some(ToolChoice::Required)),
            json!("REQUIRED"),
            vec!["parallel_tool_calls"],
        ),
        (
            with(vec![tool("f", None)], named("f")),
            json!("REQUIRED"),
            vec!["parallel_tool_calls"],
        ),
        (
            with(both(), named("f")),
            json!("REQUIRED"),
            vec!["tools[0].strict", "tool_choice", "parallel_tool_calls"],
        ),
        (with(vec![], named("f")), Value::Null, vec!["tool_choice"]),
        (with(vec![], Some(ToolChoice::Auto)), Value::Null, vec![]),
    ] {
        let (body, lost) = written(&request);
        assert_eq!(body["tool_choice"], choice);
        assert_eq!(lost, want);
    }
    let (body, lost) = written(&Request {
        tools: vec![tool("f", Some(true))],
        ..Request::default()
    });
    assert_eq!(body["strict_tools"], true);
    assert_eq!(
        body["tools"],
        json!([{"type": "function", "function": {"name": "f",
            "parameters": {"type": "object", "properties": {}}}}])
    );
    assert!(lost.is_empty());
}

#[test]
fn schemas_go_without_their_names_and_not_beside_tools() {
    let schema = json!({"type": "object"});
    let mut request = Request {
        output: Some(OutputFormat::Schema {
            name: Some("n".to_owned()),
            description: None,
            schema: schema.clone(),
            strict: Some(true),
        }),
        ..Request::default()
    };
    let (body, lost) = written(&request);
    assert_eq!(
        body["response_format"],
        json!({"type": "json_object", "json_schema": schema})
    );
    assert!(lost.is_empty());
    request.tools.push(tool("f", None));
    let (body, lost) = written(&request);
    assert_eq!(body["response_format"], Value::Null);
    assert_eq!(lost, ["response_format"]);
}

#[test]
fn a_conversation_keeps_its_order_and_tells_what_it_lost() {
    let mut request = Request::default();
    let call = |id: &str, state| {
        Part::new(Content::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: String::new(),
            state,
        }))
    };
    let image = |source| Part::new(Content::Image(media(source)));
    request.push(Role::System, Part::text("be"));
    request.push(Role::User, Part::text("Hi"));
    request.push(Role::User, image(Source::Base64("AA".to_owned())));
    request.push(Role::User, image(Source::File("f".to_owned())));
    request.push(Role::Assistant, thought(None));
    request.push(Role::Assistant, thought(Some(State::of("anthropic", "s"))));
    request.push(Role::Assistant, call("a", None));
    request.push(Role::Assistant, call("b", Some(State::of("google", "s"))));
    request.push(Role::User, Part::text("more"));
    let result = ToolResult {
        id: "a".to_owned(),
        name: None,
        parts: vec![
            Part::text("one"),
            image(Source::Url("https://e.com/i".to_owned())),
            Part::new(Content::Document(media(Source::Base64(String::new())))),
        ],
        failed: true,
    };
    request.push(Role::User, Part::new(Content::ToolResult(result)));
    request.push(Role::Assistant, thought(None));
    let (body, lost) = written(&request);
    let function = json!({"name": "f", "arguments": "{}"});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "system", "content": "be"},
            {"role": "user", "content": [
                {"type": "text", "text": "Hi"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
            ]},
            {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": function},
                {"id": "b", "type": "function", "function": function},
            ], "tool_plan": "plan"},
            {"role": "tool", "tool_call_id": "a", "content": "one"},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://e.com/i"}},
                {"type": "text", "text": "more"},
            ]},
        ])
    );
    assert_eq!(
        lost,
        [
            "messages[1].content[2]",
            "messages[2].content[1]",
            "messages[2].content[3].signature",
            "messages[3].content[1].content[2]",
            "messages[3].content[1].is_error",
        ]
    );
}
