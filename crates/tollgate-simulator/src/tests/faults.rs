//! Every row of the fault table, by the bytes that a client sees.

use serde_json::{Value, json};

use super::client::{Seen, chat, exchange, post, simulator};
use crate::seed::Numbers;
use crate::{Outcome, Received, Rule, faults};

/// What is asked for.
#[derive(Clone, Copy)]
enum Ask {
    Plain,
    Stream,
}
use Ask::{Plain, Stream};

type Check = fn(&Seen, &Received) -> bool;

#[tokio::test(start_paused = true)]
async fn every_case_shows_what_its_row_says() {
    let mut failed = Vec::new();
    for (fault, ask, check) in cases() {
        let (seen, record) = meet(fault, ask).await;
        if !check(&seen, &record) {
            let raw = String::from_utf8_lossy(&seen.raw[..seen.raw.len().min(1500)]).into_owned();
            failed.push(format!("{fault}: {record:?}\n{raw}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn any_two_faults_together_end_in_exactly_one_way() {
    let large = [
        "endless-line",
        "empty-events",
        "huge-event",
        "big-error",
        "big-head",
    ];
    let rows: Vec<&str> = faults()
        .iter()
        .filter(|row| !row.is_on_accept() && !large.contains(&row.name))
        .map(|row| row.name)
        .collect();
    let seed = 7;
    let mut numbers = Numbers::new(seed);
    for _ in 0..300 {
        let pair = format!("{}+{}", numbers.pick(&rows), numbers.pick(&rows));
        for ask in [Plain, Stream] {
            let (_, record) = meet(&pair, ask).await;
            let ended = matches!(record.outcome, Outcome::Answered | Outcome::Faulted);
            assert!(ended, "{pair} under seed {seed}: {record:?}");
        }
    }
}

#[test]
fn every_row_has_a_case() {
    let cases = cases();
    let is_met = |name: &str| {
        cases.iter().any(|(text, ..)| {
            crate::Fault::parse(text)
                .unwrap()
                .iter()
                .any(|fault| fault.row.name == name)
        })
    };
    let unmet: Vec<&str> = faults()
        .iter()
        // What happens before a request is shown over TCP.
        .filter(|row| !row.is_on_accept())
        .map(|row| row.name)
        .filter(|name| !is_met(name))
        .collect();
    assert!(unmet.is_empty(), "no case for {unmet:?}");
}

#[tokio::test(start_paused = true)]
async fn the_three_ways_to_ask_for_a_fault_give_the_same_bytes() {
    let fault = "cut-after-3:how=clean";
    let usual = chat(
        "story",
        &json!({"stream": true, "stream_options": {"include_usage": true}}),
    );
    let by_header = {
        let header = format!("x-sim-fault: {fault}\r\n");
        exchange(&simulator(), &post("/v1/chat/completions", &header, &usual)).await
    };
    let by_script = {
        let simulator = simulator();
        simulator.script(Rule::new(fault).unwrap()).unwrap();
        exchange(&simulator, &post("/v1/chat/completions", "", &usual)).await
    };
    assert_eq!(by_header.raw, by_script.raw);
    let by_name = meet(fault, Stream).await.0;
    let named = |seen: &Seen| seen.text().replace(&format!("fault/{fault}"), "story");
    assert_eq!(named(&by_header), named(&by_name));
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_cannot_be_read_is_refused_with_the_reason() {
    for (fault, reason) in [
        (
            "cut-aftr",
            "there is no fault `cut-aftr`; the nearest is `cut-after`",
        ),
        (
            "close-on-accept",
            "only the rule of a script can ask for it",
        ),
        (&"bom+".repeat(20), "at most 16 faults"),
    ] {
        let (seen, record) = meet(fault, Plain).await;
        assert_eq!(seen.status(), 400);
        assert!(seen.has(reason), "{}", seen.text());
        assert_eq!(record.outcome, Outcome::Answered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_can_be_asked_for_with_its_own_header() {
    let body = chat("echo", &json!({}));
    let request = post("/v1/chat/completions", "x-sim-delay-ms: 250\r\n", &body);
    let seen = exchange(&simulator(), &request).await;
    assert!((250..400).contains(&seen.took), "{}", seen.took);
}

#[tokio::test(start_paused = true)]
async fn faults_are_put_on_embeddings_too() {
    let body = json!({"model": "fault/usage-negative", "input": "one two"});
    let seen = exchange(&simulator(), &post("/v1/embeddings", "", &body)).await;
    assert_eq!(
        seen.json()["usage"],
        json!({"prompt_tokens": -2, "total_tokens": -2})
    );
}

async fn meet(fault: &str, ask: Ask) -> (Seen, Received) {
    let more = match ask {
        Plain => json!({}),
        Stream => json!({"stream": true, "stream_options": {"include_usage": true}}),
    };
    let simulator = simulator();
    let body = chat(&format!("fault/{fault}"), &more);
    let seen = exchange(&simulator, &post("/v1/chat/completions", "", &body)).await;
    simulator.stop().await;
    (seen, simulator.requests().remove(0))
}

/// How many chunks the story has in a stream: role, text, finish, usage, end mark.
const CHUNKS: u64 = 204;

fn cases() -> Vec<(&'static str, Ask, Check)> {
    [
        error_cases(),
        limit_cases(),
        server_error_cases(),
        body_cases(),
        usage_cases(),
        event_cases(),
        ending_cases(),
        other_cases(),
    ]
    .concat()
}

fn is_error(seen: &Seen, status: u16, kind: &str, code: &str) -> bool {
    let error = &seen.json()["error"];
    let or_null = |text: &str| {
        if text.is_empty() {
            Value::Null
        } else {
            json!(text)
        }
    };
    seen.status() == status
        && error["type"] == or_null(kind)
        && error["code"] == or_null(code)
        && error["message"].is_string()
        && seen
            .header("x-request-id")
            .is_some_and(|id| id.starts_with("req_sim_"))
}

const INVALID: &str = "invalid_request_error";

fn error_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("invalid-request", Plain, |s, _| {
            is_error(s, 400, INVALID, "invalid_value")
        }),
        ("context-length", Stream, |s, _| {
            is_error(s, 400, INVALID, "context_length_exceeded")
        }),
        ("content-filter", Plain, |s, _| {
            is_error(s, 400, "", "content_filter")
                && s.json()["error"]["innererror"]["code"] == "ResponsibleAIPolicyViolation"
        }),
        ("invalid-prompt", Plain, |s, _| {
            is_error(s, 400, INVALID, "invalid_prompt")
        }),
        ("invalid-api-key", Plain, |s, _| {
            is_error(s, 401, INVALID, "invalid_api_key")
        }),
        ("payment-required", Plain, |s, _| {
            is_error(s, 402, "insufficient_balance", "insufficient_balance")
        }),
        ("region", Plain, |s, _| {
            is_error(
                s,
                403,
                "request_forbidden",
                "unsupported_country_region_territory",
            )
        }),
        ("permission", Plain, |s, _| {
            is_error(s, 403, INVALID, "model_not_found") && s.has("`fault/permission`")
        }),
        ("model-not-found", Plain, |s, _| {
            is_error(s, 404, INVALID, "model_not_found")
        }),
        ("request-timeout", Plain, |s, _| {
            is_error(s, 408, "timeout", "")
        }),
        ("conflict", Plain, |s, _| is_error(s, 409, INVALID, "")),
        ("too-large", Plain, |s, _| is_error(s, 413, INVALID, "")),
        ("unprocessable", Plain, |s, _| is_error(s, 422, INVALID, "")),
    ]
}

fn limit_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("rate-limit", Stream, |s, r| {
            is_error(s, 429, "requests", "rate_limit_exceeded")
                && s.header("retry-after") == Some("1")
                && s.header("retry-after-ms") == Some("1000")
                && s.header("x-ratelimit-reset-requests") == Some("1s")
                && r.outcome == Outcome::Answered
                && r.status == 429
        }),
        (
            "rate-limit:retry-after=Zun%2C,reset=nan,should-retry=false",
            Plain,
            |s, _| {
                s.header("retry-after") == Some("Zun,")
                    && s.header("retry-after-ms").is_none()
                    && s.header("x-ratelimit-reset-tokens") == Some("nan")
                    && s.header("x-should-retry") == Some("false")
            },
        ),
        (
            "rate-limit:retry-after=none,retry-after-ms=0",
            Plain,
            |s, _| s.header("retry-after").is_none() && s.header("retry-after-ms") == Some("0"),
        ),
        ("rate-limit-tokens", Plain, |s, _| {
            is_error(s, 429, "tokens", "rate_limit_exceeded")
                && s.header("retry-after").is_none()
                && s.header("x-ratelimit-reset-tokens") == Some("1.574s")
        }),
        ("request-too-large", Plain, |s, _| {
            is_error(s, 429, "tokens", "rate_limit_exceeded")
        }),
        ("quota", Plain, |s, _| {
            is_error(s, 429, "insufficient_quota", "insufficient_quota")
        }),
        ("quota:code=null,message=Broke", Plain, |s, _| {
            is_error(s, 429, "insufficient_quota", "") && s.json()["error"]["message"] == "Broke"
        }),
    ]
}

fn server_error_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("server-error", Plain, |s, _| {
            is_error(s, 500, "server_error", "")
        }),
        ("bad-gateway", Plain, |s, _| is_page(s, 502)),
        ("overloaded", Plain, |s, _| {
            is_error(s, 503, "service_unavailable_error", "")
        }),
        ("gateway-timeout", Stream, |s, _| is_page(s, 504)),
        ("unknown-520", Plain, |s, _| is_page(s, 520)),
        ("overloaded-529", Plain, |s, _| {
            is_error(s, 529, "overloaded_error", "")
        }),
        ("status-429", Plain, |s, _| {
            is_error(s, 429, "requests", "rate_limit_exceeded")
        }),
        ("status-418", Plain, |s, _| is_error(s, 418, INVALID, "")),
        ("status-599", Plain, |s, _| {
            is_error(s, 599, "server_error", "")
        }),
        ("status-204", Plain, |s, _| {
            s.raw.ends_with(b"\r\n\r\n") && s.status() == 204
        }),
        ("status-400:shape=vllm", Plain, |s, _| {
            s.json()["object"] == "error" && s.json()["code"] == 400
        }),
        ("status-500:shape=string", Plain, |s, _| {
            s.json()["error"].is_string()
        }),
        ("status-422:shape=detail", Plain, |s, _| {
            s.json()["detail"].is_string()
        }),
        ("status-503:shape=text", Plain, |s, _| {
            s.header("content-type") == Some("text/plain; charset=utf-8") && s.has("overloaded")
        }),
        ("status-500:shape=empty", Plain, |s, _| {
            s.status() == 500 && s.body.is_empty()
        }),
        (
            "answer:status=418,header-x-a=b,type=text/plain,body=short %2B stout",
            Stream,
            |s, _| s.status() == 418 && s.header("x-a") == Some("b") && s.text() == "short + stout",
        ),
    ]
}

fn is_page(seen: &Seen, status: u16) -> bool {
    seen.status() == status
        && seen.header("content-type") == Some("text/html; charset=UTF-8")
        && seen.has(&format!("| {status}: "))
}

fn body_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("html-200", Stream, |s, _| is_page(s, 200)),
        ("error-200", Stream, |s, _| {
            is_error(s, 200, "server_error", "")
        }),
        ("empty", Plain, |s, _| {
            s.status() == 200 && s.header("content-length") == Some("0")
        }),
        ("json-cut", Plain, |s, r| {
            s.whole
                && s.has("\"chatcmpl-sim-")
                && serde_json::from_slice::<Value>(&s.body).is_err()
                && r.outcome == Outcome::Answered
        }),
        ("json-cut-20", Plain, |s, _| s.body.len() == 20),
        ("short-body", Plain, |s, r| {
            let said: usize = s.header("content-length").unwrap().parse().unwrap();
            said == s.body.len() + 10 && !s.whole && r.outcome == Outcome::Faulted
        }),
        ("long-body-7", Plain, |s, _| {
            let said: usize = s.header("content-length").unwrap().parse().unwrap();
            said + 7 == s.body.len() && s.ends_with("}xxxxxxx")
        }),
        ("big-error-3000123:status=503", Plain, |s, _| {
            s.whole
                && is_error(s, 503, "server_error", "")
                && s.json()["error"]["message"].as_str().unwrap().len() == 3_000_123
        }),
        ("content-type", Plain, |s, _| {
            s.header("content-type") == Some("text/plain") && s.json()["id"].is_string()
        }),
        ("content-type-none", Stream, |s, _| {
            s.header("content-type").is_none()
        }),
        ("gzip", Plain, |s, _| is_stored_gzip(s)),
        ("gzip", Stream, |s, _| {
            is_stored_gzip(s) && s.has("data: [DONE]\n\n")
        }),
        ("invalid-utf8", Plain, |s, _| is_broken_text(s, b"\x80\xff")),
        ("invalid-utf8-overlong", Stream, |s, _| {
            is_broken_text(s, b"\xc0\xaf")
        }),
        ("invalid-utf8-surrogate", Stream, |s, _| {
            is_broken_text(s, b"\xed\xa0\x80")
        }),
        ("invalid-utf8-cut", Stream, |s, _| {
            is_broken_text(s, b"\xf0\x9f\x8d")
        }),
    ]
}

