//! What comes back. Members that are not named here are kept in `more`.

use serde::Deserialize;
use serde_json::{Map, Value};

/// How many tokens were counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What a model said.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Who speaks.
    pub role: String,
    /// The text, if there is one.
    pub content: Option<String>,
    /// Anything else: `tool_calls`, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One answer of a model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Which one it is.
    pub index: u32,
    /// What was said.
    pub message: Message,
    /// Why it ended.
    pub finish_reason: Option<String>,
}

/// A whole answer. Within a job it also has `call_id`, `response` and `metadata`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ChatCompletion {
    /// The id of the answer.
    #[serde(default)]
    pub id: String,
    /// Who answered.
    #[serde(default)]
    pub model: String,
    /// The answers.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// What was counted.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// The id of a job's call.
    #[serde(default)]
    pub call_id: Option<String>,
    /// The answer in the form of jobs: `content` and `finish_reason`.
    #[serde(default)]
    pub response: Option<Value>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ChatCompletion {
    /// What the first choice says. Servers that answer a job's call in their own form only are
    /// read as well.
    pub fn text(&self) -> &str {
        let of_choice = self
            .choices
            .first()
            .map(|choice| choice.message.content.as_deref().unwrap_or(""));
        let of_response = || self.response.as_ref()?.get("content")?.as_str();
        of_choice.or_else(of_response).unwrap_or("")
    }
}

/// What one chunk adds to one answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChunkChoice {
    /// Which answer it is.
    pub index: u32,
    /// What is added.
    pub delta: Map<String, Value>,
    /// Why it ended, in the last chunk.
    pub finish_reason: Option<String>,
}

/// A piece of an answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChatChunk {
    /// The id of the answer.
    pub id: String,
    /// Who answers.
    pub model: String,
    /// What it adds to each answer.
    pub choices: Vec<ChunkChoice>,
    /// What was counted, in the last chunk.
    pub usage: Option<Usage>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ChatChunk {
    /// What this chunk adds to the text of the first answer.
    pub fn text(&self) -> &str {
        let delta = self.choices.first().map(|choice| &choice.delta);
        let content = delta.and_then(|delta| delta.get("content"));
        content.and_then(Value::as_str).unwrap_or("")
    }
}

/// A model that may be asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Model {
    /// Its name.
    pub id: String,
    /// Anything else: prices, context windows, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Deserialize)]
pub(crate) struct Models {
    pub(crate) data: Vec<Model>,
}

/// A job, as far as the answer tells.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Job {
    /// Its id.
    pub job_id: String,
    /// `pending`, `in_progress`, `completed` or `failed`.
    pub status: String,
    /// Anything else: `team_id`, `job_type`, `metadata`, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What a job came to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct JobCosts {
    /// Its calls.
    pub total_calls: u64,
    /// Those that went well.
    pub successful_calls: u64,
    /// Those that did not.
    pub failed_calls: u64,
    /// The tokens of all of them.
    pub total_tokens: u64,
    /// What they cost, in USD, for display.
    pub total_cost_usd: f64,
    /// How long they took on average.
    pub avg_latency_ms: f64,
    /// Whether credits were taken.
    pub credit_applied: bool,
    /// What the team has left.
    pub credits_remaining: Option<f64>,
}

/// A job that is over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct JobCompletion {
    /// Its id.
    pub job_id: String,
    /// `completed` or `failed`.
    pub status: String,
    /// What it came to.
    #[serde(default)]
    pub costs: JobCosts,
    /// Anything else: `completed_at`, `calls`, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A job of one call, made and completed at once.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SingleCall {
    /// Its id.
    pub job_id: String,
    /// `completed`.
    pub status: String,
    /// The answer: `content` and `finish_reason`.
    #[serde(default)]
    pub response: Map<String, Value>,
    /// What it came to.
    #[serde(default)]
    pub costs: JobCosts,
    /// Anything else: `metadata`, `completed_at`, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl SingleCall {
    /// What the model said.
    pub fn text(&self) -> &str {
        let content = self.response.get("content");
        content.and_then(Value::as_str).unwrap_or("")
    }
}
