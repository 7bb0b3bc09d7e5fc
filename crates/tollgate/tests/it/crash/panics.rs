//! A panic is a bug, and what it may cost is one request.

use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::bank::{Book, Branch, Store, compare, endow, key};
use crate::money::scene::until;
use crate::world::Gateway;

/// A key of the same team whose errors come in another form.
const OTHER_KEY: &str = "sk-bank-other-0123456789";
const OTHER: &str = r#"
[[keys]]
name = "other"
key = "sk-bank-other-0123456789"
team = "team-3"
models = ["*"]
error_dialect = "langmart"
"#;

fn body(stream: bool) -> Value {
    json!({"model": "bank", "max_tokens": 20, "stream": stream,
        "messages": [{"role": "user", "content": "hello"}]})
}

async fn call(gateway: &Gateway, key: &str) -> (u16, Value) {
    let ask = gateway.post("/v1/chat/completions", body(false)).key(key);
    let answer = ask.send().await;
    (answer.status.as_u16(), answer.json())
}

/// What the team has, and what of it is held.
async fn balance(branch: &Branch, gateway: &Gateway) -> (u64, u64) {
    branch
        .balance(gateway, branch.wallets.first().unwrap())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_request_is_an_internal_error_and_gives_back_what_was_held() {
    let branch = Branch::new(Store::Sqlite, 4, "", OTHER).await;
    let book = Book::default();
    let gateway = block_in_place(|| branch.open(&[])).unwrap();
    endow(&branch, &gateway, &book, 1).await;
    drop(gateway);
    for (point, key, place, code) in [
        ("call.held", key(3), "/error/code", "internal_error"),
        (
            "call.held",
            OTHER_KEY.to_owned(),
            "/error/code",
            "SYSTEM_UNKNOWN_001",
        ),
        ("hold.taken", key(3), "/error/code", "internal_error"),
    ] {
        let fault = format!("{point}:1:panic");
        let gateway = block_in_place(|| branch.open(&["--fault", &fault])).unwrap();
        let before = balance(&branch, &gateway).await;
        let asked = branch.simulator.stats().received;
        let (status, answer) = call(&gateway, &key).await;
        assert_eq!(status, 500, "{point}: {answer}");
        assert_eq!(
            answer.pointer(place),
            Some(&json!(code)),
            "{point}: {answer}"
        );
        assert!(!answer.to_string().contains("panic"), "{answer}");
        assert_eq!(balance(&branch, &gateway).await, before, "{point}");
        assert_eq!(branch.simulator.stats().received, asked, "{point}");
        // It was one request alone.
        assert_eq!(call(&gateway, &key).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_stream_ends_it_alone_and_holds_nothing() {
    let branch = Branch::new(Store::Sqlite, 4, "", "").await;
    let book = Book::default();
    let fault = ["--fault", "stream.settling:1:panic"];
    let gateway = block_in_place(|| branch.open(&fault)).unwrap();
    endow(&branch, &gateway, &book, 1).await;
    let ask = gateway
        .post("/v1/chat/completions", body(true))
        .key(&key(3));
    let read = ask.open().await.rest().await;
    let is_whole = read.is_ok_and(|body| body.ends_with(b"data: [DONE]\n\n"));
    assert!(!is_whole, "the panic came too late");
    // Where it ends is told before what ended it has given back.
    until("nothing is held", async || {
        balance(&branch, &gateway).await.1 == 0
    })
    .await;
    assert_eq!(call(&gateway, &key(3)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_clerk_panics_ends_and_the_next_one_begins_with_what_is_durable() {
    let branch = Branch::new(Store::Sqlite, 4, "", "").await;
    let book = Book::default();
    let mut gateway = block_in_place(|| branch.open(&[])).unwrap();
    endow(&branch, &gateway, &book, 1).await;
    gateway.signal("TERM");
    gateway.wait_for_end();
    let fault = ["--fault", "clerk.paged:1:panic"];
    let mut gateway = block_in_place(|| branch.open(&fault)).unwrap();
    let ask = gateway
        .post("/v1/chat/completions", body(false))
        .key(&key(3));
    // Its answer waits for a page that nobody writes.
    let sent = ask.try_open().await;
    assert!(sent.is_none(), "an answer that is not settled");
    assert_eq!(gateway.wait_for_end().code(), Some(70));
    branch.verify();
    let pages = branch.pages(book.head()).await;
    book.check(&pages);
    let gateway = block_in_place(|| branch.open(&[])).unwrap();
    compare(&branch, &gateway, &book).await;
    assert_eq!(call(&gateway, &key(3)).await.0, 200);
}
