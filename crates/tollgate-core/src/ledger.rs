//! The ledger: what was paid in, and what every call cost. Entries are only ever added; every
//! balance follows from them.
//!
//! Entries are kept in pages: what was made durable together is one page, one write. Pages are
//! numbered without a gap, and each carries a hash over its content and the hash of the one
//! before, so that a page that is lost or changed is found.

mod page;
pub mod reserved;
mod verify;

use std::fmt;
use std::sync::Arc;

use crate::id::{KeyId, OrgId, TeamId, UserId};
use crate::money::Unit;
use crate::reply::Usage;
use crate::time::Timestamp;

pub use page::{LONGEST_TEXT, Page, PageError, PageHead};
pub use verify::{
    Balance, Finding, MOST_FINDINGS, QUARTER_MS, Reference, Report, Sum, Use, Verifier, Wants,
};

/// Names an entry: unique for ever, and the same however often the entry is tried to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(u128);

impl EntryId {
    /// The number `count` of those that a process makes; `boot` is its own and nobody else's.
    pub const fn new(boot: u64, count: u64) -> Self {
        Self(((boot as u128) << 64) | count as u128)
    }

    /// Takes an id as it was stored.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The id as it is stored.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text
            .strip_prefix("le_")
            .filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(Self)
    }
}

/// `le_` and 32 hexadecimal digits.
impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "le_{:032x}", self.0)
    }
}

/// Whose wallet it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A team's own.
    Team(TeamId),
    /// That of an organization, which pays for its teams without a wallet of their own.
    Organization(OrgId),
}

/// Names a wallet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalletId {
    /// Whose it is.
    pub holder: Holder,
    /// What it counts in.
    pub unit: Unit,
}

impl WalletId {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (id, unit) = rest.rsplit_once(':')?;
        let holder = match kind {
            "team" => Holder::Team(TeamId::from_stored(id)),
            "organization" => Holder::Organization(OrgId::from_stored(id)),
            _ => return None,
        };
        let unit = Unit::from_name(unit)?;
        (!id.is_empty()).then_some(Self { holder, unit })
    }
}

/// `team:ID:usd` or `organization:ID:credits`.
impl fmt::Display for WalletId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit.as_str();
        match &self.holder {
            Holder::Team(id) => write!(formatter, "team:{id}:{unit}"),
            Holder::Organization(id) => write!(formatter, "organization:{id}:{unit}"),
        }
    }
}

/// One entry. Amounts are in the smallest unit of the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Names it.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// Whose balance it changes; `None` for what a team spends that has no credits: it is counted
    /// and nobody pays.
    pub wallet: Option<Arc<WalletId>>,
    /// What happened.
    pub kind: Kind,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Credits were added.
    TopUp(Movement),
    /// A balance was set right: added to, or taken from if `taken`.
    Adjustment {
        /// How much and why.
        movement: Movement,
        /// Whether it went out of the wallet.
        taken: bool,
    },
    /// What a settlement had taken was given back.
    Refund {
        /// How much and why.
        movement: Movement,
        /// The settlement.
        of: EntryId,
    },
    /// Credits were set aside for longer than one call, for a job say. They no longer belong to
    /// the balance.
    Hold(Movement),
    /// What was set aside went back.
    Release {
        /// How much and why.
        movement: Movement,
        /// The hold.
        of: EntryId,
    },
    /// What was set aside was spent: `amount` of it; the rest went back.
    Spend {
        /// How much and why.
        movement: Movement,
        /// The hold.
        of: EntryId,
        /// How much had been set aside.
        held: u64,
    },
    /// A call was paid for.
    Settlement(Box<Settlement>),
    /// A provider charged for an attempt for which no caller pays. It changes no balance.
    Loss(Box<Settlement>),
}

/// An amount, and why it moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// How much.
    pub amount: u64,
    /// What whoever asked for it calls it: an order with the same reference for the same wallet is
    /// the same order.
    pub reference: Option<Box<str>>,
    /// Why, for people.
    pub reason: Box<str>,
}

