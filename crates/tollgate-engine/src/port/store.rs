//! What must survive the process. Never asked on the path of a request, but for the last byte of
//! an answer that waits until its settlement is durable, and for requests with an idempotency key.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_core::audit::AuditRow;
use tollgate_core::error::Failure;
use tollgate_core::id::KeyId;
use tollgate_core::key::VirtualKey;
use tollgate_core::ledger::{EntryId, Page, PageHead, WalletId, reserved};
use tollgate_core::limit::Level;
use tollgate_core::offer::{Offer, OfferKind};
use tollgate_core::request_log::Segment;
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;

use super::{BoxFuture, JobStore};

/// The store failed; the cause is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(#[from] pub Box<dyn Error + Send + Sync>);

/// What nobody can say of a write: whether it has happened, or will.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unsure(Box<dyn Error + Send + Sync>);

impl StoreError {
    /// A write that may have happened, or may happen yet.
    pub fn unsure(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(Unsure(cause.into())))
    }

    /// Whether nobody can say if the write has happened. Else it has not, and will not.
    pub fn is_unsure(&self) -> bool {
        self.0.is::<Unsure>()
    }

    /// The same of whatever failed because of it.
    pub fn leaves_unsure(failure: &Failure) -> bool {
        let cause = failure.cause.as_deref();
        let error = cause.and_then(|cause| cause.downcast_ref::<Self>());
        error.is_some_and(Self::is_unsure)
    }
}

/// What the store gives.
pub type Stored<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Keeps what must survive the process.
pub trait Store: TenantStore + LedgerStore + LogStore + ReplayStore + JobStore {
    /// Whether the store answers, for readiness.
    fn ping(&self) -> Stored<'_, ()>;
}

/// A key as the store keeps it.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The key. Shared from the start: there may be a million, and nobody copies them.
    pub key: Arc<VirtualKey>,
    /// When it was last used, as far as that has been written.
    pub last_used_at: Option<Timestamp>,
}

/// An account at a provider that an operator made at run time.
#[derive(Clone, Debug)]
pub struct StoredConnection {
    /// Names it, as connections of the configuration are named.
    pub name: Box<str>,
    /// Whose it is; `None`: everybody's.
    pub organization: Option<Box<str>>,
    /// Everything but its credential, as a JSON object of the words of the configuration.
    pub settings: Box<str>,
    /// Its credential, encrypted; opened by whoever has the master key.
    pub sealed: Option<Sealed>,
    /// What is noted of it.
    pub facts: ConnectionFacts,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is noted of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// For what it stands: of all that stand for the same, one at most is in use.
    pub slot: Option<Box<str>>,
    /// What people call it.
    pub label: Option<Box<str>>,
    /// Who made it, as they said.
    pub made_by: Option<Box<str>>,
    /// Whether it is kept and nobody is sent to it.
    pub is_off: bool,
    /// When it was last changed, if it ever was.
    pub updated_at: Option<Timestamp>,
}

impl ConnectionFacts {
    /// For what the account stands that an alias of a model has of its own.
    pub fn slot_of_alias(alias: &str) -> Box<str> {
        format!("{OF_ALIAS}{alias}").into()
    }

    /// Whether it is the account of an alias. It is there for calls of the alias alone.
    pub fn is_of_alias(&self) -> bool {
        let slot = self.slot.as_deref();
        slot.is_some_and(|slot| slot.starts_with(OF_ALIAS))
    }
}

const OF_ALIAS: &str = "alias:";

/// A secret that is encrypted at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which master key opens it.
    pub key_id: Box<str>,
    /// Nonce and ciphertext.
    pub bytes: Bytes,
}

