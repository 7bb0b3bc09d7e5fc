//! `POST /api/credits/teams/{team}/configure-auto-refill`: credits that come again with each
//! period.

use serde_json::{Map, Value};
use tollgate_core::error::Failure;
use tollgate_core::money::LARGEST;
use tollgate_core::offer::{Every, Refill};
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::Accounts;
use tollgate_engine::authority::Manager;
use tollgate_engine::refills;
use tollgate_engine::tenants::TeamNode;

use super::super::fields::Fields;
use super::teams::regive;
use super::wrong;

/// What `POST …/configure-auto-refill` says, as far as it is said.
fn read_refill(fields: &mut Fields) -> (bool, Option<String>, Option<String>) {
    let enabled = fields.required_boolean("enabled").unwrap_or_default();
    let amount = fields.decimal("refill_amount");
    let period = fields.text("refill_period", 64);
    (enabled, amount, period)
}

/// `POST …/configure-auto-refill`: credits that come again with each period, from the next one on.
pub(super) async fn configure(
    accounts: &Accounts,
    by: &Manager,
    (node, body): (&TeamNode, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let (enabled, amount, period) = read_refill(&mut fields);
    fields.finish_leniently()?;
    let every = match period.as_deref() {
        None => None,
        Some(word) => {
            let bad = || wrong("refill_period must be 'monthly', 'weekly', or 'daily'");
            Some(Every::from_name(word).ok_or_else(bad)?)
        }
    };
    let amount = amount.map(|text| {
        let number = text.parse::<u64>().ok();
        number.filter(|number| (1..=LARGEST).contains(number))
    });
    let bad = || wrong("refill_amount must be a positive integer when enabling auto-refill");
    regive(accounts, by, node, |_, offer| {
        let old = offer.refill.take();
        let every = every.or(old.as_ref().map(|old| old.every));
        let amount = match amount {
            Some(amount) => amount,
            None => old.as_ref().map(|old| old.amount),
        };
        if !enabled {
            offer.refill = old.map(|old| Refill {
                enabled: false,
                ..old
            });
            return Ok(());
        }
        let amount = amount.ok_or_else(bad)?;
        let every = every
            .ok_or_else(|| wrong("refill_period must be specified when enabling auto-refill"))?;
        let goes_on = old.as_ref().filter(|old| old.enabled && old.every == every);
        offer.refill = Some(Refill {
            enabled,
            amount,
            every,
            // Whoever changes the amount alone does not begin anew.
            until: goes_on.map_or_else(|| refills::begins(accounts, every), |old| old.until),
            last_at: old.as_ref().and_then(|old| old.last_at),
        });
        Ok(())
    })
    .await?;
    Ok((200, told_refill(accounts, node)))
}

fn told_refill(accounts: &Accounts, node: &TeamNode) -> Value {
    let shelf = accounts.offers().shelf();
    let refill = shelf.team(&node.id).and_then(|offer| offer.refill.as_ref());
    let enabled = refill.is_some_and(|refill| refill.enabled);
    let word = if enabled { "enabled" } else { "disabled" };
    let mut body = Map::new();
    for (name, value) in [
        ("team_id", node.id.as_str().into()),
        ("auto_refill_enabled", enabled.into()),
        ("refill_amount", refill.map(|refill| refill.amount).into()),
        (
            "refill_period",
            refill.map(|refill| refill.every.as_str()).into(),
        ),
        (
            "last_refill_at",
            refill
                .and_then(|refill| refill.last_at)
                .map(Timestamp::to_rfc3339)
                .into(),
        ),
        (
            "next_refill_at",
            refill
                .filter(|refill| refill.enabled)
                .map(|refill| refills::next(accounts, refill).to_rfc3339())
                .into(),
        ),
        ("message", format!("Auto-refill {word} successfully").into()),
    ] {
        body.insert(name.to_owned(), value);
    }
    Value::Object(body)
}
