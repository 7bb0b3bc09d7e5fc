use proptest::prelude::*;

use super::*;
use crate::money;
use crate::price::Rate;

/// One nano-USD for a token of the prompt, a tenth of it from the cache; ten for one of output.
fn price() -> Price {
    Price {
        input: Rate::flat(1_000),
        output: Rate::flat(10_000),
        cached_input: Some(Rate::flat(100)),
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

/// The counts alone: that some had to be bounded, the flags say as well.
fn plain(usage: Usage) -> Usage {
    Usage {
        bounded: false,
        ..usage
    }
}

/// A whole answer of 50 tokens to a prompt of about 120, of which the provider said this.
fn told(reported: Option<Usage>) -> Told {
    Told {
        reported,
        prompt_estimate: 120,
        delivered: 50,
        max_output: Some(1_000),
        context_window: Some(128_000),
        whole: true,
    }
}

fn broken_off(reported: Option<Usage>, delivered: u64) -> Told {
    Told {
        delivered,
        whole: false,
        ..told(reported)
    }
}

#[test]
fn what_the_provider_says_counts() {
    let charge = charge(&price(), &told(Some(usage(100, 40))));
    assert_eq!(charge.usage, usage(100, 40));
    assert_eq!(charge.cost, 100 + 400);
    assert_eq!(charge.flags, Flags::NONE);
}

#[test]
fn where_the_provider_says_nothing_what_was_delivered_counts() {
    let charge = charge(&price(), &told(None));
    assert_eq!(charge.usage, usage(120, 50));
    assert_eq!(charge.cost, 120 + 500);
    assert_eq!(charge.flags, Flags::ESTIMATED);
}

#[test]
fn a_whole_answer_without_text_costs_its_prompt() {
    let told = Told {
        delivered: 0,
        ..told(None)
    };
    let charge = charge(&price(), &told);
    assert_eq!((charge.cost, charge.flags), (120, Flags::ESTIMATED));
}

#[test]
fn nothing_said_and_nothing_delivered_costs_nothing() {
    let charge = charge(&price(), &broken_off(None, 0));
    assert_eq!(charge.usage, Usage::default());
    assert_eq!((charge.cost, charge.flags), (0, Flags::PARTIAL));
}

#[test]
fn an_explicit_zero_stays_zero() {
    let charge = charge(&price(), &told(Some(Usage::default())));
    assert_eq!(charge.usage, Usage::default());
    assert_eq!((charge.cost, charge.flags), (0, Flags::NONE));
}

#[test]
fn a_price_of_zero_costs_nothing_and_is_counted() {
    let charge = charge(&Price::default(), &told(Some(usage(100, 40))));
    assert_eq!((charge.cost, charge.usage), (0, usage(100, 40)));
}

#[test]
fn parts_that_are_more_than_the_whole_are_cut() {
    let said = Usage {
        cached: 130,
        cache_written: 70,
        cache_written_1h: 80,
        reasoning: 90,
        ..usage(100, 40)
    };
    let charged = charge(&price(), &told(Some(said)));
    let want = Usage {
        cached: 100,
        reasoning: 40,
        bounded: true,
        ..usage(100, 40)
    };
    assert_eq!(charged.usage, want);
    assert_eq!((charged.cost, charged.flags), (10 + 400, Flags::BOUNDED));
    let said = Usage {
        cached: 60,
        cache_written: 70,
        cache_written_1h: 50,
        ..usage(100, 40)
    };
    let usage = charge(&price(), &told(Some(said))).usage;
    assert_eq!((usage.cached, usage.cache_written), (60, 40));
    assert_eq!(usage.cache_written_1h, 40);
}

#[test]
fn output_far_beyond_what_was_asked_for_is_counted_here() {
    let bound = 4 * 1_000 + 65_536;
    for (said, want, flags) in [
        (1_000, 1_000, Flags::NONE),
        (bound, bound, Flags::NONE),
        (bound + 1, 50, Flags::BOUNDED),
        (1_000_000, 50, Flags::BOUNDED),
        (u64::MAX, 50, Flags::BOUNDED),
    ] {
        let charge = charge(&price(), &told(Some(usage(100, said))));
        assert_eq!(
            (plain(charge.usage), charge.flags),
            (usage(100, want), flags)
        );
    }
    let uncounted = Told {
        delivered: 0,
        ..told(Some(usage(100, 1 << 63)))
    };
    let charged = charge(&price(), &uncounted).usage;
    assert_eq!(plain(charged), usage(100, 1_000));
    let without_a_limit = Told {
        max_output: None,
        ..told(Some(usage(100, LONGEST_ANSWER + 1)))
    };
    let charged = charge(&price(), &without_a_limit).usage;
    assert_eq!(plain(charged), usage(100, 50));
}

#[test]
fn a_prompt_far_beyond_the_context_window_is_counted_here() {
    let most = 16 * 128_000;
    for (said, want, flags) in [
        (most, most, Flags::NONE),
        (most + 1, 120, Flags::BOUNDED),
        (1 << 63, 120, Flags::BOUNDED),
    ] {
        let said = Usage {
            cached: said / 2,
            ..usage(said, 40)
        };
        let charge = charge(&price(), &told(Some(said)));
        assert_eq!((charge.usage.prompt, charge.flags), (want, flags));
    }
    let unknown = Told {
        context_window: None,
        ..told(Some(usage(LONGEST_PROMPT + 1, 40)))
    };
    assert_eq!(plain(charge(&price(), &unknown).usage), usage(120, 40));
}

#[test]
fn a_broken_count_is_replaced_by_ours() {
    let broken = |prompt, completion| Usage {
        bounded: true,
        ..usage(prompt, completion)
    };
    for (said, want) in [
        (broken(100, 0), usage(100, 50)),
        (broken(0, 40), usage(120, 40)),
        (broken(100, 40), usage(100, 40)),
    ] {
        let charge = charge(&price(), &told(Some(said)));
        assert_eq!((plain(charge.usage), charge.flags), (want, Flags::BOUNDED));
    }
}

#[test]
fn of_an_answer_that_broke_off_what_was_said_before_counts() {
    let charge = charge(&price(), &broken_off(Some(usage(100, 60)), 50));
    assert_eq!(charge.usage, usage(100, 60));
    assert_eq!(charge.flags, Flags::PARTIAL);
}

#[test]
fn of_an_answer_that_broke_off_at_least_what_was_delivered_counts() {
    let both = Flags::PARTIAL.with(Flags::ESTIMATED);
    // As Anthropic's streams begin: the prompt is known, the output has hardly begun.
    let early = charge(&price(), &broken_off(Some(usage(100, 1)), 50));
    assert_eq!((early.usage, early.flags), (usage(100, 50), both));
    // And as those of servers begin that only know in the end.
    let unknown = charge(&price(), &broken_off(Some(Usage::default()), 50));
    assert_eq!((unknown.usage, unknown.flags), (usage(120, 50), both));
    let silent = charge(&price(), &broken_off(None, 50));
    assert_eq!((silent.usage, silent.flags), (usage(120, 50), both));
}

#[test]
fn what_was_said_before_any_content_still_counts() {
    let charge = charge(&price(), &broken_off(Some(usage(100, 1)), 0));
    assert_eq!(
        (charge.usage, charge.flags),
        (usage(100, 1), Flags::PARTIAL)
    );
}

#[test]
fn what_can_be_true_of_no_call_is_told_apart() {
    assert!(can_be_true(&usage(0, 0)));
    assert!(can_be_true(&usage(LONGEST_PROMPT, LONGEST_ANSWER)));
    assert!(!can_be_true(&usage(LONGEST_PROMPT + 1, 0)));
    assert!(!can_be_true(&usage(0, LONGEST_ANSWER + 1)));
    assert!(!can_be_true(&Usage {
        bounded: true,
        ..usage(1, 1)
    }));
}

proptest! {
    #[test]
    fn a_charge_is_within_bounds_whatever_is_said(
        counts in any::<[u64; 6]>(),
        shift in 0..64_u32,
        (bounded, whole, is_told) in any::<(bool, bool, bool)>(),
        ours in any::<[u64; 2]>(),
        known in any::<[Option<u32>; 2]>(),
        rates in any::<[u64; 3]>(),
    ) {
        let [prompt, completion, cached, written, hour, reasoning] =
            counts.map(|count| count >> shift);
        let reported = is_told.then_some(Usage {
            prompt,
            completion,
            cached,
            cache_written: written,
            cache_written_1h: hour,
            reasoning,
            bounded,
        });
        let told = Told {
            reported,
            prompt_estimate: ours[0] >> shift,
            delivered: ours[1] >> shift,
            max_output: known[0].map(u64::from),
            context_window: known[1].map(u64::from),
            whole,
        };
        let price = Price {
            input: Rate::flat(rates[0]),
            output: Rate::flat(rates[1]),
            cached_input: Some(Rate::flat(rates[2])),
            ..Price::default()
        };
        let charge = charge(&price, &told);
        let usage = charge.usage;
        prop_assert!(charge.cost <= money::LARGEST);
        prop_assert!(usage.cached + usage.cache_written <= usage.prompt);
        prop_assert!(usage.cache_written_1h <= usage.cache_written);
        prop_assert!(usage.reasoning <= usage.completion);
        prop_assert!(usage.prompt <= told.longest_prompt().max(LONGEST_PROMPT));
        prop_assert!(usage.completion <= told.longest_answer().max(LONGEST_ANSWER));
        prop_assert_eq!(usage.bounded, charge.flags.has(Flags::BOUNDED));
        prop_assert_eq!(charge.flags.has(Flags::PARTIAL), !whole);
        if !is_told && !whole && told.delivered == 0 {
            prop_assert_eq!(charge.cost, 0);
        }
    }
}
