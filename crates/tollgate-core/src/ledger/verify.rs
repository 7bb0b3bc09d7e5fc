//! Recomputes everything that follows from the entries, and finds what must not be: pages that are
//! missing or were changed, entries twice, balances below zero, and entries that refer to what is
//! not there or take more than it holds.

mod seen;
#[cfg(test)]
mod tests;
mod used;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use self::seen::{Place, Seen, Settled};
use self::used::Used;
pub use self::used::{QUARTER_MS, Sum, Use};
use super::{Entry, EntryId, Kind, Movement, Page, PageHead, Settlement, WalletId};
use crate::money;
use crate::time::Timestamp;

/// How many findings are told; one fault early on may make thousands.
pub const MOST_FINDINGS: usize = 100;
/// No entry was made before this: 2020-01-01T00:00:00Z.
const EARLIEST: Timestamp = Timestamp::from_millis(1_577_836_800_000);
/// Nor after this, whoever asks: 2200-01-01T00:00:00Z.
const LATEST: Timestamp = Timestamp::from_millis(7_258_118_400_000);

/// What the entries of a wallet come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What is left: may be compared with what the store says.
    pub balance: i128,
    /// How many entries it has.
    pub entries: u64,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// On which page; 0 for what is on none.
    pub page: u64,
    /// What, in a sentence.
    pub what: String,
}

/// What the pages come to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many pages were read.
    pub pages: u64,
    /// How many entries.
    pub entries: u64,
    /// How many settlements.
    pub settlements: u64,
    /// What was charged by all of them, in nano-USD, whether somebody paid or not.
    pub charged: u128,
    /// What providers charged for attempts that came to nothing, in nano-USD: nobody paid it.
    pub lost: u128,
    /// The wallets.
    pub wallets: BTreeMap<WalletId, Balance>,
    /// What must not be: the first [`MOST_FINDINGS`] of them.
    pub findings: Vec<Finding>,
    /// How many there are in all.
    pub found: u64,
}

/// An entry that refers to one which was not among the pages, or so long ago that its amounts are
/// not at hand: whoever reads the store has to look it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The page of the entry that refers.
    pub page: u64,
    /// To what it refers.
    pub of: EntryId,
    /// The wallet of the entry that refers.
    pub wallet: Option<Arc<WalletId>>,
    /// What it wants of it.
    pub wants: Wants,
}

/// What an entry wants of the one that it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// A settlement that took at least this, the sum of its refunds.
    Refund(u64),
    /// A hold of this.
    Hold(u64),
}

/// What is known of a wallet.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Stands for it where it is told which wallet paid.
    number: u32,
    balance: Balance,
    is_changed: bool,
}

/// Reads pages in their order and adds up.
#[derive(Debug, Default)]
pub struct Verifier {
    report: Report,
    head: PageHead,
    /// Whether pages before the first one were left out.
    resumed: bool,
    no_later: Option<Timestamp>,
    wallets: HashMap<Arc<WalletId>, Known>,
    /// Those whose balance has changed since somebody asked.
    changed: Vec<Arc<WalletId>>,
    seen: Seen,
    holds: HashMap<EntryId, (Arc<WalletId>, u64)>,
    refunded: HashMap<EntryId, u64>,
    unresolved: Vec<Reference>,
    used: Used,
}

impl Verifier {
    /// Begins behind a page, with what the entries up to there came to.
    pub fn behind(head: PageHead, balances: impl IntoIterator<Item = (WalletId, i64)>) -> Self {
        let mut this = Self {
            head,
            resumed: head.number > 0,
            ..Self::default()
        };
        for (wallet, balance) in balances {
            let known = Known {
                number: this.next_wallet(),
                balance: Balance {
                    balance: i128::from(balance),
                    entries: 0,
                },
                is_changed: false,
            };
            this.wallets.insert(Arc::new(wallet), known);
        }
        this
    }

    /// From now on an entry that was made after this is a finding.
    pub fn expect_none_after(&mut self, time: Timestamp) {
        self.no_later = Some(time);
    }

    /// The last page that was taken.
    pub fn head(&self) -> PageHead {
        self.head
    }

    /// What the entries of a wallet come to.
    pub fn balance(&self, wallet: &WalletId) -> Option<Balance> {
        self.wallets.get(wallet).map(|known| known.balance)
    }

