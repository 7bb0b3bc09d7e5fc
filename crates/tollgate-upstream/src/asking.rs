//! What a provider is asked: the call as it came where the formats agree, translated where they
//! do not.

use tollgate_core::call::Call;
use tollgate_core::catalogue;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::{Format, Operation};
use tollgate_core::reply::Answer;
use tollgate_engine::port::Attempt;
use tollgate_wire::formats::{Aim, Lost};
use tollgate_wire::{same, strip, translate};

use crate::body::RequestBody;
use crate::connection::Connection;
use crate::provider::Provider;

/// What becomes of a call at a provider.
pub(crate) enum Ask {
    /// It is sent.
    Send(Asking),
    /// It is answered here: nobody else can.
    Estimated(Answer),
}

/// What is sent.
pub(crate) struct Asking {
    /// The format that the provider is asked in.
    pub(crate) format: Format,
    /// The body.
    pub(crate) body: RequestBody,
    /// What could not be said.
    pub(crate) lost: Lost,
    /// The names of the caller's tools that take free text, where the provider knows them as
    /// functions.
    pub(crate) freeform: Vec<String>,
}

/// Decides how a call is put to the provider of a connection. Fails if it cannot be.
pub(crate) fn ask(connection: &Connection, attempt: &Attempt<'_>) -> Result<Ask, Failure> {
    let provider = connection.settings.provider;
    let call = attempt.call;
    let Some(format) = connection.settings.format_for(call.format, call.operation) else {
        return Err(not_offered(provider, call.operation));
    };
    if call.operation == Operation::CountTokens {
        return count(call, format, attempt, provider);
    }
    if format != call.format {
        return translated(call, format, attempt, provider);
    }
    relayed(call, attempt, provider)
}

fn relayed(
    call: &Call,
    attempt: &Attempt<'_>,
    provider: &'static Provider,
) -> Result<Ask, Failure> {
    let model = &*attempt.target.model;
    let mut lost = Lost::new();
    let stripped = if call.sealed {
        Some(strip::call(call, provider.name, model, &mut lost)?)
    } else {
        None
    };
    let call = stripped.as_ref().unwrap_or(call);
    let body = if provider.quirks.members.is_some() && is_chat(call) {
        let (quirks, ask) = (&provider.quirks, provider.ask_usage);
        RequestBody::new(same::fit(call, model, quirks, ask, &mut lost).into_parts())
    } else {
        RequestBody::new(same::patch(call, model, provider.ask_usage).into_parts())
    };
    Ok(Ask::Send(Asking {
        format: call.format,
        body,
        lost: translate::settle(lost, provider.name, attempt.unsupported)?,
        freeform: Vec::new(),
    }))
}

/// Whether a call is a chat completion, which is what quirks are about.
fn is_chat(call: &Call) -> bool {
    call.format == Format::OpenAi && call.operation == Operation::Chat
}

fn translated(
    call: &Call,
    format: Format,
    attempt: &Attempt<'_>,
    provider: &'static Provider,
) -> Result<Ask, Failure> {
    let outbound = translate::request(call, format, &aim(attempt, provider), attempt.unsupported)?;
    Ok(Ask::Send(Asking {
        format,
        body: RequestBody::new([outbound.body]),
        lost: outbound.lost,
        freeform: outbound.freeform,
    }))
}

/// The number of a prompt's tokens: the provider's where it tells, an estimate where not.
fn count(
    call: &Call,
    format: Format,
    attempt: &Attempt<'_>,
    provider: &'static Provider,
) -> Result<Ask, Failure> {
    if provider.counts {
        if format == call.format {
            return relayed(call, attempt, provider);
        }
        if let Some(body) = translate::count_request(call, format, &aim(attempt, provider))? {
            return Ok(Ask::Send(Asking {
                format,
                body: RequestBody::new([body]),
                lost: Lost::new(),
                freeform: Vec::new(),
            }));
        }
    }
    let estimate = translate::counted(call.format, translate::estimate(call)?);
    estimate
        .map(Ask::Estimated)
        .ok_or_else(|| not_offered(provider, call.operation))
}

fn aim<'a>(attempt: &Attempt<'a>, provider: &'static Provider) -> Aim<'a> {
    Aim {
        provider: provider.name,
        model: &attempt.target.model,
        max_output: attempt
            .target
            .max_output
            .or_else(|| catalogue::longest_answer(&attempt.target.model)),
        ask_usage: provider.ask_usage,
        quirks: &provider.quirks,
    }
}

fn not_offered(provider: &Provider, operation: Operation) -> Failure {
    let (name, what) = (provider.name, operation.as_str().replace('_', " "));
    Failure::client(Code::InvalidRequest).message(format!(
        "The model's provider ({name}) offers no {what} through Tollgate. Choose another model."
    ))
}
