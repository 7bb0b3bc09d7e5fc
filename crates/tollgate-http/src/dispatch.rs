//! One request from its head to its answer: find the endpoint, check the right, act, and turn
//! whatever fails into the caller's dialect.

mod seeing;

use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, EXPECT};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tollgate_core::error::{Code, Failure};
use tollgate_core::right::Right;
use tollgate_engine::admit;
use tollgate_engine::authority::Manager;
use tollgate_engine::caller::Caller;
use tollgate_engine::replay::Kept;
use tollgate_engine::throttle::{self, Pass};

use crate::answer;
use crate::body::Inbound;
use crate::client;
use crate::credential;
use crate::dialect;
use crate::family::Family;
use crate::gateway::Gateway;
use crate::idempotency::{self, Managed, Tenant};
use crate::outgoing::Outgoing;
use crate::query::Query;
use crate::record::Record;
use crate::refusal::Flaw;
use crate::routes::saas::OwnView;
use crate::routes::{Endpoint, JobRoute};
use crate::surface;
use crate::surface::calls::Address;

/// How much of an unread body is taken in, and for how long, so that a client that is still
/// sending gets to read its answer.
const UNREAD_BYTES: usize = 64 * 1024 * 1024;
const UNREAD_TIME: Duration = Duration::from_secs(5);

/// What an endpoint gave.
pub(crate) enum Given {
    /// A provider's answer or stream.
    Call(Box<surface::calls::Called>),
    /// What was answered when the same request came first.
    Again(Box<Kept>),
    /// A document of ours.
    Document {
        status: u16,
        content_type: &'static str,
        body: Bytes,
    },
}

impl Given {
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        let body = value.to_string().into();
        Self::Document {
            status,
            content_type: "application/json",
            body,
        }
    }
}