/// A change that an operator made. All changes of one call of [`TenantStore::change`] happen, or
/// none.
#[derive(Clone, Debug)]
pub enum Change {
    /// Keeps a new key. Its id and hash must be new.
    InsertKey(Arc<VirtualKey>),
    /// Overwrites the key of this id, but for its birth and last use. It must be there.
    UpdateKey(Arc<VirtualKey>),
    /// Keeps an organization, in place of one of the same id.
    PutOrganization(Arc<Organization>),
    /// Keeps a team, in place of one of the same id.
    PutTeam(Arc<Team>),
    /// Forgets a team.
    DeleteTeam(Box<str>),
    /// Keeps a user, in place of one of the same id.
    PutUser(Arc<User>),
    /// Forgets a user.
    DeleteUser(Box<str>),
    /// Keeps a connection, in place of one of the same name.
    PutConnection(Arc<StoredConnection>),
    /// Forgets a connection.
    DeleteConnection(Box<str>),
    /// Keeps an offer, in place of one of the same kind and name.
    PutOffer(Arc<Offer>),
    /// Forgets an offer.
    DeleteOffer {
        /// Its kind.
        kind: OfferKind,
        /// Its name.
        name: Box<str>,
    },
    /// Writes a setting of the deployment.
    SetSetting {
        /// Its name.
        name: Box<str>,
        /// Its value.
        value: Box<str>,
    },
}

/// What rows of the audit log are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only those of this organization.
    pub organization: Option<Box<str>>,
    /// Only those about this kind of object.
    pub object: Option<Box<str>>,
    /// Only those about this one.
    pub object_id: Option<Box<str>>,
    /// Only those at or after this time.
    pub from: Option<Timestamp>,
    /// Only those before this time.
    pub to: Option<Timestamp>,
    /// How many to pass over.
    pub offset: u64,
    /// How many to give.
    pub limit: u32,
}

/// Organizations, teams, users, keys and settings.
pub trait TenantStore: Send + Sync {
    /// Every key, revoked ones included, in the order of their ids.
    fn keys(&self) -> Stored<'_, Vec<StoredKey>>;
    /// Every organization.
    fn organizations(&self) -> Stored<'_, Vec<Organization>>;
    /// Every team.
    fn teams(&self) -> Stored<'_, Vec<Team>>;
    /// Every user.
    fn users(&self) -> Stored<'_, Vec<User>>;
    /// Every connection.
    fn connections(&self) -> Stored<'_, Vec<StoredConnection>>;
    /// Everything that is offered to teams.
    fn offers(&self) -> Stored<'_, Vec<Offer>>;
    /// Makes changes and writes rows of the audit log, all or nothing.
    fn change<'a>(&'a self, changes: &'a [Change], audit: &'a [AuditRow]) -> Stored<'a, ()>;
    /// Notes when keys were last used, in one write. The latest use wins; unknown keys are passed
    /// over.
    fn note_uses<'a>(&'a self, uses: &'a [(KeyId, Timestamp)]) -> Stored<'a, ()>;
    /// A setting of the deployment, such as the hash of the admin key.
    fn setting<'a>(&'a self, name: &'a str) -> Stored<'a, Option<String>>;
    /// Rows of the audit log, the latest first, and how many there are in all.
    fn audit<'a>(&'a self, query: &'a AuditQuery) -> Stored<'a, (Vec<AuditRow>, u64)>;
}

/// An entry that is not made by a call, as the store finds it by its reference or its wallet: it is
/// on its page, and here once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Names the entry.
    pub id: EntryId,
    /// The page that holds it.
    pub page: u64,
    /// When.
    pub at: Timestamp,
    /// Whose balance it changed.
    pub wallet: WalletId,
    /// The word for its kind.
    pub kind: Box<str>,
    /// How much, in the smallest unit; below zero if it went out.
    pub amount: i64,
    /// What whoever asked for it calls it. Unique within a wallet.
    pub reference: Option<Box<str>>,
    /// The entry to which it belongs: the hold of a release or of a spend, the settlement of a
    /// refund.
    pub of: Option<EntryId>,
    /// Why, for people.
    pub reason: Box<str>,
}

