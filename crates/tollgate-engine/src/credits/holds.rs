//! What is set aside for longer than a call: each hold ends once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::ledger::{Entry, EntryId, Kind, WalletId};
use tollgate_core::time::Timestamp;

use super::{Credits, not_read};
use crate::settle::Ledger;

/// A hold that has neither been released nor spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHold {
    /// Names its entry.
    pub id: EntryId,
    /// When it was made.
    pub at: Timestamp,
    /// Whose credits are set aside.
    pub wallet: WalletId,
    /// How much, in the smallest unit.
    pub amount: u64,
    /// What whoever asked for it calls it.
    pub reference: Option<Box<str>>,
}

/// The holds that are open, read from the store when the first of them matters.
#[derive(Default)]
pub(super) struct Holds {
    open: OnceCell<Mutex<HashMap<EntryId, OpenHold>>>,
}

impl Holds {
    pub(super) async fn load(
        &self,
        ledger: &Ledger,
    ) -> Result<MutexGuard<'_, HashMap<EntryId, OpenHold>>, Failure> {
        let open = self.open.get_or_try_init(|| read(ledger)).await?;
        Ok(open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn there(&self) -> Option<MutexGuard<'_, HashMap<EntryId, OpenHold>>> {
        let open = self.open.get()?;
        Some(open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes the hold that an entry makes.
    pub(super) fn begin(&self, entry: &Entry) {
        let (Kind::Hold(movement), Some(wallet)) = (&entry.kind, &entry.wallet) else {
            return;
        };
        if let Some(mut open) = self.there() {
            let hold = OpenHold {
                id: entry.id,
                at: entry.at,
                wallet: WalletId::clone(wallet),
                amount: movement.amount,
                reference: movement.reference.clone(),
            };
            open.insert(hold.id, hold);
        }
    }

    /// Forgets the hold that an entry ends. Fails if it has ended before.
    pub(super) fn end(&self, entry: &Entry) -> Result<(), Failure> {
        let (Kind::Release { of, .. } | Kind::Spend { of, .. }) = &entry.kind else {
            return Ok(());
        };
        let ended = self.there().and_then(|mut open| open.remove(of));
        ended.map(drop).ok_or_else(has_ended)
    }
}

async fn read(ledger: &Ledger) -> Result<Mutex<HashMap<EntryId, OpenHold>>, Failure> {
    let rows = ledger.store().open_holds().await.map_err(not_read)?;
    let open = rows.into_iter().map(|row| {
        let hold = OpenHold {
            id: row.id,
            at: row.at,
            wallet: row.wallet,
            amount: row.amount.unsigned_abs(),
            reference: row.reference,
        };
        (hold.id, hold)
    });
    Ok(Mutex::new(open.collect()))
}

impl Credits {
    /// Holds that were made before a time and are still open, the oldest first: for whoever
    /// sweeps away what was forgotten.
    pub async fn open_holds(&self, before: Timestamp) -> Result<Vec<OpenHold>, Failure> {
        let open = self.holds.load(&self.ledger).await?;
        let mut old: Vec<_> = open.values().filter(|it| it.at < before).cloned().collect();
        drop(open);
        old.sort_by_key(|hold| (hold.at, hold.id));
        Ok(old)
    }

    pub(super) async fn open_hold(&self, of: EntryId) -> Result<OpenHold, Failure> {
        let found = self.holds.load(&self.ledger).await?.get(&of).cloned();
        found.ok_or_else(has_ended)
    }

    /// The wallet of a hold, whether it has ended or not.
    pub(crate) async fn wallet_of_hold(&self, of: EntryId) -> Result<WalletId, Failure> {
        Ok(self.any_hold(of).await?.wallet)
    }

    /// How much a hold had set aside, whether it has ended or not.
    pub(super) async fn held_by(&self, of: EntryId) -> Result<u64, Failure> {
        Ok(self.any_hold(of).await?.amount)
    }

    async fn any_hold(&self, of: EntryId) -> Result<OpenHold, Failure> {
        let open = self.holds.load(&self.ledger).await?.get(&of).cloned();
        if let Some(hold) = open {
            return Ok(hold);
        }
        let row = self.ledger.store().transaction_of(of).await;
        let row = row.map_err(not_read)?.filter(|row| &*row.kind == "hold");
        let row = row.ok_or_else(|| {
            Failure::client(Code::ResourceNotFound)
                .message("There is no hold of this id.")
                .detail(detail::RESOURCE, Detail::Text("hold".to_owned()))
        })?;
        Ok(OpenHold {
            id: row.id,
            at: row.at,
            wallet: row.wallet,
            amount: row.amount.unsigned_abs(),
            reference: row.reference,
        })
    }
}

fn has_ended() -> Failure {
    Failure::client(Code::Conflict).message("This hold was released or spent before.")
}
