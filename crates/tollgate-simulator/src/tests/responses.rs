use serde_json::{Value, json};

use super::client::{Seen, exchange, post, simulator};
use super::families::events;
use crate::Simulator;

async fn ask(simulator: &Simulator, body: &Value) -> Seen {
    exchange(simulator, &post("/v1/responses", "", body)).await
}

fn tools() -> Value {
    let tool = |name: &str| {
        json!({"type": "function", "name": name, "parameters": {
            "type": "object", "required": ["city"],
            "properties": {"city": {"type": "string"}}}})
    };
    json!([tool("weather"), tool("news")])
}

fn kinds(seen: &Seen) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for (at, event) in events(seen).iter().enumerate() {
        let document = event.json();
        assert_eq!(
            document["type"], event.name,
            "every event has its name twice"
        );
        assert_eq!(document["sequence_number"], at, "events are counted");
        if kinds.last() != Some(&event.name) {
            kinds.push(event.name.clone());
        }
    }
    kinds
}

#[tokio::test]
async fn a_text_is_answered_with_a_message() {
    let body = json!({"model": "sim/echo", "input": "Say 🍎 twice", "instructions": "Be brief"});
    let answer = ask(&simulator(), &body).await.json();
    assert_eq!(answer["object"], "response");
    assert_eq!(answer["status"], "completed");
    assert_eq!(answer["model"], "sim/echo");
    assert_eq!(answer["instructions"], "Be brief");
    let message = &answer["output"][0];
    assert_eq!(message["type"], "message");
    assert_eq!(message["content"][0]["text"], "Say 🍎 twice");
    assert_eq!(answer["usage"]["output_tokens"], 4);
    assert_eq!(answer["usage"]["input_tokens"], 15);
}

