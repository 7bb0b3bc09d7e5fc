//! The right to one call that costs money: what it may cost at most is set aside at every level at
//! once. It is settled or released exactly once, however the call ends.

mod levels;
mod refusal;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tollgate_core::charge::{self, Charge, Told};
use tollgate_core::error::Failure;
use tollgate_core::ledger::{Entry, Flags, Kind, Settlement};
use tollgate_core::model::Priced;
use tollgate_core::money::{Money, Unit};
use tollgate_core::reply::Usage;
use tollgate_core::time::Timestamp;

use self::levels::Levels;
pub use self::levels::Warning;
pub(crate) use self::refusal::of_unpriced;
use crate::caller::Caller;
use crate::fault;
use crate::jobs::CallShare;
use crate::routes::{Route, RouteTarget};
use crate::settle::{Durability, Ledger, Posting, Ticket};
use crate::wallet::Wallet;

/// What calls are charged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    /// A wallet with less than this pays for nothing.
    pub minimum: Money,
    /// Below this, answers carry a warning.
    pub low: Money,
    /// The price of models without one; `None`: those who pay cannot use them.
    pub unpriced: Option<Priced>,
    /// How many tokens an answer is taken to have at most, where neither the caller nor the model
    /// says.
    pub longest_answer: u32,
}

impl Default for Billing {
    fn default() -> Self {
        Self {
            minimum: Money::from_nano(100_000_000),
            low: Money::from_nano(1_000_000_000),
            unpriced: None,
            longest_answer: 4096,
        }
    }
}

/// What a call may use at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of the prompt: rather too many than too few.
    pub prompt: u64,
    /// About how many tokens the prompt has.
    pub likely_prompt: u64,
    /// The most tokens of an answer that the caller lets it have.
    pub max_tokens: Option<u64>,
    /// How many answers it asks for.
    pub choices: u32,
}

/// What a call may use at most at the dearest and the longest of its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// What it may cost, in nano-USD; `None` if a target has no price.
    pub cost: Option<u64>,
    /// Tokens of the prompt and of all answers.
    pub tokens: u64,
}

impl Most {
    /// What a call may use at most at any target of its route.
    pub fn of(billing: &Billing, route: &Route, estimate: Estimate) -> Self {
        let mut most = Self {
            cost: Some(0),
            tokens: 0,
        };
        for target in route.targets.iter().filter(|target| target.enabled) {
            let output = estimate.longest_output(target).unwrap_or_else(|| {
                u64::from(billing.longest_answer).saturating_mul(estimate.choices())
            });
            let cost = billing
                .priced(target)
                .map(|priced| priced.price.most(estimate.prompt, output));
            most.cost = most.cost.zip(cost).map(|(one, other)| one.max(other));
            most.tokens = most.tokens.max(estimate.prompt.saturating_add(output));
        }
        most
    }
}

impl Billing {
    fn priced<'t>(&'t self, target: &'t RouteTarget) -> Option<&'t Priced> {
        target.facts.price.as_ref().or(self.unpriced.as_ref())
    }
}

impl Estimate {
    /// How many tokens all answers together can have at a target, if that is known.
    fn longest_output(&self, target: &RouteTarget) -> Option<u64> {
        let of_model = target.facts.max_output.map(u64::from);
        let longest = match (self.max_tokens, of_model) {
            (Some(asked), Some(of_model)) => asked.min(of_model),
            (Some(longest), None) | (None, Some(longest)) => longest,
            (None, None) => return None,
        };
        Some(longest.saturating_mul(self.choices()))
    }

    fn choices(&self) -> u64 {
        u64::from(self.choices.max(1))
    }
}

/// What was set aside for a call. Dropping it releases everything.
pub struct Hold {
    ledger: Arc<Ledger>,
    billing: Arc<Billing>,
    caller: Caller,
    levels: Levels,
    pays: Option<Pays>,
    estimate: Estimate,
    /// What is set aside now at every level, in nano-USD.
    held: AtomicU64,
    warning: OnceLock<Warning>,
    /// What is held for its job in credits.
    share: Option<Arc<CallShare>>,
    is_over: bool,
}

/// Whose wallet pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pays {
    Team,
    Organization,
}

/// How a call ended, for whoever pays.
pub struct Ending<'a> {
    /// Who answered.
    pub answered: &'a RouteTarget,
    /// What was asked for.
    pub asked: &'a Route,
    /// What the provider said was used.
    pub usage: Option<Usage>,
    /// About how many tokens of an answer went out, where the provider did not say.
    pub delivered: u64,
    /// How many tokens the prompt has, counted here, where that is better known than before.
    pub prompt: Option<u64>,
    /// Whether the answer reached its end.
    pub whole: bool,
    /// The id of the request.
    pub request_id: &'a str,
}

/// What a call came to.
pub struct Settled {
    /// What the caller pays.
    pub cost: Money,
    /// The tokens that counted.
    pub usage: Usage,
    /// Resolves when that is durable; `None` if nobody has to wait.
    pub ticket: Option<Ticket>,
}

