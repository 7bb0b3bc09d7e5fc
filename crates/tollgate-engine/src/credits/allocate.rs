//! Brings what was given to a wallet in all to a sum, whoever else does so at the same moment.

use std::time::Duration;

use tokio::time::timeout;
use tollgate_core::error::{Code, Failure};
use tollgate_core::ledger::WalletId;

use super::{Ask, Credits, Note, orders};

/// How often is looked whether a wallet has come to rest.
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl Credits {
    /// Adds what is missing of a sum that is to have been given to a wallet, or takes what is too
    /// much. Asking for the same sum again, also at once, changes nothing.
    pub async fn allocate(
        &self,
        wallet: &WalletId,
        wanted: u64,
        note: &Note,
    ) -> Result<(), Failure> {
        self.balance(wallet)?;
        let allocating = self.allocating.lock().await;
        self.at_rest(wallet).await?;
        let given = self.given(wallet).await?;
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        let missing = wanted.saturating_sub(given);
        if missing == 0 {
            return Ok(());
        }
        let ask = Ask::Adjust {
            amount: missing.unsigned_abs(),
            taken: missing < 0,
        };
        orders::check(ask)?;
        let (entry, mut ticket) = self.place(wallet, ask, note).await?;
        // Whoever comes next finds the entry on its way.
        drop(allocating);
        self.durable(entry.id, &mut ticket, note).await
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
}
