//! What the caller is told when a request came to nothing.

use std::time::Duration;

use tollgate_core::error::{AttemptRecord, Code, Failure};
use tollgate_core::route::condition::Unfit;
use tollgate_core::route::story::{self, Obstacle, Story, Telling};

use super::Walk;
use crate::trail::Trail;

impl Walk<'_> {
    /// The failure that tells the story; `last` is the last attempt's.
    pub(crate) fn tell(&self, trail: &Trail, last: Option<Failure>) -> Failure {
        let now = self.engine.moment();
        let attempts: Vec<AttemptRecord> = trail.records().cloned().collect();
        let standing = self.obstacles(self.is_first(trail), now);
        // A target that limited this request, and that nothing else keeps new requests from.
        let is_free = |obstacle| matches!(obstacle, None | Some(Obstacle::NoBudget));
        let limited = standing.iter().filter(|(obstacle, _)| is_free(*obstacle));
        let named = limited
            .filter_map(|(_, tried)| Some(tried.as_ref()?.limited?.since(now)))
            .min();
        let obstacles: Vec<Obstacle> = standing
            .iter()
            .filter_map(|(obstacle, _)| *obstacle)
            .collect();
        let story = Story {
            attempts: &attempts,
            obstacles: &obstacles,
            targets: self.targets(),
            fell_back: self.fell_back(),
            any_model: self.plan.route.any_model,
            waited: self.waited,
            out_of_time: self.out_of_time,
        };
        let telling = story::tell(&story);
        let mut failure = self.told(telling, last, named);
        if matches!(failure.code, Code::NoTargets | Code::NoModels)
            && let Some(why) = self.unfit()
        {
            failure = failure.message(why);
        }
        if failure.code == Code::ContextLengthExceeded && attempts.is_empty() {
            failure = failure.message(self.too_long());
        }
        failure.attempts = attempts;
        failure
    }

    /// `named`: the shortest wait that is left of those that providers named, apart from what keeps
    /// all requests away.
    fn told(&self, telling: Telling, last: Option<Failure>, named: Option<Duration>) -> Failure {
        match (telling, last) {
            (Telling::Itself, Some(last)) => last,
            (Telling::Itself, None) => self.row(Code::NoHealthyTargets, None),
            (Telling::Row { code, wait }, Some(mut last)) if last.code == code => {
                let shortest = wait.into_iter().chain(named).min();
                last.retry_after = shortest.or(last.retry_after);
                last
            }
            (Telling::Row { code, wait }, last) => {
                let mut failure = self.row(code, wait);
                if let Some(last) = last {
                    failure.retry_after = wait.or(last.retry_after);
                    failure.resets_at = last.resets_at;
                    failure.cause = Some(last.to_string().into());
                }
                failure
            }
        }
    }

    fn row(&self, code: Code, wait: Option<Duration>) -> Failure {
        let provider = self.plan.route.targets.first();
        let provider = provider.map(|target| target.health.connection.provider());
        let failure = match provider {
            Some(provider) if code.is_of_provider() => Failure::provider(code, provider),
            _ => Failure::gateway(code),
        };
        match wait {
            Some(wait) => failure.retry_after(wait),
            None => failure,
        }
    }

    /// That the prompt is longer than every window, as far as its length can tell.
    fn too_long(&self) -> String {
        let tokens = self
            .legs
            .first()
            .map_or(0, |leg| leg.facts.asked.prompt_tokens);
        format!(
            "The prompt has about {tokens} tokens by its length, more than any target of {} can \
             take. Shorten it, or ask for a model with a longer window.",
            self.plan.call.model
        )
    }

    /// Why none of the targets of the asked model takes the request, where their declarations
    /// say so.
    fn unfit(&self) -> Option<String> {
        let leg = self.legs.first()?;
        let mut reasons = Vec::new();
        for target in leg.route.targets.iter().filter(|target| target.enabled) {
            let reason = words(target.fitness.check(&leg.facts.asked).err()?);
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        (!reasons.is_empty()).then(|| {
            format!(
                "No target of {} takes this request: {}. Change the request, or ask for another \
                 model.",
                self.plan.call.model,
                reasons.join("; ")
            )
        })
    }
}

/// What a caller may know of a declaration: what it is about, and not what it wants.
fn words(unfit: Unfit) -> String {
    match unfit {
        Unfit::Rule(rule) => format!("a rule for `{rule}` does not hold"),
        Unfit::Lacks(ability) => format!("it needs {}, which is missing", ability.as_str()),
        Unfit::TooLong => "its prompt is too long".to_owned(),
    }
}