impl Hold {
    /// Sets aside what a call may cost at most at any target of its route, in the wallet that pays
    /// and in every budget. Everything or nothing: then the failure says what is in the way.
    pub fn take(
        ledger: &Arc<Ledger>,
        billing: &Arc<Billing>,
        caller: &Caller,
        route: &Route,
        estimate: Estimate,
    ) -> Result<Self, Failure> {
        let team = caller.team();
        let pays = if team.usd.is_open() {
            Some(Pays::Team)
        } else if team.organization().usd.is_open() {
            Some(Pays::Organization)
        } else {
            None
        };
        let hold = Self::new((ledger, billing), caller, route, (estimate, pays))?;
        hold.cover(route)?;
        Ok(hold)
    }

    /// The same for a call that is paid otherwise: what it costs counts for every budget and is
    /// noted, and no wallet in USD pays it. If its job is charged by what it uses, what it may use
    /// is held for that.
    pub fn take_counted(
        (ledger, billing): (&Arc<Ledger>, &Arc<Billing>),
        caller: &Caller,
        route: &Route,
        (estimate, share): (Estimate, Option<Arc<CallShare>>),
    ) -> Result<Self, Failure> {
        let mut hold = Self::new((ledger, billing), caller, route, (estimate, None))?;
        hold.share = share;
        hold.cover(route)?;
        Ok(hold)
    }

    fn new(
        (ledger, billing): (&Arc<Ledger>, &Arc<Billing>),
        caller: &Caller,
        route: &Route,
        (estimate, pays): (Estimate, Option<Pays>),
    ) -> Result<Self, Failure> {
        ledger.check()?;
        Ok(Self {
            ledger: Arc::clone(ledger),
            billing: Arc::clone(billing),
            levels: Levels::of(caller, route),
            caller: caller.clone(),
            pays,
            estimate,
            held: AtomicU64::new(0),
            warning: OnceLock::new(),
            share: None,
            is_over: false,
        })
    }

    /// Sets aside more if the call may cost more at a target of this route.
    pub fn cover(&self, route: &Route) -> Result<(), Failure> {
        let is_free = self.pays.is_none() && self.levels.are_free();
        if is_free && self.share.is_none() {
            return Ok(());
        }
        let most = Most::of(&self.billing, route, self.estimate);
        if let Some(share) = &self.share {
            share.cover(most, &route.model)?;
        }
        if is_free {
            return Ok(());
        }
        let most = most.cost.ok_or_else(|| of_unpriced(&route.model))?;
        let held = self.held.load(Ordering::Relaxed);
        let more = most.saturating_sub(held);
        // A call that surely costs nothing is nobody's affair.
        if more == 0 {
            return Ok(());
        }
        let least = if held == 0 {
            self.billing.minimum
        } else {
            Money::ZERO
        };
        if let Some(wallet) = self.wallet() {
            wallet
                .hold(more, least.as_nano())
                .map_err(|reading| refusal::of_credits(reading, most, self.billing.minimum))?;
        }
        fault::point("hold.wallet");
        let when = (&*self.ledger.clock(), self.ledger.now());
        let warning = match self.levels.hold(&self.caller, more, when) {
            Ok(warning) => warning,
            Err(failure) => {
                if let Some(wallet) = self.wallet() {
                    wallet.release(more);
                }
                return Err(failure);
            }
        };
        fault::point("hold.levels");
        if let Some(warning) = warning {
            _ = self.warning.set(warning);
        }
        self.held.store(most, Ordering::Relaxed);
        fault::point(if held == 0 {
            "hold.taken"
        } else {
            "hold.raised"
        });
        Ok(())
    }

    /// A budget that this call found nearly spent.
    pub fn warning(&self) -> Option<&Warning> {
        self.warning.get()
    }

    /// What the wallet that pays holds, if that is little.
    pub fn low_balance(&self) -> Option<Money> {
        let balance = Money::from_nano(self.wallet()?.read().balance);
        (balance < self.billing.low).then_some(balance)
    }

    fn wallet(&self) -> Option<&Wallet> {
        wallet(&self.caller, self.pays)
    }

    /// Ends it with what the call came to: takes the cost, gives the rest back, and posts the
    /// entry that says so.
    pub fn settle(self, ending: &Ending<'_>) -> Settled {
        self.settle_at(ending, None)
    }

    /// The same for an answer that was kept, at so many percent of its price.
    pub fn settle_again(self, ending: &Ending<'_>, percent: u8) -> Settled {
        self.settle_at(ending, Some(percent))
    }

