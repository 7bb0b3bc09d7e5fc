//! Names of the wire formats. What they look like is the wire crate's business.

/// A wire format, on the caller's side or on the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `OpenAI`'s chat completions and what goes with them (embeddings, models).
    OpenAi,
}

/// What a caller asks a model to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A chat completion, plain or streaming.
    Chat,
    /// Vectors of texts.
    Embeddings,
}

impl Operation {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }
}
