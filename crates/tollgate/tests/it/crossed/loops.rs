//! The loop of tools: call, result, answer.

use serde_json::json;

use crate::surface::{FAMILIES, FAMILIES_CONFIG, SURFACES, Surface};
use crate::talk::{Said, Talk};
use crate::world::World;

/// Calls all tools, gives their results and returns what was said then.
async fn looped(world: &World, talk: &mut Talk, model: &str, tools: &[&str]) -> (Said, Said) {
    let calling = talk.say(world, model).await;
    let names: Vec<&str> = calling
        .calls
        .iter()
        .map(|call| call.name.as_str())
        .collect();
    assert_eq!(names, tools, "{model}: {calling:?}");
    talk.give_results(&calling.calls);
    let answering = talk.say(world, model).await;
    (calling, answering)
}

/// The words for "go on with the tools" and "done".
fn finishes(surface: Surface) -> (&'static str, &'static str) {
    match surface {
        Surface::Responses => ("completed", "completed"),
        Surface::Anthropic => ("tool_use", "end_turn"),
        Surface::Gemini | Surface::GeminiArray => ("STOP", "STOP"),
        _ => ("tool_calls", "stop"),
    }
}

async fn assert_loop(world: &World, surface: Surface, stream: bool, family: &str) {
    let what = format!("{surface:?} over {family}, streamed: {stream}");
    let tools = ["weather", "time", "news"];
    let mut talk = Talk::new(surface, stream, "What is up?", &tools);
    let model = format!("{family}/tools");
    let (calling, answering) = looped(world, &mut talk, &model, &tools).await;
    let (goes_on, done) = finishes(surface);
    assert_eq!(
        (&*calling.finish, &*answering.finish),
        (goes_on, done),
        "{what}"
    );
    for call in &calling.calls {
        assert!(call.arguments["city"].is_string(), "{what}: {call:?}");
    }
    let mut ids: Vec<&String> = calling.calls.iter().map(|call| &call.id).collect();
    if ids.iter().any(|id| !id.is_empty()) {
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{what}: ids are distinct: {calling:?}");
    }
    let expected = "result of weather\nresult of time\nresult of news";
    assert_eq!(answering.text, expected, "{what}");
    assert!(answering.calls.is_empty(), "{what}");
    for said in [&calling, &answering] {
        assert_eq!(said.answer.header("x-tollgate-unsupported"), "", "{what}");
    }
}

#[tokio::test]
async fn parallel_tool_calls_survive_every_pair_of_formats() {
    let world = World::once(FAMILIES_CONFIG).await;
    for surface in SURFACES {
        for family in FAMILIES {
            for stream in [false, true] {
                assert_loop(&world, surface, stream, family).await;
            }
        }
    }
}

#[tokio::test]
async fn an_anthropic_client_loops_over_an_openai_provider() {
    let world = World::once(FAMILIES_CONFIG).await;
    assert_loop(&world, Surface::Anthropic, true, "chat").await;
    let bodies = world.simulator.requests();
    assert!(bodies.iter().all(|one| one.path == "/v1/chat/completions"));
}

#[tokio::test]
async fn an_openai_client_loops_over_an_anthropic_provider() {
    let world = World::once(FAMILIES_CONFIG).await;
    assert_loop(&world, Surface::Chat, true, "anthropic").await;
    let bodies = world.simulator.requests();
    assert!(bodies.iter().all(|one| one.path == "/v1/messages"));
}

#[tokio::test]
async fn a_gemini_client_loops_over_an_anthropic_provider() {
    let world = World::once(FAMILIES_CONFIG).await;
    for surface in [Surface::Gemini, Surface::GeminiArray] {
        assert_loop(&world, surface, true, "anthropic").await;
    }
    let bodies = world.simulator.requests();
    assert!(bodies.iter().all(|one| one.path == "/v1/messages"));
}

#[tokio::test]
async fn a_conversation_reads_the_same_to_every_provider() {
    let world = World::once(FAMILIES_CONFIG).await;
    for surface in SURFACES {
        let mut seen = Vec::new();
        for family in FAMILIES {
            let mut talk = Talk::new(surface, false, "Look into it", &["weather", "time"]);
            let (_, _) = looped(
                &world,
                &mut talk,
                &format!("{family}/tools"),
                &["weather", "time"],
            )
            .await;
            talk.ask("And now?");
            let said = talk.say(&world, &format!("{family}/inspect")).await;
            let mut inspected: serde_json::Value = serde_json::from_str(&said.text).unwrap();
            // The limit that Anthropic demands is filled in for it.
            inspected.as_object_mut().unwrap().remove("max_tokens");
            assert_eq!(
                inspected["turns"].as_array().unwrap().len(),
                5,
                "{inspected}"
            );
            seen.push(inspected);
        }
        for (other, family) in seen.iter().zip(FAMILIES) {
            assert_eq!(other, &seen[0], "{surface:?} over {family}");
        }
        assert_eq!(seen[0]["turns"][4]["parts"][0]["text"], json!("And now?"));
    }
}

#[tokio::test]
async fn gemini_streams_come_as_an_array_and_names_may_hold_encoded_colons() {
    let world = World::once(FAMILIES_CONFIG).await;
    let surface = Surface::GeminiArray;
    for family in FAMILIES {
        for version in ["v1beta", "v1"] {
            for method in [
                "%3AstreamGenerateContent",
                "%3astreamGenerateContent",
                ":streamGenerateContent",
            ] {
                let path = format!("/{version}/models/{family}%2Fecho{method}");
                let body = surface.body("", "Hello there", true);
                let ask = world.gateway.post(&path, &body);
                let answer = ask.header("x-goog-api-key", crate::world::KEY).send().await;
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                let text = answer.text();
                assert!(
                    text.starts_with('[') && text.ends_with(']'),
                    "{path}: {text}"
                );
                let events = surface.events(&answer);
                assert_eq!(surface.streamed(&events), "Hello there", "{path}");
                assert!(surface.ended_well(&events), "{path}");
            }
        }
    }
}
