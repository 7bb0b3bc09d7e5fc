//! Adds up what was used, by who used which model when.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ledger::{Payer, Settlement};
use crate::time::Timestamp;

/// The length of the stretches in which usage is added up, in milliseconds. Time zones differ
/// from each other by multiples of it.
pub const QUARTER_MS: i64 = 15 * 60 * 1000;

/// What tells usage apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Use<'a> {
    /// When the quarter of an hour began.
    pub quarter: Timestamp,
    /// Who used it.
    pub payer: &'a Payer,
    /// The model whose price was taken.
    pub model: &'a str,
}

/// What was used in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many calls were settled.
    pub calls: u64,
    /// Tokens of prompts.
    pub prompt: u64,
    /// Tokens of answers.
    pub completion: u64,
    /// What they cost in nano-USD, whether somebody paid or not: charged and shortfall.
    pub cost: u64,
}

#[derive(Debug, Default)]
pub(super) struct Used {
    payers: Names<Payer>,
    models: Names<Arc<str>>,
    sums: HashMap<(i64, usize, usize), Sum>,
}

impl Used {
    pub(super) fn add(&mut self, at: Timestamp, settlement: &Settlement) {
        let quarter = at.as_millis().div_euclid(QUARTER_MS);
        let payer = self.payers.number(&settlement.payer);
        let model = self.models.number(&settlement.model);
        let sum = self.sums.entry((quarter, payer, model)).or_default();
        let cost = settlement.charged.saturating_add(settlement.shortfall);
        sum.calls += 1;
        sum.prompt = sum.prompt.saturating_add(settlement.usage.prompt);
        sum.completion = sum.completion.saturating_add(settlement.usage.completion);
        sum.cost = sum.cost.saturating_add(cost);
    }

    pub(super) fn sums(&self) -> impl Iterator<Item = (Use<'_>, Sum)> {
        self.sums
            .iter()
            .filter_map(|((quarter, payer, model), sum)| {
                let of = Use {
                    quarter: Timestamp::from_millis(quarter.saturating_mul(QUARTER_MS)),
                    payer: self.payers.names.get(*payer)?,
                    model: self.models.names.get(*model)?,
                };
                Some((of, *sum))
            })
    }
}

/// Numbers for what is long and comes again and again.
#[derive(Debug)]
struct Names<T> {
    numbers: HashMap<T, usize>,
    names: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            names: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Names<T> {
    fn number(&mut self, name: &T) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(name.clone());
        self.numbers.insert(name.clone(), number);
        number
    }
}
