//! AWS Bedrock: signed requests, and binary event streams with checksums.

use super::stub::{Reply, Stub, failing, fixture, index_of, world};
use crate::surface::Surface;
use crate::talk::{Said, Talk};
use crate::world::World;

const SURFACES: [Surface; 3] = [Surface::Chat, Surface::Anthropic, Surface::Gemini];
const STREAM: &str = "application/vnd.amazon.eventstream";

async fn bedrock(name: &str) -> (Stub, World) {
    with_body(fixture(&format!("bedrock/streams/{name}"))).await
}

async fn with_body(body: Vec<u8>) -> (Stub, World) {
    let stub = Stub::always(Reply::new(STREAM, body)).await;
    let lines = format!(
        "region = \"us-east-1\"\naccess_key_id = \"AKIDEXAMPLE\"\n\
         secret_access_key = \"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\"\n\
         base_url = \"http://{}\"\n",
        stub.address
    );
    let world = world("bedrock", &lines).await;
    (stub, world)
}

async fn said(world: &World, surface: Surface, tools: &[&str]) -> Said {
    let mut talk = Talk::new(surface, true, "Hi", tools);
    talk.say(world, "stub/us.amazon.nova-lite-v1:0").await
}

#[tokio::test]
async fn a_request_is_signed_and_says_what_the_caller_asked() {
    let (stub, world) = bedrock("bedrock-converse-reasoning.eventstream").await;
    for surface in SURFACES {
        said(&world, surface, &[]).await;
        let asked = stub.last();
        let model = asked.path.replace("%3A", ":");
        assert_eq!(model, "/model/us.amazon.nova-lite-v1:0/converse-stream");
        let signed = asked.header("authorization");
        let begin = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/";
        assert!(signed.starts_with(begin), "{signed}");
        assert!(signed.contains("/us-east-1/bedrock/aws4_request, SignedHeaders="));
        assert_eq!(asked.header("x-amz-date").len(), "20261121T000000Z".len());
        assert!(
            !asked.head.contains("sk-test-app"),
            "the caller's key stays"
        );
        let text = &asked.json()["messages"][0]["content"][0]["text"];
        assert_eq!(text, "Hi", "{surface:?}: {}", asked.text);
    }
}

#[tokio::test]
async fn an_api_key_goes_as_a_bearer() {
    let body = fixture("bedrock/responses/bedrock-converse-reasoning.json");
    let stub = Stub::always(Reply::new("application/json", body)).await;
    let lines = format!(
        "region = \"eu-west-1\"\napi_key = \"bedrock-api-key-0123456789\"\nbase_url = \"http://{}\"\n",
        stub.address
    );
    let world = world("bedrock", &lines).await;
    let expected = index_of("bedrock/responses/bedrock-converse-reasoning.json");
    for surface in SURFACES {
        let mut talk = Talk::new(surface, false, "5 + 3?", &[]);
        let said = talk.say(&world, "stub/m").await;
        assert_eq!(said.text, expected["text"].as_str().unwrap(), "{surface:?}");
        let asked = stub.last();
        assert_eq!(asked.path, "/model/m/converse");
        assert_eq!(
            asked.header("authorization"),
            "Bearer bedrock-api-key-0123456789"
        );
        assert_eq!(asked.header("x-amz-date"), "");
    }
}

#[tokio::test]
async fn binary_streams_reach_callers_of_every_family() {
    for name in [
        "bedrock-converse-reasoning.eventstream",
        "bedrock-converse-parallel-tools.eventstream",
    ] {
        let expected = index_of(&format!("bedrock/streams/{name}"));
        let (_stub, world) = bedrock(name).await;
        for surface in SURFACES {
            let said = said(&world, surface, &["final_result"]).await;
            assert_eq!(said.text, expected["text"].as_str().unwrap(), "{surface:?}");
            assert_eq!(said.thoughts, expected["reasoning"].as_str().unwrap());
            let calls: Vec<_> = said.calls.iter().map(|call| &*call.name).collect();
            let listed = expected["tool_calls"].as_array().unwrap().iter();
            let listed: Vec<_> = listed.map(|call| call["name"].as_str().unwrap()).collect();
            assert_eq!(calls, listed, "{surface:?}: {said:?}");
        }
    }
}

#[tokio::test]
async fn an_exception_frame_in_a_stream_keeps_its_meaning() {
    let (_stub, world) = bedrock("bedrock-midstream-throttling.eventstream").await;
    for surface in SURFACES {
        let (text, code) = failing(&world, surface).await;
        assert_eq!(text, "Ruby", "{surface:?}");
        assert_eq!(code, "provider_rate_limited", "{surface:?}");
    }
}

#[tokio::test]
async fn bedrock_event_stream_crc_errors_end_the_stream() {
    let whole = fixture("bedrock/streams/bedrock-converse-reasoning.eventstream");
    let frames = frames(&whole);
    // A byte of the payload of the last frame but two; of its prelude; and of its checksum.
    let (begin, end) = frames[frames.len() - 3];
    for at in [end - 10, begin + 1, begin + 9, end - 2] {
        let mut broken = whole.clone();
        broken[at] ^= 0x01;
        let (_stub, world) = with_body(broken).await;
        for surface in SURFACES {
            let (text, code) = failing(&world, surface).await;
            assert!("Hello! How can I help you today?".starts_with(&text));
            assert_eq!(code, "provider_invalid_response", "{surface:?} {at}");
        }
    }
}

/// Where the frames begin and end.
fn frames(whole: &[u8]) -> Vec<(usize, usize)> {
    let (mut frames, mut at) = (Vec::new(), 0);
    while at < whole.len() {
        let length = u32::from_be_bytes(whole[at..at + 4].try_into().unwrap());
        let end = at + usize::try_from(length).unwrap();
        frames.push((at, end));
        at = end;
    }
    frames
}

#[tokio::test]
async fn a_binary_stream_that_is_cut_is_no_success() {
    let whole = fixture("bedrock/streams/bedrock-converse-reasoning.eventstream");
    let frames = frames(&whole);
    let last = frames.len() - 1;
    // The last frame has the counts of tokens: who ends before it has said all of the answer.
    for cut in [
        frames[last - 2].0,
        frames[last - 2].0 + 5,
        frames[last - 1].0,
        frames[last - 1].0 + 5,
        frames[last].0 + 5,
    ] {
        let (_stub, world) = with_body(whole[..cut].to_vec()).await;
        for surface in SURFACES {
            let (_, code) = failing(&world, surface).await;
            assert_eq!(code, "stream_interrupted", "{surface:?} {cut}");
        }
    }
}
