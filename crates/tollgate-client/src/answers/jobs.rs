//! What comes back about jobs.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{said, said_or};

/// A job, as far as the answer tells.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Job {
    /// Its id.
    pub job_id: String,
    /// `pending`, `in_progress`, `completed` or `failed`.
    pub status: String,
    /// Its team.
    pub team_id: Option<String>,
    /// What kind of job it is.
    pub job_type: Option<String>,
    /// When it was made.
    pub created_at: Option<String>,
    /// When its first call was made.
    pub started_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
    /// What is kept with it.
    pub metadata: Option<Map<String, Value>>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What a job came to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct JobCosts {
    /// Its calls.
    #[serde(deserialize_with = "said")]
    pub total_calls: u64,
    /// Those that went well.
    #[serde(deserialize_with = "said")]
    pub successful_calls: u64,
    /// Those that did not.
    #[serde(deserialize_with = "said")]
    pub failed_calls: u64,
    /// The tokens of all of them.
    #[serde(deserialize_with = "said")]
    pub total_tokens: u64,
    /// What they cost, in USD, for display.
    #[serde(deserialize_with = "said")]
    pub total_cost_usd: f64,
    /// How long they took on average.
    #[serde(deserialize_with = "said")]
    pub avg_latency_ms: f64,
    /// Whether credits were taken.
    #[serde(deserialize_with = "said")]
    pub credit_applied: bool,
    /// What the team has left.
    pub credits_remaining: Option<f64>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A job that is over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct JobCompletion {
    /// Its id.
    pub job_id: String,
    /// `completed` or `failed`.
    pub status: String,
    /// What it came to.
    #[serde(default, deserialize_with = "said")]
    pub costs: JobCosts,
    /// When it ended.
    pub completed_at: Option<String>,
    /// Its calls.
    #[serde(default, deserialize_with = "said")]
    pub calls: Vec<Map<String, Value>>,
    /// What the team has left.
    pub credits_remaining: Option<f64>,
    /// How many calls it had.
    pub total_calls: Option<u64>,
    /// Anything else.
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
    #[serde(default, deserialize_with = "said")]
    pub response: Map<String, Value>,
    /// What it came to.
    #[serde(default, deserialize_with = "said")]
    pub costs: JobCosts,
    /// What is told of the call.
    #[serde(default, deserialize_with = "said")]
    pub metadata: Map<String, Value>,
    /// When it ended.
    pub completed_at: Option<String>,
    /// Anything else.
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

/// A job of a list, with what its calls come to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct JobSummary {
    /// Its id.
    pub job_id: String,
    /// `pending`, `in_progress`, `completed` or `failed`.
    pub status: String,
    /// What kind of job it is.
    pub job_type: Option<String>,
    /// For whom it was made.
    pub user_id: Option<String>,
    /// When it was made.
    pub created_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
    /// Its calls.
    #[serde(default, deserialize_with = "said")]
    pub total_calls: u64,
    /// Those that went well.
    #[serde(default, deserialize_with = "said")]
    pub successful_calls: u64,
    /// Those that did not.
    #[serde(default, deserialize_with = "said")]
    pub failed_calls: u64,
    /// The tokens of all of them.
    #[serde(default, deserialize_with = "said")]
    pub total_tokens: u64,
    /// What they cost, in USD, for display.
    #[serde(default, deserialize_with = "said")]
    pub total_cost_usd: f64,
    /// Whether credits were taken.
    #[serde(default, deserialize_with = "said")]
    pub credit_applied: bool,
    /// Why it failed.
    pub error_message: Option<String>,
    /// What is kept with it.
    #[serde(default, deserialize_with = "said")]
    pub job_metadata: Map<String, Value>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Jobs of a team, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TeamJobs {
    /// The team.
    #[serde(deserialize_with = "said")]
    pub team_id: String,
    /// How many there are.
    #[serde(deserialize_with = "said")]
    pub total: u64,
    /// Those that were asked for.
    #[serde(deserialize_with = "said")]
    pub jobs: Vec<JobSummary>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A page of the jobs of a team, as managers see them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct JobPage {
    /// The jobs of this page.
    #[serde(default, deserialize_with = "said")]
    pub jobs: Vec<JobSummary>,
    /// How many there are.
    #[serde(default, deserialize_with = "said")]
    pub total: u64,
    /// Which page this is, from 1 on.
    #[serde(default = "first", deserialize_with = "said_or_first")]
    pub page: u64,
    /// How many jobs a page has.
    #[serde(default, deserialize_with = "said")]
    pub page_size: u64,
    /// How many pages there are.
    #[serde(default, deserialize_with = "said")]
    pub total_pages: u64,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn first() -> u64 {
    1
}

fn said_or_first<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    said_or(deserializer, first)
}

/// The metadata of a job after a change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct MetadataOfJob {
    /// Its id.
    pub job_id: String,
    /// All of it.
    #[serde(default, deserialize_with = "said")]
    pub metadata: Map<String, Value>,
    /// When it was changed.
    pub updated_at: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What one call of a job cost.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CallCost {
    /// Its id.
    pub call_id: String,
    /// Who answered.
    pub model: Option<String>,
    /// What it was for.
    pub purpose: Option<String>,
    /// Tokens of the request.
    #[serde(default, deserialize_with = "said")]
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    #[serde(default, deserialize_with = "said")]
    pub completion_tokens: u64,
    /// What it cost, in USD, for display.
    #[serde(default, deserialize_with = "said")]
    pub cost_usd: f64,
    /// When it was made.
    pub created_at: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the calls of a job cost.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CallCosts {
    /// Together, in USD, for display.
    #[serde(deserialize_with = "said")]
    pub total_cost_usd: f64,
    /// Each of them.
    #[serde(deserialize_with = "said")]
    pub breakdown: Vec<CallCost>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A job and what its calls cost.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CostsOfJob {
    /// Its id.
    pub job_id: String,
    /// `pending`, `in_progress`, `completed` or `failed`.
    pub status: String,
    /// Its team.
    pub team_id: Option<String>,
    /// What kind of job it is.
    pub job_type: Option<String>,
    /// What its calls cost.
    #[serde(default, deserialize_with = "said")]
    pub costs: CallCosts,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the jobs of a month came to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UsageSummary {
    /// How many there were.
    #[serde(deserialize_with = "said")]
    pub total_jobs: u64,
    /// Those that were completed.
    #[serde(deserialize_with = "said")]
    pub successful_jobs: u64,
    /// Those that failed.
    #[serde(deserialize_with = "said")]
    pub failed_jobs: u64,
    /// What their calls cost, in USD, for display.
    #[serde(deserialize_with = "said")]
    pub total_cost_usd: f64,
    /// The tokens of their calls.
    #[serde(deserialize_with = "said")]
    pub total_tokens: u64,
    /// What one cost on average, in USD, for display.
    #[serde(deserialize_with = "said")]
    pub avg_cost_per_job: f64,
    /// The credits that they took.
    #[serde(deserialize_with = "said")]
    pub credits_used: u64,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the jobs of one kind came to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct KindUsage {
    /// How many there were.
    #[serde(deserialize_with = "said")]
    pub count: u64,
    /// What their calls cost, in USD, for display.
    #[serde(deserialize_with = "said")]
    pub cost_usd: f64,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the jobs of a team came to in a month.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TeamUsage {
    /// The team.
    #[serde(deserialize_with = "said")]
    pub team_id: String,
    /// The month, such as `2026-11`.
    #[serde(deserialize_with = "said")]
    pub period: String,
    /// All of them.
    #[serde(deserialize_with = "said")]
    pub summary: UsageSummary,
    /// Those of each kind.
    #[serde(deserialize_with = "said")]
    pub job_types: BTreeMap<String, KindUsage>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A call of a job, as managers see it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct JobCall {
    /// Its id.
    pub call_id: String,
    /// How it stands.
    pub status: String,
    /// Who answered.
    pub model: Option<String>,
    /// What it was for.
    pub purpose: Option<String>,
    /// Its tokens.
    #[serde(default, deserialize_with = "said")]
    pub total_tokens: u64,
    /// What it cost, in USD, for display.
    #[serde(default, deserialize_with = "said")]
    pub cost_usd: f64,
    /// How long it took.
    pub latency_ms: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A job with all of its calls.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct JobWithCalls {
    /// The job.
    pub job: Job,
    /// Its calls.
    #[serde(default, deserialize_with = "said")]
    pub calls: Vec<JobCall>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How many jobs the teams of an organization made, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OrganizationStats {
    /// The organization.
    #[serde(deserialize_with = "said")]
    pub organization_id: String,
    /// What it is called.
    #[serde(deserialize_with = "said")]
    pub organization_name: String,
    /// How many there are.
    #[serde(deserialize_with = "said")]
    pub total_jobs: u64,
    /// Those that were completed.
    #[serde(deserialize_with = "said")]
    pub completed_jobs: u64,
    /// Those that failed.
    #[serde(deserialize_with = "said")]
    pub failed_jobs: u64,
    /// Those that are open.
    #[serde(deserialize_with = "said")]
    pub in_progress_jobs: u64,
    /// How many teams made them.
    #[serde(deserialize_with = "said")]
    pub total_teams: u64,
    /// Their calls.
    #[serde(deserialize_with = "said")]
    pub total_llm_calls: u64,
    /// The tokens of their calls.
    #[serde(deserialize_with = "said")]
    pub total_tokens: u64,
    /// What their calls cost, in USD, for display.
    #[serde(deserialize_with = "said")]
    pub total_cost_usd: f64,
    /// The credits that they took.
    #[serde(deserialize_with = "said")]
    pub total_credits_used: u64,
    /// The teams with the most of them.
    #[serde(deserialize_with = "said")]
    pub top_teams: Vec<Map<String, Value>>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the jobs of an organization cost: by day, team, model and provider.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OrganizationAnalytics {
    /// Together, in USD, for display.
    #[serde(deserialize_with = "said")]
    pub total_spend: f64,
    /// Their calls.
    #[serde(deserialize_with = "said")]
    pub total_requests: u64,
    /// Those that went well.
    #[serde(deserialize_with = "said")]
    pub successful_requests: u64,
    /// Those that did not.
    #[serde(deserialize_with = "said")]
    pub failed_requests: u64,
    /// The tokens of all of them.
    #[serde(deserialize_with = "said")]
    pub total_tokens: u64,
    /// By day.
    #[serde(deserialize_with = "said")]
    pub daily_spend: Vec<Map<String, Value>>,
    /// By team, the dearest first.
    #[serde(deserialize_with = "said")]
    pub spend_per_team: Vec<Map<String, Value>>,
    /// By model, the dearest first.
    #[serde(deserialize_with = "said")]
    pub top_models: Vec<Map<String, Value>>,
    /// By provider.
    #[serde(deserialize_with = "said")]
    pub provider_usage: Vec<Map<String, Value>>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
