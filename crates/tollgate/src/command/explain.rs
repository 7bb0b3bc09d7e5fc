//! `tollgate explain`: what would become of a request, and why. Nothing is sent.

use std::fmt::Write as _;
use std::process::ExitCode;

use http::Method;
use serde_json::{Map, Value};

use super::control::{self, CommandError};
use super::place::{self, Common, Place, Said, call};
use super::table::{self, at};
use crate::config::Config;

/// The request that is explained.
#[derive(Debug, clap::Args)]
pub struct ExplainArguments {
    #[command(flatten)]
    common: Common,
    /// The model that it asks for.
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// The name or the id of the key that it comes with; one that may do everything if left out.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// How many tokens its prompt has; 1000 if left out.
    #[arg(long, value_name = "TOKENS")]
    prompt_tokens: Option<u64>,
    /// The most tokens that its answer may have.
    #[arg(long, value_name = "TOKENS")]
    max_output: Option<u64>,
    /// What a model must be able to do for it, with commas between: vision, tools, files, audio,
    /// schema, reasoning.
    #[arg(long, value_name = "ABILITIES", value_delimiter = ',')]
    needs: Vec<String>,
    /// A tag of it; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The user whom it names.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// What it belongs to, where requests stick to targets.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Its answer is to be a stream.
    #[arg(long)]
    stream: bool,
    /// Only the model that it asks for may answer.
    #[arg(long)]
    no_fallbacks: bool,
}

