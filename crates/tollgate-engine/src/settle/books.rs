//! Looks at the ledger as a whole: what is durable, what is on its way, and what memory holds.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::MutexGuard;
use tollgate_core::ledger::{Entry, EntryId, Kind, PageHead, WalletId};

use super::Ledger;
use super::posted::Posted;
use crate::wallet::Wallet;

/// While this is held, no page enters the books.
pub(crate) struct Books<'a> {
    ledger: &'a Ledger,
    posted: MutexGuard<'a, Posted>,
}

/// A wallet that does not hold in memory what its entries come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drift {
    pub(crate) wallet: Arc<WalletId>,
    /// What the entries come to, those on their way included.
    pub(crate) entries: i128,
    /// What memory holds.
    pub(crate) memory: u64,
}

impl Ledger {
    /// Holds the books.
    pub(crate) async fn books(&self) -> Books<'_> {
        Books {
            ledger: self,
            posted: self.posted.lock().await,
        }
    }

    /// Whether an entry that was posted is not durable yet.
    pub(crate) fn is_on_its_way(&self, id: EntryId) -> bool {
        let queue = self.lock();
        let flying = queue.flying.iter().flat_map(|entries| entries.iter());
        flying.chain(&queue.entries).any(|entry| entry.id == id)
    }

    /// Whether entries of a wallet were posted that are not durable yet.
    pub(crate) fn moves(&self, wallet: &WalletId) -> bool {
        let queue = self.lock();
        let flying = queue.flying.iter().flat_map(|entries| entries.iter());
        let mut all = flying.chain(&queue.entries);
        all.any(|entry| entry.wallet.as_deref() == Some(wallet))
    }
}

impl Books<'_> {
    /// The last page that is in the books.
    pub(crate) fn head(&self) -> PageHead {
        self.posted.head
    }

    /// What the durable entries of a wallet come to.
    pub(crate) fn balance(&self, wallet: &WalletId) -> i64 {
        self.posted.balance_of(wallet).unwrap_or_default()
    }

    /// The refunds of a settlement that are not durable yet, with what they give back.
    pub(crate) fn refunds_on_their_way(&self, of: EntryId) -> Vec<(EntryId, u64)> {
        let queue = self.ledger.lock();
        let flying = queue.flying.iter().flat_map(|entries| entries.iter());
        let refunds = flying
            .chain(&queue.entries)
            .filter_map(|entry| match &entry.kind {
                Kind::Refund {
                    movement,
                    of: refunded,
                } if *refunded == of => Some((entry.id, movement.amount)),
                _ => None,
            });
        refunds.collect()
    }

    /// Those of some wallets that hold in memory something else than their entries come to.
    /// Wallets of nobody who is known hold nothing in memory.
    pub(crate) fn drifts(&self, wallets: &[Arc<WalletId>]) -> Vec<Drift> {
        let queue = self.ledger.lock();
        let flying = queue.flying.iter().flat_map(|entries| entries.iter());
        let mut coming: HashMap<&WalletId, i128> = HashMap::new();
        for entry in flying.chain(&queue.entries) {
            if let Some(wallet) = &entry.wallet {
                *coming.entry(wallet).or_default() += Entry::effect(entry);
            }
        }
        let drift = |wallet: &Arc<WalletId>| {
            let reading = self.ledger.tenants.with_wallet(wallet, Wallet::read)?;
            let coming = coming.get(&**wallet).copied().unwrap_or_default();
            let entries = i128::from(self.balance(wallet)) + coming;
            (entries != i128::from(reading.balance)).then(|| Drift {
                wallet: Arc::clone(wallet),
                entries,
                memory: reading.balance,
            })
        };
        wallets.iter().filter_map(drift).collect()
    }
}
