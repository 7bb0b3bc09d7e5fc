//! Plain answers, whole and broken.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tollgate_core::error::Code;
use tollgate_engine::port::Reply;

use crate::world::{CHAT, Gateway, Provider, Step, answer, call, send};

const JSON: &str = "application/json";

async fn gateway(steps: Vec<Step>) -> (Provider, Gateway) {
    let provider = Provider::always(steps);
    let gateway = Gateway::at("openai", &provider.listen().await);
    (provider, gateway)
}

#[tokio::test]
async fn an_answer_passes_byte_for_byte() {
    let (provider, gateway) = gateway(vec![send(answer("200 OK", JSON, CHAT))]).await;
    assert_eq!(gateway.plain().await.unwrap().body, CHAT);
    let received = provider.received();
    assert!(
        received[0]
            .head
            .starts_with("POST /v1/chat/completions HTTP/1.1\r\n")
    );
    let body = String::from_utf8(received[0].body.clone()).unwrap();
    assert_eq!(
        body,
        String::from_utf8(call(false).body.to_vec())
            .unwrap()
            .replace("\"m\"", "\"m-upstream\"")
    );
}

#[tokio::test]
async fn an_answer_in_many_parts_arrives_whole() {
    let long = CHAT.replace("Hello", &"Hello ".repeat(400_000));
    let (_, gateway) = gateway(vec![send(answer("200 OK", JSON, &long))]).await;
    assert!(gateway.plain().await.unwrap().body == long.as_bytes());
}

#[tokio::test]
async fn an_answer_without_length_ends_with_the_connection() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let (_, gateway) = gateway(vec![send(format!("{head}{CHAT}")), Step::Close]).await;
    assert_eq!(gateway.plain().await.unwrap().body, CHAT);
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let mut bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
    bytes.extend(answer("200 OK", JSON, CHAT));
    let (_, gateway) = gateway(vec![send(bytes)]).await;
    assert_eq!(gateway.plain().await.unwrap().body, CHAT);
}

#[tokio::test]
async fn a_wellformed_request_id_of_the_provider_is_kept() {
    for (sent, kept) in [
        ("req_abc-123", Some("req_abc-123")),
        ("has space", None),
        ("caf\u{e9}", None),
        ("", None),
        (&"a".repeat(129), None),
    ] {
        let head = format!("200 OK\r\nx-request-id: {sent}");
        let (_, gateway) = gateway(vec![send(answer(&head, JSON, CHAT))]).await;
        let delivery = gateway.send(&call(false)).await.unwrap();
        assert!(matches!(delivery.reply, Reply::Answer(_)));
        assert_eq!(delivery.provider_request_id.as_deref(), kept, "{sent}");
    }
}