/// Explains it, by the running gateway's state if there is one.
pub fn run(arguments: &ExplainArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

async fn act(config: &Config, arguments: &ExplainArguments) -> Result<Said, CommandError> {
    let body = body(arguments);
    let answer = match place::find(config).await? {
        Place::Gateway(gateway) => {
            let call = call(Method::POST, "/api/routes/explain", Some(body));
            control::ask(&gateway, call).await?
        }
        Place::Engine(engine) => {
            crate::complain(
                &"no gateway runs with this configuration; breakers, limits and times are fresh",
            );
            let body = body.to_string();
            let explained = tollgate_http::explain::explain(&engine, body.as_bytes());
            explained.map_err(|failure| control::failed(&failure))?.1
        }
    };
    Ok(Said::answer(arguments.common.json, &answer, text))
}

fn body(arguments: &ExplainArguments) -> Value {
    let list = |items: &[String]| (!items.is_empty()).then(|| Value::from(items));
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let members = [
        ("model", Some(arguments.model.as_str().into())),
        ("key", text(&arguments.key)),
        ("prompt_tokens", arguments.prompt_tokens.map(Value::from)),
        ("max_output", arguments.max_output.map(Value::from)),
        ("needs", list(&arguments.needs)),
        ("tags", list(&arguments.tags)),
        ("user", text(&arguments.user)),
        ("session", text(&arguments.session)),
        ("stream", arguments.stream.then(|| true.into())),
        ("fallbacks", arguments.no_fallbacks.then(|| false.into())),
    ];
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// The explanation as people read it.
fn text(answer: &Value) -> String {
    let mut text = format!("{}\n\n{}\n", outcome(answer), rules(answer));
    let models = answer.get("models").and_then(Value::as_array);
    for model in models.into_iter().flatten() {
        text.push('\n');
        text.push_str(&model_text(model));
    }
    text
}

fn outcome(answer: &Value) -> String {
    let asked = at(answer, "/request/model");
    let code = at(answer, "/outcome/code");
    match answer.pointer("/outcome/does").and_then(Value::as_str) {
        Some("asks") => {
            let target = at(answer, "/outcome/target_model");
            let connection = at(answer, "/outcome/connection");
            let model = at(answer, "/outcome/model");
            let instead = if model == asked {
                String::new()
            } else {
                format!(", as {model}")
            };
            format!("{asked}: asks connection {connection} for {target} first{instead}")
        }
        Some("waits") => {
            let longest = table::time(answer, "/outcome/longest_ms");
            format!("{asked}: waits for a free place, for {longest} at most")
        }
        Some("refuses") => format!("{asked}: is refused: {code}"),
        _ => {
            let wait = table::time(answer, "/outcome/retry_after_ms");
            let wait = if wait == "-" {
                String::new()
            } else {
                format!(", to be asked again after {wait}")
            };
            format!("{asked}: fails at once: {code}{wait}")
        }
    }
}

/// What the whole request goes by.
fn rules(answer: &Value) -> String {
    let backoff = format!(
        "{}, times {}, at most {}",
        table::time(answer, "/rules/backoff/first_ms"),
        at(answer, "/rules/backoff/factor"),
        table::time(answer, "/rules/backoff/longest_ms"),
    );
    let queue = format!(
        "{} at most, {} requests",
        table::time(answer, "/rules/queue/wait_ms"),
        at(answer, "/rules/queue/length"),
    );
    let hedge = table::time(answer, "/rules/hedge/after_ms");
    let rows = [
        ("key", at(answer, "/key/name")),
        ("attempts", at(answer, "/rules/attempts")),
        ("total", table::time(answer, "/rules/total_ms")),
        ("same target", backoff),
        ("repeat", at(answer, "/rules/repeat")),
        ("queue", queue),
        ("sticky", at(answer, "/rules/sticky")),
        ("hedge", hedge),
        ("recovery", at(answer, "/rules/recovery")),
    ];
    let rows = rows.map(|(title, value)| [title.to_owned(), value]);
    table::columns(&rows).trim_end().to_owned()
}

fn model_text(model: &Value) -> String {
    let name = at(model, "/model");
    let strategy = at(model, "/strategy");
    let mut text = format!("{name} ({strategy}");
    if model.get("allowed") == Some(&Value::Bool(false)) {
        text.push_str(", not for this key");
    }
    if let Some(waiting) = model.get("waiting").and_then(Value::as_u64)
        && waiting > 0
    {
        _ = write!(text, ", {waiting} waiting");
    }
    text.push(')');
    let after = model.get("after").and_then(Value::as_array);
    for step in after.into_iter().flatten() {
        let (from, failures) = (at(step, "/model"), at(step, "/failures"));
        _ = write!(text, "\n  after {failures} at {from}");
    }
    text.push('\n');
    let targets = model.get("targets").and_then(Value::as_array);
    let targets = targets.map_or(&[][..], Vec::as_slice);
    if targets.is_empty() {
        text.push_str("  has no targets\n");
        return text;
    }
    text.push_str(&targets_text(targets));
    text
}

fn targets_text(targets: &[Value]) -> String {
    let head = [
        "#",
        "CONNECTION",
        "MODEL",
        "NOW",
        "COST",
        "BREAKER",
        "IN FLIGHT",
        "LIMITS",
        "ANSWERS",
        "STREAMS",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(targets.iter().map(|target| {
        let cost = at(target, "/estimated_cost_usd");
        [
            at(target, "/order"),
            at(target, "/connection"),
            at(target, "/model"),
            match target.pointer("/obstacle/kind") {
                None | Some(Value::Null) => "can be asked".to_owned(),
                Some(kind) => table::cell(Some(kind)),
            },
            if cost == "-" {
                cost
            } else {
                format!("${cost}")
            },
            at(target, "/breaker/state"),
            at(target, "/in_flight"),
            table::limits(target.get("limits"), target.get("used")),
            table::time(target, "/latency/answer_ms"),
            table::time(target, "/latency/stream_ms"),
        ]
    }));
    let table = table::columns(&rows);
    let mut text = String::new();
    for line in table.lines() {
        // Writing into a text cannot fail.
        _ = writeln!(text, "  {line}");
    }
    for target in targets {
        let message = at(target, "/obstacle/message");
        if message != "-" {
            _ = writeln!(text, "  {}: {message}", at(target, "/order"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
