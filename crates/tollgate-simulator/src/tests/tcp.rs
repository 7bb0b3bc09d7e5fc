//! What only a real transport shows: resets, and ends in order.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{Seen, chat, post, read, simulator};
use crate::{Outcome, Rule, Simulator};

const SOON: Duration = Duration::from_secs(5);

struct Port {
    simulator: Simulator,
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Port {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (simulator, shutdown, tasks) =
            (simulator(), CancellationToken::new(), TaskTracker::new());
        let (serving, ending) = (simulator.clone(), shutdown.clone());
        tasks.spawn(async move { serving.serve(listener, ending).await.unwrap() });
        tasks.close();
        Self {
            simulator,
            address,
            shutdown,
            tasks,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn meet(&self, fault: &str) -> Seen {
        let body = chat(&format!("fault/{fault}"), &json!({"stream": true}));
        read(
            self.connect().await,
            &post("/v1/chat/completions", "", &body),
        )
        .await
    }
}

#[tokio::test]
async fn a_reset_is_a_reset_and_an_end_is_an_end() {
    let port = Port::open().await;
    let reset = Some(ErrorKind::ConnectionReset);
    for (fault, failure) in [
        ("cut-after-3:how=rst", reset),
        ("cut-after-3:how=fin", None),
        ("close-before-answer:how=rst", reset),
        ("close-before-answer:how=fin", None),
        ("cut-head:how=rst", reset),
        ("no-end-chunk:how=fin", None),
        ("bom+line-ends-cr", None),
    ] {
        assert_eq!(port.meet(fault).await.failure, failure, "{fault}");
    }
}

#[tokio::test]
async fn what_was_written_before_an_end_in_order_arrives() {
    let port = Port::open().await;
    let seen = port.meet("cut-after-3:part=9").await;
    assert!(seen.ends_with("data: {\"i"));
    assert_eq!(seen.data().len(), 4);
    let one = port.simulator.requests().remove(0);
    assert_eq!((one.outcome, one.chunks_written), (Outcome::Faulted, 4));
}

#[tokio::test]
async fn a_connection_can_end_as_soon_as_it_is_accepted() {
    let port = Port::open().await;
    for (fault, failure) in [
        ("close-on-accept-fin", None),
        ("close-on-accept-rst", Some(ErrorKind::ConnectionReset)),
    ] {
        port.simulator
            .script(Rule::new(fault).unwrap().times(1))
            .unwrap();
        let mut io = port.connect().await;
        let ended = io.read(&mut [0; 8]).await;
        assert_eq!(
            ended.as_ref().err().map(std::io::Error::kind),
            failure,
            "{fault}"
        );
        assert_eq!(ended.unwrap_or(0), 0);
    }
    assert!(port.meet("bom").await.whole, "the rules are used up");
    assert_eq!(port.simulator.stats().received, 1);
}

#[tokio::test]
async fn a_kept_connection_is_closed_while_it_is_idle() {
    let port = Port::open().await;
    let mut io = port.connect().await;
    let body = chat("fault/close-idle", &json!({})).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    io.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(!answer.contains("connection: close"));
}

#[tokio::test]
async fn a_client_that_ends_or_resets_is_noticed() {
    let port = Port::open().await;
    for (gone, reset) in [(1, false), (2, true)] {
        let mut io = port.connect().await;
        let body = chat("fault/stall-after-2", &json!({"stream": true}));
        io.write_all(post("/v1/chat/completions", "", &body).as_bytes())
            .await
            .unwrap();
        port.simulator
            .wait_for(|stats| stats.chunks == gone * 2, SOON)
            .await
            .unwrap();
        if reset {
            io.set_zero_linger().unwrap();
        }
        drop(io);
        port.simulator
            .wait_for(|stats| stats.client_gone == gone, SOON)
            .await
            .unwrap();
    }
    assert!(
        port.simulator
            .requests()
            .iter()
            .all(|one| one.chunks_written == 2)
    );
}

#[tokio::test]
async fn shutting_down_ends_the_connections_and_the_serving() {
    let port = Port::open().await;
    let mut idle = port.connect().await;
    port.simulator
        .wait_for(|stats| stats.open_connections == 1, SOON)
        .await
        .unwrap();
    port.shutdown.cancel();
    tokio::time::timeout(SOON, port.tasks.wait()).await.unwrap();
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(port.simulator.stats().open_connections, 0);
}
