//! The control address: scripts come in, records and counts go out.

use serde_json::{Value, json};

use crate::draft::Draft;
use crate::fault::faults;
use crate::request::Request;
use crate::script::{Rule, Script};
use crate::simulator::Shared;

/// What the paths of the control address begin with.
pub(crate) const PREFIX: &str = "/__sim/";

/// Answers a request to the control address.
pub(crate) fn answer(shared: &Shared, request: &Request) -> Draft {
    let what = request.path.strip_prefix(PREFIX).unwrap_or_default();
    match (request.method.as_str(), what) {
        ("GET", "script") => done(&rules(shared)),
        ("POST", "script") => add(shared, request),
        ("PUT", "script") => replace(shared, request),
        ("DELETE", "script") => {
            shared.change_script(|script| *script = Script::default());
            done(&rules(shared))
        }
        ("GET", "requests") => done(&json!({"requests": shared.records.requests()})),
        ("DELETE", "requests") => {
            shared.records.forget();
            done(&json!({"requests": []}))
        }
        ("GET", "stats") => done(&json!(*shared.records.stats().borrow())),
        ("GET", "faults") => done(&table()),
        (_, "script" | "requests" | "stats" | "faults") => {
            refused(405, "this address does not take this method")
        }
        _ => refused(404, "the addresses are script, requests, stats and faults"),
    }
}

fn add(shared: &Shared, request: &Request) -> Draft {
    let added = read(request).and_then(|added| {
        shared
            .change_script(|script| {
                let mut rules = added.rules().iter().cloned();
                rules.try_for_each(|rule| script.push(rule))
            })
            .map_err(|problem| problem.to_string())
    });
    match added {
        Ok(()) => done(&rules(shared)),
        Err(problem) => refused(400, &problem),
    }
}

fn replace(shared: &Shared, request: &Request) -> Draft {
    match read(request) {
        Ok(script) => {
            shared.change_script(|present| *present = script);
            done(&rules(shared))
        }
        Err(problem) => refused(400, &problem),
    }
}

fn read(request: &Request) -> Result<Script, String> {
    let text = std::str::from_utf8(&request.body);
    let text = text.map_err(|_| "the script is not UTF-8".to_owned())?;
    Script::from_json(text).map_err(|problem| problem.to_string())
}

fn rules(shared: &Shared) -> Value {
    let rules = shared.change_script(|script| {
        let rules = script.rules().iter().map(rule);
        rules.collect::<Vec<_>>()
    });
    json!({"rules": rules})
}

fn rule(rule: &Rule) -> Value {
    json!({"fault": rule.spelling(), "matched": rule.matched(), "applied": rule.applied()})
}

fn table() -> Value {
    let rows = faults().iter().map(|row| {
        let parameters = row.parameters.iter().map(|parameter| {
            json!({
                "name": parameter.name,
                "default": parameter.default,
                "about": parameter.about,
            })
        });
        json!({
            "name": row.name,
            "group": row.group.title(),
            "does": row.does,
            "parameters": parameters.collect::<Vec<_>>(),
        })
    });
    json!({"faults": rows.collect::<Vec<_>>()})
}

fn done(value: &Value) -> Draft {
    whole(200, value)
}

fn refused(status: u16, problem: &str) -> Draft {
    whole(status, &json!({"problem": problem}))
}

fn whole(status: u16, value: &Value) -> Draft {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Draft::whole(status, headers, value.to_string())
}
