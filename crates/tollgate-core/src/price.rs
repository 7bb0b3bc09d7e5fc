//! What tokens cost: whole pico-USD (10⁻¹² USD) per token, so that no price is rounded.

use std::fmt;

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
