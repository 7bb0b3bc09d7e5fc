//! What turns and answers are made of.

use crate::state::State;

/// One part of a turn or of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it holds.
    pub content: Content,
    /// Whether the prompt up to here is to be kept in the provider's cache.
    pub cache: Option<Cache>,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A text, with the places that it cites.
    Text {
        /// The text.
        text: String,
        /// What it refers to.
        citations: Vec<Citation>,
    },
    /// The model's own words for not answering.
    Refusal(String),
    /// A picture.
    Image(Media),
    /// A recording.
    Audio(Media),
    /// A document, such as a PDF.
    Document(Media),
    /// What the model thought.
    Reasoning(Reasoned),
    /// A tool that the model wants to be called.
    ToolCall(ToolCall),
    /// What a tool gave.
    ToolResult(ToolResult),
}

/// A wish to cache the prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cache {
    /// How long, in Anthropic's words (`5m`, `1h`); `None` for the provider's default.
    pub ttl: Option<String>,
}

/// A picture, recording or document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Where it is.
    pub source: Source,
    /// Its type, for example `image/png`; empty if nobody said.
    pub media_type: String,
    /// The name of the file or the title of the document.
    pub name: Option<String>,
    /// How closely a picture is to be looked at, in `OpenAI`'s words (`low`, `high`, `auto`).
    pub detail: Option<String>,
}

/// Where media are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Here, in base64 with the standard alphabet.
    Base64(String),
    /// At an address that the provider fetches.
    Url(String),
    /// In the provider's own store of files.
    File(String),
}

/// What the model thought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoned {
    /// The thought, or its summary; empty if the provider shows none.
    pub text: String,
    /// What the provider wants to have back with it.
    pub state: Option<State>,
    /// Whether the state stands for a thought that the provider does not show (Anthropic's
    /// `redacted_thinking`).
    pub redacted: bool,
}

/// A tool that the model wants to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The id that its result refers to. Never empty: readers make one where the format has none.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments: a JSON object as text, as the model wrote it. May be broken, and empty for
    /// none.
    pub arguments: String,
    /// What the provider wants to have back with it (Gemini's thought signature).
    pub state: Option<State>,
}

/// What a tool gave.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub id: String,
    /// The name of the tool, where the format repeats it.
    pub name: Option<String>,
    /// What it gave: texts and media.
    pub parts: Vec<Part>,
    /// Whether the tool failed.
    pub failed: bool,
}

/// What a text refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citation {
    /// The address of a page.
    pub url: Option<String>,
    /// The title of the page or document.
    pub title: Option<String>,
    /// The words that are cited.
    pub quote: Option<String>,
    /// Which document of the request it is, counted from zero.
    pub document: Option<u64>,
    /// Where the citing words begin in their text, in characters.
    pub start: Option<u64>,
    /// Where they end.
    pub end: Option<u64>,
}

impl Part {
    /// A part without a wish to be cached.
    pub const fn new(content: Content) -> Self {
        Self {
            content,
            cache: None,
        }
    }

    /// A plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text {
            text: text.into(),
            citations: Vec::new(),
        })
    }
}
