//! HTTP/2 from the client, and to the provider.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::world::{KEY, PATIENCE, World};

const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"over two"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
const EVENTS: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":",
    "{\"content\":\"over two\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":",
    "{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
);

/// A provider that speaks nothing but HTTP/2.
async fn provider(seen: Arc<AtomicUsize>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = TaskTracker::new();
    tasks.clone().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            let service = service_fn(move |request: Request<Incoming>| {
                let seen = Arc::clone(&seen);
                async move {
                    if request.version() == Version::HTTP_2 {
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let stream = String::from_utf8_lossy(&body).contains("\"stream\":true");
                    let (kind, text) = if stream {
                        ("text/event-stream", EVENTS)
                    } else {
                        ("application/json", ANSWER)
                    };
                    let body = Full::new(Bytes::from_static(text.as_bytes()));
                    let answer = Response::builder().header("content-type", kind).body(body);
                    Ok::<_, Infallible>(answer.unwrap())
                }
            });
            tasks.spawn(async move {
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    address
}

#[tokio::test]
async fn http_2_is_spoken_on_both_sides() {
    let seen = Arc::new(AtomicUsize::new(0));
    let address = provider(Arc::clone(&seen)).await;
    let world = World::with(&format!(
        "[[connections]]\nname = \"two\"\nprovider = \"openai\"\napi_key = \"sk-provider-2\"\n\
         base_url = \"http://{address}/v1\"\nhttp = \"2\"\n[[models]]\nname = \"two\"\n\
         targets = [{{ connection = \"two\", model = \"m\" }}]\n"
    ))
    .await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let mut calls = Vec::new();
    for stream in [false, true, false, true, false] {
        let body = json!({"model": "two", "stream": stream,
            "messages": [{"role": "user", "content": "x"}]});
        let request = Request::post(format!(
            "http://{}/v1/chat/completions",
            world.gateway.address
        ))
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
        calls.push(client.request(request));
    }
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(answer.version(), Version::HTTP_2);
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("over two"));
    }
    assert_eq!(
        seen.load(Ordering::Relaxed),
        5,
        "the provider was asked over HTTP/2"
    );
}

fn client(window: u32) -> Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .http2_initial_stream_window_size(window)
        .build_http()
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let world = World::start().await;
    let client = client(65_536);
    for (path, status) in [
        ("/v1/models", 200),
        ("/health", 200),
        ("/v1/errors", 200),
        ("/v1/chat/completions", 405),
        ("/nowhere", 404),
    ] {
        let request = Request::head(format!("http://{}{path}", world.gateway.address))
            .header("authorization", format!("Bearer {KEY}"))
            .body(Full::default())
            .unwrap();
        let answer = client.request(request).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let length = answer.headers()["content-length"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(length.parse::<u64>().unwrap() > 0, "{path}: {length}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.is_empty(), "{path}");
    }
    let closed = world
        .gateway
        .metric("tollgate_requests_total", &["client_closed"])
        .await;
    assert_eq!(closed, 0, "every record has ended well");
}

#[tokio::test]
async fn heads_that_are_too_large_get_a_row_of_the_catalogue() {
    let world = World::start().await;
    let client = client(65_536);
    let url = format!("http://{}/v1/models", world.gateway.address);
    let mut many = Request::get(&url);
    for number in 0..150 {
        many = many.header(format!("x-{number}"), "1");
    }
    let large = Request::get(&url).header("x-large", "y".repeat(60_000));
    for request in [many, large] {
        let answer = client
            .request(request.body(Full::default()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(
            answer.headers()["x-tollgate-error-code"],
            "request_too_large"
        );
        assert!(answer.headers().contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn an_answer_that_is_not_taken_in_ends_and_hinders_no_other() {
    let world = World::with_server("write_timeout_ms = 1000\n").await;
    let client = client(1024);
    let ask = |stream: bool, model: &str, content: String| {
        let body = json!({"model": model, "stream": stream,
            "messages": [{"role": "user", "content": content}]});
        let url = format!("http://{}/v1/chat/completions", world.gateway.address);
        let request = Request::post(url)
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        client.request(request)
    };
    let stalled = ask(true, "sim/story-65536", "x".to_owned()).await.unwrap();
    let whole = ask(false, "sim/echo", "x".repeat(500_000)).await.unwrap();
    let gone = world
        .simulator
        .wait_for(|stats| stats.client_gone > 0, PATIENCE)
        .await;
    gone.expect("the provider is left when the client gives no window");
    let other = ask(false, "sim/echo", "x".to_owned()).await.unwrap();
    let body = other.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("usage"));
    let both_end = async {
        let labels = ["client_closed"];
        let name = "tollgate_requests_total";
        while world.gateway.metric(name, &labels).await < 2 {}
    };
    tokio::time::timeout(PATIENCE, both_end)
        .await
        .expect("both have an outcome");
    for (broken, end) in [(stalled, "[DONE]"), (whole, "\"usage\"")] {
        // The client's library takes a stream that was reset for one that ended.
        if let Ok(read) = broken.into_body().collect().await {
            let text = String::from_utf8_lossy(&read.to_bytes()).into_owned();
            assert!(!text.contains(end), "it is no whole answer");
        }
    }
}
