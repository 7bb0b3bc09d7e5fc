use std::sync::Arc;

use super::Obstacle::{
    Cooling, CoolingAfterLimit, Disabled, Full, Isolated, NoBudget, Open, Probing, Unfit, Unhealthy,
};
use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Attempts as words: the target's connection and model, then how it ended; `-` is one that was
/// given up.
fn attempts(words: &[(&str, &str)]) -> Vec<AttemptRecord> {
    let record = |&(target, code): &(&str, &str)| {
        let (connection, model) = target.split_once('/').unwrap_or((target, "model"));
        AttemptRecord {
            connection: Arc::from(connection),
            model: Arc::from(model),
            code: (code != "-").then(|| Code::from_slug(code).expect("a code")),
            cancelled: code == "-",
            status: None,
            duration: Duration::ZERO,
            lost: None,
        }
    };
    words.iter().map(record).collect()
}

const QUIET: Story<'_> = Story {
    attempts: &[],
    obstacles: &[],
    targets: 2,
    fell_back: false,
    any_model: false,
    waited: false,
    out_of_time: false,
};

fn told(telling: Telling) -> (&'static str, Option<Duration>) {
    match telling {
        Telling::Itself => ("itself", None),
        Telling::Row { code, wait } => (code.slug(), wait),
    }
}

/// What is told of attempts alone.
fn of_attempts(words: &[(&str, &str)]) -> &'static str {
    let attempts = attempts(words);
    let (row, wait) = told(tell(&Story {
        attempts: &attempts,
        ..QUIET
    }));
    assert_eq!(wait, None);
    row
}

#[test]
fn case_1_what_the_caller_must_change_is_told_as_itself() {
    for code in [
        "provider_invalid_request",
        "provider_request_too_large",
        "context_length_exceeded",
        "content_filtered",
        "invalid_request",
        "internal_error",
    ] {
        for before in ["provider_error", "provider_rate_limited", code] {
            let attempts = attempts(&[("a", before), ("b", code)]);
            for (fell_back, out_of_time) in [(false, false), (true, false), (true, true)] {
                let telling = tell(&Story {
                    attempts: &attempts,
                    fell_back,
                    out_of_time,
                    ..QUIET
                });
                assert_eq!(telling, Telling::Itself, "{before}, {code}");
            }
        }
    }
}

#[test]
fn cases_2_and_6_a_single_attempt_is_told_as_itself() {
    for &code in Code::ALL {
        let attempts = attempts(&[("a", code.slug())]);
        for (fell_back, out_of_time) in [(false, false), (true, false), (false, true)] {
            let telling = tell(&Story {
                attempts: &attempts,
                obstacles: &[CoolingAfterLimit(secs(3)), Open(secs(9))],
                fell_back,
                out_of_time,
                ..QUIET
            });
            assert_eq!(telling, Telling::Itself, "{code:?}");
        }
    }
    assert_eq!(
        of_attempts(&[("a", "provider_error"), ("b", "-")]),
        "itself"
    );
}

#[test]
fn case_3_limits_everywhere_are_told_with_the_shortest_wait() {
    let attempts = attempts(&[
        ("a", "provider_rate_limited"),
        ("b", "provider_rate_limited"),
        ("c", "-"),
    ]);
    for (obstacles, wait) in [
        (&[][..], None),
        (&[CoolingAfterLimit(secs(7))], Some(7)),
        (
            &[CoolingAfterLimit(secs(7)), CoolingAfterLimit(secs(3))],
            Some(3),
        ),
        (
            &[Open(secs(1)), CoolingAfterLimit(secs(7)), Cooling(secs(2))],
            Some(7),
        ),
        (&[Open(secs(1))], None),
    ] {
        for (fell_back, out_of_time) in [(false, false), (true, false), (false, true)] {
            let telling = tell(&Story {
                attempts: &attempts,
                obstacles,
                fell_back,
                out_of_time,
                ..QUIET
            });
            let expected = ("provider_rate_limited", wait.map(secs));
            assert_eq!(told(telling), expected, "{obstacles:?}");
        }
    }
}

