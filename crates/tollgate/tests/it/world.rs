//! The whole of Tollgate as a process, with a simulated provider on a port of its own.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::{CancellationToken, DropGuard};
use tollgate_simulator::Simulator;

pub const KEY: &str = "sk-test-app-0123456789";
pub const NARROW_KEY: &str = "sk-test-narrow-0123456789";
pub const ADMIN_KEY: &str = "sk-admin-0123456789abcdef";
pub const PROVIDER_KEY: &str = "sk-provider-canary-0123456789";
/// No step of a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Lines of a configuration that tries everything once, and forgets it.
pub const ONCE: &str = r"
[routing]
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }
";

/// A folder that goes away with its owner.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate-it-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A gateway process. It ends with its owner.
pub struct Gateway {
    child: Child,
    pub address: SocketAddr,
    /// What it printed until it was ready.
    pub banner: String,
    /// Where its log goes.
    pub log: PathBuf,
    client: Client<HttpConnector, Full<Bytes>>,
    /// Its standard output, where nobody reads it.
    unread: Option<Lines<BufReader<ChildStdout>>>,
}

impl Gateway {
    /// Starts `tollgate serve` in this folder and waits until it says where it listens.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::try_start(folder, arguments).unwrap_or_else(|said| panic!("{said}"))
    }

    /// The same where it may end before it is ready: then what it said comes back.
    pub fn try_start(folder: &Path, arguments: &[&str]) -> Result<Self, String> {
        let log = folder.join("stderr.log");
        let errors = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let mut gateway = Self::spawn(folder, arguments, errors.into())?;
        let lines = gateway.unread.take().unwrap();
        // Somebody has to read on, or the gateway's log stands still.
        let printed = folder.join("stdout.log");
        std::thread::spawn(move || {
            use std::io::Write as _;
            let mut file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(printed)
                .unwrap();
            for line in lines.map_while(Result::ok) {
                writeln!(file, "{line}").unwrap();
            }
        });
        Ok(gateway)
    }

    /// Starts one whose output nobody reads once it is ready, and whose diagnostics nobody reads
    /// at all.
    pub fn start_unread(folder: &Path, arguments: &[&str]) -> Self {
        let gateway = Self::spawn(folder, arguments, Stdio::piped());
        gateway.unwrap_or_else(|said| panic!("{said}"))
    }

    fn spawn(folder: &Path, arguments: &[&str], errors: Stdio) -> Result<Self, String> {
        let log = folder.join("stderr.log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("serve")
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                let status = child.wait().unwrap();
                let errors = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("the gateway ended with {status}: {banner}{errors}"));
            };
            banner.push_str(&line);
            banner.push('\n');
            if let Some(place) = ready_at(&line) {
                break place.parse().unwrap();
            }
        };
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Ok(Self {
            child,
            address,
            banner,
            log,
            client,
            unread: Some(lines),
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits until the process has ended by itself.
    pub fn wait_for_end(&mut self) -> std::process::ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the gateway did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    pub fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path, Bytes::new())
    }

    pub fn post(&self, path: &str, body: impl ToString) -> Ask<'_> {
        self.ask(Method::POST, path, body.to_string().into())
            .header("content-type", "application/json")
    }

    pub fn ask(&self, method: Method, path: &str, body: Bytes) -> Ask<'_> {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().unwrap();
        Ask {
            gateway: self,
            request,
        }
    }

    /// A figure of `/metrics`: the sum of all lines that begin with this name and hold all of
    /// these labels.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let text = self.get("/metrics").send().await.text();
        assert!(text.contains(name), "there is no {name}: {text}");
        text.lines()
            .filter(|line| line.starts_with(name) && labels.iter().all(|one| line.contains(one)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }

    /// Waits until a figure of `/metrics` has this value: what ends when a connection breaks ends
    /// a moment after it.
    pub async fn metric_becomes(&self, name: &str, labels: &[&str], value: u64) {
        let begin = Instant::now();
        loop {
            let seen = self.metric(name, labels).await;
            if seen == value {
                return;
            }
            let told = format!("{name} {labels:?} is {seen}, not {value}");
            assert!(begin.elapsed() < PATIENCE, "{told}");
            tokio::task::yield_now().await;
        }
    }
}

/// The address in the line that says that the gateway is ready, in both forms of the log.
fn ready_at(line: &str) -> Option<String> {
    if let Some(place) = line.strip_prefix("tollgate is ready on http://") {
        return Some(place.trim().to_owned());
    }
    let line = serde_json::from_str::<Value>(line).ok()?;
    let place = line["address"].as_str()?.strip_prefix("http://")?;
    (line["message"] == "ready").then(|| place.to_owned())
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A request that is being put together.
pub struct Ask<'a> {
    gateway: &'a Gateway,
    request: Request<Full<Bytes>>,
}

