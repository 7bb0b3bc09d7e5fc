//! What answers say of the caller's limits: in every dialect, on good answers and bad ones, true
//! to within one request.

use std::time::Instant;

use serde_json::{Value, json};

use super::scene;
use crate::world::{Answer, World};

/// A way to ask, and the names of the headers in its words.
struct Way {
    path: &'static str,
    body: Value,
    /// The dialect of the key, if it has one of its own.
    dialect: Option<&'static str>,
    /// `{}` stands for `limit`, `remaining` and `reset`.
    also: Option<&'static str>,
}

fn ways() -> Vec<Way> {
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]});
    let way = |path, body, dialect, also| Way {
        path,
        body,
        dialect,
        also,
    };
    let chat = "/v1/chat/completions";
    let anthropic = Some("anthropic-ratelimit-requests-{}");
    vec![
        way(chat, scene::talk("sim/echo"), None, None),
        way(chat, scene::streamed("sim/echo"), None, None),
        way(
            chat,
            scene::talk("sim/echo"),
            Some("langmart"),
            Some("x-ratelimit-{}"),
        ),
        way(
            "/v1/responses",
            json!({"model": "sim/echo", "input": "x"}),
            None,
            None,
        ),
        way(
            "/v1/completions",
            json!({"model": "sim/echo", "prompt": "x"}),
            None,
            None,
        ),
        way(
            "/v1/embeddings",
            json!({"model": "sim/echo", "input": "x"}),
            None,
            None,
        ),
        way("/v1/messages", scene::talk("sim/echo"), None, anthropic),
        way("/v1/messages", scene::streamed("sim/echo"), None, anthropic),
        way(
            "/v1/messages/count_tokens",
            scene::talk("sim/echo"),
            None,
            anthropic,
        ),
        way(
            "/v1beta/models/sim%2Fecho:generateContent",
            contents,
            None,
            None,
        ),
        // What fails counts and is told, too.
        way(chat, scene::talk("sim/fault/server-error"), None, None),
        way(chat, scene::talk("nobody/nothing"), None, None),
        way(
            chat,
            json!({"model": "sim/echo", "messages": 5}),
            None,
            None,
        ),
        way(
            "/v1/messages",
            json!({"model": "sim/echo"}),
            None,
            anthropic,
        ),
    ]
}

fn number(answer: &Answer, name: &str) -> u64 {
    let value = answer.header(name);
    value
        .parse()
        .unwrap_or_else(|_| panic!("{name}: {value:?} of {answer:?}"))
}

#[tokio::test]
async fn every_answer_tells_the_tightest_limit_true_to_within_one_request() {
    let world = World::once("").await;
    for (index, way) in ways().into_iter().enumerate() {
        let tenant = scene::tenant(&world, &format!("t{index}")).await;
        // The team is tighter than the organization.
        let limits = json!({"limits": {"rpm": 60, "burst": 6, "tpm": 100_000}});
        scene::change(&world, &format!("/api/teams/{}", tenant.team), limits).await;
        let limits = json!({"limits": {"rpm": 6000, "burst": 100, "tpm": 1_000_000}});
        scene::change(&world, &format!("/api/organizations/t{index}"), limits).await;
        let key = format!("/api/keys/{}", tenant.calling_id);
        scene::change(&world, &key, json!({"error_dialect": way.dialect})).await;
        let begin = Instant::now();
        let mut seventh = None;
        for asked in 1..=7_u64 {
            let ask = world.gateway.post(way.path, &way.body).key(&tenant.calling);
            let answer = ask.send().await;
            let seen = format!("{} {asked}: {answer:?}", way.path);
            let since = begin.elapsed().as_secs();
            let remaining = number(&answer, "x-ratelimit-remaining-requests");
            // One came back for every second, and one may be on the border.
            let least = 6_u64.saturating_sub(asked);
            assert!((least..=least + since + 1).contains(&remaining), "{seen}");
            if remaining == 0 && since == 0 && answer.status != 429 {
                assert_eq!(asked, 6, "{seen}");
            }
            check(&answer, &way, remaining);
            seventh = Some(answer);
        }
        let seventh = seventh.unwrap();
        if begin.elapsed().as_secs() == 0 {
            assert_eq!(seventh.status, 429, "{}: {seventh:?}", way.path);
        }
    }
}

/// The figures are there, and the same in all words.
fn check(answer: &Answer, way: &Way, remaining: u64) {
    let seen = format!("{}: {answer:?}", way.path);
    let is_plain = way.dialect == Some("langmart");
    assert_eq!(answer.header("x-ratelimit-limit-requests"), "60", "{seen}");
    let reset = answer.header("x-ratelimit-reset-requests");
    let seconds: f64 = reset.strip_suffix('s').expect(&seen).parse().unwrap();
    assert!((0.0..=6.0).contains(&seconds), "{seen}");
    assert_eq!(
        answer.header("x-ratelimit-limit-tokens"),
        "100000",
        "{seen}"
    );
    assert!(
        number(answer, "x-ratelimit-remaining-tokens") <= 100_000,
        "{seen}"
    );
    assert!(
        answer.header("x-ratelimit-reset-tokens").ends_with('s'),
        "{seen}"
    );
    let Some(also) = way.also else {
        assert_eq!(answer.header("x-ratelimit-limit"), "", "{seen}");
        assert_eq!(
            answer.header("anthropic-ratelimit-requests-limit"),
            "",
            "{seen}"
        );
        return;
    };
    assert_eq!(number(answer, &also.replace("{}", "limit")), 60, "{seen}");
    assert_eq!(
        number(answer, &also.replace("{}", "remaining")),
        remaining,
        "{seen}"
    );
    let told = answer.header(&also.replace("{}", "reset")).to_owned();
    let at: jiff::Timestamp = told.parse().expect(&seen);
    let date = answer.header("date").to_owned();
    let now = jiff::fmt::rfc2822::parse(&date).unwrap().timestamp();
    let ahead = (at - now).total(jiff::Unit::Second).unwrap();
    assert!((-2.0..=9.0).contains(&ahead), "{ahead}: {seen}");
    if !is_plain {
        let tokens = also.replace("requests", "tokens");
        assert_eq!(
            number(answer, &tokens.replace("{}", "limit")),
            100_000,
            "{seen}"
        );
    }
}

#[tokio::test]
async fn without_limits_nothing_is_told_and_a_providers_own_are_never_passed_on() {
    let world = World::start().await;
    for model in ["sim/echo", "sim/fault/rate-limit:reset=30s"] {
        let answer = scene::chat(&world, crate::world::KEY, model).await;
        let told = answer
            .headers
            .keys()
            .filter(|name| name.as_str().contains("ratelimit"));
        assert_eq!(told.count(), 0, "{answer:?}");
    }
}
