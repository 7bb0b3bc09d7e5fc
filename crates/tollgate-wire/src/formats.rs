//! The folder of each format: the one place that knows them all. A format that is added does not
//! compile until everything is said of it.

use bytes::Bytes;
use tollgate_core::call::Call;
use tollgate_core::error::Failure;
use tollgate_core::format::{Format, Operation};
use tollgate_core::reply;

use crate::answer::AnswerProblem;
use crate::insight::Reading;
use crate::json::{Problem, Scanner};
use crate::neutral::{Answer, Request};
use crate::quirks::Quirks;
use crate::stream::{Flow, ReadEvents, StreamRules, WriteEvents};
use crate::{anthropic, bedrock, cohere, completions, gemini, ollama, openai, output, responses};

/// What a caller sent: the body, and what the address says.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// What is asked for.
    pub operation: Operation,
    /// The body.
    pub body: Bytes,
    /// The model, where the address names it; decoded.
    pub model: Option<&'a str>,
    /// Whether the address asks for a stream.
    pub stream: bool,
    /// Whether that stream is to be one JSON array.
    pub array: bool,
}

/// What a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// The provider, by the name of its row.
    pub provider: &'static str,
    /// The model, as the provider calls it.
    pub model: &'a str,
    /// The most tokens that an answer of the model can have, if that is known.
    pub max_output: Option<u32>,
    /// Whether a stream is to report its usage where that has to be asked for.
    pub ask_usage: bool,
    /// How the provider reads `OpenAI`'s format, if it does.
    pub quirks: &'static Quirks,
}

/// What the caller of an answer asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The model, as the caller named it: for answers whose provider names none.
    pub model: &'a str,
    /// The id of the request, from which ids are made where the provider gives none.
    pub request_id: &'a str,
    /// The time of the answer, in seconds since 1970.
    pub now: i64,
    /// Whether a stream is to report its usage where that has to be asked for.
    pub usage: bool,
    /// Whether a stream is to be one JSON array.
    pub array: bool,
    /// The names of the tools that take free text.
    pub freeform: &'a [String],
}

/// Parts of a request that a format has no words for, by the paths of the caller's body
/// (`top_k`, `messages[2].content[0]`) or of the neutral form.
pub type Lost = Vec<String>;

/// Reads a caller's request for the facts that decide. Fails with all the fields at fault.
pub fn read(format: Format, received: Received<'_>) -> Result<Call, Failure> {
    match format {
        Format::OpenAi => match received.operation {
            Operation::Embeddings => openai::request::read_embeddings(received.body),
            Operation::Chat | Operation::CountTokens => openai::request::read_chat(received.body),
        },
        Format::Completions => completions::request::read(received),
        Format::Responses => responses::request::read(received),
        Format::Anthropic => anthropic::request::read(received),
        Format::Gemini => gemini::request::read(received),
        Format::Bedrock | Format::Cohere | Format::Ollama => Err(not_for_callers(format)),
    }
}

/// Reads from a caller's body what the choice of a target depends on.
pub(crate) fn read_insight(
    call: &Call,
    scanner: &mut Scanner<'_>,
    reading: &mut Reading,
) -> Result<(), Problem> {
    match (call.format, call.operation) {
        (Format::OpenAi, Operation::Embeddings) => openai::insight::embeddings(scanner, reading),
        (Format::OpenAi, _) => openai::insight::chat(scanner, reading),
        (Format::Completions, _) => completions::insight::read(scanner, reading),
        (Format::Responses, _) => responses::insight::read(scanner, reading),
        (Format::Anthropic, _) => anthropic::insight::read(scanner, reading),
        (Format::Gemini, _) => gemini::insight::read(scanner, reading),
        (Format::Bedrock | Format::Cohere | Format::Ollama, _) => scanner.skip(),
    }
}

/// Parses a caller's request that was read before.
pub fn parse_request(format: Format, call: &Call) -> Result<Request, Failure> {
    match format {
        Format::OpenAi => openai::parse::request(call),
        Format::Completions => completions::parse::request(call),
        Format::Responses => responses::parse::request(call),
        Format::Anthropic => anthropic::parse::request(call),
        Format::Gemini => gemini::parse::request(call),
        Format::Bedrock | Format::Cohere | Format::Ollama => Err(not_for_callers(format)),
    }
}

fn not_for_callers(format: Format) -> Failure {
    use tollgate_core::error::Code;
    let name = format.as_str();
    Failure::gateway(Code::InternalError).because(format!("no surface speaks {name}"))
}

