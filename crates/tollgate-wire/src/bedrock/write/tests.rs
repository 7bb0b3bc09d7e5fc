use serde_json::{Number, Value, json};

use crate::formats::{Aim, Lost};
use crate::neutral::{
    Cache, Content, Effort, Media, OutputFormat, Part, Reasoned, Reasoning, Request, Role, Source,
    Tool, ToolCall, ToolChoice, ToolResult,
};
use crate::quirks::Quirks;
use crate::state::State;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";
const LLAMA: &str = "meta.llama3-1-70b-instruct-v1:0";

fn write(request: &Request, model: &str) -> (Value, Lost) {
    let mut lost = Lost::new();
    let aim = Aim {
        provider: "bedrock",
        model,
        max_output: Some(64_000),
        ask_usage: false,
        quirks: &Quirks::OPENAI,
    };
    let body = super::request::request(request, &aim, &mut lost);
    (serde_json::from_slice(&body).unwrap(), lost)
}

fn tool() -> Tool {
    Tool {
        name: "f".to_owned(),
        description: Some("d".to_owned()),
        parameters: Some(json!({"type": "object", "properties": {}})),
        strict: Some(true),
        freeform: false,
        cache: None,
    }
}

fn call() -> Part {
    Part::new(Content::ToolCall(ToolCall {
        id: "call.1".to_owned(),
        name: "f".to_owned(),
        arguments: r#"{"n":1}"#.to_owned(),
        state: None,
    }))
}

fn result(failed: bool) -> Part {
    Part::new(Content::ToolResult(ToolResult {
        id: "call.1".to_owned(),
        name: None,
        parts: vec![Part::text("r")],
        failed,
    }))
}

fn asks() -> Request {
    let mut request = Request::default();
    request.push(Role::User, Part::text("Hi"));
    request
}

#[test]
fn a_conversation_with_tools_is_written() {
    let mut request = Request {
        tools: vec![tool()],
        tool_choice: Some(ToolChoice::Required),
        max_tokens: Some(100),
        temperature: Number::from_f64(0.5),
        stop: vec!["x".to_owned()],
        ..Request::default()
    };
    request.push(Role::System, Part::text("S"));
    request.push(Role::User, Part::text("Hi"));
    request.push(Role::Assistant, call());
    request.push(Role::User, Part::text("also"));
    request.push(Role::User, result(true));
    let (body, lost) = write(&request, CLAUDE);
    let id = body["messages"][1]["content"][0]["toolUse"]["toolUseId"].clone();
    assert!(id.as_str().unwrap().starts_with("call_1_"));
    assert_eq!(
        body,
        json!({
            "system": [{"text": "S"}],
            "messages": [
                {"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": [
                    {"toolUse": {"toolUseId": id, "name": "f", "input": {"n": 1}}},
                ]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": id, "content": [{"text": "r"}], "status": "error"}},
                    {"text": "also"},
                ]},
            ],
            "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["x"]},
            "toolConfig": {
                "tools": [{"toolSpec": {
                    "name": "f", "description": "d",
                    "inputSchema": {"json": {"type": "object", "properties": {}}}, "strict": true,
                }}],
                "toolChoice": {"any": {}},
            },
        })
    );
    assert_eq!(lost, Lost::new());
    let (_, lost) = write(&request, LLAMA);
    assert_eq!(lost, ["messages[3].content[1].is_error"]);
}

#[test]
fn no_tool_is_called_where_none_may_be() {
    let mut request = Request {
        tools: vec![tool()],
        tool_choice: Some(ToolChoice::None),
        ..asks()
    };
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!((body.get("toolConfig"), lost), (None, Lost::new()));
    request.push(Role::Assistant, call());
    request.push(Role::User, result(false));
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"auto": {}}));
    assert_eq!(lost, ["tool_choice"]);
    request.tools.clear();
    request.tool_choice = None;
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!(
        body["toolConfig"],
        json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]})
    );
    assert_eq!(lost, Lost::new());
}

#[test]
fn thinking_is_told_to_models_of_anthropic_only() {
    let request = Request {
        reasoning: Some(Reasoning {
            effort: Some(Effort::Low),
            ..Reasoning::default()
        }),
        top_k: Some(5),
        ..asks()
    };
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"thinking": {"type": "enabled", "budget_tokens": 2048}})
    );
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 64_000}));
    assert_eq!(lost, ["top_k"]);
    let (body, _) = write(&request, "anthropic.claude-opus-4-7");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}})
    );
    let (body, lost) = write(&request, LLAMA);
    assert_eq!(body.get("additionalModelRequestFields"), None);
    assert_eq!(lost, ["reasoning_effort", "top_k"]);
}

