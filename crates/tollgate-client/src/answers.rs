//! What comes back. Members that are not named here are kept in `more`.

mod jobs;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use jobs::{
    CallCost, CallCosts, CostsOfJob, Job, JobCall, JobCompletion, JobCosts, JobPage, JobSummary,
    JobWithCalls, KindUsage, MetadataOfJob, OrganizationAnalytics, OrganizationStats, SingleCall,
    TeamJobs, TeamUsage, UsageSummary,
};

/// How many tokens were counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the request.
    #[serde(deserialize_with = "said")]
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    #[serde(deserialize_with = "said")]
    pub completion_tokens: u64,
    /// Both.
    #[serde(deserialize_with = "said")]
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
    #[serde(deserialize_with = "said")]
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
    #[serde(deserialize_with = "said")]
    pub index: u32,
    /// What was said.
    #[serde(deserialize_with = "said")]
    pub message: Message,
    /// Why it ended.
    pub finish_reason: Option<String>,
}

/// A whole answer. Within a job it also has `call_id`, `response` and `metadata`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ChatCompletion {
    /// The id of the answer.
    #[serde(default, deserialize_with = "said")]
    pub id: String,
    /// Who answered.
    #[serde(default, deserialize_with = "said")]
    pub model: String,
    /// The answers.
    #[serde(default, deserialize_with = "said")]
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
    #[serde(deserialize_with = "said")]
    pub index: u32,
    /// What is added.
    #[serde(deserialize_with = "said")]
    pub delta: Map<String, Value>,
    /// Why it ended, in the last chunk.
    pub finish_reason: Option<String>,
}

/// A piece of an answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChatChunk {
    /// The id of the answer.
    #[serde(deserialize_with = "said")]
    pub id: String,
    /// Who answers.
    #[serde(deserialize_with = "said")]
    pub model: String,
    /// What it adds to each answer.
    #[serde(deserialize_with = "said")]
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

/// What is said, or nothing where a server says `null`.
fn said<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
