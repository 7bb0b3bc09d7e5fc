//! Relaying messages whose format is the caller's: bytes go on as they came, facts are read in
//! passing.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use tollgate_core::format::Operation;
use tollgate_core::reply::{self, Piece, Usage};

use super::facts::{self, Event, Unreadable};
use super::usage::Counts;
use crate::answer::AnswerProblem;
use crate::stream::{EventRelay, Flow, Framing, Look, StreamRules, Watch, WatchProblem};

/// Reads an answer that stays in the format.
pub fn answer(operation: Operation, body: Bytes) -> Result<reply::Answer, AnswerProblem> {
    let mut counts = Counts::default();
    let facts = match facts::read(&body, &mut counts) {
        Ok(facts) => facts,
        Err(other @ Unreadable::NotAnObject) => {
            return Err(AnswerProblem::NotAnAnswer(other.reason()));
        }
        Err(Unreadable::NotJson(_)) if body.trim_ascii().is_empty() => {
            return Err(AnswerProblem::NotJson("there is nothing"));
        }
        Err(Unreadable::NotJson(reason)) => return Err(AnswerProblem::NotJson(reason)),
    };
    if facts.error || facts.kind == Event::Error {
        return Err(AnswerProblem::Error { json: body });
    }
    match operation {
        Operation::CountTokens if !facts.counted => {
            return Err(AnswerProblem::NotAnAnswer("there is no `input_tokens`"));
        }
        Operation::Chat | Operation::Embeddings if !facts.content => {
            return Err(AnswerProblem::NotAnAnswer("there is no `content` array"));
        }
        Operation::Chat | Operation::Embeddings | Operation::CountTokens => {}
    }
    Ok(reply::Answer {
        body,
        usage: counts.usage(),
        finish: facts.finish,
    })
}

/// The token counts of what may be no answer.
pub(crate) fn reported(body: &[u8]) -> Option<Usage> {
    let mut counts = Counts::default();
    facts::read(body, &mut counts).ok()?;
    counts.usage()
}

/// Relays a stream that stays in the format.
pub fn stream(_rules: StreamRules) -> Box<dyn Flow> {
    Box::new(EventRelay::new(MessageWatch::default(), Framing::AsItCame))
}

/// Reads the events of one message in passing.
#[derive(Default)]
struct MessageWatch {
    counts: Counts,
    /// Whether content has been seen.
    content: bool,
}

impl Watch for MessageWatch {
    fn look(
        &mut self,
        name: Option<&[u8]>,
        data: &[u8],
        piece: &mut Piece,
    ) -> Result<Look, WatchProblem> {
        if name == Some(b"error") {
            return Err(WatchProblem::Error);
        }
        let facts = facts::read(data, &mut self.counts)
            .map_err(|unreadable| WatchProblem::Malformed(unreadable.reason()))?;
        let kind = match (facts.kind, name) {
            (Event::Unknown, Some(name)) => Event::of(name),
            (kind, _) => kind,
        };
        if facts.error || kind == Event::Error {
            return Err(WatchProblem::Error);
        }
        piece.delivered = piece.delivered.saturating_add(facts.delivered);
        if facts.usage {
            piece.usage = self.counts.usage().or(piece.usage);
        }
        let content = match kind {
            Event::BlockStart => facts.telling_block,
            Event::BlockDelta => true,
            Event::MessageDelta => {
                piece.finish = facts.finish.or(piece.finish);
                facts.finish.is_some()
            }
            Event::MessageStop => {
                piece.last = true;
                false
            }
            // Before the first content a sign of life would be a byte that has left.
            Event::Ping if !self.content => return Ok(Look::Drop),
            Event::MessageStart
            | Event::BlockStop
            | Event::Ping
            | Event::Error
            | Event::Unknown => false,
        };
        self.content |= content;
        piece.content |= content;
        Ok(Look::Keep)
    }

    fn is_complete(&self) -> bool {
        // A message ends with `message_stop` and with nothing else.
        false
    }
}
