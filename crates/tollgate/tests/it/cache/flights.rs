//! Equal questions at the same time: one is asked, and the others get its answer.

use futures_util::future::join_all;

use serde_json::Value;

use super::{ON, ask, question, word};
use crate::money::scene::{
    Books, MODELS, ONCE as TIMED, asked, fails, give, key, reload, team, until,
};
use crate::raw::{Raw, chat_request};
use crate::world::{Answer, KEY, ONCE, World};

#[tokio::test]
async fn a_hundred_equal_requests_at_once_make_one_call() {
    let world = World::once(ON).await;
    for stream in [false, true] {
        let mut body = question("sim/story-30", "Hi");
        body["stream"] = stream.into();
        fails(&world, "story-30", "delay-head:ms=300", 1);
        world.simulator.forget_requests();
        let answers = join_all((0..100).map(|_| ask(&world, &body))).await;
        assert_eq!(asked(&world), 1, "stream: {stream}");
        let misses = answers
            .iter()
            .filter(|answer| word(answer) == "miss")
            .count();
        assert_eq!(misses, 1);
        let first = &answers[0].body;
        assert!(answers.iter().all(|answer| answer.body == *first));
    }
}

#[tokio::test]
async fn those_who_waited_for_a_failure_ask_for_themselves() {
    let world = World::once(ON).await;
    let body = question("sim/story-30", "Hi");
    fails(&world, "story-30", "delay-head:ms=1000+server-error", 1);
    let answers = join_all((0..5).map(|_| world.chat(&body).send())).await;
    let failed = answers.iter().filter(|answer| answer.status != 200).count();
    assert_eq!(failed, 1, "{answers:?}");
    assert_eq!(asked(&world), 5);
    assert_eq!(word(&ask(&world, &body).await), "hit");
}

/// Waiting for another one's answer is a part of one's own time, not a time before it.
#[tokio::test]
async fn who_has_waited_for_all_of_its_time_asks_nobody_any_more() {
    let world = World::once(ON).await;
    for stream in [false, true] {
        let mut body = question("sim/story-30", "Hi");
        body["stream"] = stream.into();
        fails(&world, "story-30", "delay-head:ms=60000", 1);
        world.simulator.forget_requests();
        let mut leader = Box::pin(world.chat(&body).open());
        tokio::select! {
            opened = &mut leader => panic!("it was answered: {}", opened.status),
            () = until("it is asked", async || asked(&world) == 1) => {}
        }
        let waits = world.chat(&body).header("x-tollgate-timeout-ms", "700");
        let waited = waits.send().await;
        assert_eq!(waited.status, 504, "{waited:?}");
        assert_eq!(asked(&world), 1, "the provider is not asked in vain");
    }
}

#[tokio::test]
async fn when_whoever_asks_hangs_up_before_an_answer_the_next_one_asks() {
    let world = World::once(ON).await;
    let mut body = question("sim/story-30", "Hi");
    body["stream"] = true.into();
    fails(&world, "story-30", "delay-head:ms=60000", 1);
    let mut leader = Box::pin(world.chat(&body).open());
    tokio::select! {
        opened = &mut leader => panic!("it was answered: {}", opened.status),
        () = until("it is asked", async || asked(&world) == 1) => {}
    }
    let others = async { join_all((0..5).map(|_| ask(&world, &body))).await };
    let leaving = async {
        until("all wait", async || open(&world).await == 6).await;
        drop(leader);
    };
    let (answers, ()) = tokio::join!(others, leaving);
    assert_eq!(asked(&world), 2);
    assert_eq!(words(&answers), ["hit", "hit", "hit", "hit", "miss"]);
    assert!(
        answers
            .iter()
            .all(|answer| answer.text().contains("[DONE]"))
    );
}

/// Somebody else may answer now: who asks after that waits for nobody who asked before it.
#[tokio::test]
async fn who_asks_after_a_reload_does_not_wait_for_what_was_asked_before_it() {
    let world = World::once(ON).await;
    for (stream, fault) in [(false, "delay-head:ms=60000"), (true, "stall-after=5")] {
        let mut body = question("sim/story-30", "Hi");
        body["stream"] = stream.into();
        fails(&world, "story-30", fault, 1);
        world.simulator.forget_requests();
        let mut leader = Box::pin(world.chat(&body).open());
        let mut opened = None;
        tokio::select! {
            begun = &mut leader => opened = Some(begun),
            () = until("it is asked", async || !stream && asked(&world) == 1) => {}
        }
        reload(&world, ON).await;
        let after = ask(&world, &body).await;
        assert_eq!((word(&after), asked(&world)), ("miss", 2), "{stream}");
        drop((leader, opened));
        until("it has gone", async || open(&world).await == 0).await;
        assert_eq!(word(&ask(&world, &body).await), "hit", "{stream}");
    }
}

async fn open(world: &World) -> u64 {
    world.gateway.metric("tollgate_requests_open", &[]).await
}

fn words(answers: &[Answer]) -> Vec<&str> {
    let mut words: Vec<&str> = answers.iter().map(word).collect();
    words.sort_unstable();
    words
}

