use bytes::Bytes;

use super::*;
use crate::neutral::{
    Cache, Content, Effort, Media, OutputFormat, Part, Reasoned, Reasoning, Role, Source, Tool,
    ToolCall, ToolChoice, ToolResult,
};
use crate::openai::request::read_chat;
use crate::state::State;

fn parsed(body: &Value) -> Result<Request, Failure> {
    let call = read_chat(Bytes::from(body.to_string()))?;
    request(&call)
}

fn with(members: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// What is parsed of these members beside a plain message.
fn settings(members: &Value) -> Request {
    let mut request = parsed(&with(members)).unwrap();
    assert_eq!(request.turns.len(), 1);
    request.turns.clear();
    request
}

/// The parts of these messages with their roles.
fn messages(messages: &Value) -> (Vec<(Role, Part)>, Vec<String>) {
    let request = parsed(&json!({"model": "m", "messages": messages})).unwrap();
    for pair in request.turns.windows(2) {
        assert_ne!(pair[0].role, pair[1].role);
    }
    let parts = request.turns.into_iter().flat_map(|turn| {
        let role = turn.role;
        turn.parts.into_iter().map(move |part| (role, part))
    });
    (parts.collect(), request.others)
}

fn faults(body: &Value) -> Vec<String> {
    let failure = parsed(body).unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    failure
        .fields
        .iter()
        .map(|field| field.path.clone())
        .collect()
}

#[test]
fn plain_members_are_taken() {
    let request = settings(&json!({
        "stream": true, "max_tokens": 9, "max_completion_tokens": 8, "temperature": 0.5,
        "top_p": 1, "top_k": 5.0, "seed": -7, "stop": ["a", "b"], "user": "u",
        "frequency_penalty": 0.25, "presence_penalty": -1, "parallel_tool_calls": false,
        "stream_options": {"include_usage": true},
    }));
    let number = |value: Value| value.as_number().cloned();
    assert_eq!(
        request,
        Request {
            stream: true,
            max_tokens: Some(8),
            temperature: number(json!(0.5)),
            top_p: number(json!(1)),
            top_k: Some(5),
            seed: Some(-7),
            stop: vec!["a".to_owned(), "b".to_owned()],
            user: Some("u".to_owned()),
            frequency_penalty: number(json!(0.25)),
            presence_penalty: number(json!(-1)),
            parallel_tools: Some(false),
            ..Request::default()
        }
    );
    assert_eq!(settings(&json!({"stop": "x"})).stop, ["x"]);
    assert_eq!(
        settings(&json!({"stop": null, "top_k": -1})),
        Request::default()
    );
}

#[test]
fn what_has_no_place_is_named_and_what_changes_nothing_is_not() {
    let named = |members: Value| settings(&members).others;
    for name in [
        "logit_bias",
        "top_logprobs",
        "audio",
        "prediction",
        "web_search_options",
        "verbosity",
        "provider",
        "min_p",
        "x",
    ] {
        assert_eq!(named(json!({name: {"a": 1}})), [name]);
    }
    for (members, want) in [
        (json!({"n": 2}), vec!["n"]),
        (json!({"logprobs": true}), vec!["logprobs"]),
        (json!({"modalities": ["text", "audio"]}), vec!["modalities"]),
        (
            json!({"seed": 18_446_744_073_709_551_615_u64}),
            vec!["seed"],
        ),
        (json!({"tool_choice": "sometimes"}), vec!["tool_choice"]),
        (
            json!({"tool_choice": {"type": "allowed_tools"}}),
            vec!["tool_choice"],
        ),
        (
            json!({"response_format": {"type": "grammar"}}),
            vec!["response_format"],
        ),
        (
            json!({"reasoning_effort": "default"}),
            vec!["reasoning_effort"],
        ),
        (
            json!({"reasoning": {"summary": "auto"}}),
            vec!["reasoning.summary"],
        ),
        (json!({"thinking": {"type": "adaptive"}}), vec!["thinking"]),
        (
            json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]}),
            vec!["tools[0]"],
        ),
    ] {
        assert_eq!(named(members), want);
    }
    assert_eq!(
        settings(&json!({
            "n": 1, "logprobs": false, "modalities": ["text"], "logit_bias": {}, "top_logprobs": 0,
            "metadata": {"a": "b"}, "store": true, "service_tier": "auto", "audio": null,
            "safety_identifier": "s", "prompt_cache_key": "k", "functions": [], "tools": [],
        })),
        Request::default()
    );
}

