//! Every row of the table that both clients share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpSocket;
use tollgate_client::{
    ChatRequest, CircuitBreaker, Client, Clock, Ending, Error, JobCompletion, Jobs, Kind,
    RetryPolicy, State, TeamJobs,
};

use crate::server::{Request, Server};

const KEY: &str = "sk-test-key";

/// A clock that moves when somebody waits, and keeps the waits.
#[derive(Debug, Default)]
struct Time {
    now: Duration,
    waits: Vec<f64>,
}

fn clock(time: &Arc<Mutex<Time>>, options: &Value) -> Clock {
    let begin = Duration::from_secs(options["now"].as_u64().unwrap_or(1_792_567_680));
    let chance = options["chance"].as_f64().unwrap_or(0.5);
    let (at, wall, sleeper) = (time.clone(), time.clone(), time.clone());
    Clock {
        monotonic: Arc::new(move || at.lock().unwrap().now),
        wall: Arc::new(move || SystemTime::UNIX_EPOCH + begin + wall.lock().unwrap().now),
        sleep: Arc::new(move |duration| {
            let mut time = sleeper.lock().unwrap();
            time.now += duration;
            time.waits.push(duration.as_secs_f64());
            Box::pin(std::future::ready(()))
        }),
        random: Arc::new(move || chance),
    }
}

fn client(address: &str, time: &Arc<Mutex<Time>>, options: &Value) -> Client {
    let threshold = options["threshold"].as_u64().unwrap_or(5);
    let open_s = options["open_s"].as_u64().unwrap_or(60);
    let breaker = CircuitBreaker::new(threshold as u32, Duration::from_secs(open_s));
    let builder = Client::builder(address, KEY)
        .clock(clock(time, options))
        .breaker(Some(Arc::new(breaker)))
        .retry(RetryPolicy {
            attempts: options["attempts"].as_u64().unwrap_or(5) as u32,
            ..RetryPolicy::default()
        });
    let builder = match options["longest"].as_u64() {
        Some(longest) => builder.longest_answer(longest as usize),
        None => builder,
    };
    let builder = match options["admin"].as_bool() {
        Some(true) => builder.admin(),
        _ => builder,
    };
    match options["timeout"].as_f64() {
        Some(timeout) => builder.timeout(Duration::from_secs_f64(timeout)),
        None => builder,
    }
    .build()
    .unwrap()
}

#[derive(Deserialize)]
struct Person {
    name: String,
    age: u8,
}

/// Makes a call of the table. Returns what was said, and in how many chunks.
async fn call(name: &str, client: &Client, jobs: &Jobs) -> Result<(String, u64), Error> {
    let hello = ChatRequest::user("hello");
    let said = match name {
        "chat" => client.chat(&hello).await?.text().to_owned(),
        "chat_role" => {
            let said = client.chat(&hello).await?;
            joined(said.choices.iter().map(|choice| &*choice.message.role))
        }
        "chat_with_model" => {
            let hello = hello.model("sim/echo").with("temperature", 0);
            client.chat(&hello).await?.text().to_owned()
        }
        "models" => {
            let models = client.models().await?.into_iter();
            models.map(|model| model.id).collect::<Vec<_>>().join(" ")
        }
        "create_job" => {
            let mut metadata = Map::new();
            metadata.insert("n".to_owned(), 1.into());
            jobs.create_job("test", metadata).await?
        }
        "llm_call" => jobs.chat("job_1", &hello).await?.text().to_owned(),
        "structured" => {
            let schema = json!({"type": "object", "properties": {
                "name": {"type": "string"}, "age": {"type": "integer"}}});
            let form = ("Person", schema);
            let person: Person = jobs.structured_output("job_1", &hello, form).await?;
            format!("{} {}", person.name, person.age)
        }
        "complete_job" => over(jobs, Ending::Completed).await?,
        "fail_job" => over(jobs, Ending::Failed("it broke".to_owned())).await?,
        "get_job" => jobs.get_job("job_1").await?.status,
        "get_odd_job" => jobs.get_job("a/b c").await?.status,
        "create_and_call" => {
            let made = jobs.create_and_call("test", &hello).await?;
            made.text().to_owned()
        }
        "single_stream" => {
            return told(jobs.create_and_call_stream("test", &hello).await?).await;
        }
        "chat_stream" => return told(client.chat_stream(&hello).await?).await,
        "llm_stream" => return told(jobs.chat_stream("job_1", &hello).await?).await,
        other => managed(other, client, jobs).await?,
    };
    Ok((said, 0))
}

