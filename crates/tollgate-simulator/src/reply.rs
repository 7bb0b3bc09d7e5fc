//! What the simulated models say, before it has a form.

pub(crate) mod sample;
mod tools;

use serde_json::json;

use crate::conversation::{Conversation, Output};
use crate::fault::MODEL_PREFIX;
use crate::seed::mix;
use crate::text::{self, MOST_TOKENS};

/// An answer.
pub(crate) struct Reply {
    /// What was thought before.
    pub(crate) thought: Option<String>,
    /// What is said.
    pub(crate) said: Said,
    /// Why it ends.
    pub(crate) finish: Finish,
    /// The tokens of the thought.
    pub(crate) thought_tokens: u64,
    /// The tokens of what is said.
    pub(crate) said_tokens: u64,
}

/// The content of an answer.
pub(crate) enum Said {
    /// Text.
    Text(String),
    /// Calls of tools.
    Calls(Vec<Call>),
}

/// A call of one tool.
pub(crate) struct Call {
    /// What its id is made of.
    pub(crate) number: u64,
    /// The tool.
    pub(crate) name: String,
    /// The arguments, in JSON.
    pub(crate) arguments: String,
}

/// Why an answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Everything was said.
    Stop,
    /// This text would have come next.
    Sequence(String),
    /// The limit of tokens was reached.
    Length,
    /// Tools are to be called.
    Tools,
}

/// Whom an answer is for: what it depends on beside the conversation.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// The seed of the simulator.
    pub(crate) seed: u64,
    /// Which request it is.
    pub(crate) number: u64,
    /// The model, without its namespace.
    pub(crate) model: &'a str,
    /// How many answers are wanted at once.
    pub(crate) choices: u64,
}

impl Circumstances<'_> {
    /// A number that no other request has.
    pub(crate) fn drawn(&self) -> u64 {
        mix(self.seed, self.number)
    }
}

/// Answers a conversation.
pub(crate) fn reply(conversation: &Conversation, about: Circumstances<'_>) -> Reply {
    if about.model == "inspect" {
        // It judges what was received, so nothing that was received may shorten it.
        let text = conversation.inspected();
        return Reply::text(text, Finish::Stop);
    }
    let limit = limit(conversation, about.choices);
    let thought = thinks(conversation, about.model).then(|| thought(conversation));
    let thoughts = thought.as_deref().map(text::pieces).unwrap_or_default();
    let used = thoughts.len().min(limit);
    let mut reply = match tools::calls(conversation, about.model, about.drawn()) {
        Some(calls) if used < limit || thoughts.is_empty() => Reply::calls(calls),
        _ => speak(conversation, about, limit - used),
    };
    if thought.is_some() {
        if used < thoughts.len() {
            reply = Reply::text(String::new(), Finish::Length);
        }
        reply.thought = Some(thoughts.into_iter().take(used).collect());
        reply.thought_tokens = tokens(used);
    }
    reply
}

impl Reply {
    fn text(text: String, finish: Finish) -> Self {
        Self {
            thought: None,
            said_tokens: text::count(&text),
            said: Said::Text(text),
            finish,
            thought_tokens: 0,
        }
    }

    fn calls(calls: Vec<Call>) -> Self {
        Self {
            thought: None,
            said_tokens: calls.iter().map(Call::tokens).sum(),
            said: Said::Calls(calls),
            finish: Finish::Tools,
            thought_tokens: 0,
        }
    }

    /// The tokens of the whole answer.
    pub(crate) fn tokens(&self) -> u64 {
        self.thought_tokens + self.said_tokens
    }
}

impl Call {
    /// How many tokens it counts: those of its name and its arguments.
    fn tokens(&self) -> u64 {
        text::count(&self.name) + text::count(&self.arguments)
    }
}

/// Whether a model thinks before it answers. Those that are made for it do unless they are told
/// not to, the others when they are told to.
fn thinks(conversation: &Conversation, model: &str) -> bool {
    let is_made_for_it = matches!(model, "think" | "think-redacted" | "think-tools");
    conversation.thinking.wanted.unwrap_or(is_made_for_it)
}

fn thought(conversation: &Conversation) -> String {
    let asked: String = conversation.asked.chars().take(40).collect();
    format!("I was asked: {asked}. I will answer in my own way.")
}

fn limit(conversation: &Conversation, choices: u64) -> usize {
    let most = MOST_TOKENS / usize::try_from(choices).unwrap_or(1).max(1);
    let asked = conversation
        .limit
        .and_then(|limit| usize::try_from(limit).ok());
    asked.unwrap_or(most).min(most)
}

fn speak(conversation: &Conversation, about: Circumstances<'_>, limit: usize) -> Reply {
    let mut text = words(conversation, about);
    let mut finish = Finish::Stop;
    let stops = conversation.stop.iter().filter(|stop| !stop.is_empty());
    let found = stops.filter_map(|stop| Some((text.find(stop.as_str())?, stop)));
    if let Some((at, stop)) = found.min_by_key(|(at, _)| *at) {
        text.truncate(at);
        finish = Finish::Sequence(stop.clone());
    }
    let pieces = text::pieces(&text);
    if pieces.len() > limit {
        finish = Finish::Length;
    }
    let said_tokens = tokens(pieces.len().min(limit));
    let kept: String = pieces.into_iter().take(limit).collect();
    Reply {
        thought: None,
        said: Said::Text(kept),
        finish,
        thought_tokens: 0,
        said_tokens,
    }
}

fn words(conversation: &Conversation, about: Circumstances<'_>) -> String {
    match &conversation.output {
        Output::Json => {
            return json!({"simulated": true, "echo": conversation.asked}).to_string();
        }
        Output::Schema(schema) => return sample::value(schema).to_string(),
        Output::Text => {}
    }
    if let Some(tokens) = text::story_length(about.model) {
        return text::story(about.seed, tokens);
    }
    if about.model.starts_with(MODEL_PREFIX) {
        return text::story(about.seed, text::story_length("story").unwrap_or_default());
    }
    if about.model == "see" || conversation.asked.is_empty() {
        return conversation.seen();
    }
    tools::results(conversation, about.model).unwrap_or_else(|| conversation.asked.clone())
}

fn tokens(pieces: usize) -> u64 {
    u64::try_from(pieces).unwrap_or(u64::MAX)
}
