//! What is kept, for whom, and what a request may say of that.

use serde_json::{Value, json};

use super::{ON, ask, ask_as, question, word};
use crate::money::scene::{asked, fails, key, reload, team, until};
use crate::routing::scene::key_config;
use crate::simple;
use crate::surface::Surface::{Anthropic, Chat, Completions, Gemini, GeminiArray, Responses};
use crate::world::{KEY, World};

#[tokio::test]
async fn an_equal_question_gets_the_same_answer_and_no_provider_is_asked() {
    let world = World::once(ON).await;
    let first = ask(&world, &question("sim/story", "Hi")).await;
    assert_eq!(word(&first), "miss");
    let second = ask(&world, &question("sim/story", "Hi")).await;
    assert_eq!(word(&second), "hit");
    assert_eq!(first.body, second.body);
    assert_eq!(asked(&world), 1);
    assert!(second.header("age").parse::<u64>().is_ok());
    let (original, id) = (
        second.header("x-tollgate-original-request-id"),
        second.header("x-request-id"),
    );
    assert_eq!(original, first.header("x-request-id"));
    assert_ne!(id, original);
    assert_eq!(second.header("x-tollgate-attempts"), "0");
    assert_eq!(second.header("content-type"), "application/json");
}

/// On every surface, plain and as a stream: a stream is given again as one, with the same events.
#[tokio::test]
async fn every_surface_gets_its_own_form_again() {
    let world = World::once(ON).await;
    for surface in [Chat, Completions, Responses, Anthropic, Gemini, GeminiArray] {
        for stream in [false, true] {
            let path = surface.path("sim/story-9", stream);
            let body = surface.body("sim/story-9", &format!("{surface:?}"), stream);
            let ask = async || {
                let ask = world.gateway.post(&path, &body).key(KEY);
                let answer = ask.send().await;
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                answer
            };
            let (first, second) = (ask().await, ask().await);
            assert_eq!(word(&first), "miss", "{path} {body}");
            assert_eq!(word(&second), "hit", "{path} {body}");
            assert_eq!(first.body, second.body, "{path}");
            let kind = |answer: &crate::world::Answer| answer.header("content-type").to_owned();
            assert_eq!(kind(&first), kind(&second));
        }
    }
    let embeddings = json!({"model": "sim/embed", "input": "one"});
    for expected in ["miss", "hit"] {
        let answer = world
            .gateway
            .post("/v1/embeddings", &embeddings)
            .key(KEY)
            .send()
            .await;
        assert_eq!((answer.status.as_u16(), word(&answer)), (200, expected));
    }
    let simple = simple::asks("sim/echo", "Hi");
    for expected in ["miss", "hit"] {
        let answer = simple::chat(&world, &simple).send().await;
        assert_eq!((answer.status.as_u16(), word(&answer)), (200, expected));
    }
}

