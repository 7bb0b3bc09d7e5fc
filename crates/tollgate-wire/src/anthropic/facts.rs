//! What matters in an event of a stream, or in a whole answer, that goes on as it came: found in
//! one scan.

use tollgate_core::reply::Finish;

use super::usage::Counts;
use super::words;
use crate::json::{self, Count, Kind, NameBuffer, Problem, Scanner};
use crate::output;

/// The facts of one event or answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// What it is.
    pub(super) kind: Event,
    /// It has an `error` that is not `null`.
    pub(super) error: bool,
    /// The block that begins is content by its beginning alone.
    pub(super) telling_block: bool,
    /// Why the model stopped.
    pub(super) finish: Option<Finish>,
    /// It has a `content` array, as messages have.
    pub(super) content: bool,
    /// It counts the tokens of a prompt at its top, as answers of `count_tokens` do.
    pub(super) counted: bool,
    /// About how much the model says in it, in sixteenths of a token.
    pub(super) delivered: u32,
    /// It has token counts, which were added to the counts so far.
    pub(super) usage: bool,
}

/// The types of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Event {
    MessageStart,
    BlockStart,
    BlockDelta,
    BlockStop,
    MessageDelta,
    MessageStop,
    Ping,
    Error,
    /// One that we do not know; the format asks readers to put up with it.
    #[default]
    Unknown,
}

impl Event {
    /// The type of this name.
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"message_start" => Self::MessageStart,
            b"content_block_start" => Self::BlockStart,
            b"content_block_delta" => Self::BlockDelta,
            b"content_block_stop" => Self::BlockStop,
            b"message_delta" => Self::MessageDelta,
            b"message_stop" => Self::MessageStop,
            b"ping" => Self::Ping,
            b"error" => Self::Error,
            _ => Self::Unknown,
        }
    }
}

/// Reads an event or an answer; its token counts are added to `counts`. Fails with a reason if it
/// is no JSON object.
pub(super) fn read(json: &[u8], counts: &mut Counts) -> Result<Facts, Unreadable> {
    match scan(json, counts) {
        Ok(Some(facts)) => Ok(facts),
        Ok(None) => Err(Unreadable::NotAnObject),
        Err(problem) => Err(Unreadable::NotJson(problem.fault.reason())),
    }
}

/// Why there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is no JSON, for this reason.
    NotJson(&'static str),
    /// It is JSON of another kind.
    NotAnObject,
}

impl Unreadable {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NotJson(reason) => reason,
            Self::NotAnObject => "JSON that is not an object",
        }
    }
}

fn scan(json: &[u8], counts: &mut Counts) -> Result<Option<Facts>, Problem> {
    let mut scanner = Scanner::new(json::utf8(json)?);
    let mut facts = Facts::default();
    let is_object = scanner.kind()? == Kind::Object;
    if is_object {
        object(&mut scanner, &mut facts, counts)?;
    } else {
        scanner.skip()?;
    }
    scanner.finish()?;
    Ok(is_object.then_some(facts))
}

/// Takes the object that is an event or an answer.
fn object(
    scanner: &mut Scanner<'_>,
    facts: &mut Facts,
    counts: &mut Counts,
) -> Result<(), Problem> {
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"type" => facts.kind = text(scanner, Event::of)?.unwrap_or_default(),
            b"message" | b"delta" => inner(scanner, facts, counts)?,
            b"usage" => {
                facts.usage = true;
                counts.scan(scanner)?;
            }
            b"stop_reason" => facts.finish = finish(scanner)?,
            b"content_block" => telling(scanner, facts)?,
            b"error" => {
                facts.error = scanner.kind()? != Kind::Null;
                scanner.skip()?;
            }
            b"content" => {
                facts.content = scanner.kind()? == Kind::Array;
                scanner.skip()?;
            }
            b"input_tokens" => facts.counted = is_count(scanner)?,
            _ => scanner.skip()?,
        }
    }
    Ok(())
}

/// Takes `message` or `delta`: where the usage of the beginning and the reason of the end are.
fn inner(scanner: &mut Scanner<'_>, facts: &mut Facts, counts: &mut Counts) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"usage" => {
                facts.usage = true;
                counts.scan(scanner)?;
            }
            b"stop_reason" => facts.finish = finish(scanner)?,
            b"text" | b"thinking" | b"partial_json" => {
                facts.delivered = facts.delivered.saturating_add(output::of_value(scanner)?);
            }
            _ => scanner.skip()?,
        }
    }
    Ok(())
}

/// Takes the block that begins. Most say something by their type: a call has its name already, a
/// text is still empty.
fn telling(scanner: &mut Scanner<'_>, facts: &mut Facts) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let mut empty = false;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"type" => {
                let is_empty = |kind: &[u8]| matches!(kind, b"text" | b"thinking");
                empty = text(scanner, is_empty)?.unwrap_or_default();
            }
            b"name" | b"text" | b"thinking" => {
                facts.delivered = facts.delivered.saturating_add(output::of_value(scanner)?);
            }
            _ => scanner.skip()?,
        }
    }
    facts.telling_block = !empty;
    Ok(())
}

fn finish(scanner: &mut Scanner<'_>) -> Result<Option<Finish>, Problem> {
    text(scanner, |word| {
        std::str::from_utf8(word).map_or(Finish::Other, words::finish)
    })
}

/// What a string means; `None` for other values.
fn text<T>(
    scanner: &mut Scanner<'_>,
    meaning: impl FnOnce(&[u8]) -> T,
) -> Result<Option<T>, Problem> {
    if scanner.kind()? != Kind::String {
        return scanner.skip().map(|()| None);
    }
    let mut buffer = NameBuffer::new();
    let text = scanner.string()?;
    Ok(Some(meaning(text.name(&mut buffer))))
}

fn is_count(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    if scanner.kind()? != Kind::Number {
        return scanner.skip().map(|()| false);
    }
    Ok(matches!(json::count(scanner.number()?), Count::Whole(_)))
}
