//! Load on two targets while one of them, or both, fail in every way that providers do.
//!
//! `TOLLGATE_FAULT_SECONDS` and `TOLLGATE_FAULT_RPS` make it longer and harder,
//! `TOLLGATE_FAULT_TOGETHER` says how many ways are tried at the same time. With `--no-capture` it
//! prints a row for each way.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_simulator::{Settings, Simulator};

use crate::world::{Provided, World, nobody};

const TEXT: &str = "one two three four five six";
/// So long may requests go on to a target that has begun to fail.
const GRACE: Duration = Duration::from_secs(2);
/// What tells the simulated provider's record which way a request belongs to.
const SIGN: &str = "x-way";

/// A way in which a target fails.
#[derive(Clone, Copy, Debug)]
struct Way {
    name: &'static str,
    /// What the provider does; `None`: nobody listens.
    fault: Option<&'static str>,
    kind: Kind,
    /// When the target is asked again, counted from its first failure.
    probes: Probes,
}

/// When a fault shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// At once.
    Fast,
    /// When a timeout of a second is over.
    Slow,
    /// After content has gone to the caller.
    Late,
}

/// When a target that keeps failing is asked again.
#[derive(Clone, Copy, Debug)]
enum Probes {
    /// One minute after its breaker opened, then after twice as long each time.
    Opened,
    /// A second after its first 429, then after twice as long each time.
    Doubling,
    /// Each time that the wait it named is over.
    Named(u64),
}

const WAYS: [Way; 10] = [
    Way::opens("refuse", None, Kind::Fast),
    Way::opens("reset", Some("close-before-answer:how=rst"), Kind::Fast),
    Way::opens("500", Some("server-error"), Kind::Fast),
    Way::opens("503", Some("overloaded"), Kind::Fast),
    Way {
        name: "429-named",
        fault: Some("rate-limit:retry-after=20,reset=none"),
        kind: Kind::Fast,
        probes: Probes::Named(20),
    },
    Way {
        name: "429",
        fault: Some("rate-limit:retry-after=none,reset=none,message=slow-down"),
        kind: Kind::Fast,
        probes: Probes::Doubling,
    },
    Way::opens("stall-before-headers", Some("delay-head"), Kind::Slow),
    Way::opens("stall-after-headers", Some("delay-body"), Kind::Slow),
    Way::opens("cut-stream", Some("cut-after=3:how=rst"), Kind::Late),
    Way::opens("error-in-200", Some("error-first"), Kind::Fast),
];

impl Way {
    const fn opens(name: &'static str, fault: Option<&'static str>, kind: Kind) -> Self {
        Self {
            name,
            fault,
            kind,
            probes: Probes::Opened,
        }
    }

    /// When the first failure is known, counted from the first request.
    fn first_failure(self) -> Duration {
        match self.kind {
            Kind::Fast | Kind::Late => Duration::ZERO,
            Kind::Slow => Duration::from_secs(1),
        }
    }

    /// How many probes the rules of the breaker allow between the grace and this time after the
    /// first request.
    fn probes_until(self, end: Duration) -> usize {
        let end = end.saturating_sub(self.first_failure());
        let seconds = Duration::from_secs;
        let (mut at, mut wait, factor) = match self.probes {
            Probes::Opened => (seconds(60), seconds(120), 2),
            Probes::Doubling => (seconds(1), seconds(2), 2),
            Probes::Named(named) => (seconds(named), seconds(named), 1),
        };
        let mut count = 0;
        while at <= end {
            count += usize::from(at > GRACE);
            at += wait;
            wait *= factor;
        }
        count
    }

    fn model(self) -> String {
        format!("fault/{}", self.fault.unwrap_or("server-error"))
    }
}

/// A way under a strategy, at one target or at both.
#[derive(Clone, Debug)]
struct Case {
    way: Way,
    strategy: &'static str,
    outage: bool,
}

impl Case {
    fn name(&self) -> String {
        let what = if self.outage { "outage" } else { self.strategy };
        format!("{}-{what}", self.way.name)
    }

    /// The connections, then the model: the target that fails stands first.
    fn config(&self, closed: u16) -> String {
        let name = self.name();
        let place = match self.way.fault {
            Some(_) => "{provider}".to_owned(),
            None => format!("127.0.0.1:{closed}"),
        };
        let other = if self.outage { &place } else { "{provider}" };
        let mut text = String::new();
        for (target, place) in [("a", place.as_str()), ("b", other)] {
            _ = write!(
                text,
                "[[connections]]\nname = \"{target}-{name}\"\nprovider = \"openai-compatible\"\n\
                 base_url = \"http://{place}/v1\"\nheaders = {{ {SIGN} = \"{target}-{name}\" }}\n"
            );
        }
        let failing = self.way.model();
        let model = if self.outage { &failing } else { "echo" };
        // In an outage nobody waits for a cool-down that others began, and who began one waits
        // only for one that is short.
        let rules = if self.outage {
            "queue = { wait_ms = 0 }\ntimeouts = { total_ms = 5000 }\n"
        } else {
            ""
        };
        _ = write!(
            text,
            "[[models]]\nname = \"{name}\"\nstrategy = \"{}\"\n{rules}targets = [\n\
             {{ connection = \"a-{name}\", model = \"{failing}\", priority = {} }},\n\
             {{ connection = \"b-{name}\", model = \"{model}\", priority = 1 }} ]\n",
            self.strategy,
            // In turn, or the one that fails always first.
            u8::from(self.strategy == "round_robin"),
        );
        text
    }
}

