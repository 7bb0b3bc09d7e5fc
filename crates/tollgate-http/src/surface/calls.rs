//! Calls to models, in the format of whichever surface they come in by.

mod address;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use tollgate_core::call::{Call, Wishes};
use tollgate_core::error::Failure;
use tollgate_core::error::dialect::StreamForm;
use tollgate_core::format::{Format, Operation};
use tollgate_core::route::cache::CacheMode;
use tollgate_engine::caller::Caller;
use tollgate_engine::chat::{self, Plan, Served};
use tollgate_engine::fault;
use tollgate_engine::hold::Hold;
use tollgate_engine::jobs::CallShare;
use tollgate_engine::port::Reply;
use tollgate_engine::routes::Route;
use tollgate_engine::settle::Ticket;
use tollgate_wire::formats::{self, Received};

pub(crate) use self::address::{Address, Shape};
use crate::body::{self, Bounds, Inbound};
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::head::Head;
use crate::log_row::Texts;
use crate::outgoing::Outgoing;
use crate::query::Query;
use crate::record::Record;
use crate::settlement;
use crate::stream::EventBody;
use crate::surface::{models, simple};
use crate::{answer, cache, dialect, idempotency, wishes};

/// Tells nginx and its like not to gather what is sent.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A call that a provider has begun to answer.
pub(crate) struct Called {
    pub(crate) served: Served,
    pub(crate) form: StreamForm,
}

/// Reads the request and has it served.
pub(crate) async fn call(
    record: &mut Record,
    caller: &Caller,
    address: Address<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let model = address.model.map(models::named_by).transpose()?;
    let (mut wishes, carried) = read_head(&parts.headers)?;
    let key = idempotency::key(&parts.headers)?;
    record.facts.tells_trail = wishes.trail;
    let gateway = record.gateway().clone();
    let body = body::read_json(&parts.headers, body, bounds(&gateway)).await?;
    if let Some(key) = key {
        let tenant = idempotency::Tenant::Team(caller.team().id.as_str());
        let begun = Box::pin(idempotency::begin(record, &key, tenant, parts, &body));
        if let Some(again) = begun.await? {
            return Ok(again);
        }
    }
    record.facts.texts = Texts::begin(&gateway.engine.request_log, caller, &body);
    let received = Received {
        operation: address.operation,
        body,
        model: model.as_deref(),
        stream: address.stream,
        array: address.array,
    };
    let (mut call, unknown) = read(&gateway, address, received)?;
    call.carried = carried;
    call.query = Query::new(parts.uri.query()).only(carried_parameters(address.format));
    record.facts.stream = call.stream;
    let generation = gateway.engine.cache.generation();
    let route = chat::route(&gateway.engine, caller, &call)?;
    record.facts.route = Some(Arc::clone(&route));
    wishes::take_off(&mut wishes, record.facts.begin);
    let mut asking = Asking {
        caller,
        call: &call,
        wishes: &wishes,
        route: &route,
        payment: Payment::Wallet,
    };
    let left;
    if cache::mode(&gateway, &asking) != CacheMode::Off {
        let since = Instant::now();
        let answering = cache::answer(record, &asking, (&parts.headers, generation));
        if let Some(given) = Box::pin(answering).await? {
            return Ok(given);
        }
        // It may have waited there for another one's answer.
        left = wishes::left(&wishes, route.rules.timeouts.total, since);
        asking.wishes = left.as_ref().unwrap_or(&wishes);
    }
    let (mut served, hold) = match begin(record, &asking).await {
        Ok(served) => served,
        Err(failure) => return Box::pin(cache::stale(record, &asking, failure)).await,
    };
    let form = StreamForm::of(call.format, call.array);
    record.hold = hold.map(Box::new);
    record.facts.answered = Some(Arc::clone(&served.answered));
    if let Reply::Answer(given) = &served.delivery.reply {
        record.count(given);
    }
    if address.shape == Shape::Simple
        && let Err(failure) = simple::reduce(record, &mut served)
    {
        record.lose(served, &failure);
        return Box::pin(cache::stale(record, &asking, failure)).await;
    }
    record.keep(call, &served.delivery.reply);
    served.delivery.lost.extend(unknown);
    cache::begin(record, &served);
    settle_whole(record, &mut served).await?;
    Ok(Given::Call(Box::new(Called { served, form })))
}

/// How long and how large a body may be.
fn bounds(gateway: &Gateway) -> Bounds {
    let settings = gateway.settings();
    Bounds {
        bytes: settings.body_limit,
        time: settings.body_timeout,
    }
}

/// A call that was read, and whose route was found.
pub(super) struct Ready {
    pub(super) call: Call,
    pub(super) wishes: Wishes,
    pub(super) route: Arc<Route>,
}

