//! Recomputes every balance from the entries.

use std::collections::BTreeMap;

use super::{Page, WalletId};

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
    /// On which page.
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
    /// The wallets.
    pub wallets: BTreeMap<WalletId, Balance>,
    /// What must not be.
    pub findings: Vec<Finding>,
}

/// Reads pages in their order and adds up.
#[derive(Debug, Default)]
pub struct Verifier {
    report: Report,
}

impl Verifier {
    /// Takes the next page.
    pub fn take(&mut self, page: &Page) {
        _ = page;
        self.report.pages += 1;
    }

    /// What it all came to.
    pub fn finish(self) -> Report {
        self.report
    }
}
