//! Every row of the catalogue that tells of targets, reached by what really causes it, in two
//! dialects.

use serde_json::{Value, json};
use tollgate_simulator::Rule;

use crate::world::{Answer, KEY, NARROW_KEY, Opened, PATIENCE, World};

const CONFIG: &str = r#"
[[connections]]
name = "claude"
provider = "anthropic"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}"
[[connections]]
name = "router"
provider = "openrouter"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}/v1"
[[connections]]
name = "ill"
provider = "openai"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}/v1"
checks = { interval_s = 1, timeout_ms = 1000, model = "pulse", unhealthy = 1 }
[[connections]]
name = "nobody"
provider = "openai-compatible"
base_url = "http://127.0.0.1:1/v1"

[[models]]
name = "one/*"
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }
targets = [{ connection = "sim" }]
[[models]]
name = "hurried/*"
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }
timeouts = { answer_ms = 300, first_byte_ms = 300 }
targets = [{ connection = "sim" }]
[[models]]
name = "claude/*"
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }
targets = [{ connection = "claude" }]
[[models]]
name = "router/*"
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }
targets = [{ connection = "router" }]
[[models]]
name = "nobody/*"
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }
targets = [{ connection = "nobody" }]

[[models]]
name = "untargeted"
targets = []
[[models]]
name = "taken-out"
targets = [{ connection = "sim", model = "x", enabled = false }]

[[models]]
name = "open"
attempts = 1
targets = [{ connection = "sim", model = "breaks" }]
[[models]]
name = "limited"
attempts = 1
targets = [{ connection = "sim", model = "limits" }]
[[models]]
name = "unhealthy"
targets = [{ connection = "ill", model = "x" }]
[[models]]
name = "open-or-unhealthy"
targets = [{ connection = "sim", model = "breaks" }, { connection = "ill", model = "x" }]
[[models]]
name = "open-or-limited"
targets = [{ connection = "sim", model = "breaks" }, { connection = "sim", model = "limits" }]
[[collections]]
name = "none-there"
models = ["untargeted", "taken-out"]
[[collections]]
name = "none-usable"
models = ["open", "unhealthy", "limited"]

[[models]]
name = "full"
queue = { wait_ms = 100 }
targets = [{ connection = "sim", model = "busy", limits = { parallel = 1 } }]
[[models]]
name = "spent"
targets = [{ connection = "sim", model = "counted", limits = { rpm = 1 } }]

[[models]]
name = "once-more"
backoff = { first_ms = 10 }
breaker = { failures = 0, share_percent = 0 }
targets = [{ connection = "sim", model = "fault/server-error:message=alone" }]
[[models]]
name = "several"
backoff = { first_ms = 10 }
breaker = { failures = 0, share_percent = 0 }
targets = [
    { connection = "sim", model = "fault/server-error:message=first" },
    { connection = "sim", model = "fault/overloaded:message=second" },
]
[[models]]
name = "both-limited"
attempts = 2
breaker = { cooldown = false }
targets = [
    { connection = "sim", model = "fault/rate-limit:retry-after=90,message=first" },
    { connection = "sim", model = "fault/rate-limit:retry-after=70,message=second" },
]
[[models]]
name = "chain"
backoff = { first_ms = 10 }
breaker = { failures = 0, share_percent = 0 }
targets = [{ connection = "sim", model = "fault/server-error:message=chain" }]
fallbacks = ["reserve", "spare"]
[[models]]
name = "reserve"
breaker = { failures = 0, share_percent = 0 }
targets = [{ connection = "sim", model = "fault/bad-gateway:message=reserve" }]
[[models]]
name = "spare"
breaker = { failures = 0, share_percent = 0 }
targets = [{ connection = "sim", model = "fault/quota:message=spare" }]
"#;

