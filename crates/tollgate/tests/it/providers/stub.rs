//! A server that writes down what it was asked and answers from a list of files.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::surface::Surface;
use crate::world::{Answer, KEY, World};

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub head: String,
    pub text: String,
}

impl Asked {
    /// The value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// An answer of a stub.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: &'static str,
    pub media_type: &'static str,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(media_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: "200 OK",
            media_type,
            body: body.into(),
        }
    }
}

/// A stub that runs until it is dropped.
pub struct Stub {
    /// Where it is, as `host:port`.
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _stops: DropGuard,
}

impl Stub {
    /// Answers every request with what this makes of it.
    pub async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stop = CancellationToken::new();
        let (kept, stopped, answer) = (asked.clone(), stop.clone(), Arc::new(answer));
        let tasks = TaskTracker::new();
        let serving = tasks.clone();
        tasks.spawn(stopped.run_until_cancelled_owned(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (kept, answer) = (kept.clone(), answer.clone());
                serving.spawn(async move {
                    if let Some((asked, mut socket)) = receive(socket).await {
                        let reply = answer(&asked);
                        kept.lock().unwrap().push(asked);
                        send(&mut socket, &reply).await;
                    }
                });
            }
        }));
        Self {
            address,
            asked,
            _stops: stop.drop_guard(),
        }
    }

    /// Answers every request with this.
    pub async fn always(reply: Reply) -> Self {
        Self::start(move |_| reply.clone()).await
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The last request.
    pub fn last(&self) -> Asked {
        self.asked().pop().unwrap()
    }
}

async fn receive(mut socket: TcpStream) -> Option<(Asked, TcpStream)> {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = socket.read(&mut buffer).await.ok()?;
        if count == 0 {
            return None;
        }
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let asked = Asked {
            path: head.split(' ').nth(1)?.to_owned(),
            head: head.to_owned(),
            text: body.to_owned(),
        };
        if body.len() >= asked.header("content-length").parse().unwrap_or(0) {
            return Some((asked, socket));
        }
    }
}

async fn send(socket: &mut TcpStream, reply: &Reply) {
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        reply.status,
        reply.media_type,
        reply.body.len()
    );
    socket.write_all(head.as_bytes()).await.ok();
    // In pieces that no event ends with.
    for piece in reply.body.chunks(97) {
        socket.write_all(piece).await.ok();
        socket.flush().await.ok();
    }
}

/// A recorded answer of the wire crate, for example `cohere/streams/cohere-text.sse`.
pub fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tollgate-wire/fixtures");
    std::fs::read(folder.join(name)).unwrap()
}

/// What the index beside a recorded answer says of it.
pub fn index_of(name: &str) -> Value {
    let (folder, file) = name.rsplit_once('/').unwrap();
    let index: Value = serde_json::from_slice(&fixture(&format!("{folder}/index.json"))).unwrap();
    let rows = index.as_array().unwrap();
    rows.iter().find(|row| row["file"] == file).unwrap().clone()
}

/// A world whose connection `stub` is of this provider, with these lines.
pub async fn world(provider: &str, lines: &str) -> World {
    World::once(&format!(
        "[[connections]]\nname = \"stub\"\nprovider = \"{provider}\"\n{lines}\n\
         [[models]]\nname = \"stub/*\"\ntargets = [{{ connection = \"stub\" }}]\n"
    ))
    .await
}

/// A stream that has to end in a failure: its text, and the code.
pub async fn failing(world: &World, surface: Surface) -> (String, String) {
    let answer = surface.ask(world, "stub/m", "x", true).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let events = surface.events(&answer);
    let last = events.last().unwrap();
    assert!(surface.is_failure(last), "{}", answer.text());
    assert!(!surface.says_finished(&events), "{}", answer.text());
    (surface.streamed(&events), surface.code(last))
}

/// Asks for the count of the tokens of a text.
pub async fn counted(world: &World, path: &str, body: &Value) -> Answer {
    world.gateway.post(path, body).key(KEY).send().await
}
