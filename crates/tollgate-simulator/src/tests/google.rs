use serde_json::{Value, json};

use super::client::{Seen, exchange, get, post, simulator};
use super::families::events;
use crate::Simulator;

const EVENTS: &str = "streamGenerateContent?alt=sse";

async fn ask(simulator: &Simulator, model: &str, method: &str, body: &Value) -> Seen {
    let path = format!("/v1beta/models/{model}:{method}");
    exchange(simulator, &post(&path, "x-goog-api-key: k\r\n", body)).await
}

/// A request with one text; `more` adds members to it.
fn contents(text: &str, more: &Value) -> Value {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn tools() -> Value {
    let schema = json!({"type": "OBJECT", "required": ["city"],
        "properties": {"city": {"type": "STRING"}}});
    json!({"tools": [{"functionDeclarations": [
        {"name": "weather", "parameters": schema},
        {"name": "news", "parametersJsonSchema": schema},
    ]}]})
}

async fn plain(model: &str, body: &Value) -> Value {
    ask(&simulator(), model, "generateContent", body)
        .await
        .json()
}

#[tokio::test]
async fn contents_are_answered_with_a_candidate() {
    let answer = plain("sim/echo", &contents("Say 🍎 twice", &json!({}))).await;
    let candidate = &answer["candidates"][0];
    assert_eq!(
        candidate["content"],
        json!({"parts": [{"text": "Say 🍎 twice"}], "role": "model"})
    );
    assert_eq!(candidate["finishReason"], "STOP");
    assert_eq!(answer["modelVersion"], "sim/echo");
    let usage = &answer["usageMetadata"];
    assert_eq!(
        (&usage["promptTokenCount"], &usage["candidatesTokenCount"]),
        (&json!(8), &json!(4))
    );
    assert_eq!(usage["totalTokenCount"], 12);
    assert!(usage.get("thoughtsTokenCount").is_none());
}

#[tokio::test]
async fn names_in_snake_case_are_understood_too() {
    let body = json!({
        "system_instruction": {"parts": [{"text": "Be brief"}]},
        "contents": [{"parts": [{"text": "x"}]}],
        "generation_config": {"max_output_tokens": 1, "response_mime_type": "application/json"},
    });
    let answer = plain("echo", &body).await;
    assert_eq!(answer["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(answer["usageMetadata"]["promptTokenCount"], 12);
}

#[tokio::test]
async fn a_stream_of_events_ends_lines_with_crlf_counts_along_and_has_no_mark() {
    let seen = ask(
        &simulator(),
        "echo",
        EVENTS,
        &contents("one two", &json!({})),
    )
    .await;
    assert_eq!(seen.header("content-type"), Some("text/event-stream"));
    let text = seen.text();
    assert_eq!(text.matches("\r\n\r\n").count(), 3);
    assert_eq!(text.matches('\n').count(), 6);
    assert!(!text.contains("event:") && !text.contains("[DONE]"));
    let counts: Vec<Value> = events(&seen)
        .iter()
        .map(|event| event.json()["usageMetadata"]["candidatesTokenCount"].clone())
        .collect();
    assert_eq!(counts, [1, 2, 2]);
    let read = events(&seen);
    assert!(
        read[0].json()["candidates"][0]
            .get("finishReason")
            .is_none()
    );
    assert_eq!(read[2].json()["candidates"][0]["finishReason"], "STOP");
}

#[tokio::test]
async fn without_events_an_array_is_streamed_piece_by_piece() {
    let simulator = simulator();
    let body = contents("one two", &json!({}));
    let seen = ask(&simulator, "echo", "streamGenerateContent", &body).await;
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("transfer-encoding"), Some("chunked"));
    assert_eq!(seen.json().as_array().unwrap().len(), 3);
    assert!(seen.text().starts_with("[{") && seen.has("}\r\n,\r\n{") || seen.has("},\r\n{"));
    assert_eq!(
        simulator.requests()[0].chunks_written,
        4,
        "three items and the end"
    );
}

#[tokio::test]
async fn the_path_may_be_that_of_any_version_and_of_vertex() {
    let simulator = simulator();
    let body = contents("x", &json!({}));
    for path in [
        "/v1/models/echo:generateContent",
        "/v1beta/models/sim/echo:generateContent?key=k",
        "/v1beta/models/sim%2Fecho%3AgenerateContent",
        "/v1/projects/p/locations/l/publishers/google/models/echo:generateContent",
    ] {
        let seen = exchange(&simulator, &post(path, "", &body)).await;
        assert_eq!(seen.status(), 200, "{path}");
        assert_eq!(seen.json()["modelVersion"], "sim/echo", "{path}");
    }
}

fn parts(answer: &Value) -> &Value {
    &answer["candidates"][0]["content"]["parts"]
}

#[tokio::test]
async fn parallel_calls_are_parts_without_ids() {
    let answer = plain("tools", &contents("go", &tools())).await;
    let arguments = json!({"city": "simulated"});
    assert_eq!(
        parts(&answer),
        &json!([
            {"functionCall": {"name": "weather", "args": arguments}},
            {"functionCall": {"name": "news", "args": arguments}},
        ])
    );
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    let mut forced = contents("hello", &tools());
    forced["toolConfig"] =
        json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["news"]}});
    let answer = plain("echo", &forced).await;
    assert_eq!(parts(&answer)[0]["functionCall"]["name"], "news");
}

