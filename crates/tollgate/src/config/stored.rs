//! A connection that an operator made while the gateway ran, read by the rules of the file.

use std::path::Path;

use serde_json::{Map, Value};
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::secret::Secret;

use super::Connection;
use super::check::Check;
use super::environment::Environment;
use super::file::{Entry, Node, Raw, Text};
use super::problem::{Place, Problems};
use super::resolve::{self, Findings};
use super::schema::keys::ROOT;
use super::schema::{Kind, find};
use super::substitute::Sources;

/// Reads the settings of a connection (a JSON object of the words of `[[connections]]`) as if the
/// file declared it. Fails with every fault, by the names of the settings.
pub(crate) fn connection(
    name: &str,
    settings: &str,
    credential: Option<&Secret>,
) -> Result<Connection, Failure> {
    let unreadable = |error: serde_json::Error| {
        Failure::gateway(Code::InternalError).because(format!("settings of {name}: {error}"))
    };
    let mut members: Map<String, Value> = serde_json::from_str(settings).map_err(unreadable)?;
    members.insert("name".to_owned(), name.into());
    if let Some(credential) = credential {
        members.insert("api_key".to_owned(), credential.expose().into());
    }
    let mut problems = Problems::default();
    for (key, value) in &members {
        if refers(value) {
            let message = "refers to something outside, which is for the configuration alone";
            problems.push(&Place::BuiltIn, key.as_str(), message);
        }
    }
    if problems.is_empty()
        && let Some(connection) = read(members, &mut problems)
        && problems.is_empty()
    {
        return Ok(connection);
    }
    Err(refused(&problems))
}

fn read(members: Map<String, Value>, problems: &mut Problems) -> Option<Connection> {
    let Kind::List(keys) = find(ROOT, "connections")?.kind else {
        return None;
    };
    let environment = Environment::new(Vec::<(String, String)>::new());
    let mut check = Check {
        sources: Sources {
            environment: &environment,
            directory: Path::new(""),
        },
        problems,
        complete: true,
        literal_secret: None,
    };
    let section = check.section("", keys, &node(Value::Object(members)));
    let mut warnings = Problems::default();
    let mut findings = Findings {
        problems,
        warnings: &mut warnings,
    };
    resolve::connection(&section, &mut findings)
}

/// Whether a text would be replaced by what it refers to: a file or a variable of this process.
fn refers(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.contains("${") || text.starts_with("os.environ/"))
}

fn node(value: Value) -> Node {
    let value = match value {
        Value::String(text) => Raw::Text(Text {
            text,
            untyped: false,
        }),
        Value::Number(number) => number.as_i64().map_or(Raw::Other("a number"), Raw::Integer),
        Value::Bool(flag) => Raw::Bool(flag),
        Value::Array(items) => Raw::List(items.into_iter().map(node).collect()),
        Value::Object(members) => Raw::Table(members.into_iter().map(entry).collect()),
        Value::Null => Raw::Other("nothing"),
    };
    Node {
        place: Place::BuiltIn,
        value,
    }
}

fn entry((name, value): (String, Value)) -> Entry {
    Entry {
        name,
        place: Place::BuiltIn,
        node: node(value),
    }
}

fn refused(problems: &Problems) -> Failure {
    let fields: Vec<FieldProblem> = problems
        .iter()
        .map(|problem| FieldProblem {
            path: problem.key.clone(),
            message: format!("`{}` {}.", problem.key, problem.message),
            kind: "value_error",
        })
        .collect();
    let sentences: Vec<&str> = fields.iter().map(|field| &*field.message).collect();
    let mut failure = Failure::client(Code::InvalidRequest).message(sentences.join(" "));
    failure.fields = fields;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_by_the_rules_of_the_file() {
        let key = Secret::new("sk-1");
        let settings = r#"{"provider":"openai","limits":{"rpm":7}}"#;
        let read = connection("theirs", settings, Some(&key)).unwrap();
        assert_eq!(read.name(), "theirs");
        assert_eq!(read.limits.rpm, Some(7));
        assert_eq!(read.settings.credential.unwrap().expose(), "sk-1");
    }

    #[test]
    fn every_fault_is_named_and_no_credential_repeated() {
        let key = Secret::new("sk-canary\u{7f}");
        for (settings, at) in [
            (r#"{"provider":"nobody"}"#, "provider"),
            (r#"{"provider":"openai","base_url":"ftp://x"}"#, "base_url"),
            (r#"{"provider":"openai-compatible"}"#, "base_url"),
            (r#"{"provider":"openai","limits":{"rpm":-1}}"#, "limits.rpm"),
            (
                r#"{"provider":"openai","base_url":"https://${HOME}"}"#,
                "base_url",
            ),
            (
                r#"{"provider":"openai","region":"os.environ/HOME"}"#,
                "region",
            ),
            (r#"{"provider":"openai","other":1}"#, "other"),
        ] {
            let failure = connection("theirs", settings, None).unwrap_err();
            assert_eq!(failure.code, Code::InvalidRequest, "{settings}");
            let mut fields = failure.fields.iter();
            assert!(fields.any(|field| field.path == at), "{failure:?}");
        }
        let failure = connection("theirs", r#"{"provider":"openai"}"#, Some(&key));
        if let Err(failure) = failure {
            assert!(!format!("{failure:?}").contains("canary"));
        }
    }
}