fn is_stored_gzip(seen: &Seen) -> bool {
    seen.header("content-encoding") == Some("gzip")
        && seen.whole
        && seen.body.starts_with(&[0x1f, 0x8b, 8])
        && seen.has("tollgate-simulator")
}

fn is_broken_text(seen: &Seen, bad: &[u8]) -> bool {
    let spoiled = [b"\"content\":\"", bad].concat();
    seen.whole
        && memchr::memmem::find_iter(&seen.body, &spoiled).count() == 1
        && std::str::from_utf8(&seen.body).is_err()
}

fn usage_in(seen: &Seen) -> String {
    let text = seen.text();
    let (_, usage) = text.rsplit_once("\"usage\":").expect("a usage");
    usage.chars().take(200).collect()
}

fn counts(seen: &Seen, prompt: &str, completion: &str, total: &str) -> bool {
    usage_in(seen).starts_with(&format!(
        r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total}}}"#
    ))
}

fn usages(seen: &Seen) -> Vec<Value> {
    let chunks = seen.chunks();
    chunks
        .iter()
        .map(|chunk| chunk["usage"].clone())
        .filter(Value::is_object)
        .collect()
}

fn usage_cases() -> Vec<(&'static str, Ask, Check)> {
    const HUGE: &str = "9223372036854775808";
    const BEYOND: &str = "10000000000000000000000000000000000000000";
    vec![
        ("usage-missing", Plain, |s, _| {
            s.json().get("usage").is_none()
        }),
        ("usage-missing", Stream, |s, _| {
            !s.has("\"usage\":{") && s.has("[DONE]")
        }),
        ("usage-null", Plain, |s, _| {
            s.json()["usage"].is_null() && s.has("\"usage\":null")
        }),
        ("usage-empty", Stream, |s, _| {
            s.has("\"choices\":[],\"usage\":{}")
        }),
        ("usage-zero", Stream, |s, _| counts(s, "0", "0", "0")),
        ("usage-negative", Plain, |s, _| {
            counts(s, "-8", "-200", "-208")
        }),
        ("usage-huge", Plain, |s, _| counts(s, HUGE, HUGE, HUGE)),
        ("usage-beyond", Stream, |s, _| {
            counts(s, BEYOND, BEYOND, BEYOND)
        }),
        ("usage-float", Stream, |s, _| {
            counts(s, "8.5", "200.5", "208.5")
        }),
        ("usage-nan", Plain, |s, _| counts(s, "NaN", "NaN", "NaN")),
        ("usage-text", Plain, |s, _| {
            counts(s, "\"8\"", "\"200\"", "\"208\"")
        }),
        ("usage-cached", Plain, |s, _| {
            s.json()["usage"]["prompt_tokens_details"]["cached_tokens"] == 1008
        }),
        ("usage-over-limit-5000", Stream, |s, _| {
            usages(s)[0]["completion_tokens"] == 5000 && usages(s)[0]["total_tokens"] == 5008
        }),
        ("usage-twice", Stream, |s, _| {
            usages(s).len() == 2 && usages(s)[0] == usages(s)[1]
        }),
        ("usage-changing", Stream, |s, _| {
            let [one, two] = &usages(s)[..] else {
                return false;
            };
            one["total_tokens"] == 208 && two["total_tokens"] == 416
        }),
        ("usage-each", Stream, |s, _| {
            let usages = usages(s);
            usages.len() == 202
                && usages[0]["completion_tokens"] == 0
                && usages[100]["completion_tokens"] == 100
                && usages[201]["completion_tokens"] == 200
        }),
        ("usage-in-finish", Stream, |s, _| {
            let chunks = s.chunks();
            let last = chunks.last().unwrap();
            last["choices"][0]["finish_reason"] == "stop" && last["usage"]["total_tokens"] == 208
        }),
    ]
}

