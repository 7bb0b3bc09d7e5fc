//! What is sent again, and what is not, where the answer got lost.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tollgate_client::{Builder, Call, Client, Kind, RetryPolicy};

use crate::server::Server;

/// How often a call is sent whose first answer gets lost.
async fn sent(method: Method, habits: impl Fn(Builder) -> Builder) -> (usize, Option<Kind>) {
    let done = json!({"status": 200, "json": {"done": true}});
    let server = Server::start(&[json!({"fault": "close"}), done]).await;
    let builder = Client::builder(&server.address, "sk-test-key").retry(RetryPolicy {
        base: Duration::ZERO,
        ..RetryPolicy::default()
    });
    let client = habits(builder).build().unwrap();
    let call = Call {
        method,
        path: "/api/keys/key_1".to_owned(),
        body: None,
    };
    let outcome = client.call(call).await;
    let (requests, _) = server.end();
    (requests.len(), outcome.err().map(|error| error.kind))
}

#[tokio::test]
async fn what_changes_something_is_sent_again_only_under_a_key() {
    for (method, times) in [
        (Method::GET, 2),
        (Method::POST, 2),
        (Method::PUT, 1),
        (Method::PATCH, 1),
        (Method::DELETE, 1),
    ] {
        let lost = (times == 1).then_some(Kind::Connection);
        let outcome = sent(method.clone(), |builder| builder).await;
        assert_eq!(outcome, (times, lost), "{method}");
    }
    let outcome = sent(Method::POST, Builder::without_idempotency_keys).await;
    assert_eq!(outcome, (1, Some(Kind::Connection)), "POST without a key");
}

#[tokio::test]
async fn who_wants_to_know_is_told_of_each_repeat() {
    let (told, heard) = std::sync::mpsc::channel();
    let outcome = sent(Method::GET, |builder| {
        let told = told.clone();
        builder.on_retry(move |error, wait| told.send((error.kind, wait)).unwrap())
    });
    assert_eq!(outcome.await, (2, None));
    let all: Vec<_> = heard.try_iter().collect();
    assert_eq!(all, [(Kind::Connection, Duration::ZERO)]);
}
