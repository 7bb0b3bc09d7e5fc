//! A conversation in neutral terms: what a request says, whatever its format.
//!
//! All families are read into it, and the simulated models know nothing else. So the same
//! conversation gets the same answer in each of them.

mod canonical;
mod inspect;
mod media;

pub(crate) use canonical::canonical;
pub(crate) use media::{Kind, Media, Place};

use serde_json::Value;

use crate::text;

/// What a request asks for.
#[derive(Default)]
pub(crate) struct Conversation {
    /// The texts that set it up, wherever they stood.
    pub(crate) system: Vec<String>,
    /// How many of them stood behind a turn.
    pub(crate) late_system: usize,
    /// The turns; neighbours have different speakers.
    pub(crate) turns: Vec<Turn>,
    /// The tools that may be called.
    pub(crate) tools: Vec<Tool>,
    /// Whether and which of them are to be called.
    pub(crate) choice: Choice,
    /// Whether only one of them may be called at once.
    pub(crate) one_call: bool,
    /// The form of the answer.
    pub(crate) output: Output,
    /// The most tokens of the answer.
    pub(crate) limit: Option<u64>,
    /// Texts that end it.
    pub(crate) stop: Vec<String>,
    /// Settings of sampling, under neutral names, as they were given.
    pub(crate) sampling: Vec<(&'static str, Value)>,
    /// How to think.
    pub(crate) thinking: Thinking,
    /// The end user.
    pub(crate) user: Option<String>,
    /// Whether the answer is to be streamed.
    pub(crate) stream: bool,
    /// What is to be kept in a cache: places in neutral terms.
    pub(crate) cached: Vec<String>,
    /// The tokens of everything that is said: four for each message, and those of its text.
    pub(crate) tokens: u64,
    /// The words of the last message of a user or a tool.
    pub(crate) asked: String,
    /// The same, when the last message of all is a user's; otherwise empty.
    pub(crate) order: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// The user, and tools on his behalf.
    User,
    /// The model.
    Model,
}

/// What one of them says.
pub(crate) struct Turn {
    /// Who.
    pub(crate) speaker: Speaker,
    /// What, in order.
    pub(crate) parts: Vec<Part>,
}

/// A part of a turn.
pub(crate) enum Part {
    /// Text.
    Text(String),
    /// The model's words for not answering.
    Refusal(String),
    /// A picture, a recording or a document.
    Media(Media),
    /// What the model thought.
    Thought {
        /// The thought, as far as it is shown.
        text: String,
        /// Whether a state came with it.
        is_signed: bool,
    },
    /// A call of a tool.
    Call {
        /// Its id, where the format has one.
        id: Option<String>,
        /// The tool.
        name: String,
        /// The arguments; a text when they are no JSON.
        arguments: Value,
        /// Whether a state came with it.
        is_signed: bool,
    },
    /// What a tool gave.
    Outcome {
        /// The id of the call.
        id: Option<String>,
        /// The tool, where the format repeats it.
        name: Option<String>,
        /// What it gave.
        parts: Vec<Part>,
        /// Whether it failed.
        is_failed: bool,
    },
    /// Something else, by the name of its kind in the format.
    Other(String),
}

/// A tool.
pub(crate) struct Tool {
    /// Its name; of a tool of the provider, its kind.
    pub(crate) name: String,
    /// What it does.
    pub(crate) description: Option<String>,
    /// The schema of its arguments; null for none.
    pub(crate) schema: Value,
    /// Whether arguments must fit the schema.
    pub(crate) is_strict: bool,
    /// Whether the caller runs it. The simulated models call no others.
    pub(crate) is_function: bool,
}

/// Whether and which tools are to be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    /// As the model likes.
    #[default]
    Auto,
    /// None.
    None,
    /// At least one.
    Any,
    /// At least one of these.
    Named(Vec<String>),
}

/// The form of an answer.
#[derive(Default)]
pub(crate) enum Output {
    /// Text.
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON of this schema.
    Schema(Value),
}

