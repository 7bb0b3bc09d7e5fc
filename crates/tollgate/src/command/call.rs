//! `tollgate call …`: one question to a model, through a running gateway.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{StringValueParser, TypedValueParser as _};
use tollgate_client::{BadSetting, ChatRequest, Client, Error, Kind, RetryPolicy};
use tollgate_core::secret::Secret;

use super::control::{self, CommandError};
use super::place::{self, Common, Said};
use crate::config::Config;

/// The most of a file that is read for a key.
const LONGEST_KEY: u64 = 64 * 1024;

/// What to ask, and whom.
#[derive(Debug, clap::Args)]
pub struct CallArguments {
    #[command(flatten)]
    common: Common,
    /// The model. The first of those that the key may use if left out.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Prints the answer as it comes.
    #[arg(long, conflicts_with = "json")]
    stream: bool,
    /// The address of the gateway. That of the gateway that runs with the configuration if left
    /// out.
    #[arg(long, value_name = "URL", env = "TOLLGATE_URL")]
    url: Option<String>,
    /// The virtual key. Others on this machine see what a command is called with: better put it into
    /// `TOLLGATE_KEY`, or use `--key-file`.
    #[arg(long, value_name = "KEY", env = "TOLLGATE_KEY", hide_env_values = true, value_parser = StringValueParser::new().map(Secret::new))]
    key: Option<Secret>,
    /// A file with the virtual key, before `--key` and `TOLLGATE_KEY`; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// How often the gateway is asked at most, where asking again may help.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
    /// How long one answer may take; with --stream, how long nothing may come. Without it a minute, and two
    /// minutes with --stream.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
    /// What is asked.
    text: String,
}

/// Asks, and prints what the model says.
pub fn run(arguments: &CallArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

async fn act(config: &Config, arguments: &CallArguments) -> Result<Said, CommandError> {
    let key = key(arguments)?;
    let url = if let Some(url) = &arguments.url {
        url.clone()
    } else {
        let gateway = place::gateway(config, "somebody has to pass the question on").await?;
        format!("http://{}", control::reachable(gateway.address))
    };
    let client = client(&url, key.expose(), arguments);
    let client = client.map_err(|bad| CommandError::Data(bad.into()))?;
    let asked = ask(&client, arguments).await;
    asked.map_err(|error| failed(&url, &error))
}

/// The key, from wherever it is to be had.
fn key(arguments: &CallArguments) -> Result<Secret, CommandError> {
    let Some(file) = &arguments.key_file else {
        return arguments.key.clone().ok_or(CommandError::NoKey);
    };
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        io::stdin()
            .lock()
            .take(LONGEST_KEY)
            .read_to_string(&mut text)
    } else {
        let file = File::open(file);
        file.and_then(|file| file.take(LONGEST_KEY).read_to_string(&mut text))
    };
    match read {
        Ok(_) if text.trim().is_empty() => Err(CommandError::NoKey),
        Ok(_) => Ok(Secret::new(text.trim())),
        Err(cause) => Err(CommandError::KeyFile {
            path: file.clone(),
            cause,
        }),
    }
}

/// A client with its usual habits. Whoever waits in front of it is told why.
fn client(url: &str, key: &str, arguments: &CallArguments) -> Result<Client, BadSetting> {
    let attempts = arguments.attempts;
    let builder = Client::builder(url, key)
        .breaker(None)
        .retry(RetryPolicy {
            attempts,
            ..RetryPolicy::default()
        })
        .on_retry(|error, wait| {
            let seconds = wait.as_secs_f64();
            let told = format!("{}; asking again in {seconds:.1} s", reason(error));
            crate::complain(&told);
        });
    match arguments.timeout {
        Some(seconds) => builder.timeout(Duration::from_secs(seconds)),
        None => builder,
    }
    .build()
}

async fn ask(client: &Client, arguments: &CallArguments) -> Result<Said, Error> {
    let mut request = ChatRequest::user(&arguments.text);
    if let Some(model) = model(client, arguments).await? {
        request = request.model(model);
    }
    if arguments.stream {
        return stream(client, &request).await;
    }
    if arguments.common.json {
        let answer = client.chat_as_is(&request).await?;
        return Ok(Said::answer(true, &answer, |_| String::new()));
    }
    let answer = client.chat(&request).await?;
    Ok(Said {
        text: format!("{}\n", answer.text()),
        is_good: true,
    })
}

/// Whom to ask: without a model of its own, a gateway with any has a first one.
async fn model(client: &Client, arguments: &CallArguments) -> Result<Option<String>, Error> {
    if let Some(model) = &arguments.model {
        return Ok(Some(model.clone()));
    }
    let models = client.models().await?;
    let mut names = models.into_iter().map(|model| model.id);
    // A pattern stands for models that it does not name.
    Ok(names.find(|name| !name.contains('*')))
}

/// Prints the answer as it comes. What is printed of one that breaks off stays.
async fn stream(client: &Client, request: &ChatRequest) -> Result<Said, Error> {
    let mut stream = client.chat_stream(request).await?;
    let mut out = io::stdout();
    let mut is_read = true;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.inspect_err(|_| _ = out.write_all(b"\n"))?;
        let written = out.write_all(chunk.text().as_bytes());
        if written.and_then(|()| out.flush()).is_err() {
            // Whoever reads has gone; the rest would cost and reach nobody.
            is_read = false;
            break;
        }
    }
    Ok(Said {
        text: "\n".to_owned(),
        is_good: is_read,
    })
}

fn failed(url: &str, error: &Error) -> CommandError {
    if error.kind == Kind::Connection && error.unreachable {
        return CommandError::NobodyThere {
            url: url.to_owned(),
            cause: error.message.clone(),
        };
    }
    CommandError::Unanswered {
        message: error.message.trim_end_matches('.').to_owned(),
        facts: facts(error),
        advice: advice(error),
    }
}

/// What went wrong, with its code.
fn reason(error: &Error) -> String {
    let message = error.message.trim_end_matches('.');
    match &error.code {
        Some(code) => format!("{message} ({code})"),
        None => message.to_owned(),
    }
}

/// What helps to find out more: the code, the request, how often it was asked.
fn facts(error: &Error) -> String {
    let mut facts = vec![error.code.clone().unwrap_or_else(|| "unknown".to_owned())];
    facts.extend(error.request_id.iter().map(|id| format!("request {id}")));
    if error.attempts > 1 {
        facts.push(format!("asked {} times", error.attempts));
    }
    facts.join(", ")
}

/// What to do about it.
fn advice(error: &Error) -> String {
    match error.kind {
        Kind::Authentication => {
            "Look at TOLLGATE_KEY or --key; `tollgate key create NAME` makes a key".to_owned()
        }
        Kind::Timeout | Kind::GatewayTimeout => {
            "Give it longer with --timeout SECONDS, or print the answer as it comes \
                          with --stream"
                .to_owned()
        }
        Kind::StreamInterrupted | Kind::StreamTimeout => {
            "What was printed is not the whole answer; ask again".to_owned()
        }
        Kind::Connection => "The gateway was reached and hung up; its log says why".to_owned(),
        Kind::InvalidResponse => "Is it a Tollgate that listens there?".to_owned(),
        Kind::Api
        | Kind::BadRequest
        | Kind::Validation
        | Kind::PermissionDenied
        | Kind::InsufficientCredits
        | Kind::NotFound
        | Kind::Conflict
        | Kind::RateLimit
        | Kind::Server
        | Kind::CircuitOpen => match &error.code {
            Some(code) => format!("`tollgate errors {code}` says what to do"),
            None => "Is it a Tollgate that listens there?".to_owned(),
        },
    }
}