#[test]
fn case_4_attempts_are_told_by_what_they_met() {
    for (words, row) in [
        (
            &[("a", "provider_error"), ("a", "provider_error")][..],
            "retry_limit_exceeded",
        ),
        (
            &[("a/x", "provider_error"), ("a/y", "provider_error")],
            "route_selection_failed",
        ),
        (
            &[("a", "provider_rate_limited"), ("b", "provider_error")],
            "route_selection_failed",
        ),
        (
            &[("a", "provider_error"), ("b", "provider_rate_limited")],
            "route_selection_failed",
        ),
        (
            &[("a", "provider_rate_limited"), ("a", "provider_timeout")],
            "retry_limit_exceeded",
        ),
        (
            &[
                ("a", "provider_error"),
                ("a", "provider_error"),
                ("b", "provider_quota_exhausted"),
            ],
            "route_selection_failed",
        ),
        // The loser of two at the same time has not failed.
        (
            &[
                ("a", "provider_error"),
                ("b", "-"),
                ("a", "provider_timeout"),
            ],
            "retry_limit_exceeded",
        ),
        // A connection that vanished is nobody's fault.
        (
            &[("a", "provider_error"), ("b", "no_targets")],
            "route_selection_failed",
        ),
        (
            &[("a", "context_length_exceeded"), ("b", "provider_error")],
            "route_selection_failed",
        ),
    ] {
        assert_eq!(of_attempts(words), row, "{words:?}");
        let attempts = attempts(words);
        let mut story = Story {
            attempts: &attempts,
            obstacles: &[Open(secs(9)), NoBudget],
            fell_back: true,
            ..QUIET
        };
        assert_eq!(told(tell(&story)), ("fallback_chain_exhausted", None));
        story.out_of_time = true;
        assert_eq!(told(tell(&story)), ("provider_timeout", None));
        story.fell_back = false;
        assert_eq!(told(tell(&story)), ("provider_timeout", None));
    }
}

