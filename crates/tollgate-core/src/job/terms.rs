//! What a team's jobs cost: one pure rule.

use crate::money::USD;

/// How many parts of a credit the rates of credits per dollar are counted in.
pub const CREDITS_SCALE: u64 = 1_000_000;

/// By what a completed job is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BudgetMode {
    /// One credit each, whatever its calls cost.
    #[default]
    JobBased,
    /// By what its calls cost in USD.
    ConsumptionUsd,
    /// By the tokens of its calls.
    ConsumptionTokens,
}

impl BudgetMode {
    /// Every mode.
    pub const ALL: &'static [Self] = &[
        Self::JobBased,
        Self::ConsumptionUsd,
        Self::ConsumptionTokens,
    ];

    /// The word for settings, the API and storing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobBased => "job_based",
            Self::ConsumptionUsd => "consumption_usd",
            Self::ConsumptionTokens => "consumption_tokens",
        }
    }

    /// The mode of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == name)
    }
}

/// What is charged by: what the calls of a job came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// What they cost, in nano-USD.
    pub cost: u64,
    /// Tokens of prompts and answers.
    pub tokens: u64,
}

/// The terms of a team's jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// By what a completed job is charged.
    pub mode: BudgetMode,
    /// How many credits a dollar of cost is, in millionths of a credit ([`CREDITS_SCALE`]). More
    /// than zero.
    pub credits_per_dollar: u64,
    /// How many tokens a credit is. More than zero.
    pub tokens_per_credit: u64,
    /// The model of calls that name none.
    pub default_model: Option<Box<str>>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            mode: BudgetMode::JobBased,
            credits_per_dollar: 10 * CREDITS_SCALE,
            tokens_per_credit: 10_000,
            default_model: None,
        }
    }
}

impl Terms {
    /// The credits that a completed job costs: whole ones, rounded down, and at least one.
    pub fn charge(&self, used: Used) -> u64 {
        let credits = match self.mode {
            BudgetMode::JobBased => 1,
            BudgetMode::ConsumptionUsd => {
                let parts = u128::from(used.cost) * u128::from(self.credits_per_dollar);
                let scale = u128::from(USD) * u128::from(CREDITS_SCALE);
                u64::try_from(parts / scale).unwrap_or(u64::MAX)
            }
            BudgetMode::ConsumptionTokens => used
                .tokens
                .checked_div(self.tokens_per_credit)
                .unwrap_or(u64::MAX),
        };
        credits.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_counted_as_each_mode_says() {
        let job = |mode, cost, tokens| {
            let terms = Terms {
                mode,
                ..Terms::default()
            };
            terms.charge(Used { cost, tokens })
        };
        for (mode, cost, tokens, expected) in [
            (BudgetMode::JobBased, 500 * USD, 1_000_000_000, 1),
            (BudgetMode::JobBased, 0, 0, 1),
            (BudgetMode::ConsumptionUsd, 0, 9_999_999, 1),
            (BudgetMode::ConsumptionUsd, USD / 10, 0, 1),
            (BudgetMode::ConsumptionUsd, USD / 5 - 1, 0, 1),
            (BudgetMode::ConsumptionUsd, USD / 5, 0, 2),
            (BudgetMode::ConsumptionUsd, 100 * USD, 0, 1000),
            (BudgetMode::ConsumptionTokens, 100 * USD, 0, 1),
            (BudgetMode::ConsumptionTokens, 0, 19_999, 1),
            (BudgetMode::ConsumptionTokens, 0, 20_000, 2),
            (BudgetMode::ConsumptionTokens, 0, 250_000, 25),
        ] {
            assert_eq!(
                job(mode, cost, tokens),
                expected,
                "{mode:?} {cost} {tokens}"
            );
        }
        assert!(job(BudgetMode::ConsumptionUsd, u64::MAX, 0) > 100_000_000_000);
    }

    #[test]
    fn rates_may_be_parts_of_a_credit() {
        let terms = Terms {
            mode: BudgetMode::ConsumptionUsd,
            credits_per_dollar: 2_500_000,
            ..Terms::default()
        };
        let cost = |nano| {
            terms.charge(Used {
                cost: nano,
                tokens: 0,
            })
        };
        assert_eq!(cost(2 * USD), 5);
        assert_eq!(cost(2 * USD - 1), 4);
    }

    #[test]
    fn words_of_modes_are_read_back() {
        for mode in BudgetMode::ALL {
            assert_eq!(BudgetMode::from_name(mode.as_str()), Some(*mode));
        }
        assert_eq!(BudgetMode::from_name("free"), None);
    }
}
