//! Somebody who carries out jobs as a client does that tries again whatever got lost, and notes
//! what he is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Request;
use http::response::Parts as Head;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::{Notify, RwLock};

use super::Mode;
use crate::jobs::scene::events;
use crate::money::scene::key;
use crate::world::PATIENCE;

/// Where the gateway is. Whoever asks it something holds this meanwhile.
pub type Door = Arc<RwLock<SocketAddr>>;

/// What a caller knows of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was answered whole, and used these tokens of prompt and answer.
    Whole(u64, u64),
    /// It failed, as the answer says.
    Failed,
    /// The connection broke.
    Cut,
}

/// What a caller knows of a job.
#[derive(Debug)]
pub struct Told {
    pub mode: Mode,
    pub id: String,
    /// Whether it was completed, or ended as failed.
    pub well: bool,
    /// The calls that were made in it, each for a purpose of its own.
    pub calls: Vec<(String, Seen)>,
    /// What completing it said that it costs.
    pub charged: u64,
    /// How often the end was asked for.
    pub ends: u64,
    /// A job for one call that was made beside it, and whether it went well, where that was told.
    pub single: Option<(String, bool)>,
}

impl Told {
    pub fn single_of(&self) -> Option<(&str, bool)> {
        let (id, well) = self.single.as_ref()?;
        Some((id, *well))
    }
}

pub struct Client {
    door: Door,
    requests: Arc<AtomicU64>,
    moved: Arc<Notify>,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub fn new(door: Door, requests: Arc<AtomicU64>, moved: Arc<Notify>) -> Self {
        Self {
            door,
            requests,
            moved,
            http: Http::builder(TokioExecutor::new()).build(HttpConnector::new()),
        }
    }

    /// Carries out jobs until so many of so many calls were taken up by all together.
    pub async fn work(self, next: Arc<AtomicU64>, (count, calls): (u64, u64)) -> Vec<Told> {
        let mut told = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return told;
            }
            told.push(self.job(number, calls).await);
        }
    }

    async fn job(&self, number: u64, calls: u64) -> Told {
        let mode = Mode::ALL[usize::try_from(number % 3).unwrap()];
        // Over all three, every other job ends well.
        let well = number.is_multiple_of(2);
        let body = json!({"team_id": mode.team(), "job_type": "storm",
            "metadata": {"number": number}});
        let created = self.until_told(mode, "/api/jobs/create", &body).await.0;
        let id = created["job_id"].as_str().unwrap().to_owned();
        let mut told = Told {
            mode,
            id,
            well,
            calls: Vec::new(),
            charged: 0,
            ends: 0,
            single: None,
        };
        if number % 4 == 3 {
            told.single = self.single(mode, number).await;
        }
        for call in 0..calls {
            // What was cut is asked once more, as clients do.
            for attempt in 0..2 {
                let purpose = format!("{call}-{attempt}");
                let seen = self.call(&told, (number, call), &purpose).await;
                told.calls.push((purpose, seen));
                if seen != Seen::Cut {
                    break;
                }
            }
        }
        let path = format!("/api/jobs/{}/complete", told.id);
        let status = if well { "completed" } else { "failed" };
        let (ended, ends) = self
            .until_told(mode, &path, &json!({"status": status}))
            .await;
        assert_eq!(ended["status"], status, "{ended}");
        told.charged = ended["costs"]["credits_charged"].as_u64().unwrap();
        told.ends = ends;
        told
    }

    /// A job for one call, plain or as a stream, which fails half of the time. `None`: the
    /// connection broke, or nothing tells which job it was.
    async fn single(&self, mode: Mode, number: u64) -> Option<(String, bool)> {
        let (stream, fails) = (number % 8 == 3, number % 16 < 8);
        let model = match (fails, stream) {
            (false, _) => "money/story-9",
            (true, false) => "money/fault/server-error",
            (true, true) => "money/fault/cut-after-2",
        };
        let body = json!({"team_id": mode.team(), "job_type": "single", "model": model,
            "messages": [{"role": "user", "content": format!("alone {number}")}]});
        let way = if stream { "-stream" } else { "" };
        let path = format!("/api/jobs/create-and-call{way}");
        let (head, text) = self.ask(mode, &path, &body).await?;
        let id = match (fails, stream) {
            (_, true) => head.headers["x-tollgate-job-id"]
                .to_str()
                .unwrap()
                .to_owned(),
            (false, false) => {
                let told: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(told["status"], "completed", "{told}");
                told["job_id"].as_str().unwrap().to_owned()
            }
            (true, false) => {
                assert_eq!(head.status, 500, "{text}");
                return None;
            }
        };
        assert_eq!(
            text.ends_with("data: [DONE]\n\n"),
            stream && !fails,
            "{text}"
        );
        Some((id, !fails))
    }

    /// A call in a job: every other one fails at its provider, and every third is a stream.
    async fn call(&self, told: &Told, (number, call): (u64, u64), purpose: &str) -> Seen {
        let is_stream = (number + call) % 3 == 0;
        let model = if (number / 2 + call) % 2 == 0 {
            format!("money/story-{}", 1 + (number * 7 + call * 3) % 40)
        } else if is_stream {
            "money/fault/cut-after-2".to_owned()
        } else {
            "money/fault/server-error".to_owned()
        };
        let body = json!({"model": model, "purpose": purpose,
            "messages": [{"role": "user", "content": format!("job {number}, call {call}")}]});
        let way = if is_stream { "-stream" } else { "" };
        let path = format!("/api/jobs/{}/llm-call{way}", told.id);
        let Some((head, text)) = self.ask(told.mode, &path, &body).await else {
            return Seen::Cut;
        };
        let usage = match (head.status.as_u16(), is_stream) {
            (500, _) => return Seen::Failed,
            (200, false) => serde_json::from_str::<Value>(&text).unwrap()["usage"].clone(),
            (200, true) if text.ends_with("data: [DONE]\n\n") => {
                events(&text).pop().unwrap()["usage"].clone()
            }
            (200, true) if text.contains("\"error\"") => return Seen::Failed,
            other => panic!("{other:?}: {text}"),
        };
        let count = |name: &str| usage[name].as_u64().unwrap_or_else(|| panic!("{text}"));
        Seen::Whole(count("prompt_tokens"), count("completion_tokens"))
    }

    /// Asks again and again until there is an answer, which has to be a good one. Says, too, how
    /// often it was asked for.
    async fn until_told(&self, mode: Mode, path: &str, body: &Value) -> (Value, u64) {
        for tries in 1..100 {
            if let Some((head, text)) = self.ask(mode, path, body).await {
                assert_eq!(head.status, 200, "{path}: {text}");
                return (serde_json::from_str(&text).unwrap(), tries);
            }
        }
        panic!("nobody answers {path}");
    }

    /// Sends a request and reads the answer whole. `None`: the connection broke.
    async fn ask(&self, mode: Mode, path: &str, body: &Value) -> Option<(Head, String)> {
        let door = self.door.read().await;
        let request = Request::post(format!("http://{}{path}", *door))
            .header("authorization", format!("Bearer {}", key(mode.team())))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let asking = async {
            let (head, body) = self.http.request(request).await.ok()?.into_parts();
            let text = body.collect().await.ok()?.to_bytes();
            Some((head, String::from_utf8(text.to_vec()).unwrap()))
        };
        let asked = tokio::time::timeout(2 * PATIENCE, asking).await;
        let asked = asked.expect("an answer or an end");
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_one();
        drop(door);
        asked
    }
}
