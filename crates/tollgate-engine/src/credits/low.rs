//! Tells operators when a wallet becomes nearly empty: once, and again only after it was filled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::ledger::WalletId;
use tollgate_core::money::{Money, Unit};

use crate::engine::Engine;
use crate::tenants::Tenants;
use crate::wallet::Wallet;

/// How often wallets are looked at.
const EVERY: Duration = Duration::from_secs(5);

/// The wallets that are nearly empty, as far as that was told.
#[derive(Debug, Default)]
pub struct LowBalances {
    told: HashSet<Arc<WalletId>>,
}

impl LowBalances {
    /// Looks at all wallets in USD every few seconds, until the end.
    pub async fn watch(engine: Arc<Engine>, end: impl Future<Output = ()>) {
        let mut low = Self::default();
        let tenants = Arc::clone(engine.accounts.tenants());
        let watching = async {
            loop {
                for (wallet, balance) in low.look(&tenants, engine.billing().low) {
                    let balance_usd = balance.to_string();
                    tracing::warn!(%wallet, balance_usd, "a wallet is nearly empty");
                }
                engine.clock().sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = watching => {}
            () = end => {}
        }
    }

    /// The wallets that have become nearly empty since they were looked at the last time.
    pub fn look(&mut self, tenants: &Tenants, low: Money) -> Vec<(Arc<WalletId>, Money)> {
        let mut found = Vec::new();
        for team in tenants.teams() {
            found.extend(self.look_at(team.wallet(Unit::Usd), low));
        }
        for organization in tenants.organizations() {
            found.extend(self.look_at(organization.wallet(Unit::Usd), low));
        }
        found
    }

    fn look_at(&mut self, wallet: &Wallet, low: Money) -> Option<(Arc<WalletId>, Money)> {
        if !wallet.is_open() {
            return None;
        }
        let balance = Money::from_nano(wallet.read().balance);
        if balance >= low {
            self.told.remove(wallet.id());
            return None;
        }
        let is_new = self.told.insert(Arc::clone(wallet.id()));
        is_new.then(|| (Arc::clone(wallet.id()), balance))
    }
}
