//! Every status of every provider family, as the callers of every family see it.

mod expected;

use serde_json::Value;

use self::expected::{CODES, FAMILIES, Face, PROVIDERS, STATUSES, face, retried};
use crate::raw::Raw;
use crate::surface::{FAMILIES_CONFIG, Surface};
use crate::world::{Answer, PROVIDER_KEY, World};

/// The families of callers, in the order of the columns of [`expected::face`].
const CALLERS: [Surface; 3] = [Surface::Chat, Surface::Anthropic, Surface::Gemini];

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Cell {
    status: u16,
    provider: usize,
    caller: usize,
    stream: bool,
}

impl Cell {
    fn model(self) -> String {
        format!("fault/status={}", self.status)
    }

    fn code(self) -> &'static str {
        let row = STATUSES.iter().position(|one| *one == self.status);
        CODES[row.unwrap()][self.provider]
    }

    /// Whether the provider's own body has to reach the caller.
    fn passes(self) -> bool {
        let by_request = ["provider_invalid_request", "provider_request_too_large"];
        self.provider == self.caller && by_request.contains(&self.code())
    }
}

#[tokio::test]
async fn every_status_of_every_provider_reaches_every_caller_as_it_must() {
    let world = World::once(FAMILIES_CONFIG).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for status in STATUSES {
        for provider in 0..PROVIDERS.len() {
            for caller in 0..CALLERS.len() {
                for stream in [false, true] {
                    let cell = Cell {
                        status,
                        provider,
                        caller,
                        stream,
                    };
                    count += 1;
                    let complaints = judge(&world, cell).await;
                    wrong.extend(complaints.iter().map(|one| format!("{cell:?}: {one}")));
                }
            }
        }
    }
    println!("{count} cells, {} complaints", wrong.len());
    assert_eq!(count, 270);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Everything that is wrong in a cell.
async fn judge(world: &World, cell: Cell) -> Vec<String> {
    let surface = CALLERS[cell.caller];
    let connection = PROVIDERS[cell.provider];
    let model = format!("{connection}/{}", cell.model());
    let answer = surface.ask(world, &model, "x", cell.stream).await;
    let mut wrong = Vec::new();
    let mut expect = |what: &str, seen: &str, expected: &str| {
        if seen != expected {
            wrong.push(format!("{what} is {seen:?}, not {expected:?}"));
        }
    };
    let Face { status, .. } = face(cell.code(), cell.caller);
    let status = if cell.passes() { cell.status } else { status };
    expect("the status", answer.status.as_str(), &status.to_string());
    let retry = retried(cell.code());
    expect(
        "the code",
        answer.header("x-tollgate-error-code"),
        cell.code(),
    );
    expect(
        "x-should-retry",
        answer.header("x-should-retry"),
        &retry.to_string(),
    );
    let (seconds, milliseconds) = if retry { ("1", "1000") } else { ("", "") };
    expect("retry-after", answer.header("retry-after"), seconds);
    expect(
        "retry-after-ms",
        answer.header("retry-after-ms"),
        milliseconds,
    );
    expect("the attempts", answer.header("x-tollgate-attempts"), "1");
    expect(
        "the connection",
        answer.header("x-tollgate-connection"),
        connection,
    );
    expect("the model", answer.header("x-tollgate-model"), &model);
    let id = answer.header("x-request-id");
    expect("request-id", answer.header("request-id"), id);
    let own = id.starts_with("req_") && id.len() > 8;
    expect("the id is Tollgate's own", &own.to_string(), "true");
    let media_type = answer
        .header("content-type")
        .starts_with("application/json");
    expect("the media type is JSON", &media_type.to_string(), "true");
    for member in form(&answer, cell) {
        expect("the body", &member, "");
    }
    let head = format!("{:?}", answer.headers);
    for secret in secrets(world) {
        let shown = answer.text().contains(&secret) || head.contains(&secret);
        expect(
            "what is shown of a secret",
            if shown { &secret } else { "" },
            "",
        );
    }
    if cell.passes() {
        let own = asked_directly(world, cell).await;
        expect(
            "the body",
            &answer.text(),
            &with_id_of(&own, &answer.text()),
        );
    }
    wrong
}

/// What a body of the caller's dialect lacks.
fn form(answer: &Answer, cell: Cell) -> Vec<String> {
    if cell.passes() {
        return Vec::new();
    }
    let body = answer.json();
    let error = &body["error"];
    let Face { status, word } = face(cell.code(), cell.caller);
    let code = cell.code();
    let id = answer.header("x-request-id");
    let upper = code.to_uppercase();
    let members: Vec<(&Value, Value)> = match FAMILIES[cell.caller] {
        "openai" => vec![
            (&error["code"], code.into()),
            (&error["type"], word.into()),
            (&error["param"], Value::Null),
            (&error["status"], status.into()),
            (&error["request_id"], id.into()),
        ],
        "anthropic" => vec![
            (&body["type"], "error".into()),
            (&error["type"], word.into()),
            (&error["details"]["error_code"], code.into()),
            (&body["request_id"], id.into()),
        ],
        _ => vec![
            (&error["code"], status.into()),
            (&error["status"], word.into()),
            (&error["details"][0]["reason"], upper.into()),
            (&error["details"][0]["metadata"]["request_id"], id.into()),
        ],
    };
    let mut lacks: Vec<String> = members
        .into_iter()
        .filter(|(seen, expected)| *seen != expected)
        .map(|(seen, expected)| format!("{seen} in place of {expected}: {body}"))
        .collect();
    if error["message"].as_str().is_none_or(str::is_empty) {
        lacks.push(format!("no message: {body}"));
    }
    if FAMILIES[cell.caller] == "google" && code == "provider_rate_limited" {
        let details = error["details"].as_array().unwrap().iter();
        let mut delays = details.filter_map(|one| one["retryDelay"].as_str());
        if delays.next() != Some("1s") {
            lacks.push(format!("no RetryInfo: {body}"));
        }
    }
    lacks
}

/// What no caller may see.
fn secrets(world: &World) -> Vec<String> {
    let texts = [
        PROVIDER_KEY,
        "org-canary",
        "org-simulated",
        "proj_simulated",
    ];
    let mut texts: Vec<String> = texts.map(str::to_owned).to_vec();
    texts.push(world.provider.to_string());
    texts.push(format!(":{}", world.provider.port()));
    texts
}

/// What the provider itself says to this call.
async fn asked_directly(world: &World, cell: Cell) -> String {
    let surface = CALLERS[cell.caller];
    let (model, stream) = (cell.model(), cell.stream);
    let body = surface.body(&model, "x", stream).to_string();
    let mut raw = Raw::open(world.provider).await;
    raw.send(format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n\
         anthropic-version: 2023-06-01\r\ncontent-length: {}\r\n\r\n{body}",
        surface.path(&model, stream),
        body.len()
    ))
    .await;
    let answer = raw.rest().await;
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The body, with the request id of another one: the provider gives a new one to each call.
fn with_id_of(body: &str, other: &str) -> String {
    let id = |text: &str| {
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        body["request_id"].as_str().map(str::to_owned)
    };
    match (id(body), id(other)) {
        (Some(own), Some(other)) => body.replace(&own, &other),
        _ => body.to_owned(),
    }
}
