//! Which row of the catalogue tells the story when a request came to nothing.

use std::time::Duration;

use super::fallback::Class;
use crate::error::{AttemptRecord, Code};

/// When the outcome of a probe that is under way is worth asking for.
const PROBE: Duration = Duration::from_secs(1);

/// What stood in the way of a target that was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The configuration has taken it out.
    Disabled,
    /// An operator has taken it out until further notice.
    Isolated,
    /// It does not take such requests.
    Unfit,
    /// The prompt is surely longer than its model's window.
    TooLong,
    /// It cools down after a provider's 429 for this long.
    CoolingAfterLimit(Duration),
    /// It was asked to be left alone for this long after another answer.
    Cooling(Duration),
    /// Its breaker is open; the next probe is due after this long.
    Open(Duration),
    /// Its breaker is half-open, and all probes are under way.
    Probing,
    /// Active health checks fail.
    Unhealthy,
    /// All its places are taken, or its limit is spent for this long.
    Full(Option<Duration>),
    /// Its retry budget is spent.
    NoBudget,
}

/// Everything that the answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// The attempts that were made, in order; each has failed.
    pub attempts: &'a [AttemptRecord],
    /// What stood in the way of the targets that could not be asked at the end.
    pub obstacles: &'a [Obstacle],
    /// How many targets the asked model has that take such requests.
    pub targets: usize,
    /// Whether a fallback model was asked, or would have been but for its obstacles.
    pub fell_back: bool,
    /// Whether no particular model was asked for.
    pub any_model: bool,
    /// Whether the request waited for a free place in vain.
    pub waited: bool,
    /// Whether the time for the whole request ended it.
    pub out_of_time: bool,
}

/// What the caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// The last failure as itself.
    Itself,
    /// A row of our own, with the wait after which asking again can help.
    Row {
        /// The row.
        code: Code,
        /// The wait, if one is known.
        wait: Option<Duration>,
    },
}

/// Decides. Cases as in the catalogue, "Which row tells the story when several attempts failed".
pub fn tell(story: &Story<'_>) -> Telling {
    // An attempt that was given up because another was faster is none that failed.
    let mut failed = story.attempts.iter().filter_map(|attempt| attempt.code);
    let Some(first) = failed.next() else {
        return nothing_tried(story);
    };
    let Some(last) = failed.clone().next_back() else {
        // Cases 2 and 6.
        return Telling::Itself;
    };
    if is_final(last) {
        return Telling::Itself;
    }
    let is_limit = |code| code == Code::ProviderRateLimited;
    if is_limit(first) && failed.all(is_limit) {
        // Case 3.
        return row(Code::ProviderRateLimited, story.shortest(after_limit));
    }
    row(several_failed(story), None)
}

/// Case 1: whether nothing was tried after such a failure, and not for want of targets. It is the
/// caller's fault, or our own.
fn is_final(code: Code) -> bool {
    match Class::of(code) {
        None | Some(Class::ContextLength | Class::ContentFilter) => true,
        Some(Class::RateLimit | Class::Other) => false,
    }
}

/// Case 4: attempts failed for several reasons, or for one that is no limit.
fn several_failed(story: &Story<'_>) -> Code {
    let mut targets = story
        .attempts
        .iter()
        .filter(|attempt| attempt.code.is_some())
        .map(|attempt| (&attempt.connection, &attempt.model));
    let first = targets.next();
    if story.out_of_time {
        // Neither the targets nor the attempts were at their end.
        Code::ProviderTimeout
    } else if story.fell_back {
        Code::FallbackChainExhausted
    } else if targets.any(|target| Some(target) != first) {
        Code::RouteSelectionFailed
    } else {
        Code::RetryLimitExceeded
    }
}

