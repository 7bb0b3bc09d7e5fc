//! Answers that are too old, where no provider can answer.

use super::{ask, question, word};
use crate::money::scene::{fails, until};
use crate::world::World;

const BRIEF: &str = "[cache]\nmode = \"on\"\nttl_s = 0\n";

#[tokio::test]
async fn a_stale_answer_stands_in_when_no_provider_can_answer() {
    let world = World::once(&format!("{BRIEF}stale_s = 3600\n")).await;
    for stream in [false, true] {
        let mut body = question("sim/story-20", "Hi");
        body["stream"] = stream.into();
        let first = ask(&world, &body).await;
        until("it is too old", async || {
            let again = ask(&world, &body).await;
            word(&again) == "miss"
        })
        .await;
        for fault in [
            "server-error",
            "overloaded",
            "rate-limit",
            "close-before-answer",
        ] {
            fails(&world, "story-20", fault, 1);
            let answer = ask(&world, &body).await;
            assert_eq!(word(&answer), "stale", "{fault}");
            assert_eq!(answer.text().len(), first.text().len(), "{fault}");
            assert!(answer.header("age").parse::<u64>().is_ok());
            assert_eq!(answer.header("x-tollgate-cost-usd").is_empty(), stream);
        }
        assert_eq!(word(&ask(&world, &body).await), "miss", "it answers again");
    }
    let name = "tollgate_cache_calls_total";
    assert_eq!(world.gateway.metric(name, &["outcome=\"stale\""]).await, 8);
}

#[tokio::test]
async fn a_stale_answer_is_for_those_alone_who_declared_it_and_take_it() {
    let world = World::once(BRIEF).await;
    let body = question("sim/story-20", "Hi");
    ask(&world, &body).await;
    fails(&world, "story-20", "server-error", 1);
    assert_eq!(world.chat(&body).send().await.outcome().0, 502);
    let world = World::once(&format!("{BRIEF}stale_s = 3600\n")).await;
    ask(&world, &body).await;
    fails(&world, "story-20", "server-error", 4);
    for (name, value) in [
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0"),
        ("x-tollgate-cache", "off"),
        ("x-tollgate-cache", "refresh"),
    ] {
        let answer = world.chat(&body).header(name, value).send().await;
        assert_eq!(answer.outcome().0, 502, "{name}: {value}");
    }
    // What the caller did wrong is told, whatever there is.
    fails(&world, "story-20", "invalid-request", 1);
    assert_eq!(world.chat(&body).send().await.status, 400);
}

#[tokio::test]
async fn a_stale_answer_that_is_paid_counts_once_under_the_limits_of_its_model() {
    let limited = "hit_price_percent = 50\nstale_s = 3600\n[[models]]\nname = \"limited\"\n\
                   price = { input = \"1\", output = \"1\" }\n\
                   limits = { parallel = 1, tpm = 1000 }\n\
                   targets = [{ connection = \"sim\", model = \"story-20\" }]\n";
    let world = World::once(&format!("{BRIEF}{limited}")).await;
    for stream in [false, true] {
        let mut body = question("limited", "Hi");
        body["stream"] = stream.into();
        ask(&world, &body).await;
        until("it is too old", async || {
            word(&ask(&world, &body).await) == "miss"
        })
        .await;
        fails(&world, "story-20", "server-error", 5);
        for _ in 0..5 {
            assert_eq!(word(&ask(&world, &body).await), "stale");
        }
        // Its place is free again.
        assert_eq!(word(&ask(&world, &body).await), "miss");
    }
}
