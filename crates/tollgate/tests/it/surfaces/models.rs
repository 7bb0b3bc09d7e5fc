//! The models in the form of whoever asks.

use serde_json::Value;

use crate::world::{Answer, KEY, NARROW_KEY, World};

const ANTHROPIC: (&str, &str) = ("anthropic-version", "2023-06-01");

async fn ask(world: &World, path: &str, mark: (&'static str, &str)) -> Answer {
    let ask = world.gateway.get(path).header(mark.0, mark.1);
    let answer = ask.key(KEY).send().await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    answer
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let rows = list.as_array().unwrap();
    rows.iter()
        .map(|row| row[member].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn each_family_gets_its_own_form() {
    let world = World::once("").await;
    let openai = ask(&world, "/v1/models", ("accept", "*/*")).await.json();
    assert_eq!(openai["object"], "list");
    let all = names(&openai["data"], "id");
    assert!(all.contains(&"openai/gpt-4o".to_owned()), "{all:?}");

    let anthropic = ask(&world, "/v1/models?limit=1000", ANTHROPIC).await.json();
    assert_eq!(names(&anthropic["data"], "id"), all);
    assert_eq!(anthropic["has_more"], false);
    assert_eq!(
        anthropic["first_id"].as_str(),
        all.first().map(String::as_str)
    );
    assert_eq!(
        anthropic["last_id"].as_str(),
        all.last().map(String::as_str)
    );
    assert_eq!(anthropic["data"][0]["type"], "model");

    let google = ("x-goog-api-key", KEY);
    for path in ["/v1/models", "/v1beta/models?pageSize=1000"] {
        let gemini = ask(&world, path, google).await.json();
        let expected: Vec<_> = all.iter().map(|name| format!("models/{name}")).collect();
        assert_eq!(names(&gemini["models"], "name"), expected, "{path}");
        assert!(gemini["nextPageToken"].is_null());
    }
    let by_query = world.gateway.get(&format!("/v1/models?key={KEY}"));
    assert!(by_query.send().await.json()["models"].is_array());
}

#[tokio::test]
async fn one_model_is_found_in_each_form() {
    let world = World::once("").await;
    for path in ["/v1/models/openai/gpt-4o", "/v1/models/openai%2Fgpt-4o"] {
        let model = ask(&world, path, ANTHROPIC).await.json();
        assert_eq!(model["type"], "model", "{path}");
        assert_eq!(model["id"], "openai/gpt-4o", "{path}");
    }
    for path in [
        "/v1beta/models/openai/gpt-4o",
        "/v1beta/models/openai%2Fgpt-4o",
        "/v1beta/models/models/openai/gpt-4o",
    ] {
        let model = ask(&world, path, ("accept", "*/*")).await.json();
        assert_eq!(model["name"], "models/openai/gpt-4o", "{path}");
    }
    let colon = ask(&world, "/v1/models/sim/l:8b", ("accept", "*/*")).await;
    assert_eq!(colon.json()["id"], "sim/l:8b");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let world = World::once("").await;
    let all = ask(&world, "/v1/models", ("accept", "*/*")).await.json();
    let all = names(&all["data"], "id");
    let (mut seen, mut path) = (Vec::new(), "/v1/models?limit=1".to_owned());
    loop {
        let page = ask(&world, &path, ANTHROPIC).await.json();
        seen.extend(names(&page["data"], "id"));
        if page["has_more"] == false {
            break;
        }
        let last = page["last_id"].as_str().unwrap();
        path = format!("/v1/models?limit=1&after_id={last}");
    }
    assert_eq!(seen, all);
    let (mut count, mut path) = (0, "/v1beta/models?pageSize=1".to_owned());
    loop {
        let page = ask(&world, &path, ("accept", "*/*")).await.json();
        count += page["models"].as_array().unwrap().len();
        let Some(token) = page["nextPageToken"].as_str() else {
            break;
        };
        path = format!("/v1beta/models?pageSize=1&pageToken={token}");
    }
    assert_eq!(count, all.len());
}

#[tokio::test]
async fn a_key_sees_only_its_models_in_every_form() {
    let world = World::once("").await;
    let narrow = |path: &str| world.gateway.get(path).header("x-api-key", NARROW_KEY);
    let anthropic = narrow("/v1/models").header(ANTHROPIC.0, ANTHROPIC.1);
    let anthropic = anthropic.send().await.json();
    assert_eq!(names(&anthropic["data"], "id"), ["gpt-4o"]);
    let gemini = narrow("/v1beta/models").send().await.json();
    assert_eq!(names(&gemini["models"], "name"), ["models/gpt-4o"]);
    let hidden = narrow("/v1beta/models/openai/gpt-4o").send().await;
    assert_eq!(hidden.status, 404);
    assert_eq!(hidden.json()["error"]["status"], "NOT_FOUND");
}
