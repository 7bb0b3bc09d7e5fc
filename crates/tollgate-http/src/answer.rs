//! A failure becomes an answer: the only place that sets the status of an error.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tollgate_core::error::dialect::{Context, Dialect};
use tollgate_core::error::{Failure, trail};
use tollgate_core::limit::ShortText;
use tollgate_core::money::UsdText;
use tollgate_engine::hold::Warning;

use crate::gateway::Gateway;
use crate::head::Head;
use crate::limits::{self, Words};
use crate::outgoing::Outgoing;
use crate::record::{Facts, Record};
use crate::request_id::RequestId;
use crate::routes;
use crate::surface::jobs::Tail;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const MODEL: HeaderName = HeaderName::from_static("x-tollgate-model");
const CONNECTION: HeaderName = HeaderName::from_static("x-tollgate-connection");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-tollgate-attempts");
const PROVIDER_REQUEST_ID: HeaderName = HeaderName::from_static("x-tollgate-provider-request-id");
const JOB_ID: HeaderName = HeaderName::from_static("x-tollgate-job-id");
const CALL_ID: HeaderName = HeaderName::from_static("x-tollgate-call-id");
const TRAIL: HeaderName = HeaderName::from_static("x-tollgate-trail");
const COST: HeaderName = HeaderName::from_static("x-tollgate-cost-usd");
const UNSUPPORTED: HeaderName = HeaderName::from_static("x-tollgate-unsupported");
const ESTIMATED: HeaderName = HeaderName::from_static("x-tollgate-estimated");
/// The most bytes of paths in a header: many clients and proxies refuse heads above 8 KiB.
const LONGEST_PATHS: usize = 1024;

/// Puts the id of the request into an answer, under both names that SDKs read.
pub(crate) fn identify(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(REQUEST_ID, id.header());
    headers.insert(ANTHROPIC_REQUEST_ID, id.header());
}

/// Says how many attempts were made, and tells each of them to who asked for that.
pub(crate) fn tell_attempts(head: &mut Head, facts: &Facts) {
    let count = ShortText::number(facts.trail.len().into());
    head.tell(ATTEMPTS, count.as_str());
    if facts.tells_trail {
        let line = trail::line(facts.trail.records(), trail::LONGEST);
        if !line.is_empty() {
            head.tell(TRAIL, &line);
        }
    }
}

/// Says what the call costs, if that is known.
pub(crate) fn tell_cost(head: &mut Head, facts: &Facts) {
    if let Some(cost) = facts.cost {
        head.tell(COST, UsdText::of(cost).as_str());
    }
}

/// Says who answers, or was to answer.
pub(crate) fn tell_route(head: &mut Head, facts: &Facts) {
    for (name, value) in [(MODEL, facts.model()), (CONNECTION, facts.connection())] {
        if let Some(value) = value {
            head.tell(name, value);
        }
    }
}

/// Names the parts of the request that the provider could not be told, if there are any.
pub(crate) fn tell_unsupported(headers: &mut HeaderMap, lost: &[String]) {
    if lost.is_empty() {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&paths(lost)) {
        headers.insert(UNSUPPORTED, value);
    }
}

/// The paths in one line, as far as they fit. They hold names that the caller made up: what would
/// end a name or a header is written as a question mark.
fn paths(lost: &[String]) -> String {
    let mut line = String::new();
    for (index, path) in lost.iter().enumerate() {
        if line.len() + path.len() > LONGEST_PATHS {
            let rest = lost.len() - index;
            let and = if index > 0 { ", and " } else { "" };
            // Writing to a String cannot fail.
            _ = write!(line, "{and}{rest} more");
            break;
        }
        line.push_str(if index > 0 { ", " } else { "" });
        line.extend(path.chars().map(|letter| match letter {
            ',' => '?',
            plain if plain.is_ascii_graphic() => plain,
            _ => '?',
        }));
    }
    line
}

