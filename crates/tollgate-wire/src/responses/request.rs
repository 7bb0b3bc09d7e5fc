//! Reading the facts of a caller's request in one scan.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use tollgate_core::call::{Call, Marks};
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;

use crate::faults::Faults;
use crate::fields::{self, BOOL, CHOICE, INPUT, LIST, NUMBER, OBJECT, Shape, TEXT, not_json};
use crate::formats::Received;
use crate::json::{self, Kind, NameBuffer, Problem, Scanner};
use crate::state;

/// How a member is read.
#[derive(Clone, Copy)]
enum Rule {
    Model,
    Input,
    Stream,
    MaxTokens,
    /// Only the type matters; it may stand for the input, which is then kept at the provider.
    Kept(&'static Shape),
    /// Only the type matters.
    Shape(&'static Shape),
}

/// The members that are read. All others belong to the provider.
const MEMBERS: [(&str, Rule); 18] = [
    ("model", Rule::Model),
    ("input", Rule::Input),
    ("stream", Rule::Stream),
    ("max_output_tokens", Rule::MaxTokens),
    ("previous_response_id", Rule::Kept(&TEXT)),
    ("conversation", Rule::Kept(&CHOICE)),
    ("prompt", Rule::Kept(&OBJECT)),
    ("instructions", Rule::Shape(&TEXT)),
    ("tools", Rule::Shape(&LIST)),
    ("tool_choice", Rule::Shape(&CHOICE)),
    ("parallel_tool_calls", Rule::Shape(&BOOL)),
    ("temperature", Rule::Shape(&NUMBER)),
    ("top_p", Rule::Shape(&NUMBER)),
    ("text", Rule::Shape(&OBJECT)),
    ("reasoning", Rule::Shape(&OBJECT)),
    ("user", Rule::Shape(&TEXT)),
    ("background", Rule::Shape(&BOOL)),
    ("include", Rule::Shape(&LIST)),
];

/// What has been seen of a body so far.
#[derive(Default)]
struct Draft {
    model: Option<Box<str>>,
    stream: bool,
    max_tokens: Option<u64>,
    sealed: bool,
    /// Whether there is an input, or something that stands for it.
    input: bool,
    marks: Marks,
    /// One bit per member of the table.
    seen: u32,
    faults: Faults,
}

/// Reads a request. Fails with `malformed_json` if it is no JSON, and with `invalid_request` and
/// all the fields at fault if it is none for a response.
pub fn read(received: Received<'_>) -> Result<Call, Failure> {
    let body: Bytes = received.body;
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
    if draft.marks.model.is_none() {
        draft
            .faults
            .add(format_args!("model"), "missing", "is missing");
    }
    if !draft.input {
        draft
            .faults
            .add(format_args!("input"), "missing", "is missing");
    }
    let (Some(model), true) = (&draft.model, draft.faults.is_empty()) else {
        return Err(draft.faults.into_failure(draft.model.as_deref()));
    };
    Ok(Call {
        format: Format::Responses,
        operation: received.operation,
        model: model.clone(),
        body,
        stream: draft.stream,
        // A response always ends with its usage.
        wants_usage: true,
        max_tokens: draft.max_tokens,
        choices: 1,
        marks: draft.marks,
        carried: Vec::new(),
        query: None,
        array: false,
        sealed: draft.sealed,
    })
}

/// Reads the whole body; gives its kind. Only objects are looked into.
fn scan(body: &[u8], draft: &mut Draft) -> Result<Kind, Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let kind = scanner.kind()?;
    if kind == Kind::Object {
        let mut members = scanner.object()?;
        draft.marks.start = scanner.position();
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            let name = name.name(&mut buffer);
            let known = MEMBERS
                .iter()
                .enumerate()
                .find(|(_, (known, _))| known.as_bytes() == name);
            match known {
                Some((place, (name, rule))) => {
                    member(name, *rule, 1 << place, &mut scanner, draft)?;
                }
                None => scanner.skip()?,
            }
        }
    } else {
        scanner.skip()?;
    }
    scanner.finish()?;
    Ok(kind)
}

fn member(
    path: &'static str,
    rule: Rule,
    bit: u32,
    scanner: &mut Scanner<'_>,
    draft: &mut Draft,
) -> Result<(), Problem> {
    let faults = &mut draft.faults;
    if draft.seen & bit != 0 {
        // The provider might obey the other one.
        faults.add(format_args!("{path}"), "value_error", "occurs twice");
        return scanner.skip();
    }
    draft.seen |= bit;
    match rule {
        Rule::Model => {
            scanner.kind()?;
            let begin = scanner.position();
            draft.model = fields::model(scanner, faults)?;
            draft.marks.model = Some(begin..scanner.position());
        }
        Rule::Input => input(scanner, draft)?,
        Rule::Stream => {
            draft.stream = fields::bool(scanner, path, faults)?.unwrap_or_default();
        }
        Rule::MaxTokens => draft.max_tokens = fields::count(scanner, path, faults)?,
        Rule::Kept(shape) => {
            if let Some(kind) = fields::accept(scanner, path, shape, faults)? {
                scanner.skip()?;
                draft.input |= kind != Kind::Null;
            }
        }
        Rule::Shape(shape) => {
            if fields::accept(scanner, path, shape, faults)?.is_some() {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

/// Takes the input: a text, or items that may hold sealed state.
fn input(scanner: &mut Scanner<'_>, draft: &mut Draft) -> Result<(), Problem> {
    let faults = &mut draft.faults;
    if scanner.kind()? == Kind::Null {
        return scanner.skip();
    }
    // A wrong one is a fault of its own, and not missing.
    draft.input = true;
    match fields::accept(scanner, "input", &INPUT, faults)? {
        Some(Kind::Array) => {}
        Some(_) => return scanner.skip(),
        None => return Ok(()),
    }
    let mut items = scanner.array()?;
    let mut index = 0_usize;
    while scanner.item(&mut items)? {
        match scanner.kind()? {
            Kind::Object => draft.sealed |= is_sealed(scanner)?,
            other => {
                scanner.skip()?;
                let what = format!("must be an object, not {}", fields::article(other));
                faults.add(format_args!("input[{index}]"), "dict_type", &what);
            }
        }
        index += 1;
    }
    Ok(())
}

/// Takes an item; whether its state is sealed.
fn is_sealed(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    let mut sealed = false;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        if name.name(&mut buffer) == b"encrypted_content" && scanner.kind()? == Kind::String {
            let text = scanner.string()?.decode();
            sealed |= text.is_some_and(|text| state::is_sealed(&text));
        } else {
            scanner.skip()?;
        }
    }
    Ok(sealed)
}
