//! Somebody who makes calls, adds credits and looks at balances, and notes what he is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;
use tollgate_core::ledger::WalletId;
use tollgate_core::money::Money;

use super::book::{Book, Told};
use super::branch::{self, INPUT, OUTPUT};
use super::dice::Dice;
use crate::world::{ADMIN_KEY, PATIENCE};

/// Where the gateway is. Whoever asks it something holds this meanwhile.
pub type Door = Arc<RwLock<SocketAddr>>;

/// How long to leave a gateway alone that cannot write.
const PAUSE: Duration = Duration::from_millis(20);

/// What all of them share.
#[derive(Clone)]
pub struct Counter {
    pub book: Arc<Book>,
    pub door: Door,
    pub wallets: Arc<[WalletId]>,
    pub teams: usize,
    /// Whether the store is disturbed, so that what is asked may be refused for that.
    pub may_fail: Arc<AtomicBool>,
}

pub struct Teller {
    counter: Counter,
    dice: Dice,
    client: Client<HttpConnector, Full<Bytes>>,
    /// An order that is not known to be carried out.
    order: Option<Ordered>,
}

#[derive(Clone)]
struct Ordered {
    reference: String,
    path: String,
    body: String,
}

/// What became of a request.
enum Reply {
    Answer(StatusCode, HeaderMap, Incoming),
    /// It was never sent.
    Unsent,
    Cut,
}

impl Teller {
    pub fn new(counter: Counter, dice: Dice) -> Self {
        Self {
            counter,
            dice,
            client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
            order: None,
        }
    }

    /// Works until the end is asked for and every order is carried out.
    pub async fn work(mut self, end: CancellationToken) {
        while !end.is_cancelled() || self.order.is_some() {
            let door = Arc::clone(&self.counter.door);
            let door = door.read().await;
            let at = *door;
            let is_good = match self.dice.below(100) {
                _ if end.is_cancelled() => self.top_up(at).await,
                0..55 => self.plain(at).await,
                55..80 => self.stream(at, false).await,
                80..84 => self.stream(at, true).await,
                84..94 => self.top_up(at).await,
                _ => self.look(at).await,
            };
            drop(door);
            if !is_good {
                super::pass(PAUSE).await;
            }
        }
    }

    /// A plain call. Says whether to go on at once.
    async fn plain(&mut self, at: SocketAddr) -> bool {
        let key = branch::key(self.dice.index(self.counter.teams));
        let told = self.call_of(at, "bank", &key, None).await;
        told != Some(Told::Refused)
    }

    /// A plain call of a model, with an idempotency key or without. `None` if the gateway was not
    /// there, or gave the answer of an earlier call again.
    pub async fn call_of(
        &mut self,
        at: SocketAddr,
        model: &str,
        key: &str,
        idempotency: Option<&str>,
    ) -> Option<Told> {
        let call = self.counter.book.number();
        let mut request = call_of(at, call, key);
        if let Some(idempotency) = idempotency {
            request = request.header("idempotency-key", idempotency);
        }
        let body = Full::new(Bytes::from(asked(&json!({"model": model}))));
        let told = match self.ask(request.body(body).unwrap()).await {
            Reply::Unsent => return None,
            Reply::Cut => Told::Cut,
            Reply::Answer(status, headers, body) => match collected(body).await {
                Err(()) => Told::Cut,
                Ok(_) if status == 200 => {
                    if headers.contains_key("idempotent-replayed") {
                        return None;
                    }
                    let cost = headers["x-tollgate-cost-usd"].to_str().unwrap();
                    let cost = Money::parse(cost).unwrap().as_nano();
                    assert!(cost >= 20 * OUTPUT, "{cost}");
                    Told::Whole(cost)
                }
                Ok(body) => {
                    self.refused(status, &body);
                    Told::Refused
                }
            },
        };
        self.counter.book.tell(call, told);
        Some(told)
    }

    /// A streamed call, left in the middle or read to its end.
    async fn stream(&mut self, at: SocketAddr, leaves: bool) -> bool {
        let call = self.counter.book.number();
        let asked = asked(&json!({"model": "bank", "stream": true,
            "stream_options": {"include_usage": true}}));
        let key = branch::key(self.dice.index(self.counter.teams));
        let request = call_of(at, call, &key).body(Full::new(Bytes::from(asked)));
        let (told, is_good) = match self.ask(request.unwrap()).await {
            Reply::Unsent => return true,
            Reply::Cut => (Told::Cut, true),
            Reply::Answer(status, _, mut body) if status == 200 && leaves => {
                // The first part, or the end.
                _ = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap();
                (Told::Left, true)
            }
            Reply::Answer(status, _, body) => match collected(body).await {
                Err(()) => (Told::Cut, true),
                Ok(body) if status == 200 => match cost_of(&body) {
                    Some(cost) => (Told::Whole(cost), true),
                    None => (Told::Refused, self.refused(status, &body)),
                },
                Ok(body) => (Told::Refused, self.refused(status, &body)),
            },
        };
        self.counter.book.tell(call, told);
        is_good
    }

