//! `Idempotency-Key`: what is sent again is done once.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tollgate_simulator::{Rule, Script};
use tollgate_store::testing::run_on_sqlite;

use super::scene::{self, Tenant, tenant, until};
use crate::world::{Answer, Gateway, World};

/// A model with a price, so that a second charge shows.
const PRICED: &str = r#"
[[models]]
name = "priced"
price = { input = "1000", output = "1000" }
targets = [{ connection = "sim", model = "echo" }]

[[models]]
name = "slow"
price = { input = "1000", output = "1000" }
targets = [{ connection = "sim", model = "slow" }]
"#;

/// A world with a tenant that has 10 USD.
async fn world() -> (World, Tenant) {
    let world = World::with(PRICED).await;
    let tenant = tenant(&world, "acme").await;
    let add = format!("/api/credits/teams/{}/add", tenant.team);
    scene::make(&world, &add, json!({"amount_usd": "10.00"})).await;
    (world, tenant)
}

async fn balance(world: &World) -> String {
    let balance = scene::read(world, "/api/credits/teams/acme-team/balance").await;
    scene::text(&balance, "balance_usd")
}

/// A request with an idempotency key.
async fn ask(world: &World, key: &str, path: &str, body: &Value, name: &str) -> Answer {
    let ask = world.gateway.post(path, body).key(key);
    ask.header("idempotency-key", name).send().await
}

async fn chat(world: &World, key: &str, body: &Value, name: &str) -> Answer {
    ask(world, key, "/v1/chat/completions", body, name).await
}

fn asked(world: &World) -> usize {
    let all = world.simulator.requests();
    all.iter()
        .filter(|received| received.method == "POST")
        .count()
}

