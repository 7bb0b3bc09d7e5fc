//! What matters in a response object, alone or within an event: found in one scan.

use tollgate_core::reply::{Finish, Usage};

use super::usage;
use crate::json::{self, Kind, NameBuffer, Problem, Scanner, Text};

/// The facts of one response object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts<'a> {
    /// It reports an error.
    pub(super) error: bool,
    /// Its id.
    pub(super) id: Option<Text<'a>>,
    /// The model that answered.
    pub(super) model: Option<Text<'a>>,
    /// How far it has come.
    pub(super) status: Status,
    /// Why it is incomplete, if it is.
    reason: Option<Finish>,
    /// Whether there is an `output` array.
    pub(super) output: bool,
    /// Whether a tool is to be called.
    pub(super) calls: bool,
    /// The token counts.
    pub(super) usage: Option<Usage>,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    /// It does not say, or in a word that is not known.
    #[default]
    Unsaid,
    /// It goes on at the provider.
    Running,
    /// It is whole.
    Completed,
    /// It was cut off.
    Incomplete,
    /// It is an error.
    Failed,
}

impl Facts<'_> {
    /// The facts as those of a response that was cut short, whatever it says itself.
    pub(super) fn cut(mut self) -> Self {
        self.status = Status::Incomplete;
        self
    }

    /// Why the model stopped, if it has.
    pub(super) fn finish(&self) -> Option<Finish> {
        match self.status {
            Status::Running | Status::Failed => None,
            Status::Incomplete => Some(self.reason.unwrap_or(Finish::Other)),
            Status::Unsaid | Status::Completed if self.calls => Some(Finish::ToolCalls),
            Status::Unsaid | Status::Completed => Some(Finish::Stop),
        }
    }
}

/// Reads a body that is a response object; `None` if it is no object at all.
pub(super) fn read(body: &[u8]) -> Result<Option<Facts<'_>>, Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let facts = scan(&mut scanner)?;
    scanner.finish()?;
    Ok(facts)
}

/// Takes a response object.
pub(super) fn scan<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Facts<'a>>, Problem> {
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    let mut facts = Facts::default();
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"error" => facts.error |= is_error(scanner)?,
            b"type" | b"object" => facts.error |= text(scanner)?.is_some_and(|it| it.is("error")),
            b"id" => facts.id = text(scanner)?,
            b"model" => facts.model = text(scanner)?,
            b"status" => facts.status = text(scanner)?.map(status).unwrap_or_default(),
            b"incomplete_details" => facts.reason = reason(scanner)?,
            b"output" => output(scanner, &mut facts)?,
            b"usage" => facts.usage = usage::read(scanner)?,
            _ => scanner.skip()?,
        }
    }
    facts.error |= facts.status == Status::Failed;
    Ok(Some(facts))
}

fn status(word: Text<'_>) -> Status {
    match word.name(&mut NameBuffer::new()) {
        b"completed" => Status::Completed,
        b"incomplete" => Status::Incomplete,
        b"failed" | b"cancelled" => Status::Failed,
        b"in_progress" | b"queued" => Status::Running,
        _ => Status::Unsaid,
    }
}

/// Takes `incomplete_details`.
fn reason(scanner: &mut Scanner<'_>) -> Result<Option<Finish>, Problem> {
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    let mut reason = None;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        if name.name(&mut buffer) != b"reason" {
            scanner.skip()?;
        } else if let Some(word) = text(scanner)? {
            reason = Some(match word.name(&mut NameBuffer::new()) {
                b"max_output_tokens" | b"max_tokens" => Finish::Length,
                b"content_filter" => Finish::ContentFilter,
                _ => Finish::Other,
            });
        }
    }
    Ok(reason)
}

/// Takes the items of the output for whether one of them calls a tool.
fn output(scanner: &mut Scanner<'_>, facts: &mut Facts<'_>) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Array {
        return scanner.skip();
    }
    facts.output = true;
    let mut items = scanner.array()?;
    while scanner.item(&mut items)? {
        facts.calls |= item(scanner)?.is_some_and(is_call);
    }
    Ok(())
}

/// Takes an item; gives its type.
pub(super) fn item<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Text<'a>>, Problem> {
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    let mut kind = None;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"type" => kind = text(scanner)?,
            _ => scanner.skip()?,
        }
    }
    Ok(kind)
}

/// Whether an item of this type is a call that the caller is to make.
pub(super) fn is_call(kind: Text<'_>) -> bool {
    kind.is("function_call") || kind.is("custom_tool_call")
}

/// Takes a value; gives it if it is a text.
pub(super) fn text<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Text<'a>>, Problem> {
    if scanner.kind()? != Kind::String {
        scanner.skip()?;
        return Ok(None);
    }
    scanner.string().map(Some)
}

/// Whether the value of an `error` member reports one. `null` does not, and neither do `false` and
/// an empty text, which official SDKs take for none.
pub(super) fn is_error(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
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
