//! What a provider answered, and what was seen in it while it was relayed.

use bytes::Bytes;

/// Token counts of one call, as the provider reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, those included that came from or went into a cache.
    pub prompt: u64,
    /// Tokens of the answer, reasoning included.
    pub completion: u64,
    /// Tokens of the prompt that came from the provider's cache.
    pub cached: u64,
    /// Tokens of the prompt that were written into the provider's cache.
    pub cache_written: u64,
    /// Those of them that the cache keeps for an hour, where that has a price of its own.
    pub cache_written_1h: u64,
    /// Tokens of the answer that were spent on reasoning.
    pub reasoning: u64,
    /// Whether some count was broken or impossible: it stands here as nothing, or as what it can
    /// be at most.
    pub bounded: bool,
}

impl Usage {
    /// Nothing was used.
    pub const NONE: Self = Self {
        prompt: 0,
        completion: 0,
        cached: 0,
        cache_written: 0,
        cache_written_1h: 0,
        reasoning: 0,
        bounded: false,
    };
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finish {
    /// It had said everything, or met a stop sequence.
    Stop,
    /// A token limit was reached.
    Length,
    /// It wants tools to be called.
    ToolCalls,
    /// A content filter cut it off.
    ContentFilter,
    /// Another reason, which passes through as it came.
    Other,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body, byte for byte as it goes to the caller.
    pub body: Bytes,
    /// Token counts, if the provider reported any.
    pub usage: Option<Usage>,
    /// Why the model stopped, if it said so.
    pub finish: Option<Finish>,
}

/// A part of a stream that is ready to leave: one or more whole events.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// The events in the caller's format. May be empty when only facts were seen.
    pub bytes: Bytes,
    /// Token counts, when this part carried them. The last ones seen count.
    pub usage: Option<Usage>,
    /// Why the model stopped, when this part said so.
    pub finish: Option<Finish>,
    /// About how many tokens of output this part carries, in sixteenths of a token. For streams
    /// whose provider does not say in the end.
    pub delivered: u32,
    /// Whether this part carries output of the model (text, tool calls, a refusal, a finish).
    pub content: bool,
    /// Whether the stream has ended well with this part.
    pub last: bool,
}
