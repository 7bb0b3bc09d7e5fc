//! Thinking: whether, how hard, and within which bound of tokens. The rules hang together, so they
//! are settled in one place.

use serde_json::{Value, json};

use super::model::{Abilities, Thinking};
use crate::formats::{Aim, Lost};
use crate::neutral::{Content, Effort, Reasoning, Request, Role};

/// The smallest budget that is taken.
const LEAST: u64 = 1024;
/// What an answer gets beside a thought if nobody bounds it.
const ROOM: u64 = 4096;

/// What becomes of the wish to think.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// The value of `thinking`, if the model is to think.
    pub(crate) thinking: Option<Value>,
    /// The effort, in Anthropic's words.
    pub(crate) effort: Option<&'static str>,
    /// The most tokens of the answer, thoughts included, if anybody bounds them.
    pub(crate) max_tokens: Option<u64>,
}

impl Plan {
    const fn off(max_tokens: Option<u64>) -> Self {
        Self {
            thinking: None,
            effort: None,
            max_tokens,
        }
    }
}

/// Settles how the model thinks. What cannot be had is lost.
pub(crate) fn plan(
    request: &Request,
    aim: &Aim<'_>,
    abilities: Abilities,
    lost: &mut Lost,
) -> Plan {
    let bound = bound(request, aim, lost);
    let Some(reasoning) = request.reasoning else {
        return Plan::off(bound);
    };
    if reasoning.effort() == Some(Effort::None) || reasoning.budget == Some(0) {
        if abilities.always_thinks {
            lost.push("reasoning_effort".to_owned());
            return Plan {
                effort: Some("low"),
                ..Plan::off(bound)
            };
        }
        return Plan::off(bound);
    }
    let speaks_last = request.turns.last().map(|turn| turn.role) == Some(Role::Assistant);
    let planned = match abilities.thinking {
        Thinking::None => None,
        // An answer that has begun cannot be thought about any more.
        _ if speaks_last => None,
        Thinking::Adaptive => Some(adaptive(reasoning, bound)),
        Thinking::Either if reasoning.budget.is_none() => Some(adaptive(reasoning, bound)),
        Thinking::Either | Thinking::Budget if thought_is_missing(request, aim.provider) => None,
        Thinking::Either | Thinking::Budget => budgeted(reasoning, bound, aim, lost),
    };
    planned.unwrap_or_else(|| {
        lost.push("reasoning_effort".to_owned());
        Plan::off(bound)
    })
}

/// The bound that the caller wants, if the model can have it.
fn bound(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Option<u64> {
    let asked = request.max_tokens?;
    match aim.max_output.map(u64::from) {
        Some(most) if asked > most => {
            lost.push("max_tokens".to_owned());
            Some(most)
        }
        _ => Some(asked),
    }
}

fn adaptive(reasoning: Reasoning, max_tokens: Option<u64>) -> Plan {
    let mut thinking = json!({"type": "adaptive"});
    if let (Some(show), Some(members)) = (reasoning.show, thinking.as_object_mut()) {
        let display = if show { "summarized" } else { "omitted" };
        members.insert("display".to_owned(), display.into());
    }
    Plan {
        thinking: Some(thinking),
        effort: reasoning.effort().map(word),
        max_tokens,
    }
}

/// The effort in Anthropic's words. All models that take an effort take these.
const fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "max",
    }
}

/// A budget below the bound: the bound counts thoughts and answer together, here as at those
/// whose callers ask.
fn budgeted(
    reasoning: Reasoning,
    bound: Option<u64>,
    aim: &Aim<'_>,
    lost: &mut Lost,
) -> Option<Plan> {
    let most = aim.max_output.map(u64::from);
    let wanted = reasoning.budget().unwrap_or(Effort::Medium.budget());
    let wanted = wanted.max(LEAST);
    let (max_tokens, budget) = match bound.or(most) {
        None => (wanted.saturating_add(ROOM), wanted),
        Some(bound) if bound > wanted => (bound, wanted),
        Some(bound) if bound >= 2 * LEAST => (bound, bound / 4 * 3),
        // Too small for any thought: the answer keeps its room, and the thought gets its own.
        Some(bound) => {
            let raised = most.map_or(bound + LEAST, |most| most.min(bound + LEAST));
            if raised <= LEAST {
                return None;
            }
            lost.push("max_tokens".to_owned());
            (raised, LEAST)
        }
    };
    Some(Plan {
        thinking: Some(json!({"type": "enabled", "budget_tokens": budget})),
        effort: None,
        max_tokens: Some(max_tokens),
    })
}

