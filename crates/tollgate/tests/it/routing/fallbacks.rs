//! Models that stand in for others: when, for whom, and how far it goes.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_simulator::{Rule, Script, Settings, Simulator};

use crate::surface::{FAMILIES_CONFIG, SURFACES, Surface};
use crate::talk::Talk;
use crate::world::{Answer, KEY, Provided, World};

/// A key for the first model of a chain alone, and one for all but `c`.
const KEYS: &str = r#"
[[keys]]
name = "first"
key = "sk-test-first-0123456789"
models = ["a"]
[[keys]]
name = "most"
key = "sk-test-most-0123456789"
models = ["a", "b", "d"]
"#;

/// No failure is remembered from one request to the next.
const RULES: &str = "[routing]\n\
    breaker = { failures = 0, share_percent = 0, cooldown = false }\n";

/// A model that the simulated provider serves as `served`, with more lines.
fn model(name: &str, served: &str, more: &str) -> String {
    format!(
        "[[models]]\nname = \"{name}\"\n{more}\n\
         targets = [{{ connection = \"sim\", model = \"{served}\" }}]\n"
    )
}

fn body(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hello"}]})
}

async fn ask(world: &World, model: &str) -> Answer {
    world
        .chat(&body(model))
        .header("x-tollgate-trail", "full")
        .send()
        .await
}

/// The models of the attempts, as the provider calls them.
fn tried(answer: &Answer) -> Vec<String> {
    let trail = answer.header("x-tollgate-trail").split(", ");
    let name = |one: &str| {
        let name = one.split(';').next().unwrap().trim_matches('"');
        name.split_once('/').unwrap().1.to_owned()
    };
    trail.filter(|one| !one.is_empty()).map(name).collect()
}

/// That the answer came from this model, after so many attempts.
fn check_answered(answer: &Answer, model: &str, attempts: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-model"), model, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-attempts"), attempts, "{answer:?}");
}

#[tokio::test]
async fn a_chain_that_leads_in_a_circle_ends_and_visits_each_model_once() {
    let config = [
        RULES,
        // The waits before a second visit are longer than the request may live.
        "attempts = 5\nbackoff = { first_ms = 30000, longest_ms = 30000 }\n",
        "[routing.timeouts]\ntotal_ms = 3000\nanswer_ms = 3000\n",
        &model("a", "fault/server-error", "fallbacks = [\"b\", \"c\"]"),
        &model("b", "fault/bad-gateway", "fallbacks = [\"c\", \"a\"]"),
        &model("c", "fault/unknown-520", "fallbacks = [\"a\", \"b\"]"),
    ];
    let world = World::with(&config.concat()).await;
    let answer = ask(&world, "a").await;
    assert_eq!(
        answer.outcome(),
        (503, "fallback_chain_exhausted".to_owned())
    );
    let expected = [
        "fault/server-error",
        "fault/bad-gateway",
        "fault/unknown-520",
    ];
    assert_eq!(tried(&answer), expected);
    let listed = answer.json()["error"]["attempts"].clone();
    let listed: Vec<_> = listed.as_array().unwrap().iter().collect();
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(world.simulator.stats().received, 3);
}

#[tokio::test]
async fn a_class_of_failures_has_its_own_fallbacks_and_the_others_the_general_ones() {
    let by = "fallbacks = [\"general\"]\nfallbacks_by = { rate_limit = [\"roomy\"], other = [] }";
    let some = "fallbacks = [\"general\"]\nfallbacks_by = { rate_limit = [\"roomy\"] }";
    let config = [
        RULES,
        "attempts = 2\n",
        &model("limited", "fault/rate-limit", some),
        &model("overloaded", "fault/overloaded", some),
        &model("broken", "fault/server-error", some),
        &model("none", "fault/server-error", by),
        &model("roomy", "echo", ""),
        &model("general", "echo", ""),
    ];
    let world = World::with(&config.concat()).await;
    check_answered(&ask(&world, "limited").await, "roomy", "2");
    check_answered(&ask(&world, "overloaded").await, "roomy", "2");
    check_answered(&ask(&world, "broken").await, "general", "2");
    let none = ask(&world, "none").await;
    assert_eq!(none.outcome().0, 503, "{none:?}");
    let twice = ["fault/server-error", "fault/server-error"];
    assert_eq!(tried(&none), twice, "an empty list: none");
}

