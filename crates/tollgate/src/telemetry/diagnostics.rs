//! Events as lines of the same shape as those of requests.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use tollgate_engine::port::Clock as _;
use tollgate_http::LogBuffer;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::clock::SystemClock;
use crate::config::LogFormat;

/// Leaves each event as a line in a buffer.
pub(super) struct Diagnostics {
    format: LogFormat,
    buffer: Arc<LogBuffer>,
}

impl Diagnostics {
    pub(super) fn new(format: LogFormat, buffer: Arc<LogBuffer>) -> Self {
        Self { format, buffer }
    }
}

impl<S: Subscriber> Layer<S> for Diagnostics {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Put together outside the buffer's lock: a value may log while it is written.
        let mut parts = Parts {
            format: self.format,
            message: String::new(),
            fields: String::new(),
        };
        event.record(&mut parts);
        let Parts {
            message, fields, ..
        } = parts;
        let level = event.metadata().level();
        // Writing to a String cannot fail.
        self.buffer.push(SystemClock.now(), |lines, time| {
            _ = match self.format {
                LogFormat::Text => writeln!(lines, "{time} {level} {message}{fields}"),
                LogFormat::Json => writeln!(
                    lines,
                    "{{\"time\":\"{time}\",\"level\":\"{level}\",\"message\":\"{message}\"{fields}}}"
                ),
            };
        });
    }
}

/// A line without its beginning.
struct Parts {
    format: LogFormat,
    message: String,
    fields: String,
}

impl Parts {
    /// A number or a truth value: the same in both forms.
    fn bare(&mut self, field: &Field, value: &dyn fmt::Display) {
        let name = field.name();
        _ = match self.format {
            LogFormat::Text => write!(self.fields, " {name}={value}"),
            LogFormat::Json => write!(self.fields, ",\"{name}\":{value}"),
        };
    }
}

impl Visit for Parts {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            push_inside(&mut self.message, value);
            return;
        }
        let is_word = |unit: char| unit.is_ascii_graphic() && !matches!(unit, '"' | '\\' | '=');
        match self.format {
            LogFormat::Text if !value.is_empty() && value.chars().all(is_word) => {
                self.bare(field, &value);
            }
            LogFormat::Text => {
                _ = write!(self.fields, " {}=\"", field.name());
                push_inside(&mut self.fields, value);
                self.fields.push('"');
            }
            LogFormat::Json => {
                _ = write!(self.fields, ",\"{}\":\"", field.name());
                push_inside(&mut self.fields, value);
                self.fields.push('"');
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Writes text as the inside of a JSON string. It stays one line, and nothing in it steers a
/// terminal or turns the direction of writing.
fn push_inside(line: &mut String, value: &str) {
    for unit in value.chars() {
        match unit {
            '"' | '\\' => line.extend(['\\', unit]),
            _ if unit.is_control() || is_invisible(unit) => {
                _ = write!(line, "\\u{:04x}", u32::from(unit));
            }
            _ => line.push(unit),
        }
    }
}

/// Separators of lines and marks of direction (Unicode, general categories Zl, Zp and Cf).
fn is_invisible(unit: char) -> bool {
    matches!(
        unit,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn written(format: LogFormat) -> String {
        let buffer = Arc::new(LogBuffer::new());
        let layer = Diagnostics::new(format, Arc::clone(&buffer));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(
                code = "provider_error",
                provider_status = 500_u16,
                cause = %"it \"broke\"\r\n\u{1b}[31m\u{202e}é",
                nothing = None::<u64>,
                "request {}", "failed"
            );
        });
        buffer.close();
        let mut out = Vec::new();
        buffer.drain(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_one_object_of_json() {
        let line = written(LogFormat::Json);
        assert_eq!(line.matches('\n').count(), 1);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["message"], "request failed");
        assert_eq!(object["code"], "provider_error");
        assert_eq!(object["provider_status"], 500);
        assert_eq!(object["cause"], "it \"broke\"\r\n\u{1b}[31m\u{202e}é");
        assert!(object["time"].as_str().unwrap().ends_with('Z'));
        assert!(!line.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn an_event_is_one_line_of_text() {
        let line = written(LogFormat::Text);
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z'));
        assert_eq!(
            rest,
            "WARN request failed code=provider_error provider_status=500 \
             cause=\"it \\\"broke\\\"\\u000d\\u000a\\u001b[31m\\u202eé\"\n"
        );
    }
}
