//! What managers see of jobs: those of the teams of their organization, and the platform all.

use std::sync::Arc;

use jiff::civil::Date;
use serde_json::{Value, json};
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::id::OrgId;
use tollgate_core::job::JobId;
use tollgate_core::time::Timestamp;
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::jobs::Jobs;
use tollgate_engine::port::{JobBy, JobQuery, JobSum};
use tollgate_engine::tenants::TeamNode;

use super::answer::{self, usd};
use super::lists::{midnight, number, state};
use super::texts::Texts;
use crate::percent;
use crate::query::Query;
use crate::routes::JobRoute;

const MOST_PAGES: u64 = 1_000_000;
/// How many teams and models are named.
const TOP: usize = 10;
const DAY_MS: i64 = 86_400_000;

/// Tells what a manager asks.
pub(crate) async fn act(
    engine: &Engine,
    by: &Manager,
    route: JobRoute<'_>,
    query: Option<&str>,
) -> Result<(u16, Value), Failure> {
    let query = Query::new(query);
    let told = match route {
        JobRoute::OfTeam(team) => of_team(engine, by, team, query).await?,
        JobRoute::OneOfTeam(team, job) => one(engine, by, (team, job)).await?,
        JobRoute::Stats(organization) => stats(engine, by, organization, query).await?,
        JobRoute::Analytics(organization) => analytics(engine, by, organization, query).await?,
        JobRoute::Create
        | JobRoute::Single
        | JobRoute::SingleStream
        | JobRoute::Call(_)
        | JobRoute::CallStream(_)
        | JobRoute::Complete(_)
        | JobRoute::One(_)
        | JobRoute::Metadata(_)
        | JobRoute::Costs(_)
        | JobRoute::TeamUsage(_)
        | JobRoute::TeamJobs(_) => return Err(Failure::client(Code::UnknownUrl)),
    };
    Ok((200, told))
}

async fn of_team(
    engine: &Engine,
    by: &Manager,
    team: &str,
    query: Query<'_>,
) -> Result<Value, Failure> {
    let team = known_team(engine, by, team)?.id.clone();
    let page = number(query, "page", 1..=MOST_PAGES)?.unwrap_or(1);
    let size = number(query, "page_size", 1..=100)?.unwrap_or(20);
    let text = |name| query.first(name).filter(|text| !text.is_empty());
    let (from, to) = period(query)?;
    let wanted = JobQuery {
        team: Some(team),
        state: state(query)?,
        kind: text("job_type").map(Into::into),
        id_part: text("job_id_filter").map(|part| part.to_ascii_lowercase().into()),
        from,
        to,
        // Those in which nothing was done tell nothing.
        with_calls: true,
        offset: (page - 1) * size,
        limit: u32::try_from(size).unwrap_or(u32::MAX),
        ..JobQuery::default()
    };
    let (found, total) = engine.jobs.list(&wanted).await?;
    let rows = found.iter().map(|(job, sums)| answer::summary(job, sums));
    Ok(json!({
        "jobs": rows.collect::<Vec<Value>>(),
        "total": total,
        "page": page,
        "page_size": size,
        "total_pages": total.div_ceil(size),
    }))
}

async fn one(engine: &Engine, by: &Manager, (team, job): (&str, &str)) -> Result<Value, Failure> {
    let team = known_team(engine, by, team)?;
    let Some(id) = JobId::parse(job) else {
        return Err(
            Failure::client(Code::InvalidRequest).message(format!("Invalid job_id format: {job}"))
        );
    };
    let found = engine.jobs.any(id).await?;
    let Some(job) = found.filter(|job| job.team == team.id) else {
        return Err(missing(
            "team_job",
            &format!("Job '{id}' not found for team '{}'", team.id),
        ));
    };
    let calls = engine.jobs.calls(id).await?;
    let mut texts = Texts::of(engine, &team);
    let mut told = Vec::with_capacity(calls.len());
    for call in &calls {
        let bodies = match &mut texts {
            Some(texts) => texts.find(call).await?,
            None => None,
        };
        told.push(answer::call(call, bodies.as_ref()));
    }
    Ok(json!({"job": answer::job(&job, &calls), "calls": told}))
}

async fn stats(
    engine: &Engine,
    by: &Manager,
    organization: &str,
    query: Query<'_>,
) -> Result<Value, Failure> {
    let (id, name, wanted) = of_organization(engine, by, organization, query)?;
    let jobs = &engine.jobs;
    let whole = jobs.sum(&wanted).await?;
    let mut teams = jobs.sums(&wanted, JobBy::Team).await?;
    let count = teams.len();
    teams.sort_by_key(|sum| std::cmp::Reverse(sum.jobs));
    let top = teams.iter().take(TOP).map(
        |sum| json!({"team_id": &*sum.of, "job_count": sum.jobs, "credits_used": sum.credits}),
    );
    Ok(json!({
        "organization_id": id.as_str(),
        "organization_name": &*name,
        "total_jobs": whole.jobs,
        "completed_jobs": whole.completed,
        "failed_jobs": whole.failed,
        "in_progress_jobs": whole.open,
        "total_teams": count,
        "total_llm_calls": whole.totals.calls,
        "successful_calls": whole.totals.succeeded,
        "failed_calls": whole.totals.failed,
        "total_tokens": whole.totals.tokens,
        "total_cost_usd": usd(whole.totals.cost),
        "total_credits_used": whole.credits,
        "top_teams": top.collect::<Vec<Value>>(),
    }))
}

