//! Vertex AI: access tokens that are exchanged for with a service account.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;
use tollgate_upstream::provider::find;
use tollgate_upstream::settings::{Identity, Place};
use tollgate_upstream::{ConnectionSettings, ServiceAccount};

use crate::world::{Gateway, Provider, Received, Step, answer, call, send};

const JSON: &str = "application/json";

/// An answer with a token that holds for so long.
fn granted(token: &str, seconds: u64) -> Vec<Step> {
    let body = json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" });
    vec![send(answer("200 OK", JSON, body.to_string()))]
}

fn refused() -> Vec<Step> {
    let body = json!({ "error": "invalid_grant", "error_description": "Invalid JWT Signature." });
    vec![send(answer("400 Bad Request", JSON, body.to_string()))]
}

/// Tokens `token-0`, `token-1` and so on, the first of which holds for so long.
fn tokens(first: u64) -> Provider {
    Provider::new(move |number| {
        granted(
            &format!("token-{number}"),
            if number == 0 { first } else { 3600 },
        )
    })
}

/// Vertex AI, which refuses everything with this status.
fn vertex(status: &'static str) -> Provider {
    let body = r#"{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}"#;
    Provider::always(vec![send(answer(status, JSON, body))])
}

fn account(key: &KeyPair, token_uri: &str) -> ServiceAccount {
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = STANDARD.encode(der.as_ref());
    let file = json!({
        "type": "service_account",
        "client_email": "app@p-1.iam.gserviceaccount.com",
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"),
        "token_uri": token_uri,
    });
    ServiceAccount::parse(&file.to_string()).unwrap()
}

async fn gateway(vertex: &Provider, account: ServiceAccount) -> Gateway {
    let row = find("vertex").unwrap();
    let url = vertex.listen().await;
    let mut settings = ConnectionSettings::new("main", row, Place::of(row, Some(&url)).unwrap());
    settings.region = Some("us-central1".into());
    settings.project = Some("p-1".into());
    settings.identity = Some(Identity::ServiceAccount(account));
    Gateway::with(settings)
}

/// A gateway whose tokens come from this provider.
async fn exchanging(tokens: &Provider, vertex: &Provider) -> Gateway {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let token_uri = tokens.listen().await.replace("/v1", "/token");
    gateway(vertex, account(&key, &token_uri)).await
}

fn gemini() -> Call {
    Call {
        format: Format::Gemini,
        ..call(false)
    }
}

async fn failure(gateway: &Gateway) -> Failure {
    gateway.send(&gemini()).await.err().expect("it is refused")
}

