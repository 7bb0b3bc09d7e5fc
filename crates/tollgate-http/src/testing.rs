//! A gateway for tests, with no provider behind it, or with one that follows a script.

pub(crate) mod world;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http_body_util::BodyExt as _;
use tollgate_core::call::Call;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::error::{Failure, StreamMark};
use tollgate_core::key::KeyHasher;
use tollgate_core::model::Target;
use tollgate_core::reply::Piece;
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{self, Accounts, Environment};
use tollgate_engine::engine::Engine;
use tollgate_engine::health::Registry;
use tollgate_engine::port::{
    Attempt, BoxFuture, Continuation, Delivery, Insight, PieceStream, Pieces, Upstream, Want,
};
use tollgate_engine::routes::{DeclaredModel, DeclaredTarget, Route, RouteTable};
use tollgate_engine::testing::{ManualClock, MemoryStore, ToyVault, counting_entropy};

use crate::access_log::{AccessLog, LogFormat};
use crate::gateway::{Gateway, Logs, Settings, Surfaces};
use crate::log_buffer::LogBuffer;
use crate::outgoing::{Answer, Line, Outgoing};
use crate::record::Record;
use crate::stall::Taken;

/// The silence after which a stream gives a sign of life.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Nobody;

impl Upstream for Nobody {
    fn send<'a>(&'a self, _: Attempt<'a>) -> BoxFuture<'a, Result<Delivery, Failure>> {
        panic!("no provider is asked here")
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
        panic!("no provider is asked here")
    }

    fn continuation(&self, _: &Call) -> Option<Box<dyn Continuation>> {
        None
    }
}

/// A gateway at its beginning.
pub(crate) async fn gateway() -> Arc<Gateway> {
    gateway_before(Arc::new(Nobody), LogFormat::Off).await.0
}

/// A gateway before these providers, and where its request log gathers.
pub(crate) async fn gateway_before(
    upstream: Arc<dyn Upstream>,
    format: LogFormat,
) -> (Arc<Gateway>, Arc<LogBuffer>) {
    gateway_over(Arc::new(MemoryStore::default()), upstream, format).await
}

/// The same over a store.
pub(crate) async fn gateway_over(
    store: Arc<MemoryStore>,
    upstream: Arc<dyn Upstream>,
    format: LogFormat,
) -> (Arc<Gateway>, Arc<LogBuffer>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_255_200_000)));
    let parts = accounts::Parts {
        store,
        clock: clock.clone(),
        hasher: KeyHasher::new(&[1; 32]),
        environment: Environment::Live,
        entropy: counting_entropy,
    };
    let accounts = Arc::new(Accounts::open(parts).await.unwrap());
    let engine = Engine::new(accounts, upstream, clock, 1);
    engine.replays.set_vault(Arc::new(ToyVault));
    let buffer = Arc::new(LogBuffer::new());
    let logs = Logs {
        requests: AccessLog::new(format, Arc::clone(&buffer)),
        diagnostics: Arc::clone(&buffer),
    };
    (Gateway::new(Arc::new(engine), settings(), logs), buffer)
}

/// What has gathered in a log. Nothing can be written to it from then on.
pub(crate) fn lines(buffer: &LogBuffer) -> Vec<String> {
    buffer.close();
    let mut written = Vec::new();
    buffer.drain(&mut written);
    let text = String::from_utf8(written).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn settings() -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        body_limit: 1 << 20,
        public_url: "https://llm.example.com".into(),
        dialect: Dialect::OpenAi,
        max_connections: 10,
        header_timeout: Duration::from_secs(10),
        header_limit: 1 << 16,
        body_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(10),
        keep_alive: KEEP_ALIVE,
        shutdown: Duration::from_secs(10),
        max_streams: 10,
        trusted_proxies: Box::default(),
        webhook_secret: None,
        surfaces: Surfaces::default(),
    }
}

/// The record of a request under way.
pub(crate) async fn record() -> Record {
    let gateway = gateway().await;
    let id = gateway.ids.make();
    Record::begin(gateway, id, "test")
}

/// A request without a body.
pub(crate) fn request(address: &str) -> Parts {
    let request = http::Request::builder().uri(address).body(());
    request.unwrap().into_parts().0
}

/// A route to a model.
pub(crate) fn route() -> Arc<Route> {
    let table = RouteTable::new(vec![model("m", &[("c", "m")])], &Registry::default());
    table.find("m").unwrap()
}

/// A model with these targets, each a connection and its model, that are asked in this order.
pub(crate) fn model(name: &str, targets: &[(&str, &str)]) -> DeclaredModel {
    let target = |(priority, (connection, model)): (usize, &(&str, &str))| DeclaredTarget {
        target: Target {
            connection: (*connection).into(),
            model: (*model).into(),
            max_output: None,
        },
        enabled: true,
        priority: u32::try_from(priority).unwrap(),
        weight: 1,
        limits: tollgate_core::route::limit::Limits::default(),
        fitness: Arc::default(),
        facts: Arc::default(),
    };
    DeclaredModel {
        name: name.into(),
        aliases: Vec::new(),
        targets: targets.iter().enumerate().map(target).collect(),
        members: Vec::new(),
        rules: Arc::default(),
        fallbacks: Arc::default(),
        facts: Arc::default(),
        known: Vec::new(),
        controls: Arc::default(),
        gate: None,
    }
}

/// A stream that gives these parts, and then nothing without an end.
pub(crate) fn silent_after(pieces: Vec<Result<Piece, Failure>>) -> Pieces {
    Box::pin(Silent(pieces.into_iter()))
}

struct Silent(std::vec::IntoIter<Result<Piece, Failure>>);

impl futures_core::Stream for Silent {
    type Item = Result<Piece, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.next() {
            Some(piece) => Poll::Ready(Some(piece)),
            None => Poll::Pending,
        }
    }
}

impl PieceStream for Silent {
    fn mark(&self) -> Option<StreamMark> {
        Some(StreamMark {
            response_id: "resp_here".to_owned(),
            sequence: 7,
        })
    }
}

/// A part with content.
pub(crate) fn content(bytes: &'static str) -> Piece {
    Piece {
        bytes: Bytes::from_static(bytes.as_bytes()),
        content: true,
        ..Piece::default()
    }
}

/// The bytes of a body.
pub(crate) async fn body(outgoing: Outgoing) -> String {
    let line = Line::Http2(Arc::new(Taken::default()));
    let whole = Answer::new(outgoing, line)
        .collect()
        .await
        .unwrap()
        .to_bytes();
    String::from_utf8(whole.to_vec()).unwrap()
}
