//! Reading the facts of a caller's request: one scan over the body. Members that are not read
//! here are never touched.

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
use crate::formats::Received;
use crate::json::{self, Count, Kind, NameBuffer, Problem, Scanner};
use field::{Field, Rule};

/// What has been seen of a body so far.
#[derive(Default)]
struct Draft {
    model: Option<Box<str>>,
    stream: bool,
    max_tokens: Option<u64>,
    sealed: bool,
    marks: Marks,
    /// One bit per field of the table of fields.
    seen: u32,
    faults: Faults,
}

/// Reads a request. Fails with `malformed_json` if the body is no JSON, and with `invalid_request`
/// and all the fields at fault if it is no request for a message or for its number of tokens.
pub fn read(received: Received<'_>) -> Result<Call, Failure> {
    let Received {
        operation, body, ..
    } = received;
    let mut draft = Draft::default();
    match scan(&body, &mut draft) {
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
    match (draft.model, draft.faults.is_empty()) {
        (Some(model), true) => Ok(Call {
            format: Format::Anthropic,
            operation,
            model,
            body,
            stream: draft.stream && operation == Operation::Chat,
            // Streams of this format always report their usage.
            wants_usage: true,
            max_tokens: draft.max_tokens,
            choices: 1,
            marks: draft.marks,
            carried: Vec::new(),
            query: None,
            array: false,
            sealed: draft.sealed,
        }),
        (model, _) => Err(draft.faults.into_failure(model.as_deref())),
    }
}

/// Reads the whole body; gives its kind. Only objects are looked into.
fn scan(body: &Bytes, draft: &mut Draft) -> Result<Kind, Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let kind = scanner.kind()?;
    if kind == Kind::Object {
        let mut members = scanner.object()?;
        draft.marks.start = scanner.position();
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            match Field::of(name.name(&mut buffer)) {
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
        return scanner.skip();
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
        Rule::Messages => draft.sealed |= messages::read(scanner, faults)?,
        Rule::System => read_system(scanner, faults)?,
        Rule::MaxTokens => draft.max_tokens = read_max_tokens(scanner, faults)?,
        Rule::Stream => {
            draft.stream = fields::bool(scanner, path, faults)?.unwrap_or_default();
        }
        Rule::Integer => fields::integer(scanner, path, faults)?,
        Rule::Shape(shape) => {
            if fields::accept(scanner, path, shape, faults)?.is_some() {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

/// Takes the system prompt.
fn read_system(scanner: &mut Scanner<'_>, faults: &mut Faults) -> Result<(), Problem> {
    let kind = scanner.kind()?;
    scanner.skip()?;
    match kind {
        Kind::String | Kind::Array | Kind::Null => {}
        Kind::Object | Kind::Number | Kind::Bool => {
            let what = format!(
                "must be a string, an array or null, not {}",
                fields::article(kind)
            );
            faults.add(format_args!("system"), "string_type", &what);
        }
    }
    Ok(())
}

/// Takes the bound on the answer. Zero is a bound, too: it fills the provider's cache.
fn read_max_tokens(scanner: &mut Scanner<'_>, faults: &mut Faults) -> Result<Option<u64>, Problem> {
    const PATH: &str = "max_tokens";
    let kind = scanner.kind()?;
    if kind != Kind::Number {
        scanner.skip()?;
        let what = format!("must be an integer, not {}", fields::article(kind));
        faults.add(format_args!("{PATH}"), "int_type", &what);
        return Ok(None);
    }
    let (fault, what) = match json::count(scanner.number()?) {
        Count::Whole(value) => return Ok(Some(value)),
        Count::Negative => ("greater_than_equal", "must be at least 0"),
        Count::Fraction => (
            "int_from_float",
            "must be an integer, not a number with a fraction",
        ),
    };
    faults.add(format_args!("{PATH}"), fault, what);
    Ok(None)
}