#[tokio::test]
async fn a_failure_keeps_status_and_request_id_of_the_provider() {
    let head = "429 Too Many Requests\r\nx-request-id: req_9";
    let body = r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
    let (_, gateway) = gateway(vec![send(answer(head, JSON, body))]).await;
    let failure = gateway.plain_failure().await;
    assert_eq!(failure.code, Code::ProviderRateLimited);
    assert_eq!(failure.provider_status, Some(429));
    assert_eq!(failure.provider_request_id.as_deref(), Some("req_9"));
    assert_eq!(failure.exchange, None);
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_invalid() {
    for (last, exchange) in [
        (Step::Close, "closed_in_answer"),
        (Step::Reset, "reset_in_answer"),
    ] {
        let mut bytes = answer("200 OK", JSON, CHAT);
        bytes.truncate(bytes.len() - 1);
        let (_, gateway) = gateway(vec![send(bytes), Step::Pause, last]).await;
        let failure = gateway.plain_failure().await;
        assert_eq!(failure.code, Code::ProviderInvalidResponse);
        assert_eq!(failure.exchange, Some(exchange));
        assert_eq!(failure.provider_status, Some(200));
    }
}

#[tokio::test]
async fn a_good_status_without_an_answer_is_invalid() {
    for (content_type, body, word) in [
        ("text/html", "<html><body>nginx</body></html>", "HTML"),
        (JSON, "  <!DOCTYPE html>", "HTML"),
        (JSON, "", "empty"),
        (JSON, r#"{"choices":[{"#, "not valid JSON"),
        (JSON, "\u{feff}ok", "not valid JSON"),
        (JSON, r#"{"status":"ok"}"#, "lacks"),
    ] {
        let (_, gateway) = gateway(vec![send(answer("200 OK", content_type, body))]).await;
        let failure = gateway.plain_failure().await;
        assert_eq!(failure.code, Code::ProviderInvalidResponse, "{body}");
        let message = failure.message.as_deref().unwrap();
        assert!(message.contains(word), "{body}: {message}");
    }
}

#[tokio::test]
async fn an_error_inside_a_good_status_is_a_failure() {
    let body = r#"{"error":{"message":"The server had an error","type":"server_error"}}"#;
    let (_, gateway) = gateway(vec![send(answer("200 OK", JSON, body))]).await;
    for failure in [
        gateway.plain_failure().await,
        gateway.stream_failure().await,
    ] {
        assert_eq!(failure.code, Code::ProviderError);
        assert_eq!(failure.provider_status, Some(200));
    }
}

#[tokio::test]
async fn an_error_body_of_10_megabytes_is_not_read_whole() {
    let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "x".repeat(10_000_000));
    for status in [400, 429, 500] {
        let bytes = answer(&format!("{status} Status"), JSON, &body);
        let (provider, gateway) = gateway(vec![send(bytes), Step::Hold]).await;
        let failure = gateway.plain_failure().await;
        assert_eq!(failure.provider_status, Some(status));
        let text = failure.provider_text.as_deref().unwrap_or_default();
        assert!(text.len() <= 4096, "{} bytes of text are kept", text.len());
        provider.closed(1).await;
    }
}

#[tokio::test]
async fn error_bodies_of_every_kind_become_one_failure() {
    let kinds: [(&str, &[u8]); 6] = [
        ("text/html", b"<html>502 Bad Gateway</html>"),
        (JSON, b""),
        (JSON, b"\xff\xfe\x80"),
        (JSON, b"{\"error\":"),
        ("text/plain", b"upstream connect error"),
        ("image/png", b"\x89PNG"),
    ];
    for (content_type, body) in kinds {
        for (status, code) in [
            ("401 Unauthorized", Code::ProviderAuthenticationFailed),
            ("429 Too Many Requests", Code::ProviderRateLimited),
            ("500 Internal Server Error", Code::ProviderError),
        ] {
            let (_, gateway) = gateway(vec![send(answer(status, content_type, body))]).await;
            assert_eq!(
                gateway.plain_failure().await.code,
                code,
                "{status} {content_type}"
            );
            assert_eq!(
                gateway.stream_failure().await.code,
                code,
                "{status} {content_type}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_body_that_does_not_come_is_not_awaited_for_long() {
    let head = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 100\r\n\r\n{\"error\"";
    let provider = Provider::always(vec![send(head), Step::Hold]);
    let gateway = Gateway::inside(&provider);
    let begin = tokio::time::Instant::now();
    assert_eq!(
        gateway.plain_failure().await.code,
        Code::ProviderRateLimited
    );
    assert_eq!(
        gateway.stream_failure().await.code,
        Code::ProviderRateLimited
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(10));
}

#[tokio::test]
async fn an_error_body_that_breaks_off_leaves_the_status() {
    let head = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 100\r\n\r\n{\"error\"";
    for last in [Step::Close, Step::Reset] {
        let (_, gateway) = gateway(vec![send(head), Step::Pause, last]).await;
        assert_eq!(
            gateway.plain_failure().await.code,
            Code::ProviderRateLimited
        );
    }
}

#[tokio::test]
async fn an_encoded_answer_is_invalid_and_says_so() {
    let head = "200 OK\r\ncontent-encoding: gzip";
    let (_, gateway) = gateway(vec![send(answer(head, JSON, b"\x1f\x8b\x08\0"))]).await;
    for failure in [
        gateway.plain_failure().await,
        gateway.stream_failure().await,
    ] {
        assert_eq!(failure.code, Code::ProviderInvalidResponse);
        assert!(failure.message.as_deref().unwrap().contains("encoded"));
    }
}

#[tokio::test]
async fn an_encoded_error_is_judged_by_its_status_and_not_passed_on() {
    let head = "400 Bad Request\r\ncontent-encoding: gzip";
    let (_, gateway) = gateway(vec![send(answer(head, JSON, b"\x1f\x8b\x08\0"))]).await;
    let failure = gateway.plain_failure().await;
    assert_eq!(failure.code, Code::ProviderInvalidRequest);
    assert!(failure.passthrough.is_none());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Provider::always(vec![send(answer("200 OK", JSON, CHAT))]);
    let url = elsewhere.listen().await;
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let head = format!("{status}\r\nlocation: {url}/chat/completions");
        let (_, gateway) = gateway(vec![send(answer(&head, JSON, ""))]).await;
        let failure = gateway.plain_failure().await;
        assert_eq!(failure.code, Code::ProviderInvalidResponse);
        assert!(failure.message.as_deref().unwrap().contains("redirect"));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_switch_of_protocols_is_invalid() {
    let bytes = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
    let (_, gateway) = gateway(vec![send(bytes), Step::Hold]).await;
    assert_eq!(
        gateway.plain_failure().await.code,
        Code::ProviderInvalidResponse
    );
}

#[tokio::test]
async fn an_early_refusal_is_heard_while_the_body_is_still_being_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::at(
        "openai",
        &format!("http://{}/v1", listener.local_addr().unwrap()),
    );
    let mut call = call(false);
    let filler = format!("{{\"x\":\"{}\",", "x".repeat(20_000_000));
    call.body = Bytes::from([filler.as_bytes(), &call.body[1..]].concat());
    call.marks.model = Some(filler.len() + 8..filler.len() + 11);
    let (outcome, mut stream) = tokio::join!(gateway.send(&call), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        let refusal = answer(
            "413 Content Too Large",
            JSON,
            r#"{"error":{"message":"no"}}"#,
        );
        stream.write_all(&refusal).await.unwrap();
        stream
    });
    let failure = outcome.err().unwrap();
    assert_eq!(failure.code, Code::ProviderRequestTooLarge);
    // What is left of the request must not be taken for another one.
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection is closed at once");
    assert!(rest.len() < 20_000_000);
}

#[tokio::test]
async fn an_error_that_stands_in_an_array_is_read() {
    let body = r#" [ {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}} ] "#;
    let (_provider, gateway) = gateway(vec![send(answer("200 OK", JSON, body))]).await;
    for failure in [
        gateway.plain_failure().await,
        gateway.stream_failure().await,
    ] {
        assert_eq!(failure.code, Code::ProviderOverloaded, "{failure}");
    }
    // Two elements are no error, whatever they hold.
    let body = r#"[{"error":{"message":"a"}},{"error":{"message":"b"}}]"#;
    let (_provider, gateway) = self::gateway(vec![send(answer("200 OK", JSON, body))]).await;
    let failure = gateway.plain_failure().await;
    assert_eq!(failure.code, Code::ProviderInvalidResponse);
}

#[tokio::test]
async fn an_answer_that_cannot_be_taken_keeps_what_was_used() {
    let usage = r#""usage":{"prompt_tokens":20,"completion_tokens":7}"#;
    for body in [
        format!(r#"{{"object":"chat.completion",{usage}}}"#),
        format!(r#"{{"error":{{"message":"no","type":"server_error"}},{usage}}}"#),
        format!(
            r#"{{"choices":[{{"message":{{"content":"x"}},"finish_reason":"error"}}],{usage}}}"#
        ),
    ] {
        let (_, gateway) = gateway(vec![send(answer("200 OK", JSON, &body))]).await;
        let failure = gateway.plain().await.unwrap_err();
        let used = failure.usage.map(|usage| (usage.prompt, usage.completion));
        assert_eq!(used, Some((20, 7)), "{body}");
    }
    let (_, gateway) = gateway(vec![send(answer("200 OK", JSON, "{}"))]).await;
    assert_eq!(gateway.plain().await.unwrap_err().usage, None);
}
