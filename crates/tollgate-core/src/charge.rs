//! What a call is charged: the tokens that count, what they cost, and what has to be known of how
//! the figures came about. `docs/billing.md` has the rule in words.

use crate::ledger::Flags;
use crate::price::Price;
use crate::reply::Usage;

/// A prompt is never believed to have more tokens than this, where the context window of the
/// model is not known.
pub const LONGEST_PROMPT: u64 = 1 << 24;
/// Nor more than so many context windows: providers that search or run tools on the way read the
/// same prompt many times over.
const WINDOWS: u64 = 16;
/// An answer is never believed to have more tokens than this, where no limit is known.
pub const LONGEST_ANSWER: u64 = 1 << 20;
/// Nor more than so many times the limit, and [`BEYOND`] more: some providers do not count
/// reasoning against it.
const LIMITS: u64 = 4;
/// See [`LIMITS`].
const BEYOND: u64 = 1 << 16;

/// What is known of what a call has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What the provider said, if it said anything.
    pub reported: Option<Usage>,
    /// About how many tokens the prompt has.
    pub prompt_estimate: u64,
    /// About how many tokens of output were delivered, counted here.
    pub delivered: u64,
    /// The most tokens of output that the call could have, all answers together: what the caller
    /// set, or else what the model can. `None` if neither is known.
    pub max_output: Option<u64>,
    /// The context window of the model, if it is known.
    pub context_window: Option<u64>,
    /// Whether the answer reached its end.
    pub whole: bool,
}

/// What a call comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// The tokens that are charged.
    pub usage: Usage,
    /// What they cost, in nano-USD.
    pub cost: u64,
    /// How the figures came about: [`Flags::ESTIMATED`], [`Flags::BOUNDED`], [`Flags::PARTIAL`].
    pub flags: Flags,
}

/// What a call comes to. What the provider said was used counts, as far as it can be true; what
/// it did not say is counted here; what was not delivered is not charged.
pub fn charge(price: &Price, told: &Told) -> Charge {
    let mut flags = if told.whole {
        Flags::NONE
    } else {
        Flags::PARTIAL
    };
    let usage = match told.reported {
        Some(usage) => {
            let usage = told.believed(usage, &mut flags);
            told.completed(usage, &mut flags)
        }
        // An answer that ended without a token (an embedding, say) was delivered all the same.
        None if told.delivered > 0 || told.whole => {
            flags = flags.with(Flags::ESTIMATED);
            Usage {
                prompt: told.prompt_estimate.min(LONGEST_PROMPT),
                completion: told.delivered.min(LONGEST_ANSWER),
                ..Usage::default()
            }
        }
        None => Usage::default(),
    };
    Charge {
        usage,
        cost: price.cost(&usage),
        flags,
    }
}

/// Whether counts can be true of any call. Of answers for which they cannot, what was delivered
/// has to be counted here, as of those without any.
pub const fn can_be_true(usage: &Usage) -> bool {
    usage.prompt <= LONGEST_PROMPT && usage.completion <= LONGEST_ANSWER && !usage.bounded
}

impl Told {
    /// What the provider said, as far as it can be true. What cannot is replaced by what was
    /// counted here; the parts of a count are never more than all of it.
    fn believed(&self, mut usage: Usage, flags: &mut Flags) -> Usage {
        let said = usage;
        if usage.prompt > self.longest_prompt() {
            usage = Usage {
                prompt: self.prompt_estimate,
                cached: 0,
                cache_written: 0,
                cache_written_1h: 0,
                ..usage
            };
        }
        if usage.completion > self.longest_answer() {
            usage.completion = match self.delivered {
                0 => self.max_output.unwrap_or_default(),
                delivered => delivered,
            };
        }
        if usage.bounded {
            // A count that was broken stands as nothing; what it is of was there nevertheless.
            if usage.completion == 0 {
                usage.completion = self.delivered;
            }
            if usage.prompt == 0 {
                usage.prompt = self.prompt_estimate;
            }
            usage.bounded = false;
        }
        usage.prompt = usage.prompt.min(self.longest_prompt());
        usage.completion = usage.completion.min(self.longest_answer());
        usage.cached = usage.cached.min(usage.prompt);
        usage.cache_written = usage.cache_written.min(usage.prompt - usage.cached);
        usage.cache_written_1h = usage.cache_written_1h.min(usage.cache_written);
        usage.reasoning = usage.reasoning.min(usage.completion);
        if usage != said {
            *flags = flags.with(Flags::BOUNDED);
            usage.bounded = true;
        }
        usage
    }

    /// Of an answer that broke off, what was said is how things stood at some moment before: the
    /// output is never less than what was delivered, and a prompt of nothing was not said yet.
    fn completed(&self, mut usage: Usage, flags: &mut Flags) -> Usage {
        if self.whole || self.delivered == 0 {
            return usage;
        }
        let delivered = self.delivered.min(self.longest_answer());
        if usage.completion < delivered {
            usage.completion = delivered;
            *flags = flags.with(Flags::ESTIMATED);
        }
        if usage.prompt == 0 {
            usage.prompt = self.prompt_estimate.min(self.longest_prompt());
            *flags = flags.with(Flags::ESTIMATED);
        }
        usage
    }

    fn longest_prompt(&self) -> u64 {
        self.context_window
            .map_or(LONGEST_PROMPT, |window| window.saturating_mul(WINDOWS))
    }

    fn longest_answer(&self) -> u64 {
        let of_limit = |limit: u64| limit.saturating_mul(LIMITS).saturating_add(BEYOND);
        self.max_output.map_or(LONGEST_ANSWER, of_limit)
    }
}

#[cfg(test)]
mod tests;
