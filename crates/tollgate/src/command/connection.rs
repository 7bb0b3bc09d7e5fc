//! `tollgate connection …`: lists and tests connections, and moves the breakers of their targets
//! by hand.

use std::process::ExitCode;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::Code;

use super::control::{self, Call, CommandError};
use super::place::{self, Common, Place, Said, call, segment};
use super::table::{self, at, cell};
use crate::config::Config;

/// The longest that a gateway may take to test a connection.
const TEST_LIMIT: Duration = Duration::from_secs(90);

/// What is to be done with connections.
#[derive(Debug, clap::Args)]
pub struct ConnectionArguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Lists all connections and their targets.
    List,
    /// Asks the provider a cheap question; ends with 1 if that fails.
    Test {
        /// The name of the connection.
        name: String,
        /// A model to ask for one token, instead of asking for the list of models.
        #[arg(long, value_name = "MODEL")]
        model: Option<String>,
    },
    /// Opens the breakers as failures would: nothing is sent until a probe goes well.
    Open(Meant),
    /// Closes the breakers and forgets what was counted.
    Close(Meant),
    /// Lets nothing through until the breakers are closed by hand.
    Isolate(Meant),
}

#[derive(Debug, clap::Args)]
struct Meant {
    /// The name of the connection.
    name: String,
    /// One model of the connection, as the provider calls it. All of them if left out.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
}

/// Does it, through the running gateway if there is one.
pub fn run(arguments: &ConnectionArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await.map_err(for_terminals)
    })
}

async fn act(config: &Config, arguments: &ConnectionArguments) -> Result<Said, CommandError> {
    let json = arguments.common.json;
    match &arguments.action {
        Action::List => list(config, json).await,
        Action::Test { name, model } => test(config, json, name, model.as_deref()).await,
        Action::Open(meant) => order(config, json, "open", meant).await,
        Action::Close(meant) => order(config, json, "close", meant).await,
        Action::Isolate(meant) => order(config, json, "isolate", meant).await,
    }
}

async fn list(config: &Config, json: bool) -> Result<Said, CommandError> {
    let answer = match place::find(config).await? {
        Place::Gateway(gateway) => {
            let call = call(Method::GET, "/api/connections", None);
            control::ask(&gateway, call).await?
        }
        Place::Engine(engine) => {
            crate::complain(&"no gateway runs with this configuration; this is what it declares");
            let listed = tollgate_http::connections::list(&engine);
            listed.map_err(|failure| control::failed(&failure))?.1
        }
    };
    Ok(Said::answer(json, &answer, lists))
}

async fn test(
    config: &Config,
    json: bool,
    name: &str,
    model: Option<&str>,
) -> Result<Said, CommandError> {
    let body = model.map(|model| json!({ "model": model }));
    let answer = match place::find(config).await? {
        Place::Gateway(gateway) => {
            let path = format!("/api/connections/{}/test", segment(name));
            control::ask_within(&gateway, call(Method::POST, path, body), TEST_LIMIT).await?
        }
        Place::Engine(engine) => {
            let body = body.map_or_else(String::new, |body| body.to_string());
            let tested = tollgate_http::connections::test(&engine, name, body.as_bytes()).await;
            tested.map_err(|failure| control::failed(&failure))?.1
        }
    };
    let said = Said::answer(json, &answer, |answer| tested(name, answer));
    Ok(Said {
        is_good: answer.get("success") == Some(&Value::Bool(true)),
        ..said
    })
}

async fn order(
    config: &Config,
    json: bool,
    action: &str,
    meant: &Meant,
) -> Result<Said, CommandError> {
    let why = "breakers are in the memory of one";
    let gateway = place::gateway(config, why).await?;
    let answer = control::ask(&gateway, ordering(action, meant)).await?;
    Ok(Said::answer(json, &answer, |answer| {
        targets(std::slice::from_ref(answer))
    }))
}

fn ordering(action: &str, meant: &Meant) -> Call {
    let mut body = json!({ "action": action });
    if let (Some(model), Some(members)) = (&meant.model, body.as_object_mut()) {
        members.insert("model".to_owned(), model.as_str().into());
    }
    let path = format!("/api/connections/{}/breaker", segment(&meant.name));
    call(Method::POST, path, Some(body))
}

/// Says it in the words of commands, where the admin API speaks of addresses.
fn for_terminals(error: CommandError) -> CommandError {
    match error {
        CommandError::Refused {
            code, request_id, ..
        } if code == Code::ResourceNotFound.slug() => CommandError::Refused {
            message: "There is no connection of this name. `tollgate connection list` lists all \
                      of them."
                .into(),
            code,
            request_id,
        },
        other => other,
    }
}

/// Connections, one per line, then their targets.
fn lists(answer: &Value) -> String {
    let connections = answer.get("connections").and_then(Value::as_array);
    let connections = connections.map_or(&[][..], Vec::as_slice);
    let head = [
        "NAME",
        "PROVIDER",
        "ENDPOINT",
        "STATUS",
        "MODELS",
        "LIMITS",
        "LAST TESTED",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(connections.iter().map(|connection| {
        [
            at(connection, "/name"),
            at(connection, "/provider/key"),
            at(connection, "/endpoint_url"),
            at(connection, "/status"),
            at(connection, "/model_count"),
            table::limits(connection.get("limits"), connection.get("used")),
            at(connection, "/last_tested_at"),
        ]
    }));
    format!("{}\n{}", table::columns(&rows), targets(connections))
}

/// The targets of connections, one per line.
fn targets(connections: &[Value]) -> String {
    let head = [
        "CONNECTION",
        "TARGET",
        "BREAKER",
        "REASON",
        "FOR",
        "IN FLIGHT",
        "LIMITS",
        "ANSWERS",
        "STREAMS",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for connection in connections {
        let targets = connection.get("targets").and_then(Value::as_array);
        rows.extend(targets.into_iter().flatten().map(|target| {
            [
                at(connection, "/name"),
                at(target, "/model"),
                breaker(target),
                at(target, "/breaker/reason"),
                table::time(target, "/breaker/remaining_ms"),
                at(target, "/in_flight"),
                table::limits(target.get("limits"), target.get("used")),
                table::time(target, "/latency/answer_ms"),
                table::time(target, "/latency/stream_ms"),
            ]
        }));
    }
    table::columns(&rows)
}

fn breaker(target: &Value) -> String {
    if target.get("enabled") == Some(&Value::Bool(false)) {
        return "disabled".to_owned();
    }
    at(target, "/breaker/state")
}

/// How a test went, in a sentence.
fn tested(name: &str, answer: &Value) -> String {
    let took = table::time(answer, "/latency_ms");
    if answer.get("success") == Some(&Value::Bool(true)) {
        return format!("{name}: ok in {took}\n");
    }
    let code = at(answer, "/code");
    let status = answer.get("provider_status").filter(|it| !it.is_null());
    let status = status.map_or_else(String::new, |it| format!(", status {}", cell(Some(it))));
    let message = at(answer, "/message");
    format!("{name}: failed after {took}: {message} ({code}{status})\n")
}

#[cfg(test)]
mod tests;