fn sent_tokens(vertex: &Provider) -> Vec<String> {
    let received = vertex.received();
    let tokens = received.iter();
    tokens
        .map(|received| received.header("authorization").join(","))
        .collect()
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn assert_asked(received: &Received, key: &KeyPair, token_uri: &str) {
    assert!(received.head.starts_with("POST /token HTTP/1.1\r\n"));
    let form = "application/x-www-form-urlencoded";
    assert_eq!(received.header("content-type"), [form]);
    let body = std::str::from_utf8(&received.body).unwrap();
    let (grant, assertion) = body.split_once("&assertion=").unwrap();
    assert_eq!(
        grant,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
    );
    let parts: Vec<_> = assertion.split('.').collect();
    let claims = decoded(parts[1]);
    assert_eq!(claims["aud"], token_uri);
    assert_eq!(claims["iss"], "app@p-1.iam.gserviceaccount.com");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        3600
    );
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let signed = format!("{}.{}", parts[0], parts[1]);
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn vertex_is_asked_with_a_token_for_which_a_signed_assertion_was_exchanged() {
    let (tokens, vertex) = (tokens(3600), vertex("400 Bad Request"));
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let token_uri = tokens.listen().await.replace("/v1", "/token");
    let gateway = gateway(&vertex, account(&key, &token_uri)).await;
    for _ in 0..3 {
        failure(&gateway).await;
    }
    let asked = tokens.received();
    assert_eq!(asked.len(), 1, "a token serves many calls");
    assert_asked(&asked[0], &key, &token_uri);
    assert_eq!(sent_tokens(&vertex), ["Bearer token-0"; 3]);
    let path = "/v1/projects/p-1/locations/us-central1/publishers/google/models/m-upstream";
    let line = format!("POST {path}:generateContent HTTP/1.1\r\n");
    assert!(vertex.received()[0].head.starts_with(&line));
}

#[tokio::test]
async fn calls_that_come_together_share_one_exchange() {
    let (tokens, vertex) = (tokens(3600), vertex("400 Bad Request"));
    let gateway = exchanging(&tokens, &vertex).await;
    join_all((0..20).map(|_| failure(&gateway))).await;
    assert_eq!(tokens.received().len(), 1);
    assert_eq!(sent_tokens(&vertex), ["Bearer token-0"; 20]);
}

#[tokio::test]
async fn a_token_that_has_ended_is_not_used_again() {
    let (tokens, vertex) = (tokens(1), vertex("400 Bad Request"));
    let gateway = exchanging(&tokens, &vertex).await;
    for _ in 0..3 {
        failure(&gateway).await;
    }
    // The first call had nothing better than a token of one second.
    let expected = ["Bearer token-0", "Bearer token-1", "Bearer token-1"];
    assert_eq!(sent_tokens(&vertex), expected);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let (tokens, vertex) = (tokens(200), vertex("400 Bad Request"));
    let gateway = exchanging(&tokens, &vertex).await;
    for _ in 0..3 {
        failure(&gateway).await;
    }
    let expected = ["Bearer token-0", "Bearer token-1", "Bearer token-1"];
    assert_eq!(sent_tokens(&vertex), expected);
    assert_eq!(tokens.received().len(), 2);
}

#[tokio::test]
async fn a_token_that_still_holds_serves_when_it_cannot_be_renewed() {
    let vertex = vertex("400 Bad Request");
    let tokens = Provider::new(|number| match number {
        0 => granted("token-0", 200),
        _ => refused(),
    });
    let gateway = exchanging(&tokens, &vertex).await;
    for _ in 0..4 {
        failure(&gateway).await;
    }
    assert_eq!(sent_tokens(&vertex), ["Bearer token-0"; 4]);
    assert_eq!(tokens.received().len(), 2, "one try, then some patience");
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_kept() {
    let (tokens, vertex) = (tokens(3600), vertex("401 Unauthorized"));
    let gateway = exchanging(&tokens, &vertex).await;
    for _ in 0..2 {
        let failure = failure(&gateway).await;
        assert_eq!(failure.code, Code::ProviderAuthenticationFailed);
    }
    assert_eq!(sent_tokens(&vertex), ["Bearer token-0", "Bearer token-1"]);
}

#[tokio::test]
async fn a_service_account_that_is_refused_fails_all_calls_that_waited() {
    let (tokens, vertex) = (Provider::always(refused()), vertex("400 Bad Request"));
    let gateway = exchanging(&tokens, &vertex).await;
    for failure in join_all((0..10).map(|_| failure(&gateway))).await {
        assert_eq!(failure.code, Code::ProviderAuthenticationFailed);
        assert!(failure.unsent);
        assert!(
            !failure
                .message
                .as_deref()
                .unwrap()
                .contains("invalid_grant")
        );
        let cause = failure.cause.as_ref().unwrap().to_string();
        assert!(
            cause.contains("invalid_grant: Invalid JWT Signature."),
            "{cause}"
        );
    }
    assert_eq!(tokens.received().len(), 1, "one exchange failed for all");
    assert!(vertex.received().is_empty());
}

#[tokio::test]
async fn a_token_endpoint_with_troubles_of_its_own_is_not_the_accounts_fault() {
    for steps in [
        vec![send(answer("503 Service Unavailable", JSON, "{}"))],
        vec![send(answer("429 Too Many Requests", JSON, "{}"))],
        vec![send(answer("200 OK", "text/html", "<html>"))],
        vec![send(answer("200 OK", JSON, r#"{"access_token":""}"#))],
        vec![Step::Close],
    ] {
        let (tokens, vertex) = (Provider::always(steps), vertex("400 Bad Request"));
        let failure = failure(&exchanging(&tokens, &vertex).await).await;
        assert_eq!(failure.code, Code::ProviderUnreachable);
        assert!(failure.unsent && failure.cause.is_some());
        assert!(vertex.received().is_empty());
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_not_there_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token_uri = format!("http://{}/token", listener.local_addr().unwrap());
    drop(listener);
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let vertex = vertex("400 Bad Request");
    let failure = failure(&gateway(&vertex, account(&key, &token_uri)).await).await;
    assert_eq!(failure.code, Code::ProviderUnreachable);
    assert_eq!(failure.exchange, Some("refused"));
    assert!(!failure.message.as_deref().unwrap().contains("127.0.0.1"));
}

#[tokio::test]
async fn an_exchange_keeps_within_the_time_of_the_call() {
    let (tokens, vertex) = (
        Provider::always(vec![Step::Hold]),
        vertex("400 Bad Request"),
    );
    let mut gateway = exchanging(&tokens, &vertex).await;
    gateway.timeouts.total = Duration::from_millis(200);
    let failure = failure(&gateway).await;
    assert_eq!(failure.code, Code::ProviderUnreachable);
    assert!(failure.unsent);
}

#[tokio::test]
async fn a_caller_who_hangs_up_holds_up_nobody() {
    let vertex = vertex("400 Bad Request");
    let tokens = Provider::new(|number| match number {
        0 => vec![Step::Hold],
        _ => granted("token-1", 3600),
    });
    let gateway = exchanging(&tokens, &vertex).await;
    let mut first = Box::pin(failure(&gateway));
    let second = failure(&gateway);
    tokio::select! {
        _ = &mut first => panic!("nobody answered"),
        () = tokens.arrived(1) => {}
    }
    let (_, ()) = tokio::join!(second, async move { drop(first) });
    assert_eq!(sent_tokens(&vertex), ["Bearer token-1"]);
}

#[tokio::test]
async fn a_call_with_little_time_does_not_fail_those_that_waited_with_it() {
    let vertex = vertex("400 Bad Request");
    let tokens = Provider::new(|number| match number {
        0 => vec![Step::Hold],
        _ => granted("token-1", 3600),
    });
    let gateway = exchanging(&tokens, &vertex).await;
    let call = gemini();
    let hasty = gateway.send_within(&call, Duration::from_millis(300));
    let patient = async {
        tokens.arrived(1).await;
        failure(&gateway).await
    };
    let (hasty, patient) = tokio::join!(hasty, patient);
    assert_eq!(hasty.err().unwrap().code, Code::ProviderUnreachable);
    assert_eq!(
        patient.provider_status,
        Some(400),
        "it reached the provider"
    );
    assert_eq!(sent_tokens(&vertex), ["Bearer token-1"]);
}

#[tokio::test]
async fn an_endpoint_that_hangs_takes_no_call_that_has_a_token() {
    let vertex = vertex("400 Bad Request");
    let tokens = Provider::new(|number| match number {
        0 => granted("token-0", 200),
        _ => vec![Step::Hold],
    });
    let mut gateway = exchanging(&tokens, &vertex).await;
    gateway.timeouts.total = Duration::from_secs(2);
    for _ in 0..3 {
        assert_eq!(failure(&gateway).await.provider_status, Some(400));
    }
    assert_eq!(sent_tokens(&vertex), ["Bearer token-0"; 3]);
    assert_eq!(tokens.received().len(), 2, "one try, then some patience");
}
