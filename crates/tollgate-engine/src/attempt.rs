//! Attempts, one after the other, until one is answered or none makes sense any more.

mod hedge;

use std::sync::Arc;

use tollgate_core::error::Failure;
use tollgate_core::reply::{Finish, Usage};

use crate::chat::Served;
use crate::engine::Engine;
use crate::health::Permit;
use crate::port::{Attempt, BoxFuture, Delivery, Reply};
use crate::recover;
use crate::trail::Trail;
use crate::walk::Walk;

/// How one attempt went: the place that it had, and what came of it.
type Outcome = (Permit, Result<Delivery, Failure>);

/// Makes attempts until one is answered. A failure tells the whole story.
pub(crate) async fn run(walk: &mut Walk<'_>, trail: &mut Trail) -> Result<Served, Failure> {
    match until_answered(walk, trail).await {
        Ok((permit, delivery)) => Ok(served(walk, permit, delivery, trail)),
        Err(last) => Err(walk.tell(trail, last)),
    }
}

/// Makes attempts until one is answered, or gives the last failure. An answer that a content
/// filter cut off is kept while the model's fallbacks for that are asked; if none answers, it is
/// the answer.
pub(crate) async fn until_answered(
    walk: &mut Walk<'_>,
    trail: &mut Trail,
) -> Result<(Permit, Delivery), Option<Failure>> {
    let (mut last, mut kept) = (None, None);
    while trail.len() < walk.attempts() {
        let permit = walk.next(walk.is_first(trail)).await;
        trail.queued = walk.queued_for();
        let Some(permit) = permit else {
            break;
        };
        let (mut permit, outcome) = match hedge::wanted(walk, trail) {
            Some(rules) => Box::pin(hedge::run(walk, permit, rules, trail)).await,
            None => once(walk, permit, trail).await,
        };
        match outcome {
            // Nobody was asked.
            Ok(delivery) if delivery.estimated => return Ok((permit, delivery)),
            Ok(delivery) => {
                permit.note_answer();
                let filtered = is_filtered(&delivery) && kept.is_none();
                if !(filtered && walk.leaves_filtered(&permit)) {
                    return Ok((permit, delivery));
                }
                trail.filter(&permit, usage(&delivery));
                kept = Some((permit, delivery));
            }
            Err(failure) => {
                let goes_on = note(walk, permit, &failure);
                last = Some(failure);
                if !goes_on {
                    break;
                }
            }
        }
    }
    if kept.is_some() {
        trail.keep_filtered();
    }
    kept.ok_or(last)
}

/// Whether a whole answer says that a content filter ended it.
fn is_filtered(delivery: &Delivery) -> bool {
    match &delivery.reply {
        Reply::Answer(answer) => answer.finish == Some(Finish::ContentFilter),
        // What has begun to leave cannot be taken back.
        Reply::Stream(_) => false,
    }
}

/// What the provider said of the use of a whole answer.
fn usage(delivery: &Delivery) -> Option<Usage> {
    match &delivery.reply {
        Reply::Answer(answer) => answer.usage,
        Reply::Stream(_) => None,
    }
}

/// One attempt.
async fn once(walk: &Walk<'_>, permit: Permit, trail: &mut Trail) -> Outcome {
    trail.begin(&permit);
    let outcome = send(walk, &permit).await;
    match &outcome {
        Ok(_) => trail.succeed(&permit),
        Err(failure) => trail.fail(&permit, failure),
    }
    trail.waited += permit.age();
    (permit, outcome)
}

/// The exchange of one attempt.
fn send<'p, 'a: 'p>(
    walk: &Walk<'a>,
    permit: &'p Permit,
) -> BoxFuture<'p, Result<Delivery, Failure>> {
    let engine: &'a Engine = walk.engine;
    engine.upstream.send(attempt(walk, permit))
}

/// What is sent.
fn attempt<'p, 'a: 'p>(walk: &Walk<'a>, permit: &'p Permit) -> Attempt<'p> {
    let rules = &permit.route().rules;
    Attempt {
        call: walk.plan.call,
        target: permit.target(),
        timeouts: &rules.timeouts,
        deadline: walk.deadline,
        begin_by: walk.begin_by,
        request_id: walk.plan.request_id,
        unsupported: rules.unsupported,
        repetition: walk.repetition,
        bare: walk.is_bare(permit),
    }
}

/// Notes a failed attempt where it counts. Says whether another one makes sense.
fn note(walk: &mut Walk<'_>, permit: Permit, failure: &Failure) -> bool {
    let upstream = &walk.engine.upstream;
    let may_take_bare = upstream.may_take_bare(&attempt(walk, &permit), failure);
    let goes_on =
        (may_take_bare && walk.goes_bare(&permit)) || walk.goes_on_after(&permit, failure);
    if goes_on {
        // The cause of the last failure is logged with the request.
        let cause = failure.cause.as_deref().map(tracing::field::display);
        tracing::info!(
            request_id = walk.plan.request_id,
            connection = &*permit.target().connection,
            model = &*permit.target().model,
            code = failure.code.slug(),
            provider_status = failure.provider_status,
            provider_text = failure.provider_text.as_deref(),
            cause,
            "an attempt failed"
        );
    }
    if walk.is_late_itself(failure) {
        // A process that is starved sees timeouts everywhere; they say nothing of the targets.
        drop(permit);
    } else if walk.has_had_its_time(&permit, failure) {
        permit.fail_in_time(failure);
    } else {
        permit.fail(failure);
    }
    goes_on
}

fn served(walk: &Walk<'_>, permit: Permit, delivery: Delivery, trail: &Trail) -> Served {
    let answered = Arc::clone(permit.aim());
    if delivery.estimated {
        // It says nothing of the target: neither that it is well nor that it knows such a model.
        permit.leave_unused();
        return Served {
            delivery,
            answered,
            permit: None,
        };
    }
    if permit.route().is_new {
        let engine = walk.engine;
        engine.routes().remember(permit.route(), &engine.registry);
    }
    let (delivery, permit) = recover::watch(walk, permit, delivery, trail);
    Served {
        delivery,
        answered,
        permit,
    }
}