/// How a model is to think.
#[derive(Default)]
pub(crate) struct Thinking {
    /// Whether; `None` when nothing was said about it.
    pub(crate) wanted: Option<bool>,
    /// How hard.
    pub(crate) effort: Option<String>,
    /// For how many tokens; -1 leaves it to the model.
    pub(crate) budget: Option<i64>,
    /// Whether thoughts, or summaries of them, are to be shown.
    pub(crate) is_shown: Option<bool>,
}

impl Conversation {
    /// Adds a text that sets the conversation up.
    pub(crate) fn instruct(&mut self, text: &str) {
        self.tokens += 4 + text::count(text);
        self.late_system += usize::from(!self.turns.is_empty());
        self.system.push(text.to_owned());
        self.order.clear();
    }

    /// Adds a message; neighbours of one speaker become one turn.
    pub(crate) fn say(&mut self, speaker: Speaker, parts: Vec<Part>) {
        let all: String = parts.iter().map(Part::words).collect();
        self.tokens += 4 + text::count(&all);
        self.order.clear();
        if speaker == Speaker::User {
            self.asked = last_words(&parts);
            if !matches!(parts.last(), Some(Part::Outcome { .. })) {
                self.order.clone_from(&self.asked);
            }
        }
        // Some formats write an empty text where others write nothing.
        let is_empty = |part: &Part| matches!(part, Part::Text(text) if text.is_empty());
        let mut parts = parts;
        parts.retain(|part| !is_empty(part));
        match self.turns.last_mut() {
            Some(turn) if turn.speaker == speaker => turn.parts.extend(parts),
            _ => self.turns.push(Turn { speaker, parts }),
        }
    }

    /// Notes a setting of sampling when it was given.
    pub(crate) fn set(&mut self, name: &'static str, value: Option<&Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.sampling.push((name, value.clone()));
        }
    }

    /// The place of the part that is added next, for [`Conversation::cached`].
    pub(crate) fn next_place(&self, speaker: Speaker, parts: usize) -> String {
        let (turn, before) = match self.turns.last() {
            Some(turn) if turn.speaker == speaker => (self.turns.len() - 1, turn.parts.len()),
            _ => (self.turns.len(), 0),
        };
        format!("turns[{turn}].parts[{}]", before + parts)
    }

    /// The turns since the user last said something that was no result of a tool.
    pub(crate) fn since_question(&self) -> &[Turn] {
        let is_question = |turn: &Turn| {
            turn.speaker == Speaker::User
                && !turn
                    .parts
                    .iter()
                    .any(|part| matches!(part, Part::Outcome { .. }))
        };
        let at = self.turns.iter().rposition(is_question);
        at.and_then(|at| self.turns.get(at + 1..))
            .unwrap_or(&self.turns)
    }

    /// The media of the last turn of the user, one line each.
    pub(crate) fn seen(&self) -> String {
        let turn = self
            .turns
            .iter()
            .rfind(|turn| turn.speaker == Speaker::User);
        let parts = turn.into_iter().flat_map(|turn| &turn.parts);
        let lines = parts.flat_map(Part::media).map(Media::description);
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Part {
    /// Its text: that of a message, a refusal, or what a tool gave.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Text(text) | Self::Refusal(text) => text.clone(),
            Self::Outcome { parts, .. } => parts.iter().map(Self::words).collect(),
            Self::Media(_) | Self::Thought { .. } | Self::Call { .. } | Self::Other(_) => {
                String::new()
            }
        }
    }

    fn media(&self) -> Vec<&Media> {
        match self {
            Self::Media(media) => vec![media],
            Self::Outcome { parts, .. } => parts.iter().flat_map(Self::media).collect(),
            Self::Text(_)
            | Self::Refusal(_)
            | Self::Thought { .. }
            | Self::Call { .. }
            | Self::Other(_) => Vec::new(),
        }
    }
}

/// The texts after the last result of a tool; when there are none, what that tool gave.
fn last_words(parts: &[Part]) -> String {
    let result = parts
        .iter()
        .rposition(|part| matches!(part, Part::Outcome { .. }));
    let after = parts.get(result.map_or(0, |at| at + 1)..);
    let said: String = after.into_iter().flatten().map(Part::words).collect();
    match result.and_then(|at| parts.get(at)) {
        Some(result) if said.is_empty() => result.words(),
        _ => said,
    }
}