#[test]
fn wrong_shapes_are_named() {
    for (members, want) in [
        (json!({"parallel_tool_calls": 1}), "parallel_tool_calls"),
        (json!({"top_k": "x"}), "top_k"),
        (json!({"tools": [1]}), "tools[0]"),
        (json!({"tools": [{}]}), "tools[0].type"),
        (
            json!({"tools": [{"type": "function"}]}),
            "tools[0].function",
        ),
        (
            json!({"tools": [{"type": "function", "function": {}}]}),
            "tools[0].function.name",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}),
            "tools[0].function.parameters",
        ),
        (json!({"functions": [{"name": ""}]}), "functions[0].name"),
        (json!({"function_call": 1}), "function_call"),
        (
            json!({"tool_choice": {"function": {}}}),
            "tool_choice.function.name",
        ),
        (json!({"response_format": {}}), "response_format.type"),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "response_format.json_schema",
        ),
        (json!({"reasoning_effort": 1}), "reasoning_effort"),
        (json!({"reasoning": "high"}), "reasoning"),
        (
            json!({"reasoning": {"max_tokens": "x"}}),
            "reasoning.max_tokens",
        ),
        (json!({"thinking": {}}), "thinking.type"),
    ] {
        assert_eq!(faults(&with(&members)), [want]);
    }
}

#[test]
fn wrong_shapes_in_messages_are_named() {
    for (message, want) in [
        (json!({"role": "robot", "content": "x"}), "messages[0].role"),
        (
            json!({"role": "tool", "content": "x"}),
            "messages[0].tool_call_id",
        ),
        (
            json!({"role": "function", "name": "f", "content": "x"}),
            "messages[0].name",
        ),
        (
            json!({"role": "user", "content": [{}]}),
            "messages[0].content[0].type",
        ),
        (
            json!({"role": "user", "content": [{"type": "text"}]}),
            "messages[0].content[0].text",
        ),
        (
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}),
            "messages[0].content[0].image_url.url",
        ),
        (
            json!({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}),
            "messages[0].content[0].input_audio.format",
        ),
        (
            json!({"role": "user", "content": [{"type": "file", "file": {}}]}),
            "messages[0].content[0].file.file_data",
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"id": "a"}]}),
            "messages[0].tool_calls[0].function",
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}),
            "messages[0].tool_calls[0].id",
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": 1}}]}),
            "messages[0].tool_calls[0].function.arguments",
        ),
    ] {
        assert_eq!(
            faults(&json!({"model": "m", "messages": [message]})),
            [want]
        );
    }
}

#[test]
fn reasoning_is_understood_in_every_form() {
    let of = |members: Value| settings(&members).reasoning;
    let effort = |effort| Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    };
    let budget = |budget| Reasoning {
        budget: Some(budget),
        ..Reasoning::default()
    };
    for (members, want) in [
        (json!({"reasoning_effort": "high"}), effort(Effort::High)),
        (
            json!({"reasoning": {"effort": "xhigh"}}),
            effort(Effort::Highest),
        ),
        (json!({"reasoning": {"max_tokens": 99}}), budget(99)),
        (
            json!({"reasoning": {"enabled": true}}),
            effort(Effort::Medium),
        ),
        (
            json!({"reasoning": {"enabled": false}}),
            effort(Effort::None),
        ),
        (
            json!({"reasoning": {"effort": "low", "exclude": true, "enabled": true}}),
            Reasoning {
                show: Some(false),
                ..effort(Effort::Low)
            },
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 5}}),
            budget(5),
        ),
        (
            json!({"thinking": {"type": "enabled"}}),
            effort(Effort::Medium),
        ),
        (json!({"thinking": {"type": "disabled"}}), budget(0)),
    ] {
        assert_eq!(of(members), Some(want));
    }
    assert_eq!(of(json!({"reasoning": {}})), None);
}

