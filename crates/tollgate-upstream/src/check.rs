//! Whether a connection works: a question that costs nothing, or one token.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, timeout_at};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::{Format, Operation};
use tollgate_core::model::{Target, Timeouts, Unsupported};
use tollgate_engine::port::{Attempt, Clock};
use tollgate_wire::formats::{self, Aim, Lost, Received};
use tollgate_wire::json::{self, Kind, NameBuffer, Problem, Scanner};
use tollgate_wire::neutral::{Part, Request, Role};

use crate::connection::{Connection, Outgoing};
use crate::exchange::{self, Limit};
use crate::fault::{Broken, Fault};
use crate::gather::Gathered;
use crate::peer::{Peer, Waits, is_type, looks_like_html};

/// The largest answer that is taken. Lists of models are long where there are thousands.
const ANSWER: usize = 8 * 1024 * 1024;
/// What the log says of the one request of a check.
const REQUEST_ID: &str = "check";

/// Asks a provider for what it answers to everybody with a credential, its list of models mostly.
/// Fails as calls do, and if the provider has no such address.
pub(crate) async fn ask(
    connection: &Arc<Connection>,
    timeout: Duration,
    clock: &Arc<dyn Clock>,
) -> Result<(), Failure> {
    let format = own_format(connection);
    let Some(mut outgoing) = connection.question(format) else {
        let name = connection.settings.provider.name;
        return Err(Failure::gateway(Code::InvalidRequest).message(format!(
            "The provider {name} has no list of models that could be asked for. Give the \
             connection's checks a `model`, which is then asked for one token."
        )));
    };
    let peer = Peer {
        connection,
        clock,
        format,
    };
    let limit = limit(timeout);
    let outcome = match timeout_at(limit.at, answer(&peer, &mut outgoing, limit)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(peer.broken(limit.fault.into())),
    };
    outcome.map_err(|failure| exchange::after(&outgoing, failure))
}

/// Asks a model for one token.
pub(crate) async fn call(
    connection: &Arc<Connection>,
    model: &str,
    timeout: Duration,
    clock: &Arc<dyn Clock>,
) -> Result<(), Failure> {
    let call = one_token(connection, model)?;
    let target = Target {
        connection: Arc::clone(&connection.settings.name),
        model: model.into(),
        max_output: None,
    };
    let timeouts = Timeouts {
        connect: timeout,
        first_byte: timeout,
        idle: timeout,
        answer: timeout,
        total: timeout,
    };
    let attempt = Attempt {
        call: &call,
        target: &target,
        timeouts: &timeouts,
        // The bound of the answer is met first, and says better what was waited for.
        deadline: limit(timeout).at + timeout,
        begin_by: limit(timeout).at + timeout,
        request_id: REQUEST_ID,
        unsupported: Unsupported::Drop,
        repetition: None,
        bare: false,
    };
    exchange::run(connection, attempt, clock).await.map(drop)
}

fn limit(timeout: Duration) -> Limit {
    Limit {
        at: Instant::now() + timeout,
        fault: Fault::AnswerTimeout,
    }
}

/// What the provider is asked in where there is a choice.
fn own_format(connection: &Connection) -> Format {
    let settings = &connection.settings;
    let asked = settings.format_for(Format::OpenAi, Operation::Chat);
    asked.unwrap_or(Format::OpenAi)
}

/// The smallest of all calls. It is put to the provider as a caller's would be.
fn one_token(connection: &Connection, model: &str) -> Result<Call, Failure> {
    let provider = connection.settings.provider;
    let mut request = Request {
        max_tokens: Some(1),
        ..Request::default()
    };
    request.push(Role::User, Part::text("Hi"));
    let aim = Aim {
        provider: provider.name,
        model,
        max_output: None,
        ask_usage: false,
        quirks: &provider.quirks,
    };
    let received = Received {
        operation: Operation::Chat,
        body: formats::write_request(Format::OpenAi, &request, &aim, &mut Lost::new()),
        model: None,
        stream: false,
        array: false,
    };
    formats::read(Format::OpenAi, received)
}

async fn answer(peer: &Peer<'_>, outgoing: &mut Outgoing<'_>, limit: Limit) -> Result<(), Failure> {
    let waits = Waits {
        connect: limit.at.saturating_duration_since(Instant::now()),
        deadline: limit.at,
    };
    let (head, mut inflow) = peer.head(outgoing, waits).await?;
    if !head.status.is_success() {
        return Err(peer.refused(&head, inflow, limit).await);
    }
    let read = async {
        peer.check_encoding(&head)?;
        let mut gathered = Gathered::new(ANSWER);
        let read = gathered.read(&mut inflow).await;
        read.map_err(|broken| peer.broken(broken))?;
        if !gathered.is_complete() {
            let sentence = "The provider's list of models is larger than 8 MiB.";
            return Err(peer.broken(Broken::invalid(sentence)));
        }
        inflow.release();
        let body = gathered.into_bytes();
        let problem = match holds_error(&body) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let judge = peer.judge();
                return Err(judge.error(StatusCode::OK, &head.headers, &body, true));
            }
            Err(problem) => problem,
        };
        let is_html = looks_like_html(&body) || is_type(&head.headers, "text/html");
        let sentence = if is_html {
            "The provider answered with an HTML page instead of JSON."
        } else {
            "The provider's answer is not valid JSON."
        };
        Err(peer.broken(Broken {
            cause: Some(problem.into()),
            ..Broken::invalid(sentence)
        }))
    };
    read.await.map_err(|failure| peer.about(failure, &head))
}

/// Whether a body is an error although its status is good. Fails if it is no JSON.
fn holds_error(body: &[u8]) -> Result<bool, Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let mut found = false;
    if scanner.kind()? == Kind::Object {
        let mut members = scanner.object()?;
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            let is_error = name.name(&mut buffer) == b"error";
            found |= is_error && scanner.kind()? != Kind::Null;
            scanner.skip()?;
        }
    } else {
        scanner.skip()?;
    }
    scanner.finish()?;
    Ok(found)
}
