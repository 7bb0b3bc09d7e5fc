//! What an order came to.

use tollgate_core::ledger::{Entry, EntryId, Kind, WalletId};
use tollgate_core::time::Timestamp;

use crate::port::Transaction;

/// An entry that an order made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Names the entry.
    pub id: EntryId,
    /// When it was made.
    pub at: Timestamp,
    /// Whose balance it changed.
    pub wallet: WalletId,
    /// The word for its kind: `top_up`, `adjustment`, `refund`, `hold`, `release` or `spend`.
    pub kind: Box<str>,
    /// What it did to the balance, in the smallest unit; below zero if it went out.
    pub amount: i64,
    /// What whoever asked for it calls it.
    pub reference: Option<Box<str>>,
    /// The entry to which it belongs: the hold of a release or of a spend, the settlement of a
    /// refund.
    pub of: Option<EntryId>,
    /// Why, for people.
    pub reason: Box<str>,
}

impl Receipt {
    /// What an entry comes to; `None` for those that no order makes.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let movement = entry.movement()?;
        Some(Self {
            id: entry.id,
            at: entry.at,
            wallet: entry.wallet.as_deref()?.clone(),
            kind: entry.kind.as_str().into(),
            amount: i64::try_from(entry.effect()).ok()?,
            reference: movement.reference.clone(),
            of: match &entry.kind {
                Kind::Refund { of, .. } | Kind::Release { of, .. } | Kind::Spend { of, .. } => {
                    Some(*of)
                }
                Kind::TopUp(_)
                | Kind::Adjustment { .. }
                | Kind::Hold(_)
                | Kind::Settlement(_)
                | Kind::Loss(_) => None,
            },
            reason: movement.reason.clone(),
        })
    }
}

impl From<Transaction> for Receipt {
    fn from(row: Transaction) -> Self {
        Self {
            id: row.id,
            at: row.at,
            wallet: row.wallet,
            kind: row.kind,
            amount: row.amount,
            reference: row.reference,
            of: row.of,
            reason: row.reason,
        }
    }
}
