use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::{chat, exchange, get, post, read, simulator};
use crate::{Settings, Simulator};

#[tokio::test]
async fn a_connection_takes_one_request_after_the_other() {
    let simulator = simulator();
    let body = chat("echo", &json!({})).to_string();
    let one = format!(
        "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let last = "GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n";
    let seen = exchange(&simulator, &format!("{one}{one}{last}")).await;
    assert_eq!(
        memchr::memmem::find_iter(&seen.raw, b"HTTP/1.1 200 OK\r\n").count(),
        3
    );
    let connections: Vec<u64> = simulator
        .requests()
        .iter()
        .map(|one| one.connection)
        .collect();
    assert_eq!(connections, [1, 1, 1]);
}

#[tokio::test]
async fn a_chunked_request_is_put_together() {
    let simulator = simulator();
    let request = "POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\
        connection: close\r\n\r\n\
        1b\r\n{\"model\":\"echo\",\"messages\":\r\n\
        26;x=y\r\n[{\"role\":\"user\",\"content\":\"in parts\"}]\r\n\
        1\r\n}\r\n0\r\ntrailer: t\r\n\r\n";
    let seen = exchange(&simulator, request).await;
    assert_eq!(seen.json()["choices"][0]["message"]["content"], "in parts");
}

#[tokio::test]
async fn the_body_is_asked_for_when_the_client_waits_for_that() {
    let mut io = simulator().connect();
    let body = chat("echo", &json!({})).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nexpect: 100-continue\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    io.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    io.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(read(io, &body).await.status(), 200);
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let request = "HEAD /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n";
    let seen = exchange(&simulator(), request).await;
    assert!(seen.raw.ends_with(b"\r\n\r\n"));
    assert_eq!(seen.status(), 405);
}

#[tokio::test]
async fn http_1_0_ends_the_connection() {
    let seen = exchange(&simulator(), "GET /v1/models HTTP/1.0\r\n\r\n").await;
    assert_eq!(
        (seen.status(), seen.header("connection")),
        (200, Some("close"))
    );
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_refused() {
    let simulator = simulator();
    assert_eq!(get(&simulator, "/v1/nothing").await.status(), 404);
    assert_eq!(get(&simulator, "/v1/chat/completions").await.status(), 405);
}

#[tokio::test(start_paused = true)]
async fn requests_that_cannot_be_read_are_refused() {
    let long = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(70_000));
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nx : y\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            400,
        ),
        ("POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
            400,
        ),
        ("POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", 413),
        (
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5f5e0ff\r\n",
            413,
        ),
        (&long, 413),
        // These never end; time passes by itself in this test.
        ("GET / HTT", 408),
        ("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab", 408),
    ] {
        let simulator = simulator();
        let seen = exchange(&simulator, request).await;
        assert_eq!(seen.status(), status, "{}", request.lines().next().unwrap());
        assert_eq!(
            (simulator.stats().received, simulator.stats().unreadable),
            (0, 1)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let simulator = simulator();
    let seen = exchange(&simulator, "").await;
    assert!(seen.raw.is_empty());
    assert_eq!(seen.took, 600_000);
}

#[tokio::test(start_paused = true)]
async fn no_answer_takes_longer_than_it_may() {
    let settings = Settings {
        longest_answer: std::time::Duration::from_secs(5),
        ..Settings::default()
    };
    let simulator = Simulator::new(settings);
    let body = chat("fault/stall-after-1", &json!({"stream": true}));
    let seen = exchange(&simulator, &post("/v1/chat/completions", "", &body)).await;
    assert!((5_000..8_000).contains(&seen.took), "{}", seen.took);
    assert_eq!(simulator.stats().faulted, 1);
}

#[tokio::test]
async fn a_key_is_asked_for_only_where_one_is_set() {
    let settings = Settings {
        api_key: Some("sk-sim".to_owned()),
        ..Settings::default()
    };
    let simulator = Simulator::new(settings);
    let body = chat("echo", &json!({}));
    for (header, status) in [
        ("", 401),
        ("authorization: Bearer sk-other\r\n", 401),
        ("authorization: Bearer sk-sim\r\n", 200),
    ] {
        let seen = exchange(&simulator, &post("/v1/chat/completions", header, &body)).await;
        assert_eq!(seen.status(), status, "{header}");
    }
}
