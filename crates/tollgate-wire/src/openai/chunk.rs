//! What matters in a chunk of a chat stream, or in a whole answer: found in one scan.

use tollgate_core::reply::{Finish, Usage};

use super::usage;
use crate::json::{self, Count, Kind, NameBuffer, Problem, Scanner};
use crate::output;

/// The facts of one chunk or answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    /// It reports an error.
    pub(super) error: bool,
    /// The `choices`.
    pub(super) choices: Choices,
    /// It has a `data` array, as embeddings have.
    pub(super) data: bool,
    /// The token counts.
    pub(super) usage: Option<Usage>,
    /// A finish reason of a choice that had none before.
    pub(super) finish: Option<Finish>,
    /// It carries output of the model.
    pub(super) content: bool,
    /// About how much, in sixteenths of a token, if that is counted.
    pub(super) delivered: u32,
    /// It says that the answer is complete, as Perplexity's last object does.
    pub(super) complete: bool,
}

/// What is in `choices`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Choices {
    /// No array at all.
    #[default]
    Absent,
    /// An empty array.
    Empty,
    /// At least one choice.
    Some,
}

/// Which choices have begun and which have finished. Indices from 127 share the last bit, and
/// never finish: so many choices cannot be told apart here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    begun: u128,
    finished: u128,
    /// Whether what is said is counted: that of streams is, as they may break off uncounted.
    counts: bool,
}

impl Progress {
    const LAST: u32 = u128::BITS - 1;

    /// The beginning of a stream, of which is counted what it says.
    pub(super) fn counting() -> Self {
        Self {
            counts: true,
            ..Self::default()
        }
    }

    /// Whether there is a choice, and every choice has its finish reason.
    pub(super) fn is_finished(&self) -> bool {
        self.begun != 0 && self.begun == self.finished
    }

    /// Notes a choice. True if its finish is news.
    fn note(&mut self, index: u64, finished: bool) -> bool {
        let place = u32::try_from(index).unwrap_or(Self::LAST).min(Self::LAST);
        let bit = 1 << place;
        self.begun |= bit;
        let news = finished && self.finished & bit == 0;
        if news && place < Self::LAST {
            self.finished |= bit;
        }
        news
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

/// Reads a chunk or an answer.
pub(super) fn read(json: &[u8], progress: &mut Progress) -> Result<Chunk, Unreadable> {
    match scan(json, progress) {
        Ok(Some(chunk)) => Ok(chunk),
        Ok(None) => Err(Unreadable::NotAnObject),
        Err(problem) => Err(Unreadable::NotJson(problem.fault.reason())),
    }
}

fn scan(json: &[u8], progress: &mut Progress) -> Result<Option<Chunk>, Problem> {
    let mut scanner = Scanner::new(json::utf8(json)?);
    let mut chunk = Chunk::default();
    let is_object = scanner.kind()? == Kind::Object;
    if is_object {
        let mut members = scanner.object()?;
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            match name.name(&mut buffer) {
                b"choices" => choices(&mut scanner, progress, &mut chunk)?,
                b"usage" => chunk.usage = usage::read(&mut scanner)?.or(chunk.usage),
                b"x_groq" => groq(&mut scanner, &mut chunk)?,
                b"error" => chunk.error |= is_error(&mut scanner)?,
                b"type" => chunk.error |= text_is(&mut scanner, "error")?,
                b"object" => object(&mut scanner, &mut chunk)?,
                b"data" => {
                    chunk.data = scanner.kind()? == Kind::Array;
                    scanner.skip()?;
                }
                _ => scanner.skip()?,
            }
        }
    } else {
        scanner.skip()?;
    }
    scanner.finish()?;
    Ok(is_object.then_some(chunk))
}

fn object(scanner: &mut Scanner<'_>, chunk: &mut Chunk) -> Result<(), Problem> {
    if scanner.kind()? != Kind::String {
        return scanner.skip();
    }
    let text = scanner.string()?;
    if text.is("error") {
        chunk.error = true;
    } else if text.is("chat.completion.done") {
        chunk.complete = true;
    }
    Ok(())
}

/// Groq's own member: usage, and in older streams an error.
fn groq(scanner: &mut Scanner<'_>, chunk: &mut Chunk) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"usage" => chunk.usage = chunk.usage.or(usage::read(scanner)?),
            b"error" => chunk.error |= is_error(scanner)?,
            _ => scanner.skip()?,
        }
    }
    Ok(())
}

/// Whether the value of an `error` member reports one. `null` does not, and neither do `false` and
/// an empty text, which official SDKs take for none.
fn is_error(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    Ok(match scanner.kind()? {
        Kind::Null => {
            scanner.skip()?;
            false
        }
        Kind::Bool => scanner.bool()?,
        Kind::String => !scanner.string()?.is_empty(),
        Kind::Object | Kind::Array | Kind::Number => {
            scanner.skip()?;
            true
        }
    })
}

