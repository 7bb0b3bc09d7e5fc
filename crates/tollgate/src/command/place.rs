//! Where a command about routing acts: in the running gateway if there is one, otherwise on an
//! engine that is made of the configuration and listens nowhere.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tollgate_core::key::KeyHasher;
use tollgate_engine::accounts::{Accounts, Parts};
use tollgate_engine::engine::Engine;
use tollgate_engine::port::EmptyStore;
use tollgate_store::Control;

use super::control::{self, Call, CommandError, Site};
use super::serve;
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
    let accounts = Accounts::open(Parts {
        store: Arc::new(EmptyStore),
        clock: Arc::new(SystemClock),
        hasher: KeyHasher::new(&secret),
        environment: assemble::environment(config),
        entropy: |buffer| getrandom::fill(buffer).map_err(io::Error::other),
    });
    let accounts = accounts.await?;
    accounts.declare(assemble::keys(config))?;
    Ok(accounts)
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
