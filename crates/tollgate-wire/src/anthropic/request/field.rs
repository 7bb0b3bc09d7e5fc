//! The fields that are read, and what each may be. Ranges are the provider's business.

use tollgate_core::format::Operation;

use crate::fields::{LIST, NUMBER, OBJECT, Shape};

/// How a field is read.
pub(super) enum Rule {
    Model,
    Messages,
    System,
    MaxTokens,
    Stream,
    Integer,
    /// Only the type matters.
    Shape(&'static Shape),
}

/// A member of the body that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Model,
    Messages,
    MaxTokens,
    System,
    Stream,
    StopSequences,
    Temperature,
    TopP,
    TopK,
    Tools,
    ToolChoice,
    Thinking,
    OutputConfig,
    Metadata,
}

/// The fields that must be there.
pub(super) const fn required(operation: Operation) -> &'static [Field] {
    match operation {
        Operation::Chat | Operation::Embeddings => {
            &[Field::Model, Field::Messages, Field::MaxTokens]
        }
        Operation::CountTokens => &[Field::Model, Field::Messages],
    }
}

impl Field {
    /// The field of this name.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"model" => Self::Model,
            b"messages" => Self::Messages,
            b"max_tokens" => Self::MaxTokens,
            b"system" => Self::System,
            b"stream" => Self::Stream,
            b"stop_sequences" => Self::StopSequences,
            b"temperature" => Self::Temperature,
            b"top_p" => Self::TopP,
            b"top_k" => Self::TopK,
            b"tools" => Self::Tools,
            b"tool_choice" => Self::ToolChoice,
            b"thinking" => Self::Thinking,
            b"output_config" => Self::OutputConfig,
            b"metadata" => Self::Metadata,
            _ => return None,
        })
    }

    /// The name of the member.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Messages => "messages",
            Self::MaxTokens => "max_tokens",
            Self::System => "system",
            Self::Stream => "stream",
            Self::StopSequences => "stop_sequences",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::Tools => "tools",
            Self::ToolChoice => "tool_choice",
            Self::Thinking => "thinking",
            Self::OutputConfig => "output_config",
            Self::Metadata => "metadata",
        }
    }

    pub(super) const fn rule(self) -> Rule {
        match self {
            Self::Model => Rule::Model,
            Self::Messages => Rule::Messages,
            Self::MaxTokens => Rule::MaxTokens,
            Self::System => Rule::System,
            Self::Stream => Rule::Stream,
            Self::TopK => Rule::Integer,
            Self::Temperature | Self::TopP => Rule::Shape(&NUMBER),
            Self::StopSequences | Self::Tools => Rule::Shape(&LIST),
            Self::ToolChoice | Self::Thinking | Self::OutputConfig | Self::Metadata => {
                Rule::Shape(&OBJECT)
            }
        }
    }

    /// The bit that says that the field has been met.
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}
