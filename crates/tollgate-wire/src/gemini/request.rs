//! Reading the facts of a caller's request in one scan: which field is at fault, how long the
//! answer may be, and whether there is sealed state in it. Members that are not read here are
//! never touched.

mod contents;
mod field;
#[cfg(test)]
mod tests;

use tollgate_core::call::{Call, Marks};
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::{Format, Operation};

use crate::faults::Faults;
use crate::fields::{self, article, not_json};
use crate::formats::Received;
use crate::json::{self, Kind, NameBuffer, Problem, Scanner};
use field::{Field, Group, Rule};

/// Reads a request. Fails with `malformed_json` if it is no JSON, and with `invalid_request` and
/// all the fields at fault if it is not a request for content.
pub fn read(received: Received<'_>) -> Result<Call, Failure> {
    let Some(model) = received.model.filter(|model| !model.is_empty()) else {
        return Err(Failure::client(Code::InvalidRequest)
            .message("The address must name a model, as in `models/NAME:generateContent`."));
    };
    let mut draft = Draft::default();
    match draft.scan(received.operation, &received.body) {
        Ok(Kind::Object) => {}
        Ok(other) => {
            let what = article(other);
            return Err(Failure::client(Code::InvalidRequest)
                .message(format!("The body must be a JSON object, not {what}.")));
        }
        Err(problem) => return Err(not_json(problem, &received.body)),
    }
    if !draft.faults.is_empty() {
        return Err(draft.faults.into_failure(Some(model)));
    }
    Ok(Call {
        format: Format::Gemini,
        operation: received.operation,
        body: received.body,
        model: model.into(),
        stream: received.stream,
        // Every response of a stream says it, whether it is asked or not.
        wants_usage: true,
        max_tokens: draft.max_tokens,
        choices: draft.choices.unwrap_or(1),
        marks: Marks {
            start: draft.start,
            ..Marks::default()
        },
        carried: Vec::new(),
        query: None,
        array: received.array,
        sealed: draft.sealed,
    })
}

/// What has been seen of a body so far.
#[derive(Default)]
struct Draft {
    start: usize,
    contents: bool,
    max_tokens: Option<u64>,
    choices: Option<u32>,
    sealed: bool,
    faults: Faults,
}

impl Draft {
    /// Reads the whole body; gives its kind. Only objects are looked into.
    fn scan(&mut self, operation: Operation, body: &[u8]) -> Result<Kind, Problem> {
        let mut scanner = Scanner::new(json::utf8(body)?);
        let kind = scanner.kind()?;
        if kind == Kind::Object {
            let group = match operation {
                Operation::CountTokens => Group::Count,
                Operation::Chat | Operation::Embeddings => Group::Body,
            };
            self.members(&mut scanner, group, "")?;
        } else {
            scanner.skip()?;
        }
        scanner.finish()?;
        if kind == Kind::Object && !self.contents {
            self.faults
                .add(format_args!("contents"), "missing", "is missing");
        }
        Ok(kind)
    }

    /// Takes an object of this group; `prefix` stands before the names of its members.
    fn members(
        &mut self,
        scanner: &mut Scanner<'_>,
        group: Group,
        prefix: &str,
    ) -> Result<(), Problem> {
        let mut members = scanner.object()?;
        if prefix.is_empty() {
            self.start = scanner.position();
        }
        let mut buffer = NameBuffer::new();
        let mut seen = 0_u32;
        while let Some(name) = scanner.member(&mut members)? {
            let Some((number, field)) = Field::of(group, name.name(&mut buffer)) else {
                scanner.skip()?;
                continue;
            };
            let bit = 1 << number;
            if seen & bit != 0 {
                // The provider might obey the other one, whichever way each is spelled.
                let path = field.name;
                let faults = &mut self.faults;
                faults.add(
                    format_args!("{prefix}{path}"),
                    "value_error",
                    "occurs twice",
                );
                scanner.skip()?;
                continue;
            }
            seen |= bit;
            self.field(scanner, field, prefix)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        scanner: &mut Scanner<'_>,
        field: &Field,
        prefix: &str,
    ) -> Result<(), Problem> {
        let path = &if prefix.is_empty() {
            std::borrow::Cow::Borrowed(field.name)
        } else {
            format!("{prefix}{}", field.name).into()
        };
        let faults = &mut self.faults;
        match field.rule {
            Rule::Contents => {
                self.contents = true;
                self.sealed |= contents::read(scanner, path, faults)?;
            }
            Rule::Group(group) => match fields::accept(scanner, path, &fields::OBJECT, faults)? {
                Some(Kind::Object) => self.members(scanner, group, &format!("{path}."))?,
                Some(_) => scanner.skip()?,
                None => {}
            },
            Rule::MaxTokens => self.max_tokens = fields::count(scanner, path, faults)?,
            Rule::Choices => self.choices = Some(fields::choices(scanner, path, faults)?),
            Rule::Integer => fields::integer(scanner, path, faults)?,
            Rule::Stop => {
                if let Some(Kind::Array) = fields::accept(scanner, path, &fields::LIST, faults)? {
                    fields::stop(scanner, path, faults)?;
                } else if let Ok(Kind::Null) = scanner.kind() {
                    scanner.skip()?;
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
}
