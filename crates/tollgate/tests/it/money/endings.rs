//! However a call ends, it is settled or released once, and nothing stays held.

use serde_json::{Value, json};
use tollgate_core::ledger::Settlement;
use tollgate_core::reply::Usage;

use super::scene::{
    Books, MODELS, ONCE, PRICE, asked, at_rest, give, key, price_of, standing, streamed, team,
    until, words,
};
use crate::raw::{Raw, chat_request};
use crate::world::World;

const CREDITS: u64 = 1_000_000_000_000;
/// How long a caller waits for nothing.
const HASTE: &str = "x-tollgate-timeout-ms: 800\r\n";

/// What the caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Reads to the end.
    Reads,
    /// Hangs up when the provider was asked and nothing has come.
    LeavesBefore,
    /// Hangs up when this has come.
    LeavesAt(&'static str),
    /// Is in haste.
    Hurries,
}
use Does::{Hurries, LeavesAt, LeavesBefore, Reads};

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pays {
    /// Nobody; nothing is written.
    Nobody,
    /// The caller, for a whole answer of which the provider told the use.
    Whole,
    /// The caller, for what was delivered before it broke: so many tokens at least.
    Part(u64),
}
use Pays::{Nobody, Part, Whole};

/// A fault of the provider, whether a stream is asked for, what the caller does, who pays.
const ENDINGS: &[(&str, bool, Does, Pays)] = &[
    ("ids", false, Reads, Whole),
    ("ids", true, Reads, Whole),
    // A failure before anything came.
    ("invalid-request", false, Reads, Nobody),
    ("content-filter", true, Reads, Nobody),
    ("server-error", false, Reads, Nobody),
    ("server-error", true, Reads, Nobody),
    ("rate-limit", false, Reads, Nobody),
    ("close-before-answer", false, Reads, Nobody),
    ("close-before-answer:how=rst", true, Reads, Nobody),
    // Answers that are none.
    ("html-200", false, Reads, Nobody),
    ("error-200", true, Reads, Nobody),
    ("json-cut", false, Reads, Nobody),
    ("short-body", false, Reads, Nobody),
    ("error-first", true, Reads, Nobody),
    // Streams that break.
    ("cut-after=6", true, Reads, Part(4)),
    ("cut-after=6:how=rst", true, Reads, Part(4)),
    ("cut-after=6:how=clean", true, Reads, Part(4)),
    ("error-event:after=6", true, Reads, Part(4)),
    ("bad-json:after=6", true, Reads, Part(4)),
    ("stall-after=6", true, Reads, Part(4)),
    // Times that are over.
    ("delay-head", false, Reads, Nobody),
    ("delay-body", true, Reads, Nobody),
    ("delay-head", false, Hurries, Nobody),
    ("stall-after=6", true, Hurries, Part(4)),
    // The caller hangs up.
    ("delay-head", false, LeavesBefore, Nobody),
    ("delay-body", true, LeavesBefore, Nobody),
    ("stall-after=6", true, LeavesAt("data: "), Part(1)),
    ("drip:ms=200", true, LeavesAt("data: "), Part(1)),
    ("ids", true, LeavesAt("[DONE]"), Whole),
    ("ids", false, LeavesAt("\"usage\""), Whole),
];

fn body(fault: &str, stream: bool) -> Value {
    json!({"model": format!("money/fault/{fault}"), "max_tokens": 30, "stream": stream,
        "messages": [{"role": "user", "content": "Tell me of the harbour in the morning, at length."}]})
}

async fn run(world: &World, id: &str, (fault, stream, does, _): (&str, bool, Does, Pays)) {
    let before = asked(world);
    let mut raw = Raw::open(world.gateway.address).await;
    let haste = if does == Hurries { HASTE } else { "" };
    let more = format!("x-request-id: {id}\r\nconnection: close\r\n{haste}");
    let text = body(fault, stream).to_string();
    raw.send(chat_request(&key("payer"), &text, &more)).await;
    match does {
        Reads | Hurries => drop(raw.rest().await),
        LeavesBefore => until("the provider is asked", async || asked(world) > before).await,
        LeavesAt(text) => drop(raw.read_until(text).await),
    }
}

