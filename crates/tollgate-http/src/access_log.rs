//! One line per request, written beside the requests: they leave their line in a buffer, and one
//! thread of its own writes what has gathered.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tollgate_core::time::Timestamp;

use crate::record::Facts;

/// The most that waits to be written; further lines are dropped and counted.
const BUFFER_LIMIT: usize = 4 * 1024 * 1024;
/// How long lines may gather before they are written.
const GATHER: Duration = Duration::from_millis(20);

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: `key=value` pairs.
    Text,
    /// For machines: one JSON object a line.
    Json,
    /// No lines at all.
    Off,
}

/// The log of requests.
pub struct AccessLog {
    format: LogFormat,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    dropped: Counter,
}

struct Waiting {
    lines: String,
    /// The second that `clock` shows, so that it is written out once a second only.
    second: i64,
    clock: String,
    closed: bool,
}

impl AccessLog {
    /// A log of this form. [`AccessLog::drain`] must run on a thread of its own.
    pub fn new(format: LogFormat) -> Self {
        let waiting = Waiting {
            lines: String::new(),
            second: i64::MIN,
            clock: String::new(),
            closed: false,
        };
        Self {
            format,
            waiting: Mutex::new(waiting),
            arrived: Condvar::new(),
            dropped: Counter::default(),
        }
    }

    pub(crate) fn dropped(&self) -> Counter {
        self.dropped.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while a line was written leaves at worst half a line.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self, now: Timestamp, facts: &Facts, duration: Duration) {
        if self.format == LogFormat::Off {
            return;
        }
        let mut waiting = self.lock();
        if waiting.lines.len() > BUFFER_LIMIT {
            self.dropped.inc();
            return;
        }
        if waiting.second != now.as_seconds() {
            waiting.second = now.as_seconds();
            waiting.clock = now.to_rfc3339();
        }
        let first = waiting.lines.is_empty();
        let Waiting { lines, clock, .. } = &mut *waiting;
        match self.format {
            LogFormat::Text => text_line(lines, clock, facts, duration),
            LogFormat::Json => json_line(lines, clock, facts, duration),
            LogFormat::Off => {}
        }
        drop(waiting);
        if first {
            self.arrived.notify_one();
        }
    }

    /// Writes lines as they gather, until [`AccessLog::close`]. Blocks: give it a thread.
    pub fn drain(&self, out: &mut dyn Write) {
        let mut lines = String::new();
        loop {
            let closed = self.take(&mut lines);
            // Nobody is left to tell when the log itself cannot be written.
            let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
            if written.is_err() {
                let lost = lines.bytes().filter(|byte| *byte == b'\n').count();
                self.dropped.inc_by(lost as u64);
            }
            lines.clear();
            lines.shrink_to(64 * 1024);
            if closed {
                return;
            }
        }
    }

    fn take(&self, lines: &mut String) -> bool {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() && !waiting.closed {
            waiting = self
                .arrived
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !waiting.closed {
            drop(waiting);
            std::thread::sleep(GATHER);
            waiting = self.lock();
        }
        std::mem::swap(&mut waiting.lines, lines);
        waiting.closed
    }

    /// Lets [`AccessLog::drain`] end when all lines are written.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }
}

fn text_line(line: &mut String, clock: &str, facts: &Facts, duration: Duration) {
    line.push_str(clock);
    for (name, value) in [
        (" request ", facts.id.as_str()),
        (" surface=", facts.surface),
        (" key=", facts.key.as_ref().map_or("-", |key| &key.prefix)),
        (
            " model=",
            facts.route.as_ref().map_or("-", |route| &route.model),
        ),
        (
            " connection=",
            facts
                .route
                .as_ref()
                .map_or("-", |route| &route.target.connection),
        ),
    ] {
        line.push_str(name);
        push_plain(line, value);
    }
    line.push_str(" status=");
    push_number(line, facts.status.into());
    line.push_str(" code=");
    line.push_str(facts.code);
    for (name, number) in numbers(facts, duration) {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        push_number(line, number);
    }
    line.push_str(if facts.stream {
        " stream=true\n"
    } else {
        " stream=false\n"
    });
}

fn json_line(line: &mut String, clock: &str, facts: &Facts, duration: Duration) {
    line.push_str("{\"time\":\"");
    line.push_str(clock);
    line.push_str("\",\"level\":\"INFO\",\"message\":\"request");
    for (name, value) in [
        ("request_id", Some(facts.id.as_str())),
        ("surface", Some(facts.surface)),
        ("key", facts.key.as_ref().map(|key| &*key.prefix)),
        ("model", facts.route.as_ref().map(|route| &*route.model)),
        (
            "connection",
            facts.route.as_ref().map(|route| &*route.target.connection),
        ),
        ("code", Some(facts.code)),
    ] {
        let Some(value) = value else { continue };
        line.push_str("\",\"");
        line.push_str(name);
        line.push_str("\":\"");
        push_plain(line, value);
    }
    line.push_str("\",\"status\":");
    push_number(line, facts.status.into());
    for (name, number) in numbers(facts, duration) {
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        push_number(line, number);
    }
    line.push_str(if facts.stream {
        ",\"stream\":true}\n"
    } else {
        ",\"stream\":false}\n"
    });
}

fn numbers(facts: &Facts, duration: Duration) -> impl Iterator<Item = (&'static str, u64)> {
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    [
        ("prompt_tokens", facts.usage.map(|usage| usage.prompt)),
        (
            "completion_tokens",
            facts.usage.map(|usage| usage.completion),
        ),
        ("duration_us", Some(micros(duration))),
        (
            "provider_us",
            (facts.attempts > 0).then(|| micros(facts.waited)),
        ),
        ("first_byte_us", facts.first_byte.map(micros)),
    ]
    .into_iter()
    .filter_map(|(name, number)| Some((name, number?)))
}

fn push_number(line: &mut String, number: u64) {
    line.push_str(itoa::Buffer::new().format(number));
}

/// Values of callers stay on their line and in their place: whatever could end a line, a pair or
/// a string is written as a JSON escape.
fn push_plain(line: &mut String, value: &str) {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=');
    if value.bytes().all(plain) {
        line.push_str(value);
        return;
    }
    for unit in value.chars() {
        if unit.is_alphanumeric() || (unit.is_ascii() && plain(unit as u8)) {
            line.push(unit);
        } else {
            for half in unit.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                _ = write!(line, "\\u{half:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_callers_cannot_leave_their_place() {
        for (value, written) in [
            ("openai/gpt-4o", "openai/gpt-4o"),
            ("a b\r\nc", "a\\u0020b\\u000d\\u000ac"),
            ("\u{1b}[31m\"=", "\\u001b[31m\\u0022\\u003d"),
            ("\u{e9}t\u{e9}\u{1f600}", "\u{e9}t\u{e9}\\ud83d\\ude00"),
        ] {
            let mut line = String::new();
            push_plain(&mut line, value);
            assert_eq!(line, written);
        }
    }
}
