//! `tollgate key …`: makes, lists, revokes and rotates virtual keys.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use http::Method;
use serde_json::Value;
use tollgate_core::error::Code;

use super::control::{Call, CommandError};
use super::place::{self, Allowance};
use super::table::{self, cell};
use crate::config::{Config, Environment, Overrides};

/// What is to be done with keys.
#[derive(Debug, clap::Args)]
pub struct KeyArguments {
    /// The configuration; tollgate.toml of this folder if it is there.
    #[arg(long, value_name = "FILE", env = "TOLLGATE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Prints the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Makes a key and shows it, once.
    Create(Box<New>),
    /// Lists all keys, without their text.
    List,
    /// Revokes a key at once.
    Revoke {
        /// The id of the key, key_….
        id: String,
    },
    /// Gives a key a new text; the old one is dead at once.
    Rotate {
        /// The id of the key, key_….
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct New {
    /// What to call the key.
    name: String,
    /// Which models it may use, with commas between them: openai/gpt-4o,sim/*. All if left out.
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    models: Vec<String>,
    /// What it may do: read, write, and admin for keys of users. Read and write if left out.
    #[arg(long, value_name = "PERMISSIONS", value_delimiter = ',')]
    permissions: Vec<String>,
    /// After how many days it ends. Never if left out.
    #[arg(long, value_name = "DAYS", conflicts_with = "expires_at")]
    expires_in_days: Option<u64>,
    /// When it ends, for example 2030-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// The dialect of its errors: openai, langmart, detail, anthropic, gemini or problem.
    #[arg(long, value_name = "DIALECT")]
    dialect: Option<String>,
    /// Whose requests go on when the gateway is overloaded: low, normal or high.
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<String>,
    /// The team whose credits it spends: `default` if left out.
    #[arg(long, value_name = "ID")]
    team: Option<String>,
    /// The user who holds it, a member of the team's organization.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// By which surfaces it may come, with commas between them: `openai_chat`,…. All if left out.
    #[arg(long, value_name = "SURFACES", value_delimiter = ',')]
    surfaces: Vec<String>,
    /// From which addresses it may come, with commas between them: 10.0.0.0/8,…. All if left out.
    #[arg(long, value_name = "RANGES", value_delimiter = ',')]
    addresses: Vec<String>,
    #[command(flatten)]
    allowance: Allowance,
}

/// Does it, through the running gateway if there is one.
pub fn run(arguments: &KeyArguments) -> ExitCode {
    let loaded = Config::load(
        arguments.config.as_deref(),
        &Environment::of_process(),
        &Overrides::default(),
    );
    let config = match loaded {
        Ok(config) => config,
        Err(problems) => return failed(&problems),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let had_store = config.database.is_there();
    let text = match runtime.block_on(act(&config, arguments)) {
        Ok(text) => text,
        Err(error) => return failed(&error),
    };
    if !had_store {
        crate::complain(&format_args!(
            "made a new store at {}; a gateway uses this key only if its configuration names \
             the same database",
            shown(config.database.place()).display()
        ));
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn failed(reason: &dyn Display) -> ExitCode {
    crate::complain(reason);
    ExitCode::FAILURE
}

/// Does it, and gives what is to be printed.
pub(super) async fn act(config: &Config, arguments: &KeyArguments) -> Result<String, CommandError> {
    // Only a new key is worth a new store. Without one nothing is there to list or to change.
    if !matches!(arguments.action, Action::Create(_)) && !config.database.is_there() {
        return Err(CommandError::NoStore {
            path: shown(config.database.place()),
        });
    }
    let answer = done(config, arguments).await.map_err(for_terminals)?;
    if arguments.json {
        return Ok(format!("{answer:#}\n"));
    }
    Ok(match &arguments.action {
        Action::Create(_) | Action::Rotate { .. } => sheet(&answer),
        Action::List => table(&answer),
        Action::Revoke { .. } => format!("{}\n", cell(answer.get("message"))),
    })
}

/// A path that means the same from everywhere.
fn shown(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Says it in the words of commands, where the admin API speaks of addresses.
fn for_terminals(error: CommandError) -> CommandError {
    match error {
        CommandError::Refused {
            code,
            request_id,
            message,
        } if code == Code::ResourceNotFound.slug() && message.contains("/api/keys") => {
            CommandError::Refused {
                message: "There is no key of this id. `tollgate key list` lists all of them."
                    .into(),
                code,
                request_id,
            }
        }
        other => other,
    }
}

async fn done(config: &Config, arguments: &KeyArguments) -> Result<Value, CommandError> {
    use tollgate_http::keys;
    let action = &arguments.action;
    if matches!(action, Action::List) {
        return place::list_all(config, ("/api/keys", "keys"), keys::list).await;
    }
    let makes = matches!(action, Action::Create(_));
    let doing = place::manage(
        config,
        makes,
        call(action),
        async |accounts, by| match action {
            Action::Create(new) => {
                keys::create(accounts, by, body(new).to_string().as_bytes()).await
            }
            Action::List => keys::list(accounts, by, None),
            Action::Revoke { id } => keys::revoke(accounts, by, id).await,
            Action::Rotate { id } => keys::rotate(accounts, by, id).await,
        },
    );
    doing.await
}

fn call(action: &Action) -> Call {
    let (method, path, body) = match action {
        Action::Create(new) => (Method::POST, "/api/keys".to_owned(), Some(body(new))),
        Action::List => (Method::GET, "/api/keys".to_owned(), None),
        Action::Revoke { id } => (Method::DELETE, format!("/api/keys/{}", segment(id)), None),
        Action::Rotate { id } => (
            Method::POST,
            format!("/api/keys/{}/rotate", segment(id)),
            None,
        ),
    };
    Call { method, path, body }
}

fn body(new: &New) -> Value {
    let list = |items: &[String]| (!items.is_empty()).then(|| Value::from(items));
    let own = [
        ("name", Some(new.name.as_str().into())),
        ("models", list(&new.models)),
        ("permissions", list(&new.permissions)),
        ("expires_in_days", new.expires_in_days.map(Value::from)),
        ("expires_at", new.expires_at.as_deref().map(Value::from)),
        ("error_dialect", new.dialect.as_deref().map(Value::from)),
        ("priority", new.priority.as_deref().map(Value::from)),
        ("team", new.team.as_deref().map(Value::from)),
        ("user", new.user.as_deref().map(Value::from)),
        ("surfaces", list(&new.surfaces)),
        ("addresses", list(&new.addresses)),
    ];
    place::body(own.into_iter().chain(new.allowance.members()))
}

/// An id as one segment of a path. No id holds anything that would have to be escaped; what does
/// is the id of no key, and `-` neither.
fn segment(id: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !id.is_empty() && id.bytes().all(is_plain) {
        id
    } else {
        "-"
    }
}

/// One key, a fact per line.
fn sheet(answer: &Value) -> String {
    let rows = [
        ("key", "key"),
        ("id", "id"),
        ("name", "name"),
        ("team", "team"),
        ("permissions", "permissions"),
        ("models", "models"),
        ("expires", "expires_at"),
        ("priority", "priority"),
        ("", "message"),
    ];
    let mut text = String::new();
    for (title, name) in rows {
        if let Some(value) = answer.get(name) {
            let value = if value.is_null() {
                "never".to_owned()
            } else {
                cell(Some(value))
            };
            text.push_str(format!("{title:<13}{value}").trim_end());
            text.push('\n');
        }
    }
    text
}

/// All keys, one per line, in columns.
fn table(answer: &Value) -> String {
    const COLUMNS: [(&str, &str); 9] = [
        ("ID", "id"),
        ("NAME", "name"),
        ("KEY", "key_prefix"),
        ("TEAM", "team"),
        ("STATUS", "status"),
        ("MODELS", "models"),
        ("PRIORITY", "priority"),
        ("EXPIRES", "expires_at"),
        ("LAST USED", "last_used_at"),
    ];
    let keys = answer.get("keys").and_then(Value::as_array);
    let of_key = |key: &Value| COLUMNS.map(|(_, name)| cell(key.get(name)));
    let mut rows = vec![COLUMNS.map(|(title, _)| title.to_owned())];
    rows.extend(keys.into_iter().flatten().map(of_key));
    table::columns(&rows)
}

#[cfg(test)]
mod tests;
