//! Balances in memory, owned by this process: what calls may cost at most is held before they are
//! made, and what they did cost is taken afterwards.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_core::ledger::WalletId;

/// What somebody has left.
pub struct Wallet {
    id: Arc<WalletId>,
    /// Whether it was ever given anything.
    open: AtomicBool,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// What the entries come to, those included that are not durable yet. Never negative.
    balance: u64,
    /// How much of it is held for calls under way. Never more than the balance.
    held: u64,
}

/// What a wallet holds at a moment, in its smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What the entries come to.
    pub balance: u64,
    /// How much of it is held for calls under way.
    pub held: u64,
}

impl Reading {
    /// What a further call may cost at most.
    pub const fn available(self) -> u64 {
        self.balance.saturating_sub(self.held)
    }
}

impl Wallet {
    /// An empty one that was never given anything.
    pub fn new(id: WalletId) -> Self {
        Self {
            id: Arc::new(id),
            open: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Names it.
    pub fn id(&self) -> &Arc<WalletId> {
        &self.id
    }

    /// Whether it was ever given anything: until then its holder is counted and does not pay.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// What it holds now.
    pub fn read(&self) -> Reading {
        let State { balance, held } = *self.lock();
        Reading { balance, held }
    }

    /// Sets an amount aside, if as much is available and not less than `least`. Otherwise nothing
    /// happens, and what there is is told.
    pub(crate) fn hold(&self, amount: u64, least: u64) -> Result<(), Reading> {
        let mut state = self.lock();
        let reading = Reading {
            balance: state.balance,
            held: state.held,
        };
        let available = reading.available();
        if available < amount || available < least {
            return Err(reading);
        }
        state.held += amount;
        Ok(())
    }

    /// Gives back what was set aside.
    pub(crate) fn release(&self, held: u64) {
        let mut state = self.lock();
        debug_assert!(state.held >= held, "only what is held is released");
        state.held = state.held.saturating_sub(held);
    }

    /// Ends a hold: takes the cost, or as much of it as there is beside what others hold. Gives
    /// what was taken.
    pub(crate) fn settle(&self, held: u64, cost: u64) -> u64 {
        let mut state = self.lock();
        debug_assert!(state.held >= held, "only what is held is settled");
        state.held = state.held.saturating_sub(held);
        let taken = cost.min(state.balance.saturating_sub(state.held));
        state.balance -= taken;
        taken
    }

    /// Adds to the balance. The first time opens the wallet.
    pub(crate) fn add(&self, amount: u64) {
        let mut state = self.lock();
        state.balance = state.balance.saturating_add(amount);
        self.open.store(true, Ordering::Release);
    }

    /// Takes from the balance, if that much is available.
    pub(crate) fn take(&self, amount: u64) -> Result<(), Reading> {
        self.hold(amount, 0)?;
        self.settle(amount, amount);
        Ok(())
    }

    /// The same out of what is held, and beyond that out of what is available. What is held is no
    /// longer held then, all of it.
    pub(crate) fn take_held(&self, held: u64, amount: u64) -> Result<(), Reading> {
        let mut state = self.lock();
        let State { balance, held: all } = *state;
        debug_assert!(all >= held, "only what is held is taken");
        let others = all.saturating_sub(held);
        if balance.saturating_sub(others) < amount {
            return Err(Reading { balance, held: all });
        }
        state.held = others;
        state.balance -= amount;
        Ok(())
    }

    /// Adds to the balance without an entry.
    #[cfg(any(test, feature = "testing"))]
    pub fn give(&self, amount: u64) {
        self.add(amount);
    }

    /// Sets the balance to what the entries come to, at the start.
    pub(crate) fn restore(&self, balance: u64) {
        self.lock().balance = balance;
        self.open.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change under the lock is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reading { balance, held } = self.read();
        write!(formatter, "Wallet({}, {balance}, {held} held)", self.id)
    }
}