/// How a call is paid.
#[derive(Clone, Debug)]
pub(crate) enum Payment {
    /// Out of the wallet of the team or of its organization.
    Wallet,
    /// Otherwise: here it is counted. With its part in what is held for its job, if that is
    /// charged by what it uses.
    Counted(Option<Arc<CallShare>>),
}

/// Has a call served, up to the first of its answer.
pub(super) async fn serve(
    record: &mut Record,
    caller: &Caller,
    ready: Ready,
    payment: Payment,
) -> Result<Called, Failure> {
    let Ready {
        call,
        mut wishes,
        route,
    } = ready;
    wishes::take_off(&mut wishes, record.facts.begin);
    let asking = Asking {
        caller,
        call: &call,
        wishes: &wishes,
        route: &route,
        payment,
    };
    let (served, hold) = begin(record, &asking).await?;
    let form = StreamForm::of(call.format, call.array);
    record.hold = hold.map(Box::new);
    record.keep(call, &served.delivery.reply);
    Ok(Called { served, form })
}

/// A call that may be served, but for what is set aside for it.
pub(crate) struct Asking<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) call: &'a Call,
    pub(crate) wishes: &'a Wishes,
    pub(crate) route: &'a Arc<Route>,
    pub(crate) payment: Payment,
}

/// Reads a body. Gives the members, too, that no provider is told of.
fn read(
    gateway: &Gateway,
    address: Address<'_>,
    mut received: Received<'_>,
) -> Result<(Call, Vec<String>), Failure> {
    let unknown = match address.shape {
        Shape::Bare => Vec::new(),
        Shape::Simple => {
            let asked = simple::read(gateway, &received.body)?;
            received.body = asked.body;
            asked.unknown
        }
    };
    Ok((formats::read(address.format, received)?, unknown))
}

/// Sets aside what the call may cost, and has it served.
async fn begin(
    record: &mut Record,
    asking: &Asking<'_>,
) -> Result<(Served, Option<Hold>), Failure> {
    let gateway = Arc::clone(record.gateway());
    let id = record.facts.id.clone();
    let hold = reserve(record, asking)?;
    fault::point("call.held");
    let plan = Plan {
        caller: asking.caller,
        call: asking.call,
        wishes: asking.wishes,
        request_id: id.as_str(),
        route: Arc::clone(asking.route),
        hold: hold.as_ref(),
    };
    let serving = chat::serve(&gateway.engine, plan, &mut record.facts.trail);
    let served = Box::pin(serving).await?;
    Ok((served, hold))
}

/// Reserves tokens under the caller's limits, and sets aside what the call may cost.
pub(crate) fn reserve(record: &mut Record, asking: &Asking<'_>) -> Result<Option<Hold>, Failure> {
    let Asking {
        caller,
        call,
        route,
        ref payment,
        ..
    } = *asking;
    let gateway = Arc::clone(record.gateway());
    let estimate = chat::estimate(&gateway.engine, caller, call);
    if let Some(pass) = &mut record.pass {
        // Answers whose length nobody bounds are counted when they are there.
        let choices = u64::from(call.choices.max(1));
        let answers = call.max_tokens.unwrap_or(0).saturating_mul(choices);
        pass.reserve(route, estimate.likely_prompt.saturating_add(answers))?;
    }
    match call.operation {
        // Counting costs nothing.
        Operation::CountTokens => Ok(None),
        Operation::Chat | Operation::Embeddings => {
            let hold = match payment {
                Payment::Wallet => chat::hold(&gateway.engine, caller, route, estimate)?,
                Payment::Counted(share) => {
                    let estimate = (estimate, share.clone());
                    chat::hold_counted(&gateway.engine, caller, route, estimate)?
                }
            };
            record.facts.note_money(&hold);
            Ok(Some(hold))
        }
    }
}

/// Settles a whole answer, and waits until that is durable.
pub(crate) async fn settle_whole(record: &mut Record, served: &mut Served) -> Result<(), Failure> {
    let Reply::Answer(given) = &served.delivery.reply else {
        return Ok(());
    };
    // The place is free for others while this answer waits for its settlement.
    if let Some(permit) = served.permit.take() {
        permit.succeed(given.usage);
    }
    let ticket = record.settle(true);
    if let Some(recording) = &mut record.replay {
        recording.record(&given.body);
        recording.complete();
    }
    settlement::wait(record, ticket).await?;
    record.fill();
    Ok(())
}

/// Settles a whole answer. A stream is settled at its end.
pub(super) fn settle(record: &mut Record, called: &mut Called) -> Option<Ticket> {
    let served = &mut called.served;
    let Reply::Answer(given) = &served.delivery.reply else {
        return None;
    };
    record.facts.answered = Some(Arc::clone(&served.answered));
    record.count(given);
    // The place is free for others while this answer waits for its settlement.
    if let Some(permit) = served.permit.take() {
        permit.succeed(given.usage);
    }
    record.settle(true)
}

