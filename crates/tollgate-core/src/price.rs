//! What tokens cost: whole pico-USD (10⁻¹² USD) per token, so that no price is rounded.

use std::fmt;

use crate::money;
use crate::reply::Usage;

/// Pico-USD in one nano-USD.
const PER_NANO: u128 = 1_000;
/// Pico-USD per token in one USD per million tokens.
const PER_MILLION: u64 = 1_000_000;
const DECIMALS: usize = 6;

/// The prices of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// A token of the prompt.
    pub input: Rate,
    /// A token of the answer.
    pub output: Rate,
    /// A token of the prompt that came from the cache; `None`: as any other.
    pub cached_input: Option<Rate>,
    /// A token of the prompt that was written into the cache; `None`: as any other.
    pub cache_write: Option<Rate>,
    /// The same for a cache of an hour; `None`: as one of the usual time.
    pub cache_write_1h: Option<Rate>,
}

/// A price per token, with the steps that some providers have for long prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Pico-USD per token.
    pub base: u64,
    /// Higher prices for longer prompts, in rising order.
    pub steps: [Option<Step>; 2],
}

/// The price of every token of a call whose prompt is longer than a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The bound, in tokens.
    pub above: u64,
    /// Pico-USD per token.
    pub price: u64,
}

impl Price {
    /// What so many tokens cost, in nano-USD: the exact sum of all parts, rounded once and up.
    /// At most [`money::LARGEST`]. A part of the prompt counts once, even if the counts say that
    /// its parts are more than all of it.
    pub fn cost(&self, usage: &Usage) -> u64 {
        let prompt = usage.prompt;
        let cached = usage.cached.min(prompt);
        let written = usage.cache_written.min(prompt - cached);
        let for_an_hour = usage.cache_written_1h.min(written);
        let cached_input = self.cached_input.unwrap_or(self.input);
        let (short, long) = (self.write(), self.write_1h());
        nano([
            (prompt - cached - written, self.input.at(prompt)),
            (cached, cached_input.at(prompt)),
            (written - for_an_hour, short.at(prompt)),
            (for_an_hour, long.at(prompt)),
            (usage.completion, self.output.at(prompt)),
        ])
    }

    /// The most that a call can cost with a prompt of up to so many tokens and so many tokens of
    /// output, in nano-USD: every token of the prompt at the dearest price that one can have.
    pub fn most(&self, prompt: u64, output: u64) -> u64 {
        let cached_input = self.cached_input.unwrap_or(self.input);
        let rates = [self.input, cached_input, self.write(), self.write_1h()];
        let dearest = rates.iter().map(|rate| rate.most(prompt)).max();
        nano([
            (prompt, dearest.unwrap_or_default()),
            (output, self.output.most(prompt)),
        ])
    }

    fn write(&self) -> Rate {
        self.cache_write.unwrap_or(self.input)
    }

    fn write_1h(&self) -> Rate {
        self.cache_write_1h.unwrap_or_else(|| self.write())
    }
}

/// The sum of so many tokens at so many pico-USD each, in whole nano-USD.
fn nano<const N: usize>(parts: [(u64, u64); N]) -> u64 {
    let products = parts.map(|(tokens, rate)| u128::from(tokens) * u128::from(rate));
    let pico = products.into_iter().fold(0, u128::saturating_add);
    // Nearly every sum fits, and dividing such a one is ten times as fast.
    let nano = u64::try_from(pico).map_or_else(
        |_| pico.div_ceil(PER_NANO),
        |pico| u128::from(pico.div_ceil(1_000)),
    );
    u64::try_from(nano).map_or(money::LARGEST, |nano| nano.min(money::LARGEST))
}

impl Rate {
    /// One price, however long the prompt.
    pub const fn flat(base: u64) -> Self {
        Self {
            base,
            steps: [None; 2],
        }
    }

    /// Pico-USD per token of a call with a prompt of this length.
    pub fn at(&self, prompt: u64) -> u64 {
        let reached = self
            .steps
            .iter()
            .flatten()
            .rfind(|step| prompt > step.above);
        reached.map_or(self.base, |step| step.price)
    }

    /// The highest of the prices that prompts of up to this length can have.
    fn most(&self, prompt: u64) -> u64 {
        let reached = self.steps.iter().flatten();
        let reached = reached.filter(|step| prompt > step.above);
        reached.fold(self.base, |most, step| most.max(step.price))
    }

    /// Reads USD per million tokens as a decimal number: `2.50`. `None` for anything else, for
    /// more than six decimals, and above 10 USD per token.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || fraction.len() > DECIMALS {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let fraction: u64 = format!("{fraction:0<DECIMALS$}").parse().ok()?;
        let base = whole.checked_mul(PER_MILLION)?.checked_add(fraction)?;
        (whole <= 10 * PER_MILLION).then_some(Self::flat(base))
    }
}

