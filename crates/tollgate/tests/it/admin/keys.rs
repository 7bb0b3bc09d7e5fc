//! `/api/keys`, and what keys may do.

use serde_json::{Value, json};

use crate::world::{NARROW_KEY, World};

async fn make(world: &World, body: Value) -> Value {
    let answer = world.gateway.post("/api/keys", &body).admin().send().await;
    assert!(answer.status.is_success(), "{answer:?}");
    answer.json()
}

async fn validates(world: &World, key: &str) -> (u16, String) {
    let answer = world.gateway.get("/v1/auth/validate").key(key).send().await;
    if answer.status == 200 {
        (200, String::new())
    } else {
        answer.outcome()
    }
}

#[tokio::test]
async fn a_key_is_made_shown_once_listed_rotated_and_revoked() {
    let world = World::start().await;
    let made = make(&world, json!({"name": "laptop", "models": ["sim/*"]})).await;
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("sk-tg-"));
    assert_eq!(validates(&world, key).await.0, 200);
    let list = world.gateway.get("/api/keys").admin().send().await;
    assert!(!list.text().contains(key), "a list never shows a key");
    let listed = list.json()["keys"].as_array().unwrap().clone();
    let row = listed
        .iter()
        .find(|row| row["id"] == id)
        .expect("the key is listed")
        .clone();
    let shown = row["key_prefix"].as_str().unwrap();
    assert!(
        shown.ends_with(&key[key.len() - 4..]) && shown.starts_with("sk-tg-"),
        "{shown}"
    );

    let rotated = world
        .gateway
        .post(&format!("/api/keys/{id}/rotate"), "")
        .admin()
        .send()
        .await;
    let new = rotated.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(
        validates(&world, key).await,
        (401, "invalid_api_key".to_owned())
    );
    assert_eq!(validates(&world, &new).await.0, 200);

    let path = format!("/api/keys/{id}");
    let ask = world
        .gateway
        .ask(http::Method::DELETE, &path, bytes::Bytes::new());
    let revoked = ask.admin().send().await;
    assert_eq!(revoked.json()["success"], true);
    assert_eq!(
        validates(&world, &new).await,
        (401, "invalid_api_key".to_owned())
    );
}

#[tokio::test]
async fn an_expired_key_says_so() {
    let world = World::start().await;
    let past = json!({"name": "old", "expires_at": "2020-01-01T00:00:00Z"});
    let answer = world.gateway.post("/api/keys", &past).admin().send().await;
    if answer.status.is_success() {
        let key = answer.json()["key"].as_str().unwrap().to_owned();
        assert_eq!(
            validates(&world, &key).await,
            (401, "expired_api_key".to_owned())
        );
    } else {
        assert_eq!(answer.outcome(), (400, "invalid_request".to_owned()));
    }
    let declared = World::with(
        "[[keys]]\nname = \"gone\"\nkey = \"sk-expired-0123456789\"\nmodels = [\"*\"]\n\
         expires_at = \"2020-01-01T00:00:00Z\"\n",
    )
    .await;
    let seen = validates(&declared, "sk-expired-0123456789").await;
    assert_eq!(seen, (401, "expired_api_key".to_owned()));
}

#[tokio::test]
async fn a_key_serves_only_its_models() {
    let world = World::start().await;
    let call = async |model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        world
            .gateway
            .post("/v1/chat/completions", &body)
            .key(NARROW_KEY)
            .send()
            .await
    };
    assert_eq!(call("gpt-4o").await.status, 200);
    let hidden = call("sim/echo").await;
    let missing = call("sim2/echo").await;
    assert_eq!(hidden.outcome().0, 404);
    let plain = |text: String| text.replace("sim/echo", "M").replace("sim2/echo", "M");
    let error = |answer: &crate::world::Answer| {
        let mut error = answer.json()["error"].clone();
        error["request_id"] = Value::Null;
        plain(error.to_string())
    };
    assert_eq!(error(&hidden), error(&missing));
}

#[tokio::test]
async fn faulty_requests_name_their_fields_and_declared_keys_are_read_only() {
    let world = World::start().await;
    let answer = world
        .gateway
        .post(
            "/api/keys",
            json!({"nam": "x", "models": 5, "expires_in_days": -1}),
        )
        .admin()
        .send()
        .await;
    assert_eq!(answer.outcome(), (400, "invalid_request".to_owned()));
    for field in ["nam", "name", "models", "expires_in_days"] {
        assert!(
            answer.text().contains(&format!("\"{field}\"")),
            "{field}: {}",
            answer.text()
        );
    }
    let list = world.gateway.get("/api/keys").admin().send().await.json();
    let declared = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "app");
    let id = declared.expect("declared keys are listed")["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/keys/{id}/rotate");
    let answer = world.gateway.post(&path, "").admin().send().await;
    assert_eq!(answer.outcome(), (409, "conflict".to_owned()));
}
