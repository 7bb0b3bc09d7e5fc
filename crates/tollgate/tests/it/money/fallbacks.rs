//! Several attempts, several models: one charge, at the price of the answer, and what providers
//! charge for the way to it is shown as the operator's.

use serde_json::{Value, json};

use super::scene::{
    Books, CLAUDE, MODELS, asked, at_rest, cost, fails, give, key, plain, reload, team, until,
};
use crate::world::{Answer, World};

const CREDITS: u64 = 100_000_000_000;
const NO_BREAKER: &str = "breaker = { failures = 0, share_percent = 0, cooldown = false }\n";

/// A model at `sim` with the price of `money/…`, times a factor.
fn model(name: &str, factor: u64, more: &str) -> String {
    format!(
        "[[models]]\nname = \"{name}\"\n\
         targets = [{{ connection = \"sim\", model = \"{name}-echo\" }}]\n\
         price = {{ input = \"{}\", output = \"{}\" }}\nbackoff = {{ first_ms = 10 }}\n\
         {NO_BREAKER}{more}\n",
        1000 * factor,
        2000 * factor
    )
}

async fn world_with(models: &str) -> World {
    let world = World::with(&format!("{MODELS}{CLAUDE}{models}{}", team("payer"))).await;
    give(&world, "payer", CREDITS).await;
    world
}

async fn ask(world: &World, body: &Value) -> Answer {
    let ask = world.gateway.post("/v1/chat/completions", body);
    let ask = ask
        .header("x-tollgate-trail", "full")
        .header("x-request-id", "one");
    ask.key(&key("payer")).send().await
}

/// One attempt's charge, taken once.
async fn is_charged_once(mut world: World, attempts: usize) {
    let balance = at_rest(&world, "payer").await;
    assert_eq!(asked(&world), attempts);
    let books = Books::of(&mut world, None).await;
    let one = books.of_request("one").unwrap();
    assert_eq!(balance, CREDITS - one.charged);
    assert_eq!(one.usage.completion, 4);
    assert_eq!(books.settlements().count(), 1);
}

#[tokio::test]
async fn a_call_that_waited_for_a_limited_provider_is_charged_once() {
    let world = world_with(&model("m", 1, "attempts = 3")).await;
    fails(&world, "m-echo", "rate-limit:retry-after=1", 2);
    let answer = ask(&world, &plain("m")).await;
    assert_eq!(answer.header("x-tollgate-attempts"), "3");
    assert!(cost(&answer) > 0);
    is_charged_once(world, 3).await;
}

