//! Whether a connection works.

use std::time::Duration;

use serde_json::Value;
use tollgate_core::error::{Code, Origin};
use tollgate_core::secret::Secret;
use tollgate_engine::port::Upstream as _;
use tollgate_upstream::ConnectionSettings;
use tollgate_upstream::provider::{Home, PROVIDERS, find};
use tollgate_upstream::settings::Place;

use crate::world::{CHAT, Gateway, Provider, Step, answer, send};

const JSON: &str = "application/json";

/// Row → where it is asked below its own base URL, and with which header.
const QUESTIONS: &[(&str, Option<(&str, &str)>)] = &[
    ("openai", Some(("/v1/models", "authorization"))),
    ("azure", Some(("/openai/v1/models", "api-key"))),
    ("anthropic", Some(("/v1/models?limit=1", "x-api-key"))),
    (
        "google",
        Some(("/v1beta/models?pageSize=1", "x-goog-api-key")),
    ),
    ("vertex", None),
    ("bedrock", None),
    ("mistral", Some(("/v1/models", "authorization"))),
    ("cohere", Some(("/v1/models?page_size=1", "authorization"))),
    ("groq", Some(("/openai/v1/models", "authorization"))),
    ("deepseek", Some(("/models", "authorization"))),
    ("xai", Some(("/v1/models", "authorization"))),
    ("together", Some(("/v1/models", "authorization"))),
    ("fireworks", Some(("/inference/v1/models", "authorization"))),
    ("openrouter", Some(("/api/v1/key", "authorization"))),
    ("perplexity", None),
    ("cerebras", Some(("/v1/models", "authorization"))),
    ("ollama", Some(("/api/tags", "authorization"))),
    ("vllm", Some(("/v1/models", "authorization"))),
    ("llamacpp", Some(("/v1/models", "authorization"))),
    ("tgi", Some(("/v1/models", "authorization"))),
    ("huggingface", Some(("/v1/models", "authorization"))),
    ("openai-compatible", Some(("/v1/models", "authorization"))),
    ("simulated", Some(("/v1/models", ""))),
];

/// A connection to a provider on this machine, at the path where the row has it.
async fn settings(row: &str, provider: &Provider) -> ConnectionSettings {
    let row = find(row).unwrap();
    let path = match row.home {
        Home::Public(url) | Home::Local(url) => {
            let behind = url.split_once("://").unwrap().1;
            behind.find('/').map_or("", |at| &behind[at..])
        }
        Home::Configured if row.name == "azure" => "",
        Home::Configured | Home::InProcess => "/v1",
        Home::Regional(_) => "",
    };
    let url = provider.listen().await.replace("/v1", path);
    let mut settings = ConnectionSettings::new("main", row, Place::of(row, Some(&url)).unwrap());
    settings.credential = Some(Secret::new("key-1"));
    settings.region = Some("us-east-1".into());
    settings.project = Some("p-1".into());
    settings
}

