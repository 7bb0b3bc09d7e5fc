//! The models that may answer a request: the one that it asks for and every fallback that some
//! failure leads to.

use std::sync::Arc;

use tollgate_core::route::fallback::Class;

use super::{After, Choice, Glance};
use crate::routes::Route;
use crate::walk::LONGEST_CHAIN;

/// The most models that are explained: what the chains of all classes of failure can have.
const MOST: usize = LONGEST_CHAIN * Class::ALL.len();

impl Glance<'_> {
    /// The models, the nearest first; each of them once.
    pub(super) fn chain(&self, asked: Arc<Route>) -> Vec<Choice> {
        let mut first = self.choice(asked, Vec::new());
        first.allowed = self.may_use(&self.question.model);
        let mut models = vec![first];
        let mut at = 0;
        while let Some(route) = models.get(at).map(|choice| Arc::clone(&choice.route)) {
            // What a key may not use is passed over, with everything that would come after it.
            let is_passed_over = at > 0 && models.get(at).is_some_and(|choice| !choice.allowed);
            if !self.question.no_fallbacks && !is_passed_over {
                self.add_fallbacks(&route, at, &mut models);
            }
            at += 1;
        }
        keep_reachable(&mut models);
        models
    }

    fn add_fallbacks(&self, route: &Route, from: usize, models: &mut Vec<Choice>) {
        for class in Class::ALL.iter().copied() {
            for name in route.fallbacks.of(class) {
                let Some(found) = self.engine.routes().find(name) else {
                    continue;
                };
                let after = After { model: from, class };
                let known = models
                    .iter()
                    .position(|choice| choice.route.model == found.model);
                if let Some(known) = known.and_then(|known| models.get_mut(known)) {
                    known.after.push(after);
                } else if models.len() < MOST {
                    let mut choice = self.choice(found, vec![after]);
                    choice.allowed = self.may_use(name);
                    models.push(choice);
                }
            }
        }
    }
}

/// Leaves out steps that no request takes: back to the model that was asked for, and from models
/// that are only met behind the one that they would lead to.
fn keep_reachable(models: &mut [Choice]) {
    let steps: Vec<(usize, usize)> = models
        .iter()
        .enumerate()
        .flat_map(|(to, choice)| choice.after.iter().map(move |after| (after.model, to)))
        .collect();
    for (to, choice) in models.iter_mut().enumerate() {
        choice
            .after
            .retain(|after| to != 0 && is_met_before(&steps, after.model, to));
    }
}

/// Whether a chain from the asked model meets `model` before it meets `other`.
fn is_met_before(steps: &[(usize, usize)], model: usize, other: usize) -> bool {
    let mut met = vec![0];
    let mut at = 0;
    while let Some(from) = met.get(at).copied() {
        for (_, to) in steps.iter().filter(|(start, _)| *start == from) {
            if *to != other && !met.contains(to) {
                met.push(*to);
            }
        }
        at += 1;
    }
    met.contains(&model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_back_to_where_one_has_been_is_none() {
        // 0 → 1 → 2 → 1, and 0 → 2 in the second table.
        let steps = [(0, 1), (1, 2), (2, 1)];
        assert!(!is_met_before(&steps, 2, 1));
        assert!(is_met_before(&steps, 1, 2));
        let steps = [(0, 1), (0, 2), (1, 2), (2, 1)];
        assert!(is_met_before(&steps, 2, 1));
    }
}
