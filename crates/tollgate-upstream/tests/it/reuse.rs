//! Open connections are used again, and only those that can be.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tollgate_core::error::Code;
use tollgate_core::secret::Secret;
use tollgate_upstream::ConnectionSettings;
use tollgate_upstream::provider::find;
use tollgate_upstream::settings::Place;

use crate::world::{
    CHAT, DONE, END, FINISH, Gateway, Provider, STREAM, Step, answer, chunk, delta, read, send,
    whole_stream,
};

fn chat() -> Vec<u8> {
    answer("200 OK", "application/json", CHAT)
}

#[tokio::test]
async fn plain_calls_share_a_connection() {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{}{END}",
        chunk(CHAT)
    );
    for bytes in [chat(), chunked.into_bytes()] {
        let provider = Provider::always(vec![send(bytes)]);
        let gateway = Gateway::at("openai", &provider.listen().await);
        for _ in 0..50 {
            gateway.plain().await.unwrap();
        }
        assert_eq!(provider.connections(), 1);
    }
}

#[tokio::test]
async fn a_normal_stream_costs_no_new_connection() {
    let provider = Provider::always(whole_stream());
    let gateway = Gateway::at("openai", &provider.listen().await);
    for _ in 0..50 {
        assert!(read(gateway.stream().await.unwrap()).await.is_whole());
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_stream_that_is_not_polled_after_its_last_piece_is_used_again() {
    let provider = Provider::always(whole_stream());
    let gateway = Gateway::at("openai", &provider.listen().await);
    for _ in 0..20 {
        let mut pieces = gateway.stream().await.unwrap();
        while !pieces.next().await.unwrap().unwrap().last {}
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_body_may_come_after_the_terminator() {
    let steps = vec![
        send(STREAM),
        send(chunk(&delta("a"))),
        send(chunk(FINISH)),
        send(chunk(DONE)),
        Step::Wait(Duration::from_millis(50)),
        send(END),
    ];
    let provider = Provider::always(steps);
    let gateway = Gateway::inside(&provider);
    for _ in 0..20 {
        let begin = tokio::time::Instant::now();
        assert!(read(gateway.stream().await.unwrap()).await.is_whole());
        assert!(
            begin.elapsed() < Duration::from_millis(50),
            "the caller does not wait for it"
        );
        tokio::time::advance(Duration::from_millis(60)).await;
        // Lets the provider send it.
        tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>())
            .await
            .ok();
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_end_has_not_come_is_not_used_yet() {
    let steps = vec![
        send(STREAM),
        send(chunk(&delta("a"))),
        send(chunk(FINISH)),
        send(chunk(DONE)),
        Step::Hold,
    ];
    let provider = Provider::always(steps);
    let gateway = Gateway::inside(&provider);
    for _ in 0..3 {
        assert!(read(gateway.stream().await.unwrap()).await.is_whole());
    }
    assert_eq!(provider.connections(), 3);
    // In the end the connections are closed rather than kept for ever.
    tokio::time::timeout(Duration::from_secs(150), provider.closed(3))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiting_connections_are_closed_after_a_while() {
    let provider = Provider::always(vec![send(chat())]);
    let gateway = Gateway::inside(&provider);
    gateway.plain().await.unwrap();
    tokio::time::timeout(Duration::from_secs(80), provider.closed(1))
        .await
        .unwrap_err();
    tokio::time::timeout(Duration::from_secs(40), provider.closed(1))
        .await
        .unwrap();
    gateway.plain().await.unwrap();
    assert_eq!(provider.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_provider_closed_is_replaced_unnoticed() {
    let provider = Provider::always(vec![send(chat()), Step::Close]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    for number in 1..=200 {
        gateway.plain().await.unwrap();
        provider.closed(number).await;
        // Lets the runtime ask the system for news, as it does whenever a connection idles.
        tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>())
            .await
            .ok();
    }
    assert_eq!(provider.connections(), 200);
}

#[tokio::test]
async fn a_connection_is_kept_after_an_error_that_was_read_whole() {
    let error = r#"{"error":{"message":"Rate limit reached","type":"requests"}}"#;
    let provider = Provider::always(vec![send(answer(
        "429 Too Many Requests",
        "application/json",
        error,
    ))]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    for _ in 0..10 {
        assert_eq!(
            gateway.plain_failure().await.code,
            Code::ProviderRateLimited
        );
        assert_eq!(
            gateway.stream_failure().await.code,
            Code::ProviderRateLimited
        );
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_says_close_is_not_used_again() {
    let bytes = answer("200 OK\r\nconnection: close", "application/json", CHAT);
    let provider = Provider::always(vec![send(bytes), Step::Hold]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    for _ in 0..3 {
        gateway.plain().await.unwrap();
    }
    assert_eq!(provider.connections(), 3);
    let closed = tokio::time::timeout(Duration::from_secs(1), provider.closed(3)).await;
    assert!(closed.is_ok(), "connections of no use are closed at once");
}

#[tokio::test]
async fn a_connection_with_bytes_that_nobody_asked_for_is_not_used_again() {
    let mut bytes = chat();
    bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nghost");
    let provider = Provider::always(vec![send(bytes)]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    for _ in 0..5 {
        assert_eq!(gateway.plain().await.unwrap().body, CHAT);
    }
    assert_eq!(provider.connections(), 5);
}

#[tokio::test]
async fn calls_at_the_same_time_have_connections_of_their_own() {
    let provider = Provider::always(vec![Step::Pause, send(chat())]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    for _ in 0..3 {
        for answer in join_all((0..20).map(|_| gateway.plain())).await {
            answer.unwrap();
        }
    }
    assert_eq!(provider.connections(), 20);
}

#[tokio::test]
async fn a_reload_keeps_the_connections_of_what_did_not_change() {
    let provider = Provider::always(vec![send(chat())]);
    let row = find("openai").unwrap();
    let place = Place::of(row, Some(&provider.listen().await)).unwrap();
    let mut settings = ConnectionSettings::new("main", row, place);
    settings.credential = Some(Secret::new("sk-one"));
    let gateway = Gateway::with(settings.clone());
    gateway.plain().await.unwrap();

    gateway.upstreams().reload(vec![settings.clone()]).unwrap();
    gateway.plain().await.unwrap();
    assert_eq!(provider.connections(), 1);

    settings.credential = Some(Secret::new("sk-two"));
    gateway.upstreams().reload(vec![settings.clone()]).unwrap();
    gateway.plain().await.unwrap();
    assert_eq!(provider.connections(), 2);
    assert_eq!(
        provider.received()[2].header("authorization"),
        ["Bearer sk-two"]
    );

    settings.credential = Some(Secret::new("sk\nbroken"));
    gateway.upstreams().reload(vec![settings]).unwrap_err();
    gateway.plain().await.unwrap();
    assert_eq!(
        provider.received()[3].header("authorization"),
        ["Bearer sk-two"]
    );
}

#[tokio::test]
async fn a_reload_does_not_disturb_a_stream() {
    let provider = Provider::always(whole_stream());
    let gateway = Arc::new(Gateway::at("openai", &provider.listen().await));
    let pieces = gateway.stream().await.unwrap();
    gateway.upstreams().reload(Vec::new()).unwrap();
    assert!(read(pieces).await.is_whole());
    assert_eq!(gateway.plain_failure().await.code, Code::NoTargets);
}
