//! Jobs (seed 001): several calls for one purpose, paid together.

mod analytics;
mod answer;
mod calls;
mod lists;
mod request;
mod tail;
mod texts;
mod whole;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Map, Value, json};
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, FieldProblem, detail};
use tollgate_core::job::State;
use tollgate_engine::caller::Caller;
use tollgate_engine::jobs::{Ending, Jobs, LONGEST_METADATA, NewJob};

pub(crate) use self::analytics::act as manage;
use self::request::Body;
pub(crate) use self::tail::Tail;
use self::whole::Untold;
pub(crate) use self::whole::whole;
use crate::body::Inbound;
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::idempotency;
use crate::record::Record;
use crate::routes::JobRoute;
use crate::surface::admin;

/// The most characters of what a team calls a kind of work, a user or a purpose.
const LONGEST_NAME: usize = 255;
/// The most characters of why a job failed.
const LONGEST_ERROR: usize = 4000;

/// What callers do with jobs.
pub(crate) async fn act(
    record: &mut Record,
    caller: &Caller,
    route: JobRoute<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let gateway = Arc::clone(record.gateway());
    let jobs = &*gateway.engine.jobs;
    match route {
        JobRoute::Call(id) => {
            let job = Box::pin(jobs.find_for_call(caller, id)).await?;
            calls::in_job(record, caller, (job, false), (parts, body)).await
        }
        JobRoute::CallStream(id) => {
            let job = Box::pin(jobs.find_for_call(caller, id)).await?;
            calls::in_job(record, caller, (job, true), (parts, body)).await
        }
        JobRoute::Single => calls::single(record, caller, false, (parts, body)).await,
        JobRoute::SingleStream => calls::single(record, caller, true, (parts, body)).await,
        JobRoute::Create => {
            let body = admin::read(&gateway, parts, body).await?;
            if let Some(again) = once(record, caller, parts, &body).await? {
                return Ok(again);
            }
            let (gateway, caller) = (Arc::clone(&gateway), caller.clone());
            let making = async move { create(&gateway, &caller, &body).await };
            idempotency::make(record, making).await
        }
        JobRoute::Complete(id) => {
            let body = admin::read(&gateway, parts, body).await?;
            complete(&gateway, caller, id, &body).await
        }
        JobRoute::Metadata(id) => {
            let body = admin::read(&gateway, parts, body).await?;
            let now = gateway.now();
            let job = jobs.find(caller, id).await?;
            let mut fields = Body::read(&body)?;
            let more = fields.required_object("metadata");
            fields.finish()?;
            let all = merge(jobs, job.id, &more).await?;
            let told = json!({
                "job_id": job.id.to_string(),
                "metadata": all,
                "updated_at": now.to_rfc3339(),
            });
            Ok(Given::json(200, &told))
        }
        JobRoute::One(id) => {
            let job = jobs.find(caller, id).await?;
            let calls = jobs.calls(job.id).await?;
            Ok(Given::json(200, &answer::job(&job, &calls)))
        }
        JobRoute::Costs(id) => {
            let job = jobs.find(caller, id).await?;
            let calls = jobs.calls(job.id).await?;
            Ok(Given::json(200, &answer::costs_by_call(&job, &calls)))
        }
        JobRoute::TeamUsage(team) => lists::usage(jobs, caller, team, parts).await,
        JobRoute::TeamJobs(team) => lists::jobs(jobs, caller, team, parts).await,
        JobRoute::OfTeam(_)
        | JobRoute::OneOfTeam(..)
        | JobRoute::Stats(_)
        | JobRoute::Analytics(_) => Err(Failure::client(Code::UnknownUrl)),
    }
}

/// Lets a request with an idempotency key run, or gives the answer of the first time.
async fn once(
    record: &mut Record,
    caller: &Caller,
    parts: &Parts,
    body: &Bytes,
) -> Result<Option<Given>, Failure> {
    let Some(key) = idempotency::key(&parts.headers)? else {
        return Ok(None);
    };
    let tenant = idempotency::Tenant::Team(caller.team().id.as_str());
    Box::pin(idempotency::begin(record, &key, tenant, parts, body)).await
}

