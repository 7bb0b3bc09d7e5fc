//! Gives back what a settlement took, and never more.

use std::collections::HashMap;

use tokio::time::timeout;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::ledger::{Entry, EntryId, Kind, Movement, WalletId};

use super::{Credits, Note, not_read, worded};
use crate::settle::Ticket;

/// How many transactions are read at once.
const ROWS: u32 = 500;
/// How much longer ago than its settlement a refund may claim to be: clocks are set back at times.
const SLACK: std::time::Duration = std::time::Duration::from_hours(24);

impl Credits {
    pub(super) async fn place_refund(
        &self,
        wallet: &WalletId,
        of: EntryId,
        amount: Option<u64>,
        note: &Note,
    ) -> Result<(Entry, Ticket), Failure> {
        let (page, settlement) = self.settlement(wallet, of).await?;
        let Kind::Settlement(facts) = &settlement.kind else {
            return Err(no_settlement());
        };
        let charged = facts.charged;
        let _refunding = self.refunding.lock().await;
        let mut refunds = self.on_their_way(of, page).await?;
        self.durable_refunds(wallet, &settlement, &mut refunds)
            .await?;
        let refunded = refunds
            .values()
            .fold(0_u64, |sum, it| sum.saturating_add(*it));
        let left = charged.saturating_sub(refunded);
        let amount = amount.unwrap_or(left);
        if amount == 0 || amount > left {
            let unit = wallet.unit;
            return Err(Failure::client(Code::Conflict).message(format!(
                "This settlement took {}, of which {} were refunded. At most {} can be refunded \
                 now.",
                worded(unit, charged),
                worded(unit, refunded),
                worded(unit, left)
            )));
        }
        let movement = Movement {
            amount,
            reference: note.reference.clone(),
            reason: note.reason.clone(),
        };
        self.posted(wallet, Kind::Refund { movement, of }, note)
    }

    /// A settlement that this wallet paid, and its page.
    async fn settlement(&self, wallet: &WalletId, of: EntryId) -> Result<(u64, Entry), Failure> {
        let found = super::find(&**self.ledger.store(), of).await;
        let found = found.map_err(not_read)?;
        found
            .filter(|(_, entry)| entry.wallet.as_deref() == Some(wallet))
            .filter(|(_, entry)| matches!(entry.kind, Kind::Settlement(_)))
            .ok_or_else(no_settlement)
    }

    /// Refunds that are not durable yet. What the gateway gives back by itself is there as soon
    /// as the page of the settlement is in the books.
    async fn on_their_way(&self, of: EntryId, page: u64) -> Result<HashMap<EntryId, u64>, Failure> {
        let clock = self.ledger.clock();
        let looking = async {
            loop {
                let books = self.ledger.books().await;
                if books.head().number >= page {
                    return books.refunds_on_their_way(of);
                }
                drop(books);
                clock.sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let found = timeout(self.ledger.settings().patience, looking).await;
        let found = found.map_err(|_| {
            Failure::gateway(Code::DatabaseError).message(
                "The settlement is being written at this moment. Try again in a few seconds.",
            )
        })?;
        Ok(found.into_iter().collect())
    }

    /// Adds the refunds that are durable.
    async fn durable_refunds(
        &self,
        wallet: &WalletId,
        settlement: &Entry,
        refunds: &mut HashMap<EntryId, u64>,
    ) -> Result<(), Failure> {
        let store = self.ledger.store();
        let mut offset = 0;
        loop {
            let rows = store.transactions(wallet, offset, ROWS).await;
            let rows = rows.map_err(not_read)?;
            for row in &rows {
                if row.of == Some(settlement.id) && &*row.kind == "refund" {
                    refunds.insert(row.id, row.amount.unsigned_abs());
                }
            }
            let is_before = rows
                .last()
                .is_none_or(|row| row.at.after(SLACK) < settlement.at);
            if is_before {
                return Ok(());
            }
            offset += u64::from(ROWS);
        }
    }
}

fn no_settlement() -> Failure {
    Failure::client(Code::ResourceNotFound)
        .message(
            "There is no settlement of this id that this wallet has paid. A settlement can be \
             refunded as soon as it is durable.",
        )
        .detail(detail::RESOURCE, Detail::Text("settlement".to_owned()))
}
