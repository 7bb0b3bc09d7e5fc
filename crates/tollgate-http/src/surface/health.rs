//! What operators and their machines ask.

use serde_json::json;
use tollgate_core::error::{Code, Failure};

use crate::dispatch::Given;
use crate::gateway::Gateway;

/// `/health`, in the words of seed 001.
pub(crate) fn healthy() -> Given {
    Given::json(
        200,
        &json!({"status": "healthy", "service": "saas-llm-api"}),
    )
}

/// `/api/hello`, with which Anthropic's agents see whether there is a way to the API.
pub(crate) fn hello() -> Given {
    Given::json(200, &json!({"message": "hello"}))
}

/// The process runs.
pub(crate) fn live() -> Given {
    Given::json(200, &json!({"status": "alive"}))
}

/// The process takes calls. The store is not asked: calls are served from memory, and taking
/// every replica out because a shared database is down would make one failure of it a failure
/// of all.
pub(crate) fn ready(gateway: &Gateway) -> Given {
    if gateway.is_draining() {
        return Given::json(503, &json!({"status": "draining"}));
    }
    if gateway.engine.maintenance.is_on() {
        return Given::json(503, &json!({"status": "maintenance"}));
    }
    Given::json(200, &json!({"status": "ready"}))
}

/// The figures for Prometheus.
pub(crate) fn metrics(gateway: &Gateway) -> Result<Given, Failure> {
    let unwritten = |error| Failure::gateway(Code::InternalError).because(error);
    let text = gateway.metrics.render().map_err(unwritten)?;
    Ok(Given::Document {
        status: 200,
        content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
        body: text.into(),
    })
}

/// The front door: says what this is and where to go.
pub(crate) fn front(url: &str) -> Given {
    Given::json(
        200,
        &json!({
            "name": "Tollgate",
            "version": env!("CARGO_PKG_VERSION"),
            "openai_base_url": format!("{url}/v1"),
            "errors": format!("{url}/errors"),
            "health": format!("{url}/health"),
        }),
    )
}
