//! Thinking signatures and the like: they go back to the provider that made them, and to no other.

use crate::surface::{FAMILIES, FAMILIES_CONFIG, SURFACES, Surface};
use crate::talk::Talk;
use crate::world::World;

/// The families that give out state, and how it begins there.
const MAKERS: [(&str, &str); 3] = [
    ("responses", "dG9sbGdhdGUtc2ltdWxhdG9yIFJl"),
    ("anthropic", "dG9sbGdhdGUtc2ltdWxhdG9yIFRo"),
    ("google", "dG9sbGdhdGUtc2ltdWxhdG9yIFBh"),
];

/// How state begins that Tollgate marked with its maker's name.
const SEAL: &str = "tg1A";

/// Surfaces whose clients give state back.
fn keep_state() -> impl Iterator<Item = Surface> {
    SURFACES
        .into_iter()
        .filter(|surface| *surface != Surface::Chat)
}

/// A model of this family that thinks, calls tools, and wants its state back.
fn model(family: &str) -> String {
    let name = if family == "google" {
        // The third generation refuses calls without a signature, and is known by its name.
        "gemini-3-pro"
    } else {
        "think-tools"
    };
    format!("{family}/{name}")
}

/// What makes every model call all of its tools.
const QUESTION: &str = "Look into it: call both";

/// The family's own mark.
fn mark(family: &str) -> Option<&'static str> {
    let row = MAKERS.iter().find(|(name, _)| *name == family);
    row.map(|(_, mark)| *mark)
}

/// The body of the last call that the provider received.
fn last_body(world: &World) -> String {
    world.simulator.requests().pop().unwrap().body
}

/// Begins with one provider, goes on with another, and comes back to the first.
async fn assert_kept(world: &World, surface: Surface, stream: bool, maker: &str, other: &str) {
    let what = format!("{surface:?} with {maker}, then {other}, streamed: {stream}");
    let mut talk = Talk::new(surface, stream, QUESTION, &["weather"]).thinking();
    let begun = talk.say(world, &model(maker)).await;
    assert!(!begun.states.is_empty(), "{what}: {begun:?}");
    assert_eq!(begun.calls.len(), 1, "{what}: {begun:?}");
    talk.give_results(&begun.calls);

    let continued = talk.say(world, &model(other)).await;
    assert_eq!(continued.text, "result of weather", "{what}");
    let seen = last_body(world);
    assert!(!seen.contains(SEAL), "{what}: a seal left: {seen}");
    let foreign = mark(maker).unwrap();
    assert!(
        !seen.contains(foreign),
        "{what}: foreign state left: {seen}"
    );
    let told = continued.answer.header("x-tollgate-unsupported");
    assert!(!told.is_empty(), "{what}: what was taken out is said");

    talk.ask("And now?");
    talk.say(world, &model(maker)).await;
    let seen = last_body(world);
    assert!(
        seen.contains(foreign),
        "{what}: its own state is back: {seen}"
    );
    assert!(!seen.contains(SEAL), "{what}: {seen}");
    if let Some(others) = mark(other) {
        assert!(!seen.contains(others), "{what}: foreign state left: {seen}");
    }
}

#[tokio::test]
async fn stripped_thinking_signatures_are_said_and_come_back_to_their_maker() {
    let world = World::once(FAMILIES_CONFIG).await;
    for surface in keep_state() {
        for (maker, _) in MAKERS {
            for other in FAMILIES.into_iter().filter(|other| *other != maker) {
                for stream in [false, true] {
                    assert_kept(&world, surface, stream, maker, other).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn state_goes_back_within_a_loop_of_tools() {
    let world = World::once(FAMILIES_CONFIG).await;
    for surface in keep_state() {
        for (maker, mark) in MAKERS {
            for stream in [false, true] {
                let what = format!("{surface:?} with {maker}, streamed: {stream}");
                let mut talk = Talk::new(surface, stream, QUESTION, &["weather", "time"]);
                talk = talk.thinking();
                let model = model(maker);
                let calling = talk.say(&world, &model).await;
                assert_eq!(calling.calls.len(), 2, "{what}: {calling:?}");
                assert!(!calling.thoughts.is_empty(), "{what}: {calling:?}");
                talk.give_results(&calling.calls);
                let answering = talk.say(&world, &model).await;
                assert!(
                    answering.text.ends_with("result of time"),
                    "{what}: {answering:?}"
                );
                let told = answering.answer.header("x-tollgate-unsupported");
                assert_eq!(told, "", "{what}");
                assert!(last_body(&world).contains(mark), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_keeps_no_state_loops_over_providers_that_want_it() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        for stream in [false, true] {
            let mut talk = Talk::new(Surface::Chat, stream, QUESTION, &["weather"]);
            talk = talk.thinking();
            let model = model(family);
            let calling = talk.say(&world, &model).await;
            assert_eq!(calling.calls.len(), 1, "{family}: {calling:?}");
            talk.give_results(&calling.calls);
            let answering = talk.say(&world, &model).await;
            assert_eq!(answering.text, "result of weather", "{family}, {stream}");
        }
    }
}

#[tokio::test]
async fn a_thought_that_nobody_signed_goes_to_no_provider_that_signs() {
    let world = World::once(FAMILIES_CONFIG).await;
    for surface in keep_state() {
        for (maker, _) in MAKERS {
            for stream in [false, true] {
                let what = format!("{surface:?}, then {maker}, streamed: {stream}");
                let mut talk = Talk::new(surface, stream, QUESTION, &["weather"]).thinking();
                let begun = talk.say(&world, &model("chat")).await;
                assert!(!begun.thoughts.is_empty(), "{what}: {begun:?}");
                talk.give_results(&begun.calls);
                let continued = talk.say(&world, &model(maker)).await;
                assert!(continued.text.contains("result of weather"), "{what}");
                let seen = last_body(&world);
                assert!(!seen.contains(SEAL), "{what}: {seen}");
                let foreign = [r#""type":"reasoning""#, r#""type":"thinking""#];
                for member in foreign {
                    assert!(!seen.contains(member), "{what}: {seen}");
                }
            }
        }
    }
}
