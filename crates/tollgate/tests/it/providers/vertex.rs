//! Vertex AI: its addresses, and tokens that a service account is exchanged for.

use serde_json::{Value, json};

use super::stub::{Asked, Reply, Stub, world};
use crate::surface::Surface;
use crate::world::{Folder, World};

/// The token server and Vertex in one; tokens are numbered, and the first is refused once.
fn answer(asked: &Asked) -> Reply {
    if asked.path == "/token" {
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        assert!(asked.text.starts_with(grant), "{}", asked.text);
        let body = json!({"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"});
        return Reply::new("application/json", body.to_string());
    }
    if asked.header("authorization") != "Bearer token-1" {
        let mut refused = Reply::new("application/json", r#"{"error":{"code":401}}"#);
        refused.status = "401 Unauthorized";
        return refused;
    }
    if asked.path.contains(":countTokens") {
        return Reply::new("application/json", r#"{"totalTokens":7}"#);
    }
    let chunk = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]},
        "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}});
    if asked.path.contains(":streamGenerateContent") {
        return Reply::new("text/event-stream", format!("data: {chunk}\r\n\r\n"));
    }
    Reply::new("application/json", chunk.to_string())
}

async fn vertex() -> (Stub, World, Folder) {
    let stub = Stub::start(answer).await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let account = json!({
        "type": "service_account",
        "project_id": "p-1",
        "client_email": "app@p-1.iam.gserviceaccount.com",
        "private_key": key.serialize_pem(),
        "token_uri": format!("http://{}/token", stub.address),
    });
    let folder = Folder::new();
    let file = folder.path().join("service-account.json");
    std::fs::write(&file, account.to_string()).unwrap();
    let lines = format!(
        "location = \"us-central1\"\nservice_account = \"${{file:{}}}\"\nbase_url = \"http://{}\"\n",
        file.display(),
        stub.address
    );
    let world = world("vertex", &lines).await;
    (stub, world, folder)
}

#[tokio::test]
async fn calls_reach_vertex_with_a_token_of_the_service_account() {
    let (stub, world, _folder) = vertex().await;
    let base = "/v1/projects/p-1/locations/us-central1/publishers/google/models/gemini-2.5-pro";
    for surface in [
        Surface::Chat,
        Surface::Responses,
        Surface::Anthropic,
        Surface::Gemini,
        Surface::GeminiArray,
    ] {
        for stream in [false, true] {
            let answer = surface
                .ask(&world, "stub/gemini-2.5-pro", "Hi", stream)
                .await;
            assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
            let (text, method) = if stream {
                let events = surface.events(&answer);
                assert!(surface.ended_well(&events), "{}", answer.text());
                (surface.streamed(&events), ":streamGenerateContent?alt=sse")
            } else {
                let body = answer.json();
                let text = surface.text(&body).as_str().unwrap().to_owned();
                (text, ":generateContent")
            };
            assert_eq!(text, "Hello", "{surface:?}");
            assert_eq!(stub.last().path, format!("{base}{method}"), "{surface:?}");
        }
    }
    let tokens = stub.asked();
    let tokens = tokens.iter().filter(|asked| asked.path == "/token").count();
    assert_eq!(tokens, 1, "one token serves all calls");
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    let path = "/v1beta/models/stub/gemini-2.5-pro:countTokens";
    let counted: Value = super::stub::counted(&world, path, &body).await.json();
    assert_eq!(counted["totalTokens"], 7);
    assert_eq!(stub.last().path, format!("{base}:countTokens"));
}
