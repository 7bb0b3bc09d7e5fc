//! Cohere's chat of version 2.

use serde_json::json;

use super::stub::{Reply, Stub, failing, fixture, index_of, world};
use crate::surface::Surface;
use crate::talk::Talk;
use crate::world::World;

const SURFACES: [Surface; 4] = [
    Surface::Chat,
    Surface::Responses,
    Surface::Anthropic,
    Surface::Gemini,
];

async fn cohere(media_type: &'static str, body: Vec<u8>) -> (Stub, World) {
    let stub = Stub::always(Reply::new(media_type, body)).await;
    let lines = format!(
        "api_key = \"co-key-0123456789\"\nbase_url = \"http://{}\"\n",
        stub.address
    );
    let world = world("cohere", &lines).await;
    (stub, world)
}

#[tokio::test]
async fn recorded_streams_reach_callers_of_every_family() {
    for name in ["cohere-text.sse", "cohere-plan-parallel-tools.sse"] {
        let name = format!("cohere/streams/{name}");
        let expected = index_of(&name);
        let (stub, world) = cohere("text/event-stream", fixture(&name)).await;
        for surface in SURFACES {
            let mut talk = Talk::new(surface, true, "Hi", &["get_time", "get_weather"]);
            let said = talk.say(&world, "stub/command-a").await;
            assert_eq!(said.text, expected["text"].as_str().unwrap(), "{surface:?}");
            let calls = said.calls.iter();
            let calls: Vec<_> = calls
                .map(|call| (&*call.name, call.arguments.to_string()))
                .collect();
            let listed = expected["tool_calls"].as_array().unwrap().iter();
            let listed: Vec<_> = listed
                .map(|call| {
                    let text = call["arguments"].as_str().unwrap();
                    let arguments: serde_json::Value = serde_json::from_str(text).unwrap();
                    (call["name"].as_str().unwrap(), arguments.to_string())
                })
                .collect();
            assert_eq!(calls, listed, "{surface:?}");
            let asked = stub.last();
            assert_eq!(asked.path, "/v2/chat");
            assert_eq!(asked.header("authorization"), "Bearer co-key-0123456789");
            let body = asked.json();
            assert_eq!(body["model"], "command-a");
            assert_eq!(body["stream"], true);
            assert_eq!(body["messages"][0]["role"], "user");
            assert_eq!(body["tools"][1]["function"]["name"], "get_weather");
        }
    }
}

#[tokio::test]
async fn recorded_answers_reach_callers_of_every_family() {
    let name = "cohere/responses/cohere-text.json";
    let expected = index_of(name);
    let (stub, world) = cohere("application/json", fixture(name)).await;
    for surface in SURFACES {
        let answer = surface.ask(&world, "stub/command-a", "Hi", false).await;
        assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
        assert_eq!(
            surface.text(&answer.json()),
            &expected["text"],
            "{surface:?}"
        );
        assert_ne!(stub.last().json()["stream"], json!(true));
    }
}

#[tokio::test]
async fn a_stream_without_its_end_is_no_success() {
    let whole = String::from_utf8(fixture("cohere/streams/cohere-text.sse")).unwrap();
    let cut = whole.find("event: message-end").unwrap();
    let (_stub, world) = cohere("text/event-stream", whole.as_bytes()[..cut].to_vec()).await;
    for surface in SURFACES {
        let (text, code) = failing(&world, surface).await;
        assert_eq!(text, "Ruby is the best language to learn.", "{surface:?}");
        assert_eq!(code, "stream_interrupted", "{surface:?}");
    }
}
