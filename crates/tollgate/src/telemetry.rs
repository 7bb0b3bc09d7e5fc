//! Diagnostics on standard error. The lines of requests are the HTTP face's own and go to
//! standard output.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{Log, LogFormat};

/// Begins to write diagnostics of the configured level and form. Only the first call counts.
pub(crate) fn begin(log: Log) {
    // Libraries say little that an operator can act on below a warning.
    let filter = EnvFilter::new(format!("warn,tollgate={0}", log.level));
    let filter = if matches!(log.level, "debug" | "trace") {
        EnvFilter::new(format!(
            "info,tollgate={0},tollgate_engine={0},tollgate_http={0},tollgate_store={0},\
             tollgate_upstream={0},tollgate_simulator={0}",
            log.level
        ))
    } else {
        filter
    };
    let writer = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(io::stderr)
        .with_target(false);
    let begun = match log.format {
        LogFormat::Json => writer.json().flatten_event(true).try_init(),
        LogFormat::Text => writer.with_ansi(false).try_init(),
    };
    if let Err(error) = begun {
        tracing::debug!(%error, "diagnostics are written already");
    }
}
