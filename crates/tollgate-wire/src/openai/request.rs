//! Reading requests: one scan over the body gives the few facts that decide, and names every
//! field at fault. Members that are not read here are never touched.

mod field;
mod messages;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use tollgate_core::call::{Call, Marks};
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::{Format, Operation};

use crate::faults::Faults;
use crate::fields::{self, not_json};
use crate::json::{self, Kind, NameBuffer, Problem, Scanner};
use field::{Field, Rule};

/// Reads the body of a chat completion. Fails with `malformed_json` if it is no JSON, and with
/// `invalid_request` and all the fields at fault if it is not a chat completion.
pub fn read_chat(body: Bytes) -> Result<Call, Failure> {
    read(Operation::Chat, body)
}

/// Reads the body of an embeddings request. Fails as [`read_chat`] does.
pub fn read_embeddings(body: Bytes) -> Result<Call, Failure> {
    read(Operation::Embeddings, body)
}

/// What has been seen of a body so far.
#[derive(Default)]
struct Draft {
    model: Option<Box<str>>,
    stream: bool,
    wants_usage: bool,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    choices: Option<u32>,
    marks: Marks,
    /// Whether a message holds state that we have sealed.
    sealed: bool,
    /// One bit per field of the table of fields.
    seen: u32,
    faults: Faults,
}

fn read(operation: Operation, body: Bytes) -> Result<Call, Failure> {
    let mut draft = Draft::default();
    match scan(operation, &body, &mut draft) {
        Ok(Kind::Object) => {}
        Ok(other) => {
            let what = fields::article(other);
            return Err(Failure::client(Code::InvalidRequest)
                .message(format!("The body must be a JSON object, not {what}.")));
        }
        Err(problem) => return Err(not_json(problem, &body)),
    }
    for field in field::required(operation) {
        if draft.seen & field.bit() == 0 {
            draft
                .faults
                .add(format_args!("{}", field.name()), "missing", "is missing");
        }
    }
    // A model that is missing or no string has left a fault.
    let (Some(model), true) = (&draft.model, draft.faults.is_empty()) else {
        return Err(draft.faults.into_failure(draft.model.as_deref()));
    };
    Ok(Call {
        format: Format::OpenAi,
        operation,
        model: model.clone(),
        body,
        stream: draft.stream,
        wants_usage: draft.wants_usage,
        max_tokens: draft.max_completion_tokens.or(draft.max_tokens),
        choices: draft.choices.unwrap_or(1),
        marks: draft.marks,
        carried: Vec::new(),
        query: None,
        array: false,
        sealed: draft.sealed,
    })
}

/// Reads the whole body; gives its kind. Only objects are looked into.
fn scan(operation: Operation, body: &[u8], draft: &mut Draft) -> Result<Kind, Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let kind = scanner.kind()?;
    if kind == Kind::Object {
        let mut members = scanner.object()?;
        draft.marks.start = scanner.position();
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            match Field::of(operation, name.name(&mut buffer)) {
                Some(field) => read_field(field, &mut scanner, draft)?,
                None => scanner.skip()?,
            }
        }
    } else {
        scanner.skip()?;
    }
    scanner.finish()?;
    Ok(kind)
}

fn read_field(field: Field, scanner: &mut Scanner<'_>, draft: &mut Draft) -> Result<(), Problem> {
    let path = field.name();
    if draft.seen & field.bit() != 0 {
        // The provider might obey the other one.
        draft
            .faults
            .add(format_args!("{path}"), "value_error", "occurs twice");
        scanner.skip()?;
        return Ok(());
    }
    draft.seen |= field.bit();
    let faults = &mut draft.faults;
    match field.rule() {
        Rule::Model => {
            scanner.kind()?;
            let begin = scanner.position();
            draft.model = fields::model(scanner, faults)?;
            draft.marks.model = Some(begin..scanner.position());
        }
        Rule::Messages => draft.sealed = messages::read(scanner, faults)?,
        Rule::StreamOptions => {
            draft.wants_usage = fields::stream_options(scanner, &mut draft.marks, faults)?;
        }
        Rule::Stream => {
            draft.stream = fields::bool(scanner, path, faults)?.unwrap_or_default();
        }
        Rule::MaxTokens => draft.max_tokens = fields::count(scanner, path, faults)?,
        Rule::MaxCompletionTokens => {
            draft.max_completion_tokens = fields::count(scanner, path, faults)?;
        }
        Rule::Choices => draft.choices = Some(fields::choices(scanner, path, faults)?),
        Rule::Integer => fields::integer(scanner, path, faults)?,
        Rule::Stop => fields::stop(scanner, path, faults)?,
        Rule::Shape(shape) => {
            if fields::accept(scanner, path, shape, faults)?.is_some() {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}
