//! One line per request, in the form that the operator chose.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tollgate_core::key::VirtualKey;
use tollgate_core::money::UsdText;
use tollgate_core::time::Timestamp;

use crate::log_buffer::LogBuffer;
use crate::record::Facts;
use crate::tried::{self, Tried};

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
    buffer: Arc<LogBuffer>,
}

impl AccessLog {
    /// A log of this form that leaves its lines in this buffer.
    pub fn new(format: LogFormat, buffer: Arc<LogBuffer>) -> Self {
        Self { format, buffer }
    }

    pub(crate) fn dropped(&self) -> Counter {
        self.buffer.dropped()
    }

    pub(crate) fn write(&self, now: Timestamp, facts: &Facts, duration: Duration) {
        let write = match self.format {
            LogFormat::Text => text_line,
            LogFormat::Json => json_line,
            LogFormat::Off => return,
        };
        self.buffer
            .push(now, |lines, clock| write(lines, clock, facts, duration));
    }
}

fn text_line(line: &mut String, clock: &str, facts: &Facts, duration: Duration) {
    line.push_str(clock);
    line.push_str(" INFO request");
    for (name, value) in [
        (" request_id=", facts.id.as_str()),
        (" surface=", facts.surface),
        (
            " key_name=",
            facts.key.as_ref().map_or("-", |key| &key.name),
        ),
    ] {
        line.push_str(name);
        push_plain(line, value);
    }
    line.push_str(" key=");
    match &facts.key {
        Some(key) => push_masked(line, key),
        None => line.push('-'),
    }
    line.push_str(" client=");
    match facts.client {
        Some(client) => push_address(line, client),
        None => line.push('-'),
    }
    for (name, value) in [
        (" model=", facts.model().map_or("-", |model| &**model)),
        (
            " connection=",
            facts.connection().map_or("-", |connection| &**connection),
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
    if let Some(cost) = facts.cost {
        line.push_str(" cost_usd=");
        line.push_str(UsdText::of(cost).as_str());
    }
    if facts.route.is_some() {
        line.push_str(" attempts=");
        push_number(line, facts.trail.len().into());
    }
    if facts.trail.len() > 1 {
        push_trail(line, facts);
    }
    if let Some(cached) = &facts.cached {
        line.push_str(" cache=");
        line.push_str(cached.word());
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
        ("key_name", facts.key.as_ref().map(|key| &*key.name)),
        ("model", facts.model().map(|model| &**model)),
        (
            "connection",
            facts.connection().map(|connection| &**connection),
        ),
        ("code", Some(facts.code)),
    ] {
        let Some(value) = value else { continue };
        line.push_str("\",\"");
        line.push_str(name);
        line.push_str("\":\"");
        push_plain(line, value);
    }
    if let Some(key) = &facts.key {
        line.push_str("\",\"key\":\"");
        push_masked(line, key);
    }
    if let Some(client) = facts.client {
        line.push_str("\",\"client\":\"");
        push_address(line, client);
    }
    line.push_str("\",\"status\":");
    push_number(line, facts.status.into());
    for (name, number) in numbers(facts, duration) {
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        push_number(line, number);
    }
    if let Some(cost) = facts.cost {
        line.push_str(",\"cost_usd\":\"");
        line.push_str(UsdText::of(cost).as_str());
        line.push('"');
    }
    if facts.route.is_some() {
        push_attempts(line, facts);
    }
    if let Some(cached) = &facts.cached {
        line.push_str(",\"cache\":\"");
        line.push_str(cached.word());
        line.push('"');
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
            // What an attempt that is under way has taken so far nobody has measured.
            facts
                .trail
                .last()
                .filter(|_| facts.trail.under_way().next().is_none())
                .map(|_| micros(facts.trail.waited)),
        ),
        (
            "queued_us",
            (!facts.trail.queued.is_zero()).then(|| micros(facts.trail.queued)),
        ),
        ("first_byte_us", facts.first_byte.map(micros)),
    ]
    .into_iter()
    .filter_map(|(name, number)| Some((name, number?)))
}

/// The attempts in short: `trail=main/gpt-4o:provider_error:132ms,backup/gpt-4o:ok:410ms`.
fn push_trail(line: &mut String, facts: &Facts) {
    for (index, tried) in tried::all(facts).enumerate() {
        line.push_str(if index == 0 { " trail=" } else { "," });
        push_escaped(line, tried.connection, is_plain_in_trail);
        line.push('/');
        push_escaped(line, tried.model, is_plain_in_trail);
        line.push(':');
        line.push_str(tried.outcome);
        if let Some(duration) = tried.duration {
            line.push(':');
            push_number(line, millis(duration));
            line.push_str("ms");
        }
    }
}

/// The attempts in full.
fn push_attempts(line: &mut String, facts: &Facts) {
    line.push_str(",\"attempts\":[");
    for (index, tried) in tried::all(facts).enumerate() {
        let Tried {
            connection,
            model,
            outcome,
            status,
            duration,
        } = tried;
        line.push_str(if index == 0 { "{" } else { ",{" });
        for (name, value) in [("connection", &**connection), ("model", &**model)] {
            line.push('"');
            line.push_str(name);
            line.push_str("\":\"");
            push_plain(line, value);
            line.push_str("\",");
        }
        line.push_str("\"code\":\"");
        line.push_str(outcome);
        line.push('"');
        let status = status.map(u64::from);
        for (name, number) in [("status", status), ("duration_ms", duration.map(millis))] {
            let Some(number) = number else { continue };
            line.push_str(",\"");
            line.push_str(name);
            line.push_str("\":");
            push_number(line, number);
        }
        line.push('}');
    }
    line.push(']');
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn push_number(line: &mut String, number: u64) {
    line.push_str(itoa::Buffer::new().format(number));
}

fn push_address(line: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                line.push_str(if index == 0 { "" } else { "." });
                push_number(line, octet.into());
            }
        }
        // Writing to a String cannot fail.
        IpAddr::V6(address) => _ = write!(line, "{address}"),
    }
}

