//! What can be asked of the gateway: addresses, bodies and timeouts.

use std::time::Duration;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::chat::ChatRequest;

const CREATE: Duration = Duration::from_secs(10);
const GET: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_mins(1);
const COMPLETE: Duration = Duration::from_secs(30);
const STREAM: Duration = Duration::from_mins(2);
const OTHER: Duration = Duration::from_secs(30);

/// What may stand as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What is asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The path without ids: what metrics and logs call it.
    pub(crate) endpoint: &'static str,
    /// How long it may take where the caller does not say.
    pub(crate) timeout: Duration,
    pub(crate) body: Option<Value>,
    pub(crate) is_stream: bool,
    /// Doing it twice is the same as once, even without an idempotency key.
    pub(crate) is_repeatable: bool,
}

impl Asked {
    fn get(path: String, endpoint: &'static str) -> Self {
        Self {
            method: Method::GET,
            path,
            endpoint,
            timeout: GET,
            body: None,
            is_stream: false,
            is_repeatable: true,
        }
    }

    fn post(path: String, endpoint: &'static str, timeout: Duration, body: Value) -> Self {
        Self {
            method: Method::POST,
            path,
            endpoint,
            timeout,
            body: Some(body),
            is_stream: false,
            is_repeatable: false,
        }
    }

    fn streamed(self) -> Self {
        Self {
            timeout: STREAM,
            is_stream: true,
            ..self
        }
    }

    pub(crate) fn chat(request: &ChatRequest) -> Self {
        let path = "/v1/chat/completions";
        let body = Value::Object(request.body());
        Self::post(path.to_owned(), "POST /v1/chat/completions", CALL, body)
    }

    pub(crate) fn chat_stream(request: &ChatRequest) -> Self {
        let mut body = request.body();
        body.insert("stream".to_owned(), Value::Bool(true));
        let path = "/v1/chat/completions".to_owned();
        let endpoint = "POST /v1/chat/completions (stream)";
        Self::post(path, endpoint, STREAM, Value::Object(body)).streamed()
    }

    pub(crate) fn models() -> Self {
        Self::get("/v1/models".to_owned(), "GET /v1/models")
    }

    pub(crate) fn create_job(body: Map<String, Value>) -> Self {
        let path = "/api/jobs/create".to_owned();
        Self::post(path, "POST /api/jobs/create", CREATE, Value::Object(body))
    }

    pub(crate) fn job_call(job: &str, request: &ChatRequest) -> Self {
        let endpoint = "POST /api/jobs/{id}/llm-call";
        let body = Value::Object(request.body());
        Self::post(of_job(job, "/llm-call"), endpoint, CALL, body)
    }

    pub(crate) fn job_stream(job: &str, request: &ChatRequest) -> Self {
        let endpoint = "POST /api/jobs/{id}/llm-call-stream";
        let body = Value::Object(request.body());
        Self::post(of_job(job, "/llm-call-stream"), endpoint, STREAM, body).streamed()
    }

    pub(crate) fn create_and_call(body: Map<String, Value>) -> Self {
        let path = "/api/jobs/create-and-call".to_owned();
        let endpoint = "POST /api/jobs/create-and-call";
        Self::post(path, endpoint, CALL, Value::Object(body))
    }

    pub(crate) fn create_and_call_stream(body: Map<String, Value>) -> Self {
        let path = "/api/jobs/create-and-call-stream".to_owned();
        let endpoint = "POST /api/jobs/create-and-call-stream";
        Self::post(path, endpoint, STREAM, Value::Object(body)).streamed()
    }

    pub(crate) fn update_metadata(job: &str, metadata: &Map<String, Value>) -> Self {
        let path = of_job(job, "/metadata");
        let body = json!({ "metadata": metadata });
        Self {
            method: Method::PATCH,
            // What was added already is replaced by the same.
            is_repeatable: true,
            ..Self::post(path, "PATCH /api/jobs/{id}/metadata", OTHER, body)
        }
    }

    pub(crate) fn job_costs(job: &str) -> Self {
        Self::get(of_job(job, "/costs"), "GET /api/jobs/{id}/costs")
    }

    pub(crate) fn list_jobs(team: &str, query: &[(&str, &str)]) -> Self {
        let path = format!("/api/teams/{}/jobs{}", segment(team), asking(query));
        Self::get(path, "GET /api/teams/{id}/jobs")
    }

    pub(crate) fn team_usage(team: &str, period: &str) -> Self {
        let query = asking(&[("period", period)]);
        let path = format!("/api/teams/{}/usage{query}", segment(team));
        Self::get(path, "GET /api/teams/{id}/usage")
    }

    pub(crate) fn jobs_of_team(team: &str, query: &[(&str, &str)]) -> Self {
        let path = format!("/api/jobs/teams/{}{}", segment(team), asking(query));
        Self::get(path, "GET /api/jobs/teams/{id}")
    }

    pub(crate) fn job_of_team(team: &str, job: &str) -> Self {
        let path = format!("/api/jobs/teams/{}/{}", segment(team), segment(job));
        Self::get(path, "GET /api/jobs/teams/{id}/{id}")
    }

    pub(crate) fn organization_stats(organization: &str, query: &[(&str, &str)]) -> Self {
        let endpoint = "GET /api/jobs/organizations/{id}/stats";
        Self::get(of_organization(organization, "stats", query), endpoint)
    }

    pub(crate) fn organization_analytics(organization: &str, query: &[(&str, &str)]) -> Self {
        let endpoint = "GET /api/jobs/organizations/{id}/analytics";
        Self::get(of_organization(organization, "analytics", query), endpoint)
    }

    pub(crate) fn get_job(job: &str) -> Self {
        Self::get(of_job(job, ""), "GET /api/jobs/{id}")
    }

    pub(crate) fn complete_job(job: &str, body: Map<String, Value>) -> Self {
        let endpoint = "POST /api/jobs/{id}/complete";
        let body = Value::Object(body);
        Self::post(of_job(job, "/complete"), endpoint, COMPLETE, body)
    }
}

fn of_job(job: &str, rest: &str) -> String {
    format!("/api/jobs/{}{rest}", segment(job))
}

fn of_organization(organization: &str, what: &str, query: &[(&str, &str)]) -> String {
    let organization = segment(organization);
    let query = asking(query);
    format!("/api/jobs/organizations/{organization}/{what}{query}")
}

/// An id as one segment of a path.
fn segment(id: &str) -> PercentEncode<'_> {
    utf8_percent_encode(id, SEGMENT)
}

/// A query with its question mark; nothing if it asks nothing.
fn asking(query: &[(&str, &str)]) -> String {
    let pairs = query
        .iter()
        .map(|(name, value)| format!("{}={}", segment(name), segment(value)));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}
