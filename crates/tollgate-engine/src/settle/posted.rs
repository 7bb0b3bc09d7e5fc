//! What follows from the entries that are durable: balances and usage, kept beside the pages in
//! checkpoints, so that a start need not read them all.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::id::KeyId;
use tollgate_core::ledger::{Entry, Kind, Page, PageHead, Payer, Settlement, WalletId};
use tollgate_core::time::Timestamp;

use crate::port::{Checkpoint, LedgerStore, StoreError, UsageRow};

/// The length of the stretches in which usage is added up, in milliseconds. Time zones differ
/// from each other by multiples of it.
pub(crate) const QUARTER: i64 = 15 * 60 * 1000;
/// How many pages are read at once.
pub(crate) const PAGES_AT_ONCE: u32 = 256;

/// What the durable entries come to.
pub(super) struct Posted {
    /// The last durable page.
    pub(super) head: PageHead,
    /// What the entries up to there come to.
    balances: HashMap<WalletId, Balance>,
    /// Wallets whose balance has changed since the last checkpoint.
    changed: Vec<WalletId>,
    /// What was used since the last checkpoint.
    usage: HashMap<Use, Sum>,
    /// How many entries have come since the last checkpoint.
    pub(super) entries: u64,
    /// The page of the last checkpoint that the store surely holds.
    checkpointed: PageHead,
    /// A checkpoint of which it is not known whether the store holds it.
    pending: Option<Checkpoint>,
}

/// What the entries of a wallet come to.
#[derive(Clone, Copy, Default)]
struct Balance {
    amount: i64,
    /// Whether it has changed since the last checkpoint.
    is_changed: bool,
}

/// What tells usage apart. A key never leaves its team.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Use {
    quarter: i64,
    key: KeyId,
    model: Arc<str>,
}

struct Sum {
    payer: Payer,
    calls: u64,
    prompt: u64,
    completion: u64,
    cost: u64,
}

impl Posted {
    /// Reads the last checkpoint and what has come since.
    pub(super) async fn read<S: LedgerStore + ?Sized>(store: &S) -> Result<Self, StoreError> {
        let Checkpoint { head, balances, .. } = store.checkpoint().await?;
        let mut posted = Self {
            head,
            balances: balances.into_iter().map(restored).collect(),
            changed: Vec::new(),
            usage: HashMap::new(),
            entries: 0,
            checkpointed: head,
            pending: None,
        };
        loop {
            let pages = store.pages(posted.head.number, PAGES_AT_ONCE).await?;
            for page in &pages {
                posted.take(page)?;
            }
            if pages.is_empty() {
                return Ok(posted);
            }
        }
    }

    fn take(&mut self, page: &Page) -> Result<(), StoreError> {
        if page.head.number != self.head.number + 1 {
            let text = format!("page {} of the ledger is missing", self.head.number + 1);
            return Err(StoreError(text.into()));
        }
        let entries = page
            .read(self.head)
            .map_err(|error| StoreError(Box::new(error)))?;
        self.add(&entries);
        self.head = page.head;
        Ok(())
    }

    /// Adds the entries of a page that has become durable.
    pub(super) fn add(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.entries += 1;
            if let Some(wallet) = &entry.wallet {
                self.change(wallet, i64::try_from(entry.effect()).unwrap_or(0));
            }
            if let Kind::Settlement(settlement) = &entry.kind {
                self.use_more(entry.at, settlement);
            }
        }
    }

    fn change(&mut self, wallet: &WalletId, effect: i64) {
        let balance = match self.balances.get_mut(wallet) {
            Some(balance) => balance,
            None => self.balances.entry(wallet.clone()).or_default(),
        };
        balance.amount = balance.amount.saturating_add(effect);
        if !std::mem::replace(&mut balance.is_changed, true) {
            self.changed.push(wallet.clone());
        }
    }

    /// What the entries come to for a wallet, if there are any.
    pub(super) fn balance_of(&self, wallet: &WalletId) -> Option<i64> {
        self.balances.get(wallet).map(|balance| balance.amount)
    }

    /// What each wallet comes to.
    pub(super) fn balances(&self) -> impl Iterator<Item = (&WalletId, i64)> {
        let balances = self.balances.iter();
        balances.map(|(wallet, balance)| (wallet, balance.amount))
    }

    fn use_more(&mut self, at: Timestamp, settlement: &Settlement) {
        let of = Use {
            quarter: at.as_millis().div_euclid(QUARTER) * QUARTER,
            key: settlement.payer.key.clone(),
            model: Arc::clone(&settlement.model),
        };
        let sum = self.usage.entry(of).or_insert_with(|| Sum {
            payer: settlement.payer.clone(),
            calls: 0,
            prompt: 0,
            completion: 0,
            cost: 0,
        });
        sum.calls += 1;
        sum.prompt = sum.prompt.saturating_add(settlement.usage.prompt);
        sum.completion = sum.completion.saturating_add(settlement.usage.completion);
        let cost = settlement.charged.saturating_add(settlement.shortfall);
        sum.cost = sum.cost.saturating_add(cost);
    }

    /// What has to be written now: the checkpoint that is not known to be there, or a new one.
    /// `None` if nothing has come since the last one.
    pub(super) fn next_checkpoint(&mut self) -> Option<Checkpoint> {
        if self.pending.is_none() && self.entries > 0 {
            self.pending = Some(self.checkpoint());
            for wallet in self.changed.drain(..) {
                if let Some(balance) = self.balances.get_mut(&wallet) {
                    balance.is_changed = false;
                }
            }
            self.usage.clear();
            self.entries = 0;
        }
        self.pending.clone()
    }

    /// What a checkpoint has to say now.
    fn checkpoint(&self) -> Checkpoint {
        let changed = self.changed.iter();
        let balances = changed.map(|wallet| {
            let balance = self.balances.get(wallet).copied().unwrap_or_default();
            (wallet.clone(), balance.amount)
        });
        let usage = self.usage.iter().map(|(of, sum)| UsageRow {
            quarter: Timestamp::from_millis(of.quarter),
            organization: sum.payer.organization.as_str().into(),
            team: sum.payer.team.as_str().into(),
            user: sum
                .payer
                .user
                .as_ref()
                .map_or("", |user| user.as_str())
                .into(),
            key: of.key.as_str().into(),
            model: (&*of.model).into(),
            calls: sum.calls,
            prompt: sum.prompt,
            completion: sum.completion,
            cost: sum.cost,
        });
        Checkpoint {
            before: self.checkpointed,
            head: self.head,
            balances: balances.collect(),
            usage: usage.collect(),
        }
    }

    /// The checkpoint is durable.
    pub(super) fn checkpoint_is_written(&mut self) {
        if let Some(written) = self.pending.take() {
            self.checkpointed = written.head;
        }
    }
}

/// A balance as a checkpoint has it.
fn restored((wallet, amount): (WalletId, i64)) -> (WalletId, Balance) {
    let balance = Balance {
        amount,
        is_changed: false,
    };
    (wallet, balance)
}
