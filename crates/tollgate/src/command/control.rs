//! Where a command acts: in the running gateway if there is one, otherwise on the data itself.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::Instant;
pub(super) use tollgate_client::Call;
use tollgate_client::{BadSetting, Client, Kind, RetryPolicy};
use tollgate_core::error::Failure;
use tollgate_core::error::dialect::{Dialect, told};
use tollgate_engine::accounts::Accounts;
use tollgate_engine::port::Clock as _;
use tollgate_store::{Control, ControlError, OwnerError};

use crate::assemble;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ownership::{self, Possession};

const DIALECT: HeaderName = HeaderName::from_static("x-tollgate-error-dialect");
/// The longest that the gateway may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The longest that the gateway may take to accept a connection; it is on this machine.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How long a process that has the data but cannot be reached is given: it is starting, ending,
/// or a command like this one.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(25);
/// The most of an answer that is read: the list of some hundred thousand keys.
const LONGEST_ANSWER: usize = 128 * 1024 * 1024;

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// What was asked for was refused.
    #[error("{message} ({code}{})", .request_id.as_ref().map(|id| format!(", request {id}")).unwrap_or_default())]
    Refused {
        /// What is wrong and what to do.
        message: String,
        /// The error code.
        code: String,
        /// The id under which the gateway's log has the request.
        request_id: Option<String>,
    },
    /// Nothing has been kept yet where the configuration says.
    #[error(
        "there is no store at {}, and so no key: run this where the gateway runs, or name its \
         configuration with --config FILE; `tollgate key create NAME` makes a store",
        path.display()
    )]
    NoStore {
        /// Where it would be.
        path: PathBuf,
    },
    /// Nothing can be done without a running gateway.
    #[error(
        "no gateway runs with this configuration, and {why}: start it with `tollgate serve`, or \
         name the configuration of the one that runs with --config FILE"
    )]
    NoGateway {
        /// What it would be needed for.
        why: &'static str,
    },
    /// A question to a model needs a key.
    #[error(
        "no key: put one into TOLLGATE_KEY, or name a file that holds one with --key-file FILE; \
         `tollgate key create NAME` makes one"
    )]
    NoKey,
    /// The key cannot be read.
    #[error("the key cannot be read from {}: {cause}", path.display())]
    KeyFile {
        /// Where it should be.
        path: PathBuf,
        /// What happened instead.
        cause: std::io::Error,
    },
    /// A question to a model came to nothing.
    #[error("{message} ({facts}). {advice}")]
    Unanswered {
        /// What is wrong.
        message: String,
        /// What helps to find out more.
        facts: String,
        /// What to do.
        advice: String,
    },
    /// No gateway is where it was said to be.
    #[error(
        "no gateway answers at {url}: {cause}; start one with `tollgate`, or name another address \
         with --url"
    )]
    NobodyThere {
        /// Where it would be.
        url: String,
        /// What happened instead.
        cause: String,
    },
    /// The data could not be taken or read.
    #[error("{0}")]
    Data(Box<dyn Error>),
    /// What the running gateway left about itself cannot be read.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The gateway does not accept connections.
    #[error(
        "the gateway (pid {pid}) does not accept connections at {address}: {cause}. It may be \
         starting, ending or stuck; its log says which"
    )]
    Unreachable {
        /// Its number.
        pid: u32,
        /// Where it should.
        address: SocketAddr,
        /// What happened instead.
        cause: String,
    },
    /// The gateway was asked and did not answer properly.
    #[error(
        "the gateway (pid {pid}) at {address} did not answer properly: {cause}. \
         It may have done what it was asked to; look before you ask again"
    )]
    Broken {
        /// Its number.
        pid: u32,
        /// Where it was asked.
        address: SocketAddr,
        /// What happened instead.
        cause: String,
    },
}

/// A place to act.
pub(super) enum Site {
    /// The data, taken by this process until the command is over.
    Here(Box<Accounts>, Possession),
    /// The gateway that has them.
    There(Control),
}

