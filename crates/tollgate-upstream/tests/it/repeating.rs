//! What a failure says of whether its request may be sent again, and what shows a provider that
//! it was.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_upstream::ConnectionSettings;
use tollgate_upstream::provider::find;
use tollgate_upstream::settings::Place;

use crate::world::{CHAT, Gateway, Provider, Step, answer, call, send};

const JSON: &str = "application/json";

fn chat() -> Vec<u8> {
    answer("200 OK", JSON, CHAT)
}

#[tokio::test]
async fn only_a_repeatable_request_carries_its_id() {
    let provider = Provider::always(vec![send(chat())]);
    let mut gateway = Gateway::at("openai", &provider.listen().await);
    gateway.plain().await.unwrap();
    gateway.repetition = Some(7);
    gateway.plain().await.unwrap();
    gateway.plain().await.unwrap();
    gateway.repetition = Some(u64::MAX);
    gateway.plain().await.unwrap();
    let ids: Vec<_> = provider
        .received()
        .iter()
        .map(|received| received.header("idempotency-key").join(","))
        .collect();
    assert_eq!(
        ids,
        [
            "",
            "req_1-0000000000000007",
            "req_1-0000000000000007",
            "req_1-ffffffffffffffff"
        ]
    );
}

#[tokio::test]
async fn a_request_that_its_caller_named_keeps_that_name() {
    let provider = Provider::always(vec![send(chat())]);
    let mut gateway = Gateway::at("openai", &provider.listen().await);
    gateway.repetition = Some(7);
    let mut call = call(false);
    let name = Bytes::from_static(b"idempotency-key");
    call.carried.push((name, Bytes::from_static(b"mine")));
    gateway.send(&call).await.unwrap();
    assert_eq!(provider.received()[0].header("idempotency-key"), ["mine"]);
}

#[tokio::test]
async fn a_header_that_the_connection_declares_stays() {
    let provider = Provider::always(vec![send(chat())]);
    let row = find("openai").unwrap();
    let place = Place::of(row, Some(&provider.listen().await)).unwrap();
    let mut settings = ConnectionSettings::new("main", row, place);
    let name = http::HeaderName::from_static("idempotency-key");
    settings.headers = vec![(name, http::HeaderValue::from_static("fixed"))];
    let mut gateway = Gateway::with(settings);
    gateway.repetition = Some(7);
    gateway.plain().await.unwrap();
    assert_eq!(provider.received()[0].header("idempotency-key"), ["fixed"]);
}

/// A call whose body is this much longer.
fn long_call(bytes: usize) -> Call {
    let mut call = call(false);
    let filler = format!("{{\"x\":\"{}\",", "x".repeat(bytes));
    call.body = Bytes::from([filler.as_bytes(), &call.body[1..]].concat());
    call.marks.model = Some(filler.len() + 8..filler.len() + 11);
    call
}

fn assert_broke(failure: &Failure, exchange: &str, unsent: bool) {
    assert_eq!(failure.exchange, Some(exchange), "{failure}");
    assert_eq!(failure.unsent, unsent, "{failure}");
}

#[tokio::test]
async fn a_request_that_had_not_left_whole_is_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let gateway = Gateway::at("openai", &url);
    let call = long_call(20_000_000);
    let (outcome, ()) = tokio::join!(gateway.send(&call), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.set_zero_linger().unwrap();
    });
    assert_broke(&outcome.err().unwrap(), "reset_before_answer", true);
}

#[tokio::test]
async fn a_request_that_took_too_long_to_leave_is_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut gateway = Gateway::at("openai", &url);
    gateway.timeouts.answer = Duration::from_millis(300);
    gateway.timeouts.first_byte = Duration::from_millis(300);
    let mut call = long_call(20_000_000);
    for (stream, word) in [(false, "answer_timeout"), (true, "first_byte_timeout")] {
        call.stream = stream;
        // The system takes what fits into its buffers; nobody ever reads it.
        let failure = gateway.send(&call).await.err().unwrap();
        assert_broke(&failure, word, true);
        assert_eq!(failure.code, Code::ProviderTimeout);
    }
}

#[tokio::test]
async fn a_request_that_waited_for_its_connection_is_unsent() {
    // Nobody answers the handshake, and the bound of the answer is the earlier one.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let mut gateway = Gateway::at("openai", &url);
    gateway.timeouts.answer = Duration::from_millis(100);
    assert_broke(&gateway.plain_failure().await, "answer_timeout", true);
    gateway.timeouts.first_byte = Duration::from_millis(100);
    assert_broke(&gateway.stream_failure().await, "first_byte_timeout", true);
    let call = call(false);
    let late = gateway.send_within(&call, Duration::from_millis(50)).await;
    assert_broke(&late.err().unwrap(), "deadline", true);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_had_left_may_have_been_worked_on() {
    let provider = Provider::always(vec![Step::Hold]);
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.answer = Duration::from_secs(1);
    assert_broke(&gateway.plain_failure().await, "answer_timeout", false);
    gateway.timeouts.first_byte = Duration::from_secs(1);
    assert_broke(&gateway.stream_failure().await, "first_byte_timeout", false);
}

#[tokio::test]
async fn a_call_that_cannot_be_put_to_the_provider_is_unsent() {
    let provider = Provider::always(vec![send(chat())]);
    let url = provider.listen().await;
    let mut gateway = Gateway::at("google", &url);
    gateway.model = "..";
    assert!(gateway.plain_failure().await.unsent);
    assert_eq!(provider.connections(), 0);
}

/// A connection that the provider closed while it waited is noticed before it is used. What was
/// written to one that closes at that moment may have been read: that is told, not hidden, and
/// the pool sends nothing twice.
#[tokio::test]
async fn a_waiting_connection_that_closes_under_a_request_is_not_hidden() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let gateway = Gateway::at("openai", &url);
    let provider = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 16 * 1024];
        assert_ne!(stream.read(&mut head).await.unwrap(), 0);
        stream.write_all(&chat()).await.unwrap();
        // The second request is here, whole, when the connection closes.
        assert_ne!(stream.read(&mut head).await.unwrap(), 0);
        drop(stream);
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_ne!(stream.read(&mut head).await.unwrap(), 0);
        stream.write_all(&chat()).await.unwrap();
    };
    let calls = async {
        gateway.plain().await.unwrap();
        let failure = gateway.plain_failure().await;
        assert_broke(&failure, "closed_before_answer", false);
        gateway.plain().await.unwrap();
    };
    tokio::join!(provider, calls);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_connection_that_has_closed_costs_no_call() {
    // The end of the connection is there when the next request looks for it: it goes out over a
    // new one, once.
    let provider = Provider::always(vec![send(chat()), Step::Close]);
    let mut gateway = Gateway::inside(&provider);
    gateway.repetition = Some(7);
    for number in 1..=50 {
        gateway.plain().await.unwrap();
        provider.closed(number).await;
    }
    assert_eq!(
        (provider.connections(), provider.received().len()),
        (50, 50)
    );
}
