use bytes::Bytes;
use serde_json::json;
use tollgate_core::format::Operation;

use super::*;
use crate::formats::Received;
use crate::neutral::{Content, Source, ToolChoice};
use crate::responses::signature;
use crate::state::State;

fn parse(body: &Value) -> Result<Request, Failure> {
    let call = crate::responses::request::read(Received {
        operation: Operation::Chat,
        body: Bytes::from(body.to_string()),
        model: None,
        stream: false,
        array: false,
    });
    request(&call.unwrap())
}

/// The request for this input.
fn of_input(input: &Value) -> Request {
    parse(&json!({"model": "m", "input": input})).unwrap()
}

fn of_members(members: &Value) -> Request {
    let mut body = json!({"model": "m", "input": "x"});
    let members = members.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    parse(&body).unwrap()
}

fn text_of(part: &Part) -> &str {
    match &part.content {
        Content::Text { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn instructions_and_texts_become_turns() {
    let request = of_members(&json!({"instructions": "Be kind", "input": "Hi"}));
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User]);
    assert_eq!(text_of(&request.turns[0].parts[0]), "Be kind");
    assert_eq!(text_of(&request.turns[1].parts[0]), "Hi");
}

#[test]
fn what_codex_sends_is_understood() {
    use Role::{Assistant, System, User};
    let request = of_input(&json!([
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
        {"role": "user", "content": "fix it"},
        {"type": "reasoning", "summary": [], "encrypted_content": State::of("anthropic", "s").seal()},
        {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": "{\"n\":1}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [
            {"type": "input_text", "text": "ok"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
        ]},
        {"type": "local_shell_call", "call_id": "c3", "action": {}},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Done"}, {"type": "refusal", "refusal": "no"}]}
    ]));
    assert_eq!(request.others, ["input[7]"]);
    let parts: Vec<&Part> = request.turns.iter().flat_map(|turn| &turn.parts).collect();
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [System, User, Assistant, User, Assistant]);
    let Content::Reasoning(thought) = &parts[2].content else {
        panic!()
    };
    assert_eq!(thought.state, Some(State::of("anthropic", "s")));
    assert!(thought.redacted, "it was hidden");
    let Content::ToolCall(patch) = &parts[4].content else {
        panic!()
    };
    assert_eq!(patch.arguments, r#"{"input":"*** Begin"}"#);
    let Content::ToolResult(result) = &parts[6].content else {
        panic!()
    };
    assert_eq!(result.name.as_deref(), Some("apply_patch"));
    let Content::Image(image) = &result.parts[1].content else {
        panic!()
    };
    assert_eq!(image.source, Source::Base64("AA==".to_owned()));
    assert_eq!(parts[8].content, Content::Refusal("no".to_owned()));
}

#[test]
fn state_of_a_call_returns_to_the_call() {
    let state = State::of("google", "sig");
    let sealed = signature::seal(&state, "c1").unwrap();
    let request = of_input(&json!([
        {"type": "reasoning", "summary": [], "encrypted_content": sealed},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    ]));
    assert_eq!(request.turns[0].parts.len(), 1);
    let Content::ToolCall(call) = &request.turns[0].parts[0].content else {
        panic!()
    };
    assert_eq!(call.state, Some(state));
}

#[test]
fn thoughts_are_read_from_where_they_stand() {
    let request = of_input(&json!([
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "c"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
    ]));
    assert_eq!(request.others, ["input[0]"]);
    let thoughts = request.turns[0]
        .parts
        .iter()
        .map(|part| match &part.content {
            Content::Reasoning(thought) => (thought.text.as_str(), thought.redacted),
            other => panic!("{other:?}"),
        });
    let thoughts: Vec<_> = thoughts.collect();
    assert_eq!(thoughts, [("a\n\nb", false), ("c", false), ("", false)]);
}

#[test]
fn only_functions_are_tools_and_choices_among_them_hold() {
    let tools = json!([
        {"type": "function", "name": "a", "description": "A", "parameters": {"type": "object"}, "strict": true},
        {"type": "web_search"},
        {"type": "image_generation"},
        {"type": "function", "name": "b", "parameters": null},
    ]);
    let request =
        of_members(&json!({"tools": tools, "tool_choice": {"type": "function", "name": "b"}}));
    let names: Vec<&str> = request.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(
        (request.tools[0].strict, request.tools[1].strict),
        (Some(true), None)
    );
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("b".to_owned())));
    assert_eq!(request.others, ["tools[1]", "tools[2]"]);
    let allowed = json!({"type": "allowed_tools", "mode": "required", "tools": [
        {"type": "function", "name": "b"}, {"type": "web_search"}
    ]});
    let request = of_members(&json!({"tools": tools, "tool_choice": allowed}));
    let names: Vec<&str> = request.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(
        (names, request.tool_choice),
        (vec!["b"], Some(ToolChoice::Required))
    );
}

