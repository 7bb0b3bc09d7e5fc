//! The figures of requests under the names of seed 000.

use std::collections::HashSet;
use std::fmt;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::Metrics;

/// A registry of these figures, which are the same as those under our own names.
pub(super) fn registry(metrics: &Metrics) -> Registry {
    let mut registry = Registry::default();
    registry.register(
        "request",
        "Requests by surface, model and outcome",
        metrics.requests.clone(),
    );
    registry.register(
        "request_latency_seconds",
        "From the request's head to the last byte of its answer",
        metrics.duration.clone(),
    );
    registry.register(
        "active_requests",
        "Requests under way",
        metrics.requests_open.clone(),
    );
    registry
}

/// A registry in the older text form of Prometheus: there a counter has one name, with its
/// ending, and nothing says where the end is.
pub(super) fn render(registry: &Registry) -> Result<String, fmt::Error> {
    let mut modern = String::new();
    text::encode(&mut modern, registry)?;
    let counters: HashSet<&str> = modern
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut older = String::with_capacity(modern.len());
    for line in modern.lines().filter(|line| *line != "# EOF") {
        let named = ["# HELP ", "# TYPE "].into_iter().find_map(|what| {
            let (name, rest) = line.strip_prefix(what)?.split_once(' ')?;
            Some((what, name, rest))
        });
        match named {
            Some((what, name, rest)) if counters.contains(name) => {
                for part in [what, name, "_total ", rest] {
                    older.push_str(part);
                }
            }
            _ => older.push_str(line),
        }
        older.push('\n');
    }
    Ok(older)
}
