//! Codex: streamed responses whose whole conversation goes along every time.

use serde_json::{Value, json};

use crate::surface::{FAMILIES, FAMILIES_CONFIG, Surface};
use crate::world::{Answer, KEY, World};

const RESPONSES: Surface = Surface::Responses;

/// A call as Codex makes it.
fn body(model: &str, input: &[Value]) -> Value {
    json!({
        "model": model,
        "instructions": "You are a coding agent.",
        "input": input,
        "tools": [
            {"type": "function", "name": "shell", "description": "Runs a command", "strict": false,
                "parameters": {"type": "object", "properties": {"command": {"type": "array",
                "items": {"type": "string"}}}, "required": ["command"],
                "additionalProperties": false}},
            {"type": "function", "name": "update_plan", "description": "Plans", "strict": false,
                "parameters": {"type": "object", "properties": {"plan": {"type": "string"}},
                "required": ["plan"]}},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": false,
        "stream": true,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199-conversation",
        "text": {"verbosity": "medium"},
        "client_metadata": {"x-codex-installation-id": "i"},
    })
}

fn user(text: &str) -> Value {
    let content = json!([{"type": "input_text", "text": text}]);
    json!({"type": "message", "role": "user", "content": content})
}

async fn send(world: &World, body: &Value) -> Answer {
    world
        .gateway
        .post("/v1/responses", body)
        .key(KEY)
        .header("accept", "text/event-stream")
        .header("openai-beta", "responses=experimental")
        .header("originator", "codex_cli_rs")
        .header("session_id", "0199-conversation")
        .header("user-agent", "codex_cli_rs/0.162.1")
        .send()
        .await
}

/// The items that were finished, as Codex keeps them.
fn items(events: &[Value]) -> Vec<Value> {
    let done = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done");
    done.map(|event| event["item"].clone()).collect()
}

#[tokio::test]
async fn a_loop_of_tools_ends_in_response_completed_over_every_family() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        let (name, question) = match family {
            "google" => ("gemini-3-pro", "call both: shell and update_plan"),
            _ => ("think-tools", "go"),
        };
        let model = format!("{family}/{name}");
        let developer = json!({"type": "message", "role": "developer",
            "content": [{"type": "input_text", "text": "<permissions>none</permissions>"}]});
        let mut input = vec![developer, user(question)];
        let first = send(&world, &body(&model, &input)).await;
        assert_eq!(first.status, 200, "{family}: {first:?}");
        let events = RESPONSES.events(&first);
        assert_eq!(events[0]["type"], "response.created", "{family}");
        assert!(RESPONSES.ended_well(&events), "{family}: {}", first.text());
        let done = items(&events);
        let calls: Vec<&Value> = done
            .iter()
            .filter(|item| item["type"] == "function_call")
            .collect();
        let names: Vec<&Value> = calls.iter().map(|item| &item["name"]).collect();
        assert_eq!(names, ["shell", "update_plan"], "{family}: {done:?}");
        let results = calls.iter().map(|call| {
            json!({"type": "function_call_output", "call_id": call["call_id"],
                "output": format!("{} is done", call["name"].as_str().unwrap())})
        });
        let results: Vec<Value> = results.collect();
        input.extend(done);
        input.extend(results);
        let second = send(&world, &body(&model, &input)).await;
        assert_eq!(second.status, 200, "{family}: {second:?}");
        let events = RESPONSES.events(&second);
        assert!(RESPONSES.ended_well(&events), "{family}: {}", second.text());
        assert!(
            RESPONSES.streamed(&events).contains("update_plan is done"),
            "{family}"
        );
        let numbers = events
            .iter()
            .map(|event| event["sequence_number"].as_u64().unwrap());
        assert!(
            numbers.eq(0..events.len() as u64),
            "{family}: numbers without a gap"
        );
    }
}

