//! The right to one call that costs money: what it may cost at most is set aside at every level at
//! once. It is settled or released exactly once, however the call ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::ledger::{Entry, Flags, Kind, Settlement};
use tollgate_core::limit::Level;
use tollgate_core::model::Priced;
use tollgate_core::money::{Money, Unit};
use tollgate_core::reply::Usage;

use crate::caller::Caller;
use crate::meter::Meter;
use crate::routes::{Route, RouteTarget};
use crate::settle::{Ledger, Posting, Ticket};
use crate::spend::BudgetReading;
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
    /// The most tokens of an answer that the caller lets it have.
    pub max_tokens: Option<u64>,
    /// How many answers it asks for.
    pub choices: u32,
}

/// What was set aside for a call. Dropping it releases everything.
pub struct Hold {
    ledger: Arc<Ledger>,
    caller: Caller,
    model: Arc<Meter>,
    billing: Arc<Billing>,
    estimate: Estimate,
    /// What is set aside now, in nano-USD.
    held: AtomicU64,
    /// Whether anybody pays or has budgets: otherwise nothing is ever set aside.
    counts: bool,
    is_over: bool,
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
    /// Whether the answer reached its end.
    pub whole: bool,
    /// The id of the request.
    pub request_id: &'a str,
}

/// What a call came to.
pub struct Settled {
    /// What the caller pays.
    pub cost: Money,
    /// Resolves when that is durable; `None` if nobody has to wait.
    pub ticket: Option<Ticket>,
}

/// What it takes to undo a settlement in memory.
pub(crate) struct Undo {
    caller: Caller,
    model: Arc<Meter>,
    pays: bool,
}

impl Undo {
    /// Gives back what was charged, and takes the cost out of the budgets.
    pub(crate) fn run(&self, charged: u64, cost: u64) {
        if self.pays
            && let Some(wallet) = self.caller.team().paying(Unit::Usd)
        {
            wallet.add(charged);
        }
        for (_, meter) in meters(&self.caller, &self.model) {
            meter.spend.take_back(cost);
        }
    }
}

impl Hold {
    /// Sets aside what a call may cost at most at the first target of its route.
    pub fn take(
        ledger: &Arc<Ledger>,
        billing: &Arc<Billing>,
        caller: &Caller,
        route: &Route,
        estimate: Estimate,
    ) -> Result<Self, Failure> {
        _ = (route, level_of(Level::Key));
        ledger.check()?;
        Ok(Self {
            ledger: Arc::clone(ledger),
            caller: caller.clone(),
            model: Arc::default(),
            billing: Arc::clone(billing),
            estimate,
            held: AtomicU64::new(0),
            counts: false,
            is_over: false,
        })
    }

    /// Sets aside more if the call may cost more at this target.
    pub fn cover(&self, target: &RouteTarget) -> Result<(), Failure> {
        _ = (target, &self.billing, self.estimate, self.counts);
        Ok(())
    }

    /// Ends it with what the call came to.
    pub fn settle(mut self, ending: &Ending<'_>) -> Settled {
        _ = ending;
        self.is_over = true;
        Settled {
            cost: Money::ZERO,
            ticket: None,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.is_over {
            self.held.store(0, Ordering::Relaxed);
        }
    }
}

fn level_of(level: Level) -> &'static str {
    level.as_str()
}

/// The meters of a call that exist.
fn meters<'a>(
    caller: &'a Caller,
    model: &'a Arc<Meter>,
) -> impl Iterator<Item = (Level, &'a Arc<Meter>)> {
    let user = caller.user().and_then(|user| user.meter.there());
    [
        (Level::Key, caller.entry.meter().there()),
        (Level::User, user),
        (Level::Team, caller.team().meter.there()),
        (Level::Organization, caller.organization().meter.there()),
        (Level::Model, Some(model)),
    ]
    .into_iter()
    .filter_map(|(level, meter)| Some((level, meter?)))
}
