//! The client of the gateway: chat, streams and jobs for programs, management for operators.
//!
//! What fails is an [`Error`] with a [`Kind`], a code and a request id. What may help is done
//! without being asked for: requests are sent again after waits ([`RetryPolicy`]), under one
//! idempotency key, and a gateway that keeps failing is left alone ([`CircuitBreaker`]). The Python
//! package `tollgate` behaves the same; one table of cases, `clients/table/cases.json`, is the test
//! of both.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tollgate_client::{ChatRequest, Client};
//!
//! let client = Client::new("http://127.0.0.1:4000", "sk-tg-…")?;
//! let mut stream = client.chat_stream(&ChatRequest::user("Tell me a story.")).await?;
//! while let Some(chunk) = stream.next().await {
//!     print!("{}", chunk?.text());
//! }
//! # Ok(())
//! # }
//! ```

mod admin;
mod answers;
mod asked;
mod breaker;
mod chat;
mod client;
mod clock;
mod connect;
mod exchange;
mod failure;
mod jobs;
mod metrics;
mod reports;
mod retry;
mod stream;

pub use admin::Call;
pub use answers::{
    CallCost, CallCosts, ChatChunk, ChatCompletion, Choice, ChunkChoice, CostsOfJob, Job, JobCall,
    JobCompletion, JobCosts, JobPage, JobSummary, JobWithCalls, KindUsage, Message, MetadataOfJob,
    Model, OrganizationAnalytics, OrganizationStats, SingleCall, TeamJobs, TeamUsage, Usage,
    UsageSummary,
};
pub use breaker::{CircuitBreaker, State};
pub use chat::ChatRequest;
pub use client::{BadSetting, Builder, Client};
pub use clock::{Clock, Wait};
pub use failure::{Error, Facts, Kind};
pub use jobs::{Ending, Jobs};
pub use metrics::{Metrics, Stats};
pub use retry::RetryPolicy;
pub use stream::ChatStream;