impl Transaction {
    /// Whether it is what a job cost beyond what was set aside for it: that was spent, and not
    /// taken away by an operator.
    pub fn is_cost_of_job(&self) -> bool {
        let reference = self.reference.as_deref().unwrap_or_default();
        &*self.kind == "adjustment" && self.amount < 0 && reserved::is_rest(reference)
    }
}

/// What became of a page that was to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is durable now.
    Now,
    /// The very same page was durable already: an earlier try had gone through.
    Before,
    /// There is another page of this number: somebody else writes to this ledger. Nothing was
    /// written.
    Other,
}

/// What was used by one key at one model within a quarter of an hour, in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// When the quarter began: a multiple of 900,000 ms.
    pub quarter: Timestamp,
    /// Who used it.
    pub organization: Box<str>,
    /// See above.
    pub team: Box<str>,
    /// See above; empty for keys without a user.
    pub user: Box<str>,
    /// See above.
    pub key: Box<str>,
    /// The model whose price was taken.
    pub model: Box<str>,
    /// How many calls were settled.
    pub calls: u64,
    /// Tokens of prompts.
    pub prompt: u64,
    /// Tokens of answers.
    pub completion: u64,
    /// What they cost in nano-USD, whether somebody paid or not: charged and shortfall.
    pub cost: u64,
}

/// Where everything that follows from the entries stood after a page.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// Where the checkpoint before stood. The store takes a new one only behind that one; if it
    /// holds this very one already, an earlier try had gone through, and nothing is added again.
    pub before: PageHead,
    /// The last page that is contained.
    pub head: PageHead,
    /// The balances that have changed since the checkpoint before, or all of them when read.
    pub balances: Vec<(WalletId, i64)>,
    /// What was used since the checkpoint before: added to what is there. Empty when read.
    pub usage: Vec<UsageRow>,
}

/// What rows of usage are wanted, added up by what.
#[derive(Clone, Debug, Default)]
pub struct UsageQuery {
    /// Only that of this level and id.
    pub of: Option<(Level, Box<str>)>,
    /// Only that of this model.
    pub model: Option<Box<str>>,
    /// Only quarters that begin at or after this time.
    pub from: Option<Timestamp>,
    /// Only quarters that begin before this time.
    pub to: Option<Timestamp>,
    /// Rows that differ in these only: what is not among them is added up and left empty (a
    /// quarter: zero).
    pub by: Vec<UsageBy>,
}

/// By what usage is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// By quarter of an hour.
    Quarter,
    /// By organization.
    Organization,
    /// By team.
    Team,
    /// By user.
    User,
    /// By key.
    Key,
    /// By model.
    Model,
}

/// What becomes durable together with a page: all of it or nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The rows by which entries of the page are found again.
    pub transactions: &'a [Transaction],
    /// What operators change together with an entry of the page.
    pub changes: &'a [Change],
    /// Rows of the audit log.
    pub audit: &'a [AuditRow],
}

impl Beside<'_> {
    /// Whether the page stands alone.
    pub const fn is_empty(&self) -> bool {
        self.transactions.is_empty() && self.changes.is_empty() && self.audit.is_empty()
    }
}

