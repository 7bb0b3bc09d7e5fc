use serde_json::Value;

use super::{ALL, Array, Chat, Completions, Gemini, Messages, Responses, Speech, ask, is_error};
use crate::faults;
use crate::tests::client::{Seen, simulator};

const STATUSES: [u16; 15] = [
    400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529,
];

fn body(seen: &Seen, speech: Speech, stream: bool) -> Value {
    let body = seen.json();
    match (speech, stream) {
        // Where an array would have been streamed, the error stands in one.
        (Array, true) => body[0].clone(),
        _ => body,
    }
}

#[tokio::test]
async fn every_status_has_the_body_of_the_family() {
    let simulator = simulator();
    for speech in ALL {
        for status in STATUSES {
            for stream in [false, true] {
                let model = format!("fault/status-{status}");
                let seen = ask(&simulator, speech, &model, stream).await;
                let about = format!("{speech:?} {status} {stream}: {}", seen.text());
                assert_eq!(seen.status(), status, "{about}");
                let is_openai = matches!(speech, Chat | Completions | Responses);
                if status == 502 || (status == 504 && is_openai) {
                    assert!(seen.has("<!DOCTYPE html>"), "{about}");
                    continue;
                }
                let body = body(&seen, speech, stream);
                assert!(is_error(&body, speech), "{about}");
                if matches!(speech, Gemini | Array) {
                    assert_eq!(body["error"]["code"], status, "{about}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_named_error_has_the_form_of_the_family() {
    let simulator = simulator();
    let rows = faults().iter();
    let named: Vec<&str> = rows
        .filter(|row| row.parameters.iter().any(|one| one.name == "shape"))
        .map(|row| row.name)
        .collect();
    assert!(named.len() > 20);
    for speech in ALL {
        for name in &named {
            let seen = ask(&simulator, speech, &format!("fault/{name}"), true).await;
            assert!(seen.status() >= 400, "{speech:?} {name}");
            if seen.has("<!DOCTYPE html>") || (seen.has("innererror") && speech == Chat) {
                continue;
            }
            let body = body(&seen, speech, true);
            let is_azure = body["error"].get("innererror").is_some();
            assert!(
                is_azure || is_error(&body, speech),
                "{speech:?} {name}: {body}"
            );
        }
    }
}

#[tokio::test]
async fn anthropic_names_kinds_and_asks_for_retries() {
    let simulator = simulator();
    for (fault, status, kind, retry) in [
        ("invalid-request", 400, "invalid_request_error", "false"),
        ("invalid-api-key", 401, "authentication_error", "false"),
        ("payment-required", 402, "billing_error", "false"),
        ("permission", 403, "permission_error", "false"),
        ("model-not-found", 404, "not_found_error", "false"),
        ("request-timeout", 408, "timeout_error", "true"),
        ("conflict", 409, "conflict_error", "true"),
        ("rate-limit", 429, "rate_limit_error", "true"),
        ("quota", 400, "invalid_request_error", "false"),
        ("server-error", 500, "api_error", "true"),
        ("gateway-timeout", 504, "timeout_error", "true"),
        ("overloaded-529", 529, "overloaded_error", "true"),
    ] {
        let seen = ask(&simulator, Messages, &format!("fault/{fault}"), true).await;
        let body = seen.json();
        assert_eq!(seen.status(), status, "{fault}");
        assert_eq!(body["type"], "error", "{fault}");
        assert_eq!(body["error"]["type"], kind, "{fault}");
        assert_eq!(seen.header("x-should-retry"), Some(retry), "{fault}");
        assert_eq!(body["request_id"].as_str(), seen.header("request-id"));
    }
    let edge = ask(&simulator, Messages, "fault/too-large", false).await;
    assert_eq!(edge.json()["error"]["type"], "request_too_large");
    assert!(edge.json().get("type").is_none(), "the edge leaves it out");
}

#[tokio::test]
async fn anthropic_tells_limits_in_headers() {
    let simulator = simulator();
    let seen = ask(&simulator, Messages, "fault/rate-limit", false).await;
    assert_eq!(seen.header("retry-after"), Some("1"));
    let left = "anthropic-ratelimit-requests-remaining";
    assert_eq!(seen.header(left), Some("0"));
    let model = "fault/rate-limit:retry-after=7,reset=soon,should-retry=false";
    let seen = ask(&simulator, Messages, model, false).await;
    assert_eq!(seen.header("retry-after"), Some("7"));
    let reset = "anthropic-ratelimit-tokens-reset";
    assert_eq!(seen.header(reset), Some("soon"));
    assert_eq!(seen.header("x-should-retry"), Some("false"));
    let model = "fault/rate-limit:type=odd_error,code=why,message=Slow%2C please";
    let error = ask(&simulator, Messages, model, false).await.json()["error"].clone();
    assert_eq!(error["type"], "odd_error");
    assert_eq!(error["details"]["error_code"], "why");
    assert_eq!(error["message"], "Slow, please");
}

fn detail(body: &Value, kind: &str) -> Value {
    let details = body["error"]["details"].as_array();
    let mut found = details
        .into_iter()
        .flatten()
        .filter(|detail| detail["@type"].as_str().unwrap().ends_with(kind));
    found.next().cloned().unwrap_or_default()
}

#[tokio::test]
async fn google_tells_waits_quotas_and_reasons_in_details() {
    let simulator = simulator();
    let limited = async |model: &str| {
        let seen = ask(&simulator, Gemini, &format!("fault/{model}"), true).await;
        assert!(seen.header("retry-after").is_none());
        seen.json()
    };
    let body = limited("rate-limit").await;
    assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(detail(&body, "RetryInfo")["retryDelay"], "1s");
    let quota = detail(&body, "QuotaFailure")["violations"][0]["quotaId"].clone();
    assert!(quota.as_str().unwrap().contains("PerMinute"));
    let body = limited("quota").await;
    let quota = detail(&body, "QuotaFailure")["violations"][0]["quotaId"].clone();
    assert!(quota.as_str().unwrap().contains("PerDay"));
    let body = limited("rate-limit:retry-after=12.5").await;
    assert_eq!(detail(&body, "RetryInfo")["retryDelay"], "12.5s");
    let body = limited("rate-limit:retry-after=none").await;
    assert!(detail(&body, "RetryInfo").is_null());
    let body = limited("invalid-api-key").await;
    assert_eq!(body["error"]["code"], 400);
    assert_eq!(detail(&body, "ErrorInfo")["reason"], "API_KEY_INVALID");
    let body = limited("status-503:type=ABORTED,code=MODEL_CAPACITY_EXHAUSTED").await;
    assert_eq!(body["error"]["status"], "ABORTED");
    assert_eq!(
        detail(&body, "ErrorInfo")["reason"],
        "MODEL_CAPACITY_EXHAUSTED"
    );
}

#[tokio::test]
async fn responses_name_their_own_parameter() {
    let simulator = simulator();
    let param = async |speech| {
        let seen = ask(&simulator, speech, "fault/context-length", false).await;
        seen.json()["error"]["param"].clone()
    };
    assert_eq!(param(Responses).await, "input");
    assert_eq!(param(Chat).await, "messages");
}

#[tokio::test]
async fn a_shape_can_be_asked_for_in_every_family() {
    let simulator = simulator();
    for speech in ALL {
        for (shape, expected) in [
            ("openai", Chat),
            ("anthropic", Messages),
            ("google", Gemini),
        ] {
            let model = format!("fault/status-500:shape={shape}");
            let seen = ask(&simulator, speech, &model, false).await;
            assert!(
                is_error(&seen.json(), expected) || expected == Chat,
                "{}",
                seen.text()
            );
        }
        let seen = ask(&simulator, speech, "fault/status-500:shape=string", false).await;
        assert!(seen.json()["error"].is_string());
    }
}

#[tokio::test]
async fn an_error_that_cannot_be_had_is_refused_in_the_form_of_the_family() {
    let simulator = simulator();
    for speech in ALL {
        let seen = ask(&simulator, speech, "fault/cut-aftr", false).await;
        assert_eq!(seen.status(), 400);
        assert!(is_error(&seen.json(), speech), "{}", seen.text());
        assert!(seen.has("the nearest is `cut-after`"));
    }
}
