//! Figures that mirror the state of the engine. It is read when somebody asks for them, so that
//! requests pay nothing.

mod ledger;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use tollgate_core::route::breaker::State;
use tollgate_engine::engine::Engine;
use tollgate_engine::health::TargetReading;
use tollgate_engine::throttle::Refusal;

/// Stands for all names behind a wildcard, as the configuration writes them.
const ANY_MODEL: &str = "*";

/// Reads the engine at each scrape.
pub(super) struct Standing(pub(super) Arc<Engine>);

impl fmt::Debug for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Standing")
    }
}

impl Collector for Standing {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let targets = targets(&self.0);
        for (name, help, read) in GAUGES_OF_TARGETS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (target, figures) in &targets {
                let mut metric = family.encode_family(target)?;
                metric.encode_gauge(&read(figures))?;
            }
        }
        for (name, help, read) in COUNTERS_OF_TARGETS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (target, figures) in &targets {
                let mut metric = family.encode_family(target)?;
                metric.encode_counter::<NoLabelSet, _, u64>(&read(figures), None)?;
            }
        }
        connections(&self.0, &mut encoder)?;
        lines(&self.0, &mut encoder)?;
        overload(&self.0, &mut encoder)?;
        ledger::encode(&self.0.ledger.read(), &mut encoder)?;
        rate_limited(&self.0, &mut encoder)?;
        request_log(&self.0, &mut encoder)?;
        cache(&self.0, &mut encoder)?;
        let help = "Whether calls are refused for maintenance (1) or not (0).";
        let on = u64::from(self.0.maintenance.is_on());
        let mut metric = encoder.encode_descriptor("maintenance", help, None, MetricType::Gauge)?;
        metric.encode_gauge(&on)
    }
}

type Read = fn(&Figures) -> u64;

const GAUGES_OF_TARGETS: [(&str, &str, Read); 2] = [
    (
        "breaker_state",
        "The breaker of a connection's model, by the provider's name of it (for a wildcard the \
         worst of all): 0 closed, 1 cooling down, 2 half-open, 3 open, 4 isolated.",
        |figures| figures.state,
    ),
    (
        "target_parallel",
        "Attempts under way at a connection's model.",
        |figures| figures.parallel,
    ),
];

const COUNTERS_OF_TARGETS: [(&str, &str, Read); 3] = [
    (
        "breaker_opened",
        "How often the breaker of a connection's model opened.",
        |figures| figures.opened,
    ),
    (
        "cooldowns",
        "How often a connection's model began to cool down because its provider limits.",
        |figures| figures.cooled,
    ),
    (
        "retries_refused",
        "Attempts that the retry budget of a connection's model refused.",
        |figures| figures.refused,
    ),
];

/// What is told of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    state: u64,
    parallel: u64,
    opened: u64,
    cooled: u64,
    refused: u64,
}

impl Figures {
    fn of(reading: &TargetReading) -> Self {
        let state = match reading.breaker.state {
            State::Closed => 0,
            State::Cooling => 1,
            State::HalfOpen => 2,
            State::Open => 3,
            State::Isolated => 4,
        };
        Self {
            state,
            parallel: reading.used.parallel.into(),
            opened: reading.breaker.opened,
            cooled: reading.breaker.cooled,
            refused: reading.retries_refused,
        }
    }

