//! A provider that breaks in every way, byte by byte, and calls to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tollgate_core::budget::{Period, Window};
use tollgate_core::call::{Call, Marks};
use tollgate_core::error::Failure;
use tollgate_core::format::{Format, Operation};
use tollgate_core::model::{Target, Timeouts, Unsupported};
use tollgate_core::reply::{Answer, Piece};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{Attempt, BoxFuture, Clock, Delivery, Pieces, Reply, Upstream as _};
use tollgate_upstream::provider::find;
use tollgate_upstream::settings::Place;
use tollgate_upstream::{ConnectionSettings, DialSimulator, Upstreams};

/// What the provider does after it has read a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends bytes as they are.
    Send(Vec<u8>),
    /// Lets what was sent travel on its own.
    Pause,
    /// Waits; for tests in which time is paused.
    Wait(Duration),
    /// Says and does nothing until the other side closes.
    Hold,
    /// Closes in order.
    Close,
    /// Tears the connection down.
    Reset,
}

/// Bytes to send.
pub(crate) fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Send(bytes.into())
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The head, up to its blank line.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

type Script = Arc<dyn Fn(usize) -> Vec<Step> + Send + Sync>;

/// The provider.
#[derive(Clone)]
pub(crate) struct Provider {
    script: Script,
    connections: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<Received>>>,
    /// How many connections are over.
    closed: watch::Sender<usize>,
    tasks: TaskTracker,
}

impl Provider {
    /// A provider that follows a script for the n-th request, from 0.
    pub(crate) fn new(script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            connections: Arc::default(),
            received: Arc::default(),
            closed: watch::Sender::new(0),
            tasks: TaskTracker::new(),
        }
    }

    /// A provider that does the same for every request.
    pub(crate) fn always(steps: Vec<Step>) -> Self {
        Self::new(move |_| steps.clone())
    }

    /// Serves on a free port of the loopback interface and gives the base URL.
    pub(crate) async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let this = self.clone();
        self.tasks.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                this.serve(stream);
            }
        });
        format!("http://{address}/v1")
    }

    /// Serves over pipes inside the process, where time can be paused.
    pub(crate) fn pipe(&self) -> DialSimulator {
        let this = self.clone();
        Arc::new(move || {
            let (ours, theirs): (DuplexStream, DuplexStream) = tokio::io::duplex(64 * 1024);
            this.serve(ours);
            theirs
        })
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What arrived.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn arrived(&self, count: usize) {
        while self.received().len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until so many connections are over; one that holds is over when the other side
    /// closes it.
    pub(crate) async fn closed(&self, count: usize) {
        let mut closed = self.closed.subscribe();
        closed.wait_for(|closed| *closed >= count).await.unwrap();
    }

    fn serve<S: Wire>(&self, stream: S) {
        let this = self.clone();
        self.connections.fetch_add(1, Ordering::SeqCst);
        self.tasks.spawn(async move {
            this.serve_one(stream).await;
            this.closed.send_modify(|closed| *closed += 1);
        });
    }

    async fn serve_one<S: Wire>(&self, mut stream: S) {
        while let Some((head, body)) = read_request(&mut stream).await {
            let number = {
                let mut received = self.received.lock().unwrap();
                received.push(Received { head, body });
                received.len() - 1
            };
            for step in (self.script)(number) {
                match step {
                    Step::Send(bytes) => {
                        if stream.write_all(&bytes).await.is_err() {
                            return;
                        }
                        drop(stream.flush().await);
                    }
                    Step::Pause => {
                        tokio::time::sleep_until(Instant::now() + Duration::from_millis(3)).await;
                    }
                    Step::Wait(duration) => {
                        tokio::time::sleep_until(Instant::now() + duration).await;
                    }
                    Step::Hold => {
                        while stream.read_u8().await.is_ok() {}
                        return;
                    }
                    Step::Close => return,
                    Step::Reset => {
                        stream.reset();
                        return;
                    }
                }
            }
        }
    }
}

/// A byte stream that may be torn down.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes closing a reset.
    fn reset(&mut self);
}

impl Wire for TcpStream {
    fn reset(&mut self) {
        self.set_zero_linger().unwrap();
    }
}

impl Wire for DuplexStream {
    fn reset(&mut self) {}
}

async fn read_request<S: Wire>(stream: &mut S) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")
                .map(str::to_owned)
        })
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

/// A whole answer with a length.
pub(crate) fn answer(status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A chat completion.
pub(crate) const CHAT: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;

/// The head of a chunked stream of events.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// The end of a chunked body.
pub(crate) const END: &str = "0\r\n\r\n";

/// One chunk of a chunked body.
pub(crate) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// An event with a part of a text.
pub(crate) fn delta(content: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// The first event of most streams, without content.
pub(crate) const ROLE: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";

/// The event that says why the model stopped.
pub(crate) const FINISH: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// The terminator.
pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// A stream that is whole, each event sent on its own.
pub(crate) fn whole_stream() -> Vec<Step> {
    let mut steps = vec![send(STREAM)];
    for event in [ROLE, &delta("Hel"), &delta("lo"), FINISH] {
        steps.extend([send(chunk(event)), Step::Pause]);
    }
    // The end of the body comes with the terminator, as most servers send it.
    steps.push(send(format!("{}{END}", chunk(DONE))));
    steps
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn window(&self, _: Period, _: &str, _: Timestamp) -> Window {
        Window::ALWAYS
    }

    fn is_zone(&self, _: &str) -> bool {
        true
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_763_719_200_000)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(Instant::now() + duration))
    }
}