    fn settle_at(mut self, ending: &Ending<'_>, again: Option<u8>) -> Settled {
        self.is_over = true;
        fault::point("settle.begun");
        let held = self.held.load(Ordering::Relaxed);
        let (charge, entry) = self.settlement(held, ending, again);
        if charge.cost == 0 && charge.usage == Usage::default() && !ending.whole {
            // Nothing was delivered and nothing used: there is nothing to write.
            self.give_back(held);
            return Settled {
                cost: Money::ZERO,
                usage: Usage::NONE,
                ticket: None,
            };
        }
        let posted = self
            .ledger
            .post(|| Ok(self.take_cost(held, charge.cost, entry)));
        fault::point("settle.queued");
        let strict = self.ledger.settings().durability == Durability::Strict;
        let (ticket, taken) = match posted {
            Ok((ticket, taken)) => (ticket, taken),
            Err(_) => (None, 0),
        };
        Settled {
            cost: Money::from_nano(taken),
            usage: charge.usage,
            ticket: ticket.filter(|_| strict),
        }
    }

    /// Changes memory: gives what was held back but for the cost.
    fn take_cost(&self, held: u64, cost: u64, mut entry: Entry) -> (Option<Posting>, u64) {
        let taken = self
            .wallet()
            .map_or(cost, |wallet| wallet.settle(held, cost));
        let when = (&*self.ledger.clock(), entry.at);
        self.levels.settle(&self.caller, (held, cost), when);
        fault::point("settle.taken");
        if let Kind::Settlement(settlement) = &mut entry.kind {
            settlement.charged = taken;
            settlement.shortfall = cost - taken;
            if taken < cost {
                settlement.flags = settlement.flags.with(Flags::SHORT);
            }
        }
        let undo = Undo {
            caller: self.caller.clone(),
            levels: self.levels.clone(),
            pays: self.pays,
        };
        let posting = Posting {
            entry,
            along: None,
            undo: Some(undo),
        };
        (Some(posting), taken)
    }

    /// What the call came to, and the entry that will say so; what is taken stands open.
    fn settlement(&self, held: u64, ending: &Ending<'_>, again: Option<u8>) -> (Charge, Entry) {
        let answered = ending.answered;
        let priced = self.billing.priced(answered);
        let price = priced.map(|priced| priced.price).unwrap_or_default();
        let mut charge = charge::charge(
            &price,
            &Told {
                reported: ending.usage,
                prompt_estimate: ending.prompt.unwrap_or(self.estimate.likely_prompt),
                delivered: ending.delivered,
                max_output: self.estimate.longest_output(answered),
                context_window: answered.facts.context_window,
                whole: ending.whole,
            },
        );
        let mut flags = charge.flags;
        if let Some(percent) = again {
            charge.cost = share(charge.cost, percent);
            flags = flags.with(Flags::CACHED);
        }
        if answered.facts.price.is_none() {
            flags = flags.with(Flags::UNPRICED);
        }
        // What a fallback answered is never kept. The target of an answer that was is of an earlier
        // route, which need not be this one though it is for the same model.
        let mut targets = ending.asked.targets.iter();
        let is_asked = |target: &Arc<RouteTarget>| std::ptr::eq(Arc::as_ptr(target), answered);
        if again.is_none() && !targets.any(is_asked) {
            flags = flags.with(Flags::FALLBACK);
        }
        let settlement = Settlement {
            held,
            charged: charge.cost,
            shortfall: 0,
            payer: self.caller.payer(),
            model: Arc::clone(&answered.model),
            connection: Arc::clone(&answered.target.connection),
            price_version: priced.map_or_else(
                || Arc::clone(self.ledger.no_price()),
                |priced| Arc::clone(&priced.version),
            ),
            usage: charge.usage,
            flags,
            request_id: ending.request_id.into(),
        };
        let entry = Entry {
            id: self.ledger.next_id(),
            at: self.ledger.now(),
            wallet: self.wallet().map(|wallet| Arc::clone(wallet.id())),
            kind: Kind::Settlement(Box::new(settlement)),
        };
        (charge, entry)
    }

    fn give_back(&self, held: u64) {
        if held > 0 {
            if let Some(wallet) = self.wallet() {
                wallet.release(held);
            }
            self.levels.release(&self.caller, held);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.is_over {
            self.give_back(self.held.load(Ordering::Relaxed));
        }
    }
}

/// So many percent of a cost, rounded up.
fn share(cost: u64, percent: u8) -> u64 {
    let part = (u128::from(cost) * u128::from(percent.min(100))).div_ceil(100);
    u64::try_from(part).unwrap_or(cost)
}

fn wallet(caller: &Caller, pays: Option<Pays>) -> Option<&Wallet> {
    match pays? {
        Pays::Team => Some(caller.team().wallet(Unit::Usd)),
        Pays::Organization => Some(caller.organization().wallet(Unit::Usd)),
    }
}

/// What it takes to undo a settlement in memory.
pub(crate) struct Undo {
    caller: Caller,
    levels: Levels,
    pays: Option<Pays>,
}

impl Undo {
    /// Gives back what was charged, and takes the cost out of the budgets.
    pub(crate) fn run(&self, charged: u64, cost: u64, at: Timestamp) {
        if let Some(wallet) = wallet(&self.caller, self.pays) {
            wallet.add(charged);
        }
        self.levels.take_back(&self.caller, cost, at);
    }
}