/// The calls about jobs that ask no model.
async fn managed(name: &str, client: &Client, jobs: &Jobs) -> Result<String, Error> {
    Ok(match name {
        "create_job_for" => jobs.create_job_for("u-1", "test", Map::new()).await?,
        "complete_job_with" => {
            let ending = Ending::Completed;
            ended(&jobs.complete_job_with("job_1", ending, n(1)).await?)
        }
        "update_metadata" => {
            let changed = jobs.update_metadata("job_1", &n(2)).await?;
            format!("{} {}", changed.job_id, Value::Object(changed.metadata))
        }
        "job_costs" => {
            let told = jobs.job_costs("job_1").await?;
            let calls = told.costs.breakdown.iter().map(|call| &*call.call_id);
            let sum = told.costs.total_cost_usd;
            format!("{} {sum} {}", told.status, joined(calls))
        }
        "list_jobs" => {
            let query = [("status", "completed"), ("limit", "2"), ("offset", "4")];
            listed(jobs.list_jobs(&query).await?)
        }
        "list_all_jobs" => listed(jobs.list_jobs(&[]).await?),
        "team_usage" => {
            let told = jobs.team_usage("2026-11").await?;
            let kinds = joined(told.job_types.keys().map(|kind| &**kind));
            let summary = told.summary;
            let sum = summary.total_cost_usd;
            format!("{} {} {sum} {kinds}", told.period, summary.total_jobs)
        }
        "jobs_of_team" => {
            let query = [("page", "2"), ("job_type", "a b")];
            let page = client.jobs_of_team("acme", &query).await?;
            let ids = joined(page.jobs.iter().map(|job| &*job.job_id));
            format!("{}/{} {ids}", page.page, page.total_pages)
        }
        "job_of_team" => {
            let told = client.job_of_team("acme", "job_1").await?;
            let calls = joined(told.calls.iter().map(|call| &*call.call_id));
            format!("{} {calls}", told.job.status)
        }
        "organization_stats" => {
            let query = [("start_date", "2026-11-01"), ("end_date", "2026-11-30")];
            let told = client.organization_stats("org", &query).await?;
            format!("{} {}", told.organization_name, told.total_jobs)
        }
        "organization_analytics" => {
            let told = client.organization_analytics("org", &[]).await?;
            format!("{} {}", told.total_spend, told.total_requests)
        }
        other => panic!("no call is named {other}"),
    })
}

fn n(number: u64) -> Map<String, Value> {
    Map::from_iter([("n".to_owned(), number.into())])
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn listed(jobs: TeamJobs) -> String {
    let mut words = vec![jobs.total.to_string()];
    words.extend(jobs.jobs.into_iter().map(|job| job.job_id));
    words.join(" ")
}

async fn over(jobs: &Jobs, ending: Ending) -> Result<String, Error> {
    Ok(ended(&jobs.complete_job("job_1", ending).await?))
}

fn ended(done: &JobCompletion) -> String {
    let left = done.costs.credits_remaining;
    let left = left.map_or_else(|| "-".to_owned(), |left| left.to_string());
    format!("{} {} {left}", done.status, done.costs.total_calls)
}

async fn told(mut stream: tollgate_client::ChatStream) -> Result<(String, u64), Error> {
    let (mut text, mut chunks) = (String::new(), 0);
    while let Some(chunk) = stream.next().await {
        text.push_str(chunk?.text());
        chunks += 1;
    }
    for id in [stream.job_id(), stream.call_id()].into_iter().flatten() {
        write!(text, " {id}").unwrap();
    }
    assert!(stream.next().await.is_none(), "an end is an end");
    Ok((text, chunks))
}

fn table() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../clients/table/cases.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What is changed in an answer, whether it is read then, and the answer.
fn variants(form: &Value, kinds: &Value) -> Vec<(String, bool, Value)> {
    let answer = &form["json"];
    let mut all = vec![("the answer as it is".to_owned(), true, answer.clone())];
    for (kind, pointers) in form["members"].as_object().unwrap() {
        let kind = &kinds[kind];
        for pointer in pointers.as_array().unwrap() {
            let pointer = pointer.as_str().unwrap();
            for (values, is_read) in [("reads", true), ("refuses", false)] {
                for value in kind[values].as_array().unwrap() {
                    let what = format!("{pointer} = {value}");
                    let answer = with(answer.clone(), pointer, Some(value));
                    all.push((what, is_read, answer));
                }
            }
            if let Some(is_read) = kind["may_be_absent"].as_bool() {
                let answer = with(answer.clone(), pointer, None);
                all.push((format!("{pointer} left out"), is_read, answer));
            }
        }
    }
    all
}

/// An answer with another member in the place of one, or without it.
fn with(mut answer: Value, pointer: &str, value: Option<&Value>) -> Value {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return value.unwrap().clone();
    };
    match (answer.pointer_mut(parent).unwrap(), value) {
        (Value::Object(members), Some(value)) => {
            members.insert(name.to_owned(), value.clone());
        }
        (Value::Object(members), None) => _ = members.remove(name),
        (Value::Array(items), Some(value)) => {
            items[name.parse::<usize>().unwrap()] = value.clone();
        }
        (place, _) => panic!("{place} has no members"),
    }
    answer
}