/// Writes a request for a provider; what cannot be said is added to `lost`.
pub fn write_request(format: Format, request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Bytes {
    match format {
        Format::OpenAi | Format::Completions => openai::write::request(request, aim, lost),
        Format::Responses => responses::write::request(request, aim, lost),
        Format::Anthropic => anthropic::write::request(request, aim, lost),
        Format::Gemini => gemini::write::request(request, aim, lost),
        Format::Bedrock => bedrock::write::request(request, aim, lost),
        Format::Cohere => cohere::write::request(request, aim, lost),
        Format::Ollama => ollama::write::request(request, aim, lost),
    }
}

/// Writes the request for the number of a prompt's tokens; `None` if the format has none.
pub fn write_count_request(format: Format, request: &Request, aim: &Aim<'_>) -> Option<Bytes> {
    match format {
        Format::Anthropic => Some(anthropic::write::count_request(request, aim)),
        Format::Gemini => Some(gemini::write::count_request(request, aim)),
        Format::OpenAi
        | Format::Completions
        | Format::Responses
        | Format::Bedrock
        | Format::Cohere
        | Format::Ollama => None,
    }
}

/// Reads an answer that stays in its format.
pub fn relay_answer(
    format: Format,
    operation: Operation,
    body: Bytes,
) -> Result<reply::Answer, AnswerProblem> {
    match format {
        Format::OpenAi => openai::reply::read_answer(operation, body),
        Format::Completions => completions::relay::answer(body),
        Format::Responses => responses::relay::answer(body),
        Format::Anthropic => anthropic::relay::answer(operation, body),
        Format::Gemini => gemini::relay::answer(operation, body),
        Format::Bedrock | Format::Cohere | Format::Ollama => {
            Err(AnswerProblem::NotAnAnswer("no caller speaks this format"))
        }
    }
}

/// What a provider says was used in something that is no answer: an error, or an answer that cannot
/// be taken.
pub fn reported(format: Format, body: &[u8]) -> Option<reply::Usage> {
    match format {
        Format::OpenAi | Format::Completions => openai::reply::reported(body),
        Format::Responses => responses::relay::reported(body),
        Format::Anthropic => anthropic::relay::reported(body),
        Format::Gemini => gemini::relay::reported(body),
        Format::Bedrock => bedrock::reported(body),
        Format::Cohere => cohere::reported(body),
        Format::Ollama => ollama::reported(body),
    }
}

/// About how many tokens of output an answer holds, in whatever format of callers it is: for
/// answers whose provider does not say. In sixteenths of a token; nothing if it cannot be read.
pub fn delivered(body: &[u8]) -> u32 {
    output::of_answer(body)
}

/// Parses a provider's answer.
pub fn parse_answer(
    format: Format,
    provider: &'static str,
    body: &Bytes,
) -> Result<Answer, AnswerProblem> {
    match format {
        Format::OpenAi | Format::Completions => openai::parse::answer(body, provider),
        Format::Responses => responses::parse::answer(body, provider),
        Format::Anthropic => anthropic::parse::answer(body, provider),
        Format::Gemini => gemini::parse::answer(body, provider),
        Format::Bedrock => bedrock::parse::answer(body, provider),
        Format::Cohere => cohere::parse::answer(body, provider),
        Format::Ollama => ollama::parse::answer(body, provider),
    }
}

/// Parses a provider's number of tokens; `None` if the format has none.
pub fn parse_count(format: Format, body: &Bytes) -> Option<Result<u64, AnswerProblem>> {
    match format {
        Format::Anthropic => Some(anthropic::parse::count(body)),
        Format::Gemini => Some(gemini::parse::count(body)),
        Format::OpenAi
        | Format::Completions
        | Format::Responses
        | Format::Bedrock
        | Format::Cohere
        | Format::Ollama => None,
    }
}

/// Writes an answer for a caller; `None` for formats of providers only.
pub fn write_answer(format: Format, answer: &Answer, asked: &Asked<'_>) -> Option<Bytes> {
    match format {
        Format::OpenAi => Some(openai::write::answer(answer, asked)),
        Format::Completions => Some(completions::write::answer(answer, asked)),
        Format::Responses => Some(responses::write::answer(answer, asked)),
        Format::Anthropic => Some(anthropic::write::answer(answer, asked)),
        Format::Gemini => Some(gemini::write::answer(answer, asked)),
        Format::Bedrock | Format::Cohere | Format::Ollama => None,
    }
}

/// Writes a number of tokens for a caller; `None` if the format has none.
pub fn write_count(format: Format, tokens: u64) -> Option<Bytes> {
    match format {
        Format::Anthropic => Some(anthropic::write::count(tokens)),
        Format::Gemini => Some(gemini::write::count(tokens)),
        Format::OpenAi
        | Format::Completions
        | Format::Responses
        | Format::Bedrock
        | Format::Cohere
        | Format::Ollama => None,
    }
}

/// Relays a stream that stays in its format; `None` for formats of providers only. `OpenAI`'s
/// chat has [`openai::stream::ChatStream`], which is no trait object.
pub fn relay_stream(format: Format, rules: StreamRules) -> Option<Box<dyn Flow>> {
    match format {
        Format::OpenAi => Some(Box::new(openai::stream::ChatStream::new(rules))),
        Format::Completions => Some(completions::relay::stream(rules)),
        Format::Responses => Some(responses::relay::stream(rules)),
        Format::Anthropic => Some(anthropic::relay::stream(rules)),
        Format::Gemini => Some(gemini::relay::stream(rules)),
        Format::Bedrock | Format::Cohere | Format::Ollama => None,
    }
}

/// Reads a provider's stream.
pub fn stream_reader(format: Format, rules: StreamRules) -> Box<dyn ReadEvents> {
    match format {
        Format::OpenAi | Format::Completions => openai::parse::stream(rules),
        Format::Responses => responses::parse::stream(rules),
        Format::Anthropic => anthropic::parse::stream(rules),
        Format::Gemini => gemini::parse::stream(rules),
        Format::Bedrock => bedrock::parse::stream(rules),
        Format::Cohere => cohere::parse::stream(rules),
        Format::Ollama => ollama::parse::stream(rules),
    }
}

/// Writes a stream for a caller; `None` for formats of providers only.
pub fn stream_writer(format: Format, asked: &Asked<'_>) -> Option<Box<dyn WriteEvents>> {
    match format {
        Format::OpenAi => Some(openai::write::stream(asked)),
        Format::Completions => Some(completions::write::stream(asked)),
        Format::Responses => Some(responses::write::stream(asked)),
        Format::Anthropic => Some(anthropic::write::stream(asked)),
        Format::Gemini => Some(gemini::write::stream(asked)),
        Format::Bedrock | Format::Cohere | Format::Ollama => None,
    }
}
