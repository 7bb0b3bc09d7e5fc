//! Where a command acts: in the running gateway if there is one, otherwise on the data itself.

use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tollgate_core::error::Failure;
use tollgate_core::error::dialect::{Dialect, told};
use tollgate_engine::accounts::Accounts;
use tollgate_engine::port::Clock as _;
use tollgate_store::{Control, ControlError, OwnerError};

use crate::assemble;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ownership::{self, Possession};

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
    #[error("no gateway runs with this configuration, and {why}")]
    NoGateway {
        /// What it would be needed for.
        why: &'static str,
    },
    /// The data could not be taken or read.
    #[error("{0}")]
    Data(Box<dyn Error>),
    /// What the running gateway left about itself cannot be read.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The gateway does not accept connections.
    #[error("the gateway (pid {pid}) does not accept connections at {address}: {cause}")]
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

/// One call of the admin API.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
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
                Ok(_) => return Ok(Site::There(control)),
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
    let stream = connect(control).await?;
    let answer = tokio::time::timeout(limit, exchange(control, stream, call)).await;
    let broken = |cause: String| CommandError::Broken {
        pid: control.pid,
        address: control.address,
        cause,
    };
    let (status, headers, body) = answer
        .map_err(|_| broken(format!("nothing came within {} s", limit.as_secs())))?
        .map_err(|error| broken(error.to_string()))?;
    let value: Option<Value> = serde_json::from_slice(&body).ok();
    match value {
        Some(value) if (200..300).contains(&status) => Ok(value),
        Some(value) if value.get("error").is_some() => Err(refused(&value, &headers)),
        _ => Err(broken(format!(
            "it sent status {status} with a body of something else"
        ))),
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

async fn connect(control: &Control) -> Result<TcpStream, CommandError> {
    let address = reachable(control.address);
    let unreachable = |cause: String| CommandError::Unreachable {
        pid: control.pid,
        address,
        cause,
    };
    match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!(
            "nothing within {} s",
            CONNECT_LIMIT.as_secs()
        ))),
    }
}

type Broken = Box<dyn Error + Send + Sync>;

async fn exchange(
    control: &Control,
    stream: TcpStream,
    call: Call,
) -> Result<(u16, HeaderMap, Bytes), Broken> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(HOST, reachable(control.address).to_string())
        .header("x-admin-key", control.token.expose())
        // Whatever dialect the deployment answers in: this is the one that is read here.
        .header("x-tollgate-error-dialect", Dialect::OpenAi.name())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(
            call.body.map_or_else(String::new, |body| body.to_string()),
        )))?;
    let asking = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER)
            .collect()
            .await?
            .to_bytes();
        Ok((parts.status.as_u16(), parts.headers, body))
    };
    // The connection only moves while it is polled. When it ends it has handed over all it got,
    // and an error of its own reaches the asking side too.
    let moving = async {
        connection.await.ok();
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        answer = asking => answer,
        never = moving => match never {},
    }
}

fn refused(value: &Value, headers: &HeaderMap) -> CommandError {
    let text = |name: &str| {
        let text = value
            .get("error")
            .and_then(|error| error.get(name))
            .and_then(Value::as_str);
        text.unwrap_or("unknown").to_owned()
    };
    let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    CommandError::Refused {
        message: text("message"),
        code: text("code"),
        request_id: request_id.map(str::to_owned),
    }
}

/// The address by which this machine reaches a listener: one that stands for all addresses is
/// none to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests;
