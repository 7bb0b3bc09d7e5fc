//! What a caller may learn about its own key.

use serde_json::{Value, json};
use tollgate_core::ledger::Holder;
use tollgate_core::money::{Money, USD, Unit};
use tollgate_engine::caller::Caller;
use tollgate_engine::hold::Billing;

use crate::dispatch::Given;
use crate::gateway::Gateway;

/// `GET /v1/auth/validate` (seed 002): the key is good, and whose it is.
pub(crate) fn validate(caller: &Caller) -> Given {
    let key = &caller.key;
    let models: Vec<_> = key.models.patterns().collect();
    let (team, organization) = (caller.team().facts(), caller.organization().facts());
    let user = match caller.user() {
        Some(user) => {
            let facts = user.facts();
            json!({
                "id": facts.id.as_str(),
                "email": &*facts.email,
                "role": facts.role.as_str(),
            })
        }
        // A key that belongs to nobody stands for itself.
        None => json!({"id": key.id.as_str(), "name": key.name}),
    };
    Given::json(
        200,
        &json!({
            "valid": true,
            "user": user,
            "team": {"id": team.id.as_str(), "name": &*team.name},
            "organization": {"id": organization.id.as_str(), "name": &*organization.name},
            "key": {
                "key_prefix": key.masked(),
                "models": models,
                "expires_at": key.expires_at.map(tollgate_core::time::Timestamp::to_rfc3339),
            },
        }),
    )
}

/// `GET /api/account/balance` (seed 002): what the team of the key can spend.
pub(crate) fn balance(gateway: &Gateway, caller: &Caller) -> Given {
    Given::json(200, &standing(caller, &gateway.engine.billing()))
}

fn standing(caller: &Caller, billing: &Billing) -> Value {
    let team = caller.team();
    let minimum = number(billing.minimum);
    let Some(wallet) = team.paying(Unit::Usd) else {
        return json!({
            "balance": null,
            "currency": "USD",
            "minimum_required": minimum,
            "team": team.id.as_str(),
            // What the team uses is counted, and nobody pays for it.
            "paid_by": null,
        });
    };
    let reading = wallet.read();
    let usd = |nano| Money::from_nano(nano).to_string();
    let paid_by = match &wallet.id().holder {
        Holder::Team(_) => "team",
        Holder::Organization(_) => "organization",
    };
    json!({
        "balance": number(Money::from_nano(reading.balance)),
        "currency": "USD",
        "minimum_required": minimum,
        "balance_usd": usd(reading.balance),
        "held_usd": usd(reading.held),
        "available_usd": usd(reading.available()),
        "low": Money::from_nano(reading.balance) < billing.low,
        "team": team.id.as_str(),
        "paid_by": paid_by,
    })
}

/// An amount as a JSON number, as seed 002 has it. The exact one stands beside it as a text.
fn number(amount: Money) -> f64 {
    amount.as_nano() as f64 / USD as f64
}

#[cfg(test)]
mod tests;
