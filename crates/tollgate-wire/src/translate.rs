//! From one format to another, by way of the neutral form.

use bytes::Bytes;
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::format::{Format, Operation};
use tollgate_core::model::Unsupported;
use tollgate_core::reply;

use crate::answer::AnswerProblem;
use crate::counts;
use crate::formats::{self, Aim, Asked, Lost};
use crate::neutral::{Content, Part, Request};
use crate::stream::{Flow, StreamRules, Translated};

/// A request for a provider.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The body.
    pub body: Bytes,
    /// What could not be said, by its path; empty if nothing is to be told of it.
    pub lost: Lost,
    /// The names of the tools that take free text, which the provider knows as functions.
    pub freeform: Vec<String>,
}

/// Writes a call in the provider's format. Fails where something is lost and the route wants
/// that refused.
pub fn request(
    call: &Call,
    to: Format,
    aim: &Aim<'_>,
    unsupported: Unsupported,
) -> Result<Outbound, Failure> {
    let mut request = formats::parse_request(call.format, call)?;
    let mut lost = std::mem::take(&mut request.others);
    let body = formats::write_request(to, &request, aim, &mut lost);
    let lost = settle(lost, aim.provider, unsupported)?;
    let freeform = request.tools.into_iter().filter(|tool| tool.freeform);
    Ok(Outbound {
        body,
        lost,
        freeform: freeform.map(|tool| tool.name).collect(),
    })
}

/// Writes the question how many tokens a call has; `None` if the format does not know it. What is
/// lost does not count: the number is about what can be sent.
pub fn count_request(call: &Call, to: Format, aim: &Aim<'_>) -> Result<Option<Bytes>, Failure> {
    let request = formats::parse_request(call.format, call)?;
    Ok(formats::write_count_request(to, &request, aim))
}

/// Does with lost parts what the route wants: gives those that are to be told.
pub fn settle(
    mut lost: Lost,
    provider: &'static str,
    unsupported: Unsupported,
) -> Result<Lost, Failure> {
    let mut seen = std::collections::HashSet::new();
    lost.retain(|path| seen.insert(path.clone()));
    match unsupported {
        Unsupported::Warn => Ok(lost),
        Unsupported::Drop => Ok(Lost::new()),
        Unsupported::Refuse if lost.is_empty() => Ok(lost),
        Unsupported::Refuse => Err(refused(lost, provider)),
    }
}

/// How many lost parts an error names.
const MOST: usize = 20;

fn refused(lost: Lost, provider: &'static str) -> Failure {
    let names: Vec<_> = lost
        .iter()
        .take(MOST)
        .map(|path| format!("`{path}`"))
        .collect();
    let mut failure = Failure::client(Code::InvalidRequest).message(format!(
        "The model's provider ({provider}) cannot be told this: {}. Leave it out, or choose \
         another model.",
        names.join(", ")
    ));
    failure.fields = lost
        .into_iter()
        .take(MOST)
        .map(|path| FieldProblem {
            message: format!("`{path}` cannot be told to the model's provider."),
            path,
            kind: "value_error",
        })
        .collect();
    failure
}

/// Writes a provider's answer in the caller's format.
pub fn answer(
    call: &Call,
    from: Format,
    provider: &'static str,
    body: &Bytes,
    asked: &Asked<'_>,
) -> Result<reply::Answer, AnswerProblem> {
    const NO_WRITER: AnswerProblem = AnswerProblem::NotAnAnswer("no caller speaks this format");
    if call.operation == Operation::CountTokens {
        let count = formats::parse_count(from, body).unwrap_or(Err(NO_WRITER))?;
        return counted(call.format, count).ok_or(NO_WRITER);
    }
    let answer = formats::parse_answer(from, provider, body)?;
    Ok(reply::Answer {
        body: formats::write_answer(call.format, &answer, asked).ok_or(NO_WRITER)?,
        usage: answer.usage,
        finish: answer.ending.map(|ending| ending.finish),
    })
}

/// A number of tokens as an answer; `None` for formats without one.
pub fn counted(format: Format, tokens: u64) -> Option<reply::Answer> {
    Some(reply::Answer {
        body: formats::write_count(format, tokens)?,
        usage: None,
        finish: None,
    })
}

/// How a provider's stream reaches the caller; `None` for callers of formats that none has.
pub fn stream(
    call: &Call,
    from: Format,
    rules: StreamRules,
    asked: &Asked<'_>,
) -> Option<Box<dyn Flow>> {
    let writer = formats::stream_writer(call.format, asked)?;
    let reader = formats::stream_reader(from, rules);
    Some(Box::new(Translated::new(reader, writer)))
}

/// About how many tokens a prompt has, where no provider can be asked: four bytes of text to one
/// token, a little for each part and tool, and what a picture of middling size costs.
pub fn estimate(call: &Call) -> Result<u64, Failure> {
    let request = formats::parse_request(call.format, call)?;
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let tokens: u64 = parts.map(|part| counts::PART + of_part(part)).sum();
    Ok((tokens + of_tools(&request)).max(1))
}

fn of_part(part: &Part) -> u64 {
    let of = |text: &str| counts::of_text(text.len());
    match &part.content {
        Content::Text { text, .. } | Content::Refusal(text) => of(text),
        Content::Image(_) | Content::Audio(_) | Content::Document(_) => counts::PICTURE,
        Content::Reasoning(thought) => of(&thought.text),
        Content::ToolCall(call) => of(&call.name) + of(&call.arguments),
        Content::ToolResult(result) => {
            let inner = result.parts.iter();
            inner
                .map(|part| match &part.content {
                    Content::Text { text, .. } => of(text),
                    _ => counts::PICTURE,
                })
                .sum()
        }
    }
}

fn of_tools(request: &Request) -> u64 {
    let of = |text: &str| counts::of_text(text.len());
    let tools = request.tools.iter().map(|tool| {
        let schema = tool.parameters.as_ref().map(ToString::to_string);
        counts::TOOL
            + of(&tool.name)
            + of(tool.description.as_deref().unwrap_or_default())
            + of(schema.as_deref().unwrap_or_default())
    });
    tools.sum()
}
