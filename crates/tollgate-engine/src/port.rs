//! The traits through which the engine meets the outside.

mod empty;
mod jobs;
mod keeper;
mod store;
mod vault;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Instant;
use tollgate_core::budget::{Period, Window};
use tollgate_core::call::Call;
use tollgate_core::error::{Failure, StreamMark};
use tollgate_core::model::{Target, Timeouts, Unsupported};
use tollgate_core::reply::{Answer, Piece};
use tollgate_core::route::condition::Abilities;
use tollgate_core::time::Timestamp;

pub use self::empty::EmptyStore;
pub use self::jobs::{JobBy, JobEnd, JobQuery, JobStore, JobSum};
pub use self::keeper::{ConnectionKeeper, Decide, KeptConnection, NewConnection, Offering};
pub use self::store::{
    Appended, AuditQuery, Beside, Change, Checkpoint, ConnectionFacts, LedgerStore, LogStore,
    ReplayStore, Sealed, Store, StoreError, Stored, StoredConnection, StoredKey, StoredReplay,
    StoredSegment, TenantStore, Transaction, UsageBy, UsageQuery, UsageRow,
};
pub use self::vault::{Vault, VaultError};
use crate::trail::Later;

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
    /// What happened since the stream began, where it was to be continued elsewhere. Gives up what
    /// is under way: it is for whoever leaves the stream.
    fn later(self: Pin<&mut Self>) -> Later {
        Later::default()
    }
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
    /// Until when a stream must have begun, for the caller's sake; not later than `deadline`.
    pub begin_by: Instant,
    /// The id of the request, for the log and for ids that a provider leaves out.
    pub request_id: &'a str,
    /// What becomes of parts of the call that the target cannot be told.
    pub unsupported: Unsupported,
    /// For a request that may be sent again after a provider may have worked on it: what all of
    /// its attempts have in common and no other request has, so that the provider can see that it
    /// is the same. The id of the request may be the caller's, who may use it twice.
    pub repetition: Option<u64>,
    /// Whether it is sent without any state that a provider handed out: the target has refused what
    /// is in it.
    pub bare: bool,
}

/// What has to be read from the body of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// What a model must be able to do for it.
    pub needs: bool,
    /// About how many tokens its prompt has.
    pub tokens: bool,
    /// The user whom it names.
    pub user: bool,
    /// What it shares with the other requests of its conversation.
    pub conversation: bool,
}

/// What was read from the body of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Insight {
    /// What a model must be able to do for it.
    pub needs: Abilities,
    /// About how many tokens its prompt has: an estimate by length, pictures by their usual cost.
    pub prompt_tokens: Option<u64>,
    /// The user whom it names (`user`, `safety_identifier`, `metadata.user_id`).
    pub user: Option<Box<str>>,
    /// A hash of its instructions and its first message of a user, or of the cache key that it
    /// names: the same in every request of a conversation.
    pub conversation: Option<u64>,
}

/// Watches a stream on its way to the caller, so that another target can go on where it breaks.
pub trait Continuation: Send {
    /// Notes a part that goes to the caller.
    fn watch(&mut self, piece: &Piece);
    /// The call that asks for the rest: the one that was made, with what was said so far as the
    /// beginning of the assistant's answer. `None` where going on would not be safe: tool calls
    /// or signatures have begun, several answers were asked for, or nothing was said yet.
    fn call(&self) -> Option<Call>;
    /// From now on parts of another stream come: makes them go on where the first one broke, and
    /// marks the place. `model` is the public name of the model that goes on.
    fn switch(&mut self, model: &str);
    /// A part of the second stream, as it is to reach the caller. Usage becomes that of both.
    fn splice(&mut self, piece: Piece) -> Piece;
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
    /// Whether the target of an attempt refused it because of state in it that another provider made,
    /// so that it may take the call without.
    fn may_take_bare(&self, attempt: &Attempt<'_>, failure: &Failure) -> bool {
        _ = (attempt, failure);
        false
    }
    /// Reads from the body of a call what the choice of a target depends on. Only what is wanted
    /// is looked for. Never fails: what cannot be read is not there.
    fn read(&self, call: &Call, want: Want) -> Insight;
    /// Asks a connection a cheap question: for the list of its models, or one token of `model`.
    fn check<'a>(
        &'a self,
        connection: &'a str,
        model: Option<&'a str>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// Where a connection is, as operators may see it: without credentials or query. `None` where
    /// there is nothing to show.
    fn endpoint(&self, connection: &str) -> Option<String> {
        _ = connection;
        None
    }
    /// Begins to watch the stream of a call; `None` where its format has no way to go on.
    fn continuation(&self, call: &Call) -> Option<Box<dyn Continuation>>;
}

/// Tells the time, and waits.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// The period that contains a time, by the calendar of a time zone (IANA). A name that is not
    /// known counts as UTC; [`Self::is_zone`] says so beforehand.
    fn window(&self, period: Period, zone: &str, at: Timestamp) -> Window;
    /// Whether there is a time zone of this name.
    fn is_zone(&self, name: &str) -> bool;
    /// Resolves when the duration is over.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}
