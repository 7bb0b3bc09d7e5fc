//! The figures for Prometheus. Labels come from bounded sets only: surfaces, configured models
//! and connections, codes of the catalogue.

mod money;
mod seed;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tollgate_core::money::Money;
use tollgate_engine::engine::Engine;

use self::money::Usd;
use self::standing::Standing;
use crate::gateway::Logs;
use crate::record::Facts;
use crate::tried;

/// Seconds; a gateway's own share is far below a provider's, so the steps begin low.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
const OVERHEAD_SECONDS: [f64; 10] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    surface: &'static str,
    model: Arc<str>,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    connection: Arc<str>,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    model: Arc<str>,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SurfaceLabels {
    surface: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    connection: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    model: Arc<str>,
    outcome: &'static str,
}

type Histograms = Family<SurfaceLabels, Histogram, fn() -> Histogram>;

/// Every figure that Tollgate publishes.
pub(crate) struct Metrics {
    registry: Registry,
    /// The same figures under the names of seed 000.
    of_seed: Registry,
    requests: Family<RequestLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    fallbacks: Family<ModelLabels, Counter>,
    hedges: Family<ModelLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<ModelLabels, Usd>,
    cache: Family<CacheLabels, Counter>,
    lost: Family<ConnectionLabels, Usd>,
    duration: Histograms,
    first_byte: Histograms,
    overhead: Histograms,
    no_model: Arc<str>,
    /// Requests that have not come to their end.
    pub(crate) requests_open: Gauge,
    /// Streams that have begun and not come to their end.
    pub(crate) streams_open: Gauge,
    /// Connections of clients.
    pub(crate) connections_open: Gauge,
    log_lines_dropped: Counter,
    diagnostics_dropped: Counter,
}

