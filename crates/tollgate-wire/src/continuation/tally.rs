//! Token counts of an answer that several targets have made.

use tollgate_core::reply::Usage;

/// Bytes of text to one token, where nobody has counted.
const BYTES: usize = 4;

/// The counts of all parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    /// The sum.
    pub(super) usage: Usage,
    /// Whether some of it is estimated by length, as a stream that breaks mostly has not told.
    pub(super) estimated: bool,
}

/// What one target has made of the answer.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// How much had been said before it.
    begin: usize,
    /// How much had been said when it broke off.
    end: usize,
    /// The last counts that it told.
    reported: Option<Usage>,
    /// How much had been said when it told them.
    counted: usize,
}

impl Part {
    /// The tokens of what it said after it last told its counts.
    fn untold(&self) -> u64 {
        tokens(self.begin.max(self.counted), self.end)
    }
}

/// Counts the parts of an answer. Places are bytes of what was said.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Those that broke off.
    broken: Vec<Part>,
    now: Part,
}

impl Tally {
    /// Notes the counts that the part has told at this place, if it has.
    pub(super) fn report(&mut self, usage: Option<Usage>, place: usize) {
        if usage.is_some() {
            self.now.reported = usage;
            self.now.counted = place;
        }
    }

    /// Notes that the counts that were told last include everything up to this place.
    pub(super) fn place(&mut self, place: usize) {
        if self.now.reported.is_some() {
            self.now.counted = place;
        }
    }

    /// The part broke off, and another begins.
    pub(super) fn switch(&mut self, place: usize) {
        self.now.end = place;
        self.broken.push(self.now);
        self.now = Part {
            begin: place,
            ..Part::default()
        };
    }

    /// Whether any part has told counts.
    pub(super) fn is_reported(&self) -> bool {
        let mut parts = self.broken.iter().chain([&self.now]);
        parts.any(|part| part.reported.is_some())
    }

    /// About how many tokens the answer has up to this place.
    pub(super) fn spent(&self, place: usize) -> u64 {
        let now = Part {
            end: place,
            ..self.now
        };
        let parts = self.broken.iter().chain([&now]);
        let of = |part: &Part| {
            let told = part.reported.unwrap_or_default().completion;
            told.saturating_add(part.untold())
        };
        parts.map(of).fold(0, u64::saturating_add)
    }

    /// The counts of all parts, the one that is being made included: what was told of it is taken
    /// for all of it. Whoever breaks off before he tells his prompt has read that of the last part,
    /// without what was said in between.
    pub(super) fn total(&self, place: usize) -> Total {
        let now = self.now.reported;
        let mut total = Total {
            usage: now.unwrap_or(Usage {
                completion: tokens(self.now.begin, place),
                ..Usage::default()
            }),
            estimated: now.is_none(),
        };
        for part in &self.broken {
            let untold = part.untold();
            let reported = part.reported.unwrap_or_else(|| Usage {
                prompt: now
                    .unwrap_or_default()
                    .prompt
                    .saturating_sub(tokens(part.begin, self.now.begin)),
                ..Usage::default()
            });
            total.estimated |= part.reported.is_none() || untold > 0;
            add(&mut total.usage, &reported);
            total.usage.completion = total.usage.completion.saturating_add(untold);
        }
        total
    }
}

fn tokens(begin: usize, end: usize) -> u64 {
    end.saturating_sub(begin).div_ceil(BYTES) as u64
}

fn add(sum: &mut Usage, more: &Usage) {
    for (sum, more) in [
        (&mut sum.prompt, more.prompt),
        (&mut sum.completion, more.completion),
        (&mut sum.cached, more.cached),
        (&mut sum.cache_written, more.cache_written),
        (&mut sum.cache_written_1h, more.cache_written_1h),
        (&mut sum.reasoning, more.reasoning),
    ] {
        *sum = sum.saturating_add(more);
    }
    sum.bounded |= more.bounded;
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn usage(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt,
            completion,
            cached: 0,
            cache_written: 0,
            reasoning: 0,
            ..Usage::NONE
        }
    }

    #[test]
    fn what_was_told_is_added_up() {
        let mut tally = Tally::default();
        tally.report(Some(usage(100, 1)), 0);
        tally.report(Some(usage(100, 10)), 40);
        tally.switch(40);
        tally.report(Some(usage(110, 7)), 68);
        let total = tally.total(68);
        assert_eq!((total.usage, total.estimated), (usage(210, 17), false));
        assert_eq!(tally.spent(68), 17);
    }

    #[test]
    fn what_was_said_after_the_last_count_is_estimated() {
        let mut tally = Tally::default();
        tally.report(Some(usage(100, 1)), 0);
        assert_eq!(tally.spent(41), 12);
        tally.switch(41);
        tally.report(Some(usage(110, 7)), 68);
        let total = tally.total(68);
        assert_eq!((total.usage, total.estimated), (usage(210, 19), true));
    }

    #[test]
    fn whoever_told_nothing_has_read_the_same_prompt() {
        let mut tally = Tally::default();
        tally.switch(40);
        tally.switch(60);
        assert_eq!(tally.total(60).usage, usage(0, 15));
        assert!(!tally.is_reported());
        tally.report(Some(usage(115, 7)), 68);
        let total = tally.total(68);
        assert!(tally.is_reported() && total.estimated);
        assert_eq!(total.usage, usage(115 + 100 + 110, 7 + 10 + 5));
    }

    #[test]
    fn the_greatest_counts_do_not_overflow() {
        let mut tally = Tally::default();
        let most = Usage {
            prompt: u64::MAX,
            completion: u64::MAX,
            cached: u64::MAX,
            cache_written: u64::MAX,
            reasoning: u64::MAX,
            ..Usage::default()
        };
        tally.report(Some(most), 0);
        tally.switch(9);
        tally.report(Some(most), 9);
        assert_eq!(tally.total(9).usage, most);
        assert_eq!(tally.spent(usize::MAX), u64::MAX);
    }
}
