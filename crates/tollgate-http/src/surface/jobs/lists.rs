//! What a team sees of its own jobs together.

use std::collections::HashSet;

use http::request::Parts;
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::job::State;
use tollgate_core::time::Timestamp;
use tollgate_engine::caller::Caller;
use tollgate_engine::jobs::Jobs;
use tollgate_engine::port::{JobBy, JobQuery};

use super::answer::{self, usd};
use crate::dispatch::Given;
use crate::percent;
use crate::query::Query;

/// The most jobs of one answer, and as many as it has where nothing is said.
const MOST: u64 = 1000;
const USUAL: u64 = 100;
/// How many are read at once.
const AT_ONCE: u32 = 100;
/// About how many bytes an answer may have, and how many a job has beside its metadata. Metadata
/// may be long, and an answer must not take all the memory.
const LARGEST: usize = 4 << 20;
const AROUND: usize = 800;
/// The most jobs that are passed over.
const FARTHEST: u64 = 1_000_000_000;

/// `GET /api/teams/{team}/usage?period=YYYY-MM`.
pub(super) async fn usage(
    jobs: &Jobs,
    caller: &Caller,
    team: &str,
    parts: &Parts,
) -> Result<Given, Failure> {
    own(caller, team, "usage data")?;
    let period = Query::new(parts.uri.query()).first("period");
    let Some(period) = period else {
        return Err(fault("period", "missing", "`period` is missing."));
    };
    let Some((from, to)) = month(&period) else {
        let message = "`period` must be a month like 2026-11.";
        return Err(fault("period", "value_error", message));
    };
    let query = JobQuery {
        team: Some(caller.team().id.clone()),
        from: Some(from),
        to: Some(to),
        ..JobQuery::default()
    };
    let whole = jobs.sum(&query).await?;
    let mut types = Map::new();
    for sum in jobs.sums(&query, JobBy::Kind).await? {
        let told = json!({"count": sum.jobs, "cost_usd": usd(sum.totals.cost)});
        types.insert(sum.of.into(), told);
    }
    let average = whole.totals.cost.checked_div(whole.jobs).unwrap_or(0);
    let told = json!({
        "team_id": caller.team().id.as_str(),
        "period": &*period,
        "summary": {
            "total_jobs": whole.jobs,
            "successful_jobs": whole.completed,
            "failed_jobs": whole.failed,
            "total_cost_usd": usd(whole.totals.cost),
            "total_tokens": whole.totals.tokens,
            "avg_cost_per_job": usd(average),
            "credits_used": whole.credits,
        },
        "job_types": types,
    });
    Ok(Given::json(200, &told))
}

/// `GET /api/teams/{team}/jobs?limit=&offset=&status=`.
pub(super) async fn jobs(
    jobs: &Jobs,
    caller: &Caller,
    team: &str,
    parts: &Parts,
) -> Result<Given, Failure> {
    own(caller, team, "jobs")?;
    let query = Query::new(parts.uri.query());
    let limit = number(query, "limit", 1..=MOST)?.unwrap_or(USUAL);
    let wanted = JobQuery {
        team: Some(caller.team().id.clone()),
        state: state(query)?,
        offset: number(query, "offset", 0..=FARTHEST)?.unwrap_or(0),
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        ..JobQuery::default()
    };
    let Page { rows, read, total } = Page::read(jobs, &wanted).await?;
    let told = json!({
        "team_id": caller.team().id.as_str(),
        "total": total,
        "has_more": wanted.offset.saturating_add(read) < total,
        "jobs": rows,
    });
    Ok(Given::json(200, &told))
}

/// The jobs that are wanted, or as many of them as one answer may hold.
#[derive(Default)]
struct Page {
    rows: Vec<Value>,
    /// How many were read for it.
    read: u64,
    /// How many there are in all.
    total: u64,
}

impl Page {
    async fn read(jobs: &Jobs, wanted: &JobQuery) -> Result<Self, Failure> {
        let (mut page, mut size) = (Self::default(), 0);
        // What is made meanwhile moves the others on.
        let mut seen = HashSet::new();
        loop {
            let left = u64::from(wanted.limit).saturating_sub(page.read);
            let query = JobQuery {
                offset: wanted.offset.saturating_add(page.read),
                limit: u32::try_from(left).unwrap_or(u32::MAX).min(AT_ONCE),
                ..wanted.clone()
            };
            let (found, total) = jobs.list(&query).await?;
            page.total = total;
            let is_last = left <= u64::from(AT_ONCE) || found.is_empty();
            for (job, sums) in found {
                size += AROUND + job.metadata.len();
                if size > LARGEST && !page.rows.is_empty() {
                    return Ok(page);
                }
                page.read += 1;
                if seen.insert(job.id) {
                    page.rows.push(answer::summary(&job, &sums));
                }
            }
            if is_last {
                return Ok(page);
            }
        }
    }
}

/// A team that is named in the path has to be that of the key.
fn own(caller: &Caller, team: &str, what: &str) -> Result<(), Failure> {
    let team = percent::decode(team).ok_or_else(|| Failure::client(Code::UnknownUrl))?;
    if *team == *caller.team().id.as_str() {
        return Ok(());
    }
    Err(Failure::client(Code::PermissionDenied)
        .message(format!("Cannot access {what} for a different team")))
}

/// The state that a query asks for.
pub(super) fn state(query: Query<'_>) -> Result<Option<State>, Failure> {
    let Some(word) = query.first("status").filter(|word| !word.is_empty()) else {
        return Ok(None);
    };
    // The service of seed 001 wants capitals here and answers in them; its documents do not.
    let found = State::from_name(&word.to_ascii_lowercase());
    if found.is_none() {
        return Err(Failure::client(Code::InvalidRequest).message(format!(
            "Invalid status: {word}. Must be one of: pending, in_progress, completed, failed"
        )));
    }
    Ok(found)
}

/// A number of the query.
pub(super) fn number(
    query: Query<'_>,
    name: &'static str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, Failure> {
    let Some(text) = query.first(name) else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        let (least, most) = (range.start(), range.end());
        let message = format!("`{name}` must be an integer from {least} to {most}.");
        return Err(fault(name, "int_type", &message));
    }
    Ok(number)
}

fn fault(name: &str, kind: &'static str, message: &str) -> Failure {
    Failure::client(Code::InvalidRequest)
        .message(message)
        .field(FieldProblem {
            path: name.to_owned(),
            message: message.to_owned(),
            kind,
        })
}

/// Begin and end of a month in UTC.
fn month(text: &str) -> Option<(Timestamp, Timestamp)> {
    if text.len() != 7 {
        return None;
    }
    let first: Date = format!("{text}-01").parse().ok()?;
    let next = first.last_of_month().tomorrow().ok()?;
    Some((midnight(first)?, midnight(next)?))
}

/// The begin of a day in UTC.
pub(super) fn midnight(day: Date) -> Option<Timestamp> {
    let at = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_as_long_as_it_is() {
        let days = |text| {
            let (from, to) = month(text)?;
            Some((to.as_millis() - from.as_millis()) / 86_400_000)
        };
        assert_eq!(days("2026-11"), Some(30));
        assert_eq!(days("2028-02"), Some(29));
        assert_eq!(days("2026-12"), Some(31));
        for text in ["", "2026", "2026-13", "2026-1", "2026-11-01", "november"] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
