//! What all streams have in common: how they end, what can go wrong, and the shapes of the things
//! that relay, read and write them.

mod events;
mod translated;

use bytes::Bytes;
use tollgate_core::error::StreamMark;
use tollgate_core::reply::Piece;

pub(crate) use events::{EventRelay, Framing, Look, Watch, WatchProblem};
pub use translated::Translated;

use crate::neutral::Event;
use crate::sse;

/// What is particular to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRules {
    /// Whether the caller asked for the separate usage chunk. If not, it is cut out.
    pub show_usage: bool,
    /// How the provider ends a stream.
    pub done: Terminator,
    /// The provider, by the name of its row: state that it hands out is sealed with it.
    pub provider: &'static str,
    /// Whether the caller wants one JSON array instead of events.
    pub array: bool,
}

/// What makes the end of a stream a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// Nothing but `[DONE]`.
    Done,
    /// `[DONE]`, or the end of the body once every choice that was seen has its finish reason.
    FinishThenEnd,
    /// What the format itself says: `message_stop`, `response.completed`, a finish reason and
    /// then the end of the body at Gemini.
    Native,
}

/// Why a stream cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamProblem {
    /// The provider reports an error.
    #[error("the provider sent an error in the stream")]
    Error {
        /// What it sent: nearly always a JSON object with an `error` member.
        json: Bytes,
    },
    /// An event is not the JSON object that it must be.
    #[error("an event of the stream is malformed: {0}")]
    Malformed(&'static str),
    /// An event exceeds [`sse::EVENT_CAP`].
    #[error(transparent)]
    TooLarge(#[from] sse::TooLarge),
    /// The stream ended without its terminator.
    #[error("the stream ended too early")]
    Truncated,
}

/// What a chunk gave: the part that can leave, and, behind it, what went wrong.
#[derive(Clone, Debug, Default)]
pub struct Fed {
    /// The good events.
    pub piece: Piece,
    /// Why nothing will follow, unless the piece is the last.
    pub problem: Option<StreamProblem>,
}

/// A provider's stream on its way to a caller. After a piece that is `last`, or a problem, it
/// gives nothing more.
pub trait Flow: Send {
    /// Takes what the provider sent next.
    fn feed(&mut self, chunk: Bytes) -> Fed;
    /// Takes the end of the provider's body.
    fn end(&mut self) -> Fed;
    /// Where the stream stands, for formats whose last event has to say so.
    fn mark(&self) -> Option<StreamMark> {
        None
    }
}

/// Reads a provider's stream into neutral events. Holds no more than one event of the stream, and
/// fails rather than guess.
pub trait ReadEvents: Send {
    /// Takes what the provider sent next and adds what it says to `events`. Events that were
    /// added before a problem count.
    fn feed(&mut self, chunk: Bytes, events: &mut Vec<Event>) -> Result<(), StreamProblem>;
    /// Takes the end of the body. Gives [`Event::End`] where the end of the body is the end of the
    /// answer, and [`StreamProblem::Truncated`] where an answer was still to go on.
    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem>;
}

/// Writes neutral events as a stream of the caller's format.
pub trait WriteEvents: Send {
    /// Appends what the event amounts to, in whole events of the format, if anything. The
    /// terminator is written for [`Event::End`], and at no other time.
    fn write(&mut self, event: &Event, out: &mut Vec<u8>);
    /// Where the stream stands, for formats whose last event has to say so.
    fn mark(&self) -> Option<StreamMark> {
        None
    }
}
