//! Why a candidate ended, in Google's words and in ours.

use tollgate_core::reply::Finish;

/// What a `finishReason` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The model had said everything; also if what it said is that tools be called.
    Stop,
    /// The token limit was reached.
    Length,
    /// A filter cut the answer off.
    Filtered,
    /// What the model wrote is of no use: a call that cannot be parsed, or of a tool that nobody
    /// declared. An error, whatever came before.
    Failed,
    /// Anything else. With content it is an answer that ended oddly, without an error.
    Unclear,
}

impl Reason {
    /// The meaning of a reason; `None` for the word that stands for none.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "" | "FINISH_REASON_UNSPECIFIED" => return None,
            "STOP" => Self::Stop,
            "MAX_TOKENS" => Self::Length,
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "MODEL_ARMOR"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => Self::Filtered,
            "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "MALFORMED_RESPONSE"
            | "MISSING_THOUGHT_SIGNATURE" => Self::Failed,
            _ => Self::Unclear,
        })
    }

    /// The reason as the neutral form has it. Google has no word of its own for calls.
    pub(super) const fn finish(self, calls: bool) -> Finish {
        match self {
            Self::Stop if calls => Finish::ToolCalls,
            Self::Stop => Finish::Stop,
            Self::Length => Finish::Length,
            Self::Filtered => Finish::ContentFilter,
            Self::Failed | Self::Unclear => Finish::Other,
        }
    }
}

/// Google's word for a reason.
pub(super) const fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::ToolCalls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter => "SAFETY",
        Finish::Other => "OTHER",
    }
}
