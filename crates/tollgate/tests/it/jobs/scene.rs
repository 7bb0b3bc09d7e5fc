//! What the tests of jobs share.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::money::scene::{MODELS, ONCE, key, read};
use crate::world::{Answer, World};

/// A team with a key of its own, so many job credits, and more lines of its terms.
pub fn team(name: &str, credits: u64, terms: &str) -> String {
    format!(
        "[[teams]]\nname = \"{name}\"\njobs = {{ credits = {credits}{terms} }}\n\
         [[keys]]\nname = \"{name}\"\nkey = \"{}\"\nteam = \"{name}\"\n",
        key(name)
    )
}

/// A world with these teams, whose models cost round sums.
pub async fn world(teams: &[String]) -> World {
    World::with(&format!("{MODELS}{}{ONCE}", teams.concat())).await
}

/// Asks with the key of a team.
pub async fn post(world: &World, team: &str, path: &str, body: &Value) -> Answer {
    world.gateway.post(path, body).key(&key(team)).send().await
}

/// Reads with the key of a team.
pub async fn get(world: &World, team: &str, path: &str) -> Answer {
    world.gateway.get(path).key(&key(team)).send().await
}

/// Changes the metadata of a job.
pub async fn patch(world: &World, team: &str, path: &str, body: &Value) -> Answer {
    let body = Bytes::from(body.to_string());
    let ask = world.gateway.ask(Method::PATCH, path, body);
    let ask = ask.header("content-type", "application/json");
    ask.key(&key(team)).send().await
}

/// Makes a job. Gives its id.
pub async fn create(world: &World, team: &str) -> String {
    let body = json!({"team_id": team, "job_type": "test"});
    let made = post(world, team, "/api/jobs/create", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.json()["job_id"].as_str().unwrap().to_owned()
}

/// What a call says.
pub fn messages(model: &str) -> Value {
    json!({"model": model, "max_tokens": 10,
        "messages": [{"role": "user", "content": "one two three"}]})
}

/// A call in a job.
pub async fn call(world: &World, team: &str, job: &str, model: &str) -> Answer {
    post(
        world,
        team,
        &format!("/api/jobs/{job}/llm-call"),
        &messages(model),
    )
    .await
}

/// Ends a job in one of the two ways.
pub async fn complete(world: &World, team: &str, job: &str, status: &str) -> Answer {
    let path = format!("/api/jobs/{job}/complete");
    post(world, team, &path, &json!({"status": status})).await
}

/// The job credits of a team.
pub async fn credits(world: &World, team: &str) -> u64 {
    let path = format!("/api/credits/teams/{team}/balance?unit=credits");
    let told = read(world, &path).await;
    told["balance"].as_u64().unwrap_or_else(|| panic!("{told}"))
}

/// Status and `detail` of an answer.
pub fn refused(answer: &Answer) -> (u16, Value) {
    (answer.status.as_u16(), answer.json()["detail"].clone())
}

/// The events of a stream.
pub fn events(text: &str) -> Vec<Value> {
    text.split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("{data}")))
        .collect()
}