fn check(row: &str, pays: Pays, truth: Usage, found: Option<&Settlement>) {
    let Some(found) = found else {
        assert_eq!(pays, Nobody, "{row}: nothing was charged");
        return;
    };
    let flags = words(found.flags);
    match pays {
        Nobody => panic!("{row}: {found:?}"),
        Whole => {
            assert_eq!((found.usage, &*flags), (truth, ""), "{row}");
        }
        Part(least) => {
            assert_eq!(flags, "estimated partial", "{row}");
            assert!(found.usage.completion >= least, "{row}: {found:?}");
            assert!(found.usage.completion < 20, "{row}: {found:?}");
        }
    }
    assert_eq!(found.charged, PRICE.cost(&found.usage), "{row}");
}

#[tokio::test]
async fn however_a_call_ends_it_is_settled_or_released_once() {
    let mut world = World::with(&format!("{MODELS}{}{ONCE}", team("payer"))).await;
    give(&world, "payer", CREDITS).await;
    for (number, ending) in ENDINGS.iter().enumerate() {
        run(&world, &format!("end-{number}"), *ending).await;
        at_rest(&world, "payer").await;
    }
    let balance = at_rest(&world, "payer").await;
    let books = Books::of(&mut world, None).await;
    assert_eq!(balance + books.charged(), CREDITS);
    let truth = books.of_request("end-0").unwrap().usage;
    assert_eq!(truth.completion, 30);
    for (number, ending) in ENDINGS.iter().enumerate() {
        let id = format!("end-{number}");
        check(
            &format!("{ending:?}"),
            ending.3,
            truth,
            books.of_request(&id),
        );
    }
}

#[tokio::test]
async fn a_call_that_is_refused_before_a_provider_is_asked_costs_nobody_anything() {
    let mut world = World::with(&format!("{MODELS}{}{ONCE}", team("payer"))).await;
    give(&world, "payer", CREDITS).await;
    let bad = json!({"model": "money/echo", "messages": "none", "max_tokens": 5});
    for (body, status) in [
        (bad.to_string(), 400),
        ("{".to_owned(), 400),
        (streamed("nobody/echo").to_string(), 404),
    ] {
        let post = world.gateway.post("/v1/chat/completions", &body);
        assert_eq!(post.key(&key("payer")).send().await.status, status);
    }
    assert_eq!(asked(&world), 0);
    assert_eq!(at_rest(&world, "payer").await, CREDITS);
    let books = Books::of(&mut world, None).await;
    assert_eq!(books.settlements().count(), 0);
}

#[tokio::test]
async fn streams_that_a_shutdown_ends_are_charged_for_what_was_delivered() {
    let more = format!("shutdown_ms = 1000\n{MODELS}{}", team("payer"));
    let mut world = World::with_server(&more).await;
    give(&world, "payer", CREDITS).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let body = body("stall-after=6", true);
        let post = world.gateway.post("/v1/chat/completions", &body);
        let mut open = post.key(&key("payer")).open().await;
        open.next().await.unwrap().unwrap();
        streams.push(open);
    }
    assert!(standing(&world, "payer").await.1 > 0);
    let ends = async {
        for stream in streams {
            let text = String::from_utf8(stream.rest().await.unwrap().to_vec()).unwrap();
            assert!(text.contains("\"maintenance\""), "{text}");
        }
    };
    // The books are read when the process has ended, and that waits for the streams.
    world.gateway.signal("TERM");
    ends.await;
    let books = Books::of(&mut world, None).await;
    let all: Vec<_> = books.settlements().collect();
    assert_eq!(all.len(), 5);
    for one in all {
        assert_eq!(words(one.flags), "estimated partial");
        assert!(one.charged > price_of(one.usage.prompt, 0) && one.charged < one.held);
    }
}
