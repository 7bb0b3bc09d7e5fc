//! Where each provider is asked, and with what.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tollgate_core::call::Call;
use tollgate_core::error::Code;
use tollgate_core::format::{Format, Operation};
use tollgate_core::secret::Secret;
use tollgate_upstream::ConnectionSettings;
use tollgate_upstream::provider::{Home, PROVIDERS, find};
use tollgate_upstream::settings::Place;

use crate::world::{Gateway, Provider, Received, answer, call, send};

use Format::{Anthropic, Bedrock, Cohere, Completions, Gemini, Ollama, OpenAi, Responses};
use Operation::{Chat, CountTokens, Embeddings};

/// A provider that refuses everything, once it has noted what came.
fn refusing() -> Provider {
    let body = r#"{"error":{"message":"no"}}"#;
    Provider::always(vec![send(answer(
        "400 Bad Request",
        "application/json",
        body,
    ))])
}

/// A connection to a provider on this machine whose base URL has this path.
async fn connection(provider: &Provider, row: &str, path: &str) -> ConnectionSettings {
    let row = find(row).unwrap();
    let url = provider.listen().await.replace("/v1", path);
    let place = Place::of(row, Some(&url)).unwrap();
    let mut settings = ConnectionSettings::new("main", row, place);
    settings.credential = Some(Secret::new("key-1"));
    settings.region = Some("us-east-1".into());
    settings.project = Some("p-1".into());
    settings
}

/// The path of the base URL where a provider is by itself.
fn home_path(row: &str) -> &'static str {
    match find(row).unwrap().home {
        Home::Public(url) | Home::Local(url) => {
            let behind = url.split_once("://").unwrap().1;
            behind.find('/').map_or("", |at| &behind[at..])
        }
        Home::Regional(_) => "",
        Home::Configured | Home::InProcess => "/v1",
    }
}

fn call_in(format: Format, operation: Operation, stream: bool) -> Call {
    Call {
        format,
        operation,
        ..call(stream)
    }
}

async fn arrived(settings: ConnectionSettings, provider: &Provider, call: &Call) -> Received {
    let gateway = Gateway::with(settings);
    gateway.send(call).await.err().expect("it is refused");
    provider.received().pop().expect("the provider was asked")
}

