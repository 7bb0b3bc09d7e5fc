//! Relaying responses: their bytes go on as they came, and what they say is seen in passing.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use tollgate_core::error::StreamMark;
use tollgate_core::reply::{self, Piece, Usage};

use super::event::{self, About, Fields};
use super::facts::{self, Facts};
use crate::answer::AnswerProblem;
use crate::json::{Problem, Scanner, Text};
use crate::output;
use crate::stream::{EventRelay, Flow, Framing, Look, StreamRules, Watch, WatchProblem};

/// Reads an answer that stays in the format. A response that goes on in the background is one.
/// Fails if the body is no JSON, reports an error, or is no response object.
pub fn answer(body: Bytes) -> Result<reply::Answer, AnswerProblem> {
    let facts = read(&body)?;
    let (usage, finish) = (facts.usage, facts.finish());
    Ok(reply::Answer {
        body,
        usage,
        finish,
    })
}

/// The facts of a body that is a response object.
pub(super) fn read(body: &Bytes) -> Result<Facts<'_>, AnswerProblem> {
    let facts = match facts::read(body) {
        Ok(Some(facts)) => facts,
        Ok(None) => {
            return Err(AnswerProblem::NotAnAnswer("JSON that is not an object"));
        }
        Err(_) if body.trim_ascii().is_empty() => {
            return Err(AnswerProblem::NotJson("there is nothing"));
        }
        Err(problem) => return Err(AnswerProblem::NotJson(problem.fault.reason())),
    };
    if facts.error {
        return Err(AnswerProblem::Error { json: body.clone() });
    }
    if !facts.output {
        return Err(AnswerProblem::NotAnAnswer("there is no `output` array"));
    }
    Ok(facts)
}

/// The token counts of what may be no answer: of a response, or of an event about one.
pub(crate) fn reported(body: &[u8]) -> Option<Usage> {
    let of_event = || {
        let response = event::read(body).ok()??.response?;
        facts::scan(&mut Scanner::new(response)).ok()??.usage
    };
    let whole = || facts::read(body).ok()??.usage;
    of_event().or_else(whole)
}

/// Relays a stream that stays in the format. It ends with `response.completed` or
/// `response.incomplete`; any other end is none.
pub fn stream(_rules: StreamRules) -> Box<dyn Flow> {
    Box::new(EventRelay::new(Responses::default(), Framing::AsItCame))
}

/// What has been seen of a stream.
#[derive(Default)]
struct Responses {
    mark: StreamMark,
    /// Whether an item of the output calls a tool.
    calls: bool,
}

impl Watch for Responses {
    fn look(
        &mut self,
        name: Option<&[u8]>,
        data: &[u8],
        piece: &mut Piece,
    ) -> Result<Look, WatchProblem> {
        if name == Some(b"error") {
            return Err(WatchProblem::Error);
        }
        let fields = event::read(data)
            .map_err(malformed)?
            .ok_or(WatchProblem::Malformed("JSON that is not an object"))?;
        let about = fields.about(name);
        let facts = response(&fields)?;
        if facts.is_some_and(|facts| facts.error) {
            return Err(WatchProblem::Error);
        }
        piece.delivered = piece.delivered.saturating_add(delivered(&fields, about));
        match about {
            About::Error => return Err(WatchProblem::Error),
            About::Response | About::PartAdded | About::SummaryPart | About::Unknown => {}
            About::ItemAdded => {
                let kind = kind_of(&fields)?;
                self.calls |= kind.is_some_and(facts::is_call);
                // What a message or a thought says is still to come; any other item says by its
                // name alone what the model does.
                piece.content |=
                    !kind.is_some_and(|kind| kind.is("message") || kind.is("reasoning"));
            }
            About::ItemDone => {
                self.calls |= kind_of(&fields)?.is_some_and(facts::is_call);
                piece.content = true;
            }
            About::Text
            | About::Refusal
            | About::Thought
            | About::Summary
            | About::Arguments
            | About::Annotation
            | About::PartDone
            | About::Repeats => piece.content = true,
            About::Completed | About::Incomplete => {
                let mut facts = facts.ok_or(WatchProblem::Malformed("there is no `response`"))?;
                if about == About::Incomplete {
                    facts = facts.cut();
                }
                facts.calls |= self.calls;
                piece.usage = facts.usage.or(piece.usage);
                piece.finish = facts.finish().or(piece.finish);
                piece.content = true;
                piece.last = true;
            }
        }
        self.count(&fields, facts.and_then(|facts| facts.id));
        Ok(Look::Keep)
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn mark(&self) -> Option<StreamMark> {
        Some(self.mark.clone())
    }
}

impl Responses {
    /// Notes where the stream stands behind this event.
    fn count(&mut self, fields: &Fields<'_>, id: Option<Text<'_>>) {
        let number = fields.sequence.unwrap_or(self.mark.sequence);
        self.mark.sequence = number.saturating_add(1);
        if let (true, Some(id)) = (self.mark.response_id.is_empty(), id) {
            self.mark.response_id = id.decode().unwrap_or_default().into_owned();
        }
    }
}

/// About how much an event says that was not said before, in sixteenths of a token.
fn delivered(fields: &Fields<'_>, about: About) -> u32 {
    match about {
        About::Text
        | About::Refusal
        | About::Thought
        | About::Summary
        | About::Arguments
        | About::Repeats => {
            // Only stretches have a `delta`; what repeats them has not.
            fields.delta.as_ref().map_or(0, output::of_text)
        }
        About::Response
        | About::Completed
        | About::Incomplete
        | About::Error
        | About::ItemAdded
        | About::ItemDone
        | About::PartAdded
        | About::PartDone
        | About::SummaryPart
        | About::Annotation
        | About::Unknown => 0,
    }
}

/// The facts of the response object within an event, if it has one.
fn response<'a>(fields: &Fields<'a>) -> Result<Option<Facts<'a>>, WatchProblem> {
    let Some(response) = fields.response else {
        return Ok(None);
    };
    facts::scan(&mut Scanner::new(response)).map_err(malformed)
}

fn kind_of<'a>(fields: &Fields<'a>) -> Result<Option<Text<'a>>, WatchProblem> {
    let Some(item) = fields.item else {
        return Ok(None);
    };
    facts::item(&mut Scanner::new(item)).map_err(malformed)
}

fn malformed(problem: Problem) -> WatchProblem {
    WatchProblem::Malformed(problem.fault.reason())
}