fn event_cases() -> Vec<(&'static str, Ask, Check)> {
    let mut cases = in_stream_error_cases();
    cases.extend(odd_event_cases());
    cases
}

fn in_stream_error_cases() -> Vec<(&'static str, Ask, Check)> {
    const TEXT: &str = "The server had an error";
    vec![
        ("error-event", Stream, |s, _| {
            let data = s.data();
            s.whole
                && data.len() == 3
                && data[2].starts_with(r#"{"error":{"message":"The server had an error""#)
        }),
        ("error-event", Plain, |s, _| {
            s.json()["object"] == "chat.completion"
        }),
        ("error-event-vllm:then=done", Stream, |s, _| {
            s.data()[2].starts_with(r#"{"error":{"object":"error""#) && s.data()[3] == "[DONE]"
        }),
        ("error-event-event", Stream, |s, _| {
            s.has("\n\nevent: error\ndata: {\"error\":{")
        }),
        ("error-event-finish", Stream, |s, _| {
            s.chunks()[2]["choices"][0]["finish_reason"] == "error"
                && s.chunks()[2]["error"]["message"] == TEXT
        }),
        ("error-event-field", Stream, |s, _| {
            s.has("\n\nerror: {\"detail\":")
        }),
        ("error-event-bare", Stream, |s, _| {
            s.has("\n\n{\"error\":{") && s.ends_with("}}\n")
        }),
        ("error-event-string", Stream, |s, _| {
            s.chunks()[2]["error"] == TEXT
        }),
        ("error-event-empty-choices:then=go-on", Stream, |s, _| {
            s.chunks()[2]["choices"] == json!([])
                && s.chunks()[2]["error"]["code"] == 400
                && s.ends_with("data: [DONE]\n\n")
        }),
        (
            "error-first:type=insufficient_quota,code=insufficient_quota",
            Stream,
            |s, _| {
                s.status() == 200
                    && s.chunks().len() == 1
                    && s.chunks()[0]["error"]["code"] == "insufficient_quota"
            },
        ),
        ("bad-json-1", Stream, |s, _| {
            s.data()[1] == "{\"choices\": [oops}" && s.data().len() == 205
        }),
        ("cut-json", Stream, |s, _| {
            s.data().len() == 204 && s.chunks().len() == 202
        }),
        ("huge-event", Stream, |s, _| {
            s.data()[2].len() > 2 << 20 && s.chunks().len() == 204 && s.has("[DONE]")
        }),
        ("endless-line-100000", Stream, |s, _| {
            s.whole && s.ends_with(&"x".repeat(100_000)) && !s.has("[DONE]")
        }),
        ("empty-events", Stream, |s, _| {
            s.times("data:\n\n") == 1_000_000 && s.ends_with("[DONE]\n\n")
        }),
        ("empty-events-1234:form=comment", Stream, |s, _| {
            s.times(":\n\n") == 1_234
        }),
        ("empty-events-2000:form=blank", Stream, |s, _| {
            s.has(&"\n".repeat(2_000))
        }),
    ]
}

fn odd_event_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("finish-twice", Stream, |s, _| {
            s.times("\"finish_reason\":\"stop\"") == 2
        }),
        ("no-finish", Stream, |s, _| {
            !s.has("\"finish_reason\":\"stop\"") && s.has("[DONE]")
        }),
        ("duplicate-4", Stream, |s, _| {
            s.data()[4] == s.data()[5] && s.data()[5] != s.data()[6]
        }),
        ("done-twice", Stream, |s, _| {
            s.ends_with("data: [DONE]\n\ndata: [DONE]\n\n")
        }),
        ("after-done", Stream, |s, _| {
            s.times("[DONE]") == 1 && s.chunks().last().unwrap()["id"] == "chatcmpl-sim-late"
        }),
        ("index-jump", Stream, |s, _| {
            s.chunks()[0]["choices"][0]["index"] == 0 && s.chunks()[150]["choices"][0]["index"] == 7
        }),
        ("unknown-fields", Stream, |s, _| {
            s.has("x-unknown: field\ndata: {") && s.has("\"x_simulated\":{\"nested\"")
        }),
        ("unknown-fields", Plain, |s, _| {
            s.json()["x_simulated"].is_object()
        }),
        ("empty-choices", Stream, |s, _| {
            s.chunks()[0]["choices"] == json!([])
                && s.chunks()[0]["prompt_filter_results"].is_array()
        }),
        ("ids", Stream, |s, _| {
            s.text().starts_with("id: 0\nretry: 3000\n\nid: 1\ndata: {")
                && s.has("id: 204\ndata: [")
        }),
        ("id-nul", Stream, |s, _| s.has("id: a\u{0}0\ndata: {")),
        ("event-names-chunk", Stream, |s, _| {
            s.times("event: chunk\ndata: ") == 204
        }),
        ("comments", Stream, |s, _| {
            s.text().starts_with(": keep-alive\n\ndata: {")
                && s.times("\n\n: keep-alive\n\n") == 204
                && s.ends_with("data: [DONE]\n\n: keep-alive\n\n")
        }),
        ("multi-line", Stream, |s, _| {
            s.text().starts_with("data: {\ndata:   \"id\": ") && s.has("\ndata: }\n\n")
        }),
        ("no-space", Stream, |s, _| {
            s.times("data:{") == 203 && s.has("data:[DONE]")
        }),
    ]
}

