//! A client that shows the bytes, and reads as much into them as a test needs.

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::{Settings, Simulator};

pub(super) fn simulator() -> Simulator {
    Simulator::new(Settings::default())
}

/// A chat request's body; `more` adds members to it.
pub(super) fn chat(model: &str, more: &Value) -> Value {
    let mut body =
        json!({"model": model, "messages": [{"role": "user", "content": "Say 🍎 twice"}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The bytes of a request after which the connection is to end.
pub(super) fn post(path: &str, headers: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends bytes over a connection inside the process and reads until it ends.
pub(super) async fn exchange(simulator: &Simulator, request: &str) -> Seen {
    read(simulator.connect(), request).await
}

pub(super) async fn ask(simulator: &Simulator, body: &Value) -> Seen {
    exchange(simulator, &post("/v1/chat/completions", "", body)).await
}

pub(super) async fn get(simulator: &Simulator, path: &str) -> Seen {
    exchange(
        simulator,
        &format!("GET {path} HTTP/1.1\r\nconnection: close\r\n\r\n"),
    )
    .await
}

/// Sends bytes and reads until the connection ends.
pub(super) async fn read(mut io: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Seen {
    let began = Instant::now();
    io.write_all(request.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    let mut waits = Vec::new();
    loop {
        let before = Instant::now();
        let mut part = [0; 4096];
        match io.read(&mut part).await {
            Ok(0) => break,
            Ok(read) => raw.extend_from_slice(&part[..read]),
            Err(problem) => return Seen::of(raw, Some(problem.kind()), waits, began),
        }
        waits.push(before.elapsed().as_millis());
    }
    Seen::of(raw, None, waits, began)
}

/// What a client saw.
pub(super) struct Seen {
    /// All bytes.
    pub(super) raw: Vec<u8>,
    /// How reading failed.
    pub(super) failure: Option<std::io::ErrorKind>,
    /// How long each read took, in milliseconds.
    pub(super) waits: Vec<u128>,
    /// How long everything took, in milliseconds.
    pub(super) took: u128,
    /// The final head; empty if there was none.
    pub(super) head: String,
    /// The body without its transfer coding.
    pub(super) body: Vec<u8>,
    /// Whether the message had its end.
    pub(super) whole: bool,
}

impl Seen {
    fn of(
        raw: Vec<u8>,
        failure: Option<std::io::ErrorKind>,
        waits: Vec<u128>,
        began: Instant,
    ) -> Self {
        let mut rest = raw.as_slice();
        let mut head = String::new();
        while let Some(end) = memchr::memmem::find(rest, b"\r\n\r\n") {
            head = String::from_utf8_lossy(&rest[..end + 2]).into_owned();
            rest = &rest[end + 4..];
            if !head.starts_with("HTTP/1.1 1") {
                break;
            }
        }
        let rest = rest.to_vec();
        let took = began.elapsed().as_millis();
        let mut seen = Self {
            raw,
            failure,
            waits,
            took,
            head,
            body: rest,
            whole: failure.is_none(),
        };
        if seen.header("transfer-encoding") == Some("chunked") {
            (seen.body, seen.whole) = unchunked(&seen.body);
        } else if let Some(length) = seen.header("content-length") {
            seen.whole = seen.body.len() >= length.parse().unwrap();
        }
        seen
    }

    pub(super) fn status(&self) -> u16 {
        self.head
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .unwrap_or(0)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .split("\r\n")
            .filter_map(|line| line.split_once(": "));
        lines
            .find(|(present, _)| *present == name)
            .map(|(_, value)| value)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(super) fn has(&self, text: &str) -> bool {
        memchr::memmem::find(&self.body, text.as_bytes()).is_some()
    }

    pub(super) fn times(&self, text: &str) -> usize {
        memchr::memmem::find_iter(&self.body, text.as_bytes()).count()
    }

    /// The data of the events of a stream that is written the usual way.
    pub(super) fn data(&self) -> Vec<String> {
        let text = self.text();
        let events = text
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "));
        events.map(str::to_owned).collect()
    }

    /// The chunks of a stream that is written the usual way.
    pub(super) fn chunks(&self) -> Vec<Value> {
        self.data()
            .iter()
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }

    /// The text that the deltas of the first choice make together.
    pub(super) fn said(&self) -> String {
        let chunks = self.chunks();
        let deltas = chunks
            .iter()
            .filter(|chunk| chunk["choices"][0]["index"] == 0);
        deltas
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect()
    }

    pub(super) fn ends_with(&self, text: &str) -> bool {
        self.body.ends_with(text.as_bytes())
    }
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = memchr::memmem::find(rest, b"\r\n") else {
            return (body, false);
        };
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            return (body, false);
        };
        rest = &rest[end + 2..];
        if size == 0 {
            return (body, rest.starts_with(b"\r\n"));
        }
        let part = rest.len().min(size);
        body.extend_from_slice(&rest[..part]);
        if rest.len() < size + 2 {
            return (body, false);
        }
        rest = &rest[size + 2..];
    }
}