/// Whether the model's last turn calls tools without the thought that led there. With a budget
/// such a turn is refused.
fn thought_is_missing(request: &Request, provider: &str) -> bool {
    let mut turns = request.turns.iter().rev();
    let Some(turn) = turns.find(|turn| turn.role == Role::Assistant) else {
        return false;
    };
    let calls = turn
        .parts
        .iter()
        .any(|part| matches!(part.content, Content::ToolCall(_)));
    let begins_with_thought = match turn.parts.first().map(|part| &part.content) {
        Some(Content::Reasoning(thought)) => thought
            .state
            .as_ref()
            .is_some_and(|state| state.is_of(provider)),
        _ => false,
    };
    calls && !begins_with_thought
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neutral::{Part, Reasoned, ToolCall};
    use crate::quirks::Quirks;
    use crate::state::State;

    fn aim(model: &str, max_output: Option<u32>) -> Aim<'_> {
        Aim {
            provider: "anthropic",
            model,
            max_output,
            ask_usage: false,
            quirks: &Quirks::OPENAI,
        }
    }

    fn asks(effort: Option<Effort>, budget: Option<u64>, max_tokens: Option<u64>) -> Request {
        let mut request = Request {
            reasoning: Some(Reasoning {
                effort,
                budget,
                show: None,
            }),
            max_tokens,
            ..Request::default()
        };
        request.push(Role::User, Part::text("Hi"));
        request
    }

    fn run(request: &Request, aim: &Aim<'_>) -> (Plan, Lost) {
        let mut lost = Lost::new();
        let plan = plan(request, aim, Abilities::of(aim.model), &mut lost);
        (plan, lost)
    }

    #[test]
    fn a_budget_lies_between_its_least_and_the_bound() {
        for (budget, max_tokens, most, want) in [
            (8192, None, None, (12_288, 8192)),
            (8192, None, Some(64_000), (64_000, 8192)),
            (8192, Some(10_000), Some(64_000), (10_000, 8192)),
            (8192, Some(4000), Some(64_000), (4000, 3000)),
            (10, Some(4000), None, (4000, 1024)),
            (8192, Some(100), Some(64_000), (1124, 1024)),
            (8192, Some(1024), Some(1500), (1500, 1024)),
        ] {
            let request = asks(None, Some(budget), max_tokens);
            let (plan, lost) = run(&request, &aim("claude-sonnet-4-5", most));
            let thinking = json!({"type": "enabled", "budget_tokens": want.1});
            assert_eq!(
                (plan.thinking, plan.max_tokens),
                (Some(thinking), Some(want.0))
            );
            let raised = max_tokens.is_some_and(|asked| asked < want.0);
            assert_eq!(lost.contains(&"max_tokens".to_owned()), raised);
        }
        let request = asks(Some(Effort::High), None, Some(100));
        let (plan, lost) = run(&request, &aim("claude-sonnet-4-5", Some(1000)));
        assert_eq!(plan, Plan::off(Some(100)));
        assert_eq!(lost, ["reasoning_effort"]);
    }

    #[test]
    fn new_models_are_told_an_effort_and_old_ones_nothing() {
        let request = asks(Some(Effort::Highest), None, None);
        let (plan, lost) = run(&request, &aim("claude-opus-4-7", None));
        assert_eq!(plan.thinking, Some(json!({"type": "adaptive"})));
        assert_eq!((plan.effort, plan.max_tokens), (Some("max"), None));
        assert!(lost.is_empty());
        let request = asks(None, Some(2000), None);
        let (plan, _) = run(&request, &aim("claude-opus-4-7", None));
        assert_eq!(plan.effort, Some("low"));
        let (plan, lost) = run(&request, &aim("claude-3-5-haiku", None));
        assert_eq!(
            (plan, lost),
            (Plan::off(None), vec!["reasoning_effort".to_owned()])
        );
    }

    #[test]
    fn not_to_think_is_told_where_it_cannot_be_had() {
        let request = asks(Some(Effort::None), None, None);
        assert_eq!(
            run(&request, &aim("claude-opus-4-6", None)),
            (Plan::off(None), Lost::new())
        );
        let (plan, lost) = run(&request, &aim("claude-fable-5", None));
        assert_eq!((plan.thinking, plan.effort), (None, Some("low")));
        assert_eq!(lost, ["reasoning_effort"]);
    }

    #[test]
    fn a_call_without_its_thought_ends_thinking_by_budget() {
        let call = Part::new(Content::ToolCall(ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: String::new(),
            state: None,
        }));
        let thought = |provider| {
            Part::new(Content::Reasoning(Reasoned {
                text: "t".to_owned(),
                state: Some(State::of(provider, "sig")),
                redacted: false,
            }))
        };
        for (first, off) in [
            (None, true),
            (Some(thought("google")), true),
            (Some(thought("anthropic")), false),
        ] {
            let mut request = asks(None, Some(2000), Some(9000));
            if let Some(part) = first {
                request.push(Role::Assistant, part);
            }
            request.push(Role::Assistant, call.clone());
            request.push(Role::User, Part::text("result"));
            let (plan, lost) = run(&request, &aim("claude-sonnet-4-5", None));
            assert_eq!(plan.thinking.is_none(), off);
            assert_eq!(lost.len(), usize::from(off));
            let (plan, _) = run(&request, &aim("claude-opus-4-7", None));
            assert!(
                plan.thinking.is_some(),
                "adaptive thinking needs no thought"
            );
        }
    }

    #[test]
    fn an_answer_that_has_begun_is_not_thought_about() {
        let mut request = asks(Some(Effort::High), None, None);
        request.push(Role::Assistant, Part::text("The answer is"));
        let (plan, lost) = run(&request, &aim("claude-sonnet-4-5", None));
        assert_eq!(
            (plan, lost),
            (Plan::off(None), vec!["reasoning_effort".to_owned()])
        );
    }

    #[test]
    fn a_bound_above_the_models_own_is_lowered() {
        let mut request = asks(None, None, Some(100_000));
        request.reasoning = None;
        let (plan, lost) = run(&request, &aim("claude-3-haiku", Some(4096)));
        assert_eq!(plan.max_tokens, Some(4096));
        assert_eq!(lost, ["max_tokens"]);
    }
}