fn ending_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("cut-after-3", Stream, |s, r| {
            s.data().len() == 3
                && s.ends_with("\n\n")
                && !s.whole
                && r.outcome == Outcome::Faulted
                && r.chunks_written == 3
        }),
        ("cut-after-3:part=9", Stream, |s, _| {
            s.ends_with("\n\ndata: {\"i") && !s.whole
        }),
        ("cut-after-0:how=rst", Stream, |s, _| {
            s.status() == 200 && s.body.is_empty() && !s.whole
        }),
        ("cut-after-2:how=clean", Stream, |s, r| {
            s.whole && s.data().len() == 2 && r.outcome == Outcome::Answered
        }),
        ("cut-after-2", Plain, |s, _| s.body.len() == 64 && !s.whole),
        ("cut-after-2:how=clean", Plain, |s, _| {
            s.body.len() == 64 && s.whole
        }),
        ("stall-after-4", Stream, |s, r| {
            s.data().len() == 4 && s.took >= 600_000 && r.outcome == Outcome::Faulted && !s.whole
        }),
        ("stall-after-1:ms=5000", Plain, |s, _| {
            s.body.len() == 32 && (5_000..8_000).contains(&s.took)
        }),
        ("no-done", Stream, |s, r| {
            s.whole && !s.has("[DONE]") && s.has("\"stop\"") && r.outcome == Outcome::Answered
        }),
        ("ids+no-done", Stream, |s, _| {
            !s.has("[DONE]") && s.has("id: 203")
        }),
        ("no-end-chunk", Stream, |s, r| {
            s.ends_with("data: [DONE]\n\n") && !s.whole && r.chunks_written == CHUNKS
        }),
    ]
}

