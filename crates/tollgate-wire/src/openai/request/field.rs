//! The fields that are read, and what each may be. Ranges are the provider's business.

use tollgate_core::format::Operation;

use crate::fields::{CHOICE, INPUT, LIST, NUMBER, OBJECT, Shape, TEXT};

/// How a field is read.
pub(super) enum Rule {
    Model,
    Messages,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    /// How many answers are asked for.
    Choices,
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
        Operation::Chat | Operation::CountTokens => [Field::Model, Field::Messages],
        Operation::Embeddings => [Field::Model, Field::Input],
    }
}

impl Field {
    /// The field of this name, if this operation has it.
    pub(super) fn of(operation: Operation, name: &[u8]) -> Option<Self> {
        match operation {
            Operation::Chat | Operation::CountTokens => Self::of_chat(name),
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
            Self::Choices => Rule::Choices,
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
