//! What arrives at the provider.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tollgate_core::secret::Secret;
use tollgate_upstream::ConnectionSettings;
use tollgate_upstream::provider::find;
use tollgate_upstream::settings::Place;

use crate::world::{CHAT, Gateway, Provider, answer, call, send};

#[tokio::test]
async fn only_what_may_travel_arrives() {
    let provider = Provider::always(vec![send(answer("200 OK", "application/json", CHAT))]);
    let row = find("openai").unwrap();
    let url = provider.listen().await;
    let place = Place::of(row, Some(&url)).unwrap();
    let mut settings = ConnectionSettings::new("main", row, place);
    settings.credential = Some(Secret::new("sk-provider"));
    settings.organization = Some("org-1".to_owned());
    settings.headers = vec![(
        HeaderName::from_static("x-team"),
        HeaderValue::from_static("blue"),
    )];
    let gateway = Gateway::with(settings);

    let mut call = call(false);
    let carried = [
        ("user-agent", "OpenAI/Python 2.0"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "a=1"),
        ("openai-beta", "assistants=v2"),
        ("authorization", "Bearer sk-tg-canary"),
        ("x-api-key", "sk-tg-canary"),
        ("cookie", "canary"),
        ("host", "canary"),
        ("forwarded", "for=canary"),
        ("x-forwarded-for", "canary"),
        ("transfer-encoding", "canary"),
        ("content-length", "7"),
        ("connection", "canary"),
        ("openai-organization", "canary"),
        ("accept-encoding", "gzip, canary"),
        ("x-team", "canary"),
    ];
    call.carried = carried
        .into_iter()
        .map(|(name, value)| {
            (
                Bytes::from_static(name.as_bytes()),
                Bytes::from_static(value.as_bytes()),
            )
        })
        .collect();
    gateway.send(&call).await.unwrap();

    let received = provider.received();
    let arrived = &received[0];
    assert!(!arrived.head.contains("canary"), "{}", arrived.head);
    let host = url.trim_start_matches("http://").trim_end_matches("/v1");
    for (name, value) in [
        ("host", host),
        ("authorization", "Bearer sk-provider"),
        ("openai-organization", "org-1"),
        ("x-team", "blue"),
        ("accept-encoding", "identity"),
        ("content-type", "application/json"),
        ("content-length", &arrived.body.len().to_string()),
        ("user-agent", "OpenAI/Python 2.0"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "a=1"),
        ("openai-beta", "assistants=v2"),
    ] {
        assert_eq!(arrived.header(name), [value], "{name}");
    }
    assert!(arrived.header("transfer-encoding").is_empty());
}

#[tokio::test]
async fn a_simulated_provider_gets_no_credential() {
    let provider = Provider::always(vec![send(answer("200 OK", "application/json", CHAT))]);
    let gateway = Gateway::inside(&provider);
    gateway.plain().await.unwrap();
    let received = provider.received();
    assert!(received[0].header("authorization").is_empty());
    assert_eq!(received[0].header("host"), ["simulator"]);
    assert!(received[0].head.starts_with("POST /v1/chat/completions "));
}