async fn analytics(
    engine: &Engine,
    by: &Manager,
    organization: &str,
    query: Query<'_>,
) -> Result<Value, Failure> {
    let (_, _, wanted) = of_organization(engine, by, organization, query)?;
    let jobs = &engine.jobs;
    let whole = jobs.sum(&wanted).await?.totals;
    let mut days = jobs.sums(&wanted, JobBy::Day).await?;
    days.sort_by_key(|sum| sum.of.parse::<i64>().unwrap_or(0));
    let days = days
        .iter()
        .map(|sum| json!({"date": date(&sum.of), "spend": usd(sum.totals.cost)}));
    let teams = dearest(jobs, &wanted, JobBy::Team).await?;
    let teams = teams
        .iter()
        .map(|sum| json!({"team_id": &*sum.of, "spend": usd(sum.totals.cost)}));
    let models = dearest(jobs, &wanted, JobBy::Model).await?;
    let told_model = |sum: &JobSum| {
        json!({
            "model": &*sum.of,
            "spend": usd(sum.totals.cost),
            "requests": sum.totals.calls,
            "tokens": sum.totals.tokens,
        })
    };
    Ok(json!({
        "total_spend": usd(whole.cost),
        "total_requests": whole.calls,
        "successful_requests": whole.succeeded,
        "failed_requests": whole.failed,
        "total_tokens": whole.tokens,
        "daily_spend": days.collect::<Vec<Value>>(),
        "spend_per_team": teams.take(TOP).collect::<Vec<Value>>(),
        "top_models": models.iter().take(TOP).map(told_model).collect::<Vec<Value>>(),
        "provider_usage": providers(engine, &models),
    }))
}

/// What each provider was asked: the one that a model has now, since what a team calls a model
/// need not name it.
fn providers(engine: &Engine, models: &[JobSum]) -> Vec<Value> {
    let routes = engine.routes();
    let mut sums: Vec<(&str, u64, u64)> = Vec::new();
    for model in models {
        let route = routes.find(&model.of);
        let target = route.as_ref().and_then(|route| route.targets.first());
        let name = target.map_or("unknown", |target| target.health.connection.provider());
        let (calls, cost) = (model.totals.calls, model.totals.cost);
        if let Some((_, all_calls, all_cost)) = sums.iter_mut().find(|(it, ..)| *it == name) {
            *all_calls += calls;
            *all_cost += cost;
        } else {
            sums.push((name, calls, cost));
        }
    }
    let told = sums.iter().map(
        |(name, calls, cost)| json!({"provider": name, "requests": calls, "spend": usd(*cost)}),
    );
    told.collect()
}

/// Sums, the dearest first.
async fn dearest(jobs: &Jobs, wanted: &JobQuery, by: JobBy) -> Result<Vec<JobSum>, Failure> {
    let mut sums = jobs.sums(wanted, by).await?;
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.totals.cost));
    Ok(sums)
}

/// The team of a path, if the manager may know of it.
fn known_team(engine: &Engine, by: &Manager, team: &str) -> Result<Arc<TeamNode>, Failure> {
    let team = decoded(team)?;
    let found = engine.accounts.team(by, &team);
    match found {
        Ok(node) => Ok(node),
        Err(failure) if failure.code == Code::ResourceNotFound => {
            Err(missing("team", &format!("Team '{team}' not found")))
        }
        Err(failure) => Err(failure),
    }
}

type OfOrganization = (OrgId, Box<str>, JobQuery);

/// The organization of a path, if the manager may know of it, with its jobs.
fn of_organization(
    engine: &Engine,
    by: &Manager,
    organization: &str,
    query: Query<'_>,
) -> Result<OfOrganization, Failure> {
    let organization = decoded(organization)?;
    let (from, to) = period(query)?;
    let node = match engine.accounts.organization(by, &organization) {
        Ok(node) => node,
        Err(failure) if failure.code == Code::ResourceNotFound => {
            let message = format!("Organization '{organization}' not found");
            return Err(missing("organization", &message));
        }
        Err(failure) => return Err(failure),
    };
    let wanted = JobQuery {
        organization: Some(node.id.clone()),
        from,
        to,
        ..JobQuery::default()
    };
    Ok((node.id.clone(), node.facts().name.clone(), wanted))
}

fn decoded(encoded: &str) -> Result<std::borrow::Cow<'_, str>, Failure> {
    percent::decode(encoded).ok_or_else(|| Failure::client(Code::UnknownUrl))
}

fn missing(resource: &str, message: &str) -> Failure {
    Failure::client(Code::ResourceNotFound)
        .message(message)
        .detail(detail::RESOURCE, Detail::Text(resource.to_owned()))
}

/// From the begin of `start_date` to the end of `end_date`.
fn period(query: Query<'_>) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    let from = day(query, "start_date")?;
    let to = day(query, "end_date")?;
    let to = to.and_then(|day| day.tomorrow().ok());
    Ok((from.and_then(midnight), to.and_then(midnight)))
}

fn day(query: Query<'_>, name: &str) -> Result<Option<Date>, Failure> {
    let Some(text) = query.first(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let date = text.split('T').next().and_then(|date| date.parse().ok());
    match date {
        Some(date) => Ok(Some(date)),
        None => Err(Failure::client(Code::InvalidRequest).message(format!(
            "Invalid {name} format: {text}. Use ISO format (YYYY-MM-DD)"
        ))),
    }
}

/// The date of a day that is a number of days since 1970.
fn date(day: &str) -> Value {
    let day: i64 = day.parse().unwrap_or(0);
    let begin = Timestamp::from_millis(day.saturating_mul(DAY_MS)).to_rfc3339();
    begin.split('T').next().map(ToOwned::to_owned).into()
}
