//! `tollgate team …`: makes and lists teams, and changes their status.

use std::process::ExitCode;

use http::Method;
use serde_json::Value;
use tollgate_core::tenant::Status;

use super::control::CommandError;
use super::place::{self, Allowance, Common, Said, body, call, segment};
use super::table;
use crate::config::Config;

const PATH: &str = "/api/teams";

/// What is to be done with teams.
#[derive(Debug, clap::Args)]
pub struct TeamArguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Makes a team.
    Create(New),
    /// Lists all teams.
    List,
    /// From now on its keys are refused, until an operator resumes it.
    Suspend(Meant),
    /// From now on its keys are refused for a time.
    Pause(Meant),
    /// It may work again.
    Resume(Meant),
}

#[derive(Debug, clap::Args)]
struct New {
    /// What to call it.
    name: String,
    /// The organization whose team it is: `default` if left out.
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// Its id: letters, digits, `-`, `_` and `.`. One is made if it is left out.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    allowance: Allowance,
}

#[derive(Debug, clap::Args)]
struct Meant {
    /// The id of the team.
    id: String,
}

/// Does it, through the running gateway if there is one.
pub fn run(arguments: &TeamArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

pub(super) async fn act(config: &Config, arguments: &TeamArguments) -> Result<Said, CommandError> {
    use tollgate_http::teams;
    let json = arguments.common.json;
    let (id, status) = match &arguments.action {
        Action::Create(new) => {
            let given = given(new);
            let call = call(Method::POST, PATH, Some(given.clone()));
            let text = given.to_string();
            let answer = place::manage(config, true, call, async |accounts, by| {
                teams::create(accounts, by, text.as_bytes()).await
            });
            return Ok(Said::answer(json, &answer.await?, sheet));
        }
        Action::List => {
            let answer = place::list_all(config, (PATH, "teams"), teams::list).await?;
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
        async |accounts, by| teams::set_status(accounts, by, (id, status)).await,
    );
    Ok(Said::answer(json, &answer.await?, sheet))
}

fn given(new: &New) -> Value {
    let own = [
        ("name", Some(new.name.as_str().into())),
        ("organization", new.organization.as_deref().map(Value::from)),
        ("id", new.id.as_deref().map(Value::from)),
    ];
    body(own.into_iter().chain(new.allowance.members()))
}

/// One team, a fact per line.
fn sheet(answer: &Value) -> String {
    let rows = [
        ("id", "/id"),
        ("name", "/name"),
        ("organization", "/organization"),
        ("status", "/status"),
    ];
    let mut text = table::sheet(answer, &rows);
    text.push_str(&place::allowance(answer));
    text
}

/// All teams, one per line, in columns.
fn lists(answer: &Value) -> String {
    const COLUMNS: [(&str, &str); 6] = [
        ("ID", "/id"),
        ("NAME", "/name"),
        ("ORGANIZATION", "/organization"),
        ("STATUS", "/status"),
        ("CREATED", "/created_at"),
        ("DECLARED IN", "/declared_in"),
    ];
    table::list(answer, "teams", COLUMNS)
}