async fn create(gateway: &Arc<Gateway>, caller: &Caller, body: &[u8]) -> Result<Given, Failure> {
    let mut fields = Body::read(body)?;
    let team = fields.required_text("team_id", LONGEST_NAME);
    let new = new_job(&mut fields, "metadata", false);
    fields.finish()?;
    check_team(caller, &team)?;
    let job = Untold::make(gateway, caller, new?).await?.tell()?;
    let told = json!({
        "job_id": job.id.to_string(),
        "team_id": job.team.as_str(),
        "job_type": &*job.kind,
        "status": job.state.as_str(),
        "created_at": job.created_at.to_rfc3339(),
    });
    Ok(Given::json(200, &told))
}

/// What a body says about a job to be made.
fn new_job(fields: &mut Body, metadata: &'static str, single: bool) -> Result<NewJob, Failure> {
    let kind = fields.required_text("job_type", LONGEST_NAME);
    let user = fields.text("user_id", LONGEST_NAME);
    let text = Value::Object(fields.object(metadata).unwrap_or_default()).to_string();
    if text.len() > LONGEST_METADATA {
        return Err(too_long(metadata));
    }
    Ok(NewJob {
        kind: kind.into(),
        user: user.map(Into::into),
        metadata: text.into(),
        single,
    })
}

async fn complete(
    gateway: &Gateway,
    caller: &Caller,
    id: &str,
    body: &[u8],
) -> Result<Given, Failure> {
    let jobs = &gateway.engine.jobs;
    let job = jobs.find(caller, id).await?;
    let mut fields = Body::read(body)?;
    let words = [State::Completed.as_str(), State::Failed.as_str()];
    let word = fields.required_word("status", &words);
    let more = fields.object("metadata").unwrap_or_default();
    let error = fields.text("error_message", LONGEST_ERROR);
    fields.finish()?;
    // What has ended stays as it is.
    if job.state.is_open() && !more.is_empty() {
        merge(jobs, job.id, &more).await?;
    }
    let ending = Ending {
        well: word == State::Completed.as_str(),
        error: error.map(Into::into),
    };
    let ending = {
        let jobs = Arc::clone(jobs);
        async move { jobs.end(&job, ending).await }
    };
    let ended = whole(gateway, ending).await?;
    let left = jobs.credits_left(caller);
    Ok(Given::json(200, &answer::ended(&ended, left)))
}

/// Adds members to the metadata of a job. Gives all of them.
async fn merge(
    jobs: &Jobs,
    id: tollgate_core::job::JobId,
    more: &Map<String, Value>,
) -> Result<Value, Failure> {
    let all = jobs.merge_metadata(id, |old| merged(old, more, "metadata"));
    Ok(answer::metadata(&all.await?))
}

/// The metadata of a job with further members, over those of the same name. Fails if that is too
/// long.
fn merged(old: &str, more: &Map<String, Value>, name: &str) -> Result<Box<str>, Failure> {
    if more.is_empty() {
        return Ok(old.into());
    }
    let mut all: Map<String, Value> = serde_json::from_str(old).unwrap_or_default();
    all.extend(
        more.iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let text = Value::Object(all).to_string();
    if text.len() > LONGEST_METADATA {
        return Err(too_long(name));
    }
    Ok(text.into())
}

fn too_long(name: &str) -> Failure {
    let message = format!("`{name}` must not be longer than {LONGEST_METADATA} bytes in all.");
    Failure::client(Code::InvalidRequest)
        .message(message.clone())
        .field(FieldProblem {
            path: name.to_owned(),
            message,
            kind: "value_error",
        })
}

/// A team that is named has to be that of the key.
fn check_team(caller: &Caller, team: &str) -> Result<(), Failure> {
    if caller.team().id.as_str() == team {
        return Ok(());
    }
    Err(Failure::client(Code::PermissionDenied)
        .message(format!("API key does not belong to team '{team}'"))
        .detail(detail::TEAM_ID, Detail::Text(team.to_owned())))
}