#[test]
fn tools_are_taken_in_both_forms() {
    let request = settings(&json!({
        "tools": [{"type": "function", "cache_control": {"type": "ephemeral", "ttl": "1h"},
            "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "functions": [{"name": "g"}],
        "function_call": {"name": "g"},
    }));
    assert_eq!(
        request.tools,
        [
            Tool {
                name: "f".to_owned(),
                description: Some("d".to_owned()),
                parameters: Some(json!({"type": "object"})),
                strict: Some(true),
                freeform: false,
                cache: Some(Cache {
                    ttl: Some("1h".to_owned())
                }),
            },
            Tool {
                name: "g".to_owned(),
                description: None,
                parameters: None,
                strict: None,
                freeform: false,
                cache: None,
            },
        ]
    );
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("g".to_owned())));
    for (word, want) in [
        ("auto", ToolChoice::Auto),
        ("none", ToolChoice::None),
        ("required", ToolChoice::Required),
        ("any", ToolChoice::Required),
    ] {
        assert_eq!(
            settings(&json!({"tool_choice": word})).tool_choice,
            Some(want)
        );
    }
}

#[test]
fn the_form_of_the_answer_is_taken() {
    let of = |value: Value| settings(&json!({"response_format": value})).output;
    assert_eq!(of(json!({"type": "text"})), Some(OutputFormat::Text));
    assert_eq!(of(json!({"type": "json_object"})), Some(OutputFormat::Json));
    let schema = json!({"type": "object"});
    assert_eq!(
        of(json!({"type": "json_schema", "json_schema":
            {"name": "n", "description": "d", "strict": true, "schema": schema}})),
        Some(OutputFormat::Schema {
            name: Some("n".to_owned()),
            description: Some("d".to_owned()),
            schema,
            strict: Some(true),
        })
    );
}

#[test]
fn parts_of_a_content_are_taken() {
    let media = |source, media_type: &str| Media {
        source,
        media_type: media_type.to_owned(),
        name: None,
        detail: None,
    };
    let base64 = |data: &str| Source::Base64(data.to_owned());
    let (parts, others) = messages(&json!([
        {"role": "developer", "content": [{"type": "text", "text": "be"}, {"type": "image_url", "image_url": "x"}]},
        {"role": "user", "name": "Bob", "content": [
            {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "data:image/gif;base64,AA", "detail": "low"}},
            {"type": "image_url", "image_url": "https://e.com/a.png"},
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "video_url", "video_url": {"url": "x"}},
        ]},
    ]));
    let mut low = media(base64("AA"), "image/gif");
    low.detail = Some("low".to_owned());
    let mut named = media(base64("AA"), "application/pdf");
    named.name = Some("a.pdf".to_owned());
    let page = Source::Url("https://e.com/a.png".to_owned());
    let mut hi = Part::text("Hi");
    hi.cache = Some(Cache::default());
    let user = [
        hi,
        Part::new(Content::Image(low)),
        Part::new(Content::Image(media(page, ""))),
        Part::new(Content::Audio(media(base64("AA"), "audio/mpeg"))),
        Part::new(Content::Document(named)),
        Part::new(Content::Document(media(
            Source::File("file-1".to_owned()),
            "",
        ))),
    ];
    let want: Vec<_> = [(Role::System, Part::text("be"))]
        .into_iter()
        .chain(user.map(|part| (Role::User, part)))
        .collect();
    assert_eq!(parts, want);
    assert_eq!(
        others,
        [
            "messages[0].content[1]",
            "messages[1].name",
            "messages[1].content[6]"
        ]
    );
}

