//! Two attempts at once: while a target is slow to begin a stream, or with a plain answer, a second
//! one is asked, and the faster one answers.

use tokio::time::{Instant, sleep_until};
use tollgate_core::error::Failure;
use tollgate_core::route::rules::Hedge;

use super::{Outcome, note, send};
use crate::health::Permit;
use crate::port::Delivery;
use crate::trail::Trail;
use crate::walk::Walk;

/// The rules of hedging, where this attempt may have a second one beside it: the first attempt of
/// a stream, and of a plain call where that is declared.
pub(super) fn wanted(walk: &Walk<'_>, trail: &Trail) -> Option<Hedge> {
    let rules = walk.rules();
    let may = walk.is_first(trail) && rules.attempts > 1;
    let hedge = rules.hedge.filter(|_| may)?;
    (walk.plan.call.stream || hedge.plain).then_some(hedge)
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
    let begin = Instant::now();
    trail.begin(&permit);
    let (permit, outcome) = both(walk, permit, rules, trail).await;
    match &outcome {
        Ok(_) => trail.succeed(&permit),
        Err(failure) => trail.fail(&permit, failure),
    }
    // One of them was under way all the time.
    trail.waited += begin.elapsed();
    (permit, outcome)
}

/// The decisive one of both attempts; the other one is noted.
async fn both(walk: &mut Walk<'_>, first: Permit, rules: Hedge, trail: &mut Trail) -> Outcome {
    let mut asking = send(walk, &first);
    let in_time = tokio::select! {
        biased;
        outcome = &mut asking => Some(outcome),
        () = sleep_until(slow_from(walk, &first, rules)) => None,
    };
    if let Some(outcome) = in_time {
        drop(asking);
        return (first, outcome);
    }
    let Some(second) = second(walk, &first) else {
        let outcome = asking.await;
        return (first, outcome);
    };
    trail.begin(&second);
    let mut beside = send(walk, &second);
    let raced = tokio::select! {
        biased;
        outcome = &mut asking => Raced::First(outcome),
        outcome = &mut beside => Raced::Second(outcome),
    };
    match raced {
        Raced::First(Err(failure)) if may_go_on(&failure) => {
            // What it says of its target is not kept back until the other one has ended.
            drop(asking);
            lose(walk, first, &failure, trail);
            let outcome = beside.await;
            (second, outcome)
        }
        Raced::Second(Err(failure)) if may_go_on(&failure) => {
            drop(beside);
            lose(walk, second, &failure, trail);
            let outcome = asking.await;
            (first, outcome)
        }
        Raced::First(outcome) => {
            drop((asking, beside));
            give_up(second, trail);
            (first, outcome)
        }
        Raced::Second(outcome) => {
            drop((asking, beside));
            give_up(first, trail);
            (second, outcome)
        }
    }
}

/// From when on a second target is asked.
fn slow_from(walk: &Walk<'_>, permit: &Permit, rules: Hedge) -> Instant {
    let usual = permit.aim().health.usual(walk.plan.call.stream);
    Instant::now() + usual.map_or(rules.after, |usual| usual.max(rules.after))
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

/// Which of two has an outcome.
enum Raced {
    First(Result<Delivery, Failure>),
    Second(Result<Delivery, Failure>),
}

/// Whether the other attempt may still do what this one could not.
fn may_go_on(failure: &Failure) -> bool {
    use tollgate_core::route::fallback::Class;
    matches!(
        Class::of(failure.code),
        Some(Class::RateLimit | Class::Other)
    )
}

/// It failed, and the other one goes on.
fn lose(walk: &mut Walk<'_>, permit: Permit, failure: &Failure, trail: &mut Trail) {
    trail.fail(&permit, failure);
    note(walk, permit, failure);
}

/// The other one was faster.
fn give_up(permit: Permit, trail: &mut Trail) {
    trail.cancel(&permit);
    permit.give_up();
}