#[tokio::test]
async fn a_request_that_never_arrived_is_repeated_elsewhere_and_charged_once() {
    let (_bound, closed) = crate::world::nobody();
    let nobody = format!(
        "[[connections]]\nname = \"nobody\"\nprovider = \"openai-compatible\"\n\
         base_url = \"http://{closed}/v1\"\n[[models]]\nname = \"m\"\nattempts = 3\n\
         repeat = \"never\"\nprice = {{ input = \"1000\", output = \"2000\" }}\n\
         targets = [{{ connection = \"nobody\", model = \"x\" }}, \
         {{ connection = \"sim\", model = \"echo\", priority = 1 }}]\n"
    );
    let world = world_with(&nobody).await;
    let answer = ask(&world, &plain("m")).await;
    assert!(cost(&answer) > 0, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-attempts"), "2");
    is_charged_once(world, 1).await;
}

#[tokio::test]
async fn a_request_that_may_have_been_served_is_repeated_where_that_is_declared_and_charged_once() {
    let named = "attempts = 3\nrepeat = \"always\"";
    let world = world_with(&(model("m", 1, named) + &model("n", 1, "attempts = 3"))).await;
    fails(&world, "n-echo", "close-before-answer", 1);
    let lost = ask(&world, &plain("n")).await;
    assert_eq!(lost.status, 502, "{lost:?}");
    assert_eq!(
        at_rest(&world, "payer").await,
        CREDITS,
        "nobody pays for it"
    );
    assert_eq!(asked(&world), 1, "not again");
    world.simulator.forget_requests();
    fails(&world, "m-echo", "close-before-answer", 1);
    let answer = ask(&world, &plain("m")).await;
    assert!(cost(&answer) > 0, "{answer:?}");
    let ids: Vec<_> = world
        .simulator
        .requests()
        .iter()
        .map(|one| one.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(ids[0], ids[1], "the provider can tell");
    is_charged_once(world, 2).await;
}

#[tokio::test]
async fn a_dearer_fallback_costs_its_own_price_and_needs_credit_for_it() {
    let cheap = model("cheap", 1, "attempts = 2\nfallbacks = [\"dear\"]");
    let mut world = world_with(&(cheap + &model("dear", 10, ""))).await;
    fails(&world, "cheap-echo", "server-error", 100);
    let mut body = plain("cheap");
    body["max_tokens"] = 3.into();
    let answer = ask(&world, &body).await;
    assert_eq!(answer.header("x-tollgate-model"), "dear", "{answer:?}");
    let balance = at_rest(&world, "payer").await;
    assert_eq!(balance, CREDITS - cost(&answer));
    // Now there is enough for the one and not for the other.
    let most = 200_000_000;
    let take = json!({"amount_usd": usd(balance - most), "direction": "take"});
    super::scene::order(&world, "/api/credits/teams/payer/adjust", take).await;
    world.simulator.forget_requests();
    let refused = world.gateway.post("/v1/chat/completions", &body);
    let refused = refused.key(&key("payer")).send().await;
    assert_eq!(refused.outcome(), (503, "retry_limit_exceeded".to_owned()));
    let models: Vec<_> = world
        .simulator
        .requests()
        .into_iter()
        .map(|one| one.model)
        .collect();
    assert!(
        !models.is_empty() && !models.contains(&"dear-echo".to_owned()),
        "{models:?}"
    );
    assert_eq!(at_rest(&world, "payer").await, most);
    let books = Books::of(&mut world, None).await;
    let one = books.of_request("one").unwrap();
    assert_eq!(super::scene::words(one.flags), "fallback");
    assert_eq!(
        (&*one.model, one.charged),
        ("dear", 10 * super::scene::price_of(one.usage.prompt, 3))
    );
    assert!(
        one.held > one.charged,
        "the reservation is that of the fallback: {one:?}"
    );
}

fn usd(nano: u64) -> String {
    tollgate_core::money::Money::from_nano(nano).to_string()
}

#[tokio::test]
async fn a_fallback_that_the_key_may_not_use_is_not_asked() {
    let cheap = model("cheap", 1, "attempts = 2\nfallbacks = [\"dear\"]");
    let only = "models = [\"cheap\"]\n";
    let world = world_with(&(cheap + &model("dear", 10, ""))).await;
    let more = format!("{}{only}", team("tight"));
    let cheap = model("cheap", 1, "attempts = 2\nfallbacks = [\"dear\"]");
    let models = cheap + &model("dear", 10, "");
    reload(
        &world,
        &format!("{MODELS}{CLAUDE}{models}{}{more}", team("payer")),
    )
    .await;
    give(&world, "tight", CREDITS).await;
    fails(&world, "cheap-echo", "server-error", 100);
    let refused = super::scene::ask(&world, "tight", &plain("cheap")).await;
    assert!(refused.status.is_server_error(), "{refused:?}");
    let requests = world.simulator.requests();
    let is_cheap = |one: &tollgate_simulator::Received| one.model == "cheap-echo";
    assert!(!requests.is_empty() && requests.iter().all(is_cheap));
    assert_eq!(at_rest(&world, "tight").await, CREDITS);
}

#[tokio::test]
async fn what_a_failed_attempt_used_is_the_operators_and_the_caller_pays_the_answer() {
    let first = "[[models]]\nname = \"first\"\nattempts = 2\nfallbacks = [\"dear\"]\n\
                 targets = [{ connection = \"claude\", model = \"fault/error-event:after=1\" }]\n\
                 price = { input = \"1000\", output = \"2000\" }\n";
    let mut world = world_with(&format!("{first}{NO_BREAKER}{}", model("dear", 10, ""))).await;
    let mut body = plain("first");
    body["stream"] = true.into();
    let answer = ask(&world, &body).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{answer:?}");
    assert_eq!(answer.header("x-tollgate-model"), "dear");
    let trail = answer.header("x-tollgate-trail").to_owned();
    let balance = at_rest(&world, "payer").await;
    // Nobody waits for these entries: they are written a moment later.
    let lost = async || {
        let told = super::scene::order(&world, "/api/ledger/verify", Value::Null).await;
        super::scene::nano(&told["lost_usd"])
    };
    until("the loss is written", async || lost().await > 0).await;
    let lost = lost().await;
    let row = async || {
        let path = "/api/account/request-logs/one/details";
        world.gateway.get(path).admin().send().await
    };
    until("the row is there", async || row().await.status == 200).await;
    let row: Value = row().await.json();
    assert!(
        (row["unpaid_cost"].as_f64().unwrap() * 1e9 - lost as f64).abs() < 1.0,
        "{row}"
    );
    let metrics = read_text(&world).await;
    let metric = format!(
        "tollgate_lost_cost_usd_total{{connection=\"claude\"}} {}",
        usd(lost)
    );
    let books = Books::of(&mut world, None).await;
    let losses: Vec<_> = books.losses().collect();
    assert_eq!(losses.len(), 1);
    let entry = losses[0];
    assert!(entry.usage.prompt > 0 && entry.charged > 0, "{entry:?}");
    assert_eq!(
        (entry.charged, &*entry.request_id, &*entry.model),
        (lost, "one", "first")
    );
    assert_eq!((&*entry.connection, entry.held), ("claude", 0));
    let usd_of_trail = format!(";usd={}", usd(lost));
    assert!(trail.contains(&usd_of_trail), "{trail}");
    assert!(metrics.contains(&metric), "{metric}\n{metrics}");
    let one = books.of_request("one").unwrap();
    assert_eq!(&*one.model, "dear");
    assert_eq!(balance, CREDITS - one.charged, "the loss takes nothing");
}

async fn read_text(world: &World) -> String {
    world.gateway.get("/metrics").send().await.text()
}

#[tokio::test]
async fn the_use_of_attempts_that_all_failed_is_lost_and_nobody_pays() {
    let first = "[[models]]\nname = \"first\"\nattempts = 2\nbackoff = { first_ms = 10 }\n\
                 targets = [{ connection = \"claude\", model = \"fault/error-event:after=1\" }]\n\
                 price = { input = \"1000\", output = \"2000\" }\n";
    let mut world = world_with(&format!("{first}{NO_BREAKER}")).await;
    let mut body = plain("first");
    body["stream"] = true.into();
    let answer = ask(&world, &body).await;
    assert!(answer.status.is_server_error(), "{answer:?}");
    assert_eq!(at_rest(&world, "payer").await, CREDITS);
    let attempts = asked(&world);
    let books = Books::of(&mut world, None).await;
    assert_eq!(
        (books.settlements().count(), books.losses().count()),
        (0, attempts)
    );
    assert!(attempts > 0);
}