impl Metrics {
    pub(crate) fn new(engine: Arc<Engine>, logs: &Logs) -> Self {
        let seconds = || Histograms::new_with_constructor(|| Histogram::new(SECONDS));
        let mut metrics = Self {
            registry: Registry::with_prefix("tollgate"),
            of_seed: Registry::default(),
            requests: Family::default(),
            attempts: Family::default(),
            fallbacks: Family::default(),
            hedges: Family::default(),
            tokens: Family::default(),
            cost: Family::default(),
            cache: Family::default(),
            lost: Family::default(),
            duration: seconds(),
            first_byte: seconds(),
            overhead: Histograms::new_with_constructor(|| Histogram::new(OVERHEAD_SECONDS)),
            no_model: "".into(),
            requests_open: Gauge::default(),
            streams_open: Gauge::default(),
            connections_open: Gauge::default(),
            log_lines_dropped: logs.requests.dropped(),
            diagnostics_dropped: logs.diagnostics.dropped(),
        };
        metrics.register();
        metrics.register_money();
        metrics.register_routing();
        metrics.register_open();
        let standing = Standing(engine);
        metrics.registry.register_collector(Box::new(standing));
        metrics.of_seed = seed::registry(&metrics);
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests by surface, model and outcome: ok, client_closed or a code of the catalogue",
            self.requests.clone(),
        );
        registry.register(
            "tokens",
            "Tokens that providers reported",
            self.tokens.clone(),
        );
        registry.register(
            "request_duration_seconds",
            "From the request's head to the last byte of its answer",
            self.duration.clone(),
        );
        registry.register(
            "first_byte_seconds",
            "Streams: from the request's head to the first byte of the answer",
            self.first_byte.clone(),
        );
        registry.register(
            "overhead_seconds",
            "Plain calls: time that was not spent waiting for the provider, for a free place or \
             for a target to rest; the time in which the caller sends its request is part of it",
            self.overhead.clone(),
        );
    }

    fn register_money(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "cost_usd",
            "What calls cost those who made them, by the model that answered",
            self.cost.clone(),
        );
        registry.register(
            "lost_cost_usd",
            "What attempts cost that came to nothing and that nobody pays, by connection",
            self.lost.clone(),
        );
    }

    fn register_routing(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "upstream_attempts",
            "Attempts at providers by connection and how they ended",
            self.attempts.clone(),
        );
        registry.register(
            "cache_calls",
            "Calls that were looked for in the cache, by model and what became of that: hit, miss \
             or stale",
            self.cache.clone(),
        );
        registry.register(
            "fallbacks",
            "Requests that another model answered than the one that was asked for, by the latter",
            self.fallbacks.clone(),
        );
        registry.register(
            "hedges",
            "Attempts that were given up because another one was faster, by the model asked for",
            self.hedges.clone(),
        );
    }

    fn register_open(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests_open",
            "Requests under way",
            self.requests_open.clone(),
        );
        registry.register(
            "streams_open",
            "Streams under way",
            self.streams_open.clone(),
        );
        registry.register(
            "connections_open",
            "Connections of clients",
            self.connections_open.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Request lines that the log could not take in time",
            self.log_lines_dropped.clone(),
        );
        registry.register(
            "diagnostics_dropped",
            "Lines of diagnostics that standard error could not take in time",
            self.diagnostics_dropped.clone(),
        );
    }

    /// Counts a request that has come to its end.
    pub(crate) fn record(&self, facts: &Facts, duration: Duration) {
        let model = facts.label().unwrap_or(&self.no_model);
        let (surface, code) = (facts.surface, facts.code);
        self.requests
            .get_or_create(&RequestLabels {
                surface,
                model: Arc::clone(model),
                code,
            })
            .inc();
        let labels = SurfaceLabels { surface };
        self.duration
            .get_or_create(&labels)
            .observe(duration.as_secs_f64());
        if let Some(first_byte) = facts.first_byte {
            self.first_byte
                .get_or_create(&labels)
                .observe(first_byte.as_secs_f64());
        }
        self.count_attempts(facts);
        if !facts.trail.is_empty() && !facts.stream {
            let own = duration.saturating_sub(facts.trail.waited + facts.trail.queued);
            self.overhead
                .get_or_create(&labels)
                .observe(own.as_secs_f64());
        }
        self.count_money(facts, model);
        if let Some(cached) = &facts.cached {
            let (model, outcome) = (Arc::clone(model), cached.word());
            let labels = CacheLabels { model, outcome };
            self.cache.get_or_create(&labels).inc();
        }
        // Of an answer that was there already, no provider reported anything.
        let is_new = facts
            .cached
            .as_ref()
            .is_none_or(|cached| !cached.is_given_again());
        if let Some(usage) = facts.usage.filter(|_| is_new) {
            for (kind, count) in [("prompt", usage.prompt), ("completion", usage.completion)] {
                let model = Arc::clone(model);
                self.tokens
                    .get_or_create(&TokenLabels { model, kind })
                    .inc_by(count);
            }
        }
    }

    /// Counts what was paid, and what was not.
    fn count_money(&self, facts: &Facts, model: &Arc<str>) {
        if let Some(cost) = facts.cost.filter(|cost| *cost > Money::ZERO) {
            let model = Arc::clone(model);
            let labels = ModelLabels { model };
            self.cost.get_or_create(&labels).inner().add(cost.as_nano());
        }
        for attempt in facts.trail.lost() {
            let Some(cost) = attempt.lost_cost().filter(|cost| *cost > 0) else {
                continue;
            };
            let connection = Arc::clone(&attempt.connection);
            let labels = ConnectionLabels { connection };
            self.lost.get_or_create(&labels).inner().add(cost);
        }
    }

    /// Counts what was tried.
    fn count_attempts(&self, facts: &Facts) {
        for tried in tried::all(facts) {
            let connection = Arc::clone(tried.connection);
            let class = tried.outcome;
            self.attempts
                .get_or_create(&AttemptLabels { connection, class })
                .inc();
        }
        let Some(asked) = &facts.route else { return };
        let labels = || ModelLabels {
            model: Arc::clone(&asked.label),
        };
        if facts.fell_back() {
            self.fallbacks.get_or_create(&labels()).inc();
        }
        let records = facts.trail.records();
        let given_up = records.filter(|record| record.cancelled).count();
        if given_up > 0 {
            let given_up = u64::try_from(given_up).unwrap_or(u64::MAX);
            self.hedges.get_or_create(&labels()).inc_by(given_up);
        }
    }

    /// The figures of requests under the names of seed 000, as its clients read them.
    pub(crate) fn of_seed(&self) -> Result<String, std::fmt::Error> {
        seed::render(&self.of_seed)
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Makes what writes the figures fail.
    #[cfg(test)]
    pub(crate) fn fail(&mut self) {
        self.registry.register_collector(Box::new(tests::Failing));
        self.of_seed.register_collector(Box::new(tests::Failing));
    }
}

#[cfg(test)]
mod tests;