/// The gateway's side: one connection named `main`.
pub(crate) struct Gateway {
    upstreams: Upstreams,
    /// The bounds of every call.
    pub(crate) timeouts: Timeouts,
    /// The model, as the provider calls it.
    pub(crate) model: &'static str,
    /// What requests have in common by which the provider can see that they are the same.
    pub(crate) repetition: Option<u64>,
}

impl Gateway {
    /// With settings for the provider of this name at this base URL.
    pub(crate) fn at(provider: &str, base_url: &str) -> Self {
        let provider = find(provider).unwrap();
        let place = Place::of(provider, Some(base_url)).unwrap();
        Self::with(ConnectionSettings::new("main", provider, place))
    }

    /// With these settings.
    pub(crate) fn with(settings: ConnectionSettings) -> Self {
        let upstreams = Upstreams::new(vec![settings], None, Arc::new(Still)).unwrap();
        Self {
            upstreams,
            timeouts: Timeouts::default(),
            model: "m-upstream",
            repetition: None,
        }
    }

    /// Over pipes to a provider in this process.
    pub(crate) fn inside(provider: &Provider) -> Self {
        let row = find("simulated").unwrap();
        let settings = ConnectionSettings::new("main", row, Place::InProcess);
        let upstreams =
            Upstreams::new(vec![settings], Some(provider.pipe()), Arc::new(Still)).unwrap();
        Self {
            upstreams,
            timeouts: Timeouts::default(),
            model: "m-upstream",
            repetition: None,
        }
    }

    /// The connections behind it.
    pub(crate) fn upstreams(&self) -> &Upstreams {
        &self.upstreams
    }

    /// Sends a call.
    pub(crate) async fn send(&self, call: &Call) -> Result<Delivery, Failure> {
        self.send_within(call, self.timeouts.total).await
    }

    /// Sends a call that has so much time.
    pub(crate) async fn send_within(
        &self,
        call: &Call,
        total: Duration,
    ) -> Result<Delivery, Failure> {
        let target = Target {
            connection: "main".into(),
            model: self.model.into(),
            max_output: None,
        };
        let attempt = Attempt {
            call,
            target: &target,
            timeouts: &self.timeouts,
            deadline: Instant::now() + total,
            begin_by: Instant::now() + total,
            request_id: "req_1",
            unsupported: Unsupported::default(),
            repetition: self.repetition,
            bare: false,
        };
        self.upstreams.send(attempt).await
    }

    /// Checks the connection.
    pub(crate) async fn check(&self, model: Option<&str>) -> Result<(), Failure> {
        let timeout = self.timeouts.answer;
        self.upstreams.check("main", model, timeout).await
    }

    /// Sends a plain call and takes the answer.
    pub(crate) async fn plain(&self) -> Result<Answer, Failure> {
        match self.send(&call(false)).await?.reply {
            Reply::Answer(answer) => Ok(answer),
            Reply::Stream(_) => panic!("a stream came"),
        }
    }

    /// Sends a streaming call and takes the begun stream.
    pub(crate) async fn stream(&self) -> Result<Pieces, Failure> {
        match self.send(&call(true)).await?.reply {
            Reply::Answer(_) => panic!("a plain answer came"),
            Reply::Stream(pieces) => Ok(pieces),
        }
    }

    /// The failure of a plain call.
    pub(crate) async fn plain_failure(&self) -> Failure {
        self.plain().await.expect_err("an answer came")
    }

    /// The failure of a streaming call before it began.
    pub(crate) async fn stream_failure(&self) -> Failure {
        self.stream().await.err().expect("a stream began")
    }
}

/// A call.
pub(crate) fn call(stream: bool) -> Call {
    let body = format!(
        r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"Hi"}}],"x_unknown":1}}"#
    );
    Call {
        format: Format::OpenAi,
        operation: Operation::Chat,
        body: Bytes::from(body),
        model: "m".into(),
        stream,
        wants_usage: false,
        max_tokens: None,
        choices: 1,
        marks: Marks {
            start: 1,
            model: Some(9..12),
            stream_options: None,
            include_usage: None,
        },
        carried: Vec::new(),
        query: None,
        array: false,
        sealed: false,
    }
}

/// What a stream gave: the text that reached the caller, and how it ended.
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) failure: Option<Failure>,
}

impl Outcome {
    /// Whether the caller was told that the stream is whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.pieces.last().is_some_and(|piece| piece.last)
    }
}

/// Reads a stream to its end.
pub(crate) async fn read(mut pieces: Pieces) -> Outcome {
    let mut outcome = Outcome {
        text: String::new(),
        pieces: Vec::new(),
        failure: None,
    };
    while let Some(piece) = pieces.next().await {
        assert!(
            outcome.failure.is_none(),
            "something came after the failure"
        );
        match piece {
            Ok(piece) => {
                outcome
                    .text
                    .push_str(std::str::from_utf8(&piece.bytes).unwrap());
                outcome.pieces.push(piece);
            }
            Err(failure) => outcome.failure = Some(failure),
        }
    }
    outcome
}
