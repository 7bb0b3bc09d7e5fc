//! Gemini CLI: content streamed by events, and counts of tokens.

use serde_json::{Value, json};

use crate::surface::{FAMILIES, FAMILIES_CONFIG, Surface};
use crate::talk::Talk;
use crate::world::{Answer, KEY, World};

async fn send(world: &World, path: &str, body: &Value) -> Answer {
    let ask = world.gateway.post(path, body);
    ask.header("x-goog-api-key", KEY)
        .header(
            "x-goog-api-client",
            "google-genai-sdk/1.30.0 gl-node/v22.1.0",
        )
        .header("user-agent", "GeminiCLI/0.30.0/gemini-3-pro (linux; x64)")
        .header("x-server-timeout", "600")
        .send()
        .await
}

/// A call as Gemini CLI makes it.
fn body(text: &str) -> Value {
    json!({
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "systemInstruction": {"role": "user", "parts": [{"text": "You are an agent."}]},
        "tools": [{"functionDeclarations": [{"name": "read_file", "description": "Reads",
            "parametersJsonSchema": {"type": "object", "properties": {"path": {"type": "string"}},
            "required": ["path"]}}]}],
        "generationConfig": {"temperature": 1, "topP": 0.95, "topK": 64,
            "thinkingConfig": {"includeThoughts": true, "thinkingBudget": 8192}},
    })
}

#[tokio::test]
async fn a_streamed_turn_is_data_lines_and_nothing_else() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        let path = format!("/v1beta/models/{family}%2Fecho:streamGenerateContent?alt=sse");
        let answer = send(&world, &path, &body("Hello there")).await;
        assert_eq!(answer.status, 200, "{family}: {answer:?}");
        for line in answer.text().lines().filter(|line| !line.is_empty()) {
            assert!(line.starts_with("data: {"), "{family}: {line}");
        }
        let events = Surface::Gemini.events(&answer);
        assert!(
            Surface::Gemini.ended_well(&events),
            "{family}: {}",
            answer.text()
        );
        assert_eq!(Surface::Gemini.streamed(&events), "Hello there", "{family}");
        let usage = &events.last().unwrap()["usageMetadata"];
        assert!(
            usage["totalTokenCount"].as_u64().unwrap() > 0,
            "{family}: {usage}"
        );
    }
}

#[tokio::test]
async fn a_loop_of_tools_runs_over_every_family() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        let model = match family {
            "google" => "google/gemini-3-pro".to_owned(),
            _ => format!("{family}/think-tools"),
        };
        let mut talk = Talk::new(Surface::Gemini, true, "x", &[]);
        talk.body = body("call the tool read_file");
        let calling = talk.say(&world, &model).await;
        assert_eq!(calling.calls.len(), 1, "{family}: {calling:?}");
        assert!(calling.calls[0].arguments["path"].is_string(), "{family}");
        talk.give_results(&calling.calls);
        let answering = talk.say(&world, &model).await;
        assert!(
            answering.text.contains("result of read_file"),
            "{family}: {answering:?}"
        );
    }
}

#[tokio::test]
async fn tokens_are_counted() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        let path = format!("/v1beta/models/{family}%2Fecho:countTokens");
        let contents =
            json!({"contents": [{"role": "user", "parts": [{"text": "one two three"}]}]});
        let answer = send(&world, &path, &contents).await;
        assert_eq!(answer.status, 200, "{family}: {answer:?}");
        assert!(
            answer.json()["totalTokens"].as_u64().unwrap() > 2,
            "{family}"
        );
    }
}

#[tokio::test]
async fn limits_tell_the_wait_where_the_client_reads_it() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        let path = format!(
            "/v1beta/models/{family}%2Ffault%2Frate-limit:retry-after=7:streamGenerateContent?alt=sse"
        );
        let answer = send(&world, &path, &body("x")).await;
        assert_eq!(answer.status, 429, "{family}: {answer:?}");
        let error = answer.json();
        assert_eq!(error["error"]["status"], "RESOURCE_EXHAUSTED", "{family}");
        let details = error["error"]["details"].as_array().unwrap();
        let delay = details.iter().find_map(|one| one["retryDelay"].as_str());
        assert_eq!(delay, Some("7s"), "{family}: {error}");
    }
}
