//! Where a command about routing or tenants acts: in the running gateway if there is one, otherwise on an
//! engine that is made of the configuration and listens nowhere.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value};
use tollgate_core::error::Failure;
use tollgate_core::key::KeyHasher;
use tollgate_core::tenant::Status;
use tollgate_engine::accounts::{Accounts, Parts};
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::port::EmptyStore;
use tollgate_store::Control;

use super::control::{self, Call, CommandError, Site};
use super::serve;
use super::table::at;
use crate::assemble;
use crate::clock::SystemClock;
use crate::config::{Config, Environment, Overrides};

/// What every such command takes.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// The configuration; tollgate.toml of this folder if it is there.
    #[arg(long, value_name = "FILE", env = "TOLLGATE_CONFIG", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Prints the answer as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Where to act.
pub(super) enum Place {
    /// The gateway that runs.
    Gateway(Control),
    /// An engine of the configuration. Its breakers and limits are fresh.
    Engine(Arc<Engine>),
}

/// What a command has to say.
pub(super) struct Said {
    /// What is printed.
    pub(super) text: String,
    /// Whether the command came to a good end.
    pub(super) is_good: bool,
}

impl Said {
    /// An answer: as JSON if that is wanted, otherwise as `text` writes it.
    pub(super) fn answer(json: bool, answer: &Value, text: impl FnOnce(&Value) -> String) -> Self {
        let text = if json {
            format!("{answer:#}\n")
        } else {
            text(answer)
        };
        Self {
            text,
            is_good: true,
        }
    }
}

/// Reads the configuration, does it, and prints what it has to say.
pub(super) fn run(
    config: Option<&Path>,
    act: impl AsyncFnOnce(&Config) -> Result<Said, CommandError>,
) -> ExitCode {
    let loaded = Config::load(config, &Environment::of_process(), &Overrides::default());
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
    let said = match runtime.block_on(act(&config)) {
        Ok(said) => said,
        Err(error) => return failed(&error),
    };
    let mut out = io::stdout().lock();
    let written = out.write_all(said.text.as_bytes());
    let written = written.and_then(|()| out.flush());
    if said.is_good && written.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn failed(reason: &dyn Display) -> ExitCode {
    crate::complain(reason);
    ExitCode::FAILURE
}

/// Finds the place. Leaves a folder without a store as it is.
pub(super) async fn find(config: &Config) -> Result<Place, CommandError> {
    let accounts = if has_store(config) {
        match control::find(config).await? {
            Site::There(gateway) => return Ok(Place::Gateway(gateway)),
            Site::Here(accounts, possession) => {
                // What was read stays; a gateway that starts meanwhile must find the data free.
                possession.close().await;
                *accounts
            }
        }
    } else {
        declared(config).await.map_err(CommandError::Data)?
    };
    let made = serve::engine(config, &Arc::new(accounts));
    let (_, engine) = made.map_err(CommandError::Data)?;
    Ok(Place::Engine(engine))
}

/// Finds the running gateway. Fails if there is none; `why` says what it is needed for.
pub(super) async fn gateway(config: &Config, why: &'static str) -> Result<Control, CommandError> {
    if has_store(config) {
        match control::find(config).await? {
            Site::There(gateway) => return Ok(gateway),
            Site::Here(_, possession) => possession.close().await,
        }
    }
    Err(CommandError::NoGateway { why })
}

/// Whether there is a store. A gateway makes one when it starts: where there is none, none runs.
fn has_store(config: &Config) -> bool {
    config.database.is_there()
}

/// The keys of the configuration alone.
async fn declared(config: &Config) -> Result<Accounts, Box<dyn Error>> {
    // Nobody presents a key here, so any secret will do.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let home = assemble::home(config);
    let accounts = Accounts::open_at_home(
        Parts {
            store: Arc::new(EmptyStore),
            clock: Arc::new(SystemClock),
            hasher: KeyHasher::new(&secret),
            environment: assemble::environment(config),
            entropy: |buffer| getrandom::fill(buffer).map_err(io::Error::other),
        },
        &home,
    );
    let accounts = accounts.await?;
    accounts.declare(assemble::accounts(config)).await?;
    Ok(accounts)
}

/// Makes a call of the running gateway, or does `here` on the data if none runs. Where there is no
/// store yet, only what `makes` something is worth a new one.
pub(super) async fn manage(
    config: &Config,
    makes: bool,
    call: Call,
    here: impl AsyncFnOnce(&Accounts, &Manager) -> Result<(u16, Value), Failure>,
) -> Result<Value, CommandError> {
    if !makes {
        needs_store(config)?;
    }
    match control::find(config).await? {
        Site::There(gateway) => control::ask(&gateway, call).await,
        Site::Here(accounts, possession) => {
            let outcome = here(&accounts, &Manager::command()).await;
            possession.close().await;
            Ok(outcome.map_err(|failure| control::failed(&failure))?.1)
        }
    }
}

/// Fails where there is no store yet.
pub(super) fn needs_store(config: &Config) -> Result<(), CommandError> {
    if has_store(config) {
        return Ok(());
    }
    let database = &config.database;
    let file = database.file.clone();
    let file = file.unwrap_or_else(|| database.directory.clone());
    let path = std::path::absolute(&file).unwrap_or(file);
    Err(CommandError::NoStore { path })
}

/// Every row of a list, page by page: `name` is what the list is called in the answers, `path` has
/// no query of its own.
pub(super) async fn list_all(
    config: &Config,
    (path, name): (&str, &str),
    here: impl Fn(&Accounts, &Manager, Option<&str>) -> Result<(u16, Value), Failure>,
) -> Result<Value, CommandError> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let query = format!("offset={}", rows.len());
        let call = call(Method::GET, format!("{path}?{query}"), None);
        let page = manage(config, false, call, async |accounts, by| {
            here(accounts, by, Some(&query))
        });
        let mut page = page.await?;
        let more = page.pointer("/pagination/hasMore") == Some(&Value::Bool(true));
        let Some(Value::Array(found)) = page.get_mut(name).map(Value::take) else {
            return Ok(page);
        };
        let is_over = !more || found.is_empty();
        rows.extend(found);
        if is_over {
            let mut all = Map::new();
            all.insert(name.to_owned(), Value::Array(rows));
            return Ok(Value::Object(all));
        }
    }
}