/// Row, format, operation, stream → the path below the provider's own base URL.
const PATHS: &[(&str, Format, Operation, bool, &str)] = &[
    ("openai", OpenAi, Chat, true, "/v1/chat/completions"),
    ("openai", Responses, Chat, false, "/v1/responses"),
    ("openai", OpenAi, Embeddings, false, "/v1/embeddings"),
    ("anthropic", Anthropic, Chat, true, "/v1/messages"),
    (
        "anthropic",
        Anthropic,
        CountTokens,
        false,
        "/v1/messages/count_tokens",
    ),
    (
        "google",
        Gemini,
        Chat,
        false,
        "/v1beta/models/m-upstream:generateContent",
    ),
    (
        "google",
        Gemini,
        Chat,
        true,
        "/v1beta/models/m-upstream:streamGenerateContent?alt=sse",
    ),
    (
        "google",
        Gemini,
        CountTokens,
        false,
        "/v1beta/models/m-upstream:countTokens",
    ),
    (
        "vertex",
        Gemini,
        Chat,
        true,
        "/v1/projects/p-1/locations/us-east-1/publishers/google/models/m-upstream:streamGenerateContent?alt=sse",
    ),
    (
        "vertex",
        Gemini,
        CountTokens,
        false,
        "/v1/projects/p-1/locations/us-east-1/publishers/google/models/m-upstream:countTokens",
    ),
    (
        "bedrock",
        Bedrock,
        Chat,
        false,
        "/model/m-upstream/converse",
    ),
    (
        "bedrock",
        Bedrock,
        Chat,
        true,
        "/model/m-upstream/converse-stream",
    ),
    ("mistral", OpenAi, Chat, false, "/v1/chat/completions"),
    ("mistral", OpenAi, Embeddings, false, "/v1/embeddings"),
    ("cohere", Cohere, Chat, true, "/v2/chat"),
    (
        "cohere",
        OpenAi,
        Embeddings,
        false,
        "/compatibility/v1/embeddings",
    ),
    ("groq", OpenAi, Chat, false, "/openai/v1/chat/completions"),
    ("deepseek", OpenAi, Chat, false, "/chat/completions"),
    ("xai", Responses, Chat, false, "/v1/responses"),
    ("together", Completions, Chat, false, "/v1/completions"),
    (
        "fireworks",
        Completions,
        Chat,
        false,
        "/inference/v1/completions",
    ),
    (
        "openrouter",
        OpenAi,
        Chat,
        false,
        "/api/v1/chat/completions",
    ),
    ("openrouter", Responses, Chat, false, "/api/v1/responses"),
    ("openrouter", Anthropic, Chat, false, "/api/v1/messages"),
    ("perplexity", OpenAi, Chat, false, "/chat/completions"),
    ("cerebras", OpenAi, Chat, false, "/v1/chat/completions"),
    ("ollama", Ollama, Chat, true, "/api/chat"),
    ("ollama", OpenAi, Embeddings, false, "/v1/embeddings"),
    ("vllm", OpenAi, Chat, false, "/v1/chat/completions"),
    ("llamacpp", Completions, Chat, false, "/v1/completions"),
    ("tgi", OpenAi, Chat, false, "/v1/chat/completions"),
    ("huggingface", OpenAi, Chat, false, "/v1/chat/completions"),
    (
        "openai-compatible",
        OpenAi,
        Embeddings,
        false,
        "/v1/embeddings",
    ),
    (
        "azure",
        OpenAi,
        Chat,
        false,
        "/v1/openai/v1/chat/completions",
    ),
    ("simulated", Responses, Chat, false, "/v1/responses"),
    (
        "simulated",
        Anthropic,
        CountTokens,
        false,
        "/v1/messages/count_tokens",
    ),
    (
        "simulated",
        Gemini,
        Chat,
        false,
        "/v1beta/models/m-upstream:generateContent",
    ),
];

#[tokio::test]
async fn every_provider_is_asked_where_it_is() {
    for (row, format, operation, stream, expected) in PATHS {
        let provider = refusing();
        let settings = connection(&provider, row, home_path(row)).await;
        let call = call_in(*format, *operation, *stream);
        let received = arrived(settings, &provider, &call).await;
        let line = format!("POST {expected} HTTP/1.1\r\n");
        assert!(received.head.starts_with(&line), "{row}: {}", received.head);
    }
    for provider in PROVIDERS {
        let is_tested = PATHS.iter().any(|(row, ..)| *row == provider.name);
        assert!(is_tested, "{} has no row here", provider.name);
    }
}

#[tokio::test]
async fn a_base_url_may_be_written_with_its_version_or_without() {
    for (row, format, paths, expected) in [
        ("anthropic", Anthropic, ["", "/v1"], "/v1/messages"),
        (
            "google",
            Gemini,
            ["/v1beta", "/v1"],
            "/v1beta/models/m-upstream:generateContent",
        ),
        ("cohere", Cohere, ["", "/v2"], "/v2/chat"),
        ("ollama", Ollama, ["/v1", "/api"], "/api/chat"),
        (
            "azure",
            OpenAi,
            ["", "/openai/v1"],
            "/openai/v1/chat/completions",
        ),
        (
            "azure",
            OpenAi,
            ["/openai", "/openai/v1/"],
            "/openai/v1/chat/completions",
        ),
        (
            "anthropic",
            Anthropic,
            ["/proxy", "/proxy/v1"],
            "/proxy/v1/messages",
        ),
    ] {
        for path in paths {
            let provider = refusing();
            let settings = connection(&provider, row, path).await;
            let received = arrived(settings, &provider, &call_in(format, Chat, false)).await;
            let line = format!("POST {expected} HTTP/1.1\r\n");
            assert!(
                received.head.starts_with(&line),
                "{path}: {}",
                received.head
            );
        }
    }
}