/// Cause | model | code | answer in `openai` | answer in `langmart` | `retry-after` | attempts.
/// In a model's name `{n}` is another number at each call. A `retry-after` stands there with `x-should-retry: true` and at no other time.
const ROWS: &str = r#"
no such model | nobody-knows | model_not_found | 404 not_found_error | 404 GATEWAY1_ROUTING_001 not_found | - | 0
a model that the key may not use | narrow:untargeted | model_not_found | 404 not_found_error | 404 GATEWAY1_ROUTING_001 not_found | - | 0
a model without targets | untargeted | no_targets | 503 unavailable_error | 503 LB_NO_TARGETS api_error | - | 0
all targets disabled | taken-out | no_targets | 503 unavailable_error | 503 LB_NO_TARGETS api_error | - | 0
a collection of models without targets | none-there | no_models | 503 unavailable_error | 503 ROUTE_NO_MODELS api_error | 5 | 0
a collection of unusable models | none-usable | no_models | 503 unavailable_error | 503 ROUTE_NO_MODELS api_error | 10..60 | 0
breaker open after five failures | open | circuit_breaker_open | 503 unavailable_error | 503 CIRCUIT_BREAKER_OPEN api_error | 10..60 | 0
cooling down after a 429 | limited | provider_rate_limited | 429 rate_limit_error | 429 PROVIDER_OPENAI_429 rate_limit_error | 60..100 | 0
active checks fail | unhealthy | no_healthy_targets | 503 unavailable_error | 503 LB_NO_HEALTHY_TARGETS api_error | 5 | 0
breaker open, or checks fail | open-or-unhealthy | no_healthy_targets | 503 unavailable_error | 503 LB_NO_HEALTHY_TARGETS api_error | 10..60 | 0
breaker open, or cooling down | open-or-limited | no_healthy_targets | 503 unavailable_error | 503 LB_NO_HEALTHY_TARGETS api_error | 10..60 | 0
all places taken | full | route_selection_timeout | 504 timeout_error | 504 ROUTE_SELECTION_TIMEOUT gateway_timeout | 5 | 0
the target's own limit spent | spent | route_selection_timeout | 504 timeout_error | 504 ROUTE_SELECTION_TIMEOUT gateway_timeout | 10..60 | 0
one target, three attempts | once-more | retry_limit_exceeded | 503 unavailable_error | 503 RETRY_LIMIT_EXCEEDED api_error | - | 3
two targets, three attempts | several | route_selection_failed | 503 unavailable_error | 503 ROUTE_SELECTION_FAILED api_error | - | 3
two targets, both limit | both-limited | provider_rate_limited | 429 rate_limit_error | 429 PROVIDER_OPENAI_429 rate_limit_error | 70 | 2
a model and its fallbacks | chain | fallback_chain_exhausted | 503 unavailable_error | 503 FALLBACK_CHAIN_EXHAUSTED api_error | - | 3
the provider: invalid | one/fault/invalid-request:message={n} | provider_invalid_request | 400 invalid_request_error | 400 PROVIDER_OPENAI_400 invalid_request_error | - | passed
the provider: too long | one/fault/context-length:message={n} | context_length_exceeded | 400 invalid_request_error | 400 PROVIDER_OPENAI_400 invalid_request_error | - | passed
the provider: our key is wrong | one/fault/invalid-api-key:message={n} | provider_authentication_failed | 502 provider_error | 401 PROVIDER_OPENAI_401 authentication_error | - | 1
the provider: not for us | one/fault/region:message={n} | provider_permission_denied | 502 provider_error | 403 PROVIDER_OPENAI_403 forbidden | - | 1
the provider: no such model | one/fault/model-not-found:message={n} | provider_model_not_found | 404 not_found_error | 404 PROVIDER_OPENAI_404 not_found | - | 1
the provider: too large | one/fault/too-large:message={n} | provider_request_too_large | 413 request_too_large | 413 PROVIDER_OPENAI_413 invalid_request_error | - | passed
the provider: limits | one/fault/rate-limit:retry-after=7,message={n} | provider_rate_limited | 429 rate_limit_error | 429 PROVIDER_OPENAI_429 rate_limit_error | 7 | 1
the provider: limits for long | one/fault/rate-limit:retry-after=7200,message={n} | provider_rate_limited | 429 rate_limit_error | 429 PROVIDER_OPENAI_429 rate_limit_error | - | 1
the provider: quota | one/fault/quota:message={n} | provider_quota_exhausted | 502 provider_error | 429 PROVIDER_OPENAI_QUOTA rate_limit_error | - | 1
the provider: refuses content | one/fault/content-filter:message={n} | content_filtered | 400 invalid_request_error | 400 PROVIDER_OPENAI_FILTER invalid_request_error | - | passed
the provider: 500 | one/fault/server-error:message={n} | provider_error | 502 provider_error | 502 PROVIDER_OPENAI_500 api_error | 1 | 1
the provider: 503 | one/fault/overloaded:message=overloaded {n} | provider_overloaded | 503 overloaded_error | 503 PROVIDER_OPENAI_529 api_error | 1 | 1
the provider: not there | nobody/m{n} | provider_unreachable | 502 provider_error | 502 PROVIDER_OPENAI_COMPATIBLE_502 api_error | 1 | 1
the provider: a page | one/fault/html-200+split:bytes={n} | provider_invalid_response | 502 provider_error | 502 PROVIDER_OPENAI_502 api_error | 1 | 1
the provider: silence | hurried/fault/delay-head:ms=6000{n} | provider_timeout | 504 timeout_error | 504 PROVIDER_OPENAI_504 gateway_timeout | 1 | 1
Anthropic: invalid | claude/fault/invalid-request:message={n} | provider_invalid_request | 400 invalid_request_error | 400 PROVIDER_ANTHROPIC_400 invalid_request_error | - | 1
Anthropic: our key is wrong | claude/fault/invalid-api-key:message={n} | provider_authentication_failed | 502 provider_error | 401 PROVIDER_ANTHROPIC_401 authentication_error | - | 1
Anthropic: too large | claude/fault/too-large:message={n} | provider_request_too_large | 413 request_too_large | 413 PROVIDER_ANTHROPIC_413 invalid_request_error | - | 1
Anthropic: limits | claude/fault/rate-limit:retry-after=7,message={n} | provider_rate_limited | 429 rate_limit_error | 429 PROVIDER_ANTHROPIC_429 rate_limit_error | 7 | 1
Anthropic: quota, said as 400 | claude/fault/invalid-request:message=Your credit balance is too low {n} | provider_quota_exhausted | 502 provider_error | 429 PROVIDER_ANTHROPIC_QUOTA rate_limit_error | - | 1
Anthropic: overloaded, 529 | claude/fault/overloaded-529:message={n} | provider_overloaded | 503 overloaded_error | 529 PROVIDER_ANTHROPIC_529 api_error | 1 | 1
Anthropic: 500 | claude/fault/server-error:message={n} | provider_error | 502 provider_error | 502 PROVIDER_ANTHROPIC_500 api_error | 1 | 1
OpenRouter: data policy | router/fault/answer:status=404,body={"error"%3A{"message"%3A"No endpoints found matching your data policy {n}"%2C"code"%3A404}} | provider_data_policy | 404 not_found_error | 404 PROVIDER_OPENROUTER_POLICY not_found | - | 1
OpenRouter: quota | router/fault/payment-required:message={n} | provider_quota_exhausted | 502 provider_error | 429 PROVIDER_OPENROUTER_QUOTA rate_limit_error | - | 1
"#;

