//! Reading the facts of a caller's request in one scan.

use tollgate_core::call::{Call, MOST_CHOICES, Marks};
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;

use crate::faults::Faults;
use crate::fields::{self, BOOL, INPUT, INTEGER, NUMBER, Shape, TEXT, not_json};
use crate::formats::Received;
use crate::json::{self, Count, Kind, NameBuffer, Problem, Scanner};

/// How a member is read.
#[derive(Clone, Copy)]
enum Rule {
    Model,
    Prompt,
    Stream,
    StreamOptions,
    MaxTokens,
    /// How many answers are asked for.
    Choices,
    Integer,
    Stop,
    /// Only the type matters.
    Shape(&'static Shape),
}

/// The members that are read. All others belong to the provider.
const MEMBERS: [(&str, Rule); 16] = [
    ("model", Rule::Model),
    ("prompt", Rule::Prompt),
    ("stream", Rule::Stream),
    ("stream_options", Rule::StreamOptions),
    ("max_tokens", Rule::MaxTokens),
    ("n", Rule::Choices),
    ("best_of", Rule::Choices),
    ("seed", Rule::Integer),
    ("stop", Rule::Stop),
    ("suffix", Rule::Shape(&TEXT)),
    ("echo", Rule::Shape(&BOOL)),
    ("temperature", Rule::Shape(&NUMBER)),
    ("top_p", Rule::Shape(&NUMBER)),
    ("presence_penalty", Rule::Shape(&NUMBER)),
    ("frequency_penalty", Rule::Shape(&NUMBER)),
    ("user", Rule::Shape(&TEXT)),
];

/// The members that must be there.
const REQUIRED: [(&str, u32); 2] = [("model", 1), ("prompt", 2)];

/// What has been seen of a body so far.
#[derive(Default)]
struct Draft {
    model: Option<Box<str>>,
    stream: bool,
    wants_usage: bool,
    max_tokens: Option<u64>,
    /// How many prompts there are.
    prompts: u32,
    /// How many answers are made to each: `best_of` are, where only `n` are given.
    choices: u32,
    marks: Marks,
    /// One bit per member of the table.
    seen: u32,
    faults: Faults,
}

/// Reads a request. Fails with `malformed_json` if it is no JSON, and with `invalid_request` and
/// all the fields at fault if it is none for a completion.
pub fn read(received: Received<'_>) -> Result<Call, Failure> {
    let body = received.body;
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
    for (name, bit) in REQUIRED {
        if draft.seen & bit == 0 {
            draft
                .faults
                .add(format_args!("{name}"), "missing", "is missing");
        }
    }
    let (Some(model), true) = (&draft.model, draft.faults.is_empty()) else {
        return Err(draft.faults.into_failure(draft.model.as_deref()));
    };
    Ok(Call {
        format: Format::Completions,
        operation: received.operation,
        model: model.clone(),
        body,
        stream: draft.stream,
        wants_usage: draft.wants_usage,
        max_tokens: draft.max_tokens,
        choices: draft
            .prompts
            .max(1)
            .saturating_mul(draft.choices.max(1))
            .min(MOST_CHOICES),
        marks: draft.marks,
        carried: Vec::new(),
        query: None,
        array: false,
        sealed: false,
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
        Rule::Prompt => draft.prompts = prompt(scanner, faults)?,
        Rule::Stream => {
            draft.stream = fields::bool(scanner, path, faults)?.unwrap_or_default();
        }
        Rule::StreamOptions => {
            draft.wants_usage = fields::stream_options(scanner, &mut draft.marks, faults)?;
        }
        Rule::MaxTokens => draft.max_tokens = max_tokens(scanner, path, faults)?,
        Rule::Choices => {
            draft.choices = fields::choices(scanner, path, faults)?.max(draft.choices);
        }
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

/// Takes a bound on the answer. Zero is allowed here: whoever wants the prompt's own
/// probabilities asks for no answer at all.
fn max_tokens(
    scanner: &mut Scanner<'_>,
    path: &str,
    faults: &mut Faults,
) -> Result<Option<u64>, Problem> {
    match fields::accept(scanner, path, &INTEGER, faults)? {
        Some(Kind::Number) => {}
        Some(_) => return scanner.skip().map(|()| None),
        None => return Ok(None),
    }
    let (kind, what) = match json::count(scanner.number()?) {
        Count::Whole(value) => return Ok(Some(value)),
        Count::Negative => ("greater_than_equal", "must be at least 0"),
        Count::Fraction => (
            "int_from_float",
            "must be an integer, not a number with a fraction",
        ),
    };
    faults.add(format_args!("{path}"), kind, what);
    Ok(None)
}

/// Takes the prompt: a text, texts, tokens, or several lists of tokens. Gives how many prompts that
/// is.
fn prompt(scanner: &mut Scanner<'_>, faults: &mut Faults) -> Result<u32, Problem> {
    match fields::accept(scanner, "prompt", &INPUT, faults)? {
        Some(Kind::Array) => {}
        Some(_) => return scanner.skip().map(|()| 1),
        None => return Ok(1),
    }
    let mut prompts: u32 = 0;
    let mut items = scanner.array()?;
    let mut index = 0_usize;
    while scanner.item(&mut items)? {
        let kind = scanner.kind()?;
        scanner.skip()?;
        match kind {
            Kind::String | Kind::Array => prompts = prompts.saturating_add(1),
            Kind::Number => {}
            Kind::Object | Kind::Bool | Kind::Null => {
                let article = fields::article(kind);
                let what =
                    format!("must be a string, a token or an array of tokens, not {article}");
                faults.add(format_args!("prompt[{index}]"), "string_type", &what);
            }
        }
        index += 1;
    }
    Ok(prompts)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tollgate_core::format::Operation;

    use super::*;

    fn read_text(body: &str) -> Result<Call, Failure> {
        read(Received {
            operation: Operation::Chat,
            body: Bytes::copy_from_slice(body.as_bytes()),
            model: None,
            stream: false,
            array: false,
        })
    }

    #[test]
    fn the_facts_that_decide_are_read() {
        let body = r#"{"model":"m","prompt":["a","b"],"stream":true,"stream_options":{"include_usage":true},"max_tokens":0,"logprobs":5}"#;
        let call = read_text(body).unwrap();
        assert_eq!(call.format, Format::Completions);
        assert!(call.stream && call.wants_usage);
        assert_eq!(call.max_tokens, Some(0));
        let place = |range: Option<std::ops::Range<usize>>| body.get(range.unwrap()).unwrap();
        assert_eq!(place(call.marks.model), "\"m\"");
        assert_eq!(place(call.marks.include_usage), "true");
        assert_eq!(
            place(call.marks.stream_options),
            r#"{"include_usage":true}"#
        );
    }

    #[test]
    fn prompts_of_every_shape_pass() {
        for prompt in [r#""x""#, r#"["x"]"#, "[1,2]", "[[1,2],[3]]", "[]"] {
            let body = format!(r#"{{"prompt":{prompt},"model":"m"}}"#);
            assert!(read_text(&body).is_ok(), "{body}");
        }
    }

    #[test]
    fn answers_are_counted_by_prompts_and_tries() {
        for (rest, want) in [
            (r#""prompt":"x""#, 1),
            (r#""prompt":[1,2,3]"#, 1),
            (r#""prompt":["a","b"],"n":3"#, 6),
            (r#""prompt":[[1],[2]],"n":2,"best_of":5"#, 10),
            (r#""best_of":5,"n":2,"prompt":"x""#, 5),
            (r#""prompt":"x","n":18446744073709551616"#, MOST_CHOICES),
        ] {
            let body = format!(r#"{{"model":"m",{rest}}}"#);
            assert_eq!(read_text(&body).unwrap().choices, want, "{body}");
        }
    }

    #[test]
    fn fields_at_fault_are_named() {
        for (body, want) in [
            ("{}", &["model", "prompt"][..]),
            (r#"{"model":"m","prompt":null}"#, &["prompt"]),
            (r#"{"model":"m","prompt":[{}]}"#, &["prompt[0]"]),
            (r#"{"model":"m","prompt":"x","prompt":"y"}"#, &["prompt"]),
            (
                r#"{"model":"m","prompt":"x","max_tokens":-1,"n":0}"#,
                &["max_tokens", "n"],
            ),
            (
                r#"{"model":"m","prompt":"x","stream_options":{"include_usage":1}}"#,
                &["stream_options.include_usage"],
            ),
            (
                r#"{"model":"m","prompt":"x","stop":[1],"echo":"y"}"#,
                &["stop[0]", "echo"],
            ),
        ] {
            let failure = read_text(body).unwrap_err();
            let paths: Vec<_> = failure.fields.iter().map(|field| &*field.path).collect();
            assert_eq!(paths, want, "{body}");
        }
        assert_eq!(read_text("[").unwrap_err().code, Code::MalformedJson);
        assert_eq!(read_text("7").unwrap_err().code, Code::InvalidRequest);
    }
}
