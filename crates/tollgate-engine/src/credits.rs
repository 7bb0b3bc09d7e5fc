//! What operators do with credits: they add them, take them, give them back, and set them aside
//! for longer than one call. Whatever is answered is durable.
//!
//! An order may carry a reference. The same order again, with the same reference, changes nothing
//! and is told what the first one came to; another order with that reference is refused. That
//! makes it safe to ask again whenever an answer got lost.

mod audit;
mod correct;
mod find;
mod holds;
mod low;
mod orders;
mod pledges;
mod receipt;
mod refund;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::ledger::{Entry, EntryId, Holder, Kind, Report, WalletId};
use tollgate_core::money::{LARGEST, Money, Unit};

pub use self::correct::Correction;
use self::holds::Holds;
pub use self::holds::OpenHold;
pub use self::low::LowBalances;
use self::orders::Orders;
use self::pledges::Pledges;
pub use self::receipt::Receipt;
use crate::authority::Manager;
use crate::ledger_check;
use crate::port::StoreError;
use crate::settle::{Along, Ledger, Posting};
use crate::wallet::{Reading, Wallet};

pub(crate) use self::find::find;

/// The most characters of a reference.
pub const LONGEST_REFERENCE: usize = 255;
/// The most characters of a reason.
pub const LONGEST_REASON: usize = 500;

/// What belongs to an order beside its amount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// What whoever asks calls it; at most [`LONGEST_REFERENCE`] characters.
    pub reference: Option<Box<str>>,
    /// Why, for people; at most [`LONGEST_REASON`] characters.
    pub reason: Box<str>,
    /// Who asks, for the audit log; `None` for what is no operator's doing.
    pub by: Option<By>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// `admin`, `command`, `configuration`, `webhook`, or `key:ID` of a user's key.
    pub actor: Box<str>,
    /// The id of the request that did it, if one did.
    pub request_id: Option<Box<str>>,
}

impl By {
    /// Whoever manages.
    pub fn manager(manager: &Manager) -> Self {
        Self {
            actor: manager.actor(),
            request_id: manager.request_id().map(Into::into),
        }
    }
}

/// What is asked for. Amounts are in the smallest unit of the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    TopUp(u64),
    Grant(u64),
    Adjust { amount: u64, taken: bool },
    Hold(u64),
    Release { of: EntryId },
    Spend { of: EntryId, amount: u64 },
    Refund { of: EntryId, amount: Option<u64> },
}

/// Takes the orders of operators.
pub struct Credits {
    ledger: Arc<Ledger>,
    orders: Orders,
    holds: Holds,
    pledges: Pledges,
    /// Held from reading how much of a settlement was refunded until the next refund is posted.
    refunding: tokio::sync::Mutex<()>,
    /// Held while the whole ledger is verified, which is work for one at a time.
    verifying: tokio::sync::Mutex<()>,
}

