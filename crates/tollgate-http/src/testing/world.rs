//! A gateway on a port of its own, before providers that follow a script.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tollgate_core::call::Call;
use tollgate_core::error::Failure;
use tollgate_core::key::{ModelScope, Permissions, Priority};
use tollgate_core::reply::{Answer, Piece, Usage};
use tollgate_core::secret::Secret;
use tollgate_engine::accounts::{DeclaredKey, NewKey};
use tollgate_engine::engine::Routing;
use tollgate_engine::port::{
    Attempt, BoxFuture, Continuation, Delivery, Insight, Reply, Upstream, Want,
};
use tollgate_engine::routes::DeclaredModel;
use tollgate_engine::testing::MemoryStore;

use super::{content, gateway_over, silent_after};
use crate::access_log::LogFormat;
use crate::gateway::Gateway;
use crate::log_buffer::LogBuffer;

pub(crate) const KEY: &str = "sk-test-app-0123456789";
pub(crate) const ADMIN_KEY: &str = "sk-admin-0123456789abcdef";
/// No step of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the provider does at an attempt.
pub(crate) enum Step {
    Answer,
    /// The same, and what it used.
    Counted(Usage),
    Stream,
    Fail(Failure),
    /// Nothing, without an end.
    Hang,
}

/// Providers that do as they are told, and note how long they were given.
#[derive(Default)]
pub(crate) struct Script {
    steps: Mutex<VecDeque<Step>>,
    given: Mutex<Vec<Duration>>,
    /// Told at each attempt.
    pub(crate) asked: Notify,
}

impl Script {
    pub(crate) fn then(&self, step: Step) {
        self.steps.lock().unwrap().push_back(step);
    }

    /// How long each attempt was given, from the first one.
    pub(crate) fn given(&self) -> Vec<Duration> {
        self.given.lock().unwrap().clone()
    }
}

impl Upstream for Script {
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<Delivery, Failure>> {
        let left = attempt.deadline.saturating_duration_since(Instant::now());
        self.given.lock().unwrap().push(left);
        let step = self.steps.lock().unwrap().pop_front();
        let step = step.expect("no further attempt was expected");
        self.asked.notify_one();
        Box::pin(async move {
            let reply = match step {
                Step::Answer => Reply::Answer(said(None)),
                Step::Counted(usage) => Reply::Answer(said(Some(usage))),
                Step::Stream => {
                    let last = Piece {
                        last: true,
                        ..content("data: [DONE]\n\n")
                    };
                    Reply::Stream(silent_after(vec![Ok(content("data: {}\n\n")), Ok(last)]))
                }
                Step::Fail(failure) => return Err(failure),
                Step::Hang => std::future::pending().await,
            };
            Ok(Delivery {
                reply,
                provider_request_id: None,
                lost: Vec::new(),
                estimated: false,
            })
        })
    }

    fn read(&self, _: &Call, _: Want) -> Insight {
        Insight::default()
    }

    fn check<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a str>,
        _: Duration,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn continuation(&self, _: &Call) -> Option<Box<dyn Continuation>> {
        None
    }
}

/// An answer that no surface has to read.
fn said(usage: Option<Usage>) -> Answer {
    Answer {
        body: Bytes::from_static(b"{\"said\":1}"),
        usage,
        finish: None,
    }
}

/// A gateway that serves. It stops with its owner.
pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) script: Arc<Script>,
    pub(crate) log: Arc<LogBuffer>,
    address: SocketAddr,
    _stop: DropGuard,
}

impl World {
    pub(crate) async fn new(models: Vec<DeclaredModel>, format: LogFormat) -> Self {
        Self::changed(models, format, |_| {}).await
    }

