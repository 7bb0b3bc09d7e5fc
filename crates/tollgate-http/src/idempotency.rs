//! `Idempotency-Key`: a request that is sent again gets the answer of the first time. Here the
//! header is read, requests are told apart, and answers are recorded and given again; which of
//! them runs, the engine says.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use tollgate_core::error::failure::FieldProblem;
use tollgate_core::error::{Code, Failure};
use tollgate_core::key::ModelScope;
use tollgate_engine::port::StoreError;
use tollgate_engine::replay::{Asked, Begun, Kept, Running};

use crate::answer;
use crate::body::Inbound;
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::head::Head;
use crate::late;
use crate::outgoing::Outgoing;
use crate::query::Query;
use crate::record::Record;
use crate::request_id::RequestId;
use crate::surface::admin;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const ORIGINAL: HeaderName = HeaderName::from_static("x-tollgate-original-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The most characters of a key.
const LONGEST: usize = 255;

/// Whose keys are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenant<'a> {
    /// Those of a team's calls.
    Team(&'a str),
    /// Those of a user who manages.
    User(&'a str),
    /// Those of whoever has the admin key.
    Deployment,
}

/// What a request is known by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key(Box<[u8]>);

/// The key of a request, if it has one. Fails if it is not well-formed.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<Key>, Failure> {
    let Some(value) = headers.get(&HEADER) else {
        return Ok(None);
    };
    let is_alone = headers.get_all(&HEADER).iter().nth(1).is_none();
    match parse(value.as_bytes()).filter(|_| is_alone) {
        Some(key) => Ok(Some(Key(key))),
        None => Err(malformed()),
    }
}

/// The key of a request as the reference of an order of credits, if it has one.
pub(crate) fn reference(headers: &HeaderMap) -> Result<Option<Box<str>>, Failure> {
    let Some(Key(key)) = key(headers)? else {
        return Ok(None);
    };
    Ok(std::str::from_utf8(&key).ok().map(Into::into))
}

/// A string of RFC 8941 or a bare key: visible characters, 1 to [`LONGEST`].
fn parse(value: &[u8]) -> Option<Box<[u8]>> {
    let value = value.trim_ascii();
    let key = match value {
        [b'"', inner @ .., b'"'] => unquote(inner)?,
        bare if bare.contains(&b'"') => return None,
        bare => bare.to_vec(),
    };
    let is_good = (1..=LONGEST).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    is_good.then(|| key.into())
}

/// Takes back the escapes of a quoted string. `None` if a quote or a backslash has none.
fn unquote(inner: &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => key.push(bytes.next().filter(|next| matches!(next, b'"' | b'\\'))?),
            b'"' => return None,
            plain => key.push(plain),
        }
    }
    Some(key)
}

fn malformed() -> Failure {
    let message = format!("must be one value of 1 to {LONGEST} visible characters of ASCII");
    let mut failure = Failure::client(Code::InvalidRequest).message(format!(
        "The header \"Idempotency-Key\" {message}, such as a UUID, with or without quotes."
    ));
    failure.fields.push(FieldProblem {
        path: "Idempotency-Key".to_owned(),
        message,
        kind: "value_error",
    });
    failure
}

/// Lets a request with a key run; gives the answer of the first time if there was one.
pub(crate) async fn begin(
    record: &mut Record,
    key: &Key,
    tenant: Tenant<'_>,
    parts: &Parts,
    body: &[u8],
) -> Result<Option<Given>, Failure> {
    let asked = Asked {
        slot: slot_of(record, key, tenant, parts),
        fingerprint: fingerprint(parts, body),
    };
    let engine = &record.gateway().engine;
    let patience = engine.ledger.settings().patience;
    match engine.replays.begin(asked, patience).await? {
        Begun::First(running) => {
            let id = record.facts.id.as_str();
            record.replay = Some(Box::new(Recording {
                running,
                head: format!("200\n{id}\ncontent-type:application/json").into(),
                is_complete: false,
            }));
            Ok(None)
        }
        Begun::Again(kept) => Ok(Some(Given::Again(Box::new(kept)))),
    }
}

/// What operators ask.
pub(crate) enum Managed {
    /// Something without a key.
    Plain,
    /// Something with a key, for the first time, with this body.
    Once(Bytes),
    /// The same again: the answer of the first time.
    Again(Box<Kept>),
}