#[test]
fn thoughts_go_back_to_their_maker_only() {
    let thought = |provider: &str, redacted| {
        Part::new(Content::Reasoning(Reasoned {
            text: "t".to_owned(),
            state: Some(State::of(provider, "sig")),
            redacted,
        }))
    };
    let mut request = asks();
    request.push(Role::Assistant, thought("bedrock", false));
    request.push(Role::Assistant, thought("bedrock", true));
    request.push(Role::Assistant, thought("anthropic", false));
    request.push(Role::Assistant, Part::text("x"));
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"reasoningContent": {"reasoningText": {"text": "t", "signature": "sig"}}},
            {"reasoningContent": {"redactedContent": "sig"}},
            {"text": "x"},
        ])
    );
    assert_eq!(lost, ["messages[1].content[2]"]);
}

#[test]
fn pictures_and_documents_go_by_their_bytes() {
    let media = |source, media_type: &str, name: Option<&str>| Media {
        source,
        media_type: media_type.to_owned(),
        name: name.map(str::to_owned),
        detail: None,
    };
    let here = || Source::Base64("Zm9v".to_owned());
    let mut request = Request::default();
    for content in [
        Content::Image(media(here(), "image/jpg", None)),
        Content::Image(media(
            Source::Url("https://example.com/x".to_owned()),
            "",
            None,
        )),
        Content::Document(media(here(), "text/csv", Some("a.csv"))),
        Content::Document(media(here(), "text/plain; charset=utf-8", Some("a csv"))),
        Content::Audio(media(here(), "audio/wav", None)),
    ] {
        request.push(Role::User, Part::new(content));
    }
    let (body, lost) = write(&request, CLAUDE);
    let source = json!({"bytes": "Zm9v"});
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"image": {"format": "jpeg", "source": source}},
            {"document": {"format": "csv", "name": "a csv", "source": source}},
            {"document": {"format": "txt", "name": "a csv 2", "source": source}},
            {"text": "The document is attached."},
        ])
    );
    assert_eq!(lost, ["messages[0].content[1]", "messages[0].content[4]"]);
}

#[test]
fn marks_for_the_cache_stand_behind_their_blocks() {
    let cache = Some(Cache {
        ttl: Some("1h".to_owned()),
    });
    let mut request = asks();
    let mut marked = result(false);
    marked.cache.clone_from(&cache);
    request.push(Role::Assistant, call());
    request.push(Role::User, Part::text("also"));
    request.push(Role::User, marked);
    request.tools = vec![Tool { cache, ..tool() }];
    let (body, _) = write(&request, CLAUDE);
    let point = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(body["messages"][2]["content"][1], point);
    assert_eq!(body["messages"][2]["content"][2], json!({"text": "also"}));
    assert_eq!(body["toolConfig"]["tools"][1], point);
    let (body, _) = write(&request, LLAMA);
    assert!(!body.to_string().contains("cachePoint"));
}

#[test]
fn schemas_are_texts_here_and_some_json_is_lost() {
    let mut request = Request {
        output: Some(OutputFormat::Schema {
            name: Some("n".to_owned()),
            description: None,
            schema: json!({"type": "object"}),
            strict: Some(true),
        }),
        ..asks()
    };
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!(
        body["outputConfig"],
        json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
            "name": "n", "schema": r#"{"type":"object","additionalProperties":false}"#,
        }}}})
    );
    assert_eq!(lost, Lost::new());
    request.output = Some(OutputFormat::Json);
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!(body.get("outputConfig"), None);
    assert_eq!(lost, ["response_format"]);
}

#[test]
fn a_system_prompt_behind_the_beginning_is_moved_and_told() {
    let mut request = asks();
    request.push(Role::System, Part::text("late"));
    request.push(Role::User, Part::text("again"));
    let (body, lost) = write(&request, CLAUDE);
    assert_eq!(body["system"], json!([{"text": "late"}]));
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"text": "Hi"}, {"text": "again"}]}])
    );
    assert_eq!(lost, ["messages[1].role"]);
}

#[test]
fn very_many_documents_of_one_name_are_named_in_time() {
    let mut request = Request::default();
    for _ in 0..20_000 {
        request.push(
            Role::User,
            Part::new(Content::Document(Media {
                source: Source::Base64("AA".to_owned()),
                media_type: "text/csv".to_owned(),
                name: Some("a".to_owned()),
                detail: None,
            })),
        );
    }
    let begin = std::time::Instant::now();
    let (body, _) = write(&request, "m");
    assert!(body.to_string().contains("\"a 20000\""));
    assert!(begin.elapsed() < std::time::Duration::from_secs(10));
}