#[tokio::test]
async fn azure_has_an_address_for_each_deployment_where_a_dated_version_is_configured() {
    for (version, format, operation, expected) in [
        (
            "2024-10-21",
            OpenAi,
            Chat,
            "/openai/deployments/m-upstream/chat/completions?api-version=2024-10-21",
        ),
        (
            "2024-10-21",
            OpenAi,
            Embeddings,
            "/openai/deployments/m-upstream/embeddings?api-version=2024-10-21",
        ),
        (
            "2025-03-01-preview",
            Responses,
            Chat,
            "/openai/responses?api-version=2025-03-01-preview",
        ),
        (
            "preview",
            Responses,
            Chat,
            "/openai/v1/responses?api-version=preview",
        ),
    ] {
        let provider = refusing();
        let mut settings = connection(&provider, "azure", "").await;
        settings.api_version = Some(version.into());
        let received = arrived(settings, &provider, &call_in(format, operation, false)).await;
        let line = format!("POST {expected} HTTP/1.1\r\n");
        assert!(received.head.starts_with(&line), "{}", received.head);
        assert_eq!(received.header("api-key"), ["key-1"]);
    }
}

#[tokio::test]
async fn a_callers_query_goes_on_within_anthropics_format_only() {
    for (row, format, expected) in [
        ("anthropic", Anthropic, "POST /v1/messages?beta=true "),
        ("openai", OpenAi, "POST /v1/chat/completions "),
    ] {
        let provider = refusing();
        let settings = connection(&provider, row, home_path(row)).await;
        let mut call = call_in(format, Chat, false);
        call.query = Some("beta=true".into());
        let received = arrived(settings, &provider, &call).await;
        assert!(received.head.starts_with(expected), "{}", received.head);
    }
}

#[tokio::test]
async fn a_model_can_change_neither_host_nor_path() {
    for (row, format) in [("bedrock", Bedrock), ("google", Gemini), ("vertex", Gemini)] {
        let provider = refusing();
        let mut gateway = Gateway::with(connection(&provider, row, "").await);
        gateway.model = "@evil.example/x?y#z\r\nx-evil: 1";
        gateway
            .send(&call_in(format, Chat, false))
            .await
            .err()
            .unwrap();
        let received = provider.received().pop().unwrap();
        let line = received.head.lines().next().unwrap();
        assert!(
            line.contains("%40evil.example%2Fx%3Fy%23z%0D%0Ax-evil%3A%201"),
            "{line}"
        );
        assert!(received.header("x-evil").is_empty());

        gateway.model = "../../secrets";
        let failure = gateway.send(&call_in(format, Chat, false)).await;
        let failure = failure.err().unwrap();
        assert_eq!(failure.code, Code::InvalidRequest);
        assert_eq!(failure.fields[0].path, "model");
        assert_eq!(provider.received().len(), 1, "{row} was not asked again");
    }
}

#[tokio::test]
async fn every_provider_gets_its_credential_where_it_looks_for_it() {
    for row in PROVIDERS {
        let provider = refusing();
        let settings = connection(&provider, row.name, home_path(row.name)).await;
        let call = call_in(row.formats[0], Chat, false);
        let received = arrived(settings, &provider, &call).await;
        let expected = match row.name {
            "anthropic" => Some(("x-api-key", "key-1")),
            "azure" => Some(("api-key", "key-1")),
            "google" => Some(("x-goog-api-key", "key-1")),
            "simulated" => None,
            _ => Some(("authorization", "Bearer key-1")),
        };
        for name in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
            let value = expected.filter(|(header, _)| *header == name);
            let value: Vec<_> = value.into_iter().map(|(_, value)| value).collect();
            assert_eq!(received.header(name), value, "{} {name}", row.name);
        }
    }
}

