//! `tollgate org …`: makes and lists organizations, and changes their status.

use std::process::ExitCode;

use http::Method;
use serde_json::Value;
use tollgate_core::tenant::Status;

use super::control::CommandError;
use super::place::{self, Allowance, Common, Said, body, call, segment};
use super::table;
use crate::config::Config;

const PATH: &str = "/api/organizations";

/// What is to be done with organizations.
#[derive(Debug, clap::Args)]
pub struct OrgArguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Makes an organization.
    Create(New),
    /// Lists all organizations.
    List,
    /// From now on its keys are refused, and nobody manages it.
    Suspend(Meant),
    /// From now on its keys are refused; its members still manage it.
    Pause(Meant),
    /// It may work again.
    Resume(Meant),
}

#[derive(Debug, clap::Args)]
struct New {
    /// What to call it.
    name: String,
    /// Its id: letters, digits, `-`, `_` and `.`. One is made if it is left out.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    allowance: Allowance,
}

#[derive(Debug, clap::Args)]
struct Meant {
    /// The id of the organization.
    id: String,
}

/// Does it, through the running gateway if there is one.
pub fn run(arguments: &OrgArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

async fn act(config: &Config, arguments: &OrgArguments) -> Result<Said, CommandError> {
    use tollgate_http::organizations;
    let json = arguments.common.json;
    let (id, status) = match &arguments.action {
        Action::Create(new) => {
            let given = given(new);
            let call = call(Method::POST, PATH, Some(given.clone()));
            let text = given.to_string();
            let answer = place::manage(config, true, call, async |accounts, by| {
                organizations::create(accounts, by, text.as_bytes()).await
            });
            return Ok(Said::answer(json, &answer.await?, sheet));
        }
        Action::List => {
            let list = (PATH, "organizations");
            let answer = place::list_all(config, list, organizations::list).await?;
            return Ok(Said::answer(json, &answer, lists));
        }
        Action::Suspend(meant) => (&meant.id, Status::Suspended),
        Action::Pause(meant) => (&meant.id, Status::Paused),
        Action::Resume(meant) => (&meant.id, Status::Active),
    };
    let path = format!("{PATH}/{}/{}", segment(id), place::verb(status));
    let answer = place::manage(
        config,
        false,
        call(Method::POST, path, None),
        async |accounts, by| organizations::set_status(accounts, by, (id, status)).await,
    );
    Ok(Said::answer(json, &answer.await?, sheet))
}

fn given(new: &New) -> Value {
    let own = [
        ("name", Some(new.name.as_str().into())),
        ("id", new.id.as_deref().map(Value::from)),
    ];
    body(own.into_iter().chain(new.allowance.members()))
}

/// One organization, a fact per line.
fn sheet(answer: &Value) -> String {
    let rows = [("id", "/id"), ("name", "/name"), ("status", "/status")];
    let mut text = table::sheet(answer, &rows);
    text.push_str(&place::allowance(answer));
    text
}

/// All organizations, one per line, in columns.
fn lists(answer: &Value) -> String {
    const COLUMNS: [(&str, &str); 5] = [
        ("ID", "/id"),
        ("NAME", "/name"),
        ("STATUS", "/status"),
        ("CREATED", "/created_at"),
        ("DECLARED IN", "/declared_in"),
    ];
    table::list(answer, "organizations", COLUMNS)
}

#[cfg(test)]
mod tests;