/// What a call cost and who paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The most that it could have cost, which had been held, in nano-USD.
    pub held: u64,
    /// What was taken from the wallet, in nano-USD.
    pub charged: u64,
    /// What it cost beyond that, because the wallet did not hold more, in nano-USD.
    pub shortfall: u64,
    /// Who asked.
    pub payer: Payer,
    /// The public name of the model whose price was taken.
    pub model: Arc<str>,
    /// Who served it.
    pub connection: Arc<str>,
    /// Which price was taken.
    pub price_version: Arc<str>,
    /// The tokens that were charged.
    pub usage: Usage,
    /// What has to be known of how the figures came about.
    pub flags: Flags,
    /// The id of the request.
    pub request_id: Box<str>,
}

/// Who asked, at every level that has budgets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payer {
    /// The key.
    pub key: KeyId,
    /// The user to whom it belongs.
    pub user: Option<UserId>,
    /// Its team.
    pub team: TeamId,
    /// The organization of the team.
    pub organization: OrgId,
}

/// What has to be known of how the figures of a settlement came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u16);

impl Flags {
    /// Nothing in particular: the provider said what was used, and it made sense.
    pub const NONE: Self = Self(0);
    /// The tokens were counted here, because the provider did not say.
    pub const ESTIMATED: Self = Self(1);
    /// What the provider said was impossible, and was brought within bounds.
    pub const BOUNDED: Self = Self(1 << 1);
    /// The answer did not reach its end.
    pub const PARTIAL: Self = Self(1 << 2);
    /// The wallet did not hold what it cost.
    pub const SHORT: Self = Self(1 << 3);
    /// The price is a default for models without one.
    pub const UNPRICED: Self = Self(1 << 4);
    /// The answer was withheld, because this could not be written in time; nothing was taken.
    pub const WITHHELD: Self = Self(1 << 5);
    /// Another model answered than the one that was asked for.
    pub const FALLBACK: Self = Self(1 << 6);
    /// No provider was asked: the answer was kept, and costs its share of the price.
    pub const CACHED: Self = Self(1 << 7);

    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::ESTIMATED, "estimated"),
        (Self::BOUNDED, "bounded"),
        (Self::PARTIAL, "partial"),
        (Self::SHORT, "short"),
        (Self::UNPRICED, "unpriced"),
        (Self::WITHHELD, "withheld"),
        (Self::FALLBACK, "fallback"),
        (Self::CACHED, "cached"),
    ];

    /// Takes flags as they were stored; those that are not known stay.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The flags as they are stored.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The words for those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let known = Self::NAMES.iter();
        known
            .filter(move |(flag, _)| self.has(*flag))
            .map(|(_, name)| *name)
    }
}

impl Entry {
    /// What it does to the balance of its wallet, in the smallest unit.
    pub fn effect(&self) -> i128 {
        let amount = |movement: &Movement| i128::from(movement.amount);
        match &self.kind {
            Kind::TopUp(movement)
            | Kind::Refund { movement, .. }
            | Kind::Release { movement, .. } => amount(movement),
            Kind::Adjustment { movement, taken } => {
                if *taken {
                    -amount(movement)
                } else {
                    amount(movement)
                }
            }
            Kind::Hold(movement) => -amount(movement),
            Kind::Spend { movement, held, .. } => i128::from(*held) - amount(movement),
            Kind::Settlement(settlement) => -i128::from(settlement.charged),
            Kind::Loss(_) => 0,
        }
    }

    /// The movement, for entries that are not made by calls.
    pub fn movement(&self) -> Option<&Movement> {
        match &self.kind {
            Kind::TopUp(movement)
            | Kind::Hold(movement)
            | Kind::Adjustment { movement, .. }
            | Kind::Refund { movement, .. }
            | Kind::Release { movement, .. }
            | Kind::Spend { movement, .. } => Some(movement),
            Kind::Settlement(_) | Kind::Loss(_) => None,
        }
    }
}

impl Kind {
    /// The word for the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::TopUp(_) => "top_up",
            Self::Adjustment { .. } => "adjustment",
            Self::Refund { .. } => "refund",
            Self::Hold(_) => "hold",
            Self::Release { .. } => "release",
            Self::Spend { .. } => "spend",
            Self::Settlement(_) => "settlement",
            Self::Loss(_) => "loss",
        }
    }
}
