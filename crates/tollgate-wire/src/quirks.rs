//! How providers of one format differ in what they take.

/// What is particular to a provider's reading of `OpenAI`'s format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// What the bound on the answer is called.
    pub max_tokens: MaxTokens,
    /// The only members of a chat request that it takes; `None` where it ignores what it does not
    /// know. Others are left out of relayed requests, too, and reported.
    pub members: Option<&'static [&'static str]>,
    /// The only members of messages that it takes, by their roles; empty where it ignores what it
    /// does not know.
    pub messages: &'static [Role],
    /// The word for "a tool must be called": `required` nearly everywhere.
    pub tool_required: &'static str,
    /// Whether schemas for the form of the answer are understood (`json_schema`); otherwise the
    /// answer is asked to be some JSON object, and that is reported.
    pub schemas: bool,
    /// Whether `reasoning_effort` is understood.
    pub effort: bool,
}

/// What a message of a role may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// The role.
    pub name: &'static str,
    /// The names of the members.
    pub members: &'static [&'static str],
}

/// What the bound on an answer's tokens is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxTokens {
    /// `max_completion_tokens`, as at `OpenAI` itself.
    Completion,
    /// `max_tokens`, as nearly everywhere else.
    Plain,
}

impl Quirks {
    /// `OpenAI` itself.
    pub const OPENAI: Self = Self {
        max_tokens: MaxTokens::Completion,
        members: None,
        messages: &[],
        tool_required: "required",
        schemas: true,
        effort: true,
    };

    /// What most servers of the format take.
    pub const COMPATIBLE: Self = Self {
        max_tokens: MaxTokens::Plain,
        members: None,
        messages: &[],
        tool_required: "required",
        schemas: true,
        effort: true,
    };
}
