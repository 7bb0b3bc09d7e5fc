//! The two logs: the lines of requests go to standard output, diagnostics to standard error. Each
//! has a buffer and a thread, so that nobody waits for whoever reads them.

mod diagnostics;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use tollgate_http::LogBuffer;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;
use diagnostics::Diagnostics;

/// How long the end of the process waits for the logs to be read.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Both logs while they are being written.
pub(crate) struct Telemetry {
    pub(crate) requests: Arc<LogBuffer>,
    pub(crate) diagnostics: Arc<LogBuffer>,
    /// One for each thread; hung up when it has ended.
    ended: [Receiver<()>; 2],
}

/// Begins to write both logs. Diagnostics have the configured level and form; only the first call
/// in a process decides where they go.
pub(crate) fn begin(log: Log) -> io::Result<Telemetry> {
    // Libraries say little that an operator can act on below a warning.
    let filter = if matches!(log.level, "debug" | "trace") {
        EnvFilter::new(format!(
            "info,tollgate={0},tollgate_engine={0},tollgate_http={0},tollgate_store={0},\
             tollgate_upstream={0},tollgate_simulator={0}",
            log.level
        ))
    } else {
        EnvFilter::new(format!("warn,tollgate={0}", log.level))
    };
    let (requests, diagnostics) = (Arc::default(), Arc::default());
    let ended = [
        write_in_the_background("request-log", &requests, io::stdout())?,
        write_in_the_background("diagnostics", &diagnostics, io::stderr())?,
    ];
    let begun = tracing_subscriber::registry()
        .with(filter)
        .with(Diagnostics::new(log.format, Arc::clone(&diagnostics)))
        .try_init();
    if let Err(error) = begun {
        tracing::debug!(%error, "diagnostics are written already");
    }
    Ok(Telemetry {
        requests,
        diagnostics,
        ended,
    })
}

impl Telemetry {
    /// Writes what is left, as far as somebody reads it within two seconds.
    pub(crate) fn end(self) {
        self.requests.close();
        self.diagnostics.close();
        let limit = Instant::now() + LAST_LINES;
        for ended in self.ended {
            // Both outcomes mean to go on: the thread has ended, or nobody reads its lines.
            _ = ended.recv_timeout(limit.saturating_duration_since(Instant::now()));
        }
    }
}

/// Gives a log a thread of its own. The receiver is hung up when all lines are written.
fn write_in_the_background(
    name: &str,
    buffer: &Arc<LogBuffer>,
    mut out: impl Write + Send + 'static,
) -> io::Result<Receiver<()>> {
    let buffer = Arc::clone(buffer);
    let (writing, ended) = mpsc::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            buffer.drain(&mut out);
            drop(writing);
        })?;
    Ok(ended)
}
