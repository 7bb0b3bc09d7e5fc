//! What can be asked of the gateway: addresses, bodies and timeouts.

use std::time::Duration;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::chat::ChatRequest;

const CREATE: Duration = Duration::from_secs(10);
const GET: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_mins(1);
const COMPLETE: Duration = Duration::from_secs(30);
const STREAM: Duration = Duration::from_mins(2);

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
    format!("/api/jobs/{}{rest}", utf8_percent_encode(job, SEGMENT))
}
