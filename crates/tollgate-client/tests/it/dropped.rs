//! Callers that do not wait for the end.

use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use serde_json::json;
use tollgate_client::{ChatRequest, CircuitBreaker, Client, State};

use crate::server::Server;

fn client(server: &Server) -> Client {
    let breaker = Arc::new(CircuitBreaker::new(1, Duration::from_secs(60)));
    let builder = Client::builder(&server.address, "sk-test-key").breaker(Some(breaker));
    builder.build().unwrap()
}

#[tokio::test]
async fn a_request_that_is_given_up_counts_as_no_failure_of_the_gateway() {
    let server = Server::start(&[]).await;
    let client = client(&server);
    let hello = ChatRequest::user("hello");
    {
        let mut asking = Box::pin(client.chat(&hello));
        let mut context = Context::from_waker(Waker::noop());
        assert!(asking.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(client.breaker().unwrap().state(), State::Closed);
    let stats = client.metrics().stats();
    assert_eq!((stats.total_requests, stats.total_errors), (1, 1));
}

#[tokio::test]
async fn a_stream_that_is_dropped_lets_go_of_the_gateway_and_is_no_error() {
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": "a"}}]});
    let server = Server::start(&[json!({"events": [chunk], "ending": "silence"})]).await;
    let client = client(&server);
    let mut stream = client
        .chat_stream(&ChatRequest::user("hello"))
        .await
        .unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().text(), "a");
    drop(stream);
    assert!(server.is_let_go().await);
    let stats = client.metrics().stats();
    assert_eq!((stats.total_requests, stats.total_errors), (1, 0));
}