/// What may be said of anybody's limits and budgets.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Allowance {
    /// Requests a minute.
    #[arg(long, value_name = "COUNT")]
    rpm: Option<u64>,
    /// Tokens a minute.
    #[arg(long, value_name = "COUNT")]
    tpm: Option<u64>,
    /// Requests at once.
    #[arg(long, value_name = "COUNT")]
    parallel: Option<u64>,
    /// Requests that may come at one moment. As many as --rpm if left out.
    #[arg(long, value_name = "COUNT")]
    burst: Option<u64>,
    /// What may be spent, in USD: daily=5.00, weekly=…, monthly=… or total=…. More than one may be
    /// given.
    #[arg(long = "budget", value_name = "PERIOD=USD")]
    budgets: Vec<String>,
    /// The time zone whose midnight begins a period. UTC if left out.
    #[arg(long, value_name = "ZONE", requires = "budgets")]
    zone: Option<String>,
}

impl Allowance {
    /// The members `limits` and `budgets` of a body, as far as they were given.
    pub(super) fn members(&self) -> Vec<(&'static str, Option<Value>)> {
        let limits = [
            ("rpm", self.rpm),
            ("tpm", self.tpm),
            ("parallel", self.parallel),
            ("burst", self.burst),
        ];
        let limits = limits
            .into_iter()
            .filter_map(|(name, limit)| Some((name.to_owned(), limit?.into())));
        let limits: Map<String, Value> = limits.collect();
        let budgets: Vec<Value> = self.budgets.iter().map(|text| self.budget(text)).collect();
        vec![
            (
                "limits",
                (!limits.is_empty()).then_some(Value::Object(limits)),
            ),
            (
                "budgets",
                (!budgets.is_empty()).then_some(Value::Array(budgets)),
            ),
        ]
    }

    /// One budget. What is wrong with it is said by whoever reads the body.
    fn budget(&self, text: &str) -> Value {
        let (period, usd) = text.split_once('=').unwrap_or((text, ""));
        let mut budget = Map::new();
        budget.insert("period".to_owned(), period.into());
        budget.insert("usd".to_owned(), usd.into());
        if let Some(zone) = &self.zone {
            budget.insert("zone".to_owned(), zone.as_str().into());
        }
        Value::Object(budget)
    }
}

/// The verb of addresses that leads to a status.
pub(super) fn verb(status: Status) -> &'static str {
    match status {
        Status::Active => "resume",
        Status::Paused => "pause",
        Status::Suspended => "suspend",
    }
}

/// What somebody is allowed, as people read it: a line for their limits, and one for each of their
/// budgets.
pub(super) fn allowance(answer: &Value) -> String {
    let names = ["rpm", "tpm", "parallel", "burst"];
    let limits = names.iter().filter_map(|name| {
        let limit = answer.get("limits")?.get(name)?.as_u64()?;
        Some(format!("{limit} {name}"))
    });
    let limits: Vec<String> = limits.collect();
    let mut lines = Vec::new();
    if !limits.is_empty() {
        lines.push(format!("{:<13}{}\n", "limits", limits.join(", ")));
    }
    let budgets = answer.get("budgets").and_then(Value::as_array);
    for budget in budgets.into_iter().flatten() {
        let (period, usd) = (at(budget, "/period"), at(budget, "/usd"));
        let spent = at(budget, "/spent_usd");
        lines.push(format!("{:<13}{spent} of {usd} USD {period}\n", "budget"));
    }
    lines.concat()
}

/// A body of the members that were given.
pub(super) fn body(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect())
}

/// A call of the admin API.
pub(super) fn call(method: Method, path: impl Into<String>, body: Option<Value>) -> Call {
    Call {
        method,
        path: path.into(),
        body,
    }
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_segment_of_a_path() {
        for (name, encoded) in [
            ("openai-main", "openai-main"),
            ("a/b c", "a%2Fb%20c"),
            ("ä?#%", "%C3%A4%3F%23%25"),
        ] {
            assert_eq!(segment(name), encoded);
        }
    }
}