#[tokio::test]
async fn every_provider_is_asked_a_cheap_question_or_none() {
    for (row, question) in QUESTIONS {
        let provider = Provider::always(vec![send(answer("200 OK", JSON, r#"{"data":[]}"#))]);
        let gateway = Gateway::with(settings(row, &provider).await);
        let outcome = gateway.check(None).await;
        let Some((path, header)) = question else {
            let failure = outcome.unwrap_err();
            assert_eq!(failure.origin, Origin::Gateway, "{row}");
            let message = failure.message.as_deref().unwrap();
            assert!(
                message.contains(row) && message.contains("`model`"),
                "{message}"
            );
            assert_eq!(provider.connections(), 0);
            continue;
        };
        outcome.unwrap_or_else(|failure| panic!("{row}: {failure}"));
        let received = provider.received().pop().unwrap();
        let line = format!("GET {path} HTTP/1.1\r\n");
        assert!(received.head.starts_with(&line), "{row}: {}", received.head);
        assert!(received.body.is_empty() && received.header("content-length").is_empty());
        assert!(received.header("idempotency-key").is_empty());
        if !header.is_empty() {
            assert!(received.header(header)[0].ends_with("key-1"), "{row}");
        }
        let version = received.header("anthropic-version");
        assert_eq!(version.len(), usize::from(*row == "anthropic"), "{row}");
    }
    for provider in PROVIDERS {
        let is_tested = QUESTIONS.iter().any(|(row, _)| *row == provider.name);
        assert!(is_tested, "{} has no row here", provider.name);
    }
}

#[tokio::test]
async fn azure_is_asked_with_the_version_that_is_configured() {
    for (version, path) in [
        ("2024-10-21", "/openai/models?api-version=2024-10-21"),
        ("preview", "/openai/v1/models?api-version=preview"),
    ] {
        let provider = Provider::always(vec![send(answer("200 OK", JSON, "{}"))]);
        let mut settings = settings("azure", &provider).await;
        settings.api_version = Some(version.into());
        Gateway::with(settings).check(None).await.unwrap();
        let head = &provider.received()[0].head;
        assert!(head.starts_with(&format!("GET {path} HTTP/1.1")), "{head}");
    }
}

async fn checked(bytes: Vec<u8>) -> Result<(), tollgate_core::error::Failure> {
    let provider = Provider::always(vec![send(bytes), Step::Close]);
    Gateway::at("openai", &provider.listen().await)
        .check(None)
        .await
}

#[tokio::test]
async fn only_a_good_status_with_json_is_good() {
    for body in [
        "{}",
        "[]",
        r#"{"object":"list","data":[]}"#,
        r#"{"error":null}"#,
    ] {
        checked(answer("200 OK", JSON, body)).await.unwrap();
    }
    let invalid = Code::ProviderInvalidResponse;
    let key = r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#;
    for (status, body, code) in [
        ("200 OK", "", invalid),
        ("200 OK", "<html>welcome</html>", invalid),
        ("200 OK", "{\"data\":[", invalid),
        ("200 OK", "{} {}", invalid),
        ("302 Found", "{}", invalid),
        ("401 Unauthorized", key, Code::ProviderAuthenticationFailed),
        ("200 OK", key, Code::ProviderAuthenticationFailed),
        ("429 Too Many Requests", "{}", Code::ProviderRateLimited),
        ("500 Internal Server Error", "", Code::ProviderError),
        (
            "503 Service Unavailable",
            "overloaded",
            Code::ProviderOverloaded,
        ),
    ] {
        let failure = checked(answer(status, JSON, body)).await.unwrap_err();
        assert_eq!(failure.code, code, "{status} {body}: {failure}");
        assert!(failure.provider_status.is_some());
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_or_never_ends_is_not_good() {
    let mut bytes = answer("200 OK", JSON, r#"{"data":[]}"#);
    bytes.truncate(bytes.len() - 1);
    let failure = checked(bytes).await.unwrap_err();
    assert_eq!(failure.exchange, Some("closed_in_answer"));

    let long = format!("[\"{}\"]", "x".repeat(9 * 1024 * 1024));
    let provider = Provider::always(vec![send(answer("200 OK", JSON, long)), Step::Hold]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    let failure = gateway.check(None).await.unwrap_err();
    assert!(failure.message.as_deref().unwrap().contains("8 MiB"));
    provider.closed(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_check_has_its_own_time() {
    let provider = Provider::always(vec![Step::Hold]);
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.answer = Duration::from_secs(5);
    for model in [None, Some("m")] {
        let begin = tokio::time::Instant::now();
        let failure = gateway.check(model).await.unwrap_err();
        assert_eq!(failure.code, Code::ProviderTimeout);
        assert_eq!(failure.exchange, Some("answer_timeout"));
        let took = begin.elapsed();
        assert!(took >= Duration::from_secs(5) && took < Duration::from_millis(5100));
    }
}

#[tokio::test]
async fn checks_and_calls_share_connections() {
    let list = answer("200 OK", JSON, r#"{"data":[]}"#);
    let provider = Provider::new(move |number| {
        vec![send(match number % 2 {
            0 => list.clone(),
            _ => answer("200 OK", JSON, CHAT),
        })]
    });
    let gateway = Gateway::at("openai", &provider.listen().await);
    for _ in 0..5 {
        gateway.check(None).await.unwrap();
        gateway.plain().await.unwrap();
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_model_is_asked_for_one_token_in_the_format_of_its_provider() {
    let bedrock = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"max_tokens","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#;
    let gemini =
        r#"{"candidates":[{"content":{"role":"model","parts":[]},"finishReason":"MAX_TOKENS"}]}"#;
    let anthropic = r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],"stop_reason":"max_tokens","usage":{"input_tokens":1,"output_tokens":1}}"#;
    for (row, body, path, most) in [
        (
            "openai",
            CHAT,
            "/v1/chat/completions",
            "/max_completion_tokens",
        ),
        ("vllm", CHAT, "/v1/chat/completions", "/max_tokens"),
        ("anthropic", anthropic, "/v1/messages", "/max_tokens"),
        (
            "google",
            gemini,
            "/v1beta/models/m-1:generateContent",
            "/generationConfig/maxOutputTokens",
        ),
        (
            "bedrock",
            bedrock,
            "/model/m-1/converse",
            "/inferenceConfig/maxTokens",
        ),
    ] {
        let provider = Provider::always(vec![send(answer("200 OK", JSON, body))]);
        let gateway = Gateway::with(settings(row, &provider).await);
        let outcome = gateway.check(Some("m-1")).await;
        outcome.unwrap_or_else(|failure| panic!("{row}: {failure}"));
        let received = provider.received().pop().unwrap();
        let line = format!("POST {path} HTTP/1.1\r\n");
        assert!(received.head.starts_with(&line), "{row}: {}", received.head);
        let sent: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(sent.pointer(most), Some(&1.into()), "{row}: {sent}");
        assert_ne!(sent.get("stream"), Some(&true.into()), "{row}");
    }
    let body = r#"{"error":{"message":"The model `m-1` does not exist","code":"model_not_found"}}"#;
    let provider = Provider::always(vec![send(answer("404 Not Found", JSON, body))]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    let failure = gateway.check(Some("m-1")).await.unwrap_err();
    assert_eq!(failure.code, Code::ProviderModelNotFound);
}

#[tokio::test]
async fn a_connection_that_is_not_there_says_nothing_of_a_provider() {
    let gateway = Gateway::at("openai", "http://127.0.0.1:9/v1");
    let time = Duration::from_secs(1);
    let failure = gateway.upstreams().check("gone", None, time).await;
    let failure = failure.unwrap_err();
    assert_eq!(
        (failure.code, failure.origin),
        (Code::NoTargets, Origin::Gateway)
    );
}
