//! Rows of the request log, and what they come to.

use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::request_log::{Filter, Row};
use tollgate_core::time::Timestamp;
use tollgate_engine::request_log::{Errors, RequestLog, Sums};

use super::parameters::Parameters;
use super::row::{detail, time, usd};
use super::{Scope, failed};
use crate::percent;

const MOST_ROWS: u64 = 100;
const USUAL_ROWS: u64 = 50;
const FARTHEST: u64 = 1_000_000_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

/// `GET /api/account/request-logs` and `…/enhanced`: rows, the newest first.
pub(super) async fn list(
    log: &RequestLog,
    scope: &Scope,
    parameters: &mut Parameters<'_>,
    show: fn(&Row) -> Value,
) -> Result<Value, Failure> {
    let filter = parameters.filter(scope);
    let limit = parameters.number("limit", MOST_ROWS).unwrap_or(USUAL_ROWS);
    let offset = parameters.number("offset", FARTHEST).unwrap_or(0);
    parameters.finish()?;
    let page = log.query(&filter, limit as usize, offset).await;
    let page = page.map_err(failed)?;
    let logs: Vec<Value> = page.rows.iter().map(show).collect();
    Ok(json!({
        "logs": logs,
        "pagination": {
            "total": page.total,
            "total_is_exact": page.is_exact,
            "limit": limit,
            "offset": offset,
            "hasMore": page.has_more,
        },
    }))
}

/// `GET /api/account/request-logs/{id}`: one row, by its own id or by that of the request.
pub(super) async fn one(
    log: &RequestLog,
    scope: &Scope,
    parameters: &mut Parameters<'_>,
    id: &str,
) -> Result<Value, Failure> {
    let is_full = parameters.flag("show_full_body");
    parameters.finish()?;
    let mut filter = Filter::default();
    scope.narrow(&mut filter);
    let missing = || {
        Failure::client(Code::ResourceNotFound)
            .message("There is no such request in the log, or it is not yours.")
    };
    let id = percent::decode(id).ok_or_else(missing)?;
    let row = log.get(&id, &filter).await.map_err(failed)?;
    Ok(detail(&row.ok_or_else(missing)?, is_full))
}

/// `GET /api/account/request-logs/stats`: sums over rows.
pub(super) async fn stats(
    log: &RequestLog,
    scope: &Scope,
    parameters: &mut Parameters<'_>,
) -> Result<Value, Failure> {
    let filter = parameters.filter(scope);
    parameters.finish()?;
    let stats = log.stats(&filter).await.map_err(failed)?;
    let models = stats.models.iter().map(|((model, provider), sums)| {
        let mut value = sums_of(sums);
        if let Some(value) = value.as_object_mut() {
            value.insert("model".into(), (&**model).into());
            value.insert("provider".into(), (&**provider).into());
        }
        value
    });
    let models: Vec<Value> = models.collect();
    let mut value = sums_of(&stats.all);
    if let Some(value) = value.as_object_mut() {
        value.insert("models".into(), models.into());
        value.insert("period".into(), period(&filter));
        value.insert("is_complete".into(), stats.is_complete.into());
    }
    Ok(value)
}

fn sums_of(sums: &Sums) -> Value {
    let failed = sums.calls - sums.good;
    json!({
        "total_requests": sums.calls,
        "successful_requests": sums.good,
        "failed_requests": failed,
        "error_rate": percent(failed, sums.calls),
        "input_tokens": sums.prompt,
        "output_tokens": sums.completion,
        "total_tokens": sums.prompt.saturating_add(sums.completion),
        "total_cost": usd(sums.cost),
        "avg_latency_ms": sums.mean_ms(),
        "avg_time_to_first_token_ms": sums.mean_first_byte_ms(),
    })
}

/// `GET /api/account/errors`: what went wrong.
pub(super) async fn errors(
    log: &RequestLog,
    scope: &Scope,
    parameters: &mut Parameters<'_>,
) -> Result<Value, Failure> {
    let filter = parameters.filter(scope);
    parameters.finish()?;
    let errors = log.errors(&filter).await.map_err(failed)?;
    let (all, wrong) = sum_of_days(errors.days.values());
    let is_servers = |row: &&tollgate_engine::request_log::ErrorRow| {
        // A stream that breaks has begun with status 200.
        row.status >= 500 || (row.status < 400 && &*row.code != "client_closed")
    };
    let servers: u64 = errors
        .rows
        .iter()
        .filter(is_servers)
        .map(|row| row.count)
        .sum();
    let breakdown: Vec<Value> = errors
        .rows
        .iter()
        .map(|row| {
            let kind = Code::from_slug(&row.code).map_or("client_closed", Code::kind);
            json!({
                "status_code": row.status,
                "error_code": &*row.code,
                "error_type": kind,
                "count": row.count,
                "percentage": percent(row.count, wrong),
                "last_occurrence": time(row.last),
            })
        })
        .collect();
    Ok(json!({
        "summary": {
            "total_errors": wrong,
            "total_requests": all,
            "error_rate": percent(wrong, all),
            "trend": trend(&errors),
            "days_with_errors": errors.days.values().filter(|(_, wrong)| *wrong > 0).count(),
            "server_errors": servers,
            "client_errors": wrong - servers.min(wrong),
            "period": period(&filter),
            "is_complete": errors.is_complete,
        },
        "breakdown": breakdown,
    }))
}

fn sum_of_days<'a>(days: impl Iterator<Item = &'a (u64, u64)>) -> (u64, u64) {
    days.fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1))
}

/// Whether the later half of the days had more failures among its calls than the earlier one.
fn trend(errors: &Errors) -> &'static str {
    let (Some(first), Some(last)) = (errors.days.keys().next(), errors.days.keys().next_back())
    else {
        return "stable";
    };
    let middle = first + (last - first + 1) / 2;
    let rate = |(all, wrong)| percent_of(wrong, all);
    let before = rate(sum_of_days(errors.days.range(..middle).map(|(_, day)| day)));
    let after = rate(sum_of_days(errors.days.range(middle..).map(|(_, day)| day)));
    match (first == last, after > before * 1.1, after < before * 0.9) {
        (false, true, _) => "increasing",
        (false, _, true) => "decreasing",
        _ => "stable",
    }
}

fn percent_of(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 * 100.0 / whole as f64
}

/// A share in percent with two decimals.
pub(super) fn percent(part: u64, whole: u64) -> Value {
    json!((percent_of(part, whole) * 100.0).round() / 100.0)
}

/// The bounds of time that were asked for.
pub(super) fn period(filter: &Filter) -> Value {
    let shown = |at: Option<Timestamp>| at.map(time);
    json!({ "start": shown(filter.from), "end": shown(filter.to) })
}

/// The day of a time as a date.
pub(super) fn date(at: Timestamp) -> String {
    let day = at.as_millis().div_euclid(DAY) * DAY;
    let text = Timestamp::from_millis(day).to_rfc3339();
    text.split('T').next().unwrap_or_default().to_owned()
}
