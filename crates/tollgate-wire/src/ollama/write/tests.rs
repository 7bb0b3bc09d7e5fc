use proptest::prelude::*;
use serde_json::Number;

use super::*;
use crate::neutral::{
    Citation, Content, Media, Part, Reasoned, Role, Source, ToolCall, ToolResult, sample,
};
use crate::quirks::Quirks;
use crate::state::State;

fn body(request: &Request, model: &str) -> (Value, Lost) {
    let aim = Aim {
        provider: "ollama",
        model,
        max_output: None,
        ask_usage: true,
        quirks: &Quirks::COMPATIBLE,
    };
    let mut lost = Lost::new();
    let body = super::request(request, &aim, &mut lost);
    (serde_json::from_slice(&body).unwrap(), lost)
}

/// The request that a body asks for, as Ollama's server understands it.
fn understood(body: &Value) -> Request {
    let mut request = Request::default();
    for message in body["messages"].as_array().unwrap() {
        let role = match message["role"].as_str().unwrap() {
            "system" => Role::System,
            "assistant" => Role::Assistant,
            "user" | "tool" => Role::User,
            other => panic!("{other}"),
        };
        let text = message["content"].as_str().unwrap();
        if message["role"] == "tool" {
            let result = ToolResult {
                id: message["tool_call_id"].as_str().unwrap().to_owned(),
                name: message["tool_name"].as_str().map(str::to_owned),
                parts: vec![Part::text(text)],
                failed: false,
            };
            request.push(role, Part::new(Content::ToolResult(result)));
            continue;
        }
        if !text.is_empty() {
            request.push(role, Part::text(text));
        }
        for image in message["images"].as_array().into_iter().flatten() {
            let media = Media {
                source: Source::Base64(image.as_str().unwrap().to_owned()),
                media_type: "image/png".to_owned(),
                name: None,
                detail: None,
            };
            request.push(role, Part::new(Content::Image(media)));
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            let call = ToolCall {
                id: call["id"].as_str().unwrap().to_owned(),
                name: function["name"].as_str().unwrap().to_owned(),
                arguments: function["arguments"].to_string(),
                state: None,
            };
            request.push(role, Part::new(Content::ToolCall(call)));
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        request.tools.push(Tool {
            name: function["name"].as_str().unwrap().to_owned(),
            description: function["description"].as_str().map(str::to_owned),
            parameters: Some(function["parameters"].clone()),
            strict: None,
            freeform: false,
            cache: None,
        });
    }
    let options = &body["options"];
    request.max_tokens = options["num_predict"].as_u64();
    request.temperature = options["temperature"].as_f64().and_then(Number::from_f64);
    let stop = options["stop"].as_array().into_iter().flatten();
    request.stop = stop.map(|text| text.as_str().unwrap().to_owned()).collect();
    request.stream = body["stream"].as_bool().unwrap();
    request
}

proptest! {
    #[test]
    fn a_request_is_understood_as_it_was_meant(mut request in sample::request()) {
        // Pictures at an address and a choice of tools cannot be said; each is tested below.
        for turn in &mut request.turns {
            turn.parts.retain(|part| !matches!(
                &part.content,
                Content::Image(Media { source: Source::Url(_), .. })
            ));
        }
        request.tool_choice = None;
        let (body, lost) = body(&request, "m");
        prop_assert_eq!(&body["model"], "m");
        prop_assert!(lost.is_empty(), "{:?}", lost);
        prop_assert_eq!(understood(&body), request);
    }
}

fn asked(part: Part) -> Request {
    let mut request = Request::default();
    request.push(Role::User, part);
    request
}

#[test]
fn what_ollama_has_no_words_for_is_lost() {
    let media = |source| Media {
        source,
        media_type: String::new(),
        name: None,
        detail: None,
    };
    let url = media(Source::Url("https://example.com/a.png".to_owned()));
    for content in [
        Content::Image(url.clone()),
        Content::Image(media(Source::File("file-1".to_owned()))),
        Content::Audio(url.clone()),
        Content::Document(media(Source::Base64("AA==".to_owned()))),
    ] {
        let (body, lost) = body(&asked(Part::new(content)), "m");
        assert_eq!(lost, ["messages[0].content[0]"]);
        assert_eq!(body["messages"], json!([]));
    }
    let mut request = asked(Part::text("a"));
    request.tools = vec![Tool {
        name: "a".to_owned(),
        description: None,
        parameters: None,
        strict: Some(true),
        freeform: false,
        cache: None,
    }];
    request.tool_choice = Some(ToolChoice::Named("a".to_owned()));
    request.parallel_tools = Some(false);
    let (body, lost) = body(&request, "m");
    assert_eq!(
        lost,
        ["tool_choice", "parallel_tool_calls", "tools[0].strict"]
    );
    assert_eq!(
        body["tools"][0]["function"]["parameters"],
        json!({"type": "object", "properties": {}})
    );
}

#[test]
fn no_tool_is_told_of_when_none_is_to_be_called() {
    let mut request = asked(Part::text("a"));
    request.tools = vec![Tool {
        name: "a".to_owned(),
        description: None,
        parameters: None,
        strict: None,
        freeform: false,
        cache: None,
    }];
    request.tool_choice = Some(ToolChoice::None);
    let (body, lost) = body(&request, "m");
    assert!(lost.is_empty() && body.get("tools").is_none());
}

#[test]
fn thoughts_go_back_unless_they_are_another_provider_s() {
    let thought = |state, redacted| {
        let mut request = asked(Part::text("a"));
        let thought = Reasoned {
            text: "hm".to_owned(),
            state,
            redacted,
        };
        request.push(Role::Assistant, Part::new(Content::Reasoning(thought)));
        request.push(Role::Assistant, Part::text("b"));
        body(&request, "m")
    };
    let (body, lost) = thought(None, false);
    assert_eq!(
        body["messages"][1],
        json!({"role": "assistant", "content": "b", "thinking": "hm"})
    );
    assert!(lost.is_empty());
    for (state, redacted) in [
        (Some(State::of("anthropic", "x")), false),
        (Some(State::open("x")), false),
        (None, true),
    ] {
        let (body, lost) = thought(state, redacted);
        assert_eq!(
            body["messages"][1],
            json!({"role": "assistant", "content": "b"})
        );
        assert_eq!(lost, ["messages[1].content[0]"]);
    }
}

#[test]
fn calls_and_results_find_each_other() {
    let mut request = asked(Part::text("a"));
    let call = ToolCall {
        id: "c1".to_owned(),
        name: "look".to_owned(),
        arguments: "no json".to_owned(),
        state: Some(State::of("google", "x")),
    };
    request.push(Role::Assistant, Part::new(Content::ToolCall(call)));
    let result = ToolResult {
        id: "c1".to_owned(),
        name: None,
        parts: vec![Part::text("x"), Part::text("y")],
        failed: true,
    };
    request.push(Role::User, Part::new(Content::ToolResult(result)));
    let (body, lost) = body(&request, "m");
    assert_eq!(
        body["messages"][1]["tool_calls"][0]["function"],
        json!({"name": "look", "arguments": {"_raw": "no json"}})
    );
    assert_eq!(
        body["messages"][2],
        json!({"role": "tool", "content": "x\n\ny", "tool_name": "look", "tool_call_id": "c1"})
    );
    assert_eq!(
        lost,
        [
            "messages[1].content[0].signature",
            "messages[2].content[0].is_error"
        ]
    );
}

#[test]
fn citations_are_lost_and_refusals_are_text() {
    let mut request = Request::default();
    let cited = Content::Text {
        text: "a".to_owned(),
        citations: vec![Citation::default()],
    };
    request.push(Role::Assistant, Part::new(cited));
    request.push(
        Role::Assistant,
        Part::new(Content::Refusal("no".to_owned())),
    );
    let (body, lost) = body(&request, "m");
    assert_eq!(body["messages"][0]["content"], "a\n\nno");
    assert_eq!(lost, ["messages[0].content[0].citations"]);
}

#[test]
fn thinking_is_on_or_off_and_has_levels_where_the_model_has() {
    let effort = |effort| Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    };
    let budget = |budget| Reasoning {
        budget: Some(budget),
        ..Reasoning::default()
    };
    let show = |show| Reasoning {
        show: Some(show),
        ..Reasoning::default()
    };
    let effort_lost = vec!["reasoning_effort".to_owned()];
    let budget_lost = vec!["thinking.budget_tokens".to_owned()];
    for (wish, model, think, want) in [
        (effort(Effort::None), "qwen3", json!(false), vec![]),
        (
            effort(Effort::High),
            "qwen3",
            json!(true),
            effort_lost.clone(),
        ),
        (budget(0), "qwen3", json!(false), vec![]),
        (budget(9000), "qwen3", json!(true), budget_lost.clone()),
        (show(true), "qwen3", json!(true), vec![]),
        (show(false), "qwen3", Value::Null, vec![]),
        (effort(Effort::Low), "gpt-oss:120b", json!("low"), vec![]),
        (effort(Effort::Medium), "gpt-oss", json!("medium"), vec![]),
        (
            effort(Effort::Highest),
            "gpt-oss",
            json!("high"),
            effort_lost.clone(),
        ),
        (effort(Effort::None), "gpt-oss", json!(false), effort_lost),
        (budget(9000), "gpt-oss", json!("medium"), budget_lost),
    ] {
        let mut request = asked(Part::text("a"));
        request.reasoning = Some(wish);
        let (body, lost) = body(&request, model);
        assert_eq!(body["think"], think, "{wish:?} {model}");
        assert_eq!(lost, want, "{wish:?} {model}");
    }
}