#[tokio::test]
async fn a_token_goes_as_a_bearer_where_the_setting_says_so() {
    for row in ["azure", "anthropic", "google"] {
        let provider = refusing();
        let mut settings = connection(&provider, row, "").await;
        settings.bearer = true;
        let call = call_in(settings.provider.formats[0], Chat, false);
        let received = arrived(settings, &provider, &call).await;
        assert_eq!(received.header("authorization"), ["Bearer key-1"]);
        for name in ["x-api-key", "api-key", "x-goog-api-key"] {
            assert!(received.header(name).is_empty(), "{row} {name}");
        }
    }
}

fn carried(pairs: &[(&'static str, &'static str)]) -> Vec<(Bytes, Bytes)> {
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (bytes(name), bytes(value)))
        .collect()
}

#[tokio::test]
async fn the_version_of_anthropics_api_is_the_callers_or_else_the_first() {
    let newer = [("anthropic-version", "2026-10-21")];
    for (row, given, declared, expected) in [
        ("anthropic", &[][..], None, "2023-06-01"),
        ("anthropic", &newer[..], None, "2026-10-21"),
        ("anthropic", &newer[..], Some("2025-01-01"), "2025-01-01"),
        ("openrouter", &[][..], None, "2023-06-01"),
    ] {
        let provider = refusing();
        let mut settings = connection(&provider, row, home_path(row)).await;
        settings.headers = declared
            .map(|value| {
                (
                    HeaderName::from_static("anthropic-version"),
                    HeaderValue::from_static(value),
                )
            })
            .into_iter()
            .collect();
        let mut call = call_in(Anthropic, Chat, false);
        call.carried = carried(given);
        let received = arrived(settings, &provider, &call).await;
        assert_eq!(received.header("anthropic-version"), [expected], "{row}");
    }
}

#[tokio::test]
async fn headers_of_one_makers_api_do_not_reach_anothers() {
    let all = [
        ("anthropic-beta", "a"),
        ("x-claude-code-session", "b"),
        ("openai-beta", "c"),
        ("x-amz-security-token", "d"),
        ("x-goog-user-project", "e"),
        ("traceparent", "f"),
    ];
    let (of_anthropic, of_openai) = (["anthropic-beta", "x-claude-code-session"], ["openai-beta"]);
    for (row, format, expected) in [
        ("anthropic", Anthropic, &of_anthropic[..]),
        ("openai", OpenAi, &of_openai[..]),
        ("xai", Responses, &of_openai[..]),
        ("together", Completions, &of_openai[..]),
        ("google", Gemini, &[]),
        ("bedrock", Bedrock, &[]),
        ("cohere", Cohere, &[]),
        ("ollama", Ollama, &[]),
    ] {
        let provider = refusing();
        let settings = connection(&provider, row, home_path(row)).await;
        let mut call = call_in(format, Chat, false);
        call.carried = carried(&all);
        let received = arrived(settings, &provider, &call).await;
        for (name, _) in all {
            let travels = expected.contains(&name) || name == "traceparent";
            assert_eq!(!received.header(name).is_empty(), travels, "{row} {name}");
        }
    }
}

#[tokio::test]
async fn a_stream_of_bedrock_is_asked_for_in_its_own_encoding() {
    for (stream, expected) in [
        (true, "application/vnd.amazon.eventstream"),
        (false, "application/json"),
    ] {
        let provider = refusing();
        let settings = connection(&provider, "bedrock", "").await;
        let received = arrived(settings, &provider, &call_in(Bedrock, Chat, stream)).await;
        assert_eq!(received.header("accept"), [expected]);
    }
}

#[tokio::test]
async fn embeddings_are_refused_where_a_provider_has_none() {
    let provider = refusing();
    for row in ["anthropic", "google", "vertex", "bedrock", "perplexity"] {
        let gateway = Gateway::with(connection(&provider, row, "").await);
        let failure = gateway.send(&call_in(OpenAi, Embeddings, false)).await;
        let failure = failure.err().unwrap();
        assert_eq!(failure.code, Code::InvalidRequest, "{row}");
    }
    assert!(provider.received().is_empty());
}