/// Answers one request. It never fails: a failure is an answer too.
pub(crate) async fn handle(
    gateway: Arc<Gateway>,
    peer: IpAddr,
    parts: Parts,
    body: Incoming,
    flaw: Option<Flaw>,
) -> Response<Outgoing> {
    let id = gateway.ids.of(&parts.headers);
    let endpoint = Endpoint::find(parts.uri.path());
    if let Some(endpoint) = endpoint.filter(|endpoint| is_plain_get(*endpoint, &parts.method))
        && flaw.is_none()
        // A failure goes the way of all others, which has a row of the catalogue and a line in the log.
        && let Ok(Some(given)) = surface::public(&gateway, endpoint)
    {
        let mut response = document(given);
        answer::identify(response.headers_mut(), &id);
        return response;
    }
    let surface = endpoint.map_or("unknown", Endpoint::surface);
    let client = client::address(&gateway.settings().trusted_proxies, peer, &parts.headers);
    let mut record = Record::begin(gateway, id, surface);
    record.facts.client = Some(client);
    let mut body = Inbound::new(body);
    // A panic is a bug of ours; the caller of this one request gets an error, the others nothing.
    let outcome = if let Some(flaw) = flaw {
        Err(flaw.failure())
    } else {
        let gateway = Arc::clone(record.gateway());
        let acting = act(&mut record, endpoint, &parts, &mut body);
        let acting = AssertUnwindSafe(until_cut(&gateway, parts.version, acting));
        acting.catch_unwind().await.unwrap_or_else(|_| {
            Err(Failure::gateway(Code::InternalError)
                .because("a panic while the request was served"))
        })
    };
    match outcome {
        Ok(Given::Call(called)) => {
            let mut response = surface::calls::respond(record, *called, &parts);
            if let Some(saving) = idempotency::keep(&mut response) {
                saving.await;
            }
            response
        }
        Ok(Given::Again(kept)) => idempotency::respond(record, *kept),
        Ok(given) => finished(record, given),
        Err(failure) => {
            let of_key = record.facts.key.as_ref().and_then(|key| key.error_dialect);
            let of_deployment = record.gateway().settings().dialect;
            let dialect = dialect::choose(&parts, of_key, of_deployment);
            take_in_unread(record.gateway(), &parts, body.into_incoming());
            let asked = answer::Asked {
                dialect,
                headers: &parts.headers,
                path: parts.uri.path(),
            };
            let mut response = answer::refuse(record, &failure, asked);
            if flaw == Some(Flaw::TwoLengths) {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            if failure.code == Code::MethodNotAllowed {
                tell_methods(&mut response, endpoint);
            }
            response
        }
    }
}

/// Lets a request act until the gateway's time is over. A connection of HTTP/1.1 looks at its
/// request whenever it wakes, and is woken at that moment, so that a request costs no entry in a
/// list that all share; on HTTP/2 requests are tasks of their own and have to wait for it.
async fn until_cut(
    gateway: &Gateway,
    version: Version,
    acting: impl Future<Output = Result<Given, Failure>>,
) -> Result<Given, Failure> {
    let over = || {
        Err(Failure::gateway(Code::Maintenance)
            .message("The gateway is shutting down. Send the request again in a moment."))
    };
    tokio::pin!(acting);
    if version == Version::HTTP_2 {
        return tokio::select! {
            biased;
            given = acting => given,
            () = gateway.cut.cancelled() => over(),
        };
    }
    std::future::poll_fn(|context| match acting.as_mut().poll(context) {
        Poll::Pending if gateway.is_cut() => Poll::Ready(over()),
        polled => polled,
    })
    .await
}

fn is_plain_get(endpoint: Endpoint<'_>, method: &Method) -> bool {
    endpoint.right(method) == Right::Public && endpoint.methods().contains(method)
}

async fn act(
    record: &mut Record,
    endpoint: Option<Endpoint<'_>>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let Some(endpoint) = endpoint else {
        return Err(Failure::client(Code::UnknownUrl));
    };
    let gateway = Arc::clone(record.gateway());
    if endpoint == Endpoint::CreditWebhook && surface::webhook::secret(&gateway).is_none() {
        return Err(Failure::client(Code::UnknownUrl));
    }
    if !endpoint.methods().contains(&parts.method) {
        return Err(Failure::client(without_method(endpoint, &parts.method)));
    }
    if gateway.is_draining() {
        return Err(Failure::gateway(Code::Maintenance)
            .message("The gateway is shutting down. Send the request again in a moment."));
    }
    match endpoint.right(&parts.method) {
        Right::Public if endpoint == Endpoint::CreditWebhook => {
            surface::webhook::credits(&gateway, &record.facts.id, parts, body).await
        }
        Right::Public => surface::public(&gateway, endpoint)?
            .ok_or_else(|| Failure::client(Code::ResourceNotFound)),
        Right::Read if let Endpoint::Report(report) = endpoint => {
            knock(record)?;
            let scope = seeing::scope(record, endpoint, parts)?;
            surface::reports::answer(&gateway, &scope, report, parts).await
        }
        right @ (Right::Read | Right::Write) => {
            knock(record)?;
            let credential = credential::read(endpoint, parts)?;
            let caller = admit::caller(&gateway.engine, &credential)?;
            record.facts.key = Some(Arc::clone(&caller.key));
            if is_call(endpoint) {
                record.facts.caller = Some(caller.clone());
            }
            credential::check_address(&record.facts, &caller)?;
            match endpoint {
                Endpoint::Job(job) if job.is_open_to_stopped() => {
                    admit::check_stopped(&caller, right, endpoint.surface())?;
                }
                _ => admit::check(&caller, right, endpoint.surface())?,
            }
            for_caller(record, &caller, endpoint, parts, body).await
        }
        // Every other right is one of managers; how far theirs reaches is checked again where
        // they act.
        right => {
            knock(record)?;
            if let Some(view) = OwnView::of(endpoint, &parts.method)
                && let Some(caller) = seeing::own_caller(record, parts, (endpoint, right))?
            {
                // It asks the store.
                count(record, &caller)?;
                return surface::admin::saas::own(&gateway, &caller, view, parts).await;
            }
            let manager = credential::manager(record, &parts.headers, right)?;
            if let Some(caller) = manager.caller() {
                credential::check_address(&record.facts, caller)?;
            }
            manager.extent(right)?;
            Box::pin(for_manager(record, manager, endpoint, parts, body)).await
        }
    }
}