/// A key as lists show it: enough to tell it from others, never enough to use it.
fn push_masked(line: &mut String, key: &VirtualKey) {
    push_plain(line, &key.prefix);
    line.push_str("...");
    push_plain(line, &key.last_four);
}

fn push_plain(line: &mut String, value: &str) {
    push_escaped(line, value, is_plain);
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=')
}

/// The next attempt begins behind a comma.
const fn is_plain_in_trail(byte: u8) -> bool {
    is_plain(byte) && byte != b','
}

/// Values of callers stay on their line and in their place: whatever could end a line, a pair or
/// a string is written as a JSON escape.
fn push_escaped(line: &mut String, value: &str, is_plain: fn(u8) -> bool) {
    if value.bytes().all(is_plain) {
        line.push_str(value);
        return;
    }
    for unit in value.chars() {
        if unit.is_alphanumeric() || (unit.is_ascii() && is_plain(unit as u8)) {
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
    use tollgate_core::money::Money;

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

    #[tokio::test]
    async fn the_cost_is_told_exactly_where_it_is_known() {
        let mut record = crate::testing::record().await;
        let lines = |facts: &Facts| {
            let (mut text, mut json) = (String::new(), String::new());
            text_line(&mut text, "now", facts, Duration::ZERO);
            json_line(&mut json, "now", facts, Duration::ZERO);
            (text, json)
        };
        let (text, json) = lines(&record.facts);
        assert!(!text.contains("cost_usd") && !json.contains("cost_usd"));
        record.facts.cost = Some(Money::from_nano(12_500));
        let (text, json) = lines(&record.facts);
        assert!(text.contains(" cost_usd=0.0000125 "), "{text}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["cost_usd"], "0.0000125");
    }
}
