//! Scripts as they are written in JSON.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Rule, Script, ScriptProblem};
use crate::fault::Fault;

/// Reads a script; a problem says which rule it is in.
pub(super) fn read(text: &str) -> Result<Script, ScriptProblem> {
    let written: Written = match serde_json::from_str(text)? {
        Value::Array(rules) => Written { rules },
        rule if rule.get("fault").is_some() => Written { rules: vec![rule] },
        script => serde_json::from_value(script)?,
    };
    let mut script = Script::default();
    for (at, rule) in written.rules.into_iter().enumerate() {
        let read = read_rule(rule).and_then(|rule| script.push(rule));
        read.map_err(|problem| ScriptProblem::InRule {
            number: at + 1,
            problem: Box::new(problem),
        })?;
    }
    Ok(script)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rules: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    fault: WrittenFaults,
    #[serde(default, rename = "match")]
    condition: WrittenCondition,
    #[serde(default)]
    skip: u64,
    times: Option<u64>,
    nth: Option<u64>,
    percent: Option<u8>,
}

/// A fault as text, as an object with its parameters, or several of them.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`fault` must be text, an object with a `name`, or an array of these"
)]
enum WrittenFaults {
    Text(String),
    Parts(Map<String, Value>),
    Many(Vec<WrittenFaults>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenCondition {
    model: Option<String>,
    path: Option<String>,
    method: Option<String>,
    stream: Option<bool>,
    headers: Map<String, Value>,
    body: Option<String>,
}

fn read_rule(rule: Value) -> Result<Rule, ScriptProblem> {
    let written: WrittenRule = serde_json::from_value(rule)?;
    let mut rule = Rule::of(read_faults(written.fault)?);
    if rule.faults.is_empty() {
        return Err(ScriptProblem::UnknownFault {
            fault: String::new(),
            near: "status",
        });
    }
    let condition = written.condition;
    rule.condition.model = condition.model;
    rule.condition.path = condition.path;
    rule.condition.method = condition.method;
    rule.condition.stream = condition.stream;
    rule.condition.body = condition.body;
    for (name, value) in &condition.headers {
        rule = rule.header(name, &plain(value));
    }
    rule = rule
        .skip(written.skip)
        .percent(written.percent.unwrap_or(100));
    rule.times = written.times;
    Ok(match written.nth {
        Some(nth) => rule.nth(nth),
        None => rule,
    })
}

fn read_faults(written: WrittenFaults) -> Result<Vec<Fault>, ScriptProblem> {
    match written {
        WrittenFaults::Text(text) => Fault::parse(&text),
        WrittenFaults::Parts(parts) => Ok(vec![read_parts(&parts)?]),
        WrittenFaults::Many(many) => {
            let read: Vec<_> = many
                .into_iter()
                .map(read_faults)
                .collect::<Result<_, _>>()?;
            Ok(read.into_iter().flatten().collect())
        }
    }
}

fn read_parts(parts: &Map<String, Value>) -> Result<Fault, ScriptProblem> {
    let name = parts.get("name").map(plain).unwrap_or_default();
    let mut fault = Fault::named(&name)?;
    for (parameter, value) in parts.iter().filter(|(parameter, _)| *parameter != "name") {
        fault = fault.with(parameter, &plain(value))?;
    }
    Ok(fault)
}

/// Text as it is; anything else as JSON, so that a body can be written as an object.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_one_rule_or_an_array_or_an_object_of_them() {
        let rule =
            r#"{"fault": "quota", "match": {"model": "a", "headers": {"x": "1"}}, "nth": 2}"#;
        for (text, rules) in [
            (rule.to_owned(), 1),
            (format!("[{rule}, {rule}]"), 2),
            (format!("{{\"rules\": [{rule}]}}"), 1),
            ("[]".to_owned(), 0),
        ] {
            assert_eq!(
                Script::from_json(&text).unwrap().rules().len(),
                rules,
                "{text}"
            );
        }
    }

    #[test]
    fn a_fault_can_be_text_an_object_or_several() {
        let text = r#"[
            {"fault": "rate-limit-5+bom"},
            {"fault": {"name": "answer", "status": 418, "header-x-a": "b, c", "body": {"a": 1}}},
            {"fault": ["bom", {"name": "split", "bytes": 3}]}
        ]"#;
        let script = Script::from_json(text).unwrap();
        let spelled: Vec<String> = script.rules().iter().map(Rule::spelling).collect();
        assert_eq!(
            spelled,
            [
                "rate-limit:retry-after=5+bom",
                "answer:status=418,header-x-a=b%2C c,body={\"a\"%3A1}",
                "bom+split:bytes=3",
            ]
        );
    }

    #[test]
    fn a_problem_says_which_rule_it_is_in() {
        for (text, expected) in [
            (
                "{",
                "the script cannot be read: EOF while parsing an object at line 1 column 1",
            ),
            (
                r#"[{"fault": "quota"}, {"fault": "qota"}]"#,
                "rule 2: there is no fault `qota`; the nearest is `quota`",
            ),
            (
                r#"{"fault": "quota", "when": 1}"#,
                "rule 1: the script cannot be read: unknown field `when`, expected one of \
                 `fault`, `match`, `skip`, `times`, `nth`, `percent`",
            ),
            (
                r#"{"fault": 7}"#,
                "rule 1: the script cannot be read: `fault` must be text, an object with a \
                 `name`, or an array of these",
            ),
        ] {
            let problem = Script::from_json(text).err().expect(text);
            assert_eq!(problem.to_string(), expected);
        }
    }
}