/// The same for what operators ask. Where it has a key its body is read here.
pub(crate) async fn begin_management(
    record: &mut Record,
    tenant: Tenant<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Managed, Failure> {
    if parts.method != Method::POST {
        return Ok(Managed::Plain);
    }
    let Some(key) = key(&parts.headers)? else {
        return Ok(Managed::Plain);
    };
    let gateway = Arc::clone(record.gateway());
    let read = admin::read(&gateway, parts, body).await?;
    match begin(record, &key, tenant, parts, &read).await? {
        Some(Given::Again(kept)) => Ok(Managed::Again(kept)),
        Some(Given::Call(_) | Given::Document { .. }) | None => Ok(Managed::Once(read)),
    }
}

/// Has something made, and its answer kept where it has a key. Then it is made in a task of its
/// own: neither a caller who goes away nor a store that is late may free the key while what was
/// asked for may still come to be. The task ends with the making, which is as bounded as the store
/// is, and is waited for when the gateway ends.
pub(crate) async fn make(
    record: &mut Record,
    making: impl Future<Output = Result<Given, Failure>> + Send + 'static,
) -> Result<Given, Failure> {
    let Some(recording) = record.replay.take() else {
        return making.await;
    };
    let (gateway, id) = (Arc::clone(record.gateway()), record.facts.id.clone());
    let making = async move {
        match making.await {
            Ok(given) => {
                if let Some(saving) = recording.document(&gateway, &id, &given) {
                    saving.await;
                }
                Ok(given)
            }
            Err(failure) => {
                if StoreError::leaves_unsure(&failure) {
                    let running = recording.running;
                    gateway
                        .tasks
                        .spawn(async move { running.keep_unsure().await });
                }
                Err(failure)
            }
        }
    };
    late::done(&record.gateway().tasks, making).await
}

/// The same, apart for whoever may not see what others of the tenant were answered: a key that is
/// bound to models, and every key that manages, of which one may do less than another.
fn slot_of(record: &Record, key: &Key, tenant: Tenant<'_>, parts: &Parts) -> [u8; 32] {
    let slot = slot(key, tenant, parts);
    let holder = record.facts.key.as_ref().filter(|holder| match tenant {
        Tenant::Team(_) => holder.models != ModelScope::all(),
        Tenant::User(_) => true,
        Tenant::Deployment => false,
    });
    holder.map_or(slot, |holder| {
        let id = holder.id.as_str().as_bytes();
        hash(&[b"tollgate idempotency slot of one key v1", id, &slot])
    })
}

/// Whose request it is, where it goes, and its key.
fn slot(key: &Key, tenant: Tenant<'_>, parts: &Parts) -> [u8; 32] {
    let (kind, id) = match tenant {
        Tenant::Team(id) => ("team", id),
        Tenant::User(id) => ("user", id),
        Tenant::Deployment => ("deployment", ""),
    };
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    hash(&[
        b"tollgate idempotency slot v1",
        kind.as_bytes(),
        id.as_bytes(),
        method.as_bytes(),
        path.as_bytes(),
        &key.0,
    ])
}

/// What must be the same when a request comes again.
fn fingerprint(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    // A key of the gateway may stand there: another one of the same team is as good.
    let query = Query::new(parts.uri.query()).without("key");
    hash(&[
        b"tollgate idempotency fingerprint v1",
        method.as_bytes(),
        path.as_bytes(),
        query.as_bytes(),
        body,
    ])
}

/// The hash of several texts, each with its length so that none runs into the next.
fn hash(texts: &[&[u8]]) -> [u8; 32] {
    let mut state = Sha256::new();
    for text in texts {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        state.update(length.to_be_bytes());
        state.update(text);
    }
    state.finalize().into()
}

/// An answer that is recorded on its way to the caller.
#[derive(Debug)]
pub(crate) struct Recording {
    running: Running,
    head: Vec<u8>,
    /// Whether all of the body is there: from then on it is kept even if the caller goes.
    is_complete: bool,
}

/// Resolves when an answer is durable, or when the deployment's patience is over.
pub(crate) type Saving = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Recording {
    /// Notes a part of the body.
    pub(crate) fn record(&mut self, part: &[u8]) {
        self.running.record(part);
    }

    /// Notes another body in place of all that was noted.
    pub(crate) fn replace(&mut self, body: &[u8]) {
        self.running.replace(body);
    }

    /// All of the body is there.
    pub(crate) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Whether all of the body is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Begins to keep a document of ours.
    fn document(mut self, gateway: &Gateway, id: &RequestId, given: &Given) -> Option<Saving> {
        let Given::Document {
            status,
            content_type,
            body,
        } = given
        else {
            return None;
        };
        let id = id.as_str();
        self.head = format!("{status}\n{id}\ncontent-type:{content_type}").into();
        self.record(body);
        Some(self.keep(gateway))
    }

    /// Makes the answer durable. It was paid for, so it is not withheld if that takes too long:
    /// writing goes on behind it, also when the caller has gone, and whoever asks again until
    /// then is told to wait.
    pub(crate) fn keep(self, gateway: &Gateway) -> Saving {
        let patience = gateway.engine.ledger.settings().patience;
        let Self { running, head, .. } = self;
        let keeping = gateway
            .tasks
            .spawn(async move { running.keep(&head).await });
        Box::pin(async move {
            // Running out of time, or a panic there, is told by who writes.
            _ = timeout(patience, keeping).await;
        })
    }
}

/// Begins to keep a whole answer, or notes the head of a stream, if it is to be given again.
pub(crate) fn keep(response: &mut Response<Outgoing>) -> Option<Saving> {
    let record = response.body_mut().record()?;
    let mut recording = record.replay.take()?;
    let gateway = Arc::clone(record.gateway());
    recording.head = head(response.status(), response.headers());
    match response.body_mut() {
        Outgoing::Whole(body) | Outgoing::Recorded(body, _) => {
            if !recording.is_complete {
                recording.record(body);
            }
            Some((*recording).keep(&gateway))
        }
        Outgoing::Events(events) => {
            if let Some(record) = events.record() {
                record.replay = Some(recording);
            }
            None
        }
        // Its head has gone.
        Outgoing::Led(_) => None,
    }
}

/// The status, the id of the request, and the headers that belong to the answer and not to the
/// moment: one on each line.
fn head(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut head = status.as_str().as_bytes().to_vec();
    head.push(b'\n');
    if let Some(id) = headers.get(&REQUEST_ID) {
        head.extend_from_slice(id.as_bytes());
    }
    for (name, value) in headers.iter().filter(|(name, _)| is_kept(name)) {
        head.push(b'\n');
        head.extend_from_slice(name.as_str().as_bytes());
        head.push(b':');
        head.extend_from_slice(value.as_bytes());
    }
    head
}

fn is_kept(name: &HeaderName) -> bool {
    let is_of_answer = *name == CONTENT_TYPE
        || *name == CACHE_CONTROL
        || name.as_str() == "x-accel-buffering"
        || name.as_str().starts_with("x-tollgate-");
    // Whoever gets it again is told of the request whose answer it is, and not of the one whose
    // answer that one got from the cache.
    is_of_answer && *name != ORIGINAL
}

/// Gives an answer again.
pub(crate) fn respond(mut record: Record, kept: Kept) -> Response<Outgoing> {
    let id = record.facts.id.clone();
    let mut lines = kept.head.split(|byte| *byte == b'\n');
    let status = lines.next().map(StatusCode::from_bytes);
    let status = status.and_then(Result::ok).unwrap_or(StatusCode::OK);
    let mut head = Head::with_room(16);
    let headers = &mut head.headers;
    answer::identify(headers, &id);
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    let original = lines.next().filter(|original| !original.is_empty());
    if let Some(Ok(original)) = original.map(HeaderValue::from_bytes) {
        headers.insert(ORIGINAL, original);
    }
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().map(HeaderName::from_bytes);
        let value = parts.next().map(HeaderValue::from_bytes);
        if let (Some(Ok(name)), Some(Ok(value))) = (name, value) {
            headers.append(name, value);
        }
    }
    let of_key = record.facts.key.as_ref().and_then(|key| key.error_dialect);
    let of_deployment = record.gateway().settings().dialect;
    answer::tell_limits(&mut head, &record, || of_key.unwrap_or(of_deployment));
    record.facts.status = status.as_u16();
    let mut response = Response::new(outgoing(kept.body, record));
    *response.status_mut() = status;
    *response.headers_mut() = head.headers;
    response
}

fn outgoing(body: Bytes, record: Record) -> Outgoing {
    if body.is_empty() {
        // Nobody would take the bytes that end the record.
        record.finish();
        return Outgoing::Whole(body);
    }
    Outgoing::Recorded(body, Some(Box::new(record)))
}

#[cfg(test)]
mod tests;