/// How a request went, as its caller saw it.
#[derive(Debug)]
struct Asked {
    /// Since the first request.
    begin: Duration,
    took: Duration,
    /// `None`: it was answered whole.
    failure: Option<String>,
    /// The connections that were asked, each with when that began at the latest.
    attempts: Vec<(String, Duration)>,
}

/// Asks once.
async fn ask(world: &World, name: &str, start: Instant) -> Asked {
    let body = json!({"model": name, "stream": true,
        "messages": [{"role": "user", "content": TEXT}]});
    let begin = start.elapsed();
    let opened = world
        .chat(&body)
        .header("x-tollgate-trail", "full")
        .open()
        .await;
    let head = start.elapsed();
    let status = opened.status;
    let header = |name: &str| {
        let value = opened.headers.get(name);
        value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    let trail = header("x-tollgate-trail");
    let code = header("x-tollgate-error-code");
    let body = opened.rest().await.expect("every answer is whole as HTTP");
    let text = String::from_utf8(body.to_vec()).unwrap();
    let failure = if code.is_empty() {
        assert_eq!(status, 200);
        broken(&text)
    } else {
        Some(code)
    };
    Asked {
        begin,
        took: start.elapsed().saturating_sub(begin),
        failure,
        attempts: attempts(&trail, begin, head),
    }
}

/// The code of the error in which a stream ended; `None`: it is whole, and everything is there
/// once.
fn broken(text: &str) -> Option<String> {
    let events: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let (last, events) = events.split_last().expect("an event");
    let parse = |event: &&str| serde_json::from_str::<Value>(event).unwrap();
    let said: String = events
        .iter()
        .map(parse)
        .filter_map(|event| {
            let said = &event["choices"][0]["delta"]["content"];
            said.as_str().map(ToOwned::to_owned)
        })
        .collect();
    if *last == "[DONE]" {
        assert_eq!(said, TEXT, "{text}");
        return None;
    }
    assert!(!text.contains("[DONE]"), "{text}");
    let code = parse(last)["error"]["code"].clone();
    Some(code.as_str().expect("an error at the end").to_owned())
}

/// Reads `connection/model;code=…;ms=N, …`. An attempt began at the latest when all that followed
/// it just fit in before the answer.
fn attempts(trail: &str, begin: Duration, head: Duration) -> Vec<(String, Duration)> {
    let mut at = head;
    let mut all: Vec<_> = trail
        .split(", ")
        .filter(|one| !one.is_empty())
        .map(|one| {
            let name = one.trim_start_matches('"').split('/').next().unwrap();
            let ms = one.rsplit_once(";ms=").expect(one).1.parse().unwrap();
            (name.to_owned(), Duration::from_millis(ms))
        })
        .collect();
    for (_, time) in all.iter_mut().rev() {
        at = at.saturating_sub(*time).max(begin);
        *time = at;
    }
    all
}

/// Requests at a fixed rate, whatever becomes of those before.
async fn load(world: &Arc<World>, case: &Case, seconds: u32, rps: u32) -> Vec<Asked> {
    let tasks = TaskTracker::new();
    let start = Instant::now();
    let mut beat = tokio::time::interval(Duration::from_secs(1) / rps);
    let mut running = Vec::new();
    for _ in 0..seconds * rps {
        beat.tick().await;
        let (world, name) = (Arc::clone(world), case.name());
        running.push(tasks.spawn(async move { ask(&world, &name, start).await }));
    }
    let mut all = Vec::new();
    for one in running {
        all.push(one.await.unwrap());
    }
    all
}

/// What came of a case.
struct Row {
    case: Case,
    asked: Vec<Asked>,
    /// When each attempt at each of the targets began, since the first request.
    first: Vec<Duration>,
    second: Vec<Duration>,
}

impl Row {
    /// From the provider's own record where there is a provider, else from what the gateway tells.
    fn new(world: &World, case: &Case, asked: Vec<Asked>) -> Self {
        let of = |target: &str| -> Vec<Duration> {
            let connection = format!("{target}-{}", case.name());
            let told = asked.iter().flat_map(|asked| &asked.attempts);
            let told = told.filter(|(name, _)| *name == connection);
            told.map(|(_, at)| *at).collect()
        };
        let (first, second) = (of("a"), of("b"));
        if case.way.fault.is_some() {
            let sign = case.name();
            let received = world.simulator.requests();
            let mut received: Vec<_> = received
                .iter()
                .filter_map(|one| {
                    let (target, name) = one.header(SIGN)?.split_once('-')?;
                    (name == sign).then_some((target, one.received_ms))
                })
                .collect();
            received.sort_unstable_by_key(|(_, at)| *at);
            let begin = received.first().expect("a request").1;
            let of = |wanted: &str| -> Vec<Duration> {
                let of = received.iter().filter(|(target, _)| *target == wanted);
                of.map(|(_, at)| Duration::from_millis(at - begin))
                    .collect()
            };
            let seen = (of("a"), of("b"));
            assert_eq!(
                (seen.0.len(), seen.1.len()),
                (first.len(), second.len()),
                "{sign}: the gateway tells of the attempts that the provider saw"
            );
            let (first, second) = seen;
            return Self {
                case: case.clone(),
                asked,
                first,
                second,
            };
        }
        Self {
            case: case.clone(),
            asked,
            first,
            second,
        }
    }

    /// From when on nothing but probes goes to a target that fails.
    fn settled(&self) -> Duration {
        self.case.way.first_failure() + GRACE
    }

    /// How many probes were allowed until the last request was done with.
    fn probes(&self, seconds: u32) -> usize {
        let last = self.first.iter().max().copied().unwrap_or_default();
        let end = Duration::from_secs(seconds.into()).max(last);
        self.case.way.probes_until(end)
    }

    fn late(&self, attempts: &[Duration]) -> usize {
        attempts.iter().filter(|at| **at > self.settled()).count()
    }

    fn failed(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|one| one.failure.is_some())
    }

    fn percentile(&self, percent: usize) -> Duration {
        percentile(self.asked.iter().map(|one| one.took).collect(), percent)
    }

    fn print(&self, seconds: u32, table: &mut String) {
        _ = writeln!(
            table,
            "{:33} {:6} {:6} {:6} {:8} {:9} {:7} {:6} {:6}",
            self.case.name(),
            self.asked.len(),
            self.asked.len() - self.failed().count(),
            self.failed().count(),
            self.first.len() + self.second.len(),
            self.late(&self.first),
            self.probes(seconds),
            self.percentile(50).as_millis(),
            self.percentile(99).as_millis(),
        );
    }

    /// What is wrong with it. Of times counts what this machine was not late by.
    fn judge(&self, seconds: u32, lateness: Duration) -> Vec<String> {
        let mut wrong = Vec::new();
        let probes = self.probes(seconds);
        let late = self.late(&self.first);
        if late > probes {
            wrong.push(format!(
                "{late} requests to a dead target, {probes} probes: {:?}",
                self.first
            ));
        }
        if self.case.outage {
            wrong.extend(self.judge_outage(lateness));
            return wrong;
        }
        let failed: Vec<_> = self.failed().collect();
        if self.case.way.kind == Kind::Late {
            // Every one of these had begun to answer.
            if failed.len() > self.first.len() {
                wrong.push(format!("{} of {}", failed.len(), self.first.len()));
            }
            let of_others = failed
                .iter()
                .filter(|one| one.failure.as_deref() != Some("stream_interrupted"))
                .count();
            if of_others > 0 {
                wrong.push(format!("{of_others} failed otherwise: {failed:?}"));
            }
        } else if !failed.is_empty() {
            wrong.push(format!("{} failed: {:?}", failed.len(), failed[0]));
        }
        wrong
    }

    fn judge_outage(&self, lateness: Duration) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.failed().count() < self.asked.len() {
            wrong.push("a request was answered in an outage".to_owned());
        }
        let window = Duration::from_secs(10);
        let attempts = || self.first.iter().chain(&self.second);
        for from in attempts() {
            let within = |at: &Duration| at >= from && *at < *from + window;
            let tried = attempts().filter(|at| within(at)).count();
            let asked = self.asked.iter().filter(|one| within(&one.begin)).count();
            // In tenths: a fifth more than the requests, and ten a second.
            if tried * 10 > asked * 12 + 1000 {
                wrong.push(format!(
                    "{tried} attempts for {asked} requests from {from:?}"
                ));
                break;
            }
        }
        if matches!(self.case.way.probes, Probes::Doubling) {
            // No breaker opens there: the requests that find out wait for their next attempt.
            return wrong;
        }
        let begun = self.asked.iter().filter(|one| one.begin > self.settled());
        let p99 = percentile(begun.map(|one| one.took).collect(), 99);
        if p99 > Duration::from_millis(50) + lateness {
            wrong.push(format!("99 of 100 errors within {p99:?}"));
        }
        wrong
    }
}

fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * percent).div_ceil(100).max(1) - 1;
    times.get(place).copied().unwrap_or_default()
}

fn number(name: &str, usual: u32) -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the length of a test is no configuration"
    )]
    let given = std::env::var(name);
    given
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// A provider that remembers everything.
async fn provider() -> Provided {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let simulator = Simulator::new(Settings {
        keep_requests: 1_000_000,
        ..Settings::default()
    });
    let stop = CancellationToken::new();
    let (serving, stopped) = (simulator.clone(), stop.clone());
    TaskTracker::new().spawn(async move { serving.serve(listener, stopped).await });
    (simulator, address, stop.drop_guard())
}

/// Measures how late tasks run on this machine: no more can be asked of a gateway on it.
pub struct Lateness {
    micros: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
}

impl Lateness {
    pub fn watch() -> Self {
        const BEAT: Duration = Duration::from_millis(5);
        let (micros, ends) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (most, over) = (Arc::clone(&micros), Arc::clone(&ends));
        TaskTracker::new().spawn(async move {
            let mut beat = tokio::time::interval(BEAT);
            beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while !over.load(Ordering::Relaxed) {
                let begin = Instant::now();
                beat.tick().await;
                let late = begin.elapsed().saturating_sub(BEAT);
                most.fetch_max(late.as_micros().try_into().unwrap(), Ordering::Relaxed);
            }
        });
        Self { micros, ends }
    }

