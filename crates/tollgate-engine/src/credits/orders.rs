//! Orders with the same reference come one after the other, and only the first makes an entry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::timeout;
use tollgate_core::error::{Code, Failure};
use tollgate_core::ledger::{Entry, EntryId, Kind, Movement, WalletId};
use tollgate_core::money::LARGEST;

use super::{Ask, Credits, Note, Receipt, not_read};
use crate::settle::Ticket;
use crate::{fault, late};

type Name = (WalletId, Box<str>);

/// The order of a reference, if it is on its way.
type Slot = tokio::sync::Mutex<Option<Placed>>;

/// An entry that was posted and is not known to be durable.
struct Placed {
    entry: Entry,
    ticket: Ticket,
}

/// The references of orders under way.
#[derive(Default)]
pub(super) struct Orders {
    slots: Mutex<HashMap<Name, Arc<Slot>>>,
}

impl Orders {
    fn slot(&self, name: &Name) -> Arc<Slot> {
        let mut slots = self.lock();
        match slots.get(name) {
            Some(slot) => Arc::clone(slot),
            None => Arc::clone(slots.entry(name.clone()).or_default()),
        }
    }

    fn is_current(&self, name: &Name, slot: &Arc<Slot>) -> bool {
        let slots = self.lock();
        slots
            .get(name)
            .is_some_and(|there| Arc::ptr_eq(there, slot))
    }