/// Does what a manager asks for: once, where it has an idempotency key.
async fn for_manager(
    record: &mut Record,
    manager: Manager,
    endpoint: Endpoint<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let gateway = Arc::clone(record.gateway());
    let tenant = match manager.user_id() {
        Some(user) => Tenant::User(user.as_str()),
        None => Tenant::Deployment,
    };
    match idempotency::begin_management(record, tenant, parts, body).await? {
        Managed::Again(again) => Ok(Given::Again(again)),
        Managed::Once(read) => {
            let making = Box::pin(manage(gateway, manager, parts.clone(), read));
            idempotency::make(record, making).await
        }
        Managed::Plain => surface::admin::act(&gateway, &manager, endpoint, parts, body).await,
    }
}

/// Does what was asked for, whoever still waits for it.
async fn manage(
    gateway: Arc<Gateway>,
    manager: Manager,
    parts: Parts,
    body: Bytes,
) -> Result<Given, Failure> {
    let endpoint = Endpoint::find(parts.uri.path());
    let endpoint = endpoint.ok_or_else(|| Failure::client(Code::UnknownUrl))?;
    let mut body = Inbound::of(body);
    surface::admin::act(&gateway, &manager, endpoint, &parts, &mut body).await
}

/// Whether a model is called: such requests get a row in the request log.
fn is_call(endpoint: Endpoint<'_>) -> bool {
    match endpoint {
        Endpoint::Job(job) => job.is_call(),
        other => Address::of(other, Query::default()).is_some(),
    }
}

/// Counts the request for its address, before the credential is looked at: who guesses keys is
/// slowed down, too.
fn knock(record: &mut Record) -> Result<(), Failure> {
    let Some(client) = record.facts.client else {
        return Ok(());
    };
    let engine = Arc::clone(&record.gateway().engine);
    let knocked = throttle::knock(&engine, client);
    record.visitor = knocked.inspect_err(|_| {
        record.facts.standings = throttle::standings_of(&engine, client);
    })?;
    Ok(())
}

/// What is wrong with a method that the endpoint does not have.
fn without_method(endpoint: Endpoint<'_>, method: &Method) -> Code {
    match endpoint {
        // What follows the colon of such a path is the name of a method, too, and there is none
        // of this name.
        Endpoint::GeminiModel(_) if *method == Method::POST => Code::UnknownUrl,
        _ => Code::MethodNotAllowed,
    }
}

/// Lets a call in at its surface. Gives what its address says.
fn enter<'a>(
    record: &mut Record,
    caller: &Caller,
    endpoint: Endpoint<'a>,
    query: Query<'_>,
) -> Result<Address<'a>, Failure> {
    if endpoint == Endpoint::SimpleChat {
        surface::simple::enter(record, caller)?;
    }
    admit_call(record, caller)?;
    Address::of(endpoint, query).ok_or_else(|| Failure::client(Code::UnknownUrl))
}

async fn for_caller(
    record: &mut Record,
    caller: &Caller,
    endpoint: Endpoint<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let gateway = Arc::clone(record.gateway());
    let query = Query::new(parts.uri.query());
    match endpoint {
        Endpoint::Chat
        | Endpoint::Completions
        | Endpoint::Responses
        | Endpoint::Embeddings
        | Endpoint::SimpleChat
        | Endpoint::Messages
        | Endpoint::MessageTokens
        | Endpoint::Generate(_)
        | Endpoint::GenerateStream(_)
        | Endpoint::GenerateTokens(_) => {
            let address = enter(record, caller, endpoint, query)?;
            surface::calls::call(record, caller, address, parts, body).await
        }
        Endpoint::Job(job) => Box::pin(of_job(record, caller, job, parts, body)).await,
        Endpoint::Models => surface::models::list(&gateway, caller, Family::of(parts), query),
        Endpoint::Model(id) => surface::models::one(&gateway, caller, Family::of(parts), id),
        Endpoint::GeminiModels => surface::models::list(&gateway, caller, Family::Gemini, query),
        Endpoint::GeminiModel(id) => surface::models::one(&gateway, caller, Family::Gemini, id),
        Endpoint::Validate => Ok(surface::account::validate(caller)),
        Endpoint::Balance => Ok(surface::account::balance(&gateway, caller)),
        Endpoint::Keys
        | Endpoint::TemporaryKeys
        | Endpoint::Key(_)
        | Endpoint::RotateKey(_)
        | Endpoint::Organizations
        | Endpoint::Organization(_)
        | Endpoint::OrganizationStatus(..)
        | Endpoint::Members(_)
        | Endpoint::Member(..)
        | Endpoint::Teams
        | Endpoint::Team(_)
        | Endpoint::TeamStatus(..)
        | Endpoint::Audit
        | Endpoint::Credits(..)
        | Endpoint::Ledger
        | Endpoint::CreditWebhook
        | Endpoint::Maintenance
        | Endpoint::Connections
        | Endpoint::Connection(_)
        | Endpoint::TestConnection(_)
        | Endpoint::ConnectionBreaker(_)
        | Endpoint::ConnectionKey(_)
        | Endpoint::ExplainRoute
        | Endpoint::Saas(_)
        | Endpoint::Report(_)
        | Endpoint::Hello
        | Endpoint::SimpleHealth
        | Endpoint::SimpleMetrics
        | Endpoint::Errors
        | Endpoint::Error(_)
        | Endpoint::ErrorPages
        | Endpoint::ErrorPage(_)
        | Endpoint::Health
        | Endpoint::Live
        | Endpoint::Ready
        | Endpoint::Metrics
        | Endpoint::Front => Err(Failure::client(Code::UnknownUrl)),
    }
}

