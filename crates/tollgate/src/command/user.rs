//! `tollgate user …`: adds, lists, changes and removes the members of organizations.

use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use super::control::CommandError;
use super::place::{self, Allowance, Common, Said, body, call, segment};
use super::table::{self, at};
use crate::config::Config;

/// What is to be done with users.
#[derive(Debug, clap::Args)]
pub struct UserArguments {
    #[command(flatten)]
    common: Common,
    /// Whose members they are: `default` if left out.
    #[arg(long, value_name = "ID", default_value = "default", global = true)]
    organization: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Adds a user to the organization.
    Create(New),
    /// Lists the users of the organization.
    List,
    /// Changes what is named of a user.
    Update(Change),
    /// Removes a user; their keys are revoked at once.
    Delete {
        /// The id of the user, user_….
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct New {
    /// Their e-mail address, or another name by which people know them.
    email: String,
    /// What they may do: owner, admin, developer, viewer or member. Member if left out.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    #[command(flatten)]
    allowance: Allowance,
}

#[derive(Debug, clap::Args)]
struct Change {
    /// The id of the user, user_….
    id: String,
    /// Their e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// What they may do: owner, admin, developer, viewer or member.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Whether they may work: active, paused or suspended.
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    #[command(flatten)]
    allowance: Allowance,
}

/// Does it, through the running gateway if there is one.
pub fn run(arguments: &UserArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

pub(super) async fn act(config: &Config, arguments: &UserArguments) -> Result<Said, CommandError> {
    use tollgate_http::members;
    let json = arguments.common.json;
    let organization = arguments.organization.as_str();
    let path = format!("/api/organizations/{}/members", segment(organization));
    match &arguments.action {
        Action::Create(new) => {
            let given = added(new);
            let call = call(Method::POST, path, Some(given.clone()));
            let text = given.to_string();
            let answer = place::manage(config, true, call, async |accounts, by| {
                members::create(accounts, by, (organization, text.as_bytes())).await
            });
            Ok(Said::answer(json, &answer.await?, sheet))
        }
        Action::List => {
            let list = |accounts: &_, by: &_, query: Option<&str>| {
                members::list(accounts, by, (organization, query))
            };
            let answer = place::list_all(config, (&path, "members"), list).await?;
            Ok(Said::answer(json, &answer, lists))
        }
        Action::Update(change) => {
            let given = changed(change);
            let path = format!("{path}/{}", segment(&change.id));
            let call = call(Method::PATCH, path, Some(given.clone()));
            let text = given.to_string();
            let answer = place::manage(config, false, call, async |accounts, by| {
                let member = (organization, change.id.as_str());
                members::change(accounts, by, member, text.as_bytes()).await
            });
            Ok(Said::answer(json, &answer.await?, sheet))
        }
        Action::Delete { id } => {
            let path = format!("{path}/{}", segment(id));
            let call = call(Method::DELETE, path, None);
            let answer = place::manage(config, false, call, async |accounts, by| {
                members::delete(accounts, by, (organization, id)).await
            });
            let message = |answer: &Value| format!("{}\n", at(answer, "/message"));
            Ok(Said::answer(json, &answer.await?, message))
        }
    }
}

fn added(new: &New) -> Value {
    let own = [
        ("email", Some(new.email.as_str().into())),
        ("role", new.role.as_deref().map(Value::from)),
    ];
    body(own.into_iter().chain(new.allowance.members()))
}

fn changed(change: &Change) -> Value {
    let own = [
        ("email", change.email.as_deref().map(Value::from)),
        ("role", change.role.as_deref().map(Value::from)),
        ("status", change.status.as_deref().map(Value::from)),
    ];
    body(own.into_iter().chain(change.allowance.members()))
}

/// One user, a fact per line.
fn sheet(answer: &Value) -> String {
    let rows = [
        ("id", "/id"),
        ("email", "/email"),
        ("organization", "/organization"),
        ("role", "/role"),
        ("status", "/status"),
    ];
    let mut text = table::sheet(answer, &rows);
    text.push_str(&place::allowance(answer));
    text
}

/// All users, one per line, in columns.
fn lists(answer: &Value) -> String {
    const COLUMNS: [(&str, &str); 6] = [
        ("ID", "/id"),
        ("EMAIL", "/email"),
        ("ROLE", "/role"),
        ("STATUS", "/status"),
        ("CREATED", "/created_at"),
        ("DECLARED IN", "/declared_in"),
    ];
    table::list(answer, "members", COLUMNS)
}