    /// The same, with a change to the gateway before it serves.
    pub(crate) async fn changed(
        models: Vec<DeclaredModel>,
        format: LogFormat,
        change: impl FnOnce(&mut Gateway),
    ) -> Self {
        let script = Arc::new(Script::default());
        let store = Arc::new(MemoryStore::default());
        let (mut gateway, log) = gateway_over(Arc::clone(&store), script.clone(), format).await;
        change(Arc::get_mut(&mut gateway).unwrap());
        let engine = &gateway.engine;
        engine.set_routing(Routing {
            connections: Vec::new(),
            models,
        });
        engine.accounts.declare(vec![key()]).await.unwrap();
        let admin = Secret::new(ADMIN_KEY);
        engine.accounts.declare_admin(Some(&admin));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let writing = Arc::clone(&gateway.engine.ledger).write(stop.clone().cancelled_owned());
        gateway.tasks.spawn(writing);
        let logging = Arc::clone(&gateway.engine.request_log);
        let logging = logging.run(stop.clone().cancelled_owned());
        gateway.tasks.spawn(logging);
        let serving = crate::serve(Arc::clone(&gateway), listener, stop.clone());
        gateway.tasks.spawn(serving);
        Self {
            gateway,
            store,
            script,
            log,
            address,
            _stop: stop.drop_guard(),
        }
    }

    /// Sends a request and leaves the connection as it is.
    pub(crate) async fn send(&self, request: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&self, request: &str, headers: &str, body: &str) -> Said {
        Said::read(self.send(request, headers, body).await).await
    }

    /// Announces a body that never comes, and reads the answer.
    pub(crate) async fn ask_without_body(&self, request: &str, headers: &str) -> Said {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\
             content-length: 100000\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Said::read(stream).await
    }

    /// Asks for a model at the address of OpenAI's chats.
    pub(crate) async fn chat(&self, model: &str, headers: &str, stream: bool) -> Said {
        let headers = format!("authorization: Bearer {KEY}\r\n{headers}");
        let body = chat(model, stream);
        self.ask("POST /v1/chat/completions", &headers, &body).await
    }

    /// Asks for management.
    pub(crate) async fn manage(&self, request: &str, body: &str) -> Said {
        let headers = format!("x-admin-key: {ADMIN_KEY}\r\n");
        self.ask(request, &headers, body).await
    }

    /// The value of a figure with its labels as they are written; `None` if it is not there.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        let text = self.gateway.metrics.render().unwrap();
        let line = text.lines().find_map(|line| {
            let rest = line.strip_prefix("tollgate_")?.strip_prefix(name)?;
            rest.strip_prefix(' ')
        });
        line.map(|value| value.parse().unwrap())
    }

    /// Waits until no request is under way.
    pub(crate) async fn settle(&self) {
        let settled = async {
            while self.gateway.metrics.requests_open.get() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, settled)
            .await
            .expect("all requests end");
    }
}

/// The body of a chat.
pub(crate) fn chat(model: &str, stream: bool) -> String {
    format!(
        "{{\"model\":\"{model}\",\"stream\":{stream},\
         \"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}"
    )
}

/// The key [`KEY`], which may do everything but manage.
pub(crate) fn key() -> DeclaredKey {
    DeclaredKey {
        facts: NewKey {
            name: "app".into(),
            permissions: Permissions::ALL,
            models: ModelScope::all(),
            expires_at: None,
            error_dialect: None,
            priority: Priority::Low,
            tenancy: tollgate_core::key::Tenancy::default(),
            reach: tollgate_core::key::Reach::default(),
            controls: tollgate_core::budget::Controls::default(),
        },
        secret: Secret::new(KEY),
        place: "a test".into(),
    }
}

/// An answer.
pub(crate) struct Said {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Said {
    async fn read(mut stream: TcpStream) -> Self {
        let mut said = Vec::new();
        let reading = async {
            // The connection may stay open longer: for what was announced and not sent.
            while !is_whole(&said) && stream.read_buf(&mut said).await.unwrap() > 0 {}
        };
        let in_time = tokio::time::timeout(PATIENCE, reading).await;
        in_time.expect("an answer in time");
        let text = String::from_utf8(said).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Whether an answer that says how long it is has come to its end.
fn is_whole(said: &[u8]) -> bool {
    let text = String::from_utf8_lossy(said);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}
