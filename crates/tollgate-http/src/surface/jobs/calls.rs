//! Calls in jobs: each goes the way of every call, and is noted in its job.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;
use tollgate_core::call::Call;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::format::{Format, Operation};
use tollgate_core::job::Job;
use tollgate_engine::caller::Caller;
use tollgate_engine::chat;
use tollgate_engine::hold::Most;
use tollgate_engine::jobs::{Ending, NewCall, NewJob};
use tollgate_engine::port::Reply;
use tollgate_engine::routes::Route;
use tollgate_wire::formats::{self, Received};

use super::request::{Asked, Body};
use super::tail::Tail;
use super::whole::whole;
use super::{LONGEST_NAME, answer, check_team, merged, new_job, once};
use crate::body::Inbound;
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::log_row::Texts;
use crate::record::Record;
use crate::request_id::RequestId;
use crate::settlement;
use crate::surface::admin;
use crate::surface::calls::{self, Payment, Ready};

/// A call in a job that is there.
pub(super) async fn in_job(
    record: &mut Record,
    caller: &Caller,
    (job, stream): (Job, bool),
    (parts, body): (&Parts, &mut Inbound),
) -> Result<Given, Failure> {
    let gateway = Arc::clone(record.gateway());
    let body = admin::read(&gateway, parts, body).await?;
    if let Some(again) = once(record, caller, parts, &body).await? {
        return Ok(again);
    }
    let mut fields = Body::read(&body)?;
    let asked = fields.call();
    let model = named(record, caller, (&asked, &mut fields));
    fields.finish()?;
    let ready = ready(record, caller, (&asked, &model), (parts, stream))?;
    run(record, caller, (Place::In(job), asked), ready).await
}

/// A call in a job that is made for it, and ends with it.
pub(super) async fn single(
    record: &mut Record,
    caller: &Caller,
    stream: bool,
    (parts, body): (&Parts, &mut Inbound),
) -> Result<Given, Failure> {
    let gateway = Arc::clone(record.gateway());
    let body = admin::read(&gateway, parts, body).await?;
    if let Some(again) = once(record, caller, parts, &body).await? {
        return Ok(again);
    }
    let mut fields = Body::read(&body)?;
    let team = fields.required_text("team_id", LONGEST_NAME);
    let new = new_job(&mut fields, "job_metadata", true);
    let asked = fields.call();
    let model = named(record, caller, (&asked, &mut fields));
    fields.finish()?;
    check_team(caller, &team)?;
    // What cannot be served needs no job.
    let ready = ready(record, caller, (&asked, &model), (parts, stream))?;
    run(record, caller, (Place::New(new?), asked), ready).await
}

/// The model that is meant; it is a fault if there is none.
fn named(record: &Record, caller: &Caller, (asked, fields): (&Asked, &mut Body)) -> String {
    let jobs = &record.gateway().engine.jobs;
    let named = asked.model.clone();
    let named = named.or_else(|| jobs.default_model(caller).map(String::from));
    named.unwrap_or_else(|| {
        fields.no_model();
        String::new()
    })
}

/// Reads the call, and finds who would serve it.
fn ready(
    record: &mut Record,
    caller: &Caller,
    (asked, model): (&Asked, &str),
    (parts, stream): (&Parts, bool),
) -> Result<Ready, Failure> {
    let gateway = Arc::clone(record.gateway());
    let (wishes, carried) = calls::read_head(&parts.headers)?;
    record.facts.tells_trail = wishes.trail;
    let body = asked.chat(model, stream);
    record.facts.texts = Texts::begin(&gateway.engine.request_log, caller, &body);
    let received = Received {
        operation: Operation::Chat,
        body,
        model: None,
        stream: false,
        array: false,
    };
    let mut call = formats::read(Format::OpenAi, received)?;
    call.carried = carried;
    record.facts.stream = call.stream;
    let route = resolve(record, caller, &call)?;
    Ok(Ready {
        call,
        wishes,
        route,
    })
}

fn resolve(record: &mut Record, caller: &Caller, call: &Call) -> Result<Arc<Route>, Failure> {
    let engine = &record.gateway().engine;
    let route = chat::route(engine, caller, call).map_err(|failure| {
        if failure.code != Code::ModelNotFound {
            return failure;
        }
        let team = caller.team().id.as_str().to_owned();
        failure.detail(detail::TEAM_ID, Detail::Text(team))
    })?;
    record.facts.route = Some(Arc::clone(&route));
    Ok(route)
}

/// Where a call is made.
enum Place {
    /// In a job that is there.
    In(Job),
    /// In one that is made for it.
    New(NewJob),
}