    /// What the entries of every wallet come to, in no order.
    pub fn balances(&self) -> impl Iterator<Item = (&WalletId, Balance)> {
        let wallets = self.wallets.iter();
        wallets.map(|(wallet, known)| (&**wallet, known.balance))
    }

    /// The wallets whose balance has changed since this was asked the last time.
    pub fn take_changed(&mut self) -> Vec<Arc<WalletId>> {
        for wallet in &self.changed {
            if let Some(known) = self.wallets.get_mut(wallet) {
                known.is_changed = false;
            }
        }
        std::mem::take(&mut self.changed)
    }

    /// What was used on the pages that were taken, in no order.
    pub fn usage(&self) -> impl Iterator<Item = (Use<'_>, Sum)> {
        self.used.sums()
    }

    /// Forgets what was used so far, for those who compare it piece by piece.
    pub fn forget_usage(&mut self) {
        self.used = Used::default();
    }

    /// What has to be looked up, once.
    pub fn take_unresolved(&mut self) -> Vec<Reference> {
        std::mem::take(&mut self.unresolved)
    }

    /// What was found so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Forgets what was found so far.
    pub fn forget_findings(&mut self) {
        self.report.findings.clear();
        self.report.found = 0;
    }

    /// Notes something that must not be and that was found elsewhere.
    pub fn note(&mut self, page: u64, what: String) {
        self.report.found += 1;
        if self.report.findings.len() < MOST_FINDINGS {
            self.report.findings.push(Finding { page, what });
        }
    }

    /// Takes the next page.
    pub fn take(&mut self, page: &Page) {
        let number = page.head.number;
        self.report.pages += 1;
        let entries = if self.head.number.checked_add(1) == Some(number) {
            page.read(self.head).or_else(|error| {
                self.note(number, sentence(&error));
                page.entries()
            })
        } else {
            let last = self.head.number;
            self.note(number, format!("Page {number} came behind page {last}."));
            page.entries()
        };
        match entries {
            Ok(entries) => {
                for entry in &entries {
                    self.entry(number, entry);
                }
            }
            Err(error) => self.note(number, sentence(&error)),
        }
        self.head = page.head;
    }

    /// What it all came to.
    pub fn finish(mut self) -> Report {
        let wallets = self.wallets.into_iter();
        self.report.wallets = wallets
            .map(|(wallet, known)| (WalletId::clone(&wallet), known.balance))
            .collect();
        self.report
    }

    fn entry(&mut self, page: u64, entry: &Entry) {
        self.report.entries += 1;
        let wallet = self.balance_of(page, entry);
        let latest = self.no_later.unwrap_or(LATEST);
        if entry.at < EARLIEST || entry.at > latest {
            let at = entry.at.to_rfc3339();
            self.note(
                page,
                format!("{} was made at {at}, which cannot be.", entry.id),
            );
        }
        let settled = match &entry.kind {
            Kind::Settlement(settlement) => {
                self.settlement(entry, settlement);
                Some(Settled {
                    charged: settlement.charged,
                    wallet,
                })
            }
            Kind::Loss(loss) => {
                self.report.lost += u128::from(loss.charged);
                None
            }
            _ => None,
        };
        match self.seen.add(entry.id, settled) {
            Ok(true) => {}
            Ok(false) => self.note(page, format!("{} is there twice.", entry.id)),
            Err(full) => self.note(page, full.to_string()),
        }
        self.references(page, entry, wallet);
    }

    /// Changes the balance. Gives the number of the wallet; 0 if there is none.
    fn balance_of(&mut self, page: u64, entry: &Entry) -> u32 {
        if let Some(movement) = entry.movement() {
            self.movement(page, entry, movement);
        }
        let Some(wallet) = &entry.wallet else {
            return 0;
        };
        let next = self.next_wallet();
        let known = if let Some(known) = self.wallets.get_mut(wallet) {
            known
        } else {
            let new = Known {
                number: next,
                ..Known::default()
            };
            self.wallets.entry(Arc::clone(wallet)).or_insert(new)
        };
        if !known.is_changed {
            known.is_changed = true;
            self.changed.push(Arc::clone(wallet));
        }
        let effect = entry.effect();
        known.balance.entries += 1;
        known.balance.balance = known.balance.balance.saturating_add(effect);
        let (number, balance) = (known.number, known.balance.balance);
        if balance < 0 && effect < 0 {
            let unit = wallet.unit.as_str();
            let what = format!(
                "{} leaves {balance} in {wallet} (in its smallest unit of {unit}): less than \
                 nothing.",
                entry.id
            );
            self.note(page, what);
        }
        number
    }