fn other_cases() -> Vec<(&'static str, Ask, Check)> {
    let mut cases = writing_cases();
    cases.extend(transport_cases());
    cases
}

fn writing_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("line-ends", Stream, |s, _| {
            s.times("\r\n\r\n") == 204 && s.times("\n\n") == 0
        }),
        ("line-ends-cr", Stream, |s, _| {
            s.times("\r\r") == 204 && !s.has("\n")
        }),
        ("line-ends-mixed", Stream, |s, _| s.has("}\r\n\ndata: ")),
        ("bom", Stream, |s, _| {
            s.text().starts_with("\u{feff}data: {")
        }),
        ("bom", Plain, |s, _| {
            s.whole && s.text().starts_with("\u{feff}{")
        }),
        ("no-blank-end", Stream, |s, _| {
            s.ends_with("}\n\ndata: [DONE]\n") && s.whole
        }),
        ("no-blank-end-nothing", Stream, |s, _| {
            s.ends_with("data: [DONE]") && s.whole
        }),
        ("split", Stream, |s, r| {
            let raw = String::from_utf8_lossy(&s.raw);
            raw.contains("\r\n1\r\nd\r\n1\r\na\r\n")
                && s.said().contains('🍎')
                && r.chunks_written == CHUNKS
        }),
        ("split-5:ms=2", Plain, |s, _| {
            s.took > 100 && s.json()["id"].is_string()
        }),
        ("one-write", Stream, |s, r| {
            r.chunks_written == 1 && s.data().len() == 204
        }),
        ("delay-head-700", Plain, |s, r| {
            s.waits[0] >= 700 && r.head_ms.unwrap() - r.received_ms >= 700
        }),
        ("delay-body-700", Stream, |s, r| {
            s.waits[0] < 700 && s.waits[1] >= 700 && r.head_ms == Some(r.received_ms)
        }),
        ("delay-body-700", Plain, |s, _| s.waits[1] >= 700),
        ("first-token-900", Stream, |s, _| {
            s.took >= 900 && s.data().len() == 204
        }),
        ("pause-after-50:ms=900", Stream, |s, _| {
            s.took >= 900 && s.data().len() == 204
        }),
        ("drip-10", Stream, |s, _| {
            (2_030..2_500).contains(&s.took) && s.data().len() == 204
        }),
    ]
}