#[test]
fn tools_that_take_free_text_are_functions_with_one_argument() {
    let grammar = json!({"type": "grammar", "syntax": "lark", "definition": "start: /x/"});
    let tools = json!([
        {"type": "function", "name": "f"},
        {"type": "custom", "name": "a", "description": "A", "format": grammar},
        {"type": "custom", "name": "b", "format": {"type": "text"}},
        {"type": "custom", "name": "c", "format": {"type": "song"}},
    ]);
    let choice = json!({"type": "custom", "name": "b"});
    let request = of_members(&json!({"tools": tools, "tool_choice": choice}));
    let freeform: Vec<bool> = request.tools.iter().map(|tool| tool.freeform).collect();
    assert_eq!(freeform, [false, true, true, true]);
    let told = request.tools[1].description.as_deref().unwrap();
    assert!(told.starts_with("A\n\n"), "{told}");
    assert!(told.ends_with("(lark):\nstart: /x/"), "{told}");
    let schema = request.tools[1].parameters.as_ref().unwrap();
    assert_eq!(schema["required"], json!(["input"]));
    assert_eq!(schema["properties"]["input"]["type"], "string");
    assert_eq!(request.tools[2].description, None);
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("b".to_owned())));
    assert_eq!(request.others, ["tools[3].format"]);
    let allowed = json!({"type": "allowed_tools", "tools": [
        {"type": "custom", "name": "a"}, {"type": "custom", "name": "f"}
    ]});
    let request = of_members(&json!({"tools": tools, "tool_choice": allowed}));
    let names: Vec<&str> = request.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["a"]);
}

#[test]
fn choices_that_cannot_hold_are_reported() {
    for (tools, choice) in [
        (json!([{"type": "web_search"}]), json!("required")),
        (json!([]), json!({"type": "function", "name": "a"})),
        (
            json!([{"type": "custom", "name": "a"}]),
            json!({"type": "custom", "name": "b"}),
        ),
    ] {
        let request = of_members(&json!({"tools": tools, "tool_choice": choice}));
        assert_eq!(request.tool_choice, None, "{choice}");
        assert!(
            request.others.contains(&"tool_choice".to_owned()),
            "{choice}"
        );
    }
}

#[test]
fn wishes_are_carried() {
    let request = of_members(&json!({
        "reasoning": {"effort": "xhigh", "summary": "auto"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}},
        "max_output_tokens": 9, "temperature": 0.5, "top_p": 1, "parallel_tool_calls": false,
        "safety_identifier": "u",
    }));
    let reasoning = request.reasoning.unwrap();
    assert_eq!(reasoning.effort, Some(Effort::Highest));
    assert_eq!(reasoning.show, Some(true));
    let want = OutputFormat::Schema {
        name: Some("n".to_owned()),
        description: None,
        schema: json!({}),
        strict: Some(true),
    };
    assert_eq!(request.output, Some(want));
    assert_eq!(
        (request.max_tokens, request.parallel_tools),
        (Some(9), Some(false))
    );
    assert_eq!(request.user.as_deref(), Some("u"));
    assert!(request.others.is_empty(), "{:?}", request.others);
}

#[test]
fn what_has_no_place_is_reported_and_what_changes_nothing_is_not() {
    let request = of_members(&json!({
        "store": true, "metadata": {"a": "b"}, "truncation": "auto", "service_tier": "flex",
        "prompt_cache_key": "k", "client_metadata": {}, "background": false, "user": null,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "top_logprobs": 3, "max_tool_calls": 2, "new_thing": 1, "gone": null,
        "text": {"verbosity": "low"}, "reasoning": {"effort": "extreme"},
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}, {"type": "input_video"}]}],
    }));
    let want = [
        "input[0].content[1]",
        "text.verbosity",
        "reasoning.effort",
        "include[1]",
        "top_logprobs",
        "max_tool_calls",
        "new_thing",
    ];
    assert_eq!(request.others, want);
    assert_eq!((request.output, request.reasoning), (None, None));
}

#[test]
fn what_is_kept_at_a_provider_is_refused() {
    for (member, value) in [
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!({"id": "conv_1"})),
        ("prompt", json!({"id": "pmpt_1"})),
        ("background", json!(true)),
    ] {
        let failure = parse(&json!({"model": "m", "input": "x", member: value})).unwrap_err();
        assert_eq!(failure.code, Code::InvalidRequest);
        assert_eq!(failure.fields[0].path, member);
    }
}

#[test]
fn wrong_shapes_are_named() {
    for (members, path) in [
        (json!({"input": [{"content": "x"}]}), "input[0].role"),
        (
            json!({"input": [{"role": "robot", "content": "x"}]}),
            "input[0].role",
        ),
        (json!({"input": [{"role": "user"}]}), "input[0].content"),
        (
            json!({"input": [{"role": "user", "content": 7}]}),
            "input[0].content",
        ),
        (
            json!({"input": [{"role": "user", "content": ["x"]}]}),
            "input[0].content[0]",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}),
            "input[0].content[0].text",
        ),
        (json!({"input": [{"type": 7}]}), "input[0].type"),
        (
            json!({"input": [{"type": "function_call", "name": "f"}]}),
            "input[0].call_id",
        ),
        (
            json!({"input": [{"type": "function_call", "call_id": "c", "name": ""}]}),
            "input[0].name",
        ),
        (
            json!({"input": [{"type": "function_call_output", "call_id": "c", "output": {}}]}),
            "input[0].output",
        ),
        (json!({"tools": [7]}), "tools[0]"),
        (json!({"tools": [{"type": "function"}]}), "tools[0].name"),
        (
            json!({"tools": [{"type": "function", "name": "f", "parameters": "x"}]}),
            "tools[0].parameters",
        ),
        (json!({"tool_choice": "sometimes"}), "tool_choice"),
        (
            json!({"text": {"format": {"type": "json_schema"}}}),
            "text.format.schema",
        ),
        (json!({"text": {"format": {}}}), "text.format.type"),
        (json!({"reasoning": {"effort": 7}}), "reasoning.effort"),
    ] {
        let mut body = json!({"model": "m", "input": "x"});
        let extra = members.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(extra);
        let failure = parse(&body).unwrap_err();
        assert_eq!(failure.code, Code::InvalidRequest, "{members}");
        assert_eq!(failure.fields[0].path, path, "{members}");
    }
}
