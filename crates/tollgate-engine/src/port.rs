//! The traits through which the engine meets the outside.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Instant;
use tollgate_core::call::Call;
use tollgate_core::error::{Failure, StreamMark};
use tollgate_core::id::KeyId;
use tollgate_core::key::VirtualKey;
use tollgate_core::model::{Target, Timeouts, Unsupported};
use tollgate_core::reply::{Answer, Piece};
use tollgate_core::time::Timestamp;

/// A future behind a pointer, so that the ports are object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream of parts of an answer. After an error, or after a part that is `last`, nothing
/// follows. Dropping it cancels the exchange with the provider at once.
pub type Pieces = Pin<Box<dyn PieceStream>>;

/// Such a stream, with what has to be known of it to end it from outside.
pub trait PieceStream: Stream<Item = Result<Piece, Failure>> + Send {
    /// Where it stands, behind the parts that were taken, for formats whose last event has to say
    /// so.
    fn mark(&self) -> Option<StreamMark>;
}

/// One try of a call at one target.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What the caller asked for.
    pub call: &'a Call,
    /// Who is asked.
    pub target: &'a Target,
    /// Bounds on the parts of the exchange.
    pub timeouts: &'a Timeouts,
    /// When the whole request must be over.
    pub deadline: Instant,
    /// The id of the request, for the log and for ids that a provider leaves out.
    pub request_id: &'a str,
    /// What becomes of parts of the call that the target cannot be told.
    pub unsupported: Unsupported,
}

/// What a provider sent.
pub enum Reply {
    /// A whole answer.
    Answer(Answer),
    /// A stream whose first part with content is there already.
    Stream(Pieces),
}

/// A reply, and who says so.
pub struct Delivery {
    /// The answer or stream.
    pub reply: Reply,
    /// The provider's request id, if it sent a well-formed one.
    pub provider_request_id: Option<Box<str>>,
    /// Parts of the call that the target could not be told, by their paths, where the caller is
    /// to be told of them.
    pub lost: Vec<String>,
    /// Whether the answer is an estimate of ours: no provider was asked.
    pub estimated: bool,
}

/// Sends calls to providers.
pub trait Upstream: Send + Sync {
    /// Makes one attempt. For a stream it resolves when the first part with content has come, so
    /// that everything before can still become a proper status.
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<Delivery, Failure>>;
}

/// The store failed; the cause is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(#[from] pub Box<dyn Error + Send + Sync>);

/// A key as the store keeps it.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The key.
    pub key: VirtualKey,
    /// When it was last used, as far as that has been written.
    pub last_used_at: Option<Timestamp>,
}

/// Keeps what must survive the process. Never asked on the path of a request.
pub trait Store: Send + Sync {
    /// Every key, revoked ones included.
    fn keys(&self) -> BoxFuture<'_, Result<Vec<StoredKey>, StoreError>>;
    /// Keeps a new key.
    fn insert_key<'a>(&'a self, key: &'a VirtualKey) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Overwrites the key of this id (hash, shown parts, scope, expiry, revocation, name).
    fn update_key<'a>(&'a self, key: &'a VirtualKey) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Notes when keys were last used, in one write.
    fn note_uses<'a>(
        &'a self,
        uses: &'a [(KeyId, Timestamp)],
    ) -> BoxFuture<'a, Result<(), StoreError>>;
    /// A setting of the deployment, such as the hash of the admin key.
    fn setting<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>>;
    /// Writes a setting of the deployment.
    fn set_setting<'a>(
        &'a self,
        name: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Whether the store answers, for readiness.
    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Tells the time, and waits.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// Resolves when the duration is over.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}
