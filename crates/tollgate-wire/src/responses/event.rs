//! The members of an event that are read: found in one scan, for relaying as for translating.

use super::facts;
use crate::json::{self, Count, Kind, NameBuffer, Problem, Scanner, Text};

/// What an event says. Objects within it are kept as the text that they are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    /// Its type.
    pub(super) kind: Option<Text<'a>>,
    /// It reports an error beside its type.
    pub(super) error: bool,
    /// Its number.
    pub(super) sequence: Option<u64>,
    /// The place of its item in the output.
    pub(super) output_index: u64,
    /// The place of its part of a summary.
    pub(super) summary_index: u64,
    /// The next stretch of some text.
    pub(super) delta: Option<Text<'a>>,
    /// The item that begins or ends.
    pub(super) item: Option<&'a str>,
    /// The part of an item that begins or ends.
    pub(super) part: Option<&'a str>,
    /// What a text refers to.
    pub(super) annotation: Option<&'a str>,
    /// The response object.
    pub(super) response: Option<&'a str>,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The response begins, or goes on.
    Response,
    /// The end.
    Completed,
    /// The end of a response that was cut short.
    Incomplete,
    /// An error, alone or as the end of a response.
    Error,
    /// An item begins.
    ItemAdded,
    /// An item is complete.
    ItemDone,
    /// A part of a message begins.
    PartAdded,
    /// A part of a message is complete.
    PartDone,
    /// More text.
    Text,
    /// More of a refusal.
    Refusal,
    /// More of a thought.
    Thought,
    /// More of the summary of a thought.
    Summary,
    /// Another part of a summary begins.
    SummaryPart,
    /// A reference of a text.
    Annotation,
    /// More of a call's arguments.
    Arguments,
    /// What repeats in full what was said in stretches.
    Repeats,
    /// What nothing is known of.
    Unknown,
}

/// Reads the data of an event; `None` if it is no object.
pub(super) fn read(data: &[u8]) -> Result<Option<Fields<'_>>, Problem> {
    let text = json::utf8(data)?;
    let mut scanner = Scanner::new(text);
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        scanner.finish()?;
        return Ok(None);
    }
    let mut fields = Fields::default();
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"type" => fields.kind = facts::text(&mut scanner)?,
            b"error" => fields.error |= facts::is_error(&mut scanner)?,
            b"sequence_number" => fields.sequence = count(&mut scanner)?,
            b"output_index" => fields.output_index = count(&mut scanner)?.unwrap_or_default(),
            b"summary_index" => fields.summary_index = count(&mut scanner)?.unwrap_or_default(),
            b"delta" => fields.delta = facts::text(&mut scanner)?,
            b"item" => fields.item = object(text, &mut scanner)?,
            b"part" => fields.part = object(text, &mut scanner)?,
            b"annotation" => fields.annotation = object(text, &mut scanner)?,
            b"response" => fields.response = object(text, &mut scanner)?,
            _ => scanner.skip()?,
        }
    }
    scanner.finish()?;
    Ok(Some(fields))
}

impl Fields<'_> {
    /// What the event is about: by its type, or by the name of the event where there is none.
    pub(super) fn about(&self, name: Option<&[u8]>) -> About {
        let mut buffer = NameBuffer::new();
        let about = match &self.kind {
            Some(kind) => about(kind.name(&mut buffer)),
            None => name.map_or(About::Unknown, about),
        };
        if self.error {
            return About::Error;
        }
        about
    }
}

fn about(name: &[u8]) -> About {
    match name {
        b"response.output_text.delta" => About::Text,
        b"response.function_call_arguments.delta" => About::Arguments,
        b"response.reasoning_summary_text.delta" => About::Summary,
        b"response.reasoning_text.delta" => About::Thought,
        b"response.refusal.delta" => About::Refusal,
        b"response.created" | b"response.in_progress" | b"response.queued" => About::Response,
        b"response.completed" => About::Completed,
        b"response.incomplete" => About::Incomplete,
        b"error" | b"response.failed" | b"response.error" => About::Error,
        b"response.output_item.added" => About::ItemAdded,
        b"response.output_item.done" => About::ItemDone,
        b"response.content_part.added" => About::PartAdded,
        b"response.content_part.done" => About::PartDone,
        b"response.reasoning_summary_part.added" => About::SummaryPart,
        b"response.output_text.annotation.added" => About::Annotation,
        b"response.output_text.done"
        | b"response.refusal.done"
        | b"response.function_call_arguments.done"
        | b"response.custom_tool_call_input.delta"
        | b"response.custom_tool_call_input.done"
        | b"response.reasoning_text.done"
        | b"response.reasoning_summary_text.done"
        | b"response.reasoning_summary_part.done" => About::Repeats,
        _ => About::Unknown,
    }
}

fn count(scanner: &mut Scanner<'_>) -> Result<Option<u64>, Problem> {
    if scanner.kind()? != Kind::Number {
        scanner.skip()?;
        return Ok(None);
    }
    Ok(match json::count(scanner.number()?) {
        Count::Whole(value) => Some(value),
        Count::Negative | Count::Fraction => None,
    })
}

/// Takes a value; gives its text if it is an object.
fn object<'a>(text: &'a str, scanner: &mut Scanner<'a>) -> Result<Option<&'a str>, Problem> {
    let kind = scanner.kind()?;
    let begin = scanner.position();
    scanner.skip()?;
    Ok(text
        .get(begin..scanner.position())
        .filter(|_| kind == Kind::Object))
}