/// Warns of budgets and credits that come to their end.
pub(crate) fn tell_money(headers: &mut HeaderMap, facts: &Facts) {
    let Some(warnings) = &facts.warnings else {
        return;
    };
    if let Some(Warning { level, reading }) = &warnings.budget {
        let text = format!(
            "{} {}: {} of {} USD spent",
            level.as_str(),
            reading.period.as_str(),
            reading.spent,
            reading.limit
        );
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert("x-tollgate-budget-warning", text);
        }
    }
    if let Some(balance) = warnings.balance
        && let Ok(text) = HeaderValue::try_from(balance.to_string())
    {
        headers.insert("x-tollgate-low-balance-usd", text);
    }
}

/// Says where the caller stands with its limits, if it has any.
pub(crate) fn tell_limits(head: &mut Head, record: &Record, dialect: impl FnOnce() -> Dialect) {
    let standings = record.standings();
    if standings.is_none() {
        return;
    }
    let words = if record.facts.surface.starts_with("anthropic_") {
        Words::Anthropic
    } else if dialect() == Dialect::LangMart {
        Words::LangMart
    } else {
        Words::Common
    };
    limits::tell(head, &standings, record.gateway().now(), words);
}

/// Says that the number of tokens is an estimate of ours.
pub(crate) fn tell_estimated(headers: &mut HeaderMap) {
    headers.insert(ESTIMATED, HeaderValue::from_static("tokens"));
}

/// The same body with the `detail` of seed 001 beside the error, for addresses that both share.
fn with_detail(body: String, failure: &Failure, context: &Context<'_>) -> String {
    let theirs = Dialect::DetailJobs.render(failure, context).body;
    let read = |text: &str| serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(text);
    let (Ok(mut whole), Ok(mut theirs)) = (read(&body), read(&theirs)) else {
        return body;
    };
    if let Some(detail) = theirs.remove("detail") {
        whole.insert("detail".to_owned(), detail);
    }
    serde_json::Value::Object(whole).to_string()
}

/// How a request that failed was asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// In which dialect it is answered.
    pub(crate) dialect: Dialect,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) path: &'a str,
}

/// Renders a failure for the caller, and notes it in the record.
pub(crate) fn refuse(
    mut record: Record,
    failure: &Failure,
    asked: Asked<'_>,
) -> Response<Outgoing> {
    let Asked {
        dialect, headers, ..
    } = asked;
    record.fail(failure);
    let gateway = record.gateway();
    let settings = gateway.settings();
    let context = context(
        gateway,
        &record.facts.id,
        &settings.public_url,
        is_claude_code(headers),
    );
    let mut rendered = dialect.render(failure, &context);
    if dialect == Dialect::OpenAi && routes::is_shared_with_seed_001(asked.path) {
        rendered.body = with_detail(rendered.body, failure, &context);
    }
    let (body, content_type, status) = match dialect.passes_through(failure) {
        Some(answer) => {
            let content_type = answer
                .content_type
                .clone()
                .map(HeaderValue::from_maybe_shared);
            (
                answer.body.clone(),
                content_type.and_then(Result::ok),
                answer.status,
            )
        }
        None => (Bytes::from(rendered.body), None, rendered.status),
    };
    let content_type =
        content_type.unwrap_or_else(|| HeaderValue::from_static(rendered.content_type));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    record.facts.status = status.as_u16();
    if let Some(texts) = &mut record.facts.texts {
        texts.answer(&body);
    }
    let id = record.facts.id.clone();
    let mut head = Head::with_room(12);
    head.headers.insert(CONTENT_TYPE, content_type);
    identify(&mut head.headers, &id);
    if !record.facts.trail.is_empty() {
        tell_attempts(&mut head, &record.facts);
    }
    tell_route(&mut head, &record.facts);
    tell_limits(&mut head, &record, || dialect);
    for (name, value) in rendered.headers {
        head.tell(HeaderName::from_static(name), &value);
    }
    if let Some(id) = failure.provider_request_id.as_deref() {
        tell_provider_request_id(&mut head, id);
    }
    let mut response = Response::new(Outgoing::Recorded(body, Some(Box::new(record))));
    *response.status_mut() = status;
    *response.headers_mut() = head.headers;
    response
}

