//! Every stream fault of the simulated provider, through the gateway.

use serde_json::{Value, json};

use crate::world::World;

/// What a client has to see.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// The same text as without the fault, and the terminator.
    Whole,
    /// An error with this status and code: no content had left.
    Status(u16, &'static str),
    /// Some content, then one error event of this code and no terminator.
    Event(&'static str),
}

/// The fault in the simulator's words, and what becomes of it.
const CASES: &[(&str, Seen)] = &[];

#[tokio::test]
async fn every_stream_fault_ends_as_it_must() {
    let world = World::with(
        "[routing.timeouts]\nfirst_byte_ms = 1500\nidle_ms = 700\nanswer_ms = 3000\n",
    )
    .await;
    let mut wrong = Vec::new();
    for (fault, expected) in CASES {
        let body = json!({"model": format!("sim/fault/{fault}"), "stream": true,
            "messages": [{"role": "user", "content": "one two three four five six seven"}]});
        let answer = world.chat(&body).send().await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let seen = judge(answer.status.as_u16(), &text);
        let right = match (*expected, &seen) {
            (Seen::Whole, Outcome::Whole) => true,
            (Seen::Status(status, code), Outcome::Status(is, of)) => status == *is && code == of,
            (Seen::Event(code), Outcome::Event(of)) => code == of,
            _ => false,
        };
        if !right {
            wrong.push(format!("{fault}: expected {expected:?}, seen {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let open = world.gateway.metric("tollgate_streams_open", &[]).await;
    assert_eq!(open, 0.0, "no stream is left behind");
}

#[test]
fn every_fault_of_the_simulator_has_its_case() {
    let missing: Vec<_> = tollgate_simulator::faults()
        .iter()
        .map(|row| row.name)
        .filter(|name| !CASES.iter().any(|(fault, _)| fault.split([':', '=']).next() == Some(name)))
        .collect();
    assert!(missing.is_empty(), "faults without a case: {missing:?}");
}

#[derive(Debug)]
enum Outcome {
    Whole,
    Status(u16, String),
    Event(String),
    Odd(String),
}

fn judge(status: u16, text: &str) -> Outcome {
    let code = |value: &Value| value["error"]["code"].as_str().unwrap_or("none").to_owned();
    if status != 200 {
        let body = serde_json::from_str::<Value>(text).unwrap_or_default();
        return Outcome::Status(status, code(&body));
    }
    let lines = text.split(['\n', '\r']);
    let data: Vec<_> = lines.filter_map(|line| line.strip_prefix("data:")).collect();
    let last = data.last().map_or("", |last| last.trim());
    let errors = data.iter().filter(|event| event.contains("\"error\":{")).count();
    match (last, errors) {
        ("[DONE]", 0) => Outcome::Whole,
        (last, 1) if !text.contains("[DONE]") => match serde_json::from_str::<Value>(last) {
            Ok(event) if event["error"].is_object() => Outcome::Event(code(&event)),
            _ => Outcome::Odd(format!("the error is not the last event: {text}")),
        },
        _ => Outcome::Odd(text.chars().take(600).collect()),
    }
}
