//! What callers read of their limits, on the wire.

use std::sync::Arc;

use tollgate_core::address::AddressRange;
use tollgate_core::error::{Code, Failure};
use tollgate_core::key::Reach;
use tollgate_core::limit::RateLimits;
use tollgate_engine::throttle::DefaultLimits;

use crate::access_log::LogFormat;
use crate::testing::world::{ADMIN_KEY, KEY, Said, Step, World, chat, key};
use crate::testing::{self, model};

const LIMITS: RateLimits = RateLimits {
    rpm: Some(60),
    tpm: Some(6000),
    parallel: None,
    burst: Some(10),
};

async fn world(defaults: DefaultLimits) -> World {
    let world = World::new(vec![model("m", &[("c", "m")])], LogFormat::Text).await;
    world.gateway.engine.limits.store(Arc::new(defaults));
    world
}

async fn limited() -> World {
    world(DefaultLimits {
        key: LIMITS,
        ..DefaultLimits::default()
    })
    .await
}

fn all(said: &Said) -> Vec<&str> {
    let names = [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ];
    names.iter().filter_map(|name| said.header(name)).collect()
}

/// Whether a span is above zero and at most this many seconds.
fn is_within(span: &str, seconds: f64) -> bool {
    let span: f64 = span.strip_suffix('s').unwrap().parse().unwrap();
    span > 0.0 && span <= seconds
}

