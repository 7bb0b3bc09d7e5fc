//! What open jobs will cost beyond what was set aside when they were made, where they are charged
//! by what they use: what their calls have used, and what those under way may use at most. It is
//! held in their wallets as what calls may cost in USD is in theirs, so that all jobs of a wallet
//! together use no more than there is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_core::error::{Code, Failure};
use tollgate_core::job::{BudgetMode, JobId, Terms, Used};
use tollgate_core::ledger::WalletId;

use super::HELD;
use crate::hold::{self, Most};
use crate::tenants::Tenants;

/// The shares of open jobs in what their wallets hold.
pub(super) struct Shares {
    tenants: Arc<Tenants>,
    jobs: Mutex<HashMap<JobId, Share>>,
}

/// What one job will cost.
struct Share {
    wallet: WalletId,
    terms: Terms,
    /// What its calls have used that have ended.
    used: Used,
    /// What those under way may use at most.
    running: Used,
    /// What is held for it in the wallet.
    held: u64,
}

impl Share {
    /// What has to be held for it, if its calls under way may use so much.
    fn needed(&self, running: Used) -> u64 {
        let used = add(self.used, running);
        self.terms.charge(used).saturating_sub(HELD)
    }
}

fn add(one: Used, other: Used) -> Used {
    Used {
        cost: one.cost.saturating_add(other.cost),
        tokens: one.tokens.saturating_add(other.tokens),
    }
}

fn less(one: Used, other: Used) -> Used {
    Used {
        cost: one.cost.saturating_sub(other.cost),
        tokens: one.tokens.saturating_sub(other.tokens),
    }
}

impl Shares {
    pub(super) fn new(tenants: Arc<Tenants>) -> Self {
        Self {
            tenants,
            jobs: Mutex::default(),
        }
    }

    /// Whether a job is known here. Its terms are these from now on.
    pub(super) fn knows(&self, id: JobId, terms: &Terms) -> bool {
        let mut jobs = self.lock();
        let share = jobs.get_mut(&id);
        share.is_some_and(|share| {
            share.terms.clone_from(terms);
            true
        })
    }

    /// Takes in a job with what its calls have used before. One that is known stays as it is.
    pub(super) fn adopt(&self, id: JobId, wallet: WalletId, (terms, used): (Terms, Used)) {
        let mut jobs = self.lock();
        let share = jobs.entry(id).or_insert(Share {
            wallet,
            terms,
            used,
            running: Used::default(),
            held: 0,
        });
        self.keep_up(share);
    }

    /// Forgets a job. What is held for it is still held: whoever asks takes it or releases it.
    pub(super) fn leave(&self, id: JobId) -> Option<(WalletId, u64)> {
        let share = self.lock().remove(&id)?;
        Some((share.wallet, share.held))
    }

    /// Forgets a job, and releases what is held for it.
    pub(super) fn forget(&self, id: JobId) {
        if let Some((wallet, held)) = self.leave(id) {
            self.tenants
                .with_wallet(&wallet, |wallet| wallet.release(held));
        }
    }

    /// Has a call use up to so much more. Fails if there are not as many credits.
    fn raise(&self, id: JobId, more: Used) -> Result<(), Failure> {
        let mut jobs = self.lock();
        // A job that has ended meanwhile costs what it cost then.
        let Some(share) = jobs.get_mut(&id) else {
            return Ok(());
        };
        let running = add(share.running, more);
        let needed = share.needed(running);
        let missing = needed.saturating_sub(share.held);
        if missing > 0 {
            let tenants = &self.tenants;
            match tenants.with_wallet(&share.wallet, |wallet| wallet.hold(missing, 0)) {
                Some(Ok(())) => share.held = needed,
                Some(Err(reading)) => {
                    return Err(too_little(share, needed, reading.available()));
                }
                None => {}
            }
        }
        share.running = running;
        Ok(())
    }

    /// A call that might have used so much has used this.
    fn lower(&self, id: JobId, most: Used, used: Used) {
        let mut jobs = self.lock();
        if let Some(share) = jobs.get_mut(&id) {
            share.running = less(share.running, most);
            share.used = add(share.used, used);
            self.keep_up(share);
        }
    }

    /// Holds what has to be held, or as much of it as there is.
    fn keep_up(&self, share: &mut Share) {
        let needed = share.needed(share.running);
        let held = share.held;
        let now = self.tenants.with_wallet(&share.wallet, |wallet| {
            let missing = needed.saturating_sub(held);
            if missing == 0 {
                wallet.release(held - needed);
                return needed;
            }
            let there = missing.min(wallet.read().available());
            // Somebody else may have taken it in this moment.
            let taken = wallet.hold(there, 0).map_or(0, |()| there);
            held + taken
        });
        share.held = now.unwrap_or(0);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Share>> {
        // Each change under the lock is complete before anything could panic.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_little(share: &Share, needed: u64, available: u64) -> Failure {
    let (needed, held) = (needed.saturating_add(HELD), share.held.saturating_add(HELD));
    Failure::client(Code::InsufficientCredits).message(format!(
        "With this call the job may come to {needed} credits. {held} are set aside for it, and \
         {available} are left. Add credits, or ask for a shorter answer."
    ))
}

/// The part of one call in what is held for its job. Dropping it gives back what the call has not
/// used.
pub struct CallShare {
    shares: Arc<Shares>,
    job: JobId,
    /// By what the job is charged.
    mode: BudgetMode,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// What the call may use at most.
    most: Used,
    is_over: bool,
}

impl CallShare {
    pub(super) fn new(shares: &Arc<Shares>, job: JobId, mode: BudgetMode) -> Self {
        Self {
            shares: Arc::clone(shares),
            job,
            mode,
            state: Mutex::default(),
        }
    }

    /// Sets aside what the call may use at most, or more if it may use more than was said before.
    /// Fails if there are not as many credits, and where USD count and the model has no price.
    pub(crate) fn cover(&self, most: Most, model: &str) -> Result<(), Failure> {
        let cost = match (most.cost, self.mode) {
            (Some(cost), _) => cost,
            (None, BudgetMode::ConsumptionUsd) => return Err(hold::of_unpriced(model)),
            (None, BudgetMode::JobBased | BudgetMode::ConsumptionTokens) => 0,
        };
        let mut state = self.lock();
        if state.is_over {
            return Ok(());
        }
        let tokens = most.tokens;
        let more = less(Used { cost, tokens }, state.most);
        self.shares.raise(self.job, more)?;
        state.most = add(state.most, more);
        Ok(())
    }

    /// The call has ended, and has used this.
    pub(super) fn end(&self, used: Used) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.is_over, true) {
            self.shares.lower(self.job, state.most, used);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change under the lock is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CallShare {
    fn drop(&mut self) {
        self.end(Used::default());
    }
}

impl std::fmt::Debug for CallShare {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CallShare({})", self.job)
    }
}
