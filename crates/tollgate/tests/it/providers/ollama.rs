//! Ollama's own chat, which streams JSON by lines.

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

async fn ollama(media_type: &'static str, body: Vec<u8>) -> (Stub, World) {
    let stub = Stub::always(Reply::new(media_type, body)).await;
    let world = world(
        "ollama",
        &format!("base_url = \"http://{}\"\n", stub.address),
    )
    .await;
    (stub, world)
}

#[tokio::test]
async fn recorded_lines_reach_callers_of_every_family() {
    let name = "ollama/streams/ollama-parallel-tools.ndjson";
    let expected = index_of(name);
    let (stub, world) = ollama("application/x-ndjson", fixture(name)).await;
    for surface in SURFACES {
        let mut talk = Talk::new(surface, true, "Hi", &["lookup_harbor_label"]);
        let said = talk.say(&world, "stub/qwen3:4b").await;
        assert_eq!(said.text, expected["text"].as_str().unwrap(), "{surface:?}");
        let calls: Vec<_> = said.calls.iter().map(|call| &*call.name).collect();
        assert_eq!(
            calls,
            ["lookup_harbor_label", "lookup_orchard_label"],
            "{surface:?}"
        );
        let asked = stub.last();
        assert_eq!(asked.path, "/api/chat");
        assert_eq!(
            asked.header("authorization"),
            "",
            "nothing is known of a key"
        );
        let body = asked.json();
        assert_eq!(body["model"], "qwen3:4b");
        assert_eq!(body["stream"], true);
        assert_eq!(body["messages"][0]["content"], "Hi");
    }
}

#[tokio::test]
async fn a_recorded_answer_reaches_callers_of_every_family() {
    let name = "ollama/responses/ollama-chat-thinking-tool.json";
    let (stub, world) = ollama("application/json", fixture(name)).await;
    for surface in SURFACES {
        let mut talk = Talk::new(surface, false, "2 + 3?", &["add_two_numbers"]);
        let said = talk.say(&world, "stub/qwen3").await;
        assert_eq!(said.calls.len(), 1, "{surface:?}: {said:?}");
        assert_eq!(said.calls[0].name, "add_two_numbers");
        assert_eq!(said.calls[0].arguments["b"], 3);
        assert!(
            said.thoughts.starts_with("Thinking Process"),
            "{surface:?}: {said:?}"
        );
        assert_eq!(stub.last().json()["stream"], false, "its default is true");
    }
}

#[tokio::test]
async fn an_error_line_in_a_stream_ends_it() {
    let body = fixture("ollama/streams/ollama-midstream-error.ndjson");
    let (_stub, world) = ollama("application/x-ndjson", body).await;
    for surface in SURFACES {
        let (text, code) = failing(&world, surface).await;
        assert_eq!((&*text, &*code), (" Yes.", "provider_error"), "{surface:?}");
    }
}

#[tokio::test]
async fn lines_that_stop_before_the_last_are_no_success() {
    let whole = fixture("ollama/streams/ollama-parallel-tools.ndjson");
    let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let last = lines
        .iter()
        .rposition(|line| line.starts_with(b"{"))
        .unwrap();
    lines.truncate(last);
    let (_stub, world) = ollama("application/x-ndjson", lines.concat()).await;
    for surface in SURFACES {
        let (text, code) = failing(&world, surface).await;
        assert!(!text.is_empty());
        assert_eq!(code, "stream_interrupted", "{surface:?}");
    }
}