    /// Adds credits, again under the same reference where it is not known whether that was done.
    async fn top_up(&mut self, at: SocketAddr) -> bool {
        let ordered = match self.order.take() {
            Some(ordered) => ordered,
            None => self.new_order(),
        };
        let mut sends = if self.dice.below(5) == 0 { 2 } else { 1 };
        let mut is_known = false;
        while sends > 0 {
            sends -= 1;
            let body = ordered.body.clone();
            let reply = self.admin(at, Method::POST, &ordered.path, body).await;
            let answer = match reply {
                Reply::Answer(status, _, body) => collected(body).await.map(|body| (status, body)),
                Reply::Unsent | Reply::Cut => Err(()),
            };
            match answer {
                Ok((status, _)) if status == 200 => {
                    if is_known {
                        self.counter.book.count(|counts| counts.repeated += 1);
                    } else {
                        self.counter.book.acknowledge(&ordered.reference);
                    }
                    is_known = true;
                }
                Ok((status, body)) => {
                    self.refused(status, &body);
                }
                Err(()) => {}
            }
        }
        if !is_known {
            self.order = Some(ordered);
        }
        is_known
    }

    fn new_order(&mut self) -> Ordered {
        let reference = format!("order-{}", self.counter.book.number());
        let wallets = &self.counter.wallets;
        let wallet = &wallets[self.dice.index(wallets.len())];
        let amount = 50_000_000 + 10_000_000 * self.dice.below(30);
        self.counter.book.order(&reference, amount);
        let usd = Money::from_nano(amount).to_string();
        Ordered {
            path: branch::path(wallet, "add"),
            body: json!({"amount_usd": usd, "reference": reference}).to_string(),
            reference,
        }
    }

    /// Looks at a balance: it is there, and none is negative.
    async fn look(&mut self, at: SocketAddr) -> bool {
        let wallets = &self.counter.wallets;
        let path = branch::path(&wallets[self.dice.index(wallets.len())], "balance");
        let reply = self.admin(at, Method::GET, &path, String::new()).await;
        if let Reply::Answer(status, _, body) = reply
            && let Ok(body) = collected(body).await
        {
            assert_eq!(status, 200, "{body:?}");
            let body: Value = serde_json::from_slice(&body).unwrap();
            // An amount with a sign is none.
            let balance = branch::nano(&body["balance_usd"]);
            assert!(branch::nano(&body["held_usd"]) <= balance, "{body}");
            self.counter.book.count(|counts| counts.reads += 1);
        }
        true
    }

    /// Makes a key, which is a change of what operators made. Says whether it was made.
    pub async fn make_key(&mut self, at: SocketAddr) -> bool {
        let name = format!("made-{}", self.counter.book.number());
        let body = json!({"name": name, "models": ["*"]}).to_string();
        let reply = self.admin(at, Method::POST, "/api/keys", body).await;
        matches!(reply, Reply::Answer(status, ..) if status.is_success())
    }

    async fn admin(&self, at: SocketAddr, method: Method, path: &str, body: String) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{at}{path}"))
            .header("content-type", "application/json")
            .header("x-admin-key", ADMIN_KEY);
        let body = Full::new(Bytes::from(body));
        self.ask(request.body(body).unwrap()).await
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Reply {
        let asking = self.client.request(request);
        match tokio::time::timeout(PATIENCE, asking)
            .await
            .expect("an answer")
        {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Reply::Answer(parts.status, parts.headers, body)
            }
            Err(error) if error.is_connect() => Reply::Unsent,
            Err(_) => Reply::Cut,
        }
    }

    /// A refusal is one that may be. Says whether to go on at once.
    fn refused(&self, status: StatusCode, body: &Bytes) -> bool {
        let text = String::from_utf8_lossy(body);
        if text.contains("insufficient_credits") {
            return true;
        }
        let may_fail = self.counter.may_fail.load(Ordering::Relaxed);
        let is_known = may_fail && text.contains("database_error");
        assert!(is_known, "{status}: {text}");
        false
    }
}

/// The head of a call.
fn call_of(at: SocketAddr, call: u64, key: &str) -> http::request::Builder {
    Request::post(format!("http://{at}/v1/chat/completions"))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {key}"))
        .header("x-request-id", format!("bank-{call}"))
}

/// The body of a call.
fn asked(more: &Value) -> String {
    let mut asked = more.clone();
    asked["max_tokens"] = 20.into();
    asked["messages"] = json!([{"role": "user", "content": "how much is the fish"}]);
    asked.to_string()
}

/// All of a body, unless the connection breaks.
async fn collected(body: Incoming) -> Result<Bytes, ()> {
    let collecting = tokio::time::timeout(PATIENCE, body.collect());
    let collected = collecting.await.expect("the end of an answer");
    collected.map(Collected::to_bytes).map_err(|_| ())
}

/// What a stream says that it used, at the price. `None` if it does not end as answers do.
fn cost_of(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).unwrap();
    let mut events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    if !text.trim_end().ends_with("data: [DONE]") {
        assert!(text.contains("\"error\""), "{text}");
        return None;
    }
    let usage = events.find_map(|event| {
        let event: Value = serde_json::from_str(event).ok()?;
        let usage = event.get("usage").filter(|usage| !usage.is_null())?;
        let count = |name: &str| usage[name].as_u64().unwrap();
        Some(count("prompt_tokens") * INPUT + count("completion_tokens") * OUTPUT)
    });
    Some(usage.expect("usage"))
}
