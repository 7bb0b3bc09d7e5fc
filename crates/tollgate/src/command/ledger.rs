//! `tollgate ledger verify`: reads every page of the ledger and compares what they come to with
//! what is noted beside them.

use std::process::ExitCode;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::control::{self, CommandError, Site};
use super::place::{self, Common, Said, call};
use super::table::{self, cell};
use crate::config::Config;

/// The longest that a gateway may take: for some hundred million entries.
const LONGEST: Duration = Duration::from_mins(30);

/// What is to be done with the ledger.
#[derive(Debug, clap::Args)]
pub struct LedgerArguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Reads all of it. Whatever must not be is told, and makes the exit code 1.
    Verify,
}

/// Does it, through the running gateway if there is one.
pub fn run(arguments: &LedgerArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

async fn act(config: &Config, arguments: &LedgerArguments) -> Result<Said, CommandError> {
    let Action::Verify = arguments.action;
    place::needs_store(config)?;
    let answer = match control::find(config).await? {
        Site::There(gateway) => {
            let call = call(Method::POST, "/api/ledger/verify", None);
            control::ask_within(&gateway, call, LONGEST).await?
        }
        Site::Here(accounts, possession) => {
            let outcome = tollgate_http::ledger::verify(&accounts).await;
            possession.close().await;
            outcome.map_err(|failure| control::failed(&failure))?.1
        }
    };
    let mut said = Said::answer(arguments.common.json, &answer, text);
    said.is_good = answer.get("ok") == Some(&Value::Bool(true));
    Ok(said)
}

fn text(answer: &Value) -> String {
    let rows = [
        ("pages", "/pages"),
        ("entries", "/entries"),
        ("settlements", "/settlements"),
        ("charged", "/charged_usd"),
        ("lost", "/lost_usd"),
        ("wallets", "/wallets"),
        ("balance", "/balance_usd"),
        ("credits", "/balance_credits"),
        ("findings", "/found"),
        ("took ms", "/took_ms"),
    ];
    let mut text = table::sheet(answer, &rows);
    let findings = answer.get("findings").and_then(Value::as_array);
    for finding in findings.into_iter().flatten() {
        let page = cell(finding.get("page"));
        let what = cell(finding.get("what"));
        text.push_str(&["page ", &page, ": ", &what, "\n"].concat());
    }
    text
}