/// What is told where nothing was tried: the obstacles, the row for a model, the row for a choice
/// among models, and the wait in seconds.
type Case = (&'static [Obstacle], &'static str, &'static str, Option<u64>);

fn nothing_tried_cases() -> Vec<Case> {
    const ONE: Duration = Duration::from_secs(1);
    const TWO: Duration = Duration::from_secs(2);
    const NINE: Duration = Duration::from_secs(9);
    let limited = "provider_rate_limited";
    let open = "circuit_breaker_open";
    let sick = "no_healthy_targets";
    let busy = "route_selection_timeout";
    let none = "no_models";
    vec![
        (&[Disabled, Disabled], "no_targets", none, None),
        (&[Unfit, Disabled], "no_targets", none, None),
        (&[Isolated, Disabled], sick, none, None),
        (&[Isolated, CoolingAfterLimit(NINE)], limited, none, Some(9)),
        (&[Isolated, Open(NINE)], open, none, Some(9)),
        (
            &[CoolingAfterLimit(NINE), CoolingAfterLimit(TWO)],
            limited,
            none,
            Some(2),
        ),
        (&[Disabled, CoolingAfterLimit(NINE)], limited, none, Some(9)),
        (&[Open(NINE), Open(TWO)], open, none, Some(2)),
        (&[Open(NINE), Probing], open, none, Some(9)),
        (&[Disabled, Unfit, Open(NINE)], open, none, Some(9)),
        (&[Unhealthy, Unhealthy], sick, none, None),
        (&[Unhealthy, Open(NINE)], sick, none, Some(9)),
        (&[CoolingAfterLimit(TWO), Open(NINE)], sick, none, Some(2)),
        (
            &[CoolingAfterLimit(NINE), Cooling(TWO)],
            sick,
            none,
            Some(2),
        ),
        (&[Cooling(NINE)], sick, none, Some(9)),
        (&[NoBudget], sick, none, None),
        (&[NoBudget, Probing], sick, none, None),
        (&[Full(None)], busy, busy, None),
        (
            &[Full(Some(NINE)), Full(None), Full(Some(TWO))],
            busy,
            busy,
            Some(2),
        ),
        (
            &[Open(ONE), Full(Some(NINE)), CoolingAfterLimit(ONE)],
            busy,
            busy,
            Some(9),
        ),
        (&[Disabled, Full(None), Unhealthy], busy, busy, None),
    ]
}

#[test]
fn case_5_nothing_tried_is_told_by_what_stood_in_the_way() {
    for (obstacles, of_model, of_choice, wait) in nothing_tried_cases() {
        let mut story = Story { obstacles, ..QUIET };
        let wait = wait.map(secs);
        assert_eq!(told(tell(&story)), (of_model, wait), "{obstacles:?}");
        story.fell_back = true;
        assert_eq!(told(tell(&story)), (of_model, wait), "{obstacles:?}");
        story.any_model = true;
        assert_eq!(told(tell(&story)), (of_choice, wait), "{obstacles:?}");
    }
}

#[test]
fn case_5_a_probe_alone_is_worth_a_second() {
    let mut story = Story {
        obstacles: &[Probing],
        ..QUIET
    };
    let second = Some(secs(1));
    assert_eq!(told(tell(&story)), ("circuit_breaker_open", second));
    story.any_model = true;
    assert_eq!(told(tell(&story)), ("no_models", None));
}

#[test]
fn case_5_no_target_at_all_is_told_apart_from_targets_that_came_free_too_late() {
    for (targets, obstacles, any_model, row) in [
        (0, &[][..], false, "no_targets"),
        (0, &[], true, "no_models"),
        (2, &[Disabled, Disabled], false, "no_targets"),
        (2, &[], false, "no_healthy_targets"),
        (2, &[Disabled], false, "no_healthy_targets"),
        (2, &[], true, "no_models"),
    ] {
        let mut story = Story {
            obstacles,
            targets,
            any_model,
            ..QUIET
        };
        assert_eq!(told(tell(&story)), (row, None), "{targets}, {obstacles:?}");
        let late = if targets == 0 {
            row
        } else {
            "route_selection_timeout"
        };
        story.waited = true;
        assert_eq!(told(tell(&story)), (late, None), "{targets}, {obstacles:?}");
        (story.waited, story.out_of_time) = (false, true);
        assert_eq!(told(tell(&story)), (late, None), "{targets}, {obstacles:?}");
    }
}

#[test]
fn case_5_targets_that_were_isolated_meanwhile_are_told_as_such() {
    for (targets, obstacles, row) in [
        (2, &[Isolated, Isolated][..], "no_healthy_targets"),
        (1, &[Disabled, Isolated], "no_healthy_targets"),
        // One of them has come free too late.
        (2, &[Isolated], "route_selection_timeout"),
    ] {
        for (waited, out_of_time) in [(true, false), (false, true)] {
            let telling = tell(&Story {
                obstacles,
                targets,
                waited,
                out_of_time,
                ..QUIET
            });
            assert_eq!(told(telling), (row, None), "{targets}, {obstacles:?}");
        }
    }
}

#[test]
fn time_that_ran_out_before_any_attempt_is_a_selection_timeout() {
    for (obstacles, wait) in [
        (&[Open(secs(9))][..], None),
        (&[CoolingAfterLimit(secs(9)), Full(Some(secs(4)))], Some(4)),
    ] {
        let telling = tell(&Story {
            obstacles,
            out_of_time: true,
            any_model: true,
            ..QUIET
        });
        let expected = ("route_selection_timeout", wait.map(secs));
        assert_eq!(told(telling), expected, "{obstacles:?}");
    }
}

#[test]
fn waiting_in_vain_for_a_cool_down_is_still_the_providers_limit() {
    let telling = tell(&Story {
        obstacles: &[CoolingAfterLimit(secs(4))],
        waited: true,
        ..QUIET
    });
    let expected = ("provider_rate_limited", Some(secs(4)));
    assert_eq!(told(telling), expected);
}

#[test]
fn attempts_that_were_all_given_up_are_none() {
    let attempts = attempts(&[("a", "-")]);
    let telling = tell(&Story {
        attempts: &attempts,
        obstacles: &[Unhealthy],
        ..QUIET
    });
    assert_eq!(told(telling), ("no_healthy_targets", None));
}