/// The second answer is the first one again.
fn check_again(first: &Answer, again: &Answer) {
    assert_eq!(again.header("idempotent-replayed"), "true", "{again:?}");
    assert_eq!(first.header("idempotent-replayed"), "", "{first:?}");
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    for name in [
        "content-type",
        "x-tollgate-model",
        "x-tollgate-attempts",
        "x-tollgate-cost-usd",
    ] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    let original = again.header("x-tollgate-original-request-id");
    assert_eq!(first.header("x-request-id"), original);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_call_and_one_charge() {
    let (world, tenant) = world().await;
    for (stream, name) in [(false, "plain"), (true, "stream")] {
        let rule = Rule::new("delay-head=300").unwrap().model("slow");
        world.simulator.script(rule).unwrap();
        let before = (asked(&world), balance(&world).await);
        let mut body = scene::talk("slow");
        body["stream"] = stream.into();
        let until_done = async || {
            let mut refused = 0;
            loop {
                let answer = chat(&world, &tenant.calling, &body, name).await;
                if answer.status == 200 {
                    return (answer, refused);
                }
                assert_eq!(answer.outcome(), (409, "conflict".to_owned()));
                assert_eq!(answer.header("x-should-retry"), "true");
                assert_eq!(answer.header("retry-after"), "1");
                refused += 1;
                // As long as a client would, but for its patience.
                scene::pass(std::time::Duration::from_millis(50)).await;
            }
        };
        let all = join_all((0..100).map(|_| until_done())).await;
        let is_first = |answer: &Answer| answer.header("idempotent-replayed").is_empty();
        let (first, again): (Vec<_>, Vec<_>) = all.iter().partition(|(answer, _)| is_first(answer));
        assert_eq!((first.len(), again.len()), (1, 99));
        assert!(
            again.iter().any(|(_, refused)| *refused > 0),
            "none met the first one"
        );
        for (answer, _) in again {
            check_again(&first[0].0, answer);
        }
        if stream {
            assert!(first[0].0.text().ends_with("data: [DONE]\n\n"));
        }
        assert_eq!(asked(&world), before.0 + 1, "{name}");
        let once = balance(&world).await;
        assert_ne!(once, before.1, "{name}: nothing was charged");
        // The same without a key costs as much again: so it was charged once.
        world.simulator.set_script(Script::from_json("[]").unwrap());
        let plain = scene::chat_of(&world, &body)
            .key(&tenant.calling)
            .send()
            .await;
        assert_eq!(plain.status, 200);
        let cents = |text: &str| (text.parse::<f64>().unwrap() * 1e9).round() as i64;
        let twice = balance(&world).await;
        assert_eq!(
            cents(&before.1) - cents(&once),
            cents(&once) - cents(&twice),
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_surface_repeats_and_survives_a_restart_and_a_kill() {
    let (mut world, tenant) = world().await;
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]});
    let calls = [
        ("/v1/chat/completions", scene::talk("priced")),
        ("/v1/chat/completions", scene::streamed("priced")),
        ("/v1/responses", json!({"model": "priced", "input": "x"})),
        (
            "/v1/responses",
            json!({"model": "priced", "input": "x", "stream": true}),
        ),
        ("/v1/completions", json!({"model": "priced", "prompt": "x"})),
        ("/v1/embeddings", json!({"model": "priced", "input": "x"})),
        ("/v1/messages", scene::talk("priced")),
        ("/v1/messages", scene::streamed("priced")),
        ("/v1beta/models/priced:generateContent", contents.clone()),
        (
            "/v1beta/models/priced:streamGenerateContent?alt=sse",
            contents,
        ),
    ];
    let key = tenant.calling.clone();
    let mut first = Vec::new();
    for (index, (path, body)) in calls.iter().enumerate() {
        let answer = ask(&world, &key, path, body, &format!("call-{index}")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        first.push(answer);
    }
    let spent = (asked(&world), balance(&world).await);
    for signal in ["none", "TERM", "KILL"] {
        if signal != "none" {
            world.gateway.signal(signal);
            world.gateway.wait_for_end();
            world.gateway = Gateway::start(world.folder.path(), &[]);
        }
        for (index, (path, body)) in calls.iter().enumerate() {
            let again = ask(&world, &key, path, body, &format!("call-{index}")).await;
            check_again(&first[index], &again);
        }
    }
    assert_eq!((asked(&world), balance(&world).await), spent);
}

#[tokio::test]
async fn another_body_is_refused_and_others_do_not_meet() {
    let (world, tenant) = world().await;
    let other = scene::tenant(&world, "other").await;
    let body = scene::talk("priced");
    let first = chat(&world, &tenant.calling, &body, "one").await;
    assert_eq!(first.status, 200);
    let mut different = body.clone();
    different["max_tokens"] = 21.into();
    let answer = chat(&world, &tenant.calling, &different, "one").await;
    assert_eq!(answer.outcome(), (422, "idempotency_mismatch".to_owned()));
    assert_eq!(answer.header("x-should-retry"), "false");
    // The same in quotes is the same key; another key of the team is as good.
    let second = scene::key(&world, json!({"team": tenant.team})).await;
    for (key, name) in [
        (&tenant.calling, "\"one\""),
        (&scene::text(&second, "key"), "one"),
        (&tenant.managing, "one"),
    ] {
        check_again(&first, &chat(&world, key, &body, name).await);
    }
    assert_eq!(asked(&world), 1);
    // Another tenant, and another address, are other requests.
    let theirs = chat(&world, &other.calling, &body, "one").await;
    assert_eq!(
        (theirs.status.as_u16(), theirs.header("idempotent-replayed")),
        (200, "")
    );
    let message = ask(&world, &tenant.calling, "/v1/messages", &body, "one").await;
    assert_eq!(
        (
            message.status.as_u16(),
            message.header("idempotent-replayed")
        ),
        (200, "")
    );
    assert_eq!(asked(&world), 3);
    // Whoever may not call any more is not answered again.
    let pause = format!("/api/teams/{}/pause", tenant.team);
    scene::make(&world, &pause, Value::Null).await;
    let answer = chat(&world, &tenant.calling, &body, "one").await;
    assert_eq!(answer.outcome(), (403, "team_paused".to_owned()));
}

#[tokio::test]
async fn failures_are_not_kept_and_malformed_keys_are_named() {
    let world = World::once(PRICED).await;
    let tenant = tenant(&world, "acme").await;
    let body = scene::talk("sim/shaky");
    for fault in ["server-error", "invalid-request", "rate-limit"] {
        let rule = Rule::new(fault).unwrap().model("shaky").times(1);
        world.simulator.script(rule).unwrap();
        let name = format!("after-{fault}");
        let failed = chat(&world, &tenant.calling, &body, &name).await;
        assert!(failed.status.as_u16() >= 400, "{failed:?}");
        let answer = chat(&world, &tenant.calling, &body, &name).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("idempotent-replayed")),
            (200, "")
        );
        check_again(&answer, &chat(&world, &tenant.calling, &body, &name).await);
    }
    // A stream that breaks is a failure, too.
    let rule = Rule::new("cut-after=2").unwrap().model("shaky").times(1);
    world.simulator.script(rule).unwrap();
    let streamed = scene::streamed("sim/shaky");
    let broken = chat(&world, &tenant.calling, &streamed, "broken").await;
    assert!(!broken.text().contains("[DONE]"), "{broken:?}");
    let whole = chat(&world, &tenant.calling, &streamed, "broken").await;
    assert_eq!(whole.header("idempotent-replayed"), "");
    assert!(whole.text().contains("[DONE]"));

    let before = asked(&world);
    let long = "x".repeat(256);
    for name in [
        "", " ", "\"\"", "\"", "a\"b", "\"a", "a b", "\"a b\"", "ä", &long,
    ] {
        let ask = scene::chat_of(&world, &body).key(&tenant.calling);
        let value = http::HeaderValue::from_bytes(name.as_bytes()).unwrap();
        let answer = ask.header_of("idempotency-key", value).send().await;
        assert_eq!(
            answer.outcome(),
            (400, "invalid_request".to_owned()),
            "{name:?}"
        );
        assert_eq!(
            answer.json()["error"]["param"],
            "Idempotency-Key",
            "{name:?}"
        );
    }
    let twice = scene::chat_of(&world, &body).key(&tenant.calling);
    let twice = twice
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    assert_eq!(twice.send().await.status, 400);
    assert_eq!(asked(&world), before);
    for name in [
        "x".repeat(255),
        "~!@#$%^&*()".to_owned(),
        r#""a\"b\\c""#.to_owned(),
    ] {
        assert_eq!(
            chat(&world, &tenant.calling, &body, &name).await.status,
            200,
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_managers_make_is_made_once_and_shown_again() {
    let mut world = World::start().await;
    let tenant = tenant(&world, "acme").await;
    let wanted = json!({"name": "once"});
    let make = async |world: &World, name: &str, body: &Value| {
        let ask = scene::admin(world, Method::POST, "/api/keys", body);
        ask.header("idempotency-key", name).send().await
    };
    let first = make(&world, "make", &wanted).await;
    assert_eq!(first.status, 201);
    let all = join_all((0..20).map(|_| make(&world, "make", &wanted))).await;
    for again in &all {
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    let other = make(&world, "make", &json!({"name": "twice"})).await;
    assert_eq!(other.outcome(), (422, "idempotency_mismatch".to_owned()));
    // A user of the same name for their request does not meet the administrator.
    let ask = scene::asked(&world, Method::POST, "/api/keys", &wanted).key(&tenant.managing);
    let theirs = ask.header("idempotency-key", "make").send().await;
    assert_eq!(
        (theirs.status.as_u16(), theirs.header("idempotent-replayed")),
        (201, "")
    );
    assert_ne!(theirs.json()["key"], first.json()["key"]);

    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    let again = make(&world, "make", &wanted).await;
    assert_eq!(again.body, first.body);
    let keys = scene::read(&world, "/api/keys").await;
    let named = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["name"] == "once");
    assert_eq!(named.count(), 2);
    // The text of a key is nowhere in the store.
    let secret = scene::text(&first.json(), "key");
    for entry in std::fs::read_dir(world.folder.path().join("tollgate-data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let found = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "the key is in the store");
    }
}

#[tokio::test]
async fn an_answer_is_forgotten_after_its_time() {
    let (mut world, tenant) = world().await;
    let body = scene::talk("priced");
    let first = chat(&world, &tenant.calling, &body, "old").await;
    let wrong = json!({"model": "priced", "messages": []});
    assert_eq!(
        chat(&world, &tenant.calling, &wrong, "old").await.status,
        422
    );
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    // As if it had been two days ago.
    let sql = "UPDATE replays SET expires_at = expires_at - 172800000";
    run_on_sqlite(&scene::database(&world), sql);
    world.gateway = Gateway::start(world.folder.path(), &[]);
    let answer = chat(&world, &tenant.calling, &body, "old").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("idempotent-replayed")),
        (200, "")
    );
    assert_ne!(first.header("x-request-id"), answer.header("x-request-id"));
    assert_eq!(asked(&world), 2);
    check_again(&answer, &chat(&world, &tenant.calling, &body, "old").await);
}

#[tokio::test]
async fn a_caller_who_goes_away_frees_the_key() {
    let (world, tenant) = world().await;
    let rule = Rule::new("stall-after=2").unwrap().model("slow").times(1);
    world.simulator.script(rule).unwrap();
    let body = scene::streamed("slow");
    let ask = scene::chat_of(&world, &body).key(&tenant.calling);
    let mut held = ask.header("idempotency-key", "left").open().await;
    held.next().await.unwrap().unwrap();
    let running = chat(&world, &tenant.calling, &body, "left").await;
    assert_eq!(running.outcome(), (409, "conflict".to_owned()));
    drop(held);
    until("the key is free", async || {
        let answer = chat(&world, &tenant.calling, &body, "left").await;
        assert!([200, 409].contains(&answer.status.as_u16()), "{answer:?}");
        answer.status == 200
    })
    .await;
    assert_eq!(asked(&world), 2);
}

#[tokio::test]
async fn an_answer_that_is_too_long_to_keep_is_not_made_a_second_time() {
    let config = "[idempotency]\nlongest_answer = \"1KiB\"\n";
    let world = World::with(config).await;
    let tenant = tenant(&world, "acme").await;
    for (stream, name) in [(false, "plain"), (true, "stream")] {
        let mut body = scene::talk("sim/story-500");
        body["max_tokens"] = 500.into();
        body["stream"] = stream.into();
        let before = asked(&world);
        let first = chat(&world, &tenant.calling, &body, name).await;
        assert_eq!(first.status, 200);
        assert!(first.body.len() > 1024);
        let again = chat(&world, &tenant.calling, &body, name).await;
        assert_eq!(again.outcome(), (409, "conflict".to_owned()));
        assert_eq!(again.header("x-should-retry"), "false");
        assert_eq!(again.header("retry-after"), "");
        assert_eq!(asked(&world), before + 1, "{name}");
    }
}

#[tokio::test]
async fn a_repeat_gives_a_key_nothing_that_it_may_not_ask_for() {
    let (world, tenant) = world().await;
    let of_team = async |more: Value| {
        let mut wanted = json!({"team": tenant.team});
        let more = more.as_object().unwrap().clone();
        wanted.as_object_mut().unwrap().extend(more);
        scene::text(&scene::key(&world, wanted).await, "key")
    };
    // Another key of the team is as good, unless it is bound to models.
    let body = scene::talk("priced");
    let first = chat(&world, &tenant.calling, &body, "shared").await;
    assert_eq!(first.status, 200, "{first:?}");
    let as_good = of_team(json!({"addresses": ["127.0.0.1"]})).await;
    check_again(&first, &chat(&world, &as_good, &body, "shared").await);
    let narrow = of_team(json!({"models": ["slow"]})).await;
    let refused = chat(&world, &narrow, &body, "shared").await;
    assert_eq!(refused.status, 404, "{refused:?}");
    assert_eq!(refused.header("idempotent-replayed"), "");
    // What it may ask for it is given again, and nobody else is.
    let body = scene::talk("slow");
    let first = chat(&world, &narrow, &body, "own").await;
    assert_eq!(first.status, 200, "{first:?}");
    check_again(&first, &chat(&world, &narrow, &body, "own").await);
    let other = chat(&world, &tenant.calling, &body, "own").await;
    assert_eq!(other.header("idempotent-replayed"), "");

    // A key that was made with one key is not shown to whoever has another one of the same user.
    let user = scene::member(&world, "acme", "developer").await;
    let manager = json!({"user": user, "permissions": scene::ALL});
    let wide = of_team(manager.clone()).await;
    let mut narrow = manager;
    narrow["models"] = json!(["slow"]);
    let narrow = of_team(narrow).await;
    let new = json!({"name": "made"});
    let made = ask(&world, &wide, "/api/keys", &new, "made").await;
    assert_eq!(made.status, 201, "{made:?}");
    let again = ask(&world, &wide, "/api/keys", &new, "made").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(made.body, again.body);
    let refused = ask(&world, &narrow, "/api/keys", &new, "made").await;
    assert_eq!(refused.outcome(), (403, "permission_denied".to_owned()));
}
