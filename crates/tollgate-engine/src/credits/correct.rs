//! Credits that come and go together with other changes of an operator: one transaction of the
//! store holds them all.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tollgate_core::error::{Code, Failure};
use tollgate_core::ledger::reserved::USED;
use tollgate_core::ledger::{Entry, Kind, Movement, WalletId};
use tollgate_core::money::{LARGEST, Unit};

use super::{Credits, Note, audit, not_read, too_little, too_much};
use crate::fault;
use crate::port::StoreError;
use crate::settle::{Along, Posting};
use crate::wallet::Wallet;

/// How often is looked whether a wallet has come to rest.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often a reading is begun anew because its wallet changed.
const TRIES: u32 = 20;

/// What a wallet of job credits is to say from now on; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Correction {
    /// How much was given to it in all.
    pub given: Option<u64>,
    /// How much of that was used.
    pub used: Option<u64>,
}

impl Credits {
    /// The entries by which a wallet comes to say what it is to say: those that add first.
    pub(crate) async fn corrections(
        &self,
        wallet: &WalletId,
        wanted: Correction,
    ) -> Result<Vec<Kind>, Failure> {
        let (given, used) = self.standing(wallet).await?;
        if wanted.used.map_or(used, signed) > wanted.given.map_or(given, signed) {
            return Err(Failure::client(Code::InvalidRequest)
                .message("More credits cannot have been used than were allocated."));
        }
        let mut kinds = Vec::new();
        if let Some(wanted) = wanted.given {
            let reason = format!("Allocation set to {wanted} credits");
            kinds.extend(adjustment(
                signed(wanted).saturating_sub(given),
                None,
                reason,
            ));
        }
        if let Some(wanted) = wanted.used {
            let reason = format!("Use set to {wanted} credits");
            let reference = format!("{USED}{}", self.ledger.next_id());
            let difference = used.saturating_sub(signed(wanted));
            kinds.extend(adjustment(difference, Some(reference), reason));
        }
        kinds.sort_by_key(|kind| matches!(kind, Kind::Adjustment { taken: true, .. }));
        Ok(kinds)
    }

    /// What was given to a wallet in all and how much of it was used. What is on its way counts:
    /// an order that was told as a failure may be among it.
    async fn standing(&self, wallet: &WalletId) -> Result<(i64, i64), Failure> {
        self.at_rest(wallet).await?;
        let store = self.ledger.store();
        for _ in 0..TRIES {
            let before = store.moved(wallet).await.map_err(not_read)?;
            let given = store.given(wallet).await.map_err(not_read)?;
            if store.moved(wallet).await.map_err(not_read)? == before {
                return Ok((given, given.saturating_sub(before)));
            }
        }
        Err(super::changes_meanwhile())
    }

    /// Waits until the store has everything that moved a wallet.
    async fn at_rest(&self, wallet: &WalletId) -> Result<(), Failure> {
        let clock = self.ledger.clock();
        let resting = async {
            while self.ledger.moves(wallet) {
                clock.sleep(LOOK_EVERY).await;
            }
        };
        let patience = self.ledger.settings().patience;
        timeout(patience, resting).await.map_err(|_| {
            Failure::gateway(Code::DatabaseError).message(
                "Other orders of this wallet are being written, so nothing was done. Try again in \
                 a few seconds.",
            )
        })
    }

    /// Makes entries of a wallet that stand or fall together, and with what goes along.
    pub(crate) async fn post_along(
        &self,
        wallet: &WalletId,
        kinds: Vec<Kind>,
        (note, along): (&Note, Along),
    ) -> Result<(), Failure> {
        self.can_write()?;
        let id = self.with_wallet(wallet, |wallet| Arc::clone(wallet.id()))?;
        let entries = kinds.into_iter().map(|kind| Entry {
            id: self.ledger.next_id(),
            at: self.ledger.now(),
            wallet: Some(Arc::clone(&id)),
            kind,
        });
        let entries: Vec<Entry> = entries.collect();
        let Some(last) = entries.last().map(|entry| entry.id) else {
            return Err(super::no_wallet());
        };
        let sum = entries.iter().map(Entry::effect).sum();
        let organization = self.organization_of(wallet);
        let mut along = Some(along);
        let postings = entries.into_iter().map(|entry| {
            let mut along = along.take().unwrap_or_default();
            let row = audit::row(&entry, note, organization.as_deref());
            along.audit.extend(row);
            Posting {
                entry,
                along: Some(Box::new(along)),
                undo: None,
            }
        });
        let postings = postings.collect();
        let ticket = self.with_wallet(wallet, |wallet| {
            self.ledger.post_all(|| {
                apply(wallet, sum)?;
                Ok(postings)
            })
        })??;
        fault::point("credit.posted");
        let mut ticket = ticket.ok_or_else(super::no_wallet)?;
        let durable = self.durable(last, &mut ticket, note).await;
        // No reference leads to them: who asks again would have them made again.
        durable.map_err(|failure| {
            failure.because(StoreError::unsure("the page of the entries is not written"))
        })
    }
}

/// What all the entries do to a wallet in memory. Fails, and does nothing, if it cannot bear it.
fn apply(wallet: &Wallet, sum: i128) -> Result<(), Failure> {
    let unit: Unit = wallet.id().unit;
    let amount = u64::try_from(sum.unsigned_abs()).unwrap_or(u64::MAX);
    if sum < 0 {
        let taken = wallet.take(amount);
        return taken.map_err(|reading| too_little(unit, reading, amount));
    }
    let balance = wallet.read().balance;
    if balance.saturating_add(amount) > LARGEST {
        return Err(too_much(unit, balance));
    }
    wallet.add(amount);
    Ok(())
}

fn adjustment(difference: i64, reference: Option<String>, reason: String) -> Option<Kind> {
    (difference != 0).then(|| Kind::Adjustment {
        movement: Movement {
            amount: difference.unsigned_abs(),
            reference: reference.map(Into::into),
            reason: reason.into(),
        },
        taken: difference < 0,
    })
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
