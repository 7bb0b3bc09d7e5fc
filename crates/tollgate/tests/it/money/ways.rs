//! Ways of a call that are off by default, and what they cost.

use serde_json::{Value, json};

use super::scene::{
    Books, CLAUDE, MODELS, ONCE, ask, asked, at_rest, fails, give, key, order, plain, price_of,
    streamed, team, until,
};
use crate::world::Gateway;
use crate::world::World;

const CREDITS: u64 = 100_000_000_000;

/// A model with two targets, at the price of `money/…`.
fn model(how: &str) -> String {
    format!(
        "[[models]]\nname = \"m\"\n{how}\n\
         price = {{ input = \"1000\", output = \"2000\" }}\n\
         breaker = {{ failures = 0, share_percent = 0 }}\n\
         targets = [\n    {{ connection = \"sim\", model = \"story-60\" }},\n    \
         {{ connection = \"sim\", model = \"story-060\", priority = 1 }},\n]\n"
    )
}

async fn world_with(more: &str) -> World {
    let world = World::with(&format!("{more}{}", team("payer"))).await;
    give(&world, "payer", CREDITS).await;
    world
}

fn story() -> Value {
    json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "Tell me a story."}]})
}

/// What the last event with usage says: prompt and answer.
fn told(text: &str) -> (u64, u64) {
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let mut usage = events.filter_map(|event| {
        let usage = &event["usage"];
        usage["prompt_tokens"]
            .as_u64()
            .zip(usage["completion_tokens"].as_u64())
    });
    usage.next_back().expect("a stream that tells its usage")
}

/// The only settlement, which has to be what the balance misses.
async fn only_charge(mut world: World) -> (u64, u64, u64) {
    let balance = at_rest(&world, "payer").await;
    let books = Books::of(&mut world, None).await;
    let charges: Vec<_> = books.settlements().collect();
    let [one] = charges.as_slice() else {
        panic!("{charges:?}");
    };
    assert_eq!(balance, CREDITS - one.charged);
    (one.charged, one.usage.prompt, one.usage.completion)
}

#[tokio::test]
async fn of_two_attempts_at_once_the_one_that_answers_is_charged() {
    let how = "hedge = { after_ms = 50, share_percent = 100 }";
    let world = world_with(&model(how)).await;
    fails(&world, "story-60", "delay-head", 1);
    let answer = ask(&world, "payer", &story()).await;
    assert_eq!(answer.header("x-tollgate-attempts"), "2");
    let (prompt, completion) = told(&answer.text());
    assert_eq!(asked(&world), 2);
    let charge = only_charge(world).await;
    assert_eq!(charge, (price_of(prompt, completion), prompt, completion));
}

#[tokio::test]
async fn a_stream_that_goes_on_elsewhere_costs_the_tokens_of_all_its_parts() {
    let world = world_with(&model("recovery = \"continue\"")).await;
    let whole = ask(&world, "payer", &story()).await;
    let (prompt, _) = told(&whole.text());
    drop(world);
    let world = world_with(&model("recovery = \"continue\"")).await;
    fails(&world, "story-60", "cut-after=20", 1);
    let answer = ask(&world, "payer", &story()).await;
    assert_eq!(asked(&world), 2);
    let told = told(&answer.text());
    assert!(told.0 > prompt && told.1 > 60, "{told:?} counts one part");
    let charge = only_charge(world).await;
    assert_eq!(charge, (price_of(told.0, told.1), told.0, told.1));
}

#[tokio::test]
async fn to_count_tokens_costs_nothing() {
    let mut world = world_with(&format!("{MODELS}{CLAUDE}")).await;
    let body = json!({"model": "claude/echo", "messages": [{"role": "user", "content": "one"}]});
    for path in [
        "/v1/messages/count_tokens",
        "/v1beta/models/money%2Fecho:countTokens",
    ] {
        let body = if path.contains("countTokens") {
            json!({"contents": [{"role": "user", "parts": [{"text": "one"}]}]})
        } else {
            body.clone()
        };
        let counting = world.gateway.post(path, &body).key(&key("payer"));
        let answer = counting.send().await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    assert_eq!(at_rest(&world, "payer").await, CREDITS);
    let books = Books::of(&mut world, None).await;
    assert_eq!(books.settlements().count(), 0);
}

#[tokio::test]
async fn a_kill_loses_of_relaxed_charges_the_last_ones_and_doubles_none() {
    let relaxed = "[billing]\ndurability = \"relaxed\"\nrelaxed_delay_ms = 200\n";
    let mut world = world_with(&format!("{relaxed}{MODELS}{ONCE}")).await;
    for body in [plain("money/echo"), streamed("money/echo")] {
        for _ in 0..5 {
            assert_eq!(ask(&world, "payer", &body).await.status, 200);
        }
    }
    until("everything is written", async || {
        let told = order(&world, "/api/ledger/verify", Value::Null).await;
        told["settlements"] == 10
    })
    .await;
    let durable = at_rest(&world, "payer").await;
    for _ in 0..5 {
        assert_eq!(ask(&world, "payer", &plain("money/echo")).await.status, 200);
    }
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    let balance = at_rest(&world, "payer").await;
    assert!(balance <= durable, "what was durable is there");
    let books = Books::of(&mut world, None).await;
    assert_eq!(balance, CREDITS - books.charged());
    let count = books.settlements().count();
    assert!((10..=15).contains(&count), "{count}");
    for settlement in books.settlements() {
        assert!(books.of_request(&settlement.request_id).is_some());
    }
}
