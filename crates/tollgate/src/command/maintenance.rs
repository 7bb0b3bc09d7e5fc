//! `tollgate maintenance …`: switches maintenance mode of the running gateway.

use std::fmt::Write as _;
use std::process::ExitCode;

use http::Method;
use serde_json::{Map, Value};

use super::control::{self, Call, CommandError};
use super::place::{self, Common, Said, call};
use super::table::at;
use crate::config::Config;

const PATH: &str = "/api/maintenance";

/// What is to be done with maintenance mode.
#[derive(Debug, clap::Args)]
pub struct MaintenanceArguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// From now on calls to models are refused with `maintenance`.
    On {
        /// What callers are told.
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
        /// After how many seconds they are asked to come back.
        #[arg(long, value_name = "SECONDS")]
        retry_after: Option<u64>,
    },
    /// Calls go on.
    Off,
    /// Says whether it is on.
    Status,
}

/// Does it, through the running gateway.
pub fn run(arguments: &MaintenanceArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

async fn act(config: &Config, arguments: &MaintenanceArguments) -> Result<Said, CommandError> {
    let why = "maintenance mode is a state of one";
    let gateway = place::gateway(config, why).await?;
    let answer = control::ask(&gateway, asking(&arguments.action)).await?;
    Ok(Said::answer(arguments.common.json, &answer, sentence))
}

fn asking(action: &Action) -> Call {
    let mut body = Map::new();
    match action {
        Action::Status => return call(Method::GET, PATH, None),
        Action::Off => {
            body.insert("enabled".to_owned(), false.into());
        }
        Action::On {
            message,
            retry_after,
        } => {
            body.insert("enabled".to_owned(), true.into());
            if let Some(message) = message {
                body.insert("message".to_owned(), message.as_str().into());
            }
            if let Some(seconds) = retry_after {
                body.insert("retry_after_s".to_owned(), (*seconds).into());
            }
        }
    }
    call(Method::PUT, PATH, Some(Value::Object(body)))
}

/// The mode in a sentence.
fn sentence(answer: &Value) -> String {
    let is_on = answer.get("enabled") == Some(&Value::Bool(true));
    let mut text = format!("maintenance is {}\n", if is_on { "on" } else { "off" });
    for (title, pointer) in [
        ("message", "/message"),
        ("retry after (s)", "/retry_after_s"),
    ] {
        let value = at(answer, pointer);
        if is_on && value != "-" {
            // Writing into a text cannot fail.
            _ = writeln!(text, "{title:<17}{value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_becomes_a_call() {
        let on = Action::On {
            message: Some("Moving house.".to_owned()),
            retry_after: Some(60),
        };
        let bare = Action::On {
            message: None,
            retry_after: None,
        };
        for (action, method, body) in [
            (
                on,
                Method::PUT,
                Some(json!({
                    "enabled": true, "message": "Moving house.", "retry_after_s": 60,
                })),
            ),
            (bare, Method::PUT, Some(json!({"enabled": true}))),
            (Action::Off, Method::PUT, Some(json!({"enabled": false}))),
            (Action::Status, Method::GET, None),
        ] {
            let call = asking(&action);
            assert_eq!((call.method, call.body), (method, body), "{action:?}");
            assert_eq!(call.path, "/api/maintenance");
        }
    }

    #[test]
    fn the_mode_is_told_in_a_sentence() {
        let off = json!({"enabled": false, "message": "old", "retry_after_s": 5});
        assert_eq!(sentence(&off), "maintenance is off\n");
        let on = json!({"enabled": true, "message": "Moving house.", "retry_after_s": null});
        assert_eq!(
            sentence(&on),
            "maintenance is on\nmessage          Moving house.\n"
        );
    }
}
