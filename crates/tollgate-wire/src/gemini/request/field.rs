//! The fields that are read, and what each may be. Each may be spelled in two ways.

use crate::fields::{BOOL, LIST, NUMBER, OBJECT, Shape, TEXT};

/// How a field is read.
pub(super) enum Rule {
    Contents,
    /// An object with fields of its own.
    Group(Group),
    MaxTokens,
    /// How many answers are asked for.
    Choices,
    Integer,
    Stop,
    /// Only the type matters.
    Shape(&'static Shape),
}

/// An object that is looked into.
#[derive(Clone, Copy)]
pub(super) enum Group {
    /// The body of a request for content.
    Body,
    /// The body of a request for a number of tokens.
    Count,
    GenerationConfig,
    ThinkingConfig,
}

/// A member that is read.
pub(super) struct Field {
    /// The name in camel case.
    pub(super) name: &'static str,
    /// The name in snake case.
    snake: &'static str,
    pub(super) rule: Rule,
}

const fn field(name: &'static str, snake: &'static str, rule: Rule) -> Field {
    Field { name, snake, rule }
}

/// `generateContentRequest` first, so that the rest is the body of a request for content.
const BODY: &[Field] = &[
    field(
        "generateContentRequest",
        "generate_content_request",
        Rule::Group(Group::Body),
    ),
    field("contents", "contents", Rule::Contents),
    field(
        "systemInstruction",
        "system_instruction",
        Rule::Shape(&OBJECT),
    ),
    field(
        "generationConfig",
        "generation_config",
        Rule::Group(Group::GenerationConfig),
    ),
    field("tools", "tools", Rule::Shape(&LIST)),
    field("toolConfig", "tool_config", Rule::Shape(&OBJECT)),
    field("safetySettings", "safety_settings", Rule::Shape(&LIST)),
    field("cachedContent", "cached_content", Rule::Shape(&TEXT)),
];

const GENERATION_CONFIG: &[Field] = &[
    field("maxOutputTokens", "max_output_tokens", Rule::MaxTokens),
    field("temperature", "temperature", Rule::Shape(&NUMBER)),
    field("topP", "top_p", Rule::Shape(&NUMBER)),
    field("topK", "top_k", Rule::Shape(&NUMBER)),
    field("candidateCount", "candidate_count", Rule::Choices),
    field("stopSequences", "stop_sequences", Rule::Stop),
    field("seed", "seed", Rule::Integer),
    field("presencePenalty", "presence_penalty", Rule::Shape(&NUMBER)),
    field(
        "frequencyPenalty",
        "frequency_penalty",
        Rule::Shape(&NUMBER),
    ),
    field("responseMimeType", "response_mime_type", Rule::Shape(&TEXT)),
    field("responseSchema", "response_schema", Rule::Shape(&OBJECT)),
    field(
        "thinkingConfig",
        "thinking_config",
        Rule::Group(Group::ThinkingConfig),
    ),
];

const THINKING_CONFIG: &[Field] = &[
    field("thinkingBudget", "thinking_budget", Rule::Integer),
    field("thinkingLevel", "thinking_level", Rule::Shape(&TEXT)),
    field("includeThoughts", "include_thoughts", Rule::Shape(&BOOL)),
];

impl Group {
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Body => BODY.get(1..).unwrap_or_default(),
            Self::Count => BODY,
            Self::GenerationConfig => GENERATION_CONFIG,
            Self::ThinkingConfig => THINKING_CONFIG,
        }
    }
}

impl Field {
    /// The field of this name in the group, and its number there.
    pub(super) fn of(group: Group, name: &[u8]) -> Option<(usize, &'static Self)> {
        let same = |field: &&Self| field.name.as_bytes() == name || field.snake.as_bytes() == name;
        let fields = group.fields().iter().enumerate();
        fields.into_iter().find(|(_, field)| same(field))
    }
}
