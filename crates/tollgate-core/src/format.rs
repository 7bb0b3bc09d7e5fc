//! Names of the wire formats. What they look like is the wire crate's business.

/// A wire format, on the caller's side or on the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `OpenAI`'s chat completions and what goes with them (embeddings, models).
    OpenAi,
    /// `OpenAI`'s older text completions.
    Completions,
    /// `OpenAI`'s responses.
    Responses,
    /// Anthropic's messages.
    Anthropic,
    /// Google's `generateContent`, of Gemini and of Vertex.
    Gemini,
    /// Converse of AWS Bedrock. Providers only.
    Bedrock,
    /// Chat of Cohere's second version. Providers only.
    Cohere,
    /// Ollama's own chat. Providers only.
    Ollama,
}

impl Format {
    /// The word for configurations, logs and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
        }
    }
}

/// What a caller asks a model to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An answer to a conversation or a prompt, plain or streaming.
    Chat,
    /// Vectors of texts.
    Embeddings,
    /// How many tokens a conversation has.
    CountTokens,
}

impl Operation {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::CountTokens => "count_tokens",
        }
    }
}
