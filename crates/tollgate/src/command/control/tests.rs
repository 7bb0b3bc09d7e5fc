use std::path::Path;

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tollgate_core::secret::Secret;
use tollgate_store::Owner;

use super::*;
use crate::config::{Environment, Overrides};

fn config(folder: &Path) -> Config {
    let file = folder.join("tollgate.toml");
    let url = format!("sqlite://{}/data/tollgate.db", folder.display());
    std::fs::write(&file, format!("[database]\nurl = {url:?}\n")).unwrap();
    Config::load(
        Some(&file),
        &Environment::new(Vec::<(String, String)>::new()),
        &Overrides::default(),
    )
    .unwrap()
}

fn control(address: SocketAddr) -> Control {
    Control {
        address,
        pid: 7,
        token: Secret::new("token-1"),
    }
}

fn get() -> Call {
    Call {
        method: Method::GET,
        path: "/api/keys".to_owned(),
        body: None,
    }
}

/// Answers one connection with these bytes; returns what it was asked.
async fn answer_once(listener: TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let read = stream.read_buf(&mut asked).await.unwrap();
        assert!(read > 0, "the request breaks off");
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(asked).unwrap()
}

async fn asked(answer: &str) -> (String, Result<Value, CommandError>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let control = control(listener.local_addr().unwrap());
    tokio::join!(answer_once(listener, answer), ask(&control, get()))
}

#[tokio::test]
async fn a_gateway_is_asked_with_its_token() {
    let body = json!({"keys": []}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let (asked, answer) = asked(&(head + &body)).await;
    assert_eq!(answer.unwrap(), json!({"keys": []}));
    assert!(asked.starts_with("GET /api/keys HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("x-admin-key: token-1\r\n"), "{asked}");
}

#[tokio::test]
async fn a_refusal_is_told_with_code_and_request_id() {
    let body = json!({"error": {"message": "There is no such key.", "code": "resource_not_found"}});
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 404 Not Found\r\nx-request-id: req_1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (_, answer) = asked(&(head + &body)).await;
    let message = answer.unwrap_err().to_string();
    assert_eq!(
        message,
        "There is no such key. (resource_not_found, request req_1)"
    );
}

#[tokio::test]
async fn an_answer_of_something_else_is_told_as_such() {
    for answer in [
        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"keys\"",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
        "SSH-2.0-OpenSSH\r\n\r\n",
        "",
    ] {
        let (_, outcome) = asked(answer).await;
        assert!(
            matches!(outcome, Err(CommandError::Broken { .. })),
            "{answer}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn the_data_are_taken_when_nobody_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let site = find(&config).await.unwrap();
    assert!(matches!(site, Site::Here(..)));
    assert!(
        Owner::take(&config.database.directory).is_err(),
        "they are this process's now"
    );
}

#[tokio::test]
async fn a_gateway_that_has_the_data_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let owner = Owner::take(&config.database.directory).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut address = listener.local_addr().unwrap();
    address.set_ip(Ipv4Addr::UNSPECIFIED.into());
    control(address).write(&owner).unwrap();
    match find(&config).await.unwrap() {
        Site::There(found) => assert_eq!((found.address, found.pid), (address, 7)),
        Site::Here(..) => panic!("the data have an owner"),
    }
}

#[tokio::test]
async fn a_gateway_that_is_ending_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let owner = Owner::take(&config.database.directory).unwrap();
    // Nobody listens at this address, and nobody else gets it.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = bound.local_addr().unwrap();
    control(address).write(&owner).unwrap();
    let mut finding = Box::pin(find(&config));
    let early = tokio::time::timeout(Duration::from_millis(200), &mut finding).await;
    assert!(early.is_err(), "the owner is still there");
    drop(owner);
    assert!(matches!(finding.await.unwrap(), Site::Here(..)));
}