fn transport_cases() -> Vec<(&'static str, Ask, Check)> {
    vec![
        ("close-before-answer", Plain, |s, r| {
            s.raw.is_empty() && r.outcome == Outcome::Faulted
        }),
        ("close-before-answer-rst", Stream, |s, r| {
            s.raw.is_empty() && r.status == 0
        }),
        ("close-idle-300", Plain, |s, r| {
            s.took >= 300 && s.json()["id"].is_string() && r.outcome == Outcome::Answered
        }),
        ("close", Plain, |s, _| {
            s.header("connection") == Some("close")
        }),
        ("until-close", Plain, |s, _| {
            s.header("content-length").is_none()
                && s.header("transfer-encoding").is_none()
                && s.json()["id"].is_string()
        }),
        ("until-close", Stream, |s, _| s.data().len() == 204),
        ("chunked", Plain, |s, _| {
            s.header("transfer-encoding") == Some("chunked") && s.json()["id"].is_string()
        }),
        ("interim", Plain, |s, _| {
            s.raw.starts_with(b"HTTP/1.1 103 Early Hints\r\n") && s.status() == 200
        }),
        ("interim-100:count=3", Stream, |s, _| {
            memchr::memmem::find_iter(&s.raw, b"HTTP/1.1 100 Continue\r\n").count() == 3
        }),
        ("bad-head", Plain, |s, r| {
            s.raw.starts_with(b"\x15\x03\x01") && r.status == 0
        }),
        ("cut-head", Plain, |s, _| {
            s.raw.ends_with(b"content-type: appl")
        }),
        ("big-head-100000", Plain, |s, _| {
            s.head.len() > 100_000 && s.json()["id"].is_string()
        }),
        ("bad-chunk", Stream, |s, r| {
            s.raw.ends_with(b"xyz\r\nno size\r\n") && r.outcome == Outcome::Faulted
        }),
    ]
}
