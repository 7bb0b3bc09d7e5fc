use proptest::prelude::*;

use super::*;
use crate::neutral::{
    Content, Effort, Media, Part, Reasoned, Role, Source, ToolCall, ToolResult, sample,
};
use crate::openai::{parse, request::read_chat};
use crate::quirks::Quirks;
use crate::state::State;

const MISTRAL: Quirks = Quirks {
    max_tokens: MaxTokens::Plain,
    members: Some(&[
        "model",
        "messages",
        "stream",
        "tools",
        "tool_choice",
        "max_tokens",
        "random_seed",
        "response_format",
    ]),
    messages: &[],
    tool_required: "any",
    schemas: false,
    effort: false,
};

fn aim(provider: &'static str, quirks: &'static Quirks) -> Aim<'static> {
    Aim {
        provider,
        model: "own",
        max_output: None,
        ask_usage: true,
        quirks,
    }
}

fn written(request: &Request, aim: &Aim<'_>) -> (Value, Lost) {
    let mut lost = Lost::new();
    let body = super::request(request, aim, &mut lost);
    (serde_json::from_slice(&body).unwrap(), lost)
}

fn at_openai(request: &Request) -> (Value, Lost) {
    written(request, &aim("openai", &Quirks::OPENAI))
}

/// A picture at an address has no type there, so that is forgotten.
fn narrowed(mut request: Request) -> Request {
    let parts = request.turns.iter_mut().flat_map(|turn| &mut turn.parts);
    for part in parts {
        if let Content::Image(Media {
            source: Source::Url(_),
            media_type,
            ..
        }) = &mut part.content
        {
            media_type.clear();
        }
    }
    // A choice among no tools is left out.
    if request.tools.is_empty() {
        request.tool_choice = None;
    }
    request
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(request in sample::request().prop_map(narrowed)) {
        let mut lost = Lost::new();
        let body = super::request(&request, &aim("openai", &Quirks::OPENAI), &mut lost);
        prop_assert!(lost.is_empty());
        let call = read_chat(body).unwrap();
        prop_assert_eq!(call.wants_usage, request.stream);
        prop_assert_eq!(parse::request(&call).unwrap(), request);
    }
}

fn full() -> Request {
    Request {
        tools: vec![Tool {
            name: "f".to_owned(),
            description: None,
            parameters: None,
            strict: Some(true),
            freeform: false,
            cache: None,
        }],
        tool_choice: Some(ToolChoice::Required),
        parallel_tools: Some(false),
        output: Some(OutputFormat::Schema {
            name: None,
            description: None,
            schema: json!({"type": "object"}),
            strict: Some(true),
        }),
        max_tokens: Some(5),
        top_k: Some(3),
        seed: Some(7),
        user: Some("u".to_owned()),
        reasoning: Some(Reasoning {
            budget: Some(2000),
            ..Reasoning::default()
        }),
        stream: true,
        ..Request::default()
    }
}

#[test]
fn openai_is_told_everything_but_top_k() {
    let (body, lost) = at_openai(&full());
    assert_eq!(
        body,
        json!({"model": "own", "messages": [],
            "tools": [{"type": "function", "function": {"name": "f", "strict": true}}],
            "tool_choice": "required", "parallel_tool_calls": false,
            "response_format": {"type": "json_schema",
                "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": true}},
            "max_completion_tokens": 5, "seed": 7, "reasoning_effort": "low", "user": "u",
            "stream": true, "stream_options": {"include_usage": true}})
    );
    assert_eq!(lost, ["top_k"]);
}

#[test]
fn quirks_decide_what_others_are_told() {
    let (body, lost) = written(&full(), &aim("vllm", &Quirks::COMPATIBLE));
    assert_eq!(
        (&body["top_k"], &body["max_tokens"]),
        (&json!(3), &json!(5))
    );
    assert!(lost.is_empty());
    let (body, mut lost) = written(&full(), &aim("mistral", &MISTRAL));
    assert_eq!(
        body,
        json!({"model": "own", "messages": [],
            "tools": [{"type": "function", "function": {"name": "f", "strict": true}}],
            "tool_choice": "any", "response_format": {"type": "json_object"}, "max_tokens": 5,
            "random_seed": 7, "stream": true})
    );
    lost.sort();
    assert_eq!(
        lost,
        [
            "parallel_tool_calls",
            "reasoning_effort",
            "response_format",
            "top_k"
        ]
    );
}

