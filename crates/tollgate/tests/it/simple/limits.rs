//! The limits of the surface's own: five at once and one a second, of each key and each address.

use serde_json::json;

use super::says;
use crate::world::{ADMIN_KEY, Answer, KEY, NARROW_KEY, World};

/// As the documents have it, but that nothing flows back while a test runs.
const SLOW: &str = r#"
[surfaces]
default_model = "gpt-4o"
simple = { capacity = 5, refill_per_minute = 1 }
"#;

/// A world in front of which a proxy says who asks.
async fn world(more: &str) -> World {
    World::with_both("trusted_proxies = [\"127.0.0.0/8\"]", more).await
}

async fn ask(world: &World, key: &str, from: &str) -> Answer {
    let ask = world.gateway.post("/api/v1/chat", says("Hi"));
    let ask = ask.header("x-forwarded-for", from);
    ask.header("x-api-key", key).send().await
}

fn is_blocked(answer: &Answer) -> bool {
    if answer.status == 200 {
        return false;
    }
    assert_eq!(answer.status, 429, "{answer:?}");
    let text = "Too many requests. Please wait before trying again.";
    assert_eq!(answer.json(), json!({ "detail": text }));
    assert_eq!(answer.header("x-should-retry"), "true");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    true
}

#[tokio::test]
async fn the_sixth_request_of_a_key_is_blocked_wherever_it_comes_from() {
    let world = world(SLOW).await;
    for number in 0..6 {
        let from = format!("10.0.0.{number}");
        let answer = ask(&world, KEY, &from).await;
        assert_eq!(is_blocked(&answer), number == 5, "{number}");
    }
    assert!(!is_blocked(&ask(&world, NARROW_KEY, "10.0.1.1").await));
}

#[tokio::test]
async fn the_sixth_request_of_an_address_is_blocked_whoever_asks() {
    let world = world(SLOW).await;
    for number in 0..5 {
        let key = if number % 2 == 0 { KEY } else { NARROW_KEY };
        assert!(!is_blocked(&ask(&world, key, "10.0.0.1").await), "{number}");
    }
    assert!(is_blocked(&ask(&world, NARROW_KEY, "10.0.0.1").await));
    // What the address was refused is not counted for the key: it has three left.
    for number in 0..4 {
        let answer = ask(&world, NARROW_KEY, &format!("10.0.1.{number}")).await;
        assert_eq!(is_blocked(&answer), number == 3, "{number}");
    }
}

#[tokio::test]
async fn a_request_without_a_good_key_is_told_so_and_uses_up_nothing() {
    let world = world(SLOW).await;
    for _ in 0..7 {
        assert_eq!(ask(&world, "sk-wrong", "10.0.0.1").await.status, 401);
    }
    assert!(!is_blocked(&ask(&world, KEY, "10.0.0.1").await));
}

#[tokio::test]
async fn other_surfaces_and_other_settings_have_no_such_limit() {
    let world = world(SLOW).await;
    for _ in 0..7 {
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]});
        assert_eq!(world.chat(&body).send().await.status, 200);
    }
    for more in [
        "[surfaces]\ndefault_model = \"gpt-4o\"\n",
        "[surfaces]\ndefault_model = \"gpt-4o\"\nsimple = { capacity = 0 }\n",
    ] {
        let world = World::with(more).await;
        for _ in 0..7 {
            assert!(!is_blocked(&ask(&world, KEY, "10.0.0.1").await), "{more}");
        }
    }
}

/// As printed: what was waited for, a second each, is let in.
#[tokio::test]
async fn the_documented_profile_holds_where_the_surface_is_configured() {
    let world = World::with("[surfaces]\ndefault_model = \"gpt-4o\"\nsimple = {}\n").await;
    let mut blocked = None;
    for _ in 0..20 {
        let answer = ask(&world, KEY, "").await;
        if is_blocked(&answer) {
            blocked = Some(answer);
            break;
        }
    }
    let blocked = blocked.expect("twenty requests take no fifteen seconds");
    assert_eq!(blocked.header("retry-after"), "1");
    let text = world.gateway.get("/api/v1/metrics").send().await.text();
    assert!(text.contains("\nrate_limit_blocked_total 1\n"), "{text}");
    assert!(!text.contains(ADMIN_KEY));
}