#[tokio::test]
async fn answers_streams_and_failures_tell_where_the_caller_stands() {
    let world = limited().await;
    world.script.then(Step::Answer);
    world.script.then(Step::Stream);
    world.script.then(Step::Fail(Failure::provider(
        Code::ProviderInvalidRequest,
        "openai",
    )));
    let answer = world.chat("m", "", false).await;
    let [limit, left, reset, token_limit, token_left, token_reset] = all(&answer)[..] else {
        panic!("{:?}", all(&answer))
    };
    assert_eq!((answer.status, limit, left), (200, "60", "9"));
    assert!(is_within(reset, 1.0), "{reset}");
    assert_eq!(token_limit, "6000");
    let estimate = 6000 - token_left.parse::<u32>().unwrap();
    assert!((1..200).contains(&estimate), "{token_left}");
    assert!(is_within(token_reset, 2.0), "{token_reset}");

    let stream = world.chat("m", "", true).await;
    assert_eq!((stream.status, all(&stream)[1]), (200, "8"));
    let failed = world.chat("m", "", false).await;
    assert_eq!((failed.status, all(&failed)[1]), (400, "7"));
    let unknown = world.chat("nothing", "", false).await;
    assert_eq!((unknown.status, all(&unknown)[1]), (404, "6"));
    for said in [answer, stream, failed, unknown] {
        for name in ["x-ratelimit-limit", "anthropic-ratelimit-requests-limit"] {
            assert_eq!(said.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn a_refusal_says_whose_limit_it_is_and_when_to_come_back() {
    let world = world(DefaultLimits {
        key: RateLimits {
            rpm: Some(2),
            ..RateLimits::NONE
        },
        ..DefaultLimits::default()
    })
    .await;
    for _ in 0..2 {
        world.script.then(Step::Answer);
        assert_eq!(world.chat("m", "", false).await.status, 200);
    }
    let refused = world.chat("m", "", false).await;
    assert_eq!(refused.status, 429);
    let [limit, left, reset] = all(&refused)[..] else {
        panic!("{:?}", all(&refused))
    };
    assert_eq!((limit, left), ("2", "0"));
    assert!(reset == "1m0s" || is_within(reset, 60.0), "{reset}");
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((25..=30).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-should-retry"), Some("true"));
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "rate_limit_exceeded");
    let details = &error["details"];
    assert_eq!(
        (&details["level"], &details["what"]),
        (&"key".into(), &"requests".into())
    );
    assert_eq!(
        (&details["limit"], &details["remaining"]),
        (&2.into(), &0.into())
    );
    let explanation = details["explanation"].as_str().unwrap();
    assert!(
        explanation.starts_with("This API key has a limit of 2 requests a minute"),
        "{explanation}"
    );
    let figure = world.figure("rate_limited_total{level=\"key\",kind=\"requests\"}");
    assert_eq!(figure, Some(1.0));
}

type Own = &'static [(&'static str, &'static str)];

const LANGMART: Own = &[
    ("X-RateLimit-Limit", "60"),
    ("X-RateLimit-Remaining", "9"),
    ("X-RateLimit-Reset", "2026-11-21T10:00:01Z"),
];
const ANTHROPIC: Own = &[
    ("anthropic-ratelimit-requests-limit", "60"),
    ("anthropic-ratelimit-requests-remaining", "9"),
    ("anthropic-ratelimit-requests-reset", "2026-11-21T10:00:01Z"),
    ("anthropic-ratelimit-tokens-limit", "6000"),
    ("anthropic-ratelimit-tokens-reset", "2026-11-21T10:00:01Z"),
];

#[tokio::test]
async fn every_dialect_has_the_common_names_and_two_have_their_own() {
    let openai = chat("m", false);
    let openai_stream = chat("m", true);
    let claude = r#"{"model":"m","max_tokens":8,"messages":[{"role":"user","content":"hi"}]}"#;
    let gemini = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let responses = r#"{"model":"m","input":"hi"}"#;
    let in_langmart = "x-tollgate-error-dialect: langmart\r\n";
    let chats = "/v1/chat/completions";
    let streams = "/v1beta/models/m:streamGenerateContent?alt=sse";
    let cases: [(&str, &str, &str, bool, Own); 9] = [
        (chats, "", &openai, false, &[]),
        (chats, "", &openai_stream, true, &[]),
        (chats, in_langmart, &openai, false, LANGMART),
        (chats, in_langmart, &openai_stream, true, LANGMART),
        ("/v1/responses", "", responses, false, &[]),
        ("/v1/messages", "", claude, false, ANTHROPIC),
        ("/v1/messages", in_langmart, claude, false, ANTHROPIC),
        ("/v1beta/models/m:generateContent", "", gemini, false, &[]),
        (streams, "", gemini, true, &[]),
    ];
    for (path, headers, body, stream, own) in cases {
        let failure = || Failure::provider(Code::ProviderInvalidRequest, "openai");
        let good = if stream { Step::Stream } else { Step::Answer };
        for (step, status) in [(good, 200), (Step::Fail(failure()), 400)] {
            let world = limited().await;
            world.script.then(step);
            let headers = format!("authorization: Bearer {KEY}\r\n{headers}");
            let said = world.ask(&format!("POST {path}"), &headers, body).await;
            assert_eq!(said.status, status, "{path}: {}", said.body);
            assert_eq!(all(&said).len(), 6, "{path} {status}");
            for (name, _) in LANGMART.iter().chain(ANTHROPIC) {
                let expected = own.iter().find(|(own, _)| own == name);
                let expected = expected.map(|(_, value)| *value);
                assert_eq!(said.header(name), expected, "{path} {status} {name}");
            }
        }
    }
}

#[tokio::test]
async fn without_limits_nothing_is_told() {
    let world = world(DefaultLimits::default()).await;
    world.script.then(Step::Answer);
    let said = world.chat("m", "", false).await;
    assert_eq!(all(&said), [""; 0]);
}

#[tokio::test]
async fn guessing_keys_is_limited_before_they_are_looked_at() {
    let two = RateLimits {
        rpm: Some(2),
        ..RateLimits::NONE
    };
    let world = world(DefaultLimits {
        ip: two,
        ..DefaultLimits::default()
    })
    .await;
    let guess = "authorization: Bearer sk-guess\r\n";
    let get = "GET /v1/models";
    assert_eq!(world.ask(get, guess, "").await.status, 401);
    assert_eq!(world.manage("GET /api/keys", "").await.status, 200);
    for (request, headers) in [
        (get, guess.to_owned()),
        (get, format!("authorization: Bearer {KEY}\r\n")),
        ("GET /api/keys", format!("x-admin-key: {ADMIN_KEY}\r\n")),
        ("POST /v1/chat/completions", guess.to_owned()),
    ] {
        let refused = world.ask(request, &headers, "").await;
        assert_eq!(refused.status, 429, "{request}");
        assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    }
    // What needs no credential stays open.
    assert_eq!(world.ask("GET /health", "", "").await.status, 200);
    let figure = world.figure("rate_limited_total{level=\"ip\",kind=\"requests\"}");
    assert_eq!(figure, Some(4.0));
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_address_and_the_log_has_it() {
    let one = RateLimits {
        rpm: Some(1),
        ..RateLimits::NONE
    };
    let world = world(DefaultLimits {
        ip: one,
        ..DefaultLimits::default()
    })
    .await;
    let mut settings = (**world.gateway.settings()).clone();
    settings.trusted_proxies = [AddressRange::parse("127.0.0.0/8").unwrap()].into();
    world.gateway.set_settings(settings);
    for (address, status) in [("192.0.2.1", 200), ("192.0.2.1", 429), ("2001:db8::7", 200)] {
        if status == 200 {
            world.script.then(Step::Answer);
        }
        let headers = format!("x-forwarded-for: 6.6.6.6, {address}\r\n");
        let said = world.chat("m", &headers, false).await;
        assert_eq!(said.status, status, "{address}");
    }
    world.settle().await;
    let lines = testing::lines(&world.log);
    let clients: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(" client=").nth(1)?.split(' ').next())
        .collect();
    assert_eq!(clients, ["192.0.2.1", "192.0.2.1", "2001:db8::7"]);
}

#[tokio::test]
async fn a_key_may_be_bound_to_addresses_and_surfaces() {
    let world = world(DefaultLimits::default()).await;
    for (addresses, surfaces, refused) in [
        (&["127.0.0.0/8"][..], &["openai_chat"][..], None),
        (&["10.0.0.0/8"], &[], Some("the address 127.0.0.1")),
        (&["127.0.0.1"], &["models"], Some("\"openai_chat\"")),
    ] {
        let mut key = key();
        let ranges = addresses.iter().map(|range| AddressRange::parse(range));
        key.facts.reach = Reach {
            surfaces: surfaces.iter().map(|surface| (*surface).into()).collect(),
            addresses: ranges.map(Option::unwrap).collect(),
        };
        world
            .gateway
            .engine
            .accounts
            .declare(vec![key])
            .await
            .unwrap();
        if refused.is_none() {
            world.script.then(Step::Answer);
        }
        let said = world.chat("m", "", false).await;
        match refused {
            None => assert_eq!(said.status, 200),
            Some(why) => {
                assert_eq!(said.status, 403, "{}", said.body);
                let message = said.json()["error"]["message"].as_str().unwrap().to_owned();
                assert!(message.contains(why), "{message}");
                if !addresses.contains(&"127.0.0.1") {
                    let key = format!("authorization: Bearer {KEY}\r\n");
                    for request in ["GET /api/keys", "GET /v1/models"] {
                        let said = world.ask(request, &key, "").await;
                        assert_eq!(said.status, 403, "{request}");
                        assert!(said.body.contains(why), "{request}: {}", said.body);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn changed_limits_and_revoked_keys_hold_from_the_next_request_on() {
    let world = world(DefaultLimits::default()).await;
    world.script.then(Step::Answer);
    assert_eq!(world.chat("m", "", false).await.status, 200);
    let mut key = key();
    key.facts.controls.limits.rpm = Some(0);
    world
        .gateway
        .engine
        .accounts
        .declare(vec![key])
        .await
        .unwrap();
    let refused = world.chat("m", "", false).await;
    assert_eq!(refused.status, 429);
    assert_eq!(all(&refused), ["0", "0", "1m0s"]);
    world
        .gateway
        .engine
        .accounts
        .declare(Vec::new())
        .await
        .unwrap();
    assert_eq!(world.chat("m", "", false).await.status, 401);
}