#[tokio::test]
async fn whatever_changes_the_answer_is_another_question() {
    let world = World::once(ON).await;
    let with = |name: &str, value: Value| {
        let mut body = question("sim/echo", "Hi");
        body[name] = value;
        body
    };
    for body in [
        question("sim/echo", "Hi"),
        question("sim/echo", "Hi!"),
        question("lenient/echo", "Hi"),
        with("temperature", 0.1.into()),
        with("temperature", 0.2.into()),
        with("max_tokens", 100.into()),
        with("seed", 7.into()),
        with("user", "somebody".into()),
        with("stream", true.into()),
    ] {
        assert_eq!(word(&ask(&world, &body).await), "miss", "{body}");
    }
    for (name, value) in [
        ("x-tollgate-tags", "eu"),
        ("x-tollgate-session", "s-1"),
        ("x-tollgate-fallbacks", "off"),
        ("openai-beta", "assistants=v2"),
    ] {
        let again = world.chat(&question("sim/echo", "Hi"));
        let answer = again.header(name, value).send().await;
        assert_eq!(word(&answer), "miss", "{name}");
    }
    let traced = world.chat(&question("sim/echo", "Hi")).header(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    assert_eq!(word(&traced.send().await), "hit", "a trace changes nothing");
}

#[tokio::test]
async fn a_cached_answer_is_never_given_to_another_tenant() {
    let more = format!("{ON}{}{}", team("one"), team("two"));
    let world = World::once(&more).await;
    let body = question("sim/echo", "our secret");
    assert_eq!(word(&ask_as(&world, &key("one"), &body).await), "miss");
    assert_eq!(word(&ask_as(&world, &key("two"), &body).await), "miss");
    assert_eq!(word(&ask(&world, &body).await), "miss");
    assert_eq!(word(&ask_as(&world, &key("one"), &body).await), "hit");
    assert_eq!(asked(&world), 3);
}

#[tokio::test]
async fn a_key_that_may_not_ask_gets_nothing_that_its_team_has_asked() {
    let world = World::once(ON).await;
    let body = question("sim/echo", "Hi");
    assert_eq!(word(&ask(&world, &body).await), "miss");
    let ask = world.gateway.post("/v1/chat/completions", &body);
    let answer = ask.key(crate::world::NARROW_KEY).send().await;
    assert_eq!(answer.outcome(), (404, "model_not_found".to_owned()));
}

/// A collection gives each key an answer of the models that it may use.
#[tokio::test]
async fn a_key_gets_no_kept_answer_of_a_model_that_it_may_not_use() {
    let more = r#"
[[models]]
name = "vendor/small"
targets = [{ connection = "sim", model = "story-9", price = { input = "1", output = "1" } }]
[[models]]
name = "vendor/large"
targets = [{ connection = "sim", model = "story-8", price = { input = "9", output = "9" } }]
[[collections]]
name = "auto"
strategy = "cost"
models = ["vendor/large", "vendor/small"]
"#;
    let large = key_config("large", "\"vendor/large\"", "");
    let world = World::once(&format!("{ON}{more}{large}")).await;
    let body = question("auto", "Hi");
    let large = crate::routing::scene::key("large");
    for (key, model) in [(KEY, "vendor/small"), (&*large, "vendor/large")] {
        for kept in ["miss", "hit"] {
            let answer = ask_as(&world, key, &body).await;
            assert_eq!(answer.header("x-tollgate-model"), model, "{answer:?}");
            assert_eq!(word(&answer), kept, "{model}");
        }
    }
}

#[tokio::test]
async fn errors_and_answers_that_were_cut_are_never_kept() {
    let world = World::once(ON).await;
    for (model, fault) in [("story-8", "server-error"), ("story-9", "error-200")] {
        fails(&world, model, fault, 1);
        let body = question(&format!("sim/{model}"), "Hi");
        assert_ne!(world.chat(&body).send().await.status, 200, "{fault}");
        assert_eq!(word(&ask(&world, &body).await), "miss", "{fault}");
        assert_eq!(word(&ask(&world, &body).await), "hit", "{fault}");
    }
    // A stream that broke, and one whose caller hung up.
    let mut stream = question("sim/story-10", "Hi");
    stream["stream"] = true.into();
    fails(&world, "story-10", "cut-after-4", 1);
    assert!(ask(&world, &stream).await.text().contains("\"error\""));
    fails(&world, "story-10", "drip:ms=500", 1);
    let mut opened = world.chat(&stream).open().await;
    opened.next().await.unwrap().unwrap();
    drop(opened);
    until("the call has ended", async || {
        world.gateway.metric("tollgate_requests_open", &[]).await == 0
    })
    .await;
    assert_eq!(word(&ask(&world, &stream).await), "miss");
    assert_eq!(word(&ask(&world, &stream).await), "hit");
    // A limit of tokens has cut it.
    let mut short = question("sim/story-50", "Hi");
    short["max_tokens"] = 3.into();
    for _ in 0..2 {
        assert_eq!(word(&ask(&world, &short).await), "miss");
    }
}

#[tokio::test]
async fn what_a_fallback_answered_is_not_kept() {
    let more = format!(
        "{ON}[[models]]\nname = \"first\"\ntargets = [{{ connection = \"sim\", model = \
         \"broken\" }}]\nfallbacks = [\"openai/gpt-4o\"]\n[routing]\nattempts = 3\nbackoff = {{ \
         first_ms = 10 }}\n"
    );
    let world = World::with(&more).await;
    fails(&world, "broken", "server-error", 100);
    for _ in 0..2 {
        let answer = ask(&world, &question("first", "Hi")).await;
        assert_eq!(answer.header("x-tollgate-model"), "openai/gpt-4o");
        assert_eq!(word(&answer), "miss");
    }
}

#[tokio::test]
async fn a_request_says_which_answers_will_do() {
    let world = World::once(ON).await;
    let body = question("sim/echo", "Hi");
    for (name, value, expected) in [
        ("x-other", "", "miss"),
        ("cache-control", "no-cache", "miss"),
        ("x-tollgate-cache", "refresh", "miss"),
        ("x-tollgate-cache", "on", "hit"),
        ("cache-control", "max-age=3600", "hit"),
        ("cache-control", "no-store", ""),
        ("x-tollgate-cache", "off", ""),
        ("x-other", "", "hit"),
    ] {
        let answer = world.chat(&body).header(name, value).send().await;
        assert_eq!(word(&answer), expected, "{name}: {value}");
    }
    assert_eq!(asked(&world), 5);
    let answer = world
        .chat(&body)
        .header("x-tollgate-cache", "maybe")
        .send()
        .await;
    assert_eq!(answer.outcome(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn it_is_off_unless_it_is_switched_on_and_models_may_differ() {
    let world = World::once("").await;
    for _ in 0..2 {
        let answer = world.chat(&question("sim/echo", "Hi"));
        assert_eq!(
            word(&answer.header("x-tollgate-cache", "on").send().await),
            ""
        );
    }
    let more = "[cache]\nmode = \"ask\"\n[[models]]\nname = \"kept\"\ncache = { mode = \"on\" }\n\
                targets = [{ connection = \"sim\", model = \"story\" }]\n[[models]]\n\
                name = \"never\"\ncache = { mode = \"off\" }\n\
                targets = [{ connection = \"sim\", model = \"story\" }]\n";
    let world = World::once(more).await;
    for (model, plain, asking) in [
        ("kept", "miss", "hit"),
        ("never", "", ""),
        ("openai/gpt-4o", "", "miss"),
    ] {
        let body = question(model, "Hi");
        assert_eq!(word(&ask(&world, &body).await), plain, "{model}");
        let answer = world
            .chat(&body)
            .header("x-tollgate-cache", "on")
            .send()
            .await;
        assert_eq!(word(&answer), asking, "{model}");
    }
}

#[tokio::test]
async fn an_answer_is_forgotten_when_its_time_is_over_or_the_models_change() {
    let world = World::once("[cache]\nmode = \"on\"\nttl_s = 3\n").await;
    let body = question("sim/echo", "Hi");
    assert_eq!(word(&ask(&world, &body).await), "miss");
    assert_eq!(word(&ask(&world, &body).await), "hit");
    until("its time is over", async || {
        word(&ask(&world, &body).await) == "miss"
    })
    .await;
    let world = World::once(ON).await;
    assert_eq!(word(&ask(&world, &body).await), "miss");
    reload(&world, ON).await;
    assert_eq!(word(&ask(&world, &body).await), "miss");
}

#[tokio::test]
async fn the_memory_is_bounded_and_long_answers_are_not_kept() {
    let more = "[cache]\nmode = \"on\"\nttl_s = 3600\nsize = \"1MiB\"\nlongest_answer = \"4KiB\"\n";
    let world = World::once(more).await;
    let long = question("sim/story-2000", "Hi");
    for _ in 0..2 {
        assert_eq!(word(&ask(&world, &long).await), "miss");
    }
    let one = question("sim/story-100", "0");
    for number in 0..1200 {
        let body = question("sim/story-100", &number.to_string());
        assert_eq!(word(&ask(&world, &body).await), "miss");
        if number % 100 == 99 {
            // What is asked for stays.
            assert_eq!(word(&ask(&world, &one).await), "hit", "{number}");
        }
    }
    let bytes = world.gateway.metric("tollgate_cache_bytes", &[]).await;
    assert!((500_000..=1 << 20).contains(&bytes), "{bytes}");
    let entries = world.gateway.metric("tollgate_cache_entries", &[]).await;
    assert!(entries < 1200, "{entries}");
    assert_eq!(
        word(&ask(&world, &question("sim/story-100", "1")).await),
        "miss"
    );
}

/// The request log, the line of the log and the metrics say what became of a question.
#[tokio::test]
async fn logs_and_metrics_say_hit_and_miss() {
    let world = World::once(ON).await;
    for _ in 0..3 {
        ask(&world, &question("sim/echo", "Hi")).await;
    }
    let rows = async || {
        let log = world.gateway.get("/api/account/request-logs");
        log.key(KEY).send().await.json().to_string()
    };
    until("the rows are there", async || {
        rows().await.matches("\"cache\":").count() == 3
    })
    .await;
    let rows = rows().await;
    assert_eq!(rows.matches("\"cache\":\"hit\"").count(), 2, "{rows}");
    assert_eq!(rows.matches("\"cache\":\"miss\"").count(), 1, "{rows}");
    let name = "tollgate_cache_calls_total";
    assert_eq!(world.gateway.metric(name, &["outcome=\"hit\""]).await, 2);
    assert_eq!(world.gateway.metric(name, &["outcome=\"miss\""]).await, 1);
    until("the lines are there", async || {
        world.printed().matches("\"cache\":\"hit\"").count() == 2
    })
    .await;
    // Of what was there already, no provider reported anything.
    let tokens = world
        .gateway
        .metric("tollgate_tokens_total", &["kind=\"completion\""])
        .await;
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn a_hit_that_is_sent_again_names_the_request_that_it_was_first_given_to() {
    let world = World::once(ON).await;
    for stream in [false, true] {
        let mut body = question("sim/echo", "Hi");
        body["stream"] = stream.into();
        let ask_once = async || {
            let asking = world
                .chat(&body)
                .header("idempotency-key", &format!("k-{stream}"));
            asking.send().await
        };
        let first = ask(&world, &body).await;
        let hit = ask_once().await;
        assert_eq!(word(&hit), "hit");
        let original = |answer: &crate::world::Answer| {
            let all = answer.headers.get_all("x-tollgate-original-request-id");
            all.iter()
                .map(|id| id.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(original(&hit), [first.header("x-request-id")]);
        let again = ask_once().await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(original(&again), [hit.header("x-request-id")], "{again:?}");
    }
}
