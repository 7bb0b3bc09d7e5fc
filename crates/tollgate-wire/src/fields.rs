//! What readers of requests share: taking a value of the right kind, and saying what is wrong
//! with one of a wrong kind.

use tollgate_core::call::{MOST_CHOICES, Marks};
use tollgate_core::error::{Code, Failure};

use crate::faults::Faults;
use crate::json::{self, Count, Fault, Kind, NameBuffer, Problem, Scanner};

/// The longest name of a model, in bytes.
const LONGEST_MODEL: usize = 256;

/// What a field may hold beside `null`.
pub(crate) struct Shape {
    kinds: &'static [Kind],
    /// As in "must be …".
    wanted: &'static str,
    /// Pydantic's word for a value of another type.
    kind: &'static str,
}

pub(crate) const OBJECT: Shape = Shape {
    kinds: &[Kind::Object, Kind::Null],
    wanted: "an object or null",
    kind: "dict_type",
};
pub(crate) const TEXT: Shape = Shape {
    kinds: &[Kind::String, Kind::Null],
    wanted: "a string or null",
    kind: "string_type",
};
pub(crate) const LIST: Shape = Shape {
    kinds: &[Kind::Array, Kind::Null],
    wanted: "an array or null",
    kind: "list_type",
};
pub(crate) const NUMBER: Shape = Shape {
    kinds: &[Kind::Number, Kind::Null],
    wanted: "a number or null",
    kind: "float_type",
};
pub(crate) const BOOL: Shape = Shape {
    kinds: &[Kind::Bool, Kind::Null],
    wanted: "a boolean or null",
    kind: "bool_type",
};
pub(crate) const INTEGER: Shape = Shape {
    kinds: &[Kind::Number, Kind::Null],
    wanted: "an integer or null",
    kind: "int_type",
};
pub(crate) const STOP: Shape = Shape {
    kinds: &[Kind::String, Kind::Array, Kind::Null],
    wanted: "a string, an array of strings or null",
    kind: "string_type",
};
pub(crate) const CHOICE: Shape = Shape {
    kinds: &[Kind::String, Kind::Object, Kind::Null],
    wanted: "a string, an object or null",
    kind: "value_error",
};
pub(crate) const INPUT: Shape = Shape {
    kinds: &[Kind::String, Kind::Array],
    wanted: "a string or an array",
    kind: "string_type",
};

/// The kind with its article, for "not a number".
pub(crate) const fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::String => "a string",
        Kind::Number => "a number",
        Kind::Bool => "a boolean",
        Kind::Null => "null",
    }
}

/// The kind of the value that comes next if the field may be of that kind. Otherwise the value is
/// taken, the fault noted, and there is none.
pub(crate) fn accept(
    scanner: &mut Scanner<'_>,
    path: &str,
    shape: &Shape,
    faults: &mut Faults,
) -> Result<Option<Kind>, Problem> {
    let kind = scanner.kind()?;
    if shape.kinds.contains(&kind) {
        return Ok(Some(kind));
    }
    scanner.skip()?;
    let what = format!("must be {}, not {}", shape.wanted, article(kind));
    faults.add(format_args!("{path}"), shape.kind, &what);
    Ok(None)
}

/// Takes the name of a model.
pub(crate) fn model(
    scanner: &mut Scanner<'_>,
    faults: &mut Faults,
) -> Result<Option<Box<str>>, Problem> {
    let kind = scanner.kind()?;
    if kind != Kind::String {
        scanner.skip()?;
        let what = format!("must be a string, not {}", article(kind));
        faults.add(format_args!("model"), "string_type", &what);
        return Ok(None);
    }
    let (fault, what) = match scanner.string()?.decode() {
        None => ("string_unicode", "holds half of a surrogate pair"),
        Some(name) if name.is_empty() => ("string_too_short", "must not be empty"),
        Some(name) if name.len() > LONGEST_MODEL => {
            ("string_too_long", "must not be longer than 256 bytes")
        }
        Some(name) => return Ok(Some(name.into())),
    };
    faults.add(format_args!("model"), fault, what);
    Ok(None)
}

