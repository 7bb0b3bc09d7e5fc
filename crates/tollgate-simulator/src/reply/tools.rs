//! Calls of tools: when the simulated models call one, and with what.
//!
//! A tool is called when the request offers some and the choice is not `none`, and either the
//! choice demands it or the last message is a user's and contains "call the tool" or "call
//! both". Called are the tools that the message names, or the first one; with "call both" the
//! first two. The models `tools` and `think-tools` call every tool that they were given once,
//! and answer with what the tools gave. Only one tool is called at a time when the request says
//! so. Arguments follow the tool's schema.

use super::{Call, sample};
use crate::conversation::{Choice, Conversation, Part, Speaker, Tool, Turn};
use crate::seed::mix;

/// The calls that answer a conversation; `None` when it is answered with text.
pub(super) fn calls(conversation: &Conversation, model: &str, drawn: u64) -> Option<Vec<Call>> {
    let offered = conversation.tools.iter().filter(|tool| tool.is_function);
    let offered: Vec<&Tool> = offered.collect();
    let chosen = if calls_all(model) {
        all_in_turn(conversation, offered)?
    } else {
        as_told(conversation, offered)?
    };
    let most = if conversation.one_call { 1 } else { usize::MAX };
    let chosen = chosen.into_iter().take(most);
    let calls = chosen.zip(1..).map(|(tool, position)| Call {
        number: mix(drawn, position),
        name: tool.name.clone(),
        arguments: sample::value(&tool.schema).to_string(),
    });
    let calls: Vec<Call> = calls.collect();
    (!calls.is_empty()).then_some(calls)
}

/// What the tools gave since the last question, for the models that answer with it.
pub(super) fn results(conversation: &Conversation, model: &str) -> Option<String> {
    if !calls_all(model) {
        return None;
    }
    let given: Vec<String> = outcomes(conversation).map(Part::words).collect();
    (!given.is_empty()).then(|| given.join("\n"))
}

fn calls_all(model: &str) -> bool {
    matches!(model, "tools" | "think-tools")
}

fn all_in_turn<'a>(conversation: &Conversation, offered: Vec<&'a Tool>) -> Option<Vec<&'a Tool>> {
    let offered = offered.into_iter();
    let allowed: Vec<&Tool> = match &conversation.choice {
        Choice::None => return None,
        Choice::Named(names) => offered.filter(|tool| names.contains(&tool.name)).collect(),
        Choice::Auto | Choice::Any => offered.collect(),
    };
    let called: Vec<&str> = conversation
        .since_question()
        .iter()
        .filter(|turn| turn.speaker == Speaker::Model)
        .flat_map(|turn| &turn.parts)
        .filter_map(|part| match part {
            Part::Call { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let has_results = outcomes(conversation).next().is_some();
    if has_results && !conversation.one_call {
        return None;
    }
    let left = allowed.into_iter();
    Some(
        left.filter(|tool| !called.contains(&tool.name.as_str()))
            .collect(),
    )
}

fn outcomes(conversation: &Conversation) -> impl Iterator<Item = &Part> {
    let turns: &[Turn] = conversation.since_question();
    turns
        .iter()
        .flat_map(|turn| &turn.parts)
        .filter(|part| matches!(part, Part::Outcome { .. }))
}

fn as_told<'a>(conversation: &Conversation, offered: Vec<&'a Tool>) -> Option<Vec<&'a Tool>> {
    let order = conversation.order.as_str();
    let both = order.contains("call both");
    let offered = match &conversation.choice {
        Choice::None => return None,
        Choice::Auto if !both && !order.contains("call the tool") => return None,
        Choice::Named(names) => {
            let mut allowed = offered;
            allowed.retain(|tool| names.contains(&tool.name));
            allowed
        }
        Choice::Auto | Choice::Any => offered,
    };
    if both {
        return Some(offered.into_iter().take(2).collect());
    }
    let named = offered.iter().filter(|tool| order.contains(&tool.name));
    let named: Vec<&Tool> = named.copied().collect();
    Some(if named.is_empty() {
        offered.into_iter().take(1).collect()
    } else {
        named
    })
}
