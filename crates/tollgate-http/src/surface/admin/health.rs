//! What is known of targets, breakers and limits, as JSON: the same words wherever it occurs.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::error::Code;
use tollgate_core::route::breaker::Reading;
use tollgate_core::route::limit::{Limits, Used};
use tollgate_core::time::Moment;
use tollgate_engine::engine::Engine;
use tollgate_engine::health::{Checked, TargetReading};
use tollgate_engine::operate;

/// Milliseconds of a time.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds of a wait, rounded up: who comes back then comes late enough.
pub(super) fn wait_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The time of day of a moment.
pub(super) fn time(engine: &Engine, moment: Moment) -> String {
    operate::time_of(engine, moment).to_rfc3339()
}

/// Limits; `null` where there is none.
pub(super) fn limits(limits: &Limits) -> Value {
    json!({"rpm": limits.rpm, "tpm": limits.tpm, "parallel": limits.parallel})
}

/// How much of limits is used.
pub(super) fn used(used: &Used) -> Value {
    json!({"requests": used.requests, "tokens": used.tokens, "parallel": used.parallel})
}

/// What a breaker does, and why.
pub(super) fn breaker(engine: &Engine, reading: &Reading) -> Value {
    let remaining = reading.until.map(|until| until.since(engine.moment()));
    json!({
        "state": reading.state.as_str(),
        "reason": reading.reason.map(Code::slug),
        "until": reading.until.map(|until| time(engine, until)),
        "remaining_ms": remaining.map(wait_ms),
        "failures_in_a_row": reading.failures,
        "window": {"good": reading.window_good, "failed": reading.window_failed},
        "opened": reading.opened,
        "cooled": reading.cooled,
    })
}

/// The members that every target has, wherever it occurs.
pub(super) fn target(engine: &Engine, reading: &TargetReading) -> [(&'static str, Value); 5] {
    let ailing = reading
        .ailing
        .map(|(until, code)| json!({"code": code.slug(), "until": time(engine, until)}));
    [
        ("breaker", breaker(engine, &reading.breaker)),
        ("in_flight", reading.used.parallel.into()),
        (
            "latency",
            json!({
                "answer_ms": reading.plain.map(ms),
                "stream_ms": reading.streams.map(ms),
                "first_byte_p95_ms": reading.first_byte_p95.map(ms),
            }),
        ),
        ("ailing", ailing.unwrap_or_default()),
        (
            "retry_budget",
            json!({"allows": reading.retries_allowed, "refused": reading.retries_refused}),
        ),
    ]
}

/// A question that was asked only to see whether the provider answers.
pub(super) fn checked(engine: &Engine, checked: Option<Checked>) -> Value {
    checked.map_or(Value::Null, |checked| {
        json!({
            "at": time(engine, checked.at),
            "latency_ms": ms(checked.took),
            "code": checked.failure.map(Code::slug),
        })
    })
}