#[test]
fn a_choice_among_no_tools_is_left_out() {
    let of = |choice| {
        at_openai(&Request {
            tool_choice: Some(choice),
            parallel_tools: Some(true),
            ..Request::default()
        })
    };
    let nothing = json!({"model": "own", "messages": []});
    assert_eq!(of(ToolChoice::Auto), (nothing.clone(), vec![]));
    assert_eq!(
        of(ToolChoice::Named("f".to_owned())),
        (nothing, vec!["tool_choice".to_owned()])
    );
}

#[test]
fn efforts_are_told_by_name() {
    for (reasoning, want) in [
        (
            Reasoning {
                effort: Some(Effort::Highest),
                ..Reasoning::default()
            },
            json!("xhigh"),
        ),
        (
            Reasoning {
                budget: Some(0),
                ..Reasoning::default()
            },
            json!("none"),
        ),
        (
            Reasoning {
                show: Some(true),
                ..Reasoning::default()
            },
            Value::Null,
        ),
    ] {
        let request = Request {
            reasoning: Some(reasoning),
            ..Request::default()
        };
        assert_eq!(at_openai(&request).0["reasoning_effort"], want);
    }
}

fn image(source: Source) -> Part {
    Part::new(Content::Image(media(source, "image/png")))
}

fn media(source: Source, media_type: &str) -> Media {
    Media {
        source,
        media_type: media_type.to_owned(),
        name: None,
        detail: None,
    }
}

fn call(id: &str, state: Option<State>) -> Part {
    Part::new(Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: String::new(),
        state,
    }))
}

fn result(id: &str, parts: Vec<Part>) -> Part {
    Part::new(Content::ToolResult(ToolResult {
        id: id.to_owned(),
        name: None,
        parts,
        failed: true,
    }))
}

fn thought(text: &str, state: Option<State>) -> Part {
    Part::new(Content::Reasoning(Reasoned {
        text: text.to_owned(),
        state,
        redacted: false,
    }))
}

#[test]
fn results_stand_behind_their_calls_and_their_pictures_behind_them() {
    let mut request = Request::default();
    request.push(Role::Assistant, Part::text("a"));
    request.push(Role::Assistant, call("c", None));
    request.push(Role::User, Part::text("more"));
    let document = Part::new(Content::Document(media(
        Source::Url("https://e.com".to_owned()),
        "",
    )));
    let parts = vec![
        Part::text("one"),
        Part::text("two"),
        image(Source::Url("https://e.com/i".to_owned())),
        document,
    ];
    request.push(Role::User, result("c", parts));
    request.push(Role::User, result("d", vec![]));
    let (body, lost) = at_openai(&request);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "assistant", "content": "a", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c",
                "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "tool", "tool_call_id": "d", "content": ""},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://e.com/i"}},
                {"type": "text", "text": "more"}]},
        ])
    );
    assert_eq!(
        lost,
        [
            "messages[1].content[1].content[3]",
            "messages[1].content[1].is_error",
            "messages[1].content[2].is_error",
        ]
    );
}

#[test]
fn media_are_written_where_they_can_be() {
    let base64 = || Source::Base64("AA".to_owned());
    let url = || Source::Url("https://e.com/x".to_owned());
    let file = || Source::File("f".to_owned());
    let document = |source| Part::new(Content::Document(media(source, "")));
    let audio = |source, kind| Part::new(Content::Audio(media(source, kind)));
    let pdf = json!({"type": "file", "file":
        {"filename": "document", "file_data": "data:application/pdf;base64,AA"}});
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}});
    for (part, want) in [
        (
            image(base64()),
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}),
        ),
        (image(file()), Value::Null),
        (audio(base64(), "audio/mpeg"), sound),
        (audio(url(), "audio/mpeg"), Value::Null),
        (document(base64()), pdf),
        (
            document(file()),
            json!({"type": "file", "file": {"file_id": "f"}}),
        ),
        (document(url()), Value::Null),
    ] {
        let mut request = Request::default();
        request.push(Role::User, part);
        let (body, lost) = at_openai(&request);
        assert_eq!(body["messages"][0]["content"][0], want);
        assert_eq!(lost.is_empty(), !want.is_null());
    }
    let mut request = Request::default();
    request.push(Role::User, document(url()));
    let (body, lost) = written(&request, &aim("openrouter", &Quirks::COMPATIBLE));
    let file = &body["messages"][0]["content"][0]["file"];
    assert_eq!(
        (&file["file_data"], lost.len()),
        (&json!("https://e.com/x"), 0)
    );
}

