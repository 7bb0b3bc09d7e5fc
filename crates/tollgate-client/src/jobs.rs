//! Jobs: several calls that are paid as one.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answers::{
    ChatCompletion, CostsOfJob, Job, JobCompletion, MetadataOfJob, SingleCall, TeamJobs, TeamUsage,
};
use crate::asked::Asked;
use crate::chat::ChatRequest;
use crate::client::{BadSetting, Client};
use crate::failure::{Error, Kind};
use crate::stream::ChatStream;

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It did what it was for.
    Completed,
    /// It did not, and why; it costs nothing.
    Failed(String),
}

/// The jobs of one team.
#[derive(Clone, Debug)]
pub struct Jobs {
    client: Client,
    team_id: String,
}

impl Jobs {
    pub(crate) fn new(client: Client, team_id: String) -> Self {
        Self { client, team_id }
    }

    /// The jobs of the team to which the key belongs.
    pub fn connect(base_url: &str, team_id: &str, virtual_key: &str) -> Result<Self, BadSetting> {
        Ok(Client::new(base_url, virtual_key)?.jobs(team_id))
    }

    /// The client that asks.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes a job and returns its id.
    pub async fn create_job(
        &self,
        job_type: &str,
        metadata: Map<String, Value>,
    ) -> Result<String, Error> {
        self.create(with_metadata(self.of_team(job_type), metadata))
            .await
    }

    /// The same for one of the team's own users.
    pub async fn create_job_for(
        &self,
        user_id: &str,
        job_type: &str,
        metadata: Map<String, Value>,
    ) -> Result<String, Error> {
        let mut body = self.of_team(job_type);
        body.insert("user_id".to_owned(), user_id.into());
        self.create(with_metadata(body, metadata)).await
    }

    async fn create(&self, body: Map<String, Value>) -> Result<String, Error> {
        let asked = self.client.begin(Asked::create_job(body))?;
        Ok(asked.answer::<Job>().await?.job_id)
    }

    /// One call of a job.
    pub async fn chat(&self, job: &str, request: &ChatRequest) -> Result<ChatCompletion, Error> {
        let asked = self.client.begin(Asked::job_call(job, request))?;
        asked.answer().await
    }

    /// One call of a job, as it comes.
    pub async fn chat_stream(&self, job: &str, request: &ChatRequest) -> Result<ChatStream, Error> {
        ChatStream::open(self.client.begin(Asked::job_stream(job, request))?).await
    }

    /// One call of a job whose answer is an object with this JSON schema, which is called `name`.
    pub async fn structured_output<T: DeserializeOwned>(
        &self,
        job: &str,
        request: &ChatRequest,
        (name, schema): (&str, Value),
    ) -> Result<T, Error> {
        let form = json!({
            "type": "json_schema",
            "json_schema": { "name": name, "schema": schema },
        });
        let request = request.clone().with("response_format", form);
        let said = self.chat(job, &request).await?;
        serde_json::from_str(said.text()).map_err(|problem| {
            let message = format!("the model did not answer with a {name}: {problem}");
            let code = "structured_output_mismatch";
            let mut error = Error::passing(Kind::InvalidResponse, code, message);
            error.details = Some(json!({ "text": said.text() }));
            error
        })
    }

    /// A job of one call, made and completed at once.
    pub async fn create_and_call(
        &self,
        job_type: &str,
        request: &ChatRequest,
    ) -> Result<SingleCall, Error> {
        let mut body = self.of_team(job_type);
        body.extend(request.body());
        let asked = self.client.begin(Asked::create_and_call(body))?;
        asked.answer().await
    }

    /// A job of one call, as the answer comes; the stream has the id of the job, which is over with it.
    pub async fn create_and_call_stream(
        &self,
        job_type: &str,
        request: &ChatRequest,
    ) -> Result<ChatStream, Error> {
        let mut body = self.of_team(job_type);
        body.extend(request.body());
        let asked = self.client.begin(Asked::create_and_call_stream(body))?;
        ChatStream::open(asked).await
    }

    /// A job as it stands.
    pub async fn get_job(&self, job: &str) -> Result<Job, Error> {
        self.client.begin(Asked::get_job(job))?.answer().await
    }

    /// Ends a job.
    pub async fn complete_job(&self, job: &str, ending: Ending) -> Result<JobCompletion, Error> {
        self.complete_job_with(job, ending, Map::new()).await
    }

    /// Ends a job, and adds members to its metadata.
    pub async fn complete_job_with(
        &self,
        job: &str,
        ending: Ending,
        metadata: Map<String, Value>,
    ) -> Result<JobCompletion, Error> {
        let mut body = with_metadata(Map::new(), metadata);
        let status = match ending {
            Ending::Completed => "completed",
            Ending::Failed(why) => {
                body.insert("error_message".to_owned(), why.into());
                "failed"
            }
        };
        body.insert("status".to_owned(), status.into());
        let asked = self.client.begin(Asked::complete_job(job, body))?;
        asked.answer().await
    }

    /// Adds members to the metadata of a job; those of the same name are replaced.
    pub async fn update_metadata(
        &self,
        job: &str,
        metadata: &Map<String, Value>,
    ) -> Result<MetadataOfJob, Error> {
        let asked = self.client.begin(Asked::update_metadata(job, metadata))?;
        asked.answer().await
    }

    /// What each call of a job cost.
    pub async fn job_costs(&self, job: &str) -> Result<CostsOfJob, Error> {
        self.client.begin(Asked::job_costs(job))?.answer().await
    }

    /// The jobs of the team, the latest first. The query may have `status`, `limit` and `offset`.
    pub async fn list_jobs(&self, query: &[(&str, &str)]) -> Result<TeamJobs, Error> {
        let asked = Asked::list_jobs(&self.team_id, query);
        self.client.begin(asked)?.answer().await
    }

    /// What the jobs of a month, such as `2026-11`, came to.
    pub async fn team_usage(&self, period: &str) -> Result<TeamUsage, Error> {
        let asked = Asked::team_usage(&self.team_id, period);
        self.client.begin(asked)?.answer().await
    }

    fn of_team(&self, job_type: &str) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("team_id".to_owned(), self.team_id.as_str().into());
        body.insert("job_type".to_owned(), job_type.into());
        body
    }
}

fn with_metadata(mut body: Map<String, Value>, metadata: Map<String, Value>) -> Map<String, Value> {
    if !metadata.is_empty() {
        body.insert("metadata".to_owned(), Value::Object(metadata));
    }
    body
}