/// What one line of the table says.
struct Row {
    cause: &'static str,
    model: &'static str,
    code: &'static str,
    openai: &'static str,
    langmart: &'static str,
    wait: &'static str,
    attempts: &'static str,
}

impl Row {
    fn all() -> impl Iterator<Item = Self> {
        ROWS.trim().lines().map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let [cause, model, code, openai, langmart, wait, attempts] = cells[..] else {
                panic!("cells are missing: {line}");
            };
            Self {
                cause,
                model,
                code,
                openai,
                langmart,
                wait,
                attempts,
            }
        })
    }

    async fn ask(&self, world: &World, dialect: &str, stream: bool, number: usize) -> Answer {
        let (key, model) = match self.model.strip_prefix("narrow:") {
            Some(model) => (NARROW_KEY, model),
            None => (KEY, self.model),
        };
        let model = model.replace("{n}", &number.to_string());
        let body = json!({"model": model, "stream": stream,
            "messages": [{"role": "user", "content": "x"}]});
        let ask = world.gateway.post("/v1/chat/completions", &body).key(key);
        let ask = ask.header("x-tollgate-error-dialect", dialect);
        ask.send().await
    }

    /// Says what is wrong with an answer, if anything is.
    fn judge(&self, answer: &Answer, dialect: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |what: &str, is: String, should: String| {
            if is != should {
                wrong.push(format!("{what} is {is}, not {should}"));
            }
        };
        let (body, error) = (answer.json(), &answer.json()["error"]);
        let status = answer.status.as_u16();
        let passed = self.attempts == "passed" && dialect == "openai";
        let count = if self.attempts == "passed" {
            "1"
        } else {
            self.attempts
        };
        check(
            "x-tollgate-error-code",
            answer.header("x-tollgate-error-code").into(),
            self.code.into(),
        );
        let (told, expected) = match dialect {
            "openai" if passed => (format!("{status}"), self.openai[..3].to_owned()),
            "openai" => {
                check("code", text(&error["code"]), self.code.into());
                let told = format!("{status} {}", text(&error["type"]));
                (told, self.openai.to_owned())
            }
            _ => {
                let (code, kind) = (text(&error["code"]), text(&error["type"]));
                (format!("{status} {code} {kind}"), self.langmart.to_owned())
            }
        };
        check("answer", told, expected);
        check("empty message", text(&error["message"]), {
            let message = text(&error["message"]);
            if message.is_empty() {
                "a sentence".into()
            } else {
                message
            }
        });
        let header = match count {
            "0" => "",
            count => count,
        };
        check(
            "x-tollgate-attempts",
            answer.header("x-tollgate-attempts").into(),
            header.into(),
        );
        if !passed {
            check(
                "error.status",
                error["status"].to_string(),
                status.to_string(),
            );
            let attempts = match dialect {
                "openai" => &error["attempts"],
                _ => &error["details"]["attempts"],
            };
            let listed = attempts.as_array().map_or(0, Vec::len).to_string();
            check("attempts listed", listed, count.to_owned());
            for attempt in attempts.as_array().into_iter().flatten() {
                check(
                    "code of attempt",
                    attempt["code"].is_string().to_string(),
                    "true".into(),
                );
                check(
                    "its duration",
                    attempt["duration_ms"].is_u64().to_string(),
                    "true".into(),
                );
            }
        }
        wrong.extend(self.judge_wait(answer, &body));
        wrong
    }

    /// `retry-after` in whole seconds with `retry-after-ms`, exactly where asking again is
    /// proposed.
    fn judge_wait(&self, answer: &Answer, body: &Value) -> Option<String> {
        let (seconds, ms) = (
            answer.header("retry-after"),
            answer.header("retry-after-ms"),
        );
        let told = (answer.header("x-should-retry"), seconds, ms);
        let is_right = if self.wait == "-" {
            told == ("false", "", "") && body.get("retry_after").is_none()
        } else {
            let (least, most) = self.wait.split_once("..").unwrap_or((self.wait, self.wait));
            let range = least.parse().unwrap()..=most.parse().unwrap();
            let number = |text: &str| text.parse::<u64>().unwrap_or(0);
            let in_body = body.get("retry_after").and_then(Value::as_u64);
            range.contains(&number(seconds))
                && number(ms).div_ceil(1000) == number(seconds)
                && in_body.is_none_or(|told| told == number(seconds))
                && told.0 == "true"
        };
        let expected = self.wait;
        (!is_right).then(|| format!("the wait is {told:?}, not {expected}: {body}"))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "x"}]})
}

