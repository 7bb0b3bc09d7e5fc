//! `/api/ledger/verify`: how the ledger does, and a check of all of it. Each function gives the
//! status and the body of its answer.

use std::time::Instant;

use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::ledger::Report;
use tollgate_core::money::{Money, Unit};
use tollgate_engine::accounts::Accounts;

/// `GET /api/ledger/verify`: what is known without reading the ledger.
pub(super) fn read(accounts: &Accounts) -> (u16, Value) {
    let reading = accounts.ledger().read();
    let body = json!({
        "pages_written": reading.pages,
        "entries_written": reading.entries,
        "write_failures": reading.failures,
        "withheld": reading.withheld,
        "waiting": reading.waiting,
        "unwritten_usd": Money::from_nano(reading.unwritten).to_string(),
        "failing": reading.failing,
        "differences": reading.differences,
    });
    (200, body)
}

/// `POST /api/ledger/verify`: reads every page. That it finds something is no failure.
pub async fn verify(accounts: &Accounts) -> Result<(u16, Value), Failure> {
    let began = Instant::now();
    let report = accounts.credits().verify().await?;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((200, told(&report, took)))
}

fn told(report: &Report, took_ms: u64) -> Value {
    let sum = |unit| -> i128 {
        let wallets = report.wallets.iter();
        let wallets = wallets.filter(|(wallet, _)| wallet.unit == unit);
        wallets.map(|(_, balance)| balance.balance).sum()
    };
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| json!({"page": finding.page, "what": finding.what}))
        .collect();
    let text = |nano: u128| {
        u64::try_from(nano).map_or("more".to_owned(), |nano| Money::from_nano(nano).to_string())
    };
    json!({
        "ok": report.found == 0,
        "pages": report.pages,
        "entries": report.entries,
        "settlements": report.settlements,
        "charged_usd": text(report.charged),
        "lost_usd": text(report.lost),
        "wallets": report.wallets.len(),
        "balance_usd": text(u128::try_from(sum(Unit::Usd)).unwrap_or_default()),
        "balance_credits": i64::try_from(sum(Unit::Credits)).unwrap_or(i64::MAX),
        "found": report.found,
        "findings": findings,
        "took_ms": took_ms,
    })
}
