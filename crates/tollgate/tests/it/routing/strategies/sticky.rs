//! Requests that belong together go to one target, for the sake of its prompt cache.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::routing::scene::{asked, chat_as, fails, heals, key, key_config, plain};
use crate::surface::Surface;
use crate::world::{KEY, World};

fn config(rule: &str) -> String {
    let targets: String = (0..6)
        .map(|number| format!("    {{ connection = \"sim\", model = \"t{number}\" }},\n"))
        .collect();
    let keys: String = (0..8)
        .map(|number| key_config(&format!("k{number}"), "\"*\"", ""))
        .collect();
    format!(
        "[[models]]\nname = \"m\"\nstrategy = \"round_robin\"\nsticky = \"{rule}\"\n\
         targets = [\n{targets}]\n{keys}"
    )
}

/// The target that gets a request of this user.
async fn of_user(world: &World, user: &str) -> String {
    let mut body = plain("m");
    body["user"] = user.into();
    let answer = world.chat(&body).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    asked(world).pop().unwrap()
}

/// The target that gets a body at a surface.
async fn of_body(world: &World, surface: Surface, body: &Value, session: Option<&str>) -> String {
    let mut ask = world.gateway.post(&surface.path("m", false), body).key(KEY);
    if let Some(session) = session {
        ask = ask.header("x-tollgate-session", session);
    }
    let answer = ask.send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    asked(world).pop().unwrap()
}

#[tokio::test]
async fn sticky_routing_keeps_a_user_at_one_target() {
    let world = World::with(&config("user")).await;
    let mut homes = BTreeMap::new();
    for number in 0..24 {
        let user = format!("user-{number}");
        let home = of_user(&world, &user).await;
        assert_eq!(of_user(&world, &user).await, home);
        // The same user by another surface.
        let mut body = Surface::Anthropic.body("m", &user, false);
        body["metadata"] = json!({"user_id": user});
        assert_eq!(of_body(&world, Surface::Anthropic, &body, None).await, home);
        homes.insert(user, home);
    }
    let used: BTreeSet<_> = homes.values().cloned().collect();
    assert!(used.len() > 3, "users are spread: {homes:?}");

    // One target has to be left alone: its users go elsewhere, all others stay, and those come
    // back later.
    let lost = homes["user-0"].clone();
    fails(&world, &lost, "rate-limit:retry-after=1");
    for (user, home) in &homes {
        let now = of_user(&world, user).await;
        assert_eq!(now != *home, *home == lost, "{user}: {home}, now {now}");
    }
    heals(&world);
    crate::routing::scene::until("the target is back", async || {
        of_user(&world, "user-0").await == lost
    })
    .await;
    for (user, home) in &homes {
        assert_eq!(of_user(&world, user).await, *home);
    }
}

#[tokio::test]
async fn without_a_user_the_key_sticks() {
    let world = World::with(&config("user")).await;
    let mut used = BTreeSet::new();
    for number in 0..8 {
        let key = key(&format!("k{number}"));
        let mut homes = BTreeSet::new();
        for _ in 0..3 {
            assert_eq!(chat_as(&world, &key, "m").await.status, 200);
            homes.extend(asked(&world).pop());
        }
        assert_eq!(homes.len(), 1, "{homes:?}");
        used.append(&mut homes);
    }
    assert!(used.len() > 1, "{used:?}");
}

/// The first and the second request of a conversation.
fn turns(surface: Surface, subject: &str) -> [Value; 2] {
    let first = surface.body("m", subject, false);
    let mut second = first.clone();
    let (model, user) = ("I see.", "And further?");
    let more = match surface {
        Surface::Gemini => [
            json!({"role": "model", "parts": [{"text": model}]}),
            json!({"role": "user", "parts": [{"text": user}]}),
        ],
        _ => [
            json!({"role": "assistant", "content": model}),
            json!({"role": "user", "content": user}),
        ],
    };
    let turns = if surface == Surface::Gemini {
        &mut second["contents"]
    } else {
        &mut second["messages"]
    };
    turns.as_array_mut().unwrap().extend(more);
    [first, second]
}

#[tokio::test]
async fn sticky_routing_keeps_a_conversation_at_one_target() {
    let world = World::with(&config("conversation")).await;
    for surface in [Surface::Chat, Surface::Anthropic, Surface::Gemini] {
        let mut homes = BTreeSet::new();
        for number in 0..12 {
            let [first, second] = turns(surface, &format!("Tell me of number {number}."));
            let home = of_body(&world, surface, &first, None).await;
            assert_eq!(of_body(&world, surface, &second, None).await, home);
            assert_eq!(of_body(&world, surface, &first, None).await, home);
            homes.insert(home);
        }
        assert!(homes.len() > 2, "{surface:?}: {homes:?}");
    }
}

#[tokio::test]
async fn a_session_sticks_whatever_its_requests_say() {
    for rule in ["user", "conversation"] {
        let world = World::with(&config(rule)).await;
        let mut used = BTreeSet::new();
        for session in ["s-0", "s-1", "s-2", "s-3", "s-4", "s-5", "s-6", "s-7"] {
            let mut homes = BTreeSet::new();
            for surface in [Surface::Chat, Surface::Anthropic, Surface::Gemini] {
                let body = surface.body("m", &format!("{surface:?} {session}"), false);
                homes.insert(of_body(&world, surface, &body, Some(session)).await);
            }
            assert_eq!(homes.len(), 1, "{rule} {session}: {homes:?}");
            used.append(&mut homes);
        }
        assert!(used.len() > 2, "{used:?}");
    }
}

#[tokio::test]
async fn nothing_sticks_unless_it_is_asked_for() {
    let world = World::with(&config("off")).await;
    let mut used = BTreeSet::new();
    for _ in 0..6 {
        let body = Surface::Chat.body("m", "hello", false);
        used.insert(of_body(&world, Surface::Chat, &body, Some("s")).await);
    }
    assert_eq!(used.len(), 6, "in turn: {used:?}");
}
