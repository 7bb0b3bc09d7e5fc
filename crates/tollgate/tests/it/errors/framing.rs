//! Requests that are not well-formed HTTP, or whose length can be read in two ways.

use crate::raw::Raw;
use crate::world::{KEY, World};

#[tokio::test]
async fn what_is_not_http_gets_a_row_of_the_catalogue() {
    let world = World::start().await;
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
    let world = World::start().await;
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
