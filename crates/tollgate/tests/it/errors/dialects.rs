//! The same failure in the dialect that was asked for.

use crate::world::{ADMIN_KEY, World};
use serde_json::json;

#[tokio::test]
async fn a_request_may_choose_its_dialect() {
    let world = World::once("").await;
    let path = "/v1/models";
    let ask = |dialect: &str| {
        world
            .gateway
            .get(path)
            .key("sk-no-such-key")
            .header("x-tollgate-error-dialect", dialect)
    };
    let openai = ask("openai").send().await;
    assert_eq!(
        openai.json()["error"]["message"],
        "Invalid API key provided"
    );
    assert_eq!(openai.json()["error"]["type"], "authentication_error");
    let langmart = ask("langmart").send().await;
    assert_eq!(langmart.json()["error"]["code"], "GATEWAY1_AUTH_001");
    assert_eq!(langmart.json()["error"]["message"], "Invalid API key");
    let detail = ask("detail").send().await;
    assert_eq!(
        detail.json(),
        json!({"detail": "Invalid or missing API key"})
    );
    let anthropic = ask("anthropic").send().await;
    assert_eq!(anthropic.json()["type"], "error");
    assert_eq!(
        anthropic.json()["error"]["details"]["error_code"],
        "invalid_api_key"
    );
    let gemini = ask("gemini").send().await;
    assert_eq!(gemini.json()["error"]["status"], "UNAUTHENTICATED");
    let problem = world
        .gateway
        .get(path)
        .key("sk-no")
        .header("accept", "application/problem+json");
    let problem = problem.send().await;
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert_eq!(problem.json()["code"], "invalid_api_key");
    for answer in [openai, langmart, detail, anthropic, gemini, problem] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("x-tollgate-error-code"), "invalid_api_key");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn the_keys_dialect_holds_on_its_routes_and_the_deployments_elsewhere() {
    let world = World::once("[errors]\ndialect = \"langmart\"\n").await;
    let answer = world.gateway.get("/v1/models").send().await;
    assert_eq!(
        answer.json()["error"]["code"],
        "GATEWAY1_AUTH_001",
        "the deployment's"
    );
    let new = json!({"name": "with a dialect", "error_dialect": "problem"});
    let made = world
        .gateway
        .post("/api/keys", &new)
        .header("x-admin-key", ADMIN_KEY);
    let key = made.send().await.json()["key"].as_str().unwrap().to_owned();
    let answer = world.gateway.get("/v1/models/none").key(&key).send().await;
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "the key's"
    );
}
