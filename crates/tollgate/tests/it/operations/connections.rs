//! How long connections may be silent, and how they say what they speak.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use crate::raw::Raw;
use crate::world::{PATIENCE, World};

const GET: &str = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";

/// Nothing comes, not even the end, for as long.
async fn is_silent(raw: &mut Raw, time: Duration) {
    let mut byte = [0];
    let read = tokio::time::timeout(time, raw.0.read(&mut byte)).await;
    assert!(read.is_err(), "{read:?}: {byte:?}");
}

#[tokio::test]
async fn a_connection_may_be_idle_for_longer_than_a_head_may_take() {
    let world = World::with_server("header_timeout_ms = 1000\n").await;
    let mut used = Raw::open(world.gateway.address).await;
    let mut fresh = Raw::open(world.gateway.address).await;
    for _ in 0..2 {
        used.send(GET).await;
        used.read_until("\r\n\r\n{").await;
        let mut rest = [0; 4096];
        // Whatever is left of the body must not be taken for a sign of life.
        while tokio::time::timeout(Duration::from_millis(200), used.0.read(&mut rest))
            .await
            .is_ok_and(|read| read.unwrap() > 0)
        {}
        is_silent(&mut used, Duration::from_millis(2500)).await;
    }
    is_silent(&mut fresh, Duration::from_millis(100)).await;
    fresh.send(GET).await;
    assert!(fresh.read_until("{").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_head_that_is_not_finished_in_time_is_a_request_timeout() {
    let world = World::with_server("header_timeout_ms = 1000\n").await;
    for (whole, part) in [
        ("", "GET /health HTTP/1.1\r\nhost: x\r\n"),
        (GET, "\r\n\r\nGET /he"),
        ("", "PRI * HTT"),
        ("", "P"),
    ] {
        let mut raw = Raw::open(world.gateway.address).await;
        if !whole.is_empty() {
            raw.send(whole).await;
            raw.read_until("\r\n\r\n{").await;
        }
        raw.send(part).await;
        let answer = raw.rest().await;
        let answer = answer.split_once("HTTP/1.1 ").map_or("", |(_, rest)| rest);
        assert!(answer.starts_with("408 "), "{part:?}: {answer}");
        assert!(answer.contains("x-tollgate-error-code: request_timeout"));
    }
    // A head that comes in drops has no more time than another.
    let mut slow = Raw::open(world.gateway.address).await;
    let dripping = async {
        for byte in GET.bytes().cycle().filter(|byte| *byte != b'\n') {
            slow.send([byte]).await;
            let mut read = [0; 512];
            let pause = Duration::from_millis(100);
            if let Ok(read_bytes) = tokio::time::timeout(pause, slow.0.read(&mut read)).await {
                let count = read_bytes.unwrap();
                return String::from_utf8_lossy(&read[..count]).into_owned();
            }
        }
        String::new()
    };
    let answer = tokio::time::timeout(PATIENCE, dripping).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn the_protocol_is_told_by_the_whole_preface_however_it_arrives() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// Without any setting.
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let world = World::start().await;
    let mut two = Raw::open(world.gateway.address).await;
    two.0.set_nodelay(true).unwrap();
    for byte in PREFACE.iter().chain(SETTINGS) {
        two.send([*byte]).await;
        tokio::task::yield_now().await;
        is_silent_or_settings(&mut two).await;
    }
    let mut head = [0; 9];
    tokio::time::timeout(PATIENCE, two.0.read_exact(&mut head))
        .await
        .expect("in time")
        .unwrap();
    assert_eq!(head[3], 4, "a frame of settings: {head:?}");
    for (parts, status) in [
        (["PRI / HTTP/1.1\r\nhost: x\r\n", "\r\n"], "405"),
        (["P", "RI / HTTP/1.1\r\nhost: x\r\n\r\n"], "405"),
        (["G", "ET /health HTTP/1.1\r\nhost: x\r\n\r\n"], "200"),
        (["PR", "OPFIND /health HTTP/1.1\r\nhost: x\r\n\r\n"], "405"),
    ] {
        let mut raw = Raw::open(world.gateway.address).await;
        raw.0.set_nodelay(true).unwrap();
        raw.send(parts[0]).await;
        is_silent(&mut raw, Duration::from_millis(50)).await;
        raw.send(parts[1]).await;
        let answer = raw.read_until("\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{parts:?}: {answer}"
        );
    }
}

/// Gives the gateway a moment to read a part; leaves what it answers to be read.
async fn is_silent_or_settings(raw: &mut Raw) {
    let mut byte = [0];
    // Either outcome is right here: the answer begins with the last byte of the preface.
    _ = tokio::time::timeout(Duration::from_millis(5), raw.0.peek(&mut byte)).await;
}
