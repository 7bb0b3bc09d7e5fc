//! What comes back. Members that are not named here are kept in `more`.

mod jobs;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

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
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Message {
    /// Who speaks.
    #[serde(default = "assistant", deserialize_with = "said_or_assistant")]
    pub role: String,
    /// The text, if there is one.
    pub content: Option<String>,
    /// The functions that it wants called.
    pub tool_calls: Option<Vec<Map<String, Value>>>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            role: assistant(),
            content: None,
            tool_calls: None,
            more: Map::new(),
        }
    }
}

fn assistant() -> String {
    "assistant".to_owned()
}

fn said_or_assistant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    said_or(deserializer, assistant)
}

/// One answer of a model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Which one it is.
    #[serde(deserialize_with = "said")]
    pub index: u64,
    /// What was said.
    #[serde(deserialize_with = "said")]
    pub message: Message,
    /// Why it ended.
    pub finish_reason: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A whole answer. Within a job it also has `call_id`, `response` and `metadata`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(remote = "Self")]
pub struct ChatCompletion {
    /// The id of the answer.
    #[serde(default, deserialize_with = "said")]
    pub id: String,
    /// `chat.completion`.
    #[serde(default = "completion", deserialize_with = "said_or_completion")]
    pub object: String,
    /// When, in seconds since 1970.
    #[serde(default, deserialize_with = "said")]
    pub created: u64,
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
    pub response: Option<Map<String, Value>>,
    /// What is told of a job's call.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn completion() -> String {
    "chat.completion".to_owned()
}

fn said_or_completion<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    said_or(deserializer, completion)
}

impl<'de> Deserialize<'de> for ChatCompletion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::deserialize(deserializer)?;
        // Servers that answer a job's call in their own form only are read as well.
        if members.get("choices").is_none_or(Value::is_null)
            && let Some(Value::Object(said)) = members.get("response")
        {
            let part = |name| said.get(name).cloned().unwrap_or_default();
            let message = json!({"content": part("content")});
            let choice = json!({"message": message, "finish_reason": part("finish_reason")});
            members.insert("choices".to_owned(), Value::Array(vec![choice]));
            let id = members.get("id").unwrap_or(&Value::Null);
            if id.is_null() || id == "" {
                let id = members.get("call_id").cloned().unwrap_or_default();
                members.insert("id".to_owned(), id);
            }
        }
        Self::deserialize(Value::Object(members)).map_err(D::Error::custom)
    }
}

impl ChatCompletion {
    /// What the first choice says.
    pub fn text(&self) -> &str {
        let said = self.choices.first();
        let content = said.and_then(|choice| choice.message.content.as_deref());
        content.unwrap_or("")
    }
}

/// What one chunk adds to one answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChunkChoice {
    /// Which answer it is.
    #[serde(deserialize_with = "said")]
    pub index: u64,
    /// What is added; without the members of which nothing is said.
    #[serde(deserialize_with = "said_members")]
    pub delta: Map<String, Value>,
    /// The whole message, of servers that give it.
    pub message: Option<Map<String, Value>>,
    /// Why it ended, in the last chunk.
    pub finish_reason: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ChatChunk {
    /// The id of the answer.
    #[serde(default, deserialize_with = "said")]
    pub id: String,
    /// `chat.completion.chunk`.
    #[serde(default = "chunk", deserialize_with = "said_or_chunk")]
    pub object: String,
    /// When, in seconds since 1970.
    #[serde(default, deserialize_with = "said")]
    pub created: u64,
    /// Who answers.
    #[serde(default, deserialize_with = "said")]
    pub model: String,
    /// What it adds to each answer.
    #[serde(default, deserialize_with = "said")]
    pub choices: Vec<ChunkChoice>,
    /// What was counted, in the last chunk.
    pub usage: Option<Usage>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn chunk() -> String {
    "chat.completion.chunk".to_owned()
}

fn said_or_chunk<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    said_or(deserializer, chunk)
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
    /// `model`.
    #[serde(default = "model", deserialize_with = "said_or_model")]
    pub object: String,
    /// Who makes it.
    pub owned_by: Option<String>,
    /// Anything else: prices, context windows, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn model() -> String {
    "model".to_owned()
}

fn said_or_model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    said_or(deserializer, model)
}

#[derive(Deserialize)]
pub(crate) struct Models {
    pub(crate) data: Vec<Model>,
    /// Only objects are read where something else may stand in them.
    #[serde(flatten)]
    _more: Map<String, Value>,
}

/// What is said, or nothing where a server says `null`.
fn said<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    said_or(deserializer, T::default)
}

/// What is said, or something else where a server says `null`.
fn said_or<'de, D, T>(deserializer: D, otherwise: fn() -> T) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(otherwise))
}

/// The members of which something is said.
fn said_members<'de, D>(deserializer: D) -> Result<Map<String, Value>, D::Error>
where
    D: Deserializer<'de>,
{
    let mut members: Map<String, Value> = said(deserializer)?;
    members.retain(|_, value| !value.is_null());
    Ok(members)
}
