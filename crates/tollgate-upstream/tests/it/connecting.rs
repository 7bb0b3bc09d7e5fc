//! Connections that cannot be made, or break before an answer.

use std::time::Duration;

use tokio::net::TcpListener;
use tollgate_core::error::{Code, Failure, Origin};

use crate::world::{CHAT, Gateway, Provider, Step, answer, send};

fn assert_broke(failure: &Failure, code: Code, exchange: &str, unsent: bool) {
    assert_eq!(failure.code, code, "{failure}");
    assert_eq!(failure.exchange, Some(exchange), "{failure}");
    assert_eq!(failure.unsent, unsent, "{failure}");
    assert!(matches!(failure.origin, Origin::Provider(_)));
    assert!(failure.cause.is_some(), "the log gets a cause");
    let message = failure.message.as_deref().unwrap();
    assert!(
        !message.contains("127.0.0.1"),
        "the address stays inside: {message}"
    );
}

#[tokio::test]
async fn a_refused_connection_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let failure = Gateway::at("openai", &url).plain_failure().await;
    assert_broke(&failure, Code::ProviderUnreachable, "refused", true);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_apart() {
    // A label of 64 characters is refused by the resolver itself, without a question to anyone.
    let url = format!("http://{}.invalid/v1", "a".repeat(64));
    let failure = Gateway::at("openai", &url).plain_failure().await;
    assert_broke(&failure, Code::ProviderUnreachable, "dns", true);
}

#[tokio::test]
async fn an_encrypted_connection_that_never_stands_times_out() {
    // The system accepts on behalf of the listener; nobody ever answers the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let mut gateway = Gateway::at("openai", &url);
    gateway.timeouts.connect = Duration::from_millis(300);
    let failure = gateway.plain_failure().await;
    assert_broke(&failure, Code::ProviderUnreachable, "connect_timeout", true);
}

#[tokio::test]
async fn a_provider_that_does_not_encrypt_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let gateway = Gateway::at("openai", &url);
    let (failure, ()) = tokio::join!(gateway.plain_failure(), async {
        let (stream, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        stream
            .try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    assert_broke(&failure, Code::ProviderUnreachable, "tls", true);
}

#[tokio::test]
async fn a_close_before_the_answer_is_told_apart() {
    let provider = Provider::always(vec![Step::Close]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    for failure in [
        gateway.plain_failure().await,
        gateway.stream_failure().await,
    ] {
        assert_broke(
            &failure,
            Code::ProviderUnreachable,
            "closed_before_answer",
            false,
        );
    }
}

#[tokio::test]
async fn a_reset_before_the_answer_is_told_apart() {
    let provider = Provider::always(vec![Step::Reset]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    for failure in [
        gateway.plain_failure().await,
        gateway.stream_failure().await,
    ] {
        assert_broke(
            &failure,
            Code::ProviderUnreachable,
            "reset_before_answer",
            false,
        );
    }
}

#[tokio::test]
async fn a_head_that_breaks_off_is_a_close_before_the_answer() {
    let provider = Provider::always(vec![send("HTTP/1.1 200 OK\r\ncontent-"), Step::Close]);
    let failure = Gateway::at("openai", &provider.listen().await)
        .plain_failure()
        .await;
    assert_broke(
        &failure,
        Code::ProviderUnreachable,
        "closed_before_answer",
        false,
    );
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_invalid() {
    let provider = Provider::always(vec![send("SSH-2.0-OpenSSH_9.2\r\n"), Step::Hold]);
    let failure = Gateway::at("openai", &provider.listen().await)
        .plain_failure()
        .await;
    assert_broke(&failure, Code::ProviderInvalidResponse, "not_http", false);
}

#[tokio::test]
async fn a_head_without_end_is_refused_at_a_bound() {
    let endless = format!("HTTP/1.1 200 OK\r\nx-long: {}", "a".repeat(1024 * 1024));
    let provider = Provider::always(vec![send(endless), Step::Hold]);
    let failure = Gateway::at("openai", &provider.listen().await)
        .plain_failure()
        .await;
    assert_broke(&failure, Code::ProviderInvalidResponse, "not_http", false);
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_times_out() {
    let provider = Provider::always(vec![Step::Hold]);
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.answer = Duration::from_secs(40);
    let begin = tokio::time::Instant::now();
    let failure = gateway.plain_failure().await;
    assert_broke(&failure, Code::ProviderTimeout, "answer_timeout", false);
    assert_eq!(begin.elapsed().as_secs(), 40);
    provider.closed(1).await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_whole_request_ends_an_exchange() {
    let provider = Provider::always(vec![Step::Hold]);
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.total = Duration::from_secs(7);
    for stream in [false, true] {
        let begin = tokio::time::Instant::now();
        let failure = if stream {
            gateway.stream_failure().await
        } else {
            gateway.plain_failure().await
        };
        assert_broke(&failure, Code::ProviderTimeout, "deadline", false);
        assert_eq!(begin.elapsed().as_secs(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline() {
    let provider = Provider::always(vec![send(answer("200 OK", "application/json", CHAT))]);
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.total = Duration::ZERO;
    let failure = gateway.plain_failure().await;
    assert_broke(&failure, Code::ProviderTimeout, "deadline", true);
    assert_eq!(provider.connections(), 0);
}