/// Models `m0` to `m{last - 1}`, each with the next one as its fallback, and a last one that
/// answers. `targets` are those of all but the last, with `{number}` for theirs.
fn chain(last: usize, targets: &str) -> String {
    let mut text = String::new();
    for number in 0..last {
        let targets = targets.replace("{number}", &number.to_string());
        _ = write!(
            text,
            "[[models]]\nname = \"m{number}\"\nfallbacks = [\"m{}\"]\ntargets = {targets}\n",
            number + 1
        );
    }
    text + &model(&format!("m{last}"), "echo", "")
}

#[tokio::test]
async fn a_chain_of_ten_models_is_followed_and_none_of_eleven() {
    let off = "[{ connection = \"sim\", model = \"off\", enabled = false }]";
    for (last, expected) in [(9, 200), (10, 503)] {
        let world = World::with(&chain(last, off)).await;
        let answer = ask(&world, "m0").await;
        assert_eq!(answer.status, expected, "{last}: {answer:?}");
        if expected == 200 {
            check_answered(&answer, "m9", "1");
        }
    }
}

#[tokio::test]
async fn no_chain_makes_more_attempts_than_the_first_model_allows() {
    let failing = "[{ connection = \"sim\", model = \"fault/server-error:type={number}\" }]";
    for attempts in 1..=5 {
        // What the fallbacks declare for themselves does not count.
        let config = format!("{RULES}{}", chain(9, failing)).replacen(
            "name = \"m0\"\n",
            &format!("name = \"m0\"\nattempts = {attempts}\n"),
            1,
        );
        let world = World::with(&config).await;
        let answer = ask(&world, "m0").await;
        assert!(answer.status.is_server_error(), "{answer:?}");
        assert_eq!(tried(&answer).len(), attempts, "{answer:?}");
        assert_eq!(world.simulator.stats().received, attempts as u64);
    }
}

#[tokio::test]
async fn a_fallback_serves_only_who_may_use_it_and_the_answer_names_it() {
    let config = [
        RULES,
        "attempts = 2\n",
        &model("a", "fault/server-error", "fallbacks = [\"b\"]"),
        &model("b", "echo", ""),
        &model("d", "fault/server-error", "fallbacks = [\"c\", \"b\"]"),
        &model("c", "echo", ""),
        KEYS,
    ];
    let world = World::with(&config.concat()).await;
    let asked = async |model: &str, key: &str| {
        let ask = world.gateway.post("/v1/chat/completions", body(model));
        ask.key(key).send().await
    };
    let all = asked("a", KEY).await;
    check_answered(&all, "b", "2");
    assert_eq!(all.header("x-tollgate-connection"), "sim");
    world.simulator.forget_requests();
    let narrow = asked("a", "sk-test-first-0123456789").await;
    // As if there were no fallback: not even the error tells of it.
    assert_eq!(narrow.outcome().1, "retry_limit_exceeded", "{narrow:?}");
    assert!(!narrow.text().contains("echo"), "{narrow:?}");
    let seen = world.simulator.requests();
    let is_not_it = seen.iter().all(|one| one.model != "echo");
    assert!(!seen.is_empty() && is_not_it, "{seen:?}");
    // The first one that may be used.
    check_answered(&asked("d", "sk-test-most-0123456789").await, "b", "2");
    check_answered(&asked("d", KEY).await, "c", "2");
}