    pub fn read(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// A machine on which tasks run so late is not one to measure on.
const STARVED: Duration = Duration::from_millis(250);
/// How often a measurement is made until the machine lets it.
const TRIES: usize = 3;

/// Puts these cases under load at the same time, each with targets of its own.
async fn together_under_load(cases: &[Case], closed: u16, (seconds, rps): (u32, u32)) -> Vec<Row> {
    let mut config = "[routing.timeouts]\nfirst_byte_ms = 1000\nidle_ms = 1000\n".to_owned();
    // How busy this machine is, is not the matter here.
    config += "[overload]\nlag_ms = 0\n";
    config.extend(cases.iter().map(|case| case.config(closed)));
    let world = Arc::new(World::around(provider().await, &config));
    let tasks = TaskTracker::new();
    let loads: Vec<_> = cases
        .iter()
        .map(|case| {
            let (world, case) = (Arc::clone(&world), case.clone());
            tasks.spawn(async move { load(&world, &case, seconds, rps).await })
        })
        .collect();
    let mut rows = Vec::new();
    for (case, asked) in cases.iter().zip(loads) {
        rows.push(Row::new(&world, case, asked.await.unwrap()));
    }
    rows
}

/// Puts all cases under load. Gives a table of what came of them, and what is wrong with that.
async fn run(cases: Vec<Case>) -> (String, Vec<String>) {
    let seconds = number("TOLLGATE_FAULT_SECONDS", 4);
    let rps = number("TOLLGATE_FAULT_RPS", 25);
    let together = number("TOLLGATE_FAULT_TOGETHER", 10) as usize;
    let (_bound, closed) = nobody();
    let port = closed.port();
    let mut table = String::new();
    _ = writeln!(
        table,
        "{:33} {:6} {:6} {:6} {:8} {:9} {:7} {:6} {:6}",
        "way", "asked", "ok", "failed", "attempts", "dead>2s", "allowed", "p50 ms", "p99 ms"
    );
    let mut wrong = Vec::new();
    for cases in cases.chunks(together) {
        let mut found = Vec::new();
        for _ in 0..TRIES {
            let lateness = Lateness::watch();
            let rows = together_under_load(cases, port, (seconds, rps)).await;
            let late = lateness.read();
            found.clear();
            for row in &rows {
                row.print(seconds, &mut table);
                let name = row.case.name();
                let of_row = row.judge(seconds, late);
                found.extend(of_row.iter().map(|one| format!("{name}: {one}")));
            }
            if found.is_empty() || late < STARVED {
                break;
            }
            _ = writeln!(table, "again: this machine was late by {late:?}");
        }
        wrong.extend(found);
    }
    (table, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_target_of_two_fails_and_callers_do_not_notice() {
    let strategies = ["priority", "round_robin"];
    let cases = strategies.into_iter().flat_map(|strategy| {
        WAYS.into_iter().map(move |way| Case {
            way,
            strategy,
            outage: false,
        })
    });
    let (table, wrong) = run(cases.collect()).await;
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_all_targets_makes_no_storm_and_is_told_at_once() {
    let fast = WAYS.into_iter().filter(|way| way.kind == Kind::Fast);
    let cases = fast.map(|way| Case {
        way,
        strategy: "priority",
        outage: true,
    });
    let (table, wrong) = run(cases.collect()).await;
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
