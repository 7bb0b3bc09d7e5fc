use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::{ask, chat, post, simulator};
use crate::{Outcome, Settings, Simulator, Stats};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_is_noticed_while_a_stream_is_silent() {
    let simulator = simulator();
    let mut io = simulator.connect();
    let body = chat("fault/stall-after-3", &json!({"stream": true}));
    io.write_all(post("/v1/chat/completions", "", &body).as_bytes())
        .await
        .unwrap();
    simulator
        .wait_for(|stats| stats.chunks == 3, SOON)
        .await
        .unwrap();
    drop(io);
    let stats = simulator
        .wait_for(|stats| stats.client_gone == 1, SOON)
        .await
        .unwrap();
    assert_eq!((stats.received, stats.open), (1, 0));
    let one = simulator.requests().remove(0);
    assert_eq!((one.outcome, one.chunks_written), (Outcome::ClientGone, 3));
    assert!(one.ended_ms >= one.head_ms);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_before_the_head_is_noticed() {
    let simulator = simulator();
    let mut io = simulator.connect();
    let body = chat("fault/delay-head", &json!({}));
    io.write_all(post("/v1/chat/completions", "", &body).as_bytes())
        .await
        .unwrap();
    simulator
        .wait_for(|stats| stats.open == 1, SOON)
        .await
        .unwrap();
    drop(io);
    simulator
        .wait_for(|stats| stats.client_gone == 1, SOON)
        .await
        .unwrap();
    assert_eq!(simulator.requests()[0].head_ms, None);
}

#[tokio::test]
async fn a_client_that_goes_away_is_noticed_in_the_middle_of_an_endless_line() {
    let simulator = simulator();
    let mut io = simulator.connect();
    let body = chat("fault/endless-line", &json!({"stream": true}));
    io.write_all(post("/v1/chat/completions", "", &body).as_bytes())
        .await
        .unwrap();
    let mut part = vec![0; 1_000_000];
    io.read_exact(&mut part).await.unwrap();
    drop(io);
    simulator
        .wait_for(|stats| stats.client_gone == 1, SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn waiting_for_what_does_not_happen_ends_with_the_counts() {
    let simulator = simulator();
    ask(&simulator, &chat("echo", &json!({}))).await;
    let waited = simulator
        .wait_for(|stats| stats.received == 2, Duration::from_millis(1))
        .await;
    let stats: Stats = waited.unwrap_err().stats;
    assert_eq!(stats.received, 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_what_is_open_and_counts_it() {
    let simulator = simulator();
    let mut io = simulator.connect();
    let body = chat("fault/delay-head", &json!({}));
    io.write_all(post("/v1/chat/completions", "", &body).as_bytes())
        .await
        .unwrap();
    simulator
        .wait_for(|stats| stats.open == 1, SOON)
        .await
        .unwrap();
    simulator.stop().await;
    let stats = simulator.stats();
    assert_eq!(
        (stats.stopped, stats.open, stats.open_connections),
        (1, 0, 0)
    );
    assert_eq!(simulator.requests()[0].outcome, Outcome::Stopped);
}

#[tokio::test]
async fn every_request_ends_in_exactly_one_way() {
    let simulator = simulator();
    let models = [
        "echo",
        "fault/cut-after-1",
        "fault/quota",
        "fault/close-before-answer",
    ];
    for model in models.iter().cycle().take(100) {
        ask(&simulator, &chat(model, &json!({"stream": true}))).await;
    }
    let stats = simulator
        .wait_for(|stats| stats.open == 0, SOON)
        .await
        .unwrap();
    assert_eq!(
        (stats.received, stats.answered, stats.faulted),
        (100, 50, 50)
    );
    assert_eq!((stats.with_fault, stats.client_gone), (75, 0));
}

#[tokio::test]
async fn connections_beyond_the_bound_are_at_their_end() {
    let settings = Settings {
        most_connections: 1,
        ..Settings::default()
    };
    let simulator = Simulator::new(settings);
    let first = simulator.connect();
    let mut second = simulator.connect();
    assert_eq!(second.read(&mut [0; 8]).await.unwrap(), 0);
    drop(first);
}