/// Finds the place: takes the data if nobody has them, and otherwise the gateway that does.
pub(super) async fn find(config: &Config) -> Result<Site, CommandError> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let held = match ownership::take(config).await {
            Ok(possession) => return here(config, possession).await,
            Err(error) if is_held(&*error) => CommandError::Data(error),
            Err(error) => return Err(CommandError::Data(error)),
        };
        let trouble = match Control::read(&config.database.directory)? {
            // It may have gone since it wrote this: only what still listens is a gateway.
            Some(control) => match connect(&control).await {
                Ok(()) => return Ok(Site::There(control)),
                Err(error) => error,
            },
            None => held,
        };
        if Instant::now() >= patience {
            return Err(trouble);
        }
        SystemClock.sleep(PAUSE).await;
    }
}

async fn here(config: &Config, possession: Possession) -> Result<Site, CommandError> {
    let accounts = possession
        .accounts(config)
        .await
        .map_err(CommandError::Data)?;
    let declared = accounts.declare(assemble::accounts(config)).await;
    declared.map_err(|error| CommandError::Data(error.into()))?;
    Ok(Site::Here(Box::new(accounts), possession))
}

fn is_held(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(OwnerError::Held { .. }))
}

/// Makes a call of a running gateway. Returns the body of its answer.
pub(super) async fn ask(control: &Control, call: Call) -> Result<Value, CommandError> {
    ask_within(control, call, ANSWER_LIMIT).await
}

/// The same for a call that may take longer than most.
pub(super) async fn ask_within(
    control: &Control,
    call: Call,
    limit: Duration,
) -> Result<Value, CommandError> {
    let asked = match client(control, limit) {
        Ok(client) => client.call(call).await,
        Err(bad) => return Err(broken(control, bad.to_string())),
    };
    asked.map_err(|error| match (&error.code, error.status) {
        (Some(code), Some(_)) if error.kind != Kind::InvalidResponse => CommandError::Refused {
            message: error.message.clone(),
            code: code.clone(),
            request_id: error.request_id.clone(),
        },
        (_, Some(status)) => broken(
            control,
            format!("it sent status {status} with a body of something else"),
        ),
        (_, None) if error.kind == Kind::Timeout => broken(
            control,
            format!("nothing came within {} s", limit.as_secs()),
        ),
        (_, None) if error.unreachable => unreachable(control, error.message.clone()),
        (_, None) => broken(control, error.message.clone()),
    })
}

/// A client that asks once: whoever typed the command decides about the next time.
fn client(control: &Control, limit: Duration) -> Result<Client, BadSetting> {
    let address = format!("http://{}", reachable(control.address));
    Client::builder(&address, control.token.expose())
        .admin()
        .timeout(limit)
        .retry(RetryPolicy::never())
        .breaker(None)
        .without_idempotency_keys()
        .longest_answer(LONGEST_ANSWER)
        // Whatever dialect the deployment answers in: commands print what this one says.
        .header(DIALECT, HeaderValue::from_static(Dialect::OpenAi.name()))
        .build()
}

fn broken(control: &Control, cause: String) -> CommandError {
    CommandError::Broken {
        pid: control.pid,
        address: control.address,
        cause,
    }
}

fn unreachable(control: &Control, cause: String) -> CommandError {
    CommandError::Unreachable {
        pid: control.pid,
        address: reachable(control.address),
        cause,
    }
}

/// The failure of a call that was made in this process.
pub(super) fn failed(failure: &Failure) -> CommandError {
    let text = told(failure);
    let message = match &failure.cause {
        // Whoever runs the command is the operator, for whom causes are.
        Some(cause) => format!("{text}: {cause}"),
        None => text,
    };
    CommandError::Refused {
        message,
        code: failure.code.slug().to_owned(),
        request_id: None,
    }
}

/// Whether anybody listens there.
async fn connect(control: &Control) -> Result<(), CommandError> {
    let address = reachable(control.address);
    match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(unreachable(control, error.to_string())),
        Err(_) => {
            let cause = format!("nothing within {} s", CONNECT_LIMIT.as_secs());
            Err(unreachable(control, cause))
        }
    }
}

/// The address by which this machine reaches a listener: one that stands for all addresses is
/// none to connect to.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests;
