//! What is told of jobs.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::job::{CallRecord, CallState, Job, State, Totals};
use tollgate_core::money::USD;
use tollgate_core::request_log::Bodies;
use tollgate_core::time::Timestamp;
use tollgate_engine::jobs::Ended;

use super::texts;

/// An amount of nano-USD as a JSON number, as seed 001 has it.
pub(super) fn usd(nano: u64) -> f64 {
    nano as f64 / USD as f64
}

/// The metadata of a job as a value.
pub(super) fn metadata(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn time(at: Option<Timestamp>) -> Value {
    at.map(Timestamp::to_rfc3339).into()
}

/// A job.
pub(super) fn job(job: &Job, calls: &[CallRecord]) -> Value {
    let mut seen = HashSet::new();
    let groups = calls.iter().map(|call| &*call.asked);
    let groups: Vec<&str> = groups.filter(|group| seen.insert(*group)).collect();
    json!({
        "job_id": job.id.to_string(),
        "team_id": job.team.as_str(),
        "user_id": job.user,
        "job_type": &*job.kind,
        "status": job.state.as_str(),
        "created_at": job.created_at.to_rfc3339(),
        "started_at": time(job.started_at),
        "completed_at": time(job.completed_at),
        "metadata": metadata(&job.metadata),
        "error_message": job.error,
        "organization_id": job.organization.as_str(),
        "external_task_id": null,
        "credit_applied": is_paid(job),
        "credits_charged": job.charged,
        "model_groups_used": groups,
    })
}

/// Whether a job has cost what it should.
pub(super) fn is_paid(job: &Job) -> bool {
    job.settled && job.charged > 0 && job.charged == job.due
}

/// A job of a list, with what its calls come to.
pub(super) fn summary(job: &Job, totals: &Totals) -> Value {
    json!({
        "job_id": job.id.to_string(),
        "team_id": job.team.as_str(),
        "user_id": job.user,
        "job_type": &*job.kind,
        "status": job.state.as_str(),
        "created_at": job.created_at.to_rfc3339(),
        "started_at": time(job.started_at),
        "completed_at": time(job.completed_at),
        "total_calls": totals.calls,
        "successful_calls": totals.succeeded,
        "failed_calls": totals.failed,
        "retry_count": totals.repeated,
        "total_tokens": totals.tokens,
        "total_cost_usd": usd(totals.cost),
        "avg_latency_ms": totals.average_latency_ms(),
        "credit_applied": is_paid(job),
        "credits_charged": job.charged,
        "error_message": job.error,
        "job_metadata": metadata(&job.metadata),
    })
}

/// What the calls of a job come to, and what it cost.
pub(super) fn costs(ended: &Ended, left: u64) -> Value {
    let totals = &ended.totals;
    json!({
        "total_calls": totals.calls,
        "successful_calls": totals.succeeded,
        "failed_calls": totals.failed,
        "total_tokens": totals.tokens,
        "total_cost_usd": usd(totals.cost),
        "avg_latency_ms": totals.average_latency_ms(),
        "credit_applied": is_paid(&ended.job),
        "credits_charged": ended.job.charged,
        "credits_remaining": left,
    })
}

/// A job that has ended.
pub(super) fn ended(ended: &Ended, left: u64) -> Value {
    let calls = ended.calls.iter().map(|call| {
        json!({
            "call_id": call.id.to_string(),
            "purpose": call.purpose,
            "model": call.model.as_deref().unwrap_or(&call.asked),
            "model_group": &*call.asked,
            "tokens": tokens(call),
            "latency_ms": call.latency_ms,
            "error": call.error,
        })
    });
    json!({
        "job_id": ended.job.id.to_string(),
        "status": ended.job.state.as_str(),
        "completed_at": time(ended.job.completed_at),
        "error_message": ended.job.error,
        "costs": costs(ended, left),
        "calls": calls.collect::<Vec<_>>(),
        "total_calls": ended.totals.calls,
        "credits_remaining": left,
    })
}

fn tokens(call: &CallRecord) -> u64 {
    call.prompt.saturating_add(call.completion)
}

/// What each call of a job cost.
pub(super) fn costs_by_call(job: &Job, calls: &[CallRecord]) -> Value {
    let rows = calls.iter().map(|call| {
        json!({
            "call_id": call.id.to_string(),
            "model": call.model.as_deref().unwrap_or(&call.asked),
            "model_group": &*call.asked,
            "purpose": call.purpose,
            "prompt_tokens": call.prompt,
            "completion_tokens": call.completion,
            "cost_usd": usd(call.cost),
            "created_at": call.at.to_rfc3339(),
        })
    });
    json!({
        "job_id": job.id.to_string(),
        "team_id": job.team.as_str(),
        "job_type": &*job.kind,
        "status": job.state.as_str(),
        "costs": {
            "total_cost_usd": usd(Totals::of(calls).cost),
            "breakdown": rows.collect::<Vec<_>>(),
        },
    })
}

/// A call with everything that is kept of it: what was said, too, where the organization has that
/// kept.
pub(super) fn call(call: &CallRecord, bodies: Option<&Bodies>) -> Value {
    let text = |of: fn(&Bodies) -> &Bytes| bodies.map(of).map(|text| texts::value(text));
    json!({
        "call_id": call.id.to_string(),
        "request_id": &*call.request_id,
        "purpose": call.purpose,
        "status": call.state.as_str(),
        "model": call.model.as_deref().unwrap_or(&call.asked),
        "model_group": &*call.asked,
        "prompt_tokens": call.prompt,
        "completion_tokens": call.completion,
        "total_tokens": tokens(call),
        "cost_usd": usd(call.cost),
        "latency_ms": call.latency_ms,
        "error": call.error,
        "created_at": call.at.to_rfc3339(),
        "request_data": text(|bodies| &bodies.request),
        "response_data": text(|bodies| &bodies.answer),
    })
}

/// The answer of a call: what the model said in the words of seed 001, beside the members of the
/// chat completion, which its typed client reads.
pub(super) fn called(body: &Bytes, call: &CallRecord) -> Result<Map<String, Value>, Failure> {
    debug_assert_eq!(
        call.state,
        CallState::Succeeded,
        "failures are told otherwise"
    );
    let mut answer: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Failure::gateway(Code::InternalError).because(error))?;
    let choice = answer.get("choices").and_then(|choices| choices.get(0));
    let message = choice.and_then(|choice| choice.get("message"));
    let content = message.and_then(|message| message.get("content"));
    let mut response = Map::new();
    let text = content.filter(|content| content.is_string()).cloned();
    response.insert("content".to_owned(), text.unwrap_or_else(|| "".into()));
    let finish = choice.and_then(|choice| choice.get("finish_reason"));
    let finish = finish.cloned().unwrap_or_default();
    response.insert("finish_reason".to_owned(), finish);
    let tools = message.and_then(|message| message.get("tool_calls"));
    if let Some(tools) = tools.filter(|tools| tools.is_array()) {
        response.insert("tool_calls".to_owned(), tools.clone());
    }
    answer.insert("call_id".to_owned(), call.id.to_string().into());
    answer.insert("job_id".to_owned(), call.job.to_string().into());
    answer.insert("response".to_owned(), response.into());
    let told = json!({
        "tokens_used": tokens(call),
        "latency_ms": call.latency_ms,
        "model": call.model.as_deref().unwrap_or(&call.asked),
        "model_group": &*call.asked,
        "cost_usd": usd(call.cost),
    });
    answer.insert("metadata".to_owned(), told);
    Ok(answer)
}

/// The answer of a job that was made for one call, and whose end the store has not taken yet.
pub(super) fn unfinished(answer: &mut Map<String, Value>) {
    answer.insert("status".to_owned(), State::InProgress.as_str().into());
    answer.insert("completed_at".to_owned(), Value::Null);
}

/// The answer of a job that was made for one call: the same, and how the job ended.
pub(super) fn single(answer: &mut Map<String, Value>, ended: &Ended, left: u64) {
    for (name, value) in [
        ("status", ended.job.state.as_str().into()),
        ("costs", costs(ended, left)),
        ("completed_at", time(ended.job.completed_at)),
        ("total_calls", ended.totals.calls.into()),
        ("credits_remaining", left.into()),
    ] {
        answer.insert(name.to_owned(), value);
    }
}