fn text_is(scanner: &mut Scanner<'_>, plain: &str) -> Result<bool, Problem> {
    if scanner.kind()? != Kind::String {
        scanner.skip()?;
        return Ok(false);
    }
    Ok(scanner.string()?.is(plain))
}

fn choices(
    scanner: &mut Scanner<'_>,
    progress: &mut Progress,
    chunk: &mut Chunk,
) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Array {
        return scanner.skip();
    }
    if chunk.choices == Choices::Absent {
        chunk.choices = Choices::Empty;
    }
    let mut items = scanner.array()?;
    let mut place = 0;
    while scanner.item(&mut items)? {
        chunk.choices = Choices::Some;
        if scanner.kind()? == Kind::Object {
            choice(scanner, place, progress, chunk)?;
        } else {
            scanner.skip()?;
        }
        place += 1;
    }
    Ok(())
}

/// Takes a choice; its index is its place if it does not say otherwise.
fn choice(
    scanner: &mut Scanner<'_>,
    place: u64,
    progress: &mut Progress,
    chunk: &mut Chunk,
) -> Result<(), Problem> {
    let mut index = place;
    let mut reason = None;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"index" if scanner.kind()? == Kind::Number => {
                if let Count::Whole(value) = json::count(scanner.number()?) {
                    index = value;
                }
            }
            b"delta" | b"message" => delta(scanner, progress.counts, chunk)?,
            // Of the older text completions.
            b"text" => said(scanner, progress.counts, chunk)?,
            b"finish_reason" if scanner.kind()? == Kind::String => {
                reason = Some(scanner.string()?).filter(|reason| !reason.is_empty());
            }
            _ => scanner.skip()?,
        }
    }
    if let Some(reason) = reason {
        chunk.content = true;
        chunk.error |= reason.is("error");
    }
    if progress.note(index, reason.is_some()) {
        chunk.finish = reason.map(|reason| finish(&reason));
    }
    Ok(())
}

fn finish(reason: &json::Text<'_>) -> Finish {
    match reason.name(&mut NameBuffer::new()) {
        b"stop" => Finish::Stop,
        b"length" => Finish::Length,
        b"tool_calls" | b"function_call" => Finish::ToolCalls,
        b"content_filter" => Finish::ContentFilter,
        _ => Finish::Other,
    }
}

/// Takes a delta or message: whether it holds output of the model; its role is none.
fn delta(scanner: &mut Scanner<'_>, counts: bool, chunk: &mut Chunk) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    // Some servers say a thought under two names.
    let mut thought = 0;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"content" | b"refusal" | b"tool_calls" | b"function_call" | b"audio" => {
                said(scanner, counts, chunk)?;
            }
            b"reasoning_content" | b"reasoning" => {
                let others = chunk.delivered;
                said(scanner, counts, chunk)?;
                thought = (chunk.delivered - others).max(thought);
                chunk.delivered = others;
            }
            b"reasoning_details" | b"images" => chunk.content |= is_filled(scanner)?,
            _ => scanner.skip()?,
        }
    }
    chunk.delivered = chunk.delivered.saturating_add(thought);
    Ok(())
}

/// Takes a value that the model says, unless it is empty.
fn said(scanner: &mut Scanner<'_>, counts: bool, chunk: &mut Chunk) -> Result<(), Problem> {
    if scanner.kind()? == Kind::String {
        let text = scanner.string()?;
        chunk.content |= !text.is_empty();
        if counts {
            chunk.delivered = chunk.delivered.saturating_add(output::of_text(&text));
        }
        return Ok(());
    }
    if !counts {
        chunk.content |= is_filled(scanner)?;
        return Ok(());
    }
    let begin = scanner.position();
    let said = output::of_value(scanner)?;
    chunk.delivered = chunk.delivered.saturating_add(said);
    // A list of nothing that is counted (a call without a name yet) is something, too.
    chunk.content |= said > 0 || is_filled(&mut Scanner::new(scanner.since(begin)))?;
    Ok(())
}

/// Whether a value is a text, list or object that is not empty.
fn is_filled(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    match scanner.kind()? {
        Kind::String => Ok(!scanner.string()?.is_empty()),
        Kind::Array => {
            let mut items = scanner.array()?;
            let mut filled = false;
            while scanner.item(&mut items)? {
                scanner.skip()?;
                filled = true;
            }
            Ok(filled)
        }
        Kind::Object => {
            let mut members = scanner.object()?;
            let mut filled = false;
            while scanner.member(&mut members)?.is_some() {
                scanner.skip()?;
                filled = true;
            }
            Ok(filled)
        }
        Kind::Number | Kind::Bool | Kind::Null => {
            scanner.skip()?;
            Ok(false)
        }
    }
}
