//! What goes away with a team: nothing that whoever deletes it may not take.

use http::Method;
use serde_json::{Value, json};

use super::scene::{self, tenant};
use crate::world::World;

/// Deletes a team; `ok` or the code.
async fn delete(world: &World, key: &str, team: &str) -> String {
    let path = format!("/api/teams/{team}");
    let ask = scene::asked(world, Method::DELETE, &path, &Value::Null);
    let answer = ask.key(key).send().await;
    if answer.status.is_success() {
        "ok".to_owned()
    } else {
        answer.header("x-tollgate-error-code").to_owned()
    }
}

/// Whether a key manages, or calls.
async fn opens(world: &World, key: &str) -> bool {
    let answer = world.gateway.get("/v1/models").key(key).send().await;
    assert!([200, 401].contains(&answer.status.as_u16()), "{answer:?}");
    answer.status == 200
}

/// Makes a team of `acme`.
async fn team(world: &World, name: &str) {
    let wanted = json!({"id": name, "name": name, "organization": "acme"});
    scene::make(world, "/api/teams", wanted).await;
}

/// A managing key of a user in a team: its id and its text.
async fn managing(world: &World, user: &str, team: &str) -> (String, String) {
    let wanted = json!({"team": team, "user": user, "permissions": scene::ALL});
    let made = scene::key(world, wanted).await;
    (scene::text(&made, "id"), scene::text(&made, "key"))
}

#[tokio::test]
async fn an_administrator_does_not_delete_the_keys_of_owners_with_their_team() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    for name in ["office", "second", "third", "fourth"] {
        team(&world, name).await;
    }
    let [admin, other] = ["admin", "developer"].map(|role| scene::member(&world, "acme", role));
    let (admin, developer) = (admin.await, other.await);
    let (_, by_admin) = managing(&world, &admin, "office").await;
    // The team of the owner's key.
    assert_eq!(
        delete(&world, &by_admin, "acme-team").await,
        "permission_denied"
    );
    assert!(opens(&world, &own.managing).await && opens(&world, &own.calling).await);
    // That of another administrator.
    let email = json!({"email": "second@acme.example", "role": "admin"});
    let second = scene::make(&world, "/api/organizations/acme/members", email).await;
    let (id, of_second) = managing(&world, &scene::text(&second, "id"), "second").await;
    assert_eq!(
        delete(&world, &by_admin, "second").await,
        "permission_denied"
    );
    assert!(opens(&world, &of_second).await);
    // Once that key is revoked, it is nobody's any more.
    let revoke = format!("/api/keys/{id}");
    let ask = scene::admin(&world, Method::DELETE, &revoke, &Value::Null);
    assert_eq!(ask.send().await.status, 200);
    assert_eq!(delete(&world, &by_admin, "second").await, "ok");
    // Keys of nobody, of developers and of their own are theirs to revoke.
    let (_, of_developer) = managing(&world, &developer, "third").await;
    let (_, of_admin) = managing(&world, &admin, "third").await;
    assert_eq!(delete(&world, &by_admin, "third").await, "ok");
    assert!(!opens(&world, &of_developer).await && !opens(&world, &of_admin).await);
    // Owners decide about everybody.
    let (_, by_owner) = managing(&world, &own.owner, "fourth").await;
    assert_eq!(delete(&world, &by_owner, "acme-team").await, "ok");
    assert_eq!(delete(&world, &by_owner, "office").await, "ok");
    assert!(!opens(&world, &by_admin).await);
}

#[tokio::test]
async fn credits_do_not_go_with_a_team_unless_the_platform_says_so() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    // What is done first, and whether an owner may delete the team then.
    for (name, adds, expected) in [
        ("dollars", json!({"amount_usd": "5.00"}), "conflict"),
        ("jobs", json!({"credits": 2, "reason": "x"}), "conflict"),
        ("nothing", Value::Null, "ok"),
    ] {
        team(&world, name).await;
        if !adds.is_null() {
            let path = format!("/api/credits/teams/{name}/add");
            scene::make(&world, &path, adds).await;
        }
        assert_eq!(
            delete(&world, &own.managing, name).await,
            expected,
            "{name}"
        );
    }
    // A credit that is set aside for a job comes back when the job fails.
    team(&world, "busy").await;
    let one = json!({"credits": 1, "reason": "x"});
    scene::make(&world, "/api/credits/teams/busy/add", one).await;
    let key = scene::key(&world, json!({"team": "busy"})).await;
    let key = scene::text(&key, "key");
    let job = json!({"team_id": "busy", "job_type": "x"});
    let made = world.gateway.post("/api/jobs/create", job).key(&key);
    let made = made.send().await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(delete(&world, &own.managing, "busy").await, "conflict");
    // Completed, the job has taken it, and nothing is left.
    let id = scene::text(&made.json(), "job_id");
    let path = format!("/api/jobs/{id}/complete");
    let ended = world.gateway.post(&path, json!({"status": "completed"}));
    assert_eq!(ended.key(&key).send().await.status, 200);
    assert_eq!(delete(&world, &own.managing, "busy").await, "ok");
    // So it is once the platform has taken out what is left, or deletes the team itself.
    let path = "/api/credits/teams/dollars/adjust";
    let out = json!({"amount_usd": "5.00", "direction": "take", "reason": "given back"});
    let answer = scene::admin(&world, Method::POST, path, &out).send().await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(delete(&world, &own.managing, "dollars").await, "ok");
    let ask = scene::admin(&world, Method::DELETE, "/api/teams/jobs", &Value::Null);
    assert_eq!(ask.send().await.status, 200);
}