/// The second round of a loop with tools: what was answered goes back with results.
fn with_results(mut body: Value, made: &Value) -> Value {
    let calls = made.as_array().unwrap().iter();
    let results: Vec<Value> = calls
        .filter_map(|part| part.get("functionCall"))
        .map(|call| json!({"functionResponse": {"name": call["name"], "response": {"result": "It rains."}}}))
        .collect();
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": made}));
    contents.push(json!({"role": "user", "parts": results}));
    body
}

#[tokio::test]
async fn a_loop_with_tools_ends_with_what_they_gave_and_needs_every_result() {
    let simulator = simulator();
    let body = contents("go", &tools());
    let first = ask(&simulator, "tools", "generateContent", &body)
        .await
        .json();
    let mut second = with_results(body, parts(&first));
    let answer = ask(&simulator, "tools", "generateContent", &second)
        .await
        .json();
    assert_eq!(parts(&answer)[0]["text"], "It rains.\nIt rains.");
    second["contents"][2]["parts"].as_array_mut().unwrap().pop();
    let refused = ask(&simulator, "tools", "generateContent", &second).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.has("number of function response parts is equal"));
}

#[tokio::test]
async fn calls_are_signed_and_the_signatures_are_wanted_back() {
    let simulator = simulator();
    let body = contents("call both", &tools());
    for model in ["think-tools", "gemini-3-pro"] {
        let first = ask(&simulator, model, EVENTS, &body).await;
        let made: Vec<Value> = events(&first)
            .iter()
            .map(|event| parts(&event.json())[0].clone())
            .filter(|part| part.get("functionCall").is_some())
            .collect();
        assert_eq!(made.len(), 2, "{model}");
        assert!(made[0]["thoughtSignature"].is_string());
        assert!(
            made[1].get("thoughtSignature").is_none(),
            "only the first is signed"
        );
        let made = Value::Array(made);
        let send = async |made: &Value| {
            let body = with_results(body.clone(), made);
            ask(&simulator, model, "generateContent", &body).await
        };
        assert_eq!(send(&made).await.status(), 200, "{model}");
        let mut stripped = made.clone();
        stripped[0]
            .as_object_mut()
            .unwrap()
            .shift_remove("thoughtSignature");
        let refused = send(&stripped).await;
        assert_eq!(refused.status(), 400, "{model}");
        assert!(
            refused.has("missing a thought_signature"),
            "{}",
            refused.text()
        );
        assert!(refused.has("`default_api:weather` , position 1"));
        let mut forged = made.clone();
        forged[0]["thoughtSignature"] = json!("Zm9yZ2Vk");
        assert!(send(&forged).await.has("Corrupted thought signature."));
        forged[0]["thoughtSignature"] = json!("skip_thought_signature_validator");
        assert_eq!(send(&forged).await.status(), 200, "{model}");
    }
    let first = ask(&simulator, "tools", "generateContent", &body)
        .await
        .json();
    let unsigned = with_results(body, parts(&first));
    let seen = ask(&simulator, "tools", "generateContent", &unsigned).await;
    assert_eq!(seen.status(), 200, "other models want nothing back");
}

