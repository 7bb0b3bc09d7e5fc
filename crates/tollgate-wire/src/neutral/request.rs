//! What is asked of a model.

use serde_json::{Map, Number, Value};

use super::part::{Cache, Part};

/// A request for an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The conversation. Neighbours never have the same role: use [`Request::push`].
    pub turns: Vec<Turn>,
    /// The tools that the model may call.
    pub tools: Vec<Tool>,
    /// Whether and which tool it is to call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several tools at once.
    pub parallel_tools: Option<bool>,
    /// The form of the answer.
    pub output: Option<OutputFormat>,
    /// The most tokens of the answer.
    pub max_tokens: Option<u64>,
    /// Texts at which the model stops.
    pub stop: Vec<String>,
    /// Sampling temperature, on the caller's scale.
    pub temperature: Option<Number>,
    /// Nucleus sampling.
    pub top_p: Option<Number>,
    /// Sampling from the most likely tokens.
    pub top_k: Option<u64>,
    /// A seed for sampling.
    pub seed: Option<i64>,
    /// Penalty for frequent tokens.
    pub frequency_penalty: Option<Number>,
    /// Penalty for tokens that occurred.
    pub presence_penalty: Option<Number>,
    /// How the model is to think.
    pub reasoning: Option<Reasoning>,
    /// The end user, as the caller names it.
    pub user: Option<String>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Members of the caller's body that have no place here, by their paths (`logit_bias`,
    /// `tools[2]`). They decide nothing; they are reported.
    pub others: Vec<String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Whoever set the conversation up (`system`, `developer`).
    System,
    /// The user; results of tools come from here, too.
    User,
    /// The model.
    Assistant,
}

/// What one of them says.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON schema of its arguments; `None` for a function without any.
    pub parameters: Option<Value>,
    /// Whether arguments must fit the schema.
    pub strict: Option<bool>,
    /// Whether the caller's tool takes free text: what its calls say is the text of one argument.
    pub freeform: bool,
    /// Whether the prompt up to here is to be kept in the provider's cache.
    pub cache: Option<Cache>,
}

/// Whether and which tool is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputFormat {
    /// Text.
    Text,
    /// Some JSON object.
    Json,
    /// JSON of this schema.
    Schema {
        /// Its name.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether the answer must fit it exactly.
        strict: Option<bool>,
    },
}

/// How a model is to think before it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// How hard.
    pub effort: Option<Effort>,
    /// For how many tokens at most. Zero: not at all.
    pub budget: Option<u64>,
    /// Whether thoughts, or a summary of them, are to be shown.
    pub show: Option<bool>,
}

/// How hard a model is to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as the model can.
    Minimal,
    /// A little.
    Low,
    /// Somewhat.
    Medium,
    /// Much.
    High,
    /// As much as it can.
    Highest,
}

impl Request {
    /// Adds a part to the conversation: to the last turn if it has this role, else to a new one.
    pub fn push(&mut self, role: Role, part: Part) {
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.parts.push(part),
            _ => self.turns.push(Turn {
                role,
                parts: vec![part],
            }),
        }
    }

    /// The texts that set the conversation up, wherever they stand.
    pub fn system_parts(&self) -> impl Iterator<Item = &Part> {
        self.turns
            .iter()
            .filter(|turn| turn.role == Role::System)
            .flat_map(|turn| &turn.parts)
    }

    /// Whether a system turn stands behind a turn of another role. Formats that have one place
    /// for all of them move it to the front.
    pub fn has_late_system(&self) -> bool {
        self.turns
            .iter()
            .skip(1)
            .any(|turn| turn.role == Role::System)
    }
}

impl Effort {
    /// The effort of this name in `OpenAI`'s words, and Anthropic's `max`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" | "max" => Self::Highest,
            _ => return None,
        })
    }

    /// The name in `OpenAI`'s words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Highest => "xhigh",
        }
    }

    /// The budget, in tokens, that stands for this effort where a provider counts thoughts.
    pub const fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 1024,
            Self::Low => 2048,
            Self::Medium => 8192,
            Self::High => 24_576,
            Self::Highest => 32_768,
        }
    }

    /// The effort that a budget of tokens comes closest to, from below.
    pub const fn of_budget(budget: u64) -> Self {
        match budget {
            0 => Self::None,
            1..=1024 => Self::Minimal,
            1025..=4096 => Self::Low,
            4097..=16_384 => Self::Medium,
            16_385..=28_672 => Self::High,
            _ => Self::Highest,
        }
    }
}

impl Reasoning {
    /// The effort: as asked for, or by the budget.
    pub fn effort(&self) -> Option<Effort> {
        self.effort.or(self.budget.map(Effort::of_budget))
    }

    /// The budget in tokens: as asked for, or by the effort.
    pub fn budget(&self) -> Option<u64> {
        self.budget.or(self.effort.map(Effort::budget))
    }
}

/// The arguments of a call as the object that some formats want. Arguments that are no JSON
/// object, as models now and then write, are kept whole under `_raw`.
pub fn arguments_object(arguments: &str) -> Map<String, Value> {
    if arguments.trim().is_empty() {
        return Map::new();
    }
    if let Ok(Value::Object(object)) = serde_json::from_str(arguments) {
        return object;
    }
    let mut object = Map::new();
    object.insert("_raw".to_owned(), Value::String(arguments.to_owned()));
    object
}