    fn next_wallet(&self) -> u32 {
        u32::try_from(self.wallets.len()).map_or(u32::MAX, |count| count.saturating_add(1))
    }

    fn movement(&mut self, page: u64, entry: &Entry, movement: &Movement) {
        if entry.wallet.is_none() {
            let kind = entry.kind.as_str();
            self.note(page, format!("{} is a {kind} of no wallet.", entry.id));
        }
        if movement.amount > money::LARGEST {
            let amount = movement.amount;
            self.note(
                page,
                format!("{} moves {amount}, which is too much.", entry.id),
            );
        }
    }

    fn settlement(&mut self, entry: &Entry, settlement: &Settlement) {
        self.report.settlements += 1;
        self.report.charged += u128::from(settlement.charged);
        self.used.add(entry.at, settlement);
    }

    fn references(&mut self, page: u64, entry: &Entry, wallet: u32) {
        match &entry.kind {
            Kind::Hold(movement) => {
                if let Some(wallet) = &entry.wallet {
                    let hold = (Arc::clone(wallet), movement.amount);
                    self.holds.insert(entry.id, hold);
                }
            }
            Kind::Release { movement, of } => self.end_of_hold(page, entry, *of, movement.amount),
            Kind::Spend { movement, of, held } => {
                if movement.amount > *held {
                    let amount = movement.amount;
                    let what = format!("{} spends {amount} of a hold of {held}.", entry.id);
                    self.note(page, what);
                }
                self.end_of_hold(page, entry, *of, *held);
            }
            Kind::Refund { movement, of } => {
                self.refund(page, entry, (*of, movement.amount), wallet);
            }
            Kind::TopUp(_) | Kind::Adjustment { .. } | Kind::Settlement(_) | Kind::Loss(_) => {}
        }
    }

    /// A hold ends once, in its own wallet, with what was held.
    fn end_of_hold(&mut self, page: u64, entry: &Entry, of: EntryId, held: u64) {
        let kind = entry.kind.as_str();
        match self.holds.remove(&of) {
            Some((wallet, amount)) => {
                if amount != held || entry.wallet.as_ref() != Some(&wallet) {
                    let what = format!(
                        "{} is a {kind} of {held}, and the hold {of} is one of {amount} in \
                         {wallet}.",
                        entry.id
                    );
                    self.note(page, what);
                }
            }
            None if self.resumed && self.seen.place(of) == Place::Nowhere => {
                // The hold may be older than the first page; that it ends once is seen by its
                // place, which is taken now.
                self.unresolved.push(Reference {
                    page,
                    of,
                    wallet: entry.wallet.clone(),
                    wants: Wants::Hold(held),
                });
                _ = self.seen.add(of, None);
            }
            None => {
                let what = format!(
                    "{} is a {kind} of {of}, which is no hold or has ended before.",
                    entry.id
                );
                self.note(page, what);
            }
        }
    }

    /// All refunds of a settlement together give back at most what it took, into its wallet.
    fn refund(&mut self, page: u64, entry: &Entry, (of, amount): (EntryId, u64), wallet: u32) {
        let refunded = self.refunded.entry(of).or_default();
        *refunded = refunded.saturating_add(amount);
        let refunded = *refunded;
        let look_up = Reference {
            page,
            of,
            wallet: entry.wallet.clone(),
            wants: Wants::Refund(refunded),
        };
        match self.seen.place(of) {
            Place::Settled(settled) if settled.wallet != wallet => {
                let what = format!("{} refunds {of} into another wallet.", entry.id);
                self.note(page, what);
            }
            Place::Settled(settled) if settled.charged < refunded => {
                let charged = settled.charged;
                let what = format!(
                    "{} brings the refunds of {of} to {refunded}, and it took {charged}.",
                    entry.id
                );
                self.note(page, what);
            }
            Place::Settled(_) => {}
            Place::Forgotten => self.unresolved.push(look_up),
            Place::Nowhere if self.resumed => self.unresolved.push(look_up),
            Place::Nowhere | Place::Other => {
                let what = format!(
                    "{} refunds {of}, which is no settlement before it.",
                    entry.id
                );
                self.note(page, what);
            }
        }
    }
}

/// What an error says, as a sentence.
fn sentence(error: &super::PageError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
