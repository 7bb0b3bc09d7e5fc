//! The fields that are read, and what each may be. Ranges are the provider's business.

use tollgate_core::format::Operation;

use super::Faults;
use crate::json::{self, Count, Kind, Problem, Scanner};

/// The longest name of a model, in bytes.
const LONGEST_MODEL: usize = 256;

/// What a field may hold beside `null`.
pub(super) struct Shape {
    kinds: &'static [Kind],
    /// As in "must be …".
    wanted: &'static str,
    /// Pydantic's word for a value of another type.
    kind: &'static str,
}

pub(super) const OBJECT: Shape = Shape {
    kinds: &[Kind::Object, Kind::Null],
    wanted: "an object or null",
    kind: "dict_type",
};
const TEXT: Shape = Shape {
    kinds: &[Kind::String, Kind::Null],
    wanted: "a string or null",
    kind: "string_type",
};
const LIST: Shape = Shape {
    kinds: &[Kind::Array, Kind::Null],
    wanted: "an array or null",
    kind: "list_type",
};
const NUMBER: Shape = Shape {
    kinds: &[Kind::Number, Kind::Null],
    wanted: "a number or null",
    kind: "float_type",
};
const BOOL: Shape = Shape {
    kinds: &[Kind::Bool, Kind::Null],
    wanted: "a boolean or null",
    kind: "bool_type",
};
const INTEGER: Shape = Shape {
    kinds: &[Kind::Number, Kind::Null],
    wanted: "an integer or null",
    kind: "int_type",
};
const STOP: Shape = Shape {
    kinds: &[Kind::String, Kind::Array, Kind::Null],
    wanted: "a string, an array of strings or null",
    kind: "string_type",
};
const CHOICE: Shape = Shape {
    kinds: &[Kind::String, Kind::Object, Kind::Null],
    wanted: "a string, an object or null",
    kind: "value_error",
};
const INPUT: Shape = Shape {
    kinds: &[Kind::String, Kind::Array],
    wanted: "a string or an array",
    kind: "string_type",
};

/// How a field is read.
pub(super) enum Rule {
    Model,
    Messages,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    /// An integer from 1.
    Count,
    Integer,
    Stop,
    /// Only the type matters.
    Shape(&'static Shape),
}

/// A member of the body that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Model,
    Messages,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    Choices,
    Temperature,
    TopP,
    PresencePenalty,
    FrequencyPenalty,
    Stop,
    Tools,
    ToolChoice,
    User,
    ResponseFormat,
    Seed,
    Input,
    EncodingFormat,
    Dimensions,
}

/// The fields that must be there.
pub(super) const fn required(operation: Operation) -> [Field; 2] {
    match operation {
        Operation::Chat => [Field::Model, Field::Messages],
        Operation::Embeddings => [Field::Model, Field::Input],
    }
}

impl Field {
    /// The field of this name, if this operation has it.
    pub(super) fn of(operation: Operation, name: &[u8]) -> Option<Self> {
        match operation {
            Operation::Chat => Self::of_chat(name),
            Operation::Embeddings => Self::of_embeddings(name),
        }
    }

    fn of_chat(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"model" => Self::Model,
            b"messages" => Self::Messages,
            b"stream" => Self::Stream,
            b"stream_options" => Self::StreamOptions,
            b"max_tokens" => Self::MaxTokens,
            b"max_completion_tokens" => Self::MaxCompletionTokens,
            b"n" => Self::Choices,
            b"temperature" => Self::Temperature,
            b"top_p" => Self::TopP,
            b"presence_penalty" => Self::PresencePenalty,
            b"frequency_penalty" => Self::FrequencyPenalty,
            b"stop" => Self::Stop,
            b"tools" => Self::Tools,
            b"tool_choice" => Self::ToolChoice,
            b"user" => Self::User,
            b"response_format" => Self::ResponseFormat,
            b"seed" => Self::Seed,
            _ => return None,
        })
    }

    fn of_embeddings(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"model" => Self::Model,
            b"input" => Self::Input,
            b"encoding_format" => Self::EncodingFormat,
            b"dimensions" => Self::Dimensions,
            b"user" => Self::User,
            _ => return None,
        })
    }

    /// The name of the member.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Messages => "messages",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::Choices => "n",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::PresencePenalty => "presence_penalty",
            Self::FrequencyPenalty => "frequency_penalty",
            Self::Stop => "stop",
            Self::Tools => "tools",
            Self::ToolChoice => "tool_choice",
            Self::User => "user",
            Self::ResponseFormat => "response_format",
            Self::Seed => "seed",
            Self::Input => "input",
            Self::EncodingFormat => "encoding_format",
            Self::Dimensions => "dimensions",
        }
    }

    pub(super) const fn rule(self) -> Rule {
        match self {
            Self::Model => Rule::Model,
            Self::Messages => Rule::Messages,
            Self::Stream => Rule::Stream,
            Self::StreamOptions => Rule::StreamOptions,
            Self::MaxTokens => Rule::MaxTokens,
            Self::MaxCompletionTokens => Rule::MaxCompletionTokens,
            Self::Choices => Rule::Count,
            Self::Temperature | Self::TopP | Self::PresencePenalty | Self::FrequencyPenalty => {
                Rule::Shape(&NUMBER)
            }
            Self::Stop => Rule::Stop,
            Self::Tools => Rule::Shape(&LIST),
            Self::ToolChoice => Rule::Shape(&CHOICE),
            Self::User | Self::EncodingFormat => Rule::Shape(&TEXT),
            Self::ResponseFormat => Rule::Shape(&OBJECT),
            Self::Seed | Self::Dimensions => Rule::Integer,
            Self::Input => Rule::Shape(&INPUT),
        }
    }

    /// The bit that says that the field has been met.
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The kind with its article, for "not a number".
pub(super) const fn article(kind: Kind) -> &'static str {
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
pub(super) fn accept(
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
pub(super) fn model(
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
pub(super) fn bool(
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
pub(super) fn count(
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

/// Takes an integer or `null`.
pub(super) fn integer(
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
pub(super) fn stop(
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
