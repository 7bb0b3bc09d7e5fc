//! Two attempts at once: while a target is slow to begin a stream, a second one is asked, and the
//! faster one answers.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tollgate_core::error::Failure;
use tollgate_core::route::rules::Hedge;

use super::{Outcome, note, send};
use crate::health::Permit;
use crate::port::Delivery;
use crate::trail::Trail;
use crate::walk::Walk;

/// The rules of hedging, where this attempt may have a second one beside it: the first attempt of
/// a stream.
pub(super) fn wanted(walk: &Walk<'_>, trail: &Trail) -> Option<Hedge> {
    let rules = walk.rules();
    let may = walk.plan.call.stream && walk.is_first(trail) && rules.attempts > 1;
    rules.hedge.filter(|_| may)
}

/// Makes an attempt, and a second one beside it if the first is slow.
pub(super) async fn run(
    walk: &mut Walk<'_>,
    permit: Permit,
    rules: Hedge,
    trail: &mut Trail,
) -> Outcome {
    let hedges = &walk.plan.route.hedges;
    hedges.note_request(rules.share_percent);
    trail.begin(&permit);
    let (other, raced) = {
        let mut first = pin!(send(walk, &permit));
        let slow = tokio::select! {
            biased;
            outcome = &mut first => Err(outcome),
            () = sleep_until(Instant::now() + patience(&permit, rules)) => Ok(second(walk, &permit)),
        };
        match slow {
            Err(outcome) => (None, Raced::First(outcome)),
            Ok(None) => (None, Raced::First(first.await)),
            Ok(Some(other)) => {
                trail.begin(&other);
                let raced = race(first, pin!(send(walk, &other))).await;
                (Some(other), raced)
            }
        }
    };
    // The first one was under way all the time.
    trail.waited += permit.age();
    decide(walk, (permit, other), raced, trail)
}

/// How long the first target may take before a second one is asked.
fn patience(permit: &Permit, rules: Hedge) -> Duration {
    let usual = permit.aim().health.first_byte_p95();
    usual.map_or(rules.after, |usual| usual.max(rules.after))
}

/// A place at another target, if one can be had and the share allows it.
fn second(walk: &Walk<'_>, first: &Permit) -> Option<Permit> {
    let hedges = &walk.plan.route.hedges;
    if !hedges.take() {
        return None;
    }
    let other = walk.pick_beside(first);
    if other.is_none() {
        hedges.give_back();
    }
    other
}

/// How a race of two went.
enum Raced {
    /// The first has an outcome.
    First(Result<Delivery, Failure>),
    /// The second has an outcome.
    Second(Result<Delivery, Failure>),
    /// The first failed, then the second had this outcome; and the other way round.
    FirstThenSecond(Failure, Result<Delivery, Failure>),
    SecondThenFirst(Failure, Result<Delivery, Failure>),
}

type Sending<'f, F> = std::pin::Pin<&'f mut F>;

/// Waits for the first good outcome of two, or for both to fail.
async fn race<F, G>(mut first: Sending<'_, F>, mut second: Sending<'_, G>) -> Raced
where
    F: Future<Output = Result<Delivery, Failure>>,
    G: Future<Output = Result<Delivery, Failure>>,
{
    tokio::select! {
        biased;
        outcome = &mut first => match outcome {
            Err(failure) if may_go_on(&failure) => {
                Raced::FirstThenSecond(failure, second.await)
            }
            outcome => Raced::First(outcome),
        },
        outcome = &mut second => match outcome {
            Err(failure) if may_go_on(&failure) => {
                Raced::SecondThenFirst(failure, first.await)
            }
            outcome => Raced::Second(outcome),
        },
    }
}

/// Whether the other attempt may still do what this one could not.
fn may_go_on(failure: &Failure) -> bool {
    use tollgate_core::route::fallback::Class;
    matches!(
        Class::of(failure.code),
        Some(Class::RateLimit | Class::Other)
    )
}

/// Notes both attempts, and gives the decisive one.
fn decide(
    walk: &mut Walk<'_>,
    (first, second): (Permit, Option<Permit>),
    raced: Raced,
    trail: &mut Trail,
) -> Outcome {
    let (loser, winner, failure, outcome) = match (raced, second) {
        (Raced::First(outcome), second) => (second, first, None, outcome),
        (Raced::Second(outcome), Some(second)) => (Some(first), second, None, outcome),
        (Raced::FirstThenSecond(failure, outcome), Some(second)) => {
            (Some(first), second, Some(failure), outcome)
        }
        (Raced::SecondThenFirst(failure, outcome), second) => {
            (second, first, Some(failure), outcome)
        }
        // Without a second attempt only the first can have an outcome.
        (Raced::Second(outcome) | Raced::FirstThenSecond(_, outcome), None) => {
            (None, first, None, outcome)
        }
    };
    match (loser, failure) {
        (Some(loser), Some(failure)) => {
            trail.fail(&loser, &failure);
            note(walk, loser, &failure);
        }
        (Some(loser), None) => {
            trail.cancel(&loser);
            loser.give_up();
        }
        (None, _) => {}
    }
    end(trail, &winner, &outcome);
    (winner, outcome)
}

fn end(trail: &mut Trail, permit: &Permit, outcome: &Result<Delivery, Failure>) {
    match outcome {
        Ok(_) => trail.succeed(permit),
        Err(failure) => trail.fail(permit, failure),
    }
}
