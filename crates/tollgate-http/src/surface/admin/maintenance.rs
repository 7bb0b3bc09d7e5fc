//! `/api/maintenance`: reads and sets maintenance mode. Each function gives the status and the
//! body of its answer.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::maintenance::{Maintenance, Switch};

use super::fields::Fields;

const LONGEST_MESSAGE: usize = 500;
/// A week.
const LONGEST_WAIT_S: u64 = 7 * 24 * 60 * 60;

/// `GET /api/maintenance`.
pub(super) fn read(maintenance: &Maintenance) -> (u16, Value) {
    let reading = maintenance.read();
    let switch = &reading.switch;
    let body = json!({
        "enabled": reading.is_on(),
        "declared": reading.declared,
        "message": switch.message.as_deref(),
        "retry_after_s": switch.retry_after.map(|wait| wait.as_secs()),
    });
    (200, body)
}

/// `PUT /api/maintenance`: what is left out has no value from now on. It is in effect, and kept,
/// when the answer is there.
pub(super) async fn set(
    engine: &Engine,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let enabled = fields.required_boolean("enabled");
    let message = fields.text("message", LONGEST_MESSAGE);
    let wait = fields.integer("retry_after_s", 1..=LONGEST_WAIT_S);
    fields.finish()?;
    let switch = Switch {
        // A missing value has been a fault.
        enabled: enabled.unwrap_or_default(),
        message: message.map(|message| message.trim().into()),
        retry_after: wait.map(Duration::from_secs),
    };
    if !switch.enabled && engine.maintenance.read().declared {
        return Err(Failure::client(Code::Conflict).message(
            "The configuration switches maintenance mode on (`[server] maintenance`). Change it \
             there and reload the configuration.",
        ));
    }
    engine.maintenance.set(&engine.accounts, by, switch).await?;
    Ok(read(&engine.maintenance))
}