/// Takes a boolean or `null`.
pub(crate) fn bool(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<Option<bool>, Problem> {
    match accept(scanner, path, &BOOL, faults)? {
        Some(Kind::Bool) => scanner.bool().map(Some),
        Some(_) => scanner.skip().map(|()| None),
        None => Ok(None),
    }
}

/// Takes an integer from 1, or `null`.
pub(crate) fn count(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<Option<u64>, Problem> {
    match whole(scanner, path, faults)? {
        Some(Count::Whole(value)) if value > 0 => return Ok(Some(value)),
        Some(Count::Whole(_) | Count::Negative) => {
            faults.add(
                format_args!("{path}"),
                "greater_than_equal",
                "must be at least 1",
            );
        }
        Some(Count::Fraction) | None => {}
    }
    Ok(None)
}

/// Takes how many answers are asked for; 1 where nothing can be understood.
pub(crate) fn choices(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<u32, Problem> {
    let count = count(scanner, path, faults)?.unwrap_or(1);
    Ok(u32::try_from(count).map_or(MOST_CHOICES, |count| count.min(MOST_CHOICES)))
}

/// Takes an integer or `null`.
pub(crate) fn integer(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<(), Problem> {
    whole(scanner, path, faults).map(drop)
}

fn whole(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<Option<Count>, Problem> {
    match accept(scanner, path, &INTEGER, faults)? {
        Some(Kind::Number) => {}
        Some(_) => return scanner.skip().map(|()| None),
        None => return Ok(None),
    }
    let count = json::count(scanner.number()?);
    if count == Count::Fraction {
        let what = "must be an integer, not a number with a fraction";
        faults.add(format_args!("{path}"), "int_from_float", what);
    }
    Ok(Some(count))
}

/// Takes a string, an array of strings or `null`.
pub(crate) fn stop(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<(), Problem> {
    match accept(scanner, path, &STOP, faults)? {
        Some(Kind::Array) => {}
        Some(_) => return scanner.skip(),
        None => return Ok(()),
    }
    let mut items = scanner.array()?;
    let mut index = 0_usize;
    while scanner.item(&mut items)? {
        let kind = scanner.kind()?;
        if kind != Kind::String {
            let what = format!("must be a string, not {}", article(kind));
            faults.add(format_args!("{path}[{index}]"), "string_type", &what);
        }
        scanner.skip()?;
        index += 1;
    }
    Ok(())
}

/// What a caller is told whose body is no JSON.
pub(crate) fn not_json(problem: Problem, body: &[u8]) -> Failure {
    if body.trim_ascii().is_empty() {
        return Failure::client(Code::MalformedJson)
            .message("The body is empty; a JSON object is expected.");
    }
    let place = problem.place(body);
    let (line, column) = (place.line, place.column);
    if problem.fault == Fault::TooDeep {
        return Failure::client(Code::InvalidRequest).message(format!(
            "The body is nested more than {} levels deep at line {line}, column {column}.",
            json::MAX_DEPTH
        ));
    }
    Failure::client(Code::MalformedJson).message(format!(
        "The body is not valid JSON: {} at line {line}, column {column}.",
        problem.fault.reason()
    ))
}

/// Takes `stream_options`, and notes where it is; gives whether the usage of a stream is wanted.
pub(crate) fn stream_options(
    scanner: &mut Scanner<'_>,
    marks: &mut Marks,
    faults: &mut Faults,
) -> Result<bool, Problem> {
    const PATH: &str = "stream_options.include_usage";
    let mut wanted = false;
    let kind = accept(scanner, "stream_options", &OBJECT, faults)?;
    let begin = scanner.position();
    match kind {
        None => return Ok(wanted),
        Some(Kind::Object) => {}
        Some(_) => {
            scanner.skip()?;
            marks.stream_options = Some(begin..scanner.position());
            return Ok(wanted);
        }
    }
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        if name.name(&mut buffer) != b"include_usage" {
            scanner.skip()?;
            continue;
        }
        if marks.include_usage.is_some() {
            faults.add(format_args!("{PATH}"), "value_error", "occurs twice");
            scanner.skip()?;
            continue;
        }
        scanner.kind()?;
        let value = scanner.position();
        wanted = bool(scanner, PATH, faults)?.unwrap_or_default();
        marks.include_usage = Some(value..scanner.position());
    }
    marks.stream_options = Some(begin..scanner.position());
    Ok(wanted)
}
