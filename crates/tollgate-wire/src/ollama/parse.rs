//! Reading what Ollama answers: one JSON document, or a stream with one on each line.

mod line;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use tollgate_core::reply::{Finish, Usage};

use crate::answer::AnswerProblem;
use crate::ndjson::Lines;
use crate::neutral::{Answer, Ending, Event, Gathering};
use crate::stream::{ReadEvents, StreamProblem, StreamRules};
use line::{Line, Problem, ToolCall};

/// The token counts of what may be no answer.
pub(super) fn reported(body: &[u8]) -> Option<Usage> {
    Line::read(body).ok()?.usage()
}

/// Parses an answer.
pub fn answer(body: &Bytes, _provider: &'static str) -> Result<Answer, AnswerProblem> {
    const UNFINISHED: AnswerProblem = AnswerProblem::NotAnAnswer("it is not complete");
    let line = Line::read(body).map_err(|problem| match problem {
        Problem::Error => AnswerProblem::Error { json: body.clone() },
        Problem::NotJson => AnswerProblem::NotJson("it does not parse"),
        Problem::NotALine(reason) => AnswerProblem::NotAnAnswer(reason),
    })?;
    if !line.done {
        return Err(UNFINISHED);
    }
    let mut events = Vec::new();
    Reader::default().take(line, &mut events);
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    Ok(gathering.into_answer())
}

/// Reads a stream.
pub fn stream(_rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(Stream::default())
}

#[derive(Default)]
struct Stream {
    lines: Lines,
    reader: Reader,
}

impl Stream {
    fn take(&mut self, line: &Bytes, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        let line = Line::read(line).map_err(|problem| match problem {
            Problem::Error => StreamProblem::Error { json: line.clone() },
            Problem::NotJson => StreamProblem::Malformed("a line is not a JSON object"),
            Problem::NotALine(reason) => StreamProblem::Malformed(reason),
        })?;
        self.reader.take(line, events);
        Ok(())
    }
}

impl ReadEvents for Stream {
    fn feed(&mut self, chunk: Bytes, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        self.lines.feed(chunk);
        while !self.reader.ended {
            let Some(line) = self.lines.line()? else {
                return Ok(());
            };
            self.take(&line, events)?;
        }
        Ok(())
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.reader.ended {
            return Ok(());
        }
        if let Some(line) = self.lines.end() {
            match self.take(&line, events) {
                // Half a line is no more than a stream that was cut.
                Ok(()) | Err(StreamProblem::Malformed(_)) => {}
                Err(problem) => return Err(problem),
            }
        }
        if self.reader.ended {
            Ok(())
        } else {
            Err(StreamProblem::Truncated)
        }
    }
}

/// What has been seen of an answer.
#[derive(Default)]
struct Reader {
    begun: bool,
    ended: bool,
    calls: usize,
}

impl Reader {
    fn take(&mut self, line: Line<'_>, events: &mut Vec<Event>) {
        let usage = line.usage();
        if !self.begun {
            self.begun = true;
            let model = line.model.map(Cow::into_owned);
            events.push(Event::Begin { id: None, model });
        }
        let message = line.message.unwrap_or_default();
        let thinking = message.thinking.or(line.thinking);
        let text = message.content.or(line.response);
        let has_words = |words: &String| !words.is_empty();
        events.extend(thinking.filter(has_words).map(Event::Reasoning));
        events.extend(text.filter(has_words).map(Event::Text));
        for call in message.tool_calls.unwrap_or_default() {
            self.call(call, line.created_at.as_deref(), events);
        }
        if line.done {
            let finish = finish(line.done_reason.as_deref(), self.calls > 0);
            events.push(Event::Finish(Ending::new(finish)));
            events.extend(usage.map(Event::Usage));
            events.push(Event::End);
            self.ended = true;
        }
    }

    /// Calls come whole.
    fn call(&mut self, call: ToolCall<'_>, created_at: Option<&str>, events: &mut Vec<Event>) {
        let index = self.calls;
        self.calls += 1;
        let arguments = call.arguments();
        let id = call.id.filter(|id| !id.is_empty()).map_or_else(
            || made_id(created_at.unwrap_or_default(), index),
            Cow::into_owned,
        );
        events.push(Event::ToolCall {
            index,
            id,
            name: call.function.name.into_owned(),
            state: None,
        });
        events.extend(arguments.map(|json| Event::Arguments { index, json }));
        events.push(Event::CallEnd { index });
    }
}

/// An id for a call without one, as older servers send them. With the time of the answer it stays
/// one of its kind when the conversation goes on.
fn made_id(created_at: &str, index: usize) -> String {
    let time: String = created_at.chars().filter(char::is_ascii_digit).collect();
    if time.is_empty() {
        format!("call_{index}")
    } else {
        format!("call_{time}_{index}")
    }
}

/// Ollama says `stop` even if it wants tools to be called, and older servers say nothing.
fn finish(reason: Option<&str>, calls: bool) -> Finish {
    match reason {
        Some("stop") | None if calls => Finish::ToolCalls,
        Some("stop") | None => Finish::Stop,
        Some("length") => Finish::Length,
        Some(_) => Finish::Other,
    }
}
