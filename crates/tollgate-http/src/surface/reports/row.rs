//! A row of the request log as it is shown.

use serde_json::{Map, Value, json};
use tollgate_core::error::trail;
use tollgate_core::money::{Money, USD};
use tollgate_core::request_log::{Bodies, Row};
use tollgate_core::time::Timestamp;

use crate::cache::Cached;

/// How many bytes of a text are shown to whoever did not ask for all of it.
const PREVIEW: usize = 1000;

/// A time with its milliseconds.
pub(super) fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| at.to_rfc3339(), |at| format!("{at:.3}"))
}

/// An amount as a number of USD, for people and charts. What is exact is the text beside it.
pub(super) fn usd(nano: u64) -> Value {
    json!(nano as f64 / USD as f64)
}

/// A row in the words of seed 002.
pub(super) fn row(row: &Row) -> Value {
    let (who, what, outcome) = (&row.who, &row.what, &row.outcome);
    let usage = row.figures.usage;
    let status = if outcome.is_good() {
        "success"
    } else {
        "error"
    };
    let code = (!outcome.is_good()).then_some(&*outcome.code);
    json!({
        "id": row.id(),
        "request_id": row.request_id,
        "created_at": time(row.at),
        "model": &*what.model,
        "requested_model": &*what.asked,
        "provider": &*what.provider,
        "connection": &*what.connection,
        "endpoint": &*outcome.surface,
        "stream": outcome.stream,
        "status": status,
        "status_code": outcome.status,
        "error_code": code,
        "latency_ms": row.figures.latency_ms(),
        "time_to_first_token_ms": row.figures.first_byte_us.map(|us| us / 1000),
        "attempts": row.figures.attempts,
        "input_tokens": usage.map(|usage| usage.prompt),
        "output_tokens": usage.map(|usage| usage.completion),
        "total_tokens": usage.map(|usage| usage.prompt.saturating_add(usage.completion)),
        "cost": usd(row.figures.cost),
        "cost_usd": Money::from_nano(row.figures.cost).to_string(),
        "api_key_id": &*who.key,
        "api_key_prefix": &*who.key_prefix,
        "organization": &*who.organization,
        "team": &*who.team,
        "user": (!who.user.is_empty()).then_some(&*who.user),
        "provider_request_id": row.provider_request_id,
        "cache": cached(row).0,
    })
}

/// The same with every attempt.
pub(super) fn enhanced(row: &Row) -> Value {
    let mut value = self::row(row);
    let usage = row.figures.usage;
    let more = json!({
        "model_display_name": &*row.what.model,
        "provider_key": &*row.what.provider,
        "total_cost": usd(row.figures.cost),
        // What providers charged for attempts that the caller did not pay.
        "unpaid_cost": usd(row.figures.lost),
        "cached_tokens": usage.map(|usage| usage.cached),
        "cache_write_tokens": usage.map(|usage| usage.cache_written),
        "usage_is_bounded": usage.is_some_and(|usage| usage.bounded),
        "reasoning_tokens": usage.map(|usage| usage.reasoning),
        "resolution_attempts": attempts(row),
    });
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

/// One row whole, with its texts where they are kept.
pub(super) fn detail(row: &Row, is_full: bool) -> Value {
    let mut value = enhanced(row);
    if let Some(value) = value.as_object_mut() {
        value.insert("body_kept".into(), row.bodies.is_some().into());
        if let Some(bodies) = &row.bodies {
            let Bodies { request, answer } = &**bodies;
            value.insert("request_body".into(), text(request, is_full));
            value.insert("response_body".into(), text(answer, is_full));
        }
    }
    value
}

fn text(bytes: &[u8], is_full: bool) -> Value {
    let end = if is_full { bytes.len() } else { PREVIEW };
    let shown = bytes.get(..end).unwrap_or(bytes);
    // What was cut within a letter, or was no text, is shown as far as it is one.
    String::from_utf8_lossy(shown).into()
}

/// The chain of attempts: those of the line that is kept, or the only one.
fn attempts(row: &Row) -> Value {
    let told: Vec<Value> = match cached(row).1 {
        Some(line) => trail::read(line).map(attempt).collect(),
        None if row.figures.attempts > 0 => vec![json!({
            "connection": &*row.what.connection,
            "model": &*row.what.model,
            "code": &*row.outcome.code,
            "status": row.outcome.status,
            "latency_ms": row.figures.latency_ms(),
        })],
        None => Vec::new(),
    };
    json!({
        "summary": {
            "totalCandidatesTried": row.figures.attempts,
            "succeeded": row.outcome.is_good(),
        },
        "attempts": told,
    })
}

/// What the cache had of the call, where it was asked, and the line of attempts.
fn cached(row: &Row) -> (Option<&str>, Option<&str>) {
    row.trail.as_deref().map_or((None, None), Cached::read)
}

fn attempt(told: trail::Told) -> Value {
    let mut value = Map::new();
    value.insert("connection".into(), told.connection.into());
    value.insert("model".into(), told.model.into());
    value.insert("code".into(), told.code.into());
    value.insert("status".into(), told.status.into());
    value.insert("latency_ms".into(), told.ms.into());
    Value::Object(value)
}
