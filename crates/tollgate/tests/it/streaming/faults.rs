//! Every stream fault of the simulated provider, through the gateway.

use serde_json::{Value, json};

use crate::world::World;

/// What a client has to see.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// The same text as without the fault, and the terminator.
    Whole,
    /// An error with this status and code: no content had left.
    Status(u16, &'static str),
    /// Some content, then one error event of this code and no terminator.
    Event(&'static str),
}

/// The fault in the simulator's words, and what becomes of it.
const CASES: &[(&str, Seen)] = &[
    (
        "invalid-request",
        Seen::Status(400, "provider_invalid_request"),
    ),
    (
        "context-length",
        Seen::Status(400, "context_length_exceeded"),
    ),
    ("content-filter", Seen::Status(400, "content_filtered")),
    ("invalid-prompt", Seen::Status(400, "content_filtered")),
    (
        "invalid-api-key",
        Seen::Status(502, "provider_authentication_failed"),
    ),
    (
        "payment-required",
        Seen::Status(502, "provider_quota_exhausted"),
    ),
    ("region", Seen::Status(502, "provider_permission_denied")),
    (
        "permission",
        Seen::Status(502, "provider_permission_denied"),
    ),
    (
        "model-not-found",
        Seen::Status(404, "provider_model_not_found"),
    ),
    ("request-timeout", Seen::Status(504, "provider_timeout")),
    ("conflict", Seen::Status(502, "provider_error")),
    ("too-large", Seen::Status(413, "provider_request_too_large")),
    (
        "unprocessable",
        Seen::Status(422, "provider_invalid_request"),
    ),
    ("rate-limit", Seen::Status(429, "provider_rate_limited")),
    (
        "rate-limit-tokens",
        Seen::Status(429, "provider_rate_limited"),
    ),
    (
        // The provider's own answer names our organization, so it does not pass through.
        "request-too-large",
        Seen::Status(413, "provider_request_too_large"),
    ),
    ("quota", Seen::Status(502, "provider_quota_exhausted")),
    ("server-error", Seen::Status(502, "provider_error")),
    ("bad-gateway", Seen::Status(502, "provider_error")),
    ("overloaded", Seen::Status(503, "provider_overloaded")),
    ("gateway-timeout", Seen::Status(504, "provider_timeout")),
    ("unknown-520", Seen::Status(502, "provider_error")),
    ("overloaded-529", Seen::Status(503, "provider_overloaded")),
    ("status", Seen::Status(502, "provider_error")),
    ("answer", Seen::Status(502, "provider_invalid_response")),
    ("html-200", Seen::Status(502, "provider_invalid_response")),
    ("error-200", Seen::Status(502, "provider_error")),
    ("empty", Seen::Status(502, "provider_invalid_response")),
    ("json-cut", Seen::Event("stream_interrupted")),
    ("short-body", Seen::Whole),
    ("long-body", Seen::Whole),
    ("big-error", Seen::Status(502, "provider_error")),
    ("content-type", Seen::Whole),
    ("gzip", Seen::Status(502, "provider_invalid_response")),
    (
        "invalid-utf8",
        Seen::Status(502, "provider_invalid_response"),
    ),
    ("usage-missing", Seen::Whole),
    ("usage-null", Seen::Whole),
    ("usage-empty", Seen::Whole),
    ("usage-zero", Seen::Whole),
    ("usage-negative", Seen::Whole),
    ("usage-huge", Seen::Whole),
    ("usage-beyond", Seen::Whole),
    ("usage-float", Seen::Whole),
    ("usage-nan", Seen::Event("provider_invalid_response")),
    ("usage-text", Seen::Whole),
    ("usage-cached", Seen::Whole),
    ("usage-over-limit", Seen::Whole),
    ("usage-twice", Seen::Whole),
    ("usage-changing", Seen::Whole),
    ("usage-each", Seen::Whole),
    ("usage-in-finish", Seen::Whole),
    ("error-event", Seen::Event("provider_error")),
    ("error-event:kind=vllm", Seen::Event("provider_error")),
    ("error-event:kind=event", Seen::Event("provider_error")),
    ("error-event:kind=finish", Seen::Event("provider_error")),
    ("error-event:kind=field", Seen::Event("provider_error")),
    ("error-event:kind=bare", Seen::Event("provider_error")),
    ("error-event:kind=string", Seen::Event("provider_error")),
    (
        "error-event:kind=empty-choices",
        Seen::Event("provider_error"),
    ),
    ("error-event:then=done", Seen::Event("provider_error")),
    ("error-event:then=go-on", Seen::Event("provider_error")),
    (
        "error-event:code=insufficient_quota,type=insufficient_quota",
        Seen::Event("provider_quota_exhausted"),
    ),
    ("error-first", Seen::Status(502, "provider_error")),
    ("error-first:kind=vllm", Seen::Status(502, "provider_error")),
    (
        "error-first:kind=event",
        Seen::Status(502, "provider_error"),
    ),
    (
        "error-first:kind=finish",
        Seen::Status(502, "provider_error"),
    ),
    (
        "error-first:kind=field",
        Seen::Status(502, "provider_error"),
    ),
    ("error-first:kind=bare", Seen::Status(502, "provider_error")),
    (
        "error-first:kind=string",
        Seen::Status(502, "provider_error"),
    ),
    (
        "error-first:kind=empty-choices",
        Seen::Status(502, "provider_error"),
    ),
    ("bad-json", Seen::Event("provider_invalid_response")),
    ("cut-json", Seen::Event("provider_invalid_response")),
    ("huge-event", Seen::Event("provider_invalid_response")),
    ("endless-line", Seen::Event("provider_invalid_response")),
    ("empty-events:count=20000", Seen::Whole),
    ("empty-events:count=20000,form=comment", Seen::Whole),
    ("finish-twice", Seen::Whole),
    ("no-finish", Seen::Whole),
    ("duplicate", Seen::Whole),
    ("done-twice", Seen::Whole),
    ("after-done", Seen::Whole),
    ("index-jump", Seen::Whole),
    ("unknown-fields", Seen::Whole),
    ("empty-choices", Seen::Whole),
    ("ids", Seen::Whole),
    ("id-nul", Seen::Whole),
    ("event-names", Seen::Whole),
    ("comments", Seen::Whole),
    ("multi-line", Seen::Whole),
    ("no-space", Seen::Whole),
    ("cut-after=3", Seen::Event("stream_interrupted")),
    ("cut-after=3:how=rst", Seen::Event("stream_interrupted")),
    ("cut-after=3:how=clean", Seen::Event("stream_interrupted")),
    ("cut-after=3:part=40", Seen::Event("stream_interrupted")),
    (
        "cut-after=1",
        Seen::Status(502, "provider_invalid_response"),
    ),
    ("stall-after=3", Seen::Event("stream_interrupted")),
    ("stall-after=1", Seen::Status(504, "provider_timeout")),
    ("no-done", Seen::Event("stream_interrupted")),
    ("no-end-chunk", Seen::Whole),
    ("line-ends", Seen::Whole),
    ("line-ends:kind=cr", Seen::Whole),
    ("line-ends:kind=mixed", Seen::Whole),
    ("bom", Seen::Whole),
    ("no-blank-end", Seen::Whole),
    ("no-blank-end:keep=nothing", Seen::Whole),
    ("split", Seen::Whole),
    ("one-write", Seen::Whole),
    ("delay-head:ms=300", Seen::Whole),
    ("delay-head", Seen::Status(504, "provider_timeout")),
    ("delay-body", Seen::Status(504, "provider_timeout")),
    ("first-token", Seen::Whole),
    ("pause-after:ms=300", Seen::Whole),
    ("drip:ms=5", Seen::Whole),
    (
        "close-before-answer",
        Seen::Status(502, "provider_unreachable"),
    ),
    (
        "close-before-answer:how=rst",
        Seen::Status(502, "provider_unreachable"),
    ),
    ("close-idle", Seen::Whole),
    ("close", Seen::Whole),
    ("until-close", Seen::Whole),
    ("chunked", Seen::Whole),
    ("interim", Seen::Whole),
    ("bad-head", Seen::Status(502, "provider_invalid_response")),
    ("cut-head", Seen::Status(502, "provider_unreachable")),
    ("big-head", Seen::Status(502, "provider_invalid_response")),
    ("bad-chunk", Seen::Whole),
];

#[tokio::test]
async fn every_stream_fault_ends_as_it_must() {
    let world =
        World::once("[routing.timeouts]\nfirst_byte_ms = 1500\nidle_ms = 700\nanswer_ms = 3000\n")
            .await;
    let mut wrong = Vec::new();
    for (fault, expected) in CASES {
        let body = json!({"model": format!("sim/fault/{fault}"), "stream": true, "max_tokens": 12,
            "messages": [{"role": "user", "content": "x"}]});
        let answer = world.chat(&body).send().await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let seen = match answer.header("x-tollgate-error-code") {
            "" => judge(&text),
            code => Outcome::Status(answer.status.as_u16(), code.to_owned()),
        };
        let right = match (*expected, &seen) {
            (Seen::Whole, Outcome::Whole) => true,
            (Seen::Status(status, code), Outcome::Status(is, of)) => status == *is && code == of,
            (Seen::Event(code), Outcome::Event(of)) => code == of,
            (_, Outcome::Odd(what)) => {
                wrong.push(what.clone());
                false
            }
            _ => false,
        };
        if !right {
            wrong.push(format!("{fault}: expected {expected:?}, seen {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // No stream is left behind.
    let name = "tollgate_streams_open";
    world.gateway.metric_becomes(name, &[], 0).await;
}

#[test]
fn every_fault_of_the_simulator_has_its_case() {
    let missing: Vec<_> = tollgate_simulator::faults()
        .iter()
        .map(|row| row.name)
        // It ends connections that no request has used yet; see the test below.
        .filter(|name| *name != "close-on-accept")
        .filter(|name| {
            !CASES
                .iter()
                .any(|(fault, _)| fault.split([':', '=']).next() == Some(name))
        })
        .collect();
    assert!(missing.is_empty(), "faults without a case: {missing:?}");
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_is_unreachable() {
    let world = World::once("").await;
    world
        .simulator
        .script(tollgate_simulator::Rule::new("close-on-accept").unwrap())
        .unwrap();
    let body = json!({"model": "sim/echo", "stream": true,
        "messages": [{"role": "user", "content": "x"}]});
    let answer = world.chat(&body).send().await;
    assert_eq!(answer.outcome(), (502, "provider_unreachable".to_owned()));
}

#[derive(Debug)]
enum Outcome {
    Whole,
    Status(u16, String),
    Event(String),
    Odd(String),
}

fn judge(text: &str) -> Outcome {
    let code = |value: &Value| value["error"]["code"].as_str().unwrap_or("none").to_owned();
    let lines = text.split(['\n', '\r']);
    let data: Vec<_> = lines
        .filter_map(|line| line.strip_prefix("data:"))
        .collect();
    let last = data.last().map_or("", |last| last.trim());
    let errors = data
        .iter()
        .filter(|event| event.contains("\"error\":{"))
        .count();
    match (last, errors) {
        ("[DONE]", 0) => Outcome::Whole,
        (last, 1) if !text.contains("[DONE]") => match serde_json::from_str::<Value>(last) {
            Ok(event) if event["error"].is_object() => Outcome::Event(code(&event)),
            _ => Outcome::Odd(format!("the error is not the last event: {text}")),
        },
        _ => Outcome::Odd(text.chars().take(600).collect()),
    }
}