#[tokio::test]
async fn a_request_can_be_kept_from_falling_back() {
    let config = [
        RULES,
        "attempts = 1\n",
        &model("a", "fault/server-error", "fallbacks = [\"b\"]"),
        &model(
            "long",
            "fault/context-length",
            "fallbacks_by = { context_length = [\"b\"] }",
        ),
        "[[models]]\nname = \"off\"\nfallbacks = [\"b\"]\n\
         targets = [{ connection = \"sim\", model = \"x\", enabled = false }]\n",
        &model("b", "echo", ""),
    ];
    // One attempt does not stand in the way of a fallback that needs none before it.
    let world = World::with(&config.concat().replace("attempts = 1", "attempts = 2")).await;
    let off = async |model: &str| {
        let ask = world.chat(&body(model));
        ask.header("x-tollgate-fallbacks", "off").send().await
    };
    for (name, code) in [
        ("a", "retry_limit_exceeded"),
        ("long", "context_length_exceeded"),
        ("off", "no_targets"),
    ] {
        assert_eq!(ask(&world, name).await.status, 200, "{name}");
        let answer = off(name).await;
        assert_eq!(answer.header("x-tollgate-error-code"), code, "{answer:?}");
    }
    drop(world);
    let world = World::with(&config.concat()).await;
    let answer = ask(&world, "a").await;
    assert_eq!(answer.outcome().1, "provider_error", "one attempt in all");
}