#[test]
fn sampling_and_the_form_of_the_answer_are_told() {
    let mut request = asked(Part::text("a"));
    request.temperature = Number::from_f64(0.5);
    request.top_p = Number::from_f64(0.25);
    request.top_k = Some(7);
    request.seed = Some(-3);
    request.max_tokens = Some(9);
    request.stop = vec!["x".to_owned()];
    request.frequency_penalty = Number::from_f64(1.5);
    request.presence_penalty = Number::from_f64(-1.5);
    request.output = Some(OutputFormat::Schema {
        name: Some("n".to_owned()),
        description: None,
        schema: json!({"type": "object"}),
        strict: Some(true),
    });
    let (told, lost) = body(&request, "m");
    assert!(lost.is_empty());
    assert_eq!(
        told,
        json!({
            "model": "m",
            "messages": [{"role": "user", "content": "a"}],
            "format": {"type": "object"},
            "options": {
                "temperature": 0.5, "top_p": 0.25, "top_k": 7, "seed": -3, "num_predict": 9,
                "stop": ["x"], "frequency_penalty": 1.5, "presence_penalty": -1.5,
            },
            "stream": false,
        })
    );
    request.output = Some(OutputFormat::Json);
    assert_eq!(body(&request, "m").0["format"], "json");
    request.output = Some(OutputFormat::Text);
    assert!(body(&request, "m").0.get("format").is_none());
}
