//! The last event of a stream that failed, framed as the readers of the surface can take it.

mod responses;

use serde_json::{Map, Value};

use super::case::Case;
use super::detail::Service;
use super::{Dialect, anthropic, detail, gemini, langmart, openai};
use crate::format::Format;

/// How the streams of a surface are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamForm {
    /// Events without names: `OpenAI`'s chat and completions.
    Chunks,
    /// Numbered events with names: `OpenAI`'s responses.
    Responses,
    /// Events with names: Anthropic's messages.
    Messages,
    /// Lines that begin with `data: ` and nothing else, or Gemini's readers die.
    Gemini,
    /// One JSON array with an item for each event, as Gemini's callers may ask.
    GeminiArray {
        /// Whether anything of the array has been sent.
        opened: bool,
    },
}

impl StreamForm {
    /// The form of streams for callers of a format. Formats that only providers speak have that
    /// of `OpenAI`'s chat.
    pub const fn of(format: Format, array: bool) -> Self {
        match format {
            Format::OpenAi
            | Format::Completions
            | Format::Bedrock
            | Format::Cohere
            | Format::Ollama => Self::Chunks,
            Format::Responses => Self::Responses,
            Format::Anthropic => Self::Messages,
            Format::Gemini if array => Self::GeminiArray { opened: false },
            Format::Gemini => Self::Gemini,
        }
    }

    /// The dialect of those who read such streams.
    const fn native(self) -> Dialect {
        match self {
            Self::Chunks | Self::Responses => Dialect::OpenAi,
            Self::Messages => Dialect::Anthropic,
            Self::Gemini | Self::GeminiArray { .. } => Dialect::Gemini,
        }
    }
}

/// The whole last event. The dialect decides what it says, the form where it says it.
pub(super) fn last_event(dialect: Dialect, form: StreamForm, case: &Case<'_>) -> String {
    let data = data(dialect, form, case);
    match form {
        StreamForm::Chunks | StreamForm::Gemini => format!("data: {}\n\n", Value::Object(data)),
        StreamForm::Messages => format!("event: error\ndata: {}\n\n", Value::Object(data)),
        StreamForm::Responses => {
            let data = responses::failed(case, data);
            format!("event: response.failed\ndata: {}\n\n", Value::Object(data))
        }
        StreamForm::GeminiArray { opened } => {
            let before = if opened { ",\n" } else { "[" };
            format!("{before}{}\n]", Value::Object(data))
        }
    }
}

/// The error object in the dialect's words, with what headers would say.
fn data(dialect: Dialect, form: StreamForm, case: &Case<'_>) -> Map<String, Value> {
    match dialect {
        Dialect::OpenAi => openai::event(case),
        Dialect::LangMart => langmart::event(case),
        Dialect::DetailSimple => detail::event(Service::SimpleChat, case),
        Dialect::DetailJobs => detail::event(Service::Jobs, case),
        Dialect::Anthropic => anthropic::event(case),
        Dialect::Gemini => gemini::event(case),
        // RFC 9457 knows no streams: who asks for it still reads those of the surface.
        Dialect::Problem => data(form.native(), form, case),
    }
}

#[cfg(test)]
mod tests;