impl Credits {
    /// Takes orders for a ledger. There must be one of these for each ledger, and somebody who
    /// writes the ledger.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self {
            ledger,
            orders: Orders::default(),
            holds: Holds::default(),
            pledges: Pledges::default(),
            refunding: tokio::sync::Mutex::default(),
            verifying: tokio::sync::Mutex::default(),
        }
    }

    /// Adds credits that were paid for.
    pub async fn top_up(
        &self,
        wallet: &WalletId,
        amount: u64,
        note: Note,
    ) -> Result<Receipt, Failure> {
        self.order(wallet, Ask::TopUp(amount), note).await
    }

    /// Gives what is given once: where anything was given under the same reference before, nothing
    /// happens, also if it was another amount. Giving nothing makes the holder pay all the same.
    pub async fn grant(
        &self,
        wallet: &WalletId,
        amount: u64,
        note: Note,
    ) -> Result<Receipt, Failure> {
        self.order(wallet, Ask::Grant(amount), note).await
    }

    /// Sets a balance right upwards.
    pub async fn add(
        &self,
        wallet: &WalletId,
        amount: u64,
        note: Note,
    ) -> Result<Receipt, Failure> {
        let taken = false;
        self.order(wallet, Ask::Adjust { amount, taken }, note)
            .await
    }

    /// Sets a balance right downwards. Fails if less than that is there beside what is held for
    /// calls under way.
    pub async fn take(
        &self,
        wallet: &WalletId,
        amount: u64,
        note: Note,
    ) -> Result<Receipt, Failure> {
        let taken = true;
        self.order(wallet, Ask::Adjust { amount, taken }, note)
            .await
    }

    /// Gives back what a settlement took from this wallet, or as much of it as is asked for. All
    /// refunds of a settlement together never give back more than it took.
    pub async fn refund(
        &self,
        wallet: &WalletId,
        of: EntryId,
        amount: Option<u64>,
        note: Note,
    ) -> Result<Receipt, Failure> {
        self.order(wallet, Ask::Refund { of, amount }, note).await
    }

    /// Sets credits aside for longer than one call. They leave the balance until the hold is
    /// released or spent.
    pub async fn hold(
        &self,
        wallet: &WalletId,
        amount: u64,
        note: Note,
    ) -> Result<Receipt, Failure> {
        self.order(wallet, Ask::Hold(amount), note).await
    }

    /// Gives back what a hold had set aside. A hold ends once.
    pub async fn release(&self, of: EntryId, note: Note) -> Result<Receipt, Failure> {
        let wallet = self.wallet_of_hold(of).await?;
        self.order(&wallet, Ask::Release { of }, note).await
    }

    /// Spends what a hold had set aside, or a part of it: the rest goes back. A hold ends once.
    pub async fn spend(&self, of: EntryId, amount: u64, note: Note) -> Result<Receipt, Failure> {
        let wallet = self.wallet_of_hold(of).await?;
        self.order(&wallet, Ask::Spend { of, amount }, note).await
    }

    /// What is in a wallet now, and whether it was ever given anything. Fails if there is no
    /// such team or organization.
    pub fn balance(&self, wallet: &WalletId) -> Result<(Reading, bool), Failure> {
        self.with_wallet(wallet, |it| (it.read(), it.is_open()))
    }

    /// Whether its holder is known, be it absent now: only then are orders taken.
    pub(crate) fn is_there(&self, wallet: &WalletId) -> bool {
        self.with_wallet(wallet, |_| ()).is_ok()
    }

    /// Transactions of a wallet, the latest first.
    pub async fn transactions(
        &self,
        wallet: &WalletId,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Receipt>, Failure> {
        let store = self.ledger.store();
        let rows = store.transactions(wallet, offset, limit).await;
        let rows = rows.map_err(not_read)?;
        Ok(rows.into_iter().map(Receipt::from).collect())
    }

    /// What operators put into a wallet in all, less what they took.
    pub async fn given(&self, wallet: &WalletId) -> Result<i64, Failure> {
        let store = self.ledger.store();
        store.given(wallet).await.map_err(not_read)
    }

    /// What operators put into each wallet that was ever given anything, less what they took.
    pub async fn given_to_all(&self) -> Result<HashMap<WalletId, i64>, Failure> {
        let store = self.ledger.store();
        let given = store.given_to_all().await.map_err(not_read)?;
        Ok(given.into_iter().collect())
    }

    /// Transactions of a wallet of job credits, the latest first, each with the balance after it.
    pub async fn statement(
        &self,
        wallet: &WalletId,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<(Receipt, i64)>, Failure> {
        let rows = self.transactions(wallet, offset, limit).await?;
        let Some(latest) = rows.first() else {
            return Ok(Vec::new());
        };
        let mut balance = self.balance_after(latest).await?.unwrap_or_default();
        let told = rows.into_iter().map(|receipt| {
            let after = balance;
            balance = balance.saturating_sub(receipt.amount);
            (receipt, after)
        });
        Ok(told.collect())
    }

    /// What a wallet of job credits had after a transaction that is durable. What comes later
    /// changes nothing of that.
    pub async fn balance_after(&self, receipt: &Receipt) -> Result<Option<i64>, Failure> {
        let store = self.ledger.store();
        let moved = store.moved_until(&receipt.wallet, receipt.id).await;
        moved.map_err(not_read)
    }

    /// Reads the whole ledger and compares it with what is noted beside it and with memory. What
    /// must not be is in the findings. Fails while another verification runs.
    pub async fn verify(&self) -> Result<Report, Failure> {
        let Ok(_verifying) = self.verifying.try_lock() else {
            return Err(Failure::client(Code::Conflict)
                .message("The ledger is being verified already. Wait for its end."));
        };
        let report = ledger_check::verify_running(&self.ledger).await;
        report.map_err(not_read)
    }

    /// Changes memory and puts the entry in the queue, both or neither.
    fn post(&self, entry: &Entry, note: &Note) -> Result<crate::settle::Ticket, Failure> {
        let wallet = entry.wallet.as_deref().ok_or_else(no_wallet)?;
        let row = audit::row(entry, note, self.organization_of(wallet).as_deref());
        let along = row.map(|row| {
            Box::new(Along {
                audit: vec![row],
                ..Along::default()
            })
        });
        let posting = Posting {
            entry: entry.clone(),
            along,
            undo: None,
        };
        let (ticket, ()) = self.with_wallet(wallet, |wallet| {
            self.ledger.post(|| {
                self.holds.end(entry)?;
                self.apply(wallet, entry)?;
                self.holds.begin(entry);
                Ok((Some(posting), ()))
            })
        })??;
        ticket.ok_or_else(|| Failure::gateway(Code::InternalError).because("nothing was posted"))
    }

    /// What an order does to a wallet in memory. Fails, and does nothing, if the wallet cannot bear
    /// it.
    fn apply(&self, wallet: &Wallet, entry: &Entry) -> Result<(), Failure> {
        match &entry.kind {
            Kind::TopUp(movement)
            | Kind::Adjustment {
                movement,
                taken: false,
            } => {
                let reading = wallet.read();
                let sum = reading.balance.saturating_add(movement.amount);
                if sum > LARGEST {
                    return Err(too_much(wallet.id().unit, reading.balance));
                }
                wallet.add(movement.amount);
            }
            Kind::Refund { movement, .. } | Kind::Release { movement, .. } => {
                wallet.add(movement.amount);
            }
            Kind::Spend { movement, held, .. } => wallet.add(held.saturating_sub(movement.amount)),
            Kind::Adjustment {
                movement,
                taken: true,
            }
            | Kind::Hold(movement) => {
                let unit = wallet.id().unit;
                let taken = self.pledges.take(wallet, movement.amount, entry);
                taken.map_err(|reading| too_little(unit, reading, movement.amount))?;
            }
            Kind::Settlement(_) | Kind::Loss(_) => {}
        }
        Ok(())
    }

    fn with_wallet<T>(&self, id: &WalletId, act: impl FnOnce(&Wallet) -> T) -> Result<T, Failure> {
        let tenants = &self.ledger.tenants;
        tenants
            .with_wallet(id, act)
            .ok_or_else(|| not_there(&id.holder))
    }

    /// The organization that a wallet concerns.
    fn organization_of(&self, wallet: &WalletId) -> Option<Box<str>> {
        match &wallet.holder {
            Holder::Organization(id) => Some(id.as_str().into()),
            Holder::Team(id) => {
                let team = self.ledger.tenants.team_node(id)?;
                Some(team.organization().id.as_str().into())
            }
        }
    }
}

impl fmt::Debug for Credits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credits")
    }
}