/// A stream that is silent in the middle: who waited for its end would get nothing of it.
#[tokio::test]
async fn a_stream_is_read_along_while_it_runs_and_breaks_for_all_as_it_does_for_one() {
    // Three more have to be there before the silence is too long.
    let timed = TIMED.replace("idle_ms = 1000", "idle_ms = 3000");
    let world = World::with(&format!("{ON}{timed}")).await;
    let mut body = question("sim/story-30", "Hi");
    body["stream"] = true.into();
    for (fault, code) in [
        ("stall-after=5", "stream_interrupted"),
        // What the provider says of it is what everybody is told.
        ("drip:ms=200+error-event:after=9", "provider_error"),
    ] {
        fails(&world, "story-30", fault, 1);
        world.simulator.forget_requests();
        let mut leader = world.chat(&body).open().await;
        let mut first = leader.next().await.unwrap().unwrap().to_vec();
        let mut others = Vec::new();
        for _ in 0..3 {
            let mut other = world.chat(&body).open().await;
            assert_eq!(other.headers["x-tollgate-cache"], "hit");
            assert_eq!(other.headers["age"], "0");
            assert_eq!(
                other.headers["x-tollgate-original-request-id"],
                leader.headers["x-request-id"]
            );
            let begun = other.next().await.unwrap().unwrap().to_vec();
            assert!(begun.starts_with(b"data: {"), "{begun:?}");
            others.push((other, begun));
        }
        first.extend(leader.rest().await.unwrap());
        let first = String::from_utf8(first).unwrap();
        for (other, mut text) in others {
            text.extend(other.rest().await.unwrap());
            let text = String::from_utf8(text).unwrap();
            let (said, error) = text.trim_end().rsplit_once("\n\n").unwrap();
            assert!(first.starts_with(said), "{text} {first}");
            let error: Value = serde_json::from_str(error.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(error["error"]["code"], code, "{text}");
            assert!(!text.contains("[DONE]"), "{text}");
        }
        assert_eq!(asked(&world), 1);
    }
    assert_eq!(
        word(&ask(&world, &body).await),
        "miss",
        "nothing of it is kept"
    );
}

/// Whoever asked pays for the whole, also where it has gone before the end.
#[tokio::test]
async fn a_stream_that_others_read_along_goes_on_without_whoever_asked_for_it() {
    let mut world = World::once(&format!("{ON}{MODELS}{}", team("payer"))).await;
    give(&world, "payer", 10_000_000_000_000).await;
    let mut body = question("money/story-30", "Hi");
    body["stream"] = true.into();
    fails(&world, "story-30", "drip:ms=100", 1);
    let ask = || {
        world
            .gateway
            .post("/v1/chat/completions", &body)
            .key(&key("payer"))
    };
    let mut leader = ask().open().await;
    leader.next().await.unwrap().unwrap();
    let id = leader.headers["x-request-id"].to_str().unwrap().to_owned();
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(ask().open().await);
    }
    drop(leader);
    for other in others {
        let text = other.rest().await.unwrap();
        assert!(text.ends_with(b"data: [DONE]\n\n"), "{text:?}");
    }
    assert_eq!(asked(&world), 1);
    assert_eq!(word(&ask().send().await), "hit", "it is kept");
    let path = format!("/api/account/request-logs/{id}");
    until("the leader's row is there", async || {
        let row = world.gateway.get(&path).key(&key("payer")).send().await;
        row.status == 200 && row.json()["error_code"] == "client_closed"
    })
    .await;
    let books = Books::of(&mut world, None).await;
    assert_eq!(books.settlements().count(), 1, "hits are free");
    let settled = books.of_request(&id).unwrap();
    assert_eq!(settled.usage.completion, 30, "{settled:?}");
}

#[tokio::test]
async fn a_stream_that_nobody_reads_any_more_ends() {
    let world = World::once(ON).await;
    let mut body = question("sim/story-5000", "Hi");
    body["stream"] = true.into();
    fails(&world, "story-5000", "drip:ms=50", 1);
    let mut leader = world.chat(&body).open().await;
    leader.next().await.unwrap().unwrap();
    let mut other = world.chat(&body).open().await;
    drop(leader);
    for _ in 0..3 {
        other.next().await.unwrap().unwrap();
    }
    assert_eq!(open(&world).await, 2, "it goes on for the other one");
    drop(other);
    until("it has ended", async || open(&world).await == 0).await;
}

/// The answer of a bare connection, its chunks put together.
fn body_of(read: &str) -> String {
    let (_, mut rest) = read.split_once("\r\n\r\n").unwrap();
    let mut body = String::new();
    while let Some((length, chunk)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        body.push_str(&chunk[..length]);
        rest = &chunk[length + 2..];
    }
    panic!("an end without an end: {}", body.len());
}

/// A caller who takes in nothing behind the beginning is waited for by nobody, and gets everything
/// once it reads on.
#[tokio::test]
async fn whoever_asked_slowly_holds_up_nobody_who_reads_along() {
    let more = ON.replace(
        "[cache]",
        "[cache]\nsize = \"128MiB\"\nlongest_answer = \"64MiB\"",
    );
    let world = World::with_both("write_timeout_ms = 600000\n", &format!("{more}{ONCE}")).await;
    let mut body = question("sim/story-40000", "Hi");
    body["stream"] = true.into();
    let mut slow = Raw::open_narrow(world.gateway.address).await;
    let ask = chat_request(KEY, &body.to_string(), "connection: close\r\n");
    slow.send(&ask).await;
    let mut read = slow.read_until("data: ").await;
    let other = ask_whole(&world, &body).await;
    let end = other.len().saturating_sub(400);
    assert!(other.ends_with("data: [DONE]\n\n"), "{}", &other[end..]);
    assert_eq!(asked(&world), 1);
    read.push_str(&slow.rest().await);
    assert!(body_of(&read) == other, "it is the same");
    assert_eq!(word(&self::ask(&world, &body).await), "hit", "it is kept");
}

async fn ask_whole(world: &World, body: &Value) -> String {
    let opened = world.chat(body).open().await;
    assert_eq!(opened.headers["x-tollgate-cache"], "hit");
    String::from_utf8(opened.rest().await.unwrap().to_vec()).unwrap()
}
