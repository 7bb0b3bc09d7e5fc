//! What callers and operators were told, held against what the ledger says.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use tollgate_core::ledger::{Entry, EntryId, Kind, Page, PageHead, Settlement, WalletId};

/// How a call ended, for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// With a complete answer, and what it cost in nano-USD.
    Whole(u64),
    /// With an error that was read whole.
    Refused,
    /// The caller hung up in the middle.
    Left,
    /// The connection broke.
    Cut,
}

/// Credits that somebody has ordered.
#[derive(Clone, Copy, Debug)]
struct Order {
    amount: u64,
    is_acknowledged: bool,
    is_there: bool,
}

/// What happened, in figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub kills: u64,
    pub stops: u64,
    pub restarts: u64,
    pub whole: u64,
    pub refused: u64,
    pub left: u64,
    /// Calls that were under way when the gateway was killed.
    pub cut: u64,
    pub orders: u64,
    pub repeated: u64,
    pub reads: u64,
    pub pages: u64,
    pub entries: u64,
    /// Settlements of calls that were under way when the gateway was killed.
    pub cut_settled: u64,
    pub left_settled: u64,
    pub withheld: u64,
    pub refunds: u64,
    /// Charges of answers that were withheld, and that a kill has kept from being refunded.
    pub unrefunded: u64,
    pub charged: u64,
    pub topped_up: u64,
}

/// Everything that was told.
#[derive(Default)]
pub struct Book {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    /// The calls since the last look at the ledger.
    told: HashMap<u64, Told>,
    /// Those of them that the ledger has.
    settled: HashSet<u64>,
    /// What those who got no complete answer were charged.
    owed: HashMap<EntryId, (Told, u64)>,
    orders: HashMap<Box<str>, Order>,
    head: PageHead,
    balances: BTreeMap<WalletId, i128>,
    counts: Counts,
}