/// An amount in the words of its unit.
pub(crate) fn worded(unit: Unit, amount: u64) -> String {
    match unit {
        Unit::Usd => format!("${}", Money::from_nano(amount)),
        Unit::Credits => format!("{amount} credits"),
    }
}

fn too_little(unit: Unit, reading: Reading, needed: u64) -> Failure {
    let mut message = format!(
        "{} are available, which is less than {}.",
        worded(unit, reading.available()),
        worded(unit, needed)
    );
    if reading.held > 0 {
        message.push_str(" A further ");
        message.push_str(&worded(unit, reading.held));
        message.push_str(" are held for calls under way.");
    }
    let failure = Failure::client(Code::InsufficientCredits).message(message);
    if unit == Unit::Credits {
        return failure;
    }
    let usd = |amount| Detail::Text(Money::from_nano(amount).to_string());
    failure
        .detail(detail::BALANCE_USD, usd(reading.available()))
        .detail(detail::NEEDED_USD, usd(needed))
}

fn too_much(unit: Unit, balance: u64) -> Failure {
    Failure::client(Code::Conflict).message(format!(
        "A wallet holds at most {}, and this one has {}.",
        worded(unit, LARGEST),
        worded(unit, balance)
    ))
}

fn not_there(holder: &Holder) -> Failure {
    let kind = match holder {
        Holder::Team(_) => "team",
        Holder::Organization(_) => "organization",
    };
    Failure::client(Code::ResourceNotFound)
        .message(format!("There is no {kind} of this id."))
        .detail(detail::RESOURCE, Detail::Text(kind.to_owned()))
}

fn changes_meanwhile() -> Failure {
    Failure::gateway(Code::DatabaseError).because("the wallet changes while it is read")
}

fn no_wallet() -> Failure {
    Failure::gateway(Code::InternalError).because("an order without a wallet")
}

fn not_read(error: StoreError) -> Failure {
    Failure::gateway(Code::DatabaseError).because(error)
}
