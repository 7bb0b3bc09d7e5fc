//! Relaying: answers that stay in the format go on as they came, and are read in passing.

use bytes::Bytes;
use tollgate_core::format::Operation;
use tollgate_core::reply::{self, Piece, Usage};

use super::array::Unwrap;
use super::chunk::{self, Progress, Unreadable, Verdict};
use super::parse;
use crate::answer::AnswerProblem;
use crate::stream::{
    EventRelay, Fed, Flow, Framing, Look, StreamProblem, StreamRules, Watch, WatchProblem,
};

/// Reads an answer that stays in the format. That a prompt was blocked is one: callers of this
/// format know it. Fails for bodies that are no answer, and for answers that are of no use.
pub fn answer(operation: Operation, body: Bytes) -> Result<reply::Answer, AnswerProblem> {
    match operation {
        Operation::CountTokens => {
            parse::count(&body)?;
            Ok(reply::Answer {
                body,
                usage: None,
                finish: None,
            })
        }
        Operation::Chat | Operation::Embeddings => {
            let facts = facts(&body)?;
            Ok(reply::Answer {
                body,
                usage: facts.usage,
                finish: facts.finish,
            })
        }
    }
}

/// The facts of a whole answer.
pub(super) fn facts(body: &Bytes) -> Result<chunk::Chunk, AnswerProblem> {
    let facts =
        chunk::read(body, &mut Progress::default()).map_err(|unreadable| match unreadable {
            Unreadable::NotJson(_) if body.trim_ascii().is_empty() => {
                AnswerProblem::NotJson("there is nothing")
            }
            Unreadable::NotJson(reason) => AnswerProblem::NotJson(reason),
            Unreadable::NotAnObject => AnswerProblem::NotAnAnswer(unreadable.reason()),
        })?;
    match facts.verdict {
        Verdict::Error => return Err(AnswerProblem::Error { json: body.clone() }),
        Verdict::Refused => return Ok(facts),
        Verdict::Good => {}
    }
    if !facts.candidates {
        return Err(AnswerProblem::NotAnAnswer("there are no `candidates`"));
    }
    if facts.finish.is_none() && !facts.content {
        return Err(AnswerProblem::NotAnAnswer("the candidate says nothing"));
    }
    Ok(facts)
}

/// The token counts of what may be no answer.
pub(crate) fn reported(body: &[u8]) -> Option<Usage> {
    chunk::read(body, &mut Progress::default()).ok()?.usage
}

/// Relays a stream that stays in the format: one `data` line for each response and nothing else,
/// or the items of an array, whatever the provider sent.
pub fn stream(rules: StreamRules) -> Box<dyn Flow> {
    let framing = if rules.array {
        Framing::Array
    } else {
        Framing::DataOnly
    };
    Box::new(Relay {
        unwrap: Unwrap::default(),
        events: EventRelay::new(Watcher::default(), framing),
        over: false,
    })
}

struct Relay {
    unwrap: Unwrap,
    events: EventRelay<Watcher>,
    over: bool,
}

impl Relay {
    fn note(&mut self, fed: Fed) -> Fed {
        self.over |= fed.piece.last || fed.problem.is_some();
        fed
    }
}

impl Flow for Relay {
    fn feed(&mut self, chunk: Bytes) -> Fed {
        if self.over {
            return Fed::default();
        }
        let (events, problem) = self.unwrap.feed(chunk);
        let mut fed = self.events.feed(events);
        if !fed.piece.last {
            fed.problem = fed.problem.or(problem);
        }
        self.note(fed)
    }

    fn end(&mut self) -> Fed {
        if self.over {
            return Fed::default();
        }
        if !self.unwrap.is_complete() {
            return self.note(Fed {
                piece: Piece::default(),
                problem: Some(StreamProblem::Truncated),
            });
        }
        let fed = self.events.end();
        self.note(fed)
    }
}

/// Reads the responses of a stream in passing.
struct Watcher {
    progress: Progress,
}

impl Default for Watcher {
    fn default() -> Self {
        Self {
            progress: Progress::counting(),
        }
    }
}

impl Watch for Watcher {
    fn look(
        &mut self,
        name: Option<&[u8]>,
        data: &[u8],
        piece: &mut Piece,
    ) -> Result<Look, WatchProblem> {
        if name == Some(b"error") {
            return Err(WatchProblem::Error);
        }
        let chunk = chunk::read(data, &mut self.progress)
            .map_err(|unreadable| WatchProblem::Malformed(unreadable.reason()))?;
        if chunk.verdict == Verdict::Error {
            return Err(WatchProblem::Error);
        }
        piece.content |= chunk.content || chunk.finish.is_some();
        piece.delivered = piece.delivered.saturating_add(chunk.delivered);
        piece.finish = chunk.finish.or(piece.finish);
        piece.usage = chunk.usage.or(piece.usage);
        Ok(Look::Keep)
    }

    fn is_complete(&self) -> bool {
        self.progress.is_complete()
    }
}
