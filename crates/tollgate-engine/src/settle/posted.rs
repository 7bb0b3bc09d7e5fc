//! What follows from the entries that are durable: balances and usage, kept beside the pages in
//! checkpoints, so that a start need not read them all.

use std::collections::{BTreeSet, HashMap};

use tollgate_core::ledger::{Entry, Kind, Page, PageHead, Settlement, WalletId};
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
    pub(super) balances: HashMap<WalletId, i64>,
    /// Wallets whose balance has changed since the last checkpoint.
    changed: BTreeSet<WalletId>,
    /// What was used since the last checkpoint.
    usage: HashMap<Use, Sum>,
    /// How many entries have come since the last checkpoint.
    pub(super) entries: u64,
    /// The page of the last checkpoint that the store surely holds.
    checkpointed: PageHead,
    /// A checkpoint of which it is not known whether the store holds it.
    pending: Option<Checkpoint>,
}

/// What tells usage apart.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Use {
    quarter: i64,
    organization: Box<str>,
    team: Box<str>,
    user: Box<str>,
    key: Box<str>,
    model: Box<str>,
}

#[derive(Clone, Copy, Default)]
struct Sum {
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
            balances: balances.into_iter().collect(),
            changed: BTreeSet::new(),
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
                let effect = i64::try_from(entry.effect()).unwrap_or(0);
                match self.balances.get_mut(&**wallet) {
                    Some(balance) => *balance = balance.saturating_add(effect),
                    None => {
                        self.balances.insert(WalletId::clone(wallet), effect);
                    }
                }
                if !self.changed.contains(&**wallet) {
                    self.changed.insert(WalletId::clone(wallet));
                }
            }
            if let Kind::Settlement(settlement) = &entry.kind {
                self.use_more(entry.at, settlement);
            }
        }
    }

    fn use_more(&mut self, at: Timestamp, settlement: &Settlement) {
        let payer = &settlement.payer;
        let user = payer.user.as_ref().map_or("", |user| user.as_str());
        let key = Use {
            quarter: at.as_millis().div_euclid(QUARTER) * QUARTER,
            organization: payer.organization.as_str().into(),
            team: payer.team.as_str().into(),
            user: user.into(),
            key: payer.key.as_str().into(),
            model: (&*settlement.model).into(),
        };
        let sum = self.usage.entry(key).or_default();
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
            self.changed.clear();
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
            (wallet.clone(), balance)
        });
        let usage = self.usage.iter().map(|(of, sum)| UsageRow {
            quarter: Timestamp::from_millis(of.quarter),
            organization: of.organization.clone(),
            team: of.team.clone(),
            user: of.user.clone(),
            key: of.key.clone(),
            model: of.model.clone(),
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
