//! What stands in the way of a target, in words.

use std::time::Duration;

use tollgate_core::route::breaker::State;
use tollgate_core::route::condition::Unfit;
use tollgate_core::route::story::Obstacle;

use crate::health::TargetReading;
use crate::routes::RouteTarget;

/// What stands in the way of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// One word of a closed set.
    pub word: &'static str,
    /// After how long it may be gone, where time ends it.
    pub wait: Option<Duration>,
    /// The same as a sentence.
    pub sentence: String,
}

impl Hindrance {
    /// Puts an obstacle into words. `unfit` says why the target does not take the request, if
    /// that is what its declaration says.
    pub(super) fn new(
        obstacle: Obstacle,
        target: &RouteTarget,
        reading: &TargetReading,
        unfit: Option<Unfit>,
    ) -> Self {
        let reason = reading.breaker.reason;
        let because = reason.map_or_else(String::new, |code| format!(" after {}", code.slug()));
        let (word, wait, sentence) = match obstacle {
            Obstacle::Disabled if !target.enabled => {
                let sentence = "The configuration has it switched off (`enabled = false`).";
                ("disabled", None, sentence.to_owned())
            }
            Obstacle::Disabled => {
                let sentence = "An operator has isolated it; it stays out until it is closed.";
                ("isolated", None, sentence.to_owned())
            }
            Obstacle::Unfit | Obstacle::TooLong => of_unfit(unfit),
            Obstacle::CoolingAfterLimit(wait) => {
                let sentence = format!("It cools down for {}{because}.", time(wait));
                ("cooling", Some(wait), sentence)
            }
            Obstacle::Cooling(wait) => {
                let sentence = format!("It is left alone for {}{because}.", time(wait));
                ("cooling", Some(wait), sentence)
            }
            Obstacle::Open(wait) => {
                let sentence = format!(
                    "Its breaker is open{because}; the next probe is due in {}.",
                    time(wait)
                );
                ("open", Some(wait), sentence)
            }
            Obstacle::Probing => {
                let sentence = format!("Its breaker is half-open{because}; its probes are busy.");
                ("probing", None, sentence)
            }
            Obstacle::Unhealthy => {
                let sentence = "The active checks of its connection fail.";
                ("unhealthy", None, sentence.to_owned())
            }
            Obstacle::Full(wait) => of_full(wait, target, reading),
            Obstacle::NoBudget => {
                let sentence = "Its retry budget is spent.";
                ("no_retry_budget", None, sentence.to_owned())
            }
        };
        Self {
            word,
            wait,
            sentence,
        }
    }
}

type Words = (&'static str, Option<Duration>, String);

fn of_unfit(unfit: Option<Unfit>) -> Words {
    let sentence = match unfit {
        Some(Unfit::Rule(rule)) => {
            format!("It does not take such requests: its rule `{rule}` does not hold.")
        }
        Some(Unfit::Lacks(ability)) => {
            format!("Its model lacks an ability: {}.", ability.as_str())
        }
        Some(Unfit::TooLong) => "The prompt is longer than its model's window.".to_owned(),
        None => {
            let sentence = "The key may use neither the collection nor this model.";
            return ("not_allowed", None, sentence.to_owned());
        }
    };
    ("unfit", None, sentence)
}

fn of_full(wait: Option<Duration>, target: &RouteTarget, reading: &TargetReading) -> Words {
    if wait.is_none() && reading.breaker.state != State::Closed {
        let sentence = "It has cooled down; its probes are busy.";
        return ("probing", None, sentence.to_owned());
    }
    let (limits, used) = (target.limits, reading.used);
    let Some(wait) = wait else {
        let own = limits.parallel.is_some_and(|most| used.parallel >= most);
        let sentence = format!("All places {} are taken.", of(own));
        return ("full", None, sentence);
    };
    let own = limits.rpm.is_some_and(|most| used.requests >= most) || limits.tpm.is_some();
    let sentence = format!("A limit {} is spent for {}.", of(own), time(wait));
    ("full", Some(wait), sentence)
}

const fn of(own: bool) -> &'static str {
    if own {
        "of the target"
    } else {
        "of the connection"
    }
}

/// A wait as people read it: tenths of a second, rounded up.
fn time(wait: Duration) -> String {
    let tenths = wait.as_millis().div_ceil(100);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} s"),
        (whole, rest) => format!("{whole}.{rest} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_to_tenths_of_a_second() {
        for (ms, text) in [
            (0, "0 s"),
            (1, "0.1 s"),
            (1000, "1 s"),
            (1001, "1.1 s"),
            (59_950, "60 s"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), text);
        }
    }
}
