//! One recorded error.

use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate_core::error::Failure;
use tollgate_core::format::Format;
use tollgate_core::time::Timestamp;
use tollgate_wire::failure::{ErrorAnswer, classify};
use tollgate_wire::retry_after::RetryHints;

/// When every answer is taken to have come, so that the page does not change with the clock:
/// 2026-11-21T10:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

/// Headers that name the type of an error; the second is one of a frame within a stream.
const ERROR_TYPES: [&str; 2] = ["x-amzn-errortype", ":exception-type"];

/// An error as a provider sent it.
pub(super) struct Recording {
    /// Who sent it, in the recordings' own words.
    pub(super) provider: String,
    /// The HTTP status.
    pub(super) status: u16,
    headers: Map<String, Value>,
    /// The body or, of a stream, the data of its last event.
    payload: String,
}

impl Recording {
    /// Reads a line of the recordings.
    pub(super) fn read(line: &str) -> Option<Self> {
        let row: Value = serde_json::from_str(line).ok()?;
        let body = row.get("body")?.as_str()?;
        let streaming = row.get("streaming")?.as_bool()?;
        let event = last_event(body).filter(|_| streaming);
        Some(Self {
            provider: row.get("provider")?.as_str()?.to_owned(),
            status: row.get("status")?.as_u64()?.try_into().ok()?,
            headers: row.get("headers")?.as_object()?.clone(),
            payload: event.unwrap_or(body).to_owned(),
        })
    }

    /// What it becomes, if it comes from this provider.
    pub(super) fn judged(&self, provider: &'static str, format: Format) -> Failure {
        let header = |name: &str| self.headers.get(name).and_then(Value::as_str);
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let headers = self.headers.iter().filter_map(|(name, value)| {
            let value = value.as_str()?;
            Some((name.as_str(), value.as_bytes()))
        });
        let answer = ErrorAnswer {
            format,
            status: self.status,
            content_type: header("content-type").map(bytes),
            body: bytes(&self.payload),
            complete: true,
            error_type: ERROR_TYPES.into_iter().find_map(header).map(bytes),
            hints: RetryHints::from_headers(headers, NOW),
            now: NOW,
            credential: None,
        };
        classify(&answer, provider)
    }
}

/// The data of the last event of a stream, if it is one.
fn last_event(body: &str) -> Option<&str> {
    let mut data = body.lines().filter_map(|line| {
        let data = line.strip_prefix("data:").or(line.strip_prefix("error:"))?;
        Some(data.trim()).filter(|data| *data != "[DONE]")
    });
    data.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stream_the_last_event_counts() {
        let stream = "data: {\"a\":1}\n\nevent: error\ndata: {\"b\":2}\n\ndata: [DONE]\n\n";
        assert_eq!(last_event(stream), Some("{\"b\":2}"));
        assert_eq!(last_event("{\"message\":\"x\"}"), None);
    }

    #[test]
    fn what_is_no_recording_is_not_read() {
        for line in ["", "{}", "{\"provider\":\"x\",\"status\":70000}"] {
            assert!(Recording::read(line).is_none(), "{line}");
        }
    }
}