#[tokio::test]
async fn thoughts_are_counted_always_and_shown_when_asked_for() {
    let hidden = plain("think", &contents("x", &json!({}))).await;
    assert_eq!(parts(&hidden).as_array().unwrap().len(), 1);
    assert!(hidden["usageMetadata"]["thoughtsTokenCount"].as_u64() > Some(5));
    let config = |config: Value| json!({"generationConfig": {"thinkingConfig": config}});
    let shown = contents("x", &config(json!({"includeThoughts": true})));
    let answer = plain("echo", &shown).await;
    assert_eq!(parts(&answer)[0]["thought"], true);
    assert_eq!(parts(&answer)[1]["text"], "x");
    let usage = &answer["usageMetadata"];
    let sum: u64 = [
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
    ]
    .iter()
    .map(|name| usage[name].as_u64().unwrap())
    .sum();
    assert_eq!(usage["totalTokenCount"], sum);
    let streamed = ask(&simulator(), "echo", EVENTS, &shown).await;
    let first = events(&streamed)[0].json();
    assert_eq!(parts(&first)[0]["thought"], true);
    let off = contents("x", &config(json!({"thinkingBudget": 0})));
    let answer = plain("think", &off).await;
    assert!(answer["usageMetadata"].get("thoughtsTokenCount").is_none());
}

#[tokio::test]
async fn several_candidates_are_told_apart() {
    let body = contents("x", &json!({"generationConfig": {"candidateCount": 2}}));
    let answer = plain("echo", &body).await;
    assert_eq!(answer["candidates"][1]["index"], 1);
    assert_eq!(answer["usageMetadata"]["candidatesTokenCount"], 2);
}

#[tokio::test]
async fn json_of_a_schema_is_answered() {
    let schema =
        json!({"type": "OBJECT", "required": ["ok"], "properties": {"ok": {"type": "BOOLEAN"}}});
    let config = json!({"responseMimeType": "application/json", "responseSchema": schema});
    let answer = plain("echo", &contents("x", &json!({"generationConfig": config}))).await;
    assert_eq!(parts(&answer)[0]["text"], r#"{"ok":true}"#);
}

#[tokio::test]
async fn what_the_provider_refuses_is_refused_in_its_words() {
    let simulator = simulator();
    for (body, expected) in [
        (json!([]), "Invalid JSON payload"),
        (json!({}), "contents is not specified"),
        (
            json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}),
            "valid role: user, model",
        ),
        (
            json!({"contents": [{"role": "user", "parts": []}]}),
            "parts must not be empty",
        ),
        (
            contents("x", &json!({"generationConfig": {"candidateCount": 9}})),
            "candidateCount",
        ),
    ] {
        for method in ["generateContent", EVENTS] {
            let seen = ask(&simulator, "echo", method, &body).await;
            assert_eq!(seen.status(), 400, "{expected}");
            assert_eq!(seen.json()["error"]["status"], "INVALID_ARGUMENT");
            assert!(seen.has(expected), "{}", seen.text());
        }
    }
}

#[tokio::test]
async fn tokens_are_counted() {
    let simulator = simulator();
    let body = contents("Say 🍎 twice", &json!({}));
    let seen = ask(&simulator, "echo", "countTokens", &body).await;
    assert_eq!(seen.json()["totalTokens"], 8);
    let wrapped = json!({"generateContentRequest": body});
    let seen = ask(&simulator, "echo", "countTokens", &wrapped).await;
    assert_eq!(seen.json()["totalTokens"], 8);
}

#[tokio::test]
async fn models_are_listed_page_by_page() {
    let simulator = simulator();
    let page = get(&simulator, "/v1beta/models?pageSize=2").await.json();
    assert_eq!(page["models"][0]["name"], "models/echo");
    assert_eq!(page["nextPageToken"], "2");
    let rest = get(&simulator, "/v1/models?key=k&pageSize=1000&pageToken=2")
        .await
        .json();
    assert_eq!(rest["models"][0]["name"], "models/embed");
    assert!(rest.get("nextPageToken").is_none());
    let one = get(&simulator, "/v1beta/models/fault/quota").await.json();
    assert_eq!(one["name"], "models/fault/quota");
    let missing = get(&simulator, "/v1beta/models/none").await;
    assert_eq!(missing.json()["error"]["status"], "NOT_FOUND");
}