async fn of_job(
    record: &mut Record,
    caller: &Caller,
    job: JobRoute<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    if job.is_call() {
        admit_call(record, caller)?;
    } else {
        // It asks the store.
        count(record, caller)?;
    }
    surface::jobs::act(record, caller, job, parts, body).await
}

/// Lets a call in, or says at once why not: before its body is read, which may be long.
fn admit_call(record: &mut Record, caller: &Caller) -> Result<(), Failure> {
    let engine = &Arc::clone(&record.gateway().engine);
    engine.maintenance.check()?;
    engine.ledger.check()?;
    let place = engine.overload.enter(caller.key.priority)?;
    count(record, caller)?;
    record.place = Some(place);
    Ok(())
}

/// Counts a request under all limits of its caller.
fn count(record: &mut Record, caller: &Caller) -> Result<(), Failure> {
    let engine = &Arc::clone(&record.gateway().engine);
    let visitor = record.visitor;
    let pass = Pass::take(engine, caller, visitor).inspect_err(|_| {
        record.facts.standings = throttle::standings(engine, caller, visitor);
    })?;
    record.pass = Some(Box::new(pass));
    Ok(())
}

fn finished(mut record: Record, given: Given) -> Response<Outgoing> {
    let mut response = document(given);
    record.facts.status = response.status().as_u16();
    answer::identify(response.headers_mut(), &record.facts.id);
    record.finish();
    response
}

fn document(given: Given) -> Response<Outgoing> {
    let (status, content_type, body) = match given {
        Given::Document {
            status,
            content_type,
            body,
        } => (status, content_type, body),
        Given::Call(_) | Given::Again(_) => (500, "application/json", Bytes::new()),
    };
    let mut response = Response::new(Outgoing::Whole(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn tell_methods(response: &mut Response<Outgoing>, endpoint: Option<Endpoint<'_>>) {
    let methods: Vec<_> = endpoint
        .map_or(&[][..], Endpoint::methods)
        .iter()
        .map(Method::as_str)
        .collect();
    if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(ALLOW, methods);
    }
}

/// A refused request may still be on its way in. Closing on it would reset the connection before
/// the answer is read, so the rest is taken in and thrown away, within bounds.
fn take_in_unread(gateway: &Gateway, parts: &Parts, body: Option<Incoming>) {
    let Some(mut body) = body else {
        return;
    };
    if body.is_end_stream() || parts.headers.contains_key(EXPECT) {
        return;
    }
    let cut = gateway.cut.clone();
    gateway.tasks.spawn(async move {
        let taking = async {
            let mut taken = 0;
            while let Some(Ok(frame)) = body.frame().await {
                taken += frame.data_ref().map_or(0, Bytes::len);
                if taken > UNREAD_BYTES {
                    break;
                }
            }
        };
        // Running out of time means only that the client is cut off while it sends.
        tokio::select! {
            _ = tokio::time::timeout(UNREAD_TIME, taking) => {}
            () = cut.cancelled() => {}
        }
    });
}

#[cfg(test)]
mod tests;