    /// Forgets entries that have become durable after nobody waited for them any longer.
    fn sweep(&self, is_on_its_way: impl Fn(EntryId) -> bool) {
        self.lock().retain(|_, slot| match slot.try_lock() {
            Ok(placed) => placed.as_ref().is_none_or(|it| is_on_its_way(it.entry.id)),
            Err(_) => true,
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Arc<Slot>>> {
        // Each change under the lock is one insertion or removal.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees the reference, unless an entry is on its way under it: from then on the store knows it.
struct Leaving<'a> {
    orders: &'a Orders,
    name: &'a Name,
    stays: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if !self.stays {
            self.orders.lock().remove(self.name);
        }
    }
}

impl Credits {
    /// Makes the entry of an order, or finds the one that it made before.
    pub(super) async fn order(
        &self,
        wallet: &WalletId,
        ask: Ask,
        note: Note,
    ) -> Result<Receipt, Failure> {
        check(ask)?;
        self.balance(wallet)?;
        let Some(reference) = note.reference.clone() else {
            return self.order_once(wallet, ask, &note).await;
        };
        let name = (wallet.clone(), reference);
        self.orders.sweep(|id| self.ledger.is_on_its_way(id));
        loop {
            let slot = self.orders.slot(&name);
            let mut placed = slot.lock().await;
            if !self.orders.is_current(&name, &slot) {
                continue;
            }
            let mut leaving = Leaving {
                orders: &self.orders,
                name: &name,
                stays: false,
            };
            if placed.is_none() {
                if let Some(receipt) = self.known(&name).await? {
                    return self.same(ask, receipt).await;
                }
                let (entry, ticket) = self.place(wallet, ask, &note).await?;
                *placed = Some(Placed { entry, ticket });
            }
            let Some(Placed { entry, ticket }) = &mut *placed else {
                continue;
            };
            leaving.stays = true;
            let receipt = Receipt::of(entry).ok_or_else(super::no_wallet)?;
            let receipt = self.same(ask, receipt).await?;
            self.durable(entry.id, ticket, &note).await?;
            leaving.stays = false;
            return Ok(receipt);
        }
    }

    /// What the order of a reference came to, once that is durable, if there was one.
    pub(crate) async fn placed(
        &self,
        wallet: &WalletId,
        reference: &str,
    ) -> Result<Option<Receipt>, Failure> {
        let name = (wallet.clone(), reference.into());
        let slot = self.orders.lock().get(&name).map(Arc::clone);
        if let Some(slot) = slot
            && let Some(Placed { entry, ticket }) = &mut *slot.lock().await
        {
            let note = Note {
                reference: Some(reference.into()),
                ..Note::default()
            };
            self.durable(entry.id, ticket, &note).await?;
        }
        self.known(&name).await
    }

    /// How many references are kept because their orders are on their way.
    #[cfg(test)]
    pub(super) fn orders_under_way(&self) -> usize {
        self.orders.lock().len()
    }

    async fn order_once(
        &self,
        wallet: &WalletId,
        ask: Ask,
        note: &Note,
    ) -> Result<Receipt, Failure> {
        let (entry, mut ticket) = self.place(wallet, ask, note).await?;
        self.durable(entry.id, &mut ticket, note).await?;
        Receipt::of(&entry).ok_or_else(super::no_wallet)
    }

    /// What the order of a reference came to, if the store has it.
    async fn known(&self, (wallet, reference): &Name) -> Result<Option<Receipt>, Failure> {
        let store = self.ledger.store();
        let patience = self.ledger.settings().patience;
        let found = timeout(patience, store.transaction(wallet, reference)).await;
        match found {
            Ok(found) => Ok(found.map_err(not_read)?.map(Receipt::from)),
            Err(_) => Err(Failure::gateway(Code::DatabaseError).message(
                "The store does not answer, so nothing was done. Try again in a few seconds.",
            )),
        }
    }

    /// Gives the receipt, if it is that of the order.
    async fn same(&self, ask: Ask, receipt: Receipt) -> Result<Receipt, Failure> {
        let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        let (kind, amount, of) = match ask {
            Ask::TopUp(amount) => ("top_up", Some(signed(amount)), None),
            // What was given once stays, whatever would be given now.
            Ask::Grant(_) => ("top_up", None, None),
            Ask::Adjust { amount, taken } => {
                let amount = signed(amount);
                (
                    "adjustment",
                    Some(if taken { -amount } else { amount }),
                    None,
                )
            }
            Ask::Hold(amount) => ("hold", Some(-signed(amount)), None),
            Ask::Release { of } => ("release", None, Some(of)),
            Ask::Spend { of, amount } => {
                let rest = self.held_by(of).await?.saturating_sub(amount);
                ("spend", Some(signed(rest)), Some(of))
            }
            Ask::Refund { of, amount } => ("refund", amount.map(signed), Some(of)),
        };
        let is_same = *receipt.kind == *kind
            && amount.is_none_or(|amount| amount == receipt.amount)
            && of == receipt.of;
        if is_same {
            return Ok(receipt);
        }
        let reference = receipt.reference.as_deref().unwrap_or_default();
        Err(Failure::client(Code::Conflict).message(format!(
            "The reference \"{reference}\" belongs to another order of this wallet, {}. Use a new \
             one.",
            receipt.id
        )))
    }

    pub(super) async fn place(
        &self,
        wallet: &WalletId,
        ask: Ask,
        note: &Note,
    ) -> Result<(Entry, Ticket), Failure> {
        self.can_write()?;
        if let Ask::Refund { of, amount } = ask {
            return self.place_refund(wallet, of, amount, note).await;
        }
        let movement = |amount| Movement {
            amount,
            reference: note.reference.clone(),
            reason: note.reason.clone(),
        };
        let kind = match ask {
            Ask::TopUp(amount) | Ask::Grant(amount) => Kind::TopUp(movement(amount)),
            Ask::Adjust { amount, taken } => Kind::Adjustment {
                movement: movement(amount),
                taken,
            },
            Ask::Hold(amount) => {
                drop(self.holds.load(&self.ledger).await?);
                Kind::Hold(movement(amount))
            }
            Ask::Release { of } => Kind::Release {
                movement: movement(self.open_hold(of).await?.amount),
                of,
            },
            Ask::Spend { of, amount } => {
                let held = self.open_hold(of).await?.amount;
                if amount > held {
                    let unit = wallet.unit;
                    return Err(Failure::client(Code::Conflict).message(format!(
                        "The hold set {} aside; {} cannot be spent of it.",
                        super::worded(unit, held),
                        super::worded(unit, amount)
                    )));
                }
                Kind::Spend {
                    movement: movement(amount),
                    of,
                    held,
                }
            }
            Ask::Refund { .. } => return Err(super::no_wallet()),
        };
        self.posted(wallet, kind, note)
    }

    /// Fails while the store does.
    pub(super) fn can_write(&self) -> Result<(), Failure> {
        if self.ledger.read().failing {
            return Err(Failure::gateway(Code::DatabaseError).message(
                "The gateway cannot write to its store, so nothing was done. Try again in a few \
                 seconds.",
            ));
        }
        Ok(())
    }

    pub(super) fn posted(
        &self,
        wallet: &WalletId,
        kind: Kind,
        note: &Note,
    ) -> Result<(Entry, Ticket), Failure> {
        let id = self.with_wallet(wallet, |wallet| Arc::clone(wallet.id()))?;
        let entry = Entry {
            id: self.ledger.next_id(),
            at: self.ledger.now(),
            wallet: Some(id),
            kind,
        };
        let ticket = self.post(&entry, note)?;
        fault::point("credit.posted");
        Ok((entry, ticket))
    }

    /// Waits until an entry is durable. Where calls go on without the store, whoever waits for it
    /// is let go before: not so here.
    pub(super) async fn durable(
        &self,
        id: EntryId,
        ticket: &mut Ticket,
        note: &Note,
    ) -> Result<(), Failure> {
        let patience = self.ledger.settings().patience;
        let clock = self.ledger.clock();
        let waiting = async {
            (&mut *ticket).await;
            while self.ledger.is_on_its_way(id) {
                clock.sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        if late::wait(patience, waiting).await.is_ok() {
            fault::point("credit.durable");
            return Ok(());
        }
        let advice = match note.reference {
            Some(_) => "Ask again with the same reference: the order is carried out once.",
            None => "Look at the transactions before you ask again.",
        };
        Err(Failure::gateway(Code::DatabaseError).message(format!(
            "The store did not answer in time. The order {id} may still take effect. {advice}"
        )))
    }
}

/// Amounts are more than nothing and not too large. All of a hold may be spent, or nothing.
pub(super) fn check(ask: Ask) -> Result<(), Failure> {
    let (amount, least) = match ask {
        Ask::TopUp(amount) | Ask::Adjust { amount, .. } | Ask::Hold(amount) => (amount, 1),
        Ask::Refund { amount, .. } => (amount.unwrap_or(1), 1),
        Ask::Spend { amount, .. } | Ask::Grant(amount) => (amount, 0),
        Ask::Release { .. } => (0, 0),
    };
    if (least..=LARGEST).contains(&amount) {
        return Ok(());
    }
    Err(Failure::client(Code::InvalidRequest)
        .message("The amount must be more than zero and at most 10,000,000 USD."))
}
