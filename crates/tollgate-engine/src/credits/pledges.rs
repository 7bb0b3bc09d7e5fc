//! What is held in memory for orders that will come: these take it out of what is held, so that
//! nobody else can take it in between.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tollgate_core::ledger::{Entry, Kind, WalletId};

use super::Credits;
use crate::wallet::{Reading, Wallet};

type Name = (WalletId, Box<str>);

/// How much is held for the order of a reference.
#[derive(Default)]
pub(super) struct Pledges(Mutex<HashMap<Name, u64>>);

/// What is held for one order, until the order has taken it or this is dropped.
pub(crate) struct Pledge<'a> {
    credits: &'a Credits,
    name: Name,
}

impl Pledges {
    /// Takes what an entry takes out of a wallet, out of what is held for it where there is
    /// something.
    pub(super) fn take(&self, wallet: &Wallet, amount: u64, entry: &Entry) -> Result<(), Reading> {
        let name = name_of(entry);
        let mut pledges = self.lock();
        let held = name.as_ref().and_then(|name| pledges.get(name)).copied();
        wallet.take_held(held.unwrap_or(0), amount)?;
        if let Some(name) = name {
            pledges.remove(&name);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, u64>> {
        // Each change under the lock is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name_of(entry: &Entry) -> Option<Name> {
    let Kind::Adjustment { movement, .. } = &entry.kind else {
        return None;
    };
    let wallet = entry.wallet.as_deref()?;
    Some((wallet.clone(), movement.reference.clone()?))
}

impl Credits {
    /// Keeps what is held in a wallet for the order of a reference that will take from it.
    pub(crate) fn pledge(&self, wallet: &WalletId, reference: &str, held: u64) -> Pledge<'_> {
        let name = (wallet.clone(), reference.into());
        self.pledges.lock().insert(name.clone(), held);
        Pledge {
            credits: self,
            name,
        }
    }
}

impl Pledge<'_> {
    /// How much is held still.
    pub(crate) fn held(&self) -> u64 {
        let pledges = self.credits.pledges.lock();
        pledges.get(&self.name).copied().unwrap_or(0)
    }
}

impl Drop for Pledge<'_> {
    fn drop(&mut self) {
        let held = self.credits.pledges.lock().remove(&self.name);
        if let Some(held) = held {
            let wallet = &self.name.0;
            // Where there is no such wallet nothing was held.
            _ = self.credits.with_wallet(wallet, |it| it.release(held));
        }
    }
}
