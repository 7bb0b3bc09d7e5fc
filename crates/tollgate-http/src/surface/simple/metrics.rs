//! The metrics of seed 000 under its names, in the text form of Prometheus (version 0.0.4). The
//! figures are those of `/metrics`, which has more of them.

use std::fmt::Write as _;

use tollgate_core::error::{Code, Failure};

use crate::dispatch::Given;
use crate::gateway::Gateway;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All of them.
pub(super) fn answer(gateway: &Gateway) -> Result<Given, Failure> {
    let unwritten = |error| Failure::gateway(Code::InternalError).because(error);
    let requests = gateway.metrics.of_seed().map_err(unwritten)?;
    let mut text = String::new();
    let cache = gateway.engine.cache.read();
    let limits = gateway.engine.throttle.surface();
    for (name, help, value) in [
        (
            "rate_limit_allowed_total",
            "Requests of the simple chat that its own limits let in.",
            limits.allowed,
        ),
        (
            "rate_limit_blocked_total",
            "Requests of the simple chat that its own limits refused.",
            limits.blocked,
        ),
        (
            "cache_hits_total",
            "Calls that were answered from the cache.",
            cache.hits,
        ),
        (
            "cache_misses_total",
            "Calls for which nothing was in the cache.",
            cache.misses,
        ),
    ] {
        head(&mut text, name, "counter", help);
        line(&mut text, format_args!("{name} {value}"));
    }
    providers(&mut text, gateway);
    text.push_str(&requests);
    Ok(Given::Document {
        status: 200,
        content_type: CONTENT_TYPE,
        body: text.into(),
    })
}

fn providers(text: &mut String, gateway: &Gateway) {
    let providers: Vec<_> = gateway
        .engine
        .registry
        .providers()
        .into_iter()
        .map(|(name, calls)| (name, calls.read()))
        .collect();
    let name = "provider_calls_total";
    head(text, name, "counter", "Attempts at providers.");
    for (provider, (calls, _)) in &providers {
        line(
            text,
            format_args!("{name}{{provider=\"{provider}\"}} {calls}"),
        );
    }
    let name = "provider_failures_total";
    head(text, name, "counter", "Attempts at providers that failed.");
    for (provider, (_, failures)) in &providers {
        line(
            text,
            format_args!("{name}{{provider=\"{provider}\"}} {failures}"),
        );
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    line(text, format_args!("# HELP {name} {help}"));
    line(text, format_args!("# TYPE {name} {kind}"));
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    _ = writeln!(text, "{arguments}");
}