/// Names the job of a stream and its call: the events of a stream do not.
pub(crate) fn tell_job(head: &mut Head, tail: &Tail) {
    let (job, call) = tail.ids();
    head.tell(JOB_ID, &job.to_string());
    if let Some(call) = call {
        head.tell(CALL_ID, &call.to_string());
    }
}

/// Passes on the provider's id of the exchange.
pub(crate) fn tell_provider_request_id(head: &mut Head, id: &str) {
    head.tell(PROVIDER_REQUEST_ID, id);
}

/// Whether the caller says that it is Claude Code.
pub(crate) fn is_claude_code(request: &HeaderMap) -> bool {
    request
        .get(USER_AGENT)
        .is_some_and(|agent| agent.as_bytes().starts_with(b"claude-cli/"))
}

/// What a rendering needs to know of the request.
pub(crate) fn context<'a>(
    gateway: &Gateway,
    id: &'a RequestId,
    public_url: &'a str,
    claude_code: bool,
) -> Context<'a> {
    Context {
        request_id: id.as_str(),
        public_url,
        now: gateway.now(),
        claude_code,
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::error::{Code, ProviderAnswer};
    use tollgate_core::format::Format;

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn a_providers_complaint_passes_byte_for_byte_to_callers_of_its_format_alone() {
        const BODY: &[u8] = b"{ \"type\":\"error\",\r\n \"error\": {\"message\" :\"too long\"}}\n";
        for (format, own) in [
            (Format::OpenAi, Dialect::OpenAi),
            (Format::Anthropic, Dialect::Anthropic),
            (Format::Gemini, Dialect::Gemini),
        ] {
            for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini] {
                let mut failure = Failure::provider(Code::ContextLengthExceeded, "openai");
                failure.passthrough = Some(ProviderAnswer {
                    format,
                    status: 413,
                    content_type: Some(Bytes::from_static(b"application/json; charset=UTF-8")),
                    body: Bytes::from_static(BODY),
                });
                let record = testing::record().await;
                let asked = Asked {
                    dialect,
                    headers: &HeaderMap::new(),
                    path: "/v1/chat/completions",
                };
                let response = refuse(record, &failure, asked);
                let passed = dialect == own;
                let code = &response.headers()["x-tollgate-error-code"];
                assert_eq!(code, "context_length_exceeded");
                assert_eq!(response.status() == 413, passed, "{format:?} {dialect:?}");
                let media_type = response.headers()[CONTENT_TYPE].to_str().unwrap();
                assert_eq!(media_type.ends_with("charset=UTF-8"), passed);
                let body = testing::body(response.into_body()).await;
                assert_eq!(body.as_bytes() == BODY, passed, "{format:?} {dialect:?}");
            }
        }
    }

    #[test]
    fn what_the_provider_could_not_be_told_fits_into_a_header() {
        let lost = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut headers = HeaderMap::new();
        tell_unsupported(&mut headers, &[]);
        assert!(headers.is_empty());
        tell_unsupported(&mut headers, &lost(&["top_k", "tools[2]"]));
        assert_eq!(headers["x-tollgate-unsupported"], "top_k, tools[2]");
        tell_unsupported(&mut headers, &lost(&["a,b\r\nc d\u{e9}"]));
        assert_eq!(headers["x-tollgate-unsupported"], "a?b??c?d?");
        tell_unsupported(&mut headers, &lost(&[&"x".repeat(5000)]));
        assert_eq!(headers["x-tollgate-unsupported"], "1 more");
        let many: Vec<_> = (0..500).map(|index| format!("m[{index}]")).collect();
        tell_unsupported(&mut headers, &many);
        let told = headers["x-tollgate-unsupported"].to_str().unwrap();
        assert!(told.len() < 1100, "{}", told.len());
        let named = told.matches("m[").count();
        assert!(
            told.ends_with(&format!(", and {} more", 500 - named)),
            "{told}"
        );
    }
}
