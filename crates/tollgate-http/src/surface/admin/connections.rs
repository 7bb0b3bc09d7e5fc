//! `/api/connections` (seed 002, and what is ours beside it): how connections are, tests of them,
//! and their breakers by hand. Each function gives the status and the body of its answer.

use serde_json::{Map, Value, json};
use tollgate_core::error::dialect::{display_name, told};
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::OrgId;
use tollgate_core::route::breaker::Order;
use tollgate_engine::engine::Engine;
use tollgate_engine::operate::{self, ConnectionState, TargetState};

use super::fields::Fields;
use super::health;

const LONGEST_MODEL: usize = 256;

/// `GET /api/connections`: every connection. Never fails; it answers as its siblings do.
pub fn list(engine: &Engine) -> Result<(u16, Value), Failure> {
    let connections = operate::connections(engine);
    let rows: Vec<Value> = connections.iter().map(|state| row(engine, state)).collect();
    Ok((200, json!({ "connections": rows })))
}

/// `GET /api/connections/{id}`: one connection. Fails if there is none of this name.
pub(crate) fn one(engine: &Engine, name: &str) -> Result<(u16, Value), Failure> {
    let state = operate::connection(engine, name)?;
    Ok((200, row(engine, &state)))
}

/// `POST /api/connections/{id}/test`: asks the provider a cheap question. A provider that fails
/// is a result. Fails if there is no connection of this name, or if the body is at fault.
pub async fn test(engine: &Engine, name: &str, body: &[u8]) -> Result<(u16, Value), Failure> {
    let model = if body.trim_ascii().is_empty() {
        None
    } else {
        let mut fields = Fields::read(body)?;
        let model = fields.text("model", LONGEST_MODEL);
        fields.finish()?;
        model
    };
    let tested = operate::test(engine, name, model.as_deref()).await?;
    let mut answer = Map::new();
    answer.insert("success".to_owned(), tested.outcome.is_ok().into());
    answer.insert("latency_ms".to_owned(), health::ms(tested.took).into());
    if let Err(failure) = tested.outcome {
        if let Some(cause) = &failure.cause {
            tracing::warn!(
                connection = name,
                code = failure.code.slug(),
                %cause,
                "the test of a connection failed"
            );
        }
        answer.insert("code".to_owned(), failure.code.slug().into());
        answer.insert("message".to_owned(), told(&failure).into());
        let status = failure.provider_status;
        answer.insert("provider_status".to_owned(), status.into());
        answer.insert("exchange".to_owned(), failure.exchange.into());
    }
    Ok((200, Value::Object(answer)))
}

/// `POST /api/connections/{id}/breaker`: opens, closes or isolates. Answers with the connection as
/// it is then. Fails if there is no such connection or target, or if the body is at fault.
pub(crate) fn order(engine: &Engine, name: &str, body: &[u8]) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let action = fields.required_text("action", 32);
    let order = action.as_deref().and_then(order_of);
    if action.is_some() && order.is_none() {
        let what = "must be open, close or isolate";
        fields.fault("action", "value_error", what);
    }
    let model = fields.text("model", LONGEST_MODEL);
    fields.finish()?;
    // A missing action has been a fault.
    let order = order.ok_or_else(|| Failure::client(Code::InvalidRequest))?;
    let state = operate::order(engine, name, model.as_deref(), order)?;
    Ok((200, row(engine, &state)))
}

fn order_of(word: &str) -> Option<Order> {
    Order::ALL
        .iter()
        .copied()
        .find(|order| order.as_str() == word)
}

fn row(engine: &Engine, state: &ConnectionState) -> Value {
    let declared = &state.declared;
    let limits = declared.limits;
    let checks = declared.checks.as_ref().map(|checks| {
        json!({
            "interval_ms": health::ms(checks.interval),
            "timeout_ms": health::ms(checks.timeout),
            "model": checks.model.as_deref(),
            "unhealthy": checks.thresholds.unhealthy,
            "healthy": checks.thresholds.healthy,
        })
    });
    let targets = state.targets.iter().map(|one| target(engine, one));
    let last = state.last_tested();
    let kept = engine.keeper.get().and_then(|keeper| {
        let all = keeper.list();
        all.into_iter().find(|kept| *kept.name == *declared.name)
    });
    json!({
        "id": &*declared.name,
        "name": &*declared.name,
        "provider": {
            "key": declared.provider,
            "name": display_name(declared.provider),
        },
        "endpoint_url": state.endpoint,
        "status": state.status().as_str(),
        "organization": declared.owner.as_ref().map(OrgId::as_str),
        "declared": kept.is_none(),
        "has_credential": kept.as_ref().map(|kept| kept.has_credential),
        "created_at": kept.as_ref().map(|kept| kept.created_at.to_rfc3339()),
        "model_count": state.models,
        "rate_limits": {"rpm": limits.rpm, "tpm": limits.tpm},
        "last_tested_at": last.map(|checked| health::time(engine, checked.at)),
        "healthy": state.reading.healthy,
        "limits": health::limits(&limits),
        "used": health::used(&state.reading.used),
        "checks": checks,
        "last_check": health::checked(engine, state.reading.checked),
        "last_test": health::checked(engine, state.reading.tested),
        "targets": targets.collect::<Vec<_>>(),
    })
}

fn target(engine: &Engine, state: &TargetState) -> Value {
    let serves: Vec<&str> = state.serves.iter().map(AsRef::as_ref).collect();
    let own = [
        ("model", Value::from(&*state.model)),
        ("serves", serves.into()),
        ("enabled", state.enabled.into()),
        ("limits", health::limits(&state.limits)),
        ("used", health::used(&state.reading.used)),
    ];
    let all = own
        .into_iter()
        .chain(health::target(engine, &state.reading));
    all.map(|(name, value)| (name.to_owned(), value))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests;