/// Case 5: nothing could be tried at all, by what stood in the way. What is taken out or does not
/// take such requests stood in nobody's way as long as there is anything else. What an operator
/// has isolated comes back, other than what the configuration has switched off.
fn nothing_tried(story: &Story<'_>) -> Telling {
    let is_over = story.out_of_time || story.waited;
    let mut real = story.obstacles.iter().filter(|one| is_real(**one));
    if real.clone().next().is_none() && story.obstacles.contains(&Obstacle::TooLong) {
        // Found here instead of by the provider.
        return row(Code::ContextLengthExceeded, None);
    }
    if real.clone().next().is_none() {
        let isolated = story.obstacles.iter();
        let isolated = isolated.filter(|one| **one == Obstacle::Isolated).count();
        return match (story.targets, story.any_model) {
            // What stood in the way has gone, but too late.
            (targets, _) if is_over && targets > isolated => row(Code::RouteSelectionTimeout, None),
            (_, true) => row(Code::NoModels, None),
            (targets, false)
                if targets > story.obstacles.len()
                    || story.obstacles.contains(&Obstacle::Isolated) =>
            {
                row(Code::NoHealthyTargets, None)
            }
            (_, false) => row(Code::NoTargets, None),
        };
    }
    // Busy targets are well: all that they lack is a place.
    let is_busy = real.clone().any(|one| matches!(one, Obstacle::Full(_)));
    if story.out_of_time || is_busy {
        return row(Code::RouteSelectionTimeout, story.shortest(until_place));
    }
    if story.any_model {
        return row(Code::NoModels, story.shortest(any_wait));
    }
    if real.clone().all(|one| after_limit(*one).is_some()) {
        return row(Code::ProviderRateLimited, story.shortest(after_limit));
    }
    if real.all(|one| matches!(one, Obstacle::Open(_) | Obstacle::Probing)) {
        let probe = story.shortest(until_probe).unwrap_or(PROBE);
        return row(Code::CircuitBreakerOpen, Some(probe));
    }
    row(Code::NoHealthyTargets, story.shortest(any_wait))
}

impl Story<'_> {
    /// The shortest wait among the obstacles of one kind.
    fn shortest(&self, wait: fn(Obstacle) -> Option<Duration>) -> Option<Duration> {
        self.obstacles.iter().copied().filter_map(wait).min()
    }
}

fn row(code: Code, wait: Option<Duration>) -> Telling {
    Telling::Row { code, wait }
}

fn is_real(obstacle: Obstacle) -> bool {
    match obstacle {
        Obstacle::Disabled | Obstacle::Isolated | Obstacle::Unfit | Obstacle::TooLong => false,
        Obstacle::CoolingAfterLimit(_)
        | Obstacle::Cooling(_)
        | Obstacle::Open(_)
        | Obstacle::Probing
        | Obstacle::Unhealthy
        | Obstacle::Full(_)
        | Obstacle::NoBudget => true,
    }
}

fn after_limit(obstacle: Obstacle) -> Option<Duration> {
    if let Obstacle::CoolingAfterLimit(wait) = obstacle {
        Some(wait)
    } else {
        None
    }
}

fn until_probe(obstacle: Obstacle) -> Option<Duration> {
    if let Obstacle::Open(wait) = obstacle {
        Some(wait)
    } else {
        None
    }
}

fn until_place(obstacle: Obstacle) -> Option<Duration> {
    if let Obstacle::Full(wait) = obstacle {
        wait
    } else {
        None
    }
}

fn any_wait(obstacle: Obstacle) -> Option<Duration> {
    match obstacle {
        Obstacle::CoolingAfterLimit(wait) | Obstacle::Cooling(wait) | Obstacle::Open(wait) => {
            Some(wait)
        }
        Obstacle::Full(wait) => wait,
        Obstacle::Disabled
        | Obstacle::Isolated
        | Obstacle::Unfit
        | Obstacle::TooLong
        | Obstacle::Probing
        | Obstacle::Unhealthy
        | Obstacle::NoBudget => None,
    }
}

#[cfg(test)]
mod tests;
