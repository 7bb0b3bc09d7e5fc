//! Requests that are not well-formed HTTP, or whose length can be read in two ways.

use crate::raw::{Raw, chat_request};
use crate::world::{KEY, World};

#[tokio::test]
async fn what_is_not_http_gets_a_row_of_the_catalogue() {
    let world = World::once("").await;
    let many: String = (0..200)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    for (bytes, status, code) in [
        (
            "GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(),
            400,
            "invalid_request",
        ),
        (
            "\u{1}\u{2}\u{3} nonsense\r\n\r\n".to_owned(),
            400,
            "invalid_request",
        ),
        (
            format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100_000)),
            413,
            "request_too_large",
        ),
        (
            format!("GET / HTTP/1.1\r\n{many}\r\n"),
            413,
            "request_too_large",
        ),
        (
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_owned(),
            400,
            "invalid_request",
        ),
        (
            "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\na".to_owned(),
            400,
            "invalid_request",
        ),
        (
            "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
            400,
            "invalid_request",
        ),
    ] {
        let mut raw = Raw::open(world.gateway.address).await;
        raw.send(&bytes).await;
        let answer = raw.rest().await;
        let shown = &bytes[..bytes.len().min(80)];
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{shown:?}: {answer}"
        );
        assert!(
            answer.contains(&format!("x-tollgate-error-code: {code}")),
            "{shown:?}: {answer}"
        );
        assert!(answer.contains("\"request_id\":\"req_"), "{answer}");
    }
    let counted = world
        .gateway
        .metric("tollgate_requests_total", &["invalid_request"])
        .await;
    assert!(counted >= 5, "refusals are counted: {counted}");
}

#[tokio::test]
async fn two_lengths_are_refused_and_what_follows_is_never_a_request() {
    let world = World::once("").await;
    let hidden =
        format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\r\n");
    for lengths in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\nContent-Length: 5\r\n",
        "TRANSFER-ENCODING: chunked\r\nCONTENT-LENGTH: 5\r\n",
    ] {
        let mut raw = Raw::open(world.gateway.address).await;
        raw.send(format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\n{lengths}\r\n0\r\n\r\n{hidden}"
        ))
        .await;
        let answer = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lengths:?}: {answer}");
        assert!(
            !answer.contains("\"object\":\"list\""),
            "the hidden request was served: {answer}"
        );
    }
}

#[tokio::test]
async fn each_request_is_judged_on_its_own_head_whatever_the_reads_were() {
    const LENGTHS: [&str; 2] = ["content-length: 5\r\n", "transfer-encoding: chunked\r\n"];
    let world = World::once("").await;
    let get = format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\r\n");
    let post = |between: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
             {}{between}{}\r\n0\r\n\r\n",
            LENGTHS[0], LENGTHS[1]
        )
    };
    let chunked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n{}\r\n\
         1c\r\n\r\n\r\ncontent-length: 5\r\n{{\"a\":\r\n1\r\n}}\r\n0\r\n\r\n",
        LENGTHS[1]
    );
    let long = format!("x-long: {}\r\n", "y".repeat(20_000));
    let document = format!("GET /health HTTP/1.1\r\n{}{}\r\n", LENGTHS[0], LENGTHS[1]);
    for (before, ambiguous) in [
        (vec![&get], post("")),
        (vec![&get, &get, &chunked], post("")),
        (vec![], post(&long)),
        (vec![&chunked], post(&long)),
        (vec![&get], document),
    ] {
        let mut raw = Raw::open(world.gateway.address).await;
        let sent: String = before
            .iter()
            .copied()
            .chain([&ambiguous, &get])
            .cloned()
            .collect();
        raw.send(&sent).await;
        let answer = raw.rest().await;
        let answers = answer.matches("HTTP/1.1 ").count();
        let shown = &sent[..sent.len().min(600)];
        assert_eq!(answers, before.len() + 1, "{shown}: {answer}");
        assert_eq!(
            answer.matches("Send only one of them").count(),
            1,
            "{shown}: {answer}"
        );
    }
}

#[tokio::test]
async fn large_and_chunked_bodies_on_one_connection_are_no_offence() {
    let world = World::once("").await;
    let mut raw = Raw::open(world.gateway.address).await;
    let large = format!(
        "{{\"model\":\"sim/echo\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}",
        "x".repeat(300_000)
    );
    for _ in 0..2 {
        raw.send(chat_request(KEY, &large, "")).await;
        raw.read_until("\"usage\"").await;
        raw.send(format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
             transfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
            large.len()
        ))
        .await;
        raw.read_until("\"usage\"").await;
    }
}