/// Begins a call, and makes its job where that is still to be made. If its caller goes away
/// meanwhile the call has failed as soon as it has begun, and with it a job that was made for it.
async fn begin(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    (place, asked): (Place, Asked),
    (most, model, request_id): (Most, String, RequestId),
) -> Result<Tail, Failure> {
    let (own, caller) = (Arc::clone(gateway), caller.clone());
    let beginning = async move {
        let jobs = &own.engine.jobs;
        let job = match place {
            Place::In(job) => job,
            Place::New(new) => jobs.create(&caller, new).await?,
        };
        let new = NewCall {
            purpose: asked.purpose.map(Into::into),
            asked: &model,
            request_id: request_id.as_str(),
            most,
        };
        match jobs.begin_call(&caller, &job, new).await {
            Ok(begun) => Ok(Tail::new(Arc::clone(&own), job, begun, asked.metadata)),
            Err(failure) => {
                if job.single {
                    let ending = Ending {
                        well: false,
                        error: Some(failure.code.slug().into()),
                    };
                    jobs.end_surely(&job, ending).await?;
                }
                Err(failure)
            }
        }
    };
    whole(gateway, beginning).await
}

/// Has the call served, and noted in its job.
async fn run(
    record: &mut Record,
    caller: &Caller,
    (place, asked): (Place, Asked),
    ready: Ready,
) -> Result<Given, Failure> {
    let gateway = Arc::clone(record.gateway());
    // What does not fit is said before anything is paid for.
    let old = match &place {
        Place::In(job) => &job.metadata,
        Place::New(new) => &new.metadata,
    };
    merged(old, &asked.metadata, "call_metadata")?;
    let estimate = chat::estimate(&gateway.engine, caller, &ready.call);
    let most = chat::most(&gateway.engine, &ready.route, estimate);
    let named = (most, ready.call.model.to_string(), record.facts.id.clone());
    let tail = begin(&gateway, caller, (place, asked), named).await?;
    let payment = if tail.is_paid_by_job() {
        Payment::Counted(tail.share())
    } else {
        Payment::Wallet
    };
    record.job = Some(Box::new(tail));
    match Box::pin(serve(record, caller, ready, payment)).await {
        Ok(given) => Ok(given),
        Err(failure) => {
            // Whoever is told of the failure finds it noted, where the store takes it in time.
            if let Some(mut tail) = record.job.take() {
                tail.fail(&failure);
                tail.failed().await;
            }
            Err(failure)
        }
    }
}

async fn serve(
    record: &mut Record,
    caller: &Caller,
    ready: Ready,
    payment: Payment,
) -> Result<Given, Failure> {
    let mut served = calls::serve(record, caller, ready, payment).await?;
    let Reply::Answer(given) = served.reply() else {
        return Ok(Given::Call(Box::new(served)));
    };
    let given = given.body.clone();
    let ticket = calls::settle(record, &mut served);
    foresee(record, &given)?;
    settlement::wait(record, ticket).await?;
    let told = note(record, caller, &given).await?;
    if let Some(recording) = &mut record.replay {
        recording.replace(&told);
    }
    served.put(told);
    Ok(Given::Call(Box::new(served)))
}

/// From now on the answer is paid for: if the caller goes away the call went well all the same, and
/// whoever asks again gets what is known of it by now.
fn foresee(record: &mut Record, given: &Bytes) -> Result<(), Failure> {
    let Some(tail) = &mut record.job else {
        return Ok(());
    };
    tail.complete();
    let (is_single, call) = (tail.is_single(), tail.foreseen());
    if let (Some(recording), Some(call)) = (&mut record.replay, call) {
        let mut told = answer::called(given, &call)?;
        if is_single {
            answer::unfinished(&mut told);
        }
        recording.record(Value::Object(told).to_string().as_bytes());
        recording.complete();
    }
    Ok(())
}

/// Notes an answered call in its job, and makes the answer for its caller.
async fn note(record: &mut Record, caller: &Caller, given: &Bytes) -> Result<Bytes, Failure> {
    let jobs = Arc::clone(&record.gateway().engine.jobs);
    let tail = record.job.take().ok_or_else(|| {
        Failure::gateway(Code::InternalError).because("the call of a job ended twice")
    })?;
    let is_single = tail.is_single();
    let (call, ended) = tail.noted().await?;
    let mut told = answer::called(given, &call)?;
    match ended {
        Some(ended) => answer::single(&mut told, &ended, jobs.credits_left(caller)),
        None if is_single => answer::unfinished(&mut told),
        None => {}
    }
    Ok(Value::Object(told).to_string().into())
}