impl Book {
    /// A number that no other call or order has.
    pub fn number(&self) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        inner.next
    }

    /// A call has ended.
    pub fn tell(&self, call: u64, told: Told) {
        let mut inner = self.lock();
        match told {
            Told::Whole(_) => inner.counts.whole += 1,
            Told::Refused => inner.counts.refused += 1,
            Told::Left => inner.counts.left += 1,
            Told::Cut => inner.counts.cut += 1,
        }
        assert_eq!(inner.told.insert(call, told), None, "call {call}");
    }

    /// Credits are about to be ordered.
    pub fn order(&self, reference: &str, amount: u64) {
        let order = Order {
            amount,
            is_acknowledged: false,
            is_there: false,
        };
        self.lock().orders.insert(reference.into(), order);
    }

    /// The order was carried out, as far as its answer says.
    pub fn acknowledge(&self, reference: &str) {
        let mut inner = self.lock();
        inner.counts.orders += 1;
        inner.orders.get_mut(reference).unwrap().is_acknowledged = true;
    }

    /// Counts something.
    pub fn count(&self, what: impl FnOnce(&mut Counts)) {
        what(&mut self.lock().counts);
    }

    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The last page that was looked at.
    pub fn head(&self) -> PageHead {
        self.lock().head
    }

    /// What a wallet holds by its entries.
    pub fn balance(&self, wallet: &WalletId) -> u64 {
        let balance = self.lock().balances.get(wallet).copied();
        u64::try_from(balance.unwrap_or_default()).unwrap()
    }

    /// Holds what was told against the pages that came. Nothing is under way, and the process that
    /// wrote them has ended.
    pub fn check(&self, pages: &[Page]) {
        let mut inner = self.lock();
        for page in pages {
            let entries = page.read(inner.head).unwrap();
            inner.head = page.head;
            inner.counts.pages += 1;
            for entry in entries {
                inner.counts.entries += 1;
                inner.take(&entry);
            }
        }
        inner.close();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    fn take(&mut self, entry: &Entry) {
        if let Some(wallet) = &entry.wallet {
            let balance = self.balances.entry((**wallet).clone()).or_default();
            *balance += entry.effect();
            assert!(*balance >= 0, "{wallet} is negative by {entry:?}");
        }
        match &entry.kind {
            Kind::TopUp(movement) => {
                let reference = movement.reference.as_deref().expect("a reference");
                let order = self.orders.get_mut(reference);
                let order = order.unwrap_or_else(|| panic!("nobody ordered {reference}"));
                assert_eq!(order.amount, movement.amount, "{reference}");
                assert!(!order.is_there, "{reference} is there twice");
                order.is_there = true;
                self.counts.topped_up += movement.amount;
            }
            Kind::Settlement(settlement) => self.settle(entry, settlement),
            Kind::Refund { movement, of } => {
                let (_, owed) = self.owed.get_mut(of).expect("a withheld answer");
                *owed = owed.checked_sub(movement.amount).expect("no more");
                self.counts.refunds += 1;
            }
            Kind::Loss(_) => {}
            other => panic!("nobody asked for {other:?}"),
        }
    }

    fn settle(&mut self, entry: &Entry, settlement: &Settlement) {
        let call = settlement.request_id.strip_prefix("bank-");
        let call: u64 = call.and_then(|call| call.parse().ok()).expect("a call");
        let told = self.told.get(&call).copied();
        let told = told.unwrap_or_else(|| panic!("nobody made the call of {entry:?}"));
        assert!(self.settled.insert(call), "call {call} is settled twice");
        assert_eq!(settlement.shortfall, 0, "{entry:?}");
        self.counts.charged += settlement.charged;
        match told {
            Told::Whole(cost) => assert_eq!(settlement.charged, cost, "{entry:?}"),
            Told::Left => self.counts.left_settled += 1,
            Told::Cut => self.counts.cut_settled += 1,
            Told::Refused => self.counts.withheld += 1,
        }
        if !matches!(told, Told::Whole(_)) {
            self.owed.insert(entry.id, (told, settlement.charged));
        }
    }

    /// Whoever was told something was told the truth.
    fn close(&mut self) {
        for (call, told) in self.told.drain() {
            if let Told::Whole(_) = told {
                assert!(self.settled.contains(&call), "call {call} is lost");
            }
        }
        self.settled.clear();
        for (_, (told, owed)) in self.owed.drain() {
            if told == Told::Refused && owed > 0 {
                self.counts.unrefunded += 1;
            }
        }
        for (reference, order) in &self.orders {
            let is_good = order.is_there || !order.is_acknowledged;
            assert!(is_good, "{reference} is lost");
        }
        // The account of each wallet was kept entry by entry; this is that of all of them.
        let total: i128 = self.balances.values().sum();
        assert!(total <= i128::from(self.counts.topped_up), "{total}");
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.whole + self.refused + self.left + self.cut;
        writeln!(
            formatter,
            "{} kills of the gateway, {} stops and {} restarts of the server",
            self.kills, self.stops, self.restarts
        )?;
        writeln!(
            formatter,
            "{} operations: {calls} calls, {} top-ups acknowledged, {} repeated, {} balances read",
            calls + self.orders + self.repeated + self.reads,
            self.orders,
            self.repeated,
            self.reads
        )?;
        writeln!(
            formatter,
            "calls: {} answered completely, each with one settlement of its cost; {} refused; \
             {} left by their callers, {} of them settled",
            self.whole, self.refused, self.left, self.left_settled
        )?;
        writeln!(
            formatter,
            "{} under way at the kills, {} of them settled without a complete answer",
            self.cut, self.cut_settled
        )?;
        writeln!(
            formatter,
            "{} settlements of withheld answers, {} refunds, {} refunds lost by a kill",
            self.withheld, self.refunds, self.unrefunded
        )?;
        write!(
            formatter,
            "ledger: {} pages, {} entries, {} nano-USD topped up, {} charged",
            self.pages, self.entries, self.topped_up, self.charged
        )
    }
}