impl Called {
    /// What the provider gave.
    pub(super) fn reply(&self) -> &Reply {
        &self.served.delivery.reply
    }

    /// Puts another body in place of a whole answer's.
    pub(super) fn put(&mut self, body: Bytes) {
        if let Reply::Answer(given) = &mut self.served.delivery.reply {
            given.body = body;
        }
    }
}

/// Headers that go on to a provider, names in lower case.
pub(super) type Carried = Vec<(Bytes, Bytes)>;

/// What the headers ask of the gateway itself, and those that a provider may see. Everything else
/// stays here.
pub(super) fn read_head(headers: &HeaderMap) -> Result<(Wishes, Carried), Failure> {
    let mut wishes = wishes::Reader::default();
    let mut carried = Carried::new();
    for (name, value) in headers {
        let name = name.as_str();
        let allowed = match name.as_bytes().first() {
            Some(b'u') => name == "user-agent",
            Some(b'o') => name == "openai-beta",
            Some(b't') => name == "traceparent" || name == "tracestate",
            Some(b'a') => name.starts_with("anthropic-"),
            Some(b'x') => {
                wishes.note(name, value);
                name.starts_with("x-claude-code-")
            }
            _ => false,
        };
        if allowed {
            let name = match name {
                "user-agent" => Bytes::from_static(b"user-agent"),
                other => Bytes::copy_from_slice(other.as_bytes()),
            };
            carried.push((name, Bytes::copy_from_slice(value.as_bytes())));
        }
    }
    Ok((wishes.finish()?, carried))
}

/// Parameters of the query that a provider of the same format may see. Everything else stays
/// here: a key may be among it.
const fn carried_parameters(format: Format) -> &'static [&'static str] {
    match format {
        Format::Anthropic => &["beta"],
        Format::OpenAi
        | Format::Completions
        | Format::Responses
        | Format::Gemini
        | Format::Bedrock
        | Format::Cohere
        | Format::Ollama => &[],
    }
}

/// Turns what the provider gave into the answer.
pub(crate) fn respond(mut record: Record, called: Called, parts: &Parts) -> Response<Outgoing> {
    let Called { served, form } = called;
    let Served {
        delivery,
        answered,
        permit,
    } = served;
    record.facts.status = 200;
    record.facts.answered = Some(answered);
    let mut head = Head::with_room(24);
    let id = record.facts.id.clone();
    answer::identify(&mut head.headers, &id);
    answer::tell_attempts(&mut head, &record.facts);
    answer::tell_route(&mut head, &record.facts);
    answer::tell_money(&mut head.headers, &record.facts);
    if let Some(cached) = &record.facts.cached {
        cached.tell(&mut head);
    }
    let of_key = record.facts.key.as_ref().and_then(|key| key.error_dialect);
    let of_deployment = record.gateway().settings().dialect;
    let dialect = || dialect::choose(parts, of_key, of_deployment);
    answer::tell_limits(&mut head, &record, dialect);
    answer::tell_unsupported(&mut head.headers, &delivery.lost);
    if delivery.estimated {
        answer::tell_estimated(&mut head.headers);
    }
    if let Some(id) = delivery.provider_request_id.as_deref() {
        answer::tell_provider_request_id(&mut head, id);
    }
    record.facts.provider_request_id = delivery.provider_request_id;
    if let Some(job) = &record.job {
        answer::tell_job(&mut head, job);
    }
    let mut response = match delivery.reply {
        Reply::Answer(given) => {
            if let Some(texts) = &mut record.facts.texts {
                texts.answer(&given.body);
            }
            answer::tell_cost(&mut head, &record.facts);
            let response = Response::new(Outgoing::Recorded(given.body, Some(Box::new(record))));
            let headers = &mut head.headers;
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Reply::Stream(pieces) => {
            record.facts.first_byte = Some(record.facts.begin.elapsed());
            record.permit = permit;
            let claude_code = answer::is_claude_code(&parts.headers);
            let events = EventBody::new(pieces, record, (dialect(), form), claude_code);
            let response = Response::new(Outgoing::Events(Box::new(events)));
            let headers = &mut head.headers;
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(form)));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            // Proxies in front must not gather what is meant to arrive at once.
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
            response
        }
    };
    *response.headers_mut() = head.headers;
    response
}

/// What streams of a form are, to whoever looks at the head of the answer.
const fn media_type(form: StreamForm) -> &'static str {
    match form {
        StreamForm::Chunks | StreamForm::Responses | StreamForm::Messages | StreamForm::Gemini => {
            "text/event-stream"
        }
        StreamForm::GeminiArray { .. } => "application/json",
    }
}

#[cfg(test)]
mod tests;