#[tokio::test]
async fn every_form_of_the_shared_table_is_read_and_refused_as_it_says() {
    let table = table();
    let mut wrong = Vec::new();
    for form in table["forms"].as_array().unwrap() {
        let name = form["call"].as_str().unwrap();
        let variants = variants(form, &table["kinds"]);
        assert!(variants.len() > 10, "{name}");
        let answers = variants.iter().map(|(_, _, said)| match name {
            "chat_stream" => json!({"events": [said], "ending": "done"}),
            _ => json!({"status": 200, "json": said}),
        });
        let answers: Vec<Value> = answers.collect();
        let server = Server::start(&answers).await;
        let options = json!({"attempts": 1, "threshold": 1_000_000});
        let client = client(&server.address, &Arc::default(), &options);
        let jobs = client.jobs("acme");
        for (what, is_read, _) in variants {
            let outcome = match call(name, &client, &jobs).await {
                Ok(_) => true,
                Err(error)
                    if matches!(error.kind, Kind::InvalidResponse | Kind::StreamInterrupted) =>
                {
                    false
                }
                Err(error) => panic!("{name}: {what}: {error:?}"),
            };
            if outcome != is_read {
                let done = if outcome { "read" } else { "refused" };
                wrong.push(format!("{name}: {what} is {done}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_row_of_the_shared_table_holds() {
    let table = table();
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() > 130);
    let mut wrong = Vec::new();
    for case in cases {
        for problem in problems(case).await {
            wrong.push(format!("{}: {problem}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn problems(case: &Value) -> Vec<String> {
    let options = &case["options"];
    let time = Arc::default();
    let server = Server::start(case["answers"].as_array().unwrap()).await;
    let (_bound, closed) = closed_address();
    let address = match options["refused"].as_bool() {
        Some(true) => closed,
        _ => server.address.clone(),
    };
    let client = client(&address, &time, options);
    let jobs = client.jobs("acme");
    let mut wrong = Wrong::default();
    for (index, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        wrong.place = format!("step {index}");
        take(step, (&client, &jobs), &time, &mut wrong).await;
    }
    "requests".clone_into(&mut wrong.place);
    if let Some(connections) = case.get("connections") {
        wrong.unless_equal("connections", &json!(server.connections()), connections);
    }
    server.is_asked_for_all().await;
    let (requests, left) = server.end();
    wrong.unless_equal("answers left", &json!(left), &json!(0));
    check_requests(case, &requests, &mut wrong);
    check_stats(case, &client, &mut wrong);
    wrong.said
}

async fn take(
    step: &Value,
    (client, jobs): (&Client, &Jobs),
    time: &Mutex<Time>,
    wrong: &mut Wrong,
) {
    {
        let mut time = time.lock().unwrap();
        time.now += Duration::from_secs(step["advance"].as_u64().unwrap_or(0));
        time.waits.clear();
    }
    let expected = &step["expect"];
    match (
        call(step["call"].as_str().unwrap(), client, jobs).await,
        expected.get("error"),
    ) {
        (Err(error), Some(kind)) => check_error(&error, kind, expected, wrong),
        (Ok((text, chunks)), None) => {
            wrong.unless_equal("text", &json!(text), &expected["text"]);
            let expected = expected.get("chunks").cloned();
            wrong.unless_equal("chunks", &json!(chunks), &expected.unwrap_or(json!(0)));
        }
        (outcome, _) => wrong.say(format!("{outcome:?} instead of {expected}")),
    }
    let waits: Vec<f64> = time.lock().unwrap().waits.clone();
    let expected = expected["waits"].as_array().unwrap();
    let is_close = waits.len() == expected.len()
        && waits
            .iter()
            .zip(expected)
            .all(|(wait, expected)| (wait - expected.as_f64().unwrap()).abs() < 1e-6);
    if !is_close {
        wrong.say(format!("waits {waits:?} instead of {expected:?}"));
    }
    let state = step.get("breaker").or_else(|| step.get("breaker_after"));
    if let Some(state) = state {
        let now = match client.breaker().unwrap().state() {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
        };
        wrong.unless_equal("breaker", &json!(now), state);
    }
}

fn check_error(error: &Error, kind: &Value, expected: &Value, wrong: &mut Wrong) {
    wrong.unless_equal("kind", &json!(error.kind.name()), kind);
    for name in expected["is"].as_array().into_iter().flatten() {
        let is = match name.as_str().unwrap() {
            "APIError" => true,
            "TimeoutError" => error.kind.is_timeout(),
            "ServerError" => error.kind.is_server(),
            "BadRequestError" => matches!(error.kind, Kind::BadRequest | Kind::Validation),
            "ConnectionError" => error.kind == Kind::Connection,
            "StreamInterruptedError" => error.kind.is_interruption(),
            other => panic!("{other} is no kind"),
        };
        if !is {
            wrong.say(format!("{:?} is no {name}", error.kind));
        }
    }
    if format!("{error} {error:?}").contains(KEY) {
        wrong.say("the key is shown");
    }
    for (name, value) in expected["fields"].as_object().unwrap() {
        let found = match name.as_str() {
            "attempts" if value.is_null() => continue,
            "attempts" => json!(error.attempts),
            "status" => json!(error.status),
            "code" => json!(error.code),
            "message" => json!(error.message),
            "request_id" if value == "@client" => {
                let id = error.request_id.as_deref().unwrap_or("");
                json!(if id.starts_with("cli_") {
                    "@client"
                } else {
                    id
                })
            }
            "request_id" => json!(error.request_id),
            "retryable" => json!(error.retryable),
            "retry_after" => json!(error.retry_after.map(|wait| wait.as_secs_f64())),
            "details" => json!(error.details),
            "partial" => json!(error.partial),
            other => panic!("{other} is no field"),
        };
        wrong.unless_equal(name, &found, value);
    }
}

fn check_requests(case: &Value, requests: &[Request], wrong: &mut Wrong) {
    if let Some(expected) = case["requests"].as_array() {
        wrong.unless_equal("count", &json!(requests.len()), &json!(expected.len()));
        for (expected, request) in expected.iter().zip(requests) {
            check_request(expected, request, wrong);
        }
    }
    let names = |list: &str| case[list].as_array().cloned().unwrap_or_default();
    let values = |name: &Value| -> BTreeSet<&str> {
        requests
            .iter()
            .map(|request| request.headers[name.as_str().unwrap()].as_str())
            .collect()
    };
    for name in names("same") {
        wrong.unless_equal("same", &json!(values(&name).len()), &json!(1));
    }
    for name in names("different") {
        let count = json!(values(&name).len());
        wrong.unless_equal("different", &count, &json!(requests.len()));
    }
}

fn check_request(expected: &Value, request: &Request, wrong: &mut Wrong) {
    let found = json!({"method": request.method, "path": request.path, "body": request.body});
    for name in ["method", "path", "body"] {
        if let Some(expected) = expected.get(name) {
            wrong.unless_equal(name, &found[name], expected);
        }
    }
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        wrong.unless_equal(name, &json!(request.headers.get(name)), value);
    }
    for (pointer, value) in expected["pointer"].as_object().into_iter().flatten() {
        let found = request.body.pointer(pointer).cloned();
        wrong.unless_equal(pointer, &json!(found), value);
    }
}

fn check_stats(case: &Value, client: &Client, wrong: &mut Wrong) {
    let Some(expected) = case.get("stats") else {
        return;
    };
    let stats = client.metrics().stats();
    let found = json!({
        "total_requests": stats.total_requests,
        "total_errors": stats.total_errors,
        "total_retries": stats.total_retries,
        "error_rate": stats.error_rate,
        "avg_latency_ms": stats.avg_latency_ms,
        "p95_latency_ms": stats.p95_latency_ms,
    });
    wrong.unless_equal("stats", &found, expected);
    for (name, found) in [
        ("requests_by", client.metrics().requests()),
        ("errors_by", client.metrics().errors()),
    ] {
        let expected = case.get(name).cloned().unwrap_or(json!({}));
        wrong.unless_equal(name, &json!(found), &expected);
    }
}

/// What is not as the table says.
#[derive(Default)]
struct Wrong {
    place: String,
    said: Vec<String>,
}

impl Wrong {
    fn say(&mut self, what: impl std::fmt::Display) {
        self.said.push(format!("{}: {what}", self.place));
    }

    fn unless_equal(&mut self, name: &str, found: &Value, expected: &Value) {
        if !is_equal(found, expected) {
            self.say(format!("{name} is {found}, not {expected}"));
        }
    }
}

/// Numbers are equal by their value, objects whatever the order of their members.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            (left.as_f64().unwrap() - right.as_f64().unwrap()).abs() < 1e-6
        }
        (Value::Object(left), Value::Object(right)) => {
            let sorted = |map: &Map<String, Value>| -> BTreeMap<String, Value> {
                map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
            };
            let (left, right) = (sorted(left), sorted(right));
            left.len() == right.len()
                && left
                    .iter()
                    .zip(&right)
                    .all(|((a, x), (b, y))| a == b && is_equal(x, y))
        }
        (left, right) => left == right,
    }
}

/// Where nobody listens, and nobody will while the socket is kept.
fn closed_address() -> (TcpSocket, String) {
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", bound.local_addr().unwrap());
    (bound, address)
}