#[tokio::test]
async fn a_patch_is_free_text_over_every_family() {
    let world = World::once(FAMILIES_CONFIG).await;
    let grammar = json!({"type": "grammar", "syntax": "lark", "definition": "start: /.+/"});
    for family in FAMILIES.into_iter().filter(|family| *family != "responses") {
        let (name, question) = match family {
            "google" => ("gemini-3-pro", "call the tool apply_patch"),
            _ => ("tools", "go"),
        };
        let mut input = vec![user(question)];
        let mut body = body(&format!("{family}/{name}"), &input);
        body["tools"] = json!([{"type": "custom", "name": "apply_patch",
            "description": "Edits files.", "format": grammar}]);
        let first = send(&world, &body).await;
        assert_eq!(first.status, 200, "{family}: {first:?}");
        let unsupported = first.header("x-tollgate-unsupported");
        assert!(!unsupported.contains("tools"), "{family}: {unsupported}");
        let received = world.simulator.requests().pop().unwrap().body;
        assert!(
            received.contains("start: /.+/"),
            "{family} is told the grammar: {received}"
        );
        let events = RESPONSES.events(&first);
        assert!(RESPONSES.ended_well(&events), "{family}: {}", first.text());
        let done = items(&events);
        let call = done.iter().find(|it| it["type"] == "custom_tool_call");
        let call = call.cloned();
        let call = call.unwrap_or_else(|| panic!("{family}: {}", first.text()));
        assert_eq!(call["name"], "apply_patch", "{family}");
        let text = call["input"].as_str().unwrap();
        assert!(!text.is_empty() && !text.contains('{'), "{family}: {text}");
        let told = events.iter().filter(|event| {
            event["type"] == "response.custom_tool_call_input.delta"
                && event["item_id"] == call["id"]
        });
        let told: String = told.filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(told, text, "{family}");
        let result = json!({"type": "custom_tool_call_output", "call_id": call["call_id"],
            "output": "the patch is in"});
        input.extend(done);
        input.push(result);
        body["input"] = json!(input);
        let second = send(&world, &body).await;
        assert_eq!(second.status, 200, "{family}: {second:?}");
        let events = RESPONSES.events(&second);
        assert!(RESPONSES.ended_well(&events), "{family}: {}", second.text());
        let said = RESPONSES.streamed(&events);
        assert!(said.contains("the patch is in"), "{family}: {said}");
        body["stream"] = json!(false);
        body["input"] = json!([user(question)]);
        let plain = send(&world, &body).await.json();
        let output = plain["output"].as_array().unwrap().iter();
        let calls: Vec<&Value> = output
            .filter(|item| item["type"] == "custom_tool_call")
            .collect();
        assert_eq!(calls.len(), 1, "{family}: {plain}");
        assert_eq!(calls[0]["input"], text, "{family}");
    }
}

#[tokio::test]
async fn unknown_fields_reach_a_responses_provider_as_they_are() {
    let world = World::once(FAMILIES_CONFIG).await;
    let sent = body("responses/echo", &[user("hello")]).to_string();
    let sent = sent.replacen('{', r#"{ "x_never_heard_of" : [1.50,{"a":null}],"#, 1);
    let ask = world.gateway.post("/v1/responses", &sent).key(KEY);
    let answer = ask
        .header("openai-beta", "responses=experimental")
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let received = world.simulator.requests().pop().unwrap();
    assert_eq!(received.body, sent.replacen("responses/echo", "echo", 1));
    assert_eq!(received.path, "/v1/responses");
    assert_eq!(
        received.header("openai-beta"),
        Some("responses=experimental")
    );
    assert_eq!(answer.header("x-tollgate-unsupported"), "");
}

#[tokio::test]
async fn failures_in_a_stream_have_the_codes_that_codex_acts_on() {
    let world = World::once(FAMILIES_CONFIG).await;
    for (model, code, ours) in [
        (
            "chat/fault/error-event:after=9,type=insufficient_quota,code=insufficient_quota",
            "insufficient_quota",
            "provider_quota_exhausted",
        ),
        (
            "chat/fault/error-event:after=9,code=context_length_exceeded,type=invalid_request_error",
            "context_length_exceeded",
            "context_length_exceeded",
        ),
        (
            "responses/fault/error-event:after=9,code=context_length_exceeded",
            "context_length_exceeded",
            "context_length_exceeded",
        ),
        (
            "anthropic/fault/error-event:after=9,type=rate_limit_error",
            "rate_limit_exceeded",
            "provider_rate_limited",
        ),
        (
            "google/fault/error-event:after=9,type=RESOURCE_EXHAUSTED",
            "rate_limit_exceeded",
            "provider_rate_limited",
        ),
        (
            "chat/fault/cut-after=9",
            "stream_interrupted",
            "stream_interrupted",
        ),
        (
            "responses/fault/cut-after=9",
            "stream_interrupted",
            "stream_interrupted",
        ),
        (
            "anthropic/fault/no-done",
            "stream_interrupted",
            "stream_interrupted",
        ),
    ] {
        let answer = send(&world, &body(model, &[user("x")])).await;
        assert_eq!(answer.status, 200, "{model}: {answer:?}");
        let events = RESPONSES.events(&answer);
        let last = events.last().unwrap();
        assert_eq!(
            last["type"],
            "response.failed",
            "{model}: {}",
            answer.text()
        );
        let error = &last["response"]["error"];
        assert_eq!(error["code"], code, "{model}: {error}");
        assert_eq!(error["error_code"], ours, "{model}: {error}");
        if code == "rate_limit_exceeded" {
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("try again in "), "{model}: {message}");
        }
        assert!(!RESPONSES.says_finished(&events), "{model}");
        assert_eq!(
            last["response"]["id"], events[0]["response"]["id"],
            "{model}"
        );
    }
}

#[tokio::test]
async fn a_refusal_before_the_stream_is_an_error_of_openais_form() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        for (fault, status, code) in [
            ("context-length", 400, "context_length_exceeded"),
            ("rate-limit", 429, "provider_rate_limited"),
            ("overloaded", 503, "provider_overloaded"),
        ] {
            let model = format!("{family}/fault/{fault}");
            let answer = send(&world, &body(&model, &[user("x")])).await;
            assert_eq!(answer.status, status, "{model}: {answer:?}");
            assert_eq!(answer.header("x-tollgate-error-code"), code, "{model}");
            assert!(answer.json()["error"]["message"].is_string());
            assert!(!answer.header("x-request-id").is_empty(), "it is shown");
        }
    }
}
