//! Attempts, one after the other, until one is answered or none makes sense any more.

use tollgate_core::error::{Code, Failure};

use crate::chat::Served;
use crate::health::Permit;
use crate::port::{Attempt, Delivery};
use crate::trail::Trail;
use crate::walk::Walk;

/// Makes attempts until one is answered. A failure tells the whole story.
pub(crate) async fn run(walk: &mut Walk<'_>, trail: &mut Trail) -> Result<Served, Failure> {
    let mut last = None;
    while trail.len() < walk.rules().attempts {
        let Some(permit) = walk.next(trail.is_empty()).await else {
            break;
        };
        match once(walk, &permit, trail).await {
            Ok(delivery) => {
                permit.note_answer();
                return Ok(served(walk, permit, delivery));
            }
            Err(failure) => {
                let goes_on = walk.goes_on_after(&permit, &failure);
                permit.fail(&failure);
                last = Some(failure);
                if !goes_on {
                    break;
                }
            }
        }
    }
    Err(walk.tell(trail, last))
}

/// One attempt.
async fn once(walk: &Walk<'_>, permit: &Permit, trail: &mut Trail) -> Result<Delivery, Failure> {
    let Some(target) = permit.target() else {
        return Err(Failure::gateway(Code::NoTargets));
    };
    let rules = &permit.route().rules;
    let attempt = Attempt {
        call: walk.plan.call,
        target,
        timeouts: &rules.timeouts,
        deadline: walk.deadline,
        request_id: walk.plan.request_id,
        unsupported: rules.unsupported,
        repeatable: walk.is_repeatable(),
    };
    trail.begin(permit);
    let outcome = walk.engine.upstream.send(attempt).await;
    match &outcome {
        Ok(_) => trail.succeed(permit),
        Err(failure) => trail.fail(permit, failure),
    }
    trail.waited += permit.age();
    outcome
}

fn served(walk: &Walk<'_>, permit: Permit, delivery: Delivery) -> Served {
    if permit.route().is_new {
        let engine = walk.engine;
        engine.routes().remember(permit.route(), &engine.registry);
    }
    Served { delivery, permit }
}