    /// Counts another state under the same label: that of a single name behind a wildcard.
    fn add(&mut self, other: Self) {
        self.state = self.state.max(other.state);
        self.parallel += other.parallel;
        self.opened += other.opened;
        self.cooled += other.cooled;
        self.refused += other.refused;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct TargetLabels {
    connection: Arc<str>,
    model: Arc<str>,
}

/// The targets of all routes. Names that only a wildcard serves come from callers: they are told
/// as their pattern. What several routes share is counted once.
fn targets(engine: &Engine) -> BTreeMap<TargetLabels, Figures> {
    let now = engine.moment();
    let mut seen = HashSet::new();
    let mut all: BTreeMap<TargetLabels, Figures> = BTreeMap::new();
    for route in engine.routes().all() {
        let is_named = route.model == route.label;
        for target in &route.targets {
            if !seen.insert(Arc::as_ptr(&target.health)) {
                continue;
            }
            let model = if is_named {
                Arc::clone(&target.target.model)
            } else {
                ANY_MODEL.into()
            };
            let connection = Arc::clone(&target.target.connection);
            let rules = &route.rules.breaker;
            let reading = target.health.read(rules, &target.limits, now);
            let labels = TargetLabels { connection, model };
            all.entry(labels).or_default().add(Figures::of(&reading));
        }
    }
    all
}

fn connections(engine: &Engine, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Whether active checks let requests go to a connection (1) or not (0); 1 without \
                checks.";
    let now = engine.moment();
    let name = "connection_healthy";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (declared, health) in engine.registry.connections() {
        let labels = [("connection", &*declared.name)];
        let mut metric = family.encode_family(&labels)?;
        metric.encode_gauge(&u64::from(health.read(now).healthy))?;
    }
    Ok(())
}

/// The lines of models, those of names behind a wildcard together.
fn lines(engine: &Engine, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut waiting: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for route in engine.routes().all() {
        *waiting.entry(Arc::clone(&route.label)).or_default() += route.waiting();
    }
    let help = "Requests that wait for a free place at one of a model's targets.";
    let name = "queue_waiting";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (model, waiting) in &waiting {
        let labels = [("model", &**model)];
        let mut metric = family.encode_family(&labels)?;
        metric.encode_gauge(waiting)?;
    }
    Ok(())
}

/// What the limits of callers refused.
fn rate_limited(engine: &Engine, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "What was refused because a caller's limit was reached, by whose limit it is and \
                what is limited: requests, tokens or parallel.";
    let mut family = encoder.encode_descriptor("rate_limited", help, None, MetricType::Counter)?;
    for Refusal { level, kind, count } in engine.throttle.refusals() {
        let labels = [("level", level.as_str()), ("kind", kind.as_str())];
        let mut metric = family.encode_family(&labels)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}

fn overload(engine: &Engine, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let reading = engine.overload.reading();
    let help = "How many calls may be under way; not there while as many may be as come.";
    let mut family = encoder.encode_descriptor("parallel_limit", help, None, MetricType::Gauge)?;
    if let Some(limit) = reading.limit {
        family.encode_gauge(&limit)?;
    }
    let help = "How late the process was in the last second.";
    let mut metric = encoder.encode_descriptor("lag_seconds", help, None, MetricType::Gauge)?;
    metric.encode_gauge(&reading.lag.as_secs_f64())?;
    let help = "Calls that were refused because of overload, by the priority of their key.";
    let mut family = encoder.encode_descriptor("shed", help, None, MetricType::Counter)?;
    for (priority, shed) in reading.shed {
        let labels = [("priority", priority.as_str())];
        let mut metric = family.encode_family(&labels)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&shed, None)?;
    }
    Ok(())
}

fn cache(engine: &Engine, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let reading = engine.cache.read();
    for (name, help, value) in [
        (
            "cache_entries",
            "Answers that the cache keeps.",
            reading.entries,
        ),
        (
            "cache_bytes",
            "Memory of the answers that the cache keeps.",
            reading.bytes,
        ),
    ] {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&u64::try_from(value).unwrap_or(u64::MAX))?;
    }
    Ok(())
}

fn request_log(engine: &Engine, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let reading = engine.request_log.read();
    let counters = [
        (
            "request_log_written",
            "Rows of the request log that this process has written.",
            reading.written,
        ),
        (
            "request_log_dropped",
            "Rows of the request log that were lost: the queue was full, or the store failed.",
            reading.dropped,
        ),
        (
            "request_log_failures",
            "Writes of the request log that failed and were tried again.",
            reading.failures,
        ),
    ];
    for (name, help, value) in counters {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    let gauges = [
        (
            "request_log_waiting",
            "Rows of the request log that wait to be written.",
            reading.waiting,
        ),
        (
            "request_log_rows",
            "Rows of the request log that are kept.",
            reading.rows,
        ),
        (
            "request_log_segments",
            "Segments that hold the rows of the request log.",
            reading.segments,
        ),
        (
            "request_log_memory_bytes",
            "Memory by which the request log is searched.",
            reading.memory,
        ),
    ];
    for (name, help, value) in gauges {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