/// What a failure does at a model with fallbacks for everything.
#[tokio::test]
async fn each_failure_follows_its_own_rule() {
    const ALL: &str = "fallbacks = [\"general\"]\n\
        fallbacks_by = { context_length = [\"long\"], content_filter = [\"free\"] }";
    const GENERAL: &str = "fallbacks = [\"general\"]";
    // The fault, and who answers under `ALL` and under `GENERAL`: a model, or a code.
    const CASES: [(&str, &str, &str); 9] = [
        ("context-length", "long", "context_length_exceeded"),
        ("content-filter", "free", "content_filtered"),
        ("invalid-prompt", "free", "content_filtered"),
        ("quota", "general", "general"),
        ("invalid-api-key", "general", "general"),
        ("model-not-found", "general", "general"),
        (
            "invalid-request",
            "provider_invalid_request",
            "provider_invalid_request",
        ),
        (
            "unprocessable",
            "provider_invalid_request",
            "provider_invalid_request",
        ),
        (
            "too-large",
            "provider_request_too_large",
            "provider_request_too_large",
        ),
    ];
    let mut config = RULES.to_owned() + FAMILIES_CONFIG;
    for name in ["general", "long", "free"] {
        config += &model(name, "echo", "");
    }
    for family in ["chat", "anthropic", "google"] {
        for (fault, _, _) in CASES {
            for (kind, fallbacks) in [("all", ALL), ("some", GENERAL)] {
                config += &model(
                    &format!("{kind}-{family}-{fault}"),
                    &format!("fault/{fault}"),
                    fallbacks,
                )
                .replace("\"sim\"", &format!("\"{family}\""));
            }
        }
    }
    let world = World::with(&config).await;
    let mut wrong = Vec::new();
    for family in ["chat", "anthropic", "google"] {
        for (fault, all, some) in CASES {
            if fault == "invalid-prompt" && family != "chat" {
                // Others have no code for it.
                continue;
            }
            for (kind, expected) in [("all", all), ("some", some)] {
                world.simulator.forget_requests();
                let answer = ask(&world, &format!("{kind}-{family}-{fault}")).await;
                let seen = match answer.header("x-tollgate-error-code") {
                    "" => answer.header("x-tollgate-model"),
                    code => code,
                };
                let attempts = world.simulator.requests().len();
                let once = usize::from(["general", "long", "free"].contains(&seen)) + 1;
                if (seen, attempts) != (expected, once) {
                    wrong.push(format!("{family} {fault} {kind}: {seen} after {attempts}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A provider that ends a whole answer because of its policy has answered. Where other models are
/// declared for that, they are asked; where none is, or none of them answers, it is the answer.
#[tokio::test]
async fn an_answer_that_a_filter_cut_off_goes_to_the_fallbacks_for_that_or_is_the_answer() {
    const FILTERED: &str = r#"{"id":"x"%2C"object":"chat.completion"%2C"created":1%2C"model":"m"%2C"choices":[{"index":0%2C"message":{"role":"assistant"%2C"content":"I"}%2C"finish_reason":"content_filter"}]}"#;
    let config = [
        RULES,
        &model(
            "a",
            "ends",
            "fallbacks = [\"b\"]\nfallbacks_by = { content_filter = [\"b\"] }",
        ),
        &model("b", "echo", ""),
        &model("general", "ends", "fallbacks = [\"b\"]"),
        &model("broken", "fault/server-error", ""),
        &model(
            "hopeless",
            "ends",
            "fallbacks_by = { content_filter = [\"broken\"] }",
        ),
    ];
    let world = World::with(&config.concat()).await;
    let rule = Rule::new(&format!("answer:body={FILTERED}")).unwrap();
    world.simulator.script(rule.model("ends")).unwrap();
    check_answered(&ask(&world, "a").await, "b", "2");
    for name in ["general", "hopeless"] {
        let answer = ask(&world, name).await;
        let attempts = answer.header("x-tollgate-attempts").to_owned();
        assert_eq!(attempts == "1", name == "general", "{name}: {attempts}");
        check_answered(&answer, name, &attempts);
        let reason = &answer.json()["choices"][0]["finish_reason"];
        assert_eq!(reason, "content_filter", "{name}");
    }
}

#[tokio::test]
async fn a_fallback_may_speak_another_format() {
    let mut config = RULES.to_owned() + FAMILIES_CONFIG;
    for (from, to) in [
        ("chat", "anthropic"),
        ("anthropic", "google"),
        ("google", "chat"),
    ] {
        _ = write!(
            config,
            "[[models]]\nname = \"{from}-then-{to}\"\nattempts = 2\nfallbacks = [\"{to}/echo\"]\n\
             targets = [{{ connection = \"{from}\", model = \"fault/server-error\" }}]\n"
        );
    }
    let world = World::with(&config).await;
    for (from, to) in [
        ("chat", "anthropic"),
        ("anthropic", "google"),
        ("google", "chat"),
    ] {
        for surface in SURFACES {
            for stream in [false, true] {
                let model = format!("{from}-then-{to}");
                let answer = surface.ask(&world, &model, "one two three", stream).await;
                check_answered(&answer, &format!("{to}/echo"), "2");
                assert_eq!(answer.header("x-tollgate-connection"), to);
                let what = format!("{surface:?} {model}");
                if stream {
                    let events = surface.events(&answer);
                    assert_eq!(surface.streamed(&events), "one two three", "{what}");
                    assert!(surface.ended_well(&events), "{what}");
                } else {
                    assert_eq!(surface.text(&answer.json()), "one two three", "{what}");
                }
            }
        }
    }
}

/// A thought that one maker signed, in a conversation that another one of another format has to
/// take over: it is left out, and goes back when its maker is asked again.
#[tokio::test]
async fn signed_thoughts_survive_a_fallback_to_another_maker() {
    let config = [
        RULES,
        FAMILIES_CONFIG,
        "[[models]]\nname = \"pair\"\nattempts = 2\ntargets = [\n\
         { connection = \"anthropic\", model = \"think-tools\" },\n\
         { connection = \"google\", model = \"gemini-3-pro\", priority = 1 } ]\n",
    ];
    let world = World::with(&config.concat()).await;
    for surface in [Surface::Anthropic, Surface::Gemini, Surface::Responses] {
        world.simulator.set_script(Script::default());
        let mut talk = Talk::new(surface, false, "Look: call both", &["weather"]).thinking();
        let begun = talk.say(&world, "pair").await;
        assert_eq!(begun.answer.header("x-tollgate-connection"), "anthropic");
        assert!(!begun.states.is_empty(), "{surface:?}: {begun:?}");
        talk.give_results(&begun.calls);
        let rule = Rule::new("server-error").unwrap();
        let rule = rule.model("think-tools").times(1);
        world.simulator.script(rule).unwrap();
        let taken = talk.say(&world, "pair").await;
        assert_eq!(taken.answer.header("x-tollgate-connection"), "google");
        assert_eq!(taken.text, "result of weather", "{surface:?}");
        talk.ask("And now?");
        let back = talk.say(&world, "pair").await;
        assert_eq!(back.answer.header("x-tollgate-connection"), "anthropic");
    }
}

/// Two accounts of one format, each of which knows only what it made itself: a conversation goes
/// from one to the other and back, and loses no more than its thoughts.
#[tokio::test]
async fn a_conversation_with_thoughts_moves_between_makers_of_one_format() {
    let (other, address, _stops) = stranger().await;
    let mut config = RULES.to_owned() + FAMILIES_CONFIG;
    for (family, provider, more, path) in [
        ("anthropic", "anthropic", "", ""),
        ("google", "google", "", ""),
        ("responses", "openai", "format = \"responses\"\n", "/v1"),
    ] {
        let model = if family == "google" {
            "gemini-3-pro"
        } else {
            "think-tools"
        };
        _ = write!(
            config,
            "[[connections]]\nname = \"{family}-other\"\nprovider = \"{provider}\"\n{more}\
             api_key = \"sk-provider-canary-0123456789\"\nbase_url = \"http://{address}{path}\"\n\
             [[models]]\nname = \"{family}-pair\"\nattempts = 3\ntargets = [\n\
             {{ connection = \"{family}\", model = \"{model}\" }},\n\
             {{ connection = \"{family}-other\", model = \"{model}\", priority = 1 }} ]\n"
        );
    }
    let world = World::with(&config).await;
    for (surface, family) in [
        (Surface::Anthropic, "anthropic"),
        (Surface::Responses, "responses"),
        (Surface::Gemini, "google"),
        (Surface::Chat, "anthropic"),
        (Surface::Anthropic, "responses"),
    ] {
        for stream in [false, true] {
            let what = format!("{surface:?} {family} stream={stream}");
            let pair = format!("{family}-pair");
            world.simulator.set_script(Script::default());
            let mut talk = Talk::new(surface, stream, "Look: call both", &["weather"]).thinking();
            let begun = talk.say(&world, &pair).await;
            assert_eq!(begun.answer.header("x-tollgate-connection"), family);
            talk.give_results(&begun.calls);
            let rule = Rule::new("server-error").unwrap().times(1);
            world.simulator.script(rule).unwrap();
            let seen = || world.simulator.requests().len() + other.requests().len();
            let before = seen();
            let taken = talk.say(&world, &pair).await;
            let attempts = taken.answer.header("x-tollgate-attempts");
            assert_eq!(attempts, (seen() - before).to_string(), "{what}");
            let by = taken.answer.header("x-tollgate-connection");
            assert_eq!(by, format!("{family}-other"), "{what}");
            assert_eq!(taken.text, "result of weather", "{what}");
            let told = taken.answer.header("x-tollgate-unsupported");
            assert!(!told.is_empty(), "{what}: what was taken out is said");
            talk.ask("And now?");
            let back = talk.say(&world, &pair).await;
            assert_eq!(
                back.answer.header("x-tollgate-connection"),
                family,
                "{what}"
            );
        }
    }
}

/// A provider that signs otherwise than the usual one.
async fn stranger() -> Provided {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let simulator = Simulator::new(Settings {
        seed: 99,
        ..Settings::default()
    });
    let stop = CancellationToken::new();
    let (serving, stopped) = (simulator.clone(), stop.clone());
    TaskTracker::new().spawn(async move { serving.serve(listener, stopped).await });
    (simulator, address, stop.drop_guard())
}