#[test]
fn calls_and_their_results_belong_together() {
    let call = |id: &str, name: &str, arguments: &str| {
        Part::new(Content::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            state: None,
        }))
    };
    let result = |id: &str, name: &str, text: &str| {
        Part::new(Content::ToolResult(ToolResult {
            id: id.to_owned(),
            name: Some(name.to_owned()),
            parts: vec![Part::text(text)],
            failed: false,
        }))
    };
    let (parts, others) = messages(&json!([
        {"role": "assistant", "content": "", "refusal": null, "annotations": [], "audio": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": {"x": 1}}},
            {"id": "c", "type": "custom", "custom": {"name": "h", "input": "text"}},
        ]},
        {"role": "tool", "tool_call_id": "b", "content": "two"},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "one"}]},
        {"role": "assistant", "content": null, "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": "three"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]));
    assert_eq!(
        parts,
        [
            (Role::Assistant, call("a", "f", "{")),
            (Role::Assistant, call("b", "g", r#"{"x":1}"#)),
            (Role::Assistant, call("c", "h", r#"{"input":"text"}"#)),
            (Role::User, result("b", "g", "two")),
            (Role::User, result("a", "f", "one")),
            (Role::Assistant, call("call_2_old", "old", "{}")),
            (Role::User, result("call_2_old", "old", "three")),
            (
                Role::Assistant,
                Part::new(Content::Refusal("no".to_owned()))
            ),
        ]
    );
    assert!(others.is_empty());
}

#[test]
fn thoughts_come_back_with_their_states() {
    let own = State::of("anthropic", "sig");
    let thoughts = |message: Value| {
        let mut message = message;
        message["role"] = json!("assistant");
        message["content"] = json!("x");
        let (parts, others) = messages(&json!([message]));
        assert!(others.is_empty());
        let thoughts = parts
            .into_iter()
            .filter_map(|(_, part)| match part.content {
                Content::Reasoning(thought) => {
                    Some((thought.text, thought.state, thought.redacted))
                }
                _ => None,
            });
        thoughts.collect::<Vec<_>>()
    };
    let one = |text: &str, state: Option<&State>| vec![(text.to_owned(), state.cloned(), false)];
    let signed = |text: &str| json!({"type": "reasoning.text", "text": text, "signature": own.seal(), "index": 0});
    for (message, want) in [
        (json!({"reasoning_content": "so"}), one("so", None)),
        (
            json!({"reasoning": "so", "reasoning_content": null}),
            one("so", None),
        ),
        // As our whole answers have it, and as streams are put together.
        (
            json!({"reasoning_content": "so", "reasoning_details": [signed("so")]}),
            one("so", Some(&own)),
        ),
        (
            json!({"reasoning_content": "so", "reasoning_details": [signed("")]}),
            one("so", Some(&own)),
        ),
        (
            json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": own.seal()}]}),
            vec![(String::new(), Some(own.clone()), true)],
        ),
        (json!({"reasoning_details": []}), vec![]),
    ] {
        assert_eq!(thoughts(message), want);
    }
    let (parts, _) = messages(&json!([{"role": "assistant", "tool_calls": [
        {"id": "a", "function": {"name": "f", "arguments": "{}"},
         "extra_content": {"google": {"thought_signature": own.seal()}}}]}]));
    assert!(matches!(&parts[0].1.content, Content::ToolCall(call) if call.state == Some(own)));
}

#[test]
fn the_thinking_of_others_is_a_thought() {
    let (parts, _) = messages(&json!([{"role": "assistant", "content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "so"}]},
        {"type": "text", "text": ""},
        {"type": "text", "text": "x"},
    ]}]));
    let thought = Content::Reasoning(Reasoned {
        text: "so".to_owned(),
        ..Reasoned::default()
    });
    assert_eq!(
        parts,
        [
            (Role::Assistant, Part::new(thought)),
            (Role::Assistant, Part::text("x"))
        ]
    );
}
