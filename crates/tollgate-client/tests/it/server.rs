//! A server that answers as a case says, with the faults that it says.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// The pause between two bytes of an answer that drips.
const DRIP: Duration = Duration::from_millis(50);

/// What happens after the bytes of an answer, or with them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Close,
    Hold,
    Keep,
    /// So many bytes at once, and the rest byte by byte.
    Drip(usize),
}

/// Answers the requests of a connection, and keeps what it was asked.
pub(crate) struct Server {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
    conversations: TaskTracker,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Value>,
    requests: Vec<Request>,
    connections: usize,
    held: Vec<TcpStream>,
}

impl Server {
    pub(crate) async fn start(answers: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            answers: answers.iter().cloned().collect(),
            ..State::default()
        }));
        let shared = state.clone();
        let conversations = TaskTracker::new();
        let each = conversations.clone();
        let serving = conversations.spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let shared = shared.clone();
                shared.lock().unwrap().connections += 1;
                each.spawn(async move {
                    while let Some(same) = answer(connection, &shared).await {
                        connection = same;
                    }
                });
            }
        });
        Self {
            address,
            state,
            serving,
            conversations,
        }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits until all answers were asked for: a client that gives up does not wait for that.
    pub(crate) async fn is_asked_for_all(&self) {
        let all = async {
            while !self.state.lock().unwrap().answers.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        _ = tokio::time::timeout(Duration::from_secs(10), all).await;
    }

    /// What was asked, and how many answers nobody asked for.
    pub(crate) fn end(self) -> (Vec<Request>, usize) {
        self.serving.abort();
        self.conversations.close();
        let state = self.state.lock().unwrap();
        (state.requests.clone(), state.answers.len())
    }

    /// Whether the connection that is held was closed at its other end.
    pub(crate) async fn is_let_go(&self) -> bool {
        let reading = async {
            loop {
                let held = self.state.lock().unwrap().held.pop();
                if let Some(mut held) = held {
                    return held.read(&mut [0]).await;
                }
                tokio::task::yield_now().await;
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(10), reading).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }
}

/// Answers a request. Returns the connection if another one may come on it.
async fn answer(mut connection: TcpStream, state: &Mutex<State>) -> Option<TcpStream> {
    let request = read(&mut connection).await?;
    let answer = {
        let mut state = state.lock().unwrap();
        state.requests.push(request);
        state.answers.pop_front()
    };
    let answer = answer.unwrap_or_else(|| serde_json::json!({"status": 599, "text": "no more"}));
    let (bytes, ending) = written(&answer);
    let at_once = match ending {
        Ending::Drip(at) => at,
        Ending::Close | Ending::Hold | Ending::Keep => bytes.len(),
    };
    // Whoever has heard enough closes.
    connection.write_all(&bytes[..at_once]).await.ok()?;
    for byte in &bytes[at_once..] {
        tokio::time::sleep_until(tokio::time::Instant::now() + DRIP).await;
        connection.write_all(&[*byte]).await.ok()?;
    }
    match ending {
        Ending::Keep => return Some(connection),
        Ending::Hold => state.lock().unwrap().held.push(connection),
        Ending::Close | Ending::Drip(_) => _ = connection.shutdown().await,
    }
    None
}

async fn read(connection: &mut TcpStream) -> Option<Request> {
    let mut received = Vec::new();
    let head_end = loop {
        if let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if connection.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(received[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or("0", String::as_str);
    let length: usize = length.parse().unwrap();
    while received.len() < head_end + 4 + length {
        connection.read_buf(&mut received).await.ok()?;
    }
    Some(Request {
        method: first.next().unwrap().to_owned(),
        path: first.next().unwrap().to_owned(),
        headers,
        body: serde_json::from_slice(&received[head_end + 4..]).unwrap_or(Value::Null),
    })
}

fn written(answer: &Value) -> (Vec<u8>, Ending) {
    let fault = answer["fault"].as_str();
    let is_stream = answer.get("events").is_some() || answer.get("raw").is_some();
    let (bytes, ending) = if is_stream {
        stream(answer)
    } else if let Some(status) = answer["status"].as_u64() {
        plain(answer, status)
    } else if fault == Some("silence") {
        (Vec::new(), Ending::Hold)
    } else {
        (Vec::new(), Ending::Close)
    };
    let ending = match fault {
        Some("drip-head") => Ending::Drip(0),
        Some("drip") => Ending::Drip(
            bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap()
                + 4,
        ),
        _ if answer["keep"] == true => Ending::Keep,
        _ => ending,
    };
    (bytes, ending)
}

fn plain(answer: &Value, status: u64) -> (Vec<u8>, Ending) {
    let mut body = match answer.get("json") {
        Some(body) => body.to_string(),
        None => answer["text"].as_str().unwrap().to_owned(),
    };
    body.push_str(&filling(answer));
    let length = format!("content-length: {}\r\n", body.len());
    let mut bytes = head(status, &length, answer).into_bytes();
    let (shown, ending) = match answer["fault"].as_str() {
        Some("half") => (body.len() / 2, Ending::Hold),
        Some("torn") => (body.len() / 2, Ending::Close),
        _ => (body.len(), Ending::Close),
    };
    bytes.extend(body.bytes().take(shown));
    (bytes, ending)
}

/// What a text goes on with: another one, so many times.
fn filling(answer: &Value) -> String {
    let text = answer["fill"][0].as_str().unwrap_or("");
    text.repeat(answer["fill"][1].as_u64().unwrap_or(0) as usize)
}

fn stream(answer: &Value) -> (Vec<u8>, Ending) {
    let ending = answer["ending"].as_str().unwrap_or("eof");
    let mut text = answer["raw"].as_str().unwrap_or("").to_owned();
    text.push_str(&filling(answer));
    for event in answer["events"].as_array().into_iter().flatten() {
        write!(text, "data: {event}\n\n").unwrap();
    }
    if ending == "done" {
        let before = answer.get("fill").map_or("", |_| "\n\n");
        write!(text, "{before}data: [DONE]\n\n").unwrap();
    }
    let data = text.into_bytes();
    let size = answer["pieces"]
        .as_u64()
        .map_or(data.len(), |size| size as usize);
    let own = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
    let mut bytes = head(200, own, answer).into_bytes();
    for piece in data.chunks(size) {
        bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
        bytes.extend(piece);
        bytes.extend(b"\r\n");
    }
    match ending {
        "silence" => (bytes, Ending::Hold),
        // Within a chunked body any end is one before its time.
        "reset" => (bytes, Ending::Close),
        _ => {
            bytes.extend(b"0\r\n\r\n");
            (bytes, Ending::Close)
        }
    }
}

fn head(status: u64, own: &str, answer: &Value) -> String {
    let connection = if answer["keep"] == true {
        "keep-alive"
    } else {
        "close"
    };
    let mut head = format!("HTTP/1.1 {status} Scripted\r\nconnection: {connection}\r\n{own}");
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap();
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head + "\r\n"
}
