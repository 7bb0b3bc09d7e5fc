//! Failures of providers: each becomes its row, and what callers must not see stays here.

use std::time::Duration;

use serde_json::json;

use crate::world::{PROVIDER_KEY, World};

/// Model, status, code, and whether asking again can help.
const CASES: &[(&str, u16, &str, bool)] = &[
    ("fault/rate-limit", 429, "provider_rate_limited", true),
    ("fault/quota", 502, "provider_quota_exhausted", false),
    (
        "fault/payment-required",
        502,
        "provider_quota_exhausted",
        false,
    ),
    (
        "fault/invalid-api-key",
        502,
        "provider_authentication_failed",
        false,
    ),
    ("fault/region", 502, "provider_permission_denied", false),
    ("fault/permission", 502, "provider_permission_denied", false),
    (
        "fault/model-not-found",
        404,
        "provider_model_not_found",
        false,
    ),
    ("fault/server-error", 502, "provider_error", true),
    ("fault/bad-gateway", 502, "provider_error", true),
    ("fault/unknown-520", 502, "provider_error", true),
    ("fault/overloaded", 503, "provider_overloaded", true),
    ("fault/overloaded-529", 503, "provider_overloaded", true),
    ("fault/big-error", 502, "provider_error", true),
    ("fault/error-200", 502, "provider_error", true),
    ("fault/html-200", 502, "provider_invalid_response", true),
    ("fault/empty", 502, "provider_invalid_response", true),
    ("fault/json-cut", 502, "provider_invalid_response", true),
    ("fault/short-body", 502, "provider_invalid_response", true),
    (
        "fault/close-before-answer",
        502,
        "provider_unreachable",
        true,
    ),
    (
        "fault/close-before-answer:how=rst",
        502,
        "provider_unreachable",
        true,
    ),
    ("fault/gzip", 502, "provider_invalid_response", true),
];

#[tokio::test]
async fn each_failure_of_a_provider_has_its_row() {
    let world = World::once("").await;
    for (model, status, code, retry) in CASES {
        let body = json!({"model": format!("sim/{model}"),
            "messages": [{"role": "user", "content": "x"}]});
        let answer = world.chat(&body).send().await;
        assert_eq!(
            answer.outcome(),
            (*status, (*code).to_owned()),
            "{model}: {answer:?}"
        );
        assert_eq!(
            answer.header("x-should-retry"),
            retry.to_string(),
            "{model}"
        );
        assert_eq!(
            answer.headers.contains_key("retry-after"),
            *retry,
            "{model}"
        );
        assert_eq!(answer.header("x-tollgate-attempts"), "1", "{model}");
        assert_eq!(answer.header("x-tollgate-connection"), "sim", "{model}");
        assert_eq!(answer.header("x-tollgate-model"), format!("sim/{model}"));
        let address = world.provider.to_string();
        assert!(!answer.text().contains(PROVIDER_KEY) && !answer.text().contains(&address));
    }
    for class in ["provider_rate_limited", "provider_unreachable"] {
        let labels = ["connection=\"sim\"", &format!("class=\"{class}\"")];
        let count = world
            .gateway
            .metric("tollgate_upstream_attempts_total", &labels)
            .await;
        assert!(count >= 1, "{class} is counted");
    }
}

#[tokio::test]
async fn a_request_that_the_provider_refuses_gets_the_providers_own_words() {
    let world = World::once("").await;
    for (model, code) in [
        ("sim/fault/invalid-request", "provider_invalid_request"),
        ("sim/fault/context-length", "context_length_exceeded"),
        ("sim/fault/content-filter", "content_filtered"),
    ] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        let answer = world.chat(&body).send().await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("x-tollgate-error-code"), code);
        let sent = asked_directly(&world, model).await;
        assert_eq!(answer.text(), sent, "byte for byte");
        let built = world
            .chat(&body)
            .header("x-tollgate-error-dialect", "langmart")
            .send()
            .await;
        assert!(
            built.json()["error"]["code"]
                .as_str()
                .unwrap()
                .starts_with("PROVIDER_OPENAI_")
        );
    }
}

/// What the provider itself answers for this model.
async fn asked_directly(world: &World, model: &str) -> String {
    let model = model.strip_prefix("sim/").unwrap();
    let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]}).to_string();
    let mut raw = crate::raw::Raw::open(world.provider).await;
    raw.send(format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    let answer = raw.rest().await;
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn a_providers_wait_is_kept_within_bounds() {
    let world = World::once("").await;
    for (given, seconds) in [
        ("1", Some("1")),
        ("61", Some("61")),
        ("7200", None),
        ("0", Some("1")),
        ("-1", Some("1")),
        ("inf", Some("1")),
        ("Zun%2C 99 Foo 2026", Some("1")),
        ("1111111111111111111111111111111111111111", Some("1")),
    ] {
        let model = format!("sim/fault/rate-limit:retry-after={given}");
        let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        let answer = world.chat(&body).send().await;
        assert_eq!(answer.status, 429, "{given}: {answer:?}");
        let told = answer
            .headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap());
        assert_eq!(told, seconds, "{given}");
        assert_eq!(
            answer.header("x-should-retry"),
            seconds.is_some().to_string(),
            "{given}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_or_is_silent_has_its_row() {
    let (_bound, closed) = crate::world::nobody();
    let world = World::once(&format!(
        r#"
[[connections]]
name = "refused"
provider = "openai-compatible"
base_url = "http://{closed}/v1"
[[connections]]
name = "nameless"
provider = "openai-compatible"
base_url = "http://no-such-host.invalid/v1"
[[models]]
name = "refused"
targets = [{{ connection = "refused", model = "m" }}]
[[models]]
name = "nameless"
targets = [{{ connection = "nameless", model = "m" }}]
[[models]]
name = "impatient/*"
targets = [{{ connection = "sim" }}]
timeouts = {{ first_byte_ms = 500, answer_ms = 500 }}
"#
    ))
    .await;
    for (model, stream, status, code) in [
        ("refused", false, 502, "provider_unreachable"),
        ("refused", true, 502, "provider_unreachable"),
        ("nameless", false, 502, "provider_unreachable"),
        (
            "impatient/fault/delay-head:ms=60000",
            false,
            504,
            "provider_timeout",
        ),
        (
            "impatient/fault/delay-head:ms=60000",
            true,
            504,
            "provider_timeout",
        ),
        (
            "impatient/fault/delay-body:ms=60000",
            false,
            504,
            "provider_timeout",
        ),
        (
            "impatient/fault/delay-body:ms=60000",
            true,
            504,
            "provider_timeout",
        ),
        (
            "impatient/fault/first-token:ms=60000",
            true,
            504,
            "provider_timeout",
        ),
        (
            "impatient/fault/stall-after=1",
            true,
            504,
            "provider_timeout",
        ),
    ] {
        let body = json!({"model": model, "stream": stream,
            "messages": [{"role": "user", "content": "x"}]});
        let begin = std::time::Instant::now();
        let answer = world.chat(&body).send().await;
        assert_eq!(
            answer.outcome(),
            (status, code.to_owned()),
            "{model} {stream}"
        );
        assert!(begin.elapsed() < Duration::from_secs(10), "{model}");
    }
}