#[tokio::test]
async fn a_stream_has_all_events_in_order_and_ends_with_the_whole_answer() {
    let simulator = simulator();
    let body = json!({"model": "echo", "input": "one two three", "stream": true});
    let seen = ask(&simulator, &body).await;
    assert_eq!(
        kinds(&seen),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert!(!seen.has("[DONE]"));
    let read = events(&seen);
    let first = read[0].json();
    assert_eq!(first["response"]["status"], "in_progress");
    assert_eq!(first["response"]["usage"], Value::Null);
    let last = read.last().unwrap().json();
    assert_eq!(
        last["response"]["output"][0]["content"][0]["text"],
        "one two three"
    );
    assert_eq!(last["response"]["usage"]["output_tokens"], 4);
    assert_eq!(last["response"]["id"], first["response"]["id"]);
}

#[tokio::test]
async fn parallel_calls_are_items_of_their_own() {
    let body = json!({"model": "tools", "input": "go", "tools": tools(), "stream": true});
    let seen = ask(&simulator(), &body).await;
    assert_eq!(
        kinds(&seen)[2..],
        [
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let last = events(&seen).pop().unwrap().json();
    let output = &last["response"]["output"];
    assert_eq!(output[0]["name"], "weather");
    assert_eq!(output[1]["name"], "news");
    assert_eq!(output[1]["arguments"], r#"{"city":"simulated"}"#);
    assert!(
        output[1]["call_id"]
            .as_str()
            .unwrap()
            .starts_with("call_sim_")
    );
}

#[tokio::test]
async fn results_are_answered_and_unknown_ones_are_refused() {
    let simulator = simulator();
    let call =
        json!({"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"});
    let outcome =
        |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "It rains."});
    let question = json!({"role": "user", "content": [{"type": "input_text", "text": "go"}]});
    let body = |items: Value| json!({"model": "tools", "input": items, "tools": tools()});
    let answer = ask(&simulator, &body(json!([question, call, outcome("c1")])))
        .await
        .json();
    assert_eq!(answer["output"][0]["content"][0]["text"], "It rains.");
    let refused = ask(&simulator, &body(json!([question, call, outcome("c2")]))).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.has("No tool call found for function call output with call_id c2."));
}

#[tokio::test]
async fn a_model_that_thinks_gives_a_reasoning_item() {
    let simulator = simulator();
    let body = json!({"model": "think", "input": "x", "stream": true,
        "reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]});
    let seen = ask(&simulator, &body).await;
    assert_eq!(
        kinds(&seen)[2..8],
        [
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
        ]
    );
    let response = events(&seen).pop().unwrap().json()["response"].clone();
    let item = &response["output"][0];
    assert_eq!(item["type"], "reasoning");
    assert!(
        item["summary"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("I was asked: x.")
    );
    assert!(response["usage"]["output_tokens_details"]["reasoning_tokens"].as_u64() > Some(5));
    let message = json!({"role": "user", "content": "again"});
    let again = async |item: &Value| {
        let body = json!({"model": "think", "input": [item, message]});
        ask(&simulator, &body).await
    };
    assert_eq!(again(item).await.status(), 200);
    let mut forged = item.clone();
    forged["encrypted_content"] = json!("Zm9yZ2Vk");
    let refused = again(&forged).await;
    assert_eq!(refused.json()["error"]["code"], "invalid_encrypted_content");
    let alone = ask(
        &simulator,
        &json!({"model": "think", "input": [message, item]}),
    )
    .await;
    assert!(alone.has("without its required following item"));
}

#[tokio::test]
async fn summaries_and_states_are_shown_only_when_asked_for() {
    let answer = ask(&simulator(), &json!({"model": "think", "input": "x"}))
        .await
        .json();
    let item = &answer["output"][0];
    assert_eq!(item["summary"], json!([]));
    assert!(item.get("encrypted_content").is_none());
    let off = json!({"model": "think", "input": "x", "reasoning": {"effort": "none"}});
    let answer = ask(&simulator(), &off).await.json();
    assert_eq!(answer["output"][0]["type"], "message");
}

#[tokio::test]
async fn the_limit_makes_an_answer_incomplete_be_it_while_thinking() {
    let simulator = simulator();
    let body =
        |model: &str| json!({"model": model, "input": "x", "max_output_tokens": 5, "stream": true});
    let seen = ask(&simulator, &body("story")).await;
    let last = events(&seen).pop().unwrap();
    assert_eq!(last.name, "response.incomplete");
    let response = last.json()["response"].clone();
    assert_eq!(response["status"], "incomplete");
    assert_eq!(
        response["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(response["output"][0]["status"], "incomplete");
    assert_eq!(response["usage"]["output_tokens"], 5);
    let seen = ask(&simulator, &body("think")).await;
    let response = events(&seen).pop().unwrap().json()["response"].clone();
    assert_eq!(
        response["output"].as_array().unwrap().len(),
        1,
        "no message at all"
    );
    assert_eq!(
        response["usage"]["output_tokens_details"]["reasoning_tokens"],
        5
    );
}

#[tokio::test]
async fn only_a_response_that_was_given_out_can_be_gone_on_from() {
    let simulator = simulator();
    let first = ask(&simulator, &json!({"model": "echo", "input": "x"}))
        .await
        .json();
    let go_on = async |id: &Value| {
        let body = json!({"model": "echo", "input": "y", "previous_response_id": id});
        ask(&simulator, &body).await
    };
    let second = go_on(&first["id"]).await;
    assert_eq!(second.status(), 200);
    assert_eq!(second.json()["previous_response_id"], first["id"]);
    let refused = go_on(&json!("resp_unknown")).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(
        refused.json()["error"]["code"],
        "previous_response_not_found"
    );
    assert_eq!(refused.json()["error"]["param"], "previous_response_id");
}

#[tokio::test]
async fn json_of_a_schema_is_answered() {
    let schema =
        json!({"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}});
    let body = json!({"model": "echo", "input": "x",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}}});
    let answer = ask(&simulator(), &body).await.json();
    assert_eq!(answer["output"][0]["content"][0]["text"], r#"{"ok":true}"#);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    for (body, param) in [
        (json!({"input": "x"}), "model"),
        (json!({"model": "echo"}), "input"),
        (json!({"model": "echo", "input": 7}), "input"),
        (
            json!({"model": "echo", "input": "x", "max_output_tokens": 0}),
            "max_output_tokens",
        ),
        (
            json!({"model": "echo", "input": "x", "tool_choice": "required"}),
            "tool_choice",
        ),
    ] {
        let seen = ask(&simulator(), &body).await;
        assert_eq!(
            (seen.status(), &seen.json()["error"]["param"]),
            (400, &json!(param))
        );
    }
}