/// Brings the targets into the states that the table speaks of, by what really causes them. Gives
/// the call that holds the one place of `full`.
async fn bring_about(world: &World) -> Opened {
    for (fault, model) in [
        ("overloaded", "breaks"),
        ("rate-limit:retry-after=100", "limits"),
        ("server-error", "pulse"),
        ("pause-after:ms=600000", "busy"),
    ] {
        let rule = Rule::new(fault).unwrap().model(model);
        world.simulator.script(rule).unwrap();
    }
    for _ in 0..5 {
        let answer = world.chat(&chat("open", false)).send().await;
        assert_eq!(answer.outcome(), (503, "provider_overloaded".to_owned()));
    }
    let answer = world.chat(&chat("limited", false)).send().await;
    assert_eq!(answer.header("retry-after"), "100");
    let answer = world.chat(&chat("spent", false)).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let busy = world.chat(&chat("full", true)).open().await;
    assert_eq!(busy.status, 200);
    let begin = std::time::Instant::now();
    let healthy = "tollgate_connection_healthy";
    while world.gateway.metric(healthy, &["\"ill\""]).await == 1 {
        assert!(begin.elapsed() < PATIENCE, "no check has failed");
    }
    busy
}

#[tokio::test]
async fn every_row_is_reached_by_its_real_cause_in_both_dialects() {
    let world = World::with(CONFIG).await;
    let busy = bring_about(&world).await;
    let mut wrong = Vec::new();
    let mut table = Vec::new();
    let mut number = 100;
    for row in Row::all() {
        let mut waits = Vec::new();
        for (dialect, stream) in [
            ("openai", false),
            ("langmart", false),
            ("openai", true),
            ("langmart", true),
        ] {
            number += 1;
            let answer = row.ask(&world, dialect, stream, number).await;
            waits.push(answer.header("retry-after").to_owned());
            let problems = row.judge(&answer, dialect).into_iter();
            let problems = problems.map(|one| format!("{} ({dialect}): {one}", row.cause));
            wrong.extend(problems);
        }
        table.push(format!(
            "{:38} {:30} {:28} {:52} {:9} {}",
            row.cause,
            row.code,
            row.openai,
            row.langmart,
            waits[0],
            row.attempts.replace("passed", "1, the provider's body"),
        ));
    }
    println!(
        "{:38} {:30} {:28} {:52} {:9} {}\n{}",
        "cause",
        "x-tollgate-error-code",
        "openai",
        "langmart",
        "wait (s)",
        "attempts",
        table.join("\n")
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    drop(busy);
}
