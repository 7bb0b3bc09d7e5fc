//! A stream: what each of its events adds to an answer.

use tollgate_core::reply::Usage;
use tollgate_core::tokens::sixteenths;

use super::answer::{Answer, Ending};
use super::part::{Citation, Content, Part, Reasoned, ToolCall};
use crate::state::State;

/// One step of an answer that is being made. Readers give `Begin` first, `Finish` and `Usage` at
/// most as often as they change, and `End` only when the provider has ended in its proper way;
/// nothing follows `End`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins.
    Begin {
        /// The provider's id of the answer.
        id: Option<String>,
        /// The model, as the provider calls it.
        model: Option<String>,
    },
    /// More text.
    Text(String),
    /// The text before this event refers to something.
    Citation(Citation),
    /// More of the words of a refusal.
    Refusal(String),
    /// More of a thought.
    Reasoning(String),
    /// What the provider wants to have back with the thought before this event, which ends with
    /// it. Without a thought before, or `redacted`, it is a part of its own.
    ReasoningState {
        /// The state.
        state: State,
        /// Whether it stands for a thought that is not shown.
        redacted: bool,
    },
    /// What follows is another part, even if it is of the same kind.
    Break,
    /// A call of a tool begins.
    ToolCall {
        /// Tells parallel calls apart; counted from zero in order of appearance.
        index: usize,
        /// The id; never empty.
        id: String,
        /// The name of the tool.
        name: String,
        /// What the provider wants to have back with the call.
        state: Option<State>,
    },
    /// More of the arguments of a call.
    Arguments {
        /// Which call.
        index: usize,
        /// The next stretch of the JSON text.
        json: String,
    },
    /// The arguments of a call are complete.
    CallEnd {
        /// Which call.
        index: usize,
    },
    /// Token counts so far; the last ones count.
    Usage(Usage),
    /// Why the model stopped.
    Finish(Ending),
    /// Nothing but a sign of life.
    Idle,
    /// The provider has ended the stream in its proper way.
    End,
}

impl Event {
    /// Whether this is output of the model: an event before which nothing has been answered.
    pub const fn is_content(&self) -> bool {
        match self {
            Self::Text(_)
            | Self::Citation(_)
            | Self::Refusal(_)
            | Self::Reasoning(_)
            | Self::ReasoningState { .. }
            | Self::ToolCall { .. }
            | Self::Arguments { .. }
            | Self::CallEnd { .. }
            | Self::Finish(_) => true,
            Self::Begin { .. } | Self::Break | Self::Usage(_) | Self::Idle | Self::End => false,
        }
    }

    /// About how many sixteenths of a token of output this is.
    pub(crate) fn delivered(&self) -> u32 {
        match self {
            Self::Text(text)
            | Self::Refusal(text)
            | Self::Reasoning(text)
            | Self::Arguments { json: text, .. }
            | Self::ToolCall { name: text, .. } => sixteenths(text.as_bytes()),
            Self::Begin { .. }
            | Self::Citation(_)
            | Self::ReasoningState { .. }
            | Self::Break
            | Self::CallEnd { .. }
            | Self::Usage(_)
            | Self::Finish(_)
            | Self::Idle
            | Self::End => 0,
        }
    }
}

/// Puts the answer together that a stream spells out.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    answer: Answer,
    /// Where each call is in the parts of the answer, by its index.
    calls: Vec<usize>,
    /// Whether the last part is complete.
    broken: bool,
    /// Whether the stream has ended properly.
    pub ended: bool,
}

impl Gathering {
    /// Takes the next event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Begin { id, model } => {
                self.answer.id = id.or(self.answer.id.take());
                self.answer.model = model.or(self.answer.model.take());
            }
            Event::Text(more) => match self.open() {
                Some(Content::Text { text, .. }) => text.push_str(&more),
                _ => self.add(Part::text(more)),
            },
            Event::Citation(citation) => match self.open() {
                Some(Content::Text { citations, .. }) => citations.push(citation),
                _ => self.add(Part::new(Content::Text {
                    text: String::new(),
                    citations: vec![citation],
                })),
            },
            Event::Refusal(more) => match self.open() {
                Some(Content::Refusal(text)) => text.push_str(&more),
                _ => self.add(Part::new(Content::Refusal(more))),
            },
            Event::Reasoning(more) => match self.open() {
                Some(Content::Reasoning(thought)) => thought.text.push_str(&more),
                _ => self.think(Reasoned {
                    text: more,
                    ..Reasoned::default()
                }),
            },
            Event::ReasoningState { state, redacted } => self.keep_state(state, redacted),
            Event::Break | Event::CallEnd { .. } => self.broken = true,
            Event::ToolCall {
                index,
                id,
                name,
                state,
            } => self.call(index, id, name, state),
            Event::Arguments { index, json } => {
                if let Some(call) = self.call_at(index) {
                    call.arguments.push_str(&json);
                }
            }
            Event::Usage(usage) => self.answer.usage = Some(usage),
            Event::Finish(ending) => self.answer.ending = Some(ending),
            Event::Idle => {}
            Event::End => self.ended = true,
        }
    }

    /// The answer as far as it has come.
    pub fn into_answer(self) -> Answer {
        self.answer
    }

    /// The last part, if it can still grow.
    fn open(&mut self) -> Option<&mut Content> {
        if self.broken {
            return None;
        }
        self.answer.parts.last_mut().map(|part| &mut part.content)
    }

    fn add(&mut self, part: Part) {
        self.broken = false;
        self.answer.parts.push(part);
    }

    fn think(&mut self, thought: Reasoned) {
        self.add(Part::new(Content::Reasoning(thought)));
    }

    fn keep_state(&mut self, state: State, redacted: bool) {
        match self.open() {
            Some(Content::Reasoning(thought)) if !redacted && thought.state.is_none() => {
                thought.state = Some(state);
            }
            _ => self.think(Reasoned {
                text: String::new(),
                state: Some(state),
                redacted,
            }),
        }
        self.broken = true;
    }

    fn call(&mut self, index: usize, id: String, name: String, state: Option<State>) {
        if index != self.calls.len() {
            // A reader's mistake; the call is not lost, its arguments would be.
            return;
        }
        self.calls.push(self.answer.parts.len());
        self.add(Part::new(Content::ToolCall(ToolCall {
            id,
            name,
            arguments: String::new(),
            state,
        })));
    }

    fn call_at(&mut self, index: usize) -> Option<&mut ToolCall> {
        let place = *self.calls.get(index)?;
        match self.answer.parts.get_mut(place) {
            Some(Part {
                content: Content::ToolCall(call),
                ..
            }) => Some(call),
            _ => None,
        }
    }
}
