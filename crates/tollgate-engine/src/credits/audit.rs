//! What the audit log says of an order.

use tollgate_core::audit::{AuditRow, json_text};
use tollgate_core::ledger::{Entry, Holder, Kind};
use tollgate_core::money::{Money, Unit};

use super::{Note, Receipt};

/// The row for the entry of an order; `None` where no operator asks.
pub(super) fn row(entry: &Entry, note: &Note, organization: Option<&str>) -> Option<AuditRow> {
    let by = note.by.as_ref()?;
    let receipt = Receipt::of(entry)?;
    let (object, id) = match &receipt.wallet.holder {
        Holder::Team(id) => ("team", id.as_str()),
        Holder::Organization(id) => ("organization", id.as_str()),
    };
    let action = match &entry.kind {
        Kind::TopUp(_) => "credit.top_up",
        Kind::Adjustment { .. } => "credit.adjust",
        Kind::Refund { .. } => "credit.refund",
        Kind::Hold(_) => "credit.hold",
        Kind::Release { .. } => "credit.release",
        Kind::Spend { .. } => "credit.spend",
        Kind::Settlement(_) | Kind::Loss(_) => return None,
    };
    Some(AuditRow {
        at: entry.at,
        actor: by.actor.clone(),
        action: action.into(),
        object: object.into(),
        object_id: id.into(),
        organization: organization.map(Into::into),
        change: change(&receipt).into(),
        request_id: by.request_id.clone(),
    })
}

fn change(receipt: &Receipt) -> String {
    let sign = if receipt.amount < 0 { "-" } else { "" };
    let amount = receipt.amount.unsigned_abs();
    let (name, amount) = match receipt.wallet.unit {
        Unit::Usd => {
            let usd = format!("{sign}{}", Money::from_nano(amount));
            ("amount_usd", json_text(&usd))
        }
        Unit::Credits => ("credits", format!("{sign}{amount}")),
    };
    let mut members = vec![
        format!("\"entry\":{}", json_text(&receipt.id.to_string())),
        format!("\"{name}\":{amount}"),
    ];
    if let Some(of) = receipt.of {
        members.push(format!("\"of\":{}", json_text(&of.to_string())));
    }
    if let Some(reference) = &receipt.reference {
        members.push(format!("\"reference\":{}", json_text(reference)));
    }
    if !receipt.reason.is_empty() {
        members.push(format!("\"reason\":{}", json_text(&receipt.reason)));
    }
    format!("{{{}}}", members.join(","))
}