#[test]
fn states_go_to_their_makers_only() {
    let detail = json!({"type": "reasoning.text", "signature": "s"});
    let mut request = Request::default();
    request.push(Role::Assistant, thought("plain", None));
    let own = State::of("openrouter", detail.to_string());
    request.push(Role::Assistant, thought("so", Some(own)));
    request.push(Role::Assistant, call("c", Some(State::of("google", "sig"))));
    let (body, lost) = written(&request, &aim("openrouter", &Quirks::COMPATIBLE));
    let message = &body["messages"][0];
    assert_eq!(
        message["reasoning_details"],
        json!([{"type": "reasoning.text", "signature": "s", "text": "so"}])
    );
    assert_eq!(message["reasoning_content"], Value::Null);
    assert_eq!(lost, ["messages[0].content[2].signature"]);
    let (body, lost) = written(&request, &aim("google", &Quirks::COMPATIBLE));
    let message = &body["messages"][0];
    assert_eq!(
        message["tool_calls"][0]["extra_content"],
        json!({"google": {"thought_signature": "sig"}})
    );
    assert_eq!(message["reasoning_details"], Value::Null);
    assert_eq!(lost, ["messages[0].content[1]"]);
}

#[test]
fn only_deepseek_is_told_plain_thoughts_and_only_before_calls() {
    let deepseek = aim("deepseek", &Quirks::COMPATIBLE);
    let mut request = Request::default();
    request.push(Role::Assistant, thought("so", None));
    request.push(Role::Assistant, Part::text("x"));
    let message = |request: &Request, aim: &Aim<'_>| {
        let (body, lost) = written(request, aim);
        assert!(lost.is_empty());
        body["messages"][0]["reasoning_content"].clone()
    };
    assert_eq!(message(&request, &deepseek), Value::Null);
    request.push(Role::Assistant, call("c", None));
    assert_eq!(message(&request, &deepseek), "so");
    let openai = aim("openai", &Quirks::OPENAI);
    assert_eq!(message(&request, &openai), Value::Null);
}

#[test]
fn mistral_gets_ids_that_it_takes() {
    let mut request = Request::default();
    request.push(Role::Assistant, call("toolu_01AbCdEf", None));
    request.push(Role::Assistant, call("a1B2c3D4e", None));
    request.push(Role::User, result("toolu_01AbCdEf", vec![]));
    request.push(Role::User, result("a1B2c3D4e", vec![]));
    let (body, _) = written(&request, &aim("mistral", &MISTRAL));
    let calls = &body["messages"][0]["tool_calls"];
    let first = calls[0]["id"].as_str().unwrap();
    assert_eq!(first.len(), 9);
    assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(calls[1]["id"], "a1B2c3D4e");
    assert_eq!(body["messages"][1]["tool_call_id"], first);
    assert_eq!(body["messages"][2]["tool_call_id"], "a1B2c3D4e");
}

#[test]
fn what_a_client_sends_back_keeps_the_states_of_an_answer() {
    // An answer of Anthropic's model, for a caller of this format, whose next request goes to
    // the same provider: the thought must arrive there as it left.
    let answer = crate::neutral::Answer {
        parts: vec![
            thought("so", Some(State::of("anthropic", "sig"))),
            Part::text("x"),
            call("c", Some(State::of("google", "g"))),
        ],
        ..crate::neutral::Answer::default()
    };
    let asked = crate::formats::Asked {
        model: "m",
        request_id: "r",
        now: 0,
        usage: false,
        array: false,
        freeform: &[],
    };
    let body: Value = serde_json::from_slice(&super::super::answer(&answer, &asked)).unwrap();
    let message = body["choices"][0]["message"].clone();
    let next = json!({"model": "m", "messages": [message]});
    let call = read_chat(Bytes::from(next.to_string())).unwrap();
    let request = parse::request(&call).unwrap();
    assert!(request.others.is_empty());
    assert_eq!(request.turns[0].parts, answer.parts);
}
