//! How answers look, and what goes on of a request.

use tollgate_core::money::Money;
use tollgate_core::reply::Answer;
use tollgate_engine::port::Delivery;

use super::*;
use crate::testing;

fn called(reply: Reply, form: StreamForm) -> Called {
    Called {
        served: Served {
            delivery: Delivery {
                reply,
                provider_request_id: Some("p-1".into()),
                lost: Vec::new(),
                estimated: false,
            },
            answered: Arc::clone(&testing::route().targets[0]),
            permit: None,
        },
        form,
    }
}

fn answer() -> Reply {
    Reply::Answer(Answer {
        body: Bytes::from_static(b"{}"),
        usage: None,
        finish: None,
    })
}

#[tokio::test]
async fn an_answer_says_what_was_lost_and_what_is_estimated() {
    let request = testing::request("/v1/messages");
    let mut called = called(answer(), StreamForm::Messages);
    let plain = respond(
        testing::record().await,
        self::called(answer(), StreamForm::Messages),
        &request,
    );
    assert_eq!(plain.status(), 200);
    assert_eq!(plain.headers()[CONTENT_TYPE], "application/json");
    assert!(!plain.headers().contains_key("x-tollgate-unsupported"));
    assert!(!plain.headers().contains_key("x-tollgate-estimated"));
    called.served.delivery.lost = vec!["top_k".to_owned(), "tools[2]".to_owned()];
    called.served.delivery.estimated = true;
    let told = respond(testing::record().await, called, &request);
    assert_eq!(told.headers()["x-tollgate-unsupported"], "top_k, tools[2]");
    assert_eq!(told.headers()["x-tollgate-estimated"], "tokens");
    assert_eq!(told.headers()["x-tollgate-provider-request-id"], "p-1");
}

#[tokio::test]
async fn an_answer_says_what_it_costs_where_that_is_known() {
    let request = testing::request("/v1/chat/completions");
    for (cost, told) in [
        (None, None),
        (Some(0), Some("0.00")),
        (Some(12_500), Some("0.0000125")),
        (Some(3_000_000_001), Some("3.000000001")),
    ] {
        let mut record = testing::record().await;
        record.facts.cost = cost.map(Money::from_nano);
        let answer = respond(record, called(answer(), StreamForm::Chunks), &request);
        let header = answer.headers().get("x-tollgate-cost-usd");
        assert_eq!(header.map(|value| value.to_str().unwrap()), told);
    }
}

#[tokio::test]
async fn a_stream_has_the_media_type_of_its_form_and_always_status_200() {
    for (format, array, media_type) in [
        (Format::OpenAi, false, "text/event-stream"),
        (Format::Completions, false, "text/event-stream"),
        (Format::Responses, false, "text/event-stream"),
        (Format::Anthropic, false, "text/event-stream"),
        (Format::Gemini, false, "text/event-stream"),
        (Format::Gemini, true, "application/json"),
    ] {
        let pieces = testing::silent_after(vec![Ok(testing::content("x"))]);
        let called = called(Reply::Stream(pieces), StreamForm::of(format, array));
        let request = testing::request("/v1/chat/completions");
        let response = respond(testing::record().await, called, &request);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], media_type, "{format:?}");
    }
}

#[test]
fn only_listed_headers_and_parameters_go_on() {
    let mut headers = HeaderMap::new();
    for name in [
        "authorization",
        "x-api-key",
        "x-goog-api-key",
        "cookie",
        "anthropic-version",
        "anthropic-beta",
        "openai-beta",
        "openai-organization",
        "user-agent",
        "x-claude-code-session-id",
        "traceparent",
    ] {
        headers.insert(name, HeaderValue::from_static("x"));
    }
    headers.insert("x-tollgate-session", HeaderValue::from_static("x"));
    let (wishes, carried) = read_head(&headers).unwrap();
    assert_eq!(wishes.session.as_deref(), Some("x"));
    let mut names: Vec<_> = carried.into_iter().map(|(name, _)| name).collect();
    names.sort();
    let expected = [
        "anthropic-beta",
        "anthropic-version",
        "openai-beta",
        "traceparent",
        "user-agent",
        "x-claude-code-session-id",
    ];
    assert_eq!(names, expected);
    for (format, expected) in [
        (Format::Anthropic, Some("beta=true")),
        (Format::Gemini, None),
        (Format::OpenAi, None),
    ] {
        let query = Query::new(Some("key=secret&beta=true&alt=sse"));
        let carried = query.only(carried_parameters(format));
        assert_eq!(carried.as_deref(), expected, "{format:?}");
    }
}