impl Ask<'_> {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request
            .headers_mut()
            .append(name, value.parse().unwrap());
        self
    }

    /// The same with a value that need not be a text.
    pub fn header_of(mut self, name: &'static str, value: http::HeaderValue) -> Self {
        self.request.headers_mut().append(name, value);
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub fn admin(self) -> Self {
        self.header("x-admin-key", ADMIN_KEY)
    }

    /// Sends it and reads the answer whole.
    pub async fn send(self) -> Answer {
        let opened = self.open().await;
        let (status, headers) = (opened.status, opened.headers.clone());
        Answer {
            status,
            headers,
            body: opened.rest().await.expect("the whole answer"),
        }
    }

    /// Sends it and returns with the head of the answer.
    pub async fn open(self) -> Opened {
        self.try_open().await.expect("an answer")
    }

    /// The same where the gateway may end before it answers.
    pub async fn try_open(self) -> Option<Opened> {
        let sent = self.gateway.client.request(self.request);
        let sent = tokio::time::timeout(PATIENCE, sent).await;
        let (parts, body) = sent.expect("an answer or an end").ok()?.into_parts();
        Some(Opened {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

/// An answer that was read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `error.code` of an answer in the `openai` dialect.
    pub fn outcome(&self) -> (u16, String) {
        let code = self.json()["error"]["code"]
            .as_str()
            .unwrap_or("none")
            .to_owned();
        (self.status.as_u16(), code)
    }
}

/// An answer whose body is still on its way.
pub struct Opened {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
}

impl Opened {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.body.frame())
                .await
                .expect("a frame");
            match frame? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Everything up to the end.
    pub async fn rest(mut self) -> Result<Bytes, hyper::Error> {
        let mut all = Vec::new();
        while let Some(data) = self.next().await {
            all.extend_from_slice(&data?);
        }
        Ok(all.into())
    }
}

/// A gateway, its configuration and its provider.
pub struct World {
    pub gateway: Gateway,
    pub simulator: Simulator,
    pub provider: SocketAddr,
    pub folder: Folder,
    _provider_stops: DropGuard,
}

impl World {
    /// The usual world.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// A world with more lines at the end of its configuration, where `{provider}` stands for the
    /// provider's address.
    pub async fn with(more: &str) -> Self {
        Self::with_both("", more).await
    }

    /// A world that tries everything once and forgets it, for tests that look at single exchanges:
    /// what one fault does must not change what the next one meets.
    pub async fn once(more: &str) -> Self {
        Self::with(&format!("{more}{ONCE}")).await
    }

    /// A world with more lines in `[server]`.
    pub async fn with_server(more: &str) -> Self {
        Self::with_both(more, "").await
    }

    /// A world with more lines in `[server]` and at the end of its configuration.
    pub async fn with_both(server: &str, more: &str) -> Self {
        Self::around_with(provider().await, server, more)
    }

    /// A world around a provider that is there, with more lines at the end of its configuration.
    pub fn around(provider: Provided, more: &str) -> Self {
        Self::around_with(provider, "", more)
    }

    fn around_with((simulator, provider, stops): Provided, server: &str, more: &str) -> Self {
        let folder = Folder::new();
        write_config(folder.path(), provider, server, more);
        let gateway = Gateway::start(folder.path(), &[]);
        Self {
            gateway,
            simulator,
            provider,
            folder,
            _provider_stops: stops,
        }
    }

    /// A chat call with the usual key.
    pub fn chat(&self, body: &Value) -> Ask<'_> {
        self.gateway.post("/v1/chat/completions", body).key(KEY)
    }

    /// Rewrites the configuration file.
    pub fn rewrite_config(&self, more: &str) {
        write_config(self.folder.path(), self.provider, "", more);
    }

    /// The standard output of the gateway after its banner.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stdout.log")).unwrap_or_default()
    }
}

/// The standard output of a gateway that has ended, after its banner: at least this many lines.
pub async fn printed_until(folder: &Path, lines: usize) -> String {
    let begin = Instant::now();
    loop {
        let printed = std::fs::read_to_string(folder.join("stdout.log")).unwrap_or_default();
        if printed.lines().count() >= lines {
            return printed;
        }
        assert!(begin.elapsed() < PATIENCE, "lines are missing: {printed}");
        tokio::task::yield_now().await;
    }
}

/// A simulated provider, where it is, and what ends it.
pub type Provided = (Simulator, SocketAddr, DropGuard);

/// A simulated provider on a free port.
pub async fn provider() -> Provided {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let simulator = Simulator::new(tollgate_simulator::Settings::default());
    let stop = CancellationToken::new();
    let serving = simulator.clone();
    let stopped = stop.clone();
    tokio_util::task::TaskTracker::new()
        .spawn(async move { serving.serve(listener, stopped).await });
    (simulator, address, stop.drop_guard())
}

/// An address at which nobody listens, and nobody will while the socket is kept.
pub fn nobody() -> (TcpSocket, SocketAddr) {
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    (bound, address)
}

fn write_config(folder: &Path, provider: SocketAddr, server: &str, more: &str) {
    let more = more.replace("{provider}", &provider.to_string());
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
{server}
[admin]
key = "{ADMIN_KEY}"

[log]
format = "json"

[[connections]]
name = "sim"
provider = "openai"
api_key = "{PROVIDER_KEY}"
base_url = "http://{provider}/v1"

[[connections]]
name = "lenient"
provider = "openai-compatible"
base_url = "http://{provider}/v1"

[[models]]
name = "sim/*"
targets = [{{ connection = "sim" }}]

[[models]]
name = "lenient/*"
targets = [{{ connection = "lenient" }}]

[[models]]
name = "openai/gpt-4o"
aliases = ["gpt-4o"]
targets = [{{ connection = "sim", model = "story" }}]

[[keys]]
name = "app"
key = "{KEY}"
models = ["*"]

[[keys]]
name = "narrow"
key = "{NARROW_KEY}"
models = ["gpt-4o"]
{more}
"#
    );
    std::fs::write(folder.join("tollgate.toml"), text).unwrap();
}
