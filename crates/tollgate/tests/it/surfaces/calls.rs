//! Calls of every family, served by a provider of the OpenAI format.

use serde_json::json;

use crate::surface::Surface;
use crate::world::{Answer, KEY, World};

const ALL: [Surface; 5] = [
    Surface::Completions,
    Surface::Responses,
    Surface::Anthropic,
    Surface::Gemini,
    Surface::GeminiArray,
];

/// A connection whose provider is asked in the format of chat completions.
fn connection(surface: Surface) -> &'static str {
    match surface {
        // Many servers have this address themselves; OpenAI's newer models do not.
        Surface::Completions => "sim",
        _ => "lenient",
    }
}

async fn ask(surface: Surface, world: &World, model: &str, text: &str, stream: bool) -> Answer {
    let model = format!("{}/{model}", connection(surface));
    surface.ask(world, &model, text, stream).await
}

#[tokio::test]
async fn every_family_reaches_the_provider() {
    let world = World::once("").await;
    for surface in ALL {
        let answer = ask(surface, &world, "echo", "Hello there", false).await;
        assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-tollgate-connection"), connection(surface));
        let body = answer.json();
        assert_eq!(surface.text(&body), "Hello there", "{surface:?}: {body}");
    }
}

#[tokio::test]
async fn every_family_gets_its_own_stream() {
    let world = World::once("").await;
    for surface in ALL {
        let answer = ask(surface, &world, "echo", "Hello there", true).await;
        assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
        let events = surface.events(&answer);
        assert_eq!(surface.streamed(&events), "Hello there", "{surface:?}");
        assert!(
            surface.ended_well(&events),
            "{surface:?}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_cut_stream_ends_in_an_error_of_the_callers_own_form() {
    let world = World::once("").await;
    for surface in ALL {
        for how in ["fin", "rst", "clean"] {
            let model = format!("fault/cut-after=4;how={how}");
            let answer = ask(surface, &world, &model, "x", true).await;
            assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
            let events = surface.events(&answer);
            assert!(!surface.streamed(&events).is_empty(), "{surface:?}");
            assert!(
                !surface.ended_well(&events),
                "{surface:?}: {}",
                answer.text()
            );
            let code = surface.code(events.last().unwrap());
            assert_eq!(code, "stream_interrupted", "{surface:?}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn an_error_before_the_first_content_is_an_answer_in_the_callers_dialect() {
    let world = World::once("").await;
    for surface in ALL {
        for stream in [false, true] {
            let model = "fault/rate-limit:retry-after=7";
            let answer = ask(surface, &world, model, "x", stream).await;
            assert_eq!(answer.status, 429, "{surface:?}: {answer:?}");
            assert_eq!(
                answer.header("x-tollgate-error-code"),
                "provider_rate_limited"
            );
            assert_eq!(answer.header("retry-after"), "7");
            let error = &answer.json()["error"];
            match surface {
                Surface::Chat | Surface::Completions | Surface::Responses => {
                    assert_eq!(error["code"], "provider_rate_limited");
                }
                Surface::Anthropic => assert_eq!(error["type"], "rate_limit_error"),
                Surface::Gemini | Surface::GeminiArray => {
                    assert_eq!(error["status"], "RESOURCE_EXHAUSTED");
                }
            }
        }
    }
}

#[tokio::test]
async fn tokens_are_estimated_where_the_provider_cannot_count_them() {
    let world = World::once("").await;
    let messages = json!([{"role": "user", "content": "one two three four"}]);
    let anthropic = world.gateway.post(
        "/v1/messages/count_tokens",
        json!({"model": "lenient/echo", "messages": messages}),
    );
    let anthropic = anthropic.key(KEY).send().await;
    assert_eq!(anthropic.status, 200, "{anthropic:?}");
    assert_eq!(anthropic.header("x-tollgate-estimated"), "tokens");
    assert!(anthropic.json()["input_tokens"].as_u64().unwrap() > 0);
    let gemini = world.gateway.post(
        "/v1beta/models/lenient%2Fecho:countTokens",
        json!({"contents": [{"parts": [{"text": "one two three four"}]}]}),
    );
    let gemini = gemini.key(KEY).send().await;
    assert_eq!(gemini.status, 200, "{gemini:?}");
    assert_eq!(gemini.header("x-tollgate-estimated"), "tokens");
    assert!(gemini.json()["totalTokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_parameter_that_the_provider_cannot_be_told_is_named() {
    let world = World::once("").await;
    let body = json!({"model": "sim/echo", "max_tokens": 9, "top_k": 5,
        "messages": [{"role": "user", "content": "x"}]});
    let answer = world
        .gateway
        .post("/v1/messages", &body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-unsupported"), "top_k");
}

#[tokio::test]
async fn silence_in_a_stream_is_a_ping_for_anthropic_and_nothing_for_gemini() {
    let settings = "keep_alive_ms = 500\n[routing.timeouts]\nidle_ms = 3000\n";
    let world = World::with_server(settings).await;
    for surface in [Surface::Anthropic, Surface::Gemini, Surface::GeminiArray] {
        let answer = ask(surface, &world, "fault/stall-after=4", "x", true).await;
        let events = surface.events(&answer);
        let pings = events
            .iter()
            .filter(|event| event["type"] == "ping")
            .count();
        assert_eq!(
            pings > 0,
            surface == Surface::Anthropic,
            "{}",
            answer.text()
        );
        assert_eq!(surface.code(events.last().unwrap()), "stream_interrupted");
    }
}