/// USD per million tokens, with no more decimals than needed.
impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.base / PER_MILLION, self.base % PER_MILLION);
        if fraction == 0 {
            return write!(formatter, "{whole}");
        }
        let decimals = format!("{fraction:0>DECIMALS$}");
        write!(formatter, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_read_and_written_exactly() {
        for (text, pico, written) in [
            ("2.50", 2_500_000, "2.5"),
            ("0", 0, "0"),
            ("10", 10_000_000, "10"),
            ("0.000001", 1, "0.000001"),
            ("0.0625", 62_500, "0.0625"),
        ] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!(rate.base, pico, "{text}");
            assert_eq!(rate.to_string(), written, "{text}");
            assert_eq!(Rate::parse(written), Some(rate));
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1e3",
            "1,5",
            "0.0000001",
            "99999999999",
        ] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    fn price(input: u64, output: u64) -> Price {
        Price {
            input: Rate::flat(input),
            output: Rate::flat(output),
            ..Price::default()
        }
    }

    fn usage(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt,
            completion,
            ..Usage::default()
        }
    }

    #[test]
    fn a_cost_is_the_exact_sum_of_its_parts_rounded_once_and_up() {
        // 1 × 1 + 1 × 1 pico-USD is far less than a nano-USD, and still not free.
        assert_eq!(price(1, 1).cost(&usage(1, 1)), 1);
        assert_eq!(price(400, 600).cost(&usage(1, 1)), 1);
        assert_eq!(price(400, 601).cost(&usage(1, 1)), 2);
        // $2.50 and $10 per million tokens: 1,000 and 500 of them.
        let cost = price(2_500_000, 10_000_000).cost(&usage(1_000, 500));
        assert_eq!(cost, 7_500_000);
        assert_eq!(price(0, 0).cost(&usage(u64::MAX, u64::MAX)), 0);
    }

    #[test]
    fn every_part_of_a_prompt_has_its_own_price() {
        let price = Price {
            input: Rate::flat(10_000),
            output: Rate::flat(50_000),
            cached_input: Some(Rate::flat(1_000)),
            cache_write: Some(Rate::flat(12_000)),
            cache_write_1h: Some(Rate::flat(20_000)),
        };
        let counts = Usage {
            prompt: 100,
            completion: 10,
            cached: 40,
            cache_written: 30,
            cache_written_1h: 20,
            ..Usage::default()
        };
        let parts = [30 * 10, 40, 10 * 12, 20 * 20, 10 * 50];
        assert_eq!(price.cost(&counts), parts.iter().sum::<u64>());
        let plain = Price {
            cached_input: None,
            cache_write: None,
            cache_write_1h: None,
            ..price
        };
        assert_eq!(plain.cost(&counts), 100 * 10 + 10 * 50);
        let short = Price {
            cache_write_1h: None,
            ..price
        };
        assert_eq!(short.cost(&counts), 30 * 10 + 40 + 30 * 12 + 10 * 50);
    }

    #[test]
    fn a_long_prompt_raises_the_price_of_every_part() {
        let mut dear = price(1_000, 2_000);
        let above = 100;
        dear.input.steps[0] = Some(Step {
            above,
            price: 3_000,
        });
        dear.output.steps[0] = Some(Step {
            above,
            price: 5_000,
        });
        assert_eq!(dear.cost(&usage(100, 10)), 100 + 20);
        assert_eq!(dear.cost(&usage(101, 10)), 303 + 50);
    }

    #[test]
    fn no_amount_wraps_or_passes_the_largest() {
        let price = price(u64::MAX, u64::MAX);
        let counts = Usage {
            cached: u64::MAX,
            cache_written: u64::MAX,
            cache_written_1h: u64::MAX,
            ..usage(u64::MAX, u64::MAX)
        };
        assert_eq!(price.cost(&counts), money::LARGEST);
        assert_eq!(price.most(u64::MAX, u64::MAX), money::LARGEST);
    }

    proptest! {
        #[test]
        fn no_call_costs_more_than_the_most(
            rates in any::<[u32; 5]>(),
            steps in any::<[(u16, u32); 4]>(),
            prompt in 0..1_000_000_u64,
            parts in any::<[u32; 3]>(),
            spare in any::<[u32; 2]>(),
        ) {
            let step = |at: usize| {
                let (above, price) = steps[at];
                Some(Step { above: u64::from(above), price: u64::from(price) })
            };
            let rate = |at: usize| Rate {
                base: u64::from(rates[at]),
                steps: [step(at % 2), step(2 + at % 2)],
            };
            let price = Price {
                input: rate(0),
                output: rate(1),
                cached_input: Some(rate(2)),
                cache_write: Some(rate(3)),
                cache_write_1h: Some(rate(4)),
            };
            let [cached, written, hour] = parts.map(u64::from);
            let counts = Usage {
                prompt,
                completion: u64::from(spare[0]) % 100_000,
                cached,
                cache_written: written,
                cache_written_1h: hour,
                ..Usage::default()
            };
            let most = price.most(
                prompt + u64::from(spare[1]) % 1_000,
                counts.completion,
            );
            prop_assert!(price.cost(&counts) <= most);
        }
    }

    #[test]
    fn a_step_counts_for_prompts_above_its_bound() {
        let mut rate = Rate::flat(5);
        rate.steps = [
            Some(Step {
                above: 100,
                price: 7,
            }),
            Some(Step {
                above: 200,
                price: 9,
            }),
        ];
        for (prompt, price) in [(0, 5), (100, 5), (101, 7), (200, 7), (201, 9)] {
            assert_eq!(rate.at(prompt), price, "{prompt}");
        }
    }
}