/// Money.
pub trait LedgerStore: Send + Sync {
    /// The last page; the default before the first.
    fn last_page(&self) -> Stored<'_, PageHead>;
    /// Makes a page durable, with what stands beside it, all or nothing. Trying it again after an
    /// error is safe.
    fn append<'a>(&'a self, page: &'a Page, beside: Beside<'a>) -> Stored<'a, Appended>;
    /// Pages behind this number, in their order, at most so many.
    fn pages(&self, after: u64, most: u32) -> Stored<'_, Vec<Page>>;
    /// The transaction of this reference.
    fn transaction<'a>(
        &'a self,
        wallet: &'a WalletId,
        reference: &'a str,
    ) -> Stored<'a, Option<Transaction>>;
    /// The transaction of this entry.
    fn transaction_of(&self, id: EntryId) -> Stored<'_, Option<Transaction>>;
    /// Holds that have neither been released nor spent, the oldest first.
    fn open_holds(&self) -> Stored<'_, Vec<Transaction>>;
    /// Transactions of a wallet, the latest first.
    fn transactions<'a>(
        &'a self,
        wallet: &'a WalletId,
        offset: u64,
        limit: u32,
    ) -> Stored<'a, Vec<Transaction>>;
    /// What came into a wallet by operators in all, less what they took: top-ups, adjustments and
    /// refunds. What only corrects how much was used ([`reserved::USED`]) is not among it, and neither is what
    /// jobs cost ([`Transaction::is_cost_of_job`]).
    fn given<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64>;
    /// The same of every wallet that was ever given anything.
    fn given_to_all(&self) -> Stored<'_, Vec<(WalletId, i64)>>;
    /// What all transactions of a wallet come to: its balance, where no call is charged to it.
    fn moved<'a>(&'a self, wallet: &'a WalletId) -> Stored<'a, i64>;
    /// What those of a wallet come to up to one of them: its balance after that, where no call is
    /// charged to it. `None` if there is no such transaction.
    fn moved_until<'a>(&'a self, wallet: &'a WalletId, last: EntryId) -> Stored<'a, Option<i64>>;
    /// Notes where everything stood after a page, all or nothing. Trying it again after an error
    /// is safe. Fails if neither `before` nor `head` is where the store stands.
    fn write_checkpoint<'a>(&'a self, checkpoint: &'a Checkpoint) -> Stored<'a, ()>;
    /// The last checkpoint, with all balances.
    fn checkpoint(&self) -> Stored<'_, Checkpoint>;
    /// Usage as of the last checkpoint.
    fn usage<'a>(&'a self, query: &'a UsageQuery) -> Stored<'a, Vec<UsageRow>>;
}

/// A segment of the request log as it is stored.
#[derive(Clone, Debug)]
pub struct StoredSegment {
    /// Its number: later ones are higher.
    pub number: u64,
    /// The segment; without its rows where only summaries were asked for.
    pub segment: Segment,
}

/// The request log.
pub trait LogStore: Send + Sync {
    /// Keeps a segment. Gives its number.
    fn append_segment<'a>(&'a self, segment: &'a Segment) -> Stored<'a, u64>;
    /// The summaries of segments behind this number, in their order, at most so many.
    fn segment_summaries(&self, after: u64, most: u32) -> Stored<'_, Vec<StoredSegment>>;
    /// These segments with their rows, in the order of their numbers; those that are gone are left
    /// out.
    fn segments<'a>(&'a self, numbers: &'a [u64]) -> Stored<'a, Vec<StoredSegment>>;
    /// Keeps a segment in place of these, under the number of the last of them, all or nothing.
    /// `false`: one of them is gone, and nothing was changed.
    fn replace_segments<'a>(&'a self, numbers: &'a [u64], segment: &'a Segment)
    -> Stored<'a, bool>;
    /// Forgets segments whose last row came before this time. Gives how many.
    fn forget_segments(&self, before: Timestamp) -> Stored<'_, u64>;
}

/// An answer that is kept to be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReplay {
    /// Whose it is and under which key it was asked for: a hash of both.
    pub slot: [u8; 32],
    /// What was asked: a hash of method, path and body.
    pub fingerprint: [u8; 32],
    /// The answer in a form of its own.
    pub answer: Bytes,
    /// From when on it is forgotten.
    pub expires_at: Timestamp,
}

/// Answers to requests with an idempotency key.
pub trait ReplayStore: Send + Sync {
    /// The answer that is kept here.
    fn replay<'a>(&'a self, slot: &'a [u8; 32]) -> Stored<'a, Option<StoredReplay>>;
    /// Keeps an answer.
    fn put_replay<'a>(&'a self, replay: &'a StoredReplay) -> Stored<'a, ()>;
    /// Forgets those whose time is over. Gives how many.
    fn forget_replays(&self, now: Timestamp) -> Stored<'_, u64>;
}
