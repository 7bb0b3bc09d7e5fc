//! Aliases, access groups and model groups, as calls meet them.

use serde_json::{Value, json};

use super::scene::{admin, alias, by, chat, done, request, team};
use crate::money::scene::fails;
use crate::world::{KEY, World};

#[tokio::test]
async fn a_team_uses_an_alias_only_by_a_group_that_both_have() {
    let world = World::start().await;
    alias(&world, "fast", "echo", &["shared"]).await;
    alias(&world, "secret", "echo", &["others"]).await;
    let key = team(&world, &["shared"], 5).await;
    let answer = chat(&world, &key, "fast").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Another's looks like one that is not there; so do models that it was not given.
    for model in ["secret", "sim/echo", "nothing"] {
        let answer = chat(&world, &key, model).await;
        assert_eq!(
            answer.outcome(),
            (404, "model_not_found".to_owned()),
            "{model}"
        );
    }
    // A team of old uses what is declared, and no aliases.
    assert_eq!(chat(&world, KEY, "sim/echo").await.status, 200);
    assert_eq!(chat(&world, KEY, "fast").await.status, 404);
    let listed = by(&world, &key, "GET", "/v1/models").await.text();
    assert!(
        listed.contains("\"fast\"") && !listed.contains("secret"),
        "{listed}"
    );
    assert!(!listed.contains("sim/"), "{listed}");
    // In the words of the seed.
    for (model, detail) in [
        (
            "secret",
            "Team 'acme-team' does not have access to model alias 'secret'",
        ),
        (
            "nothing",
            "Team 'acme-team' does not have access to model group 'nothing'",
        ),
    ] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        let ask = request(&world, "POST", "/v1/chat/completions", &body).key(&key);
        let answer = ask
            .header("x-tollgate-error-dialect", "detail")
            .send()
            .await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert_eq!(answer.json()["detail"], detail, "{answer:?}");
    }
    // A change holds for the next call.
    let groups = json!(["others"]);
    let told = done(&world, "PUT", "/api/teams/acme-team/access-groups", groups).await;
    assert_eq!(told["allowed_model_aliases"], json!(["secret"]), "{told}");
    assert_eq!(chat(&world, &key, "fast").await.status, 404);
    assert_eq!(chat(&world, &key, "secret").await.status, 200);
    let members = json!({"model_aliases": ["fast"]});
    let told = done(
        &world,
        "PUT",
        "/api/model-access-groups/others/models",
        members,
    )
    .await;
    assert_eq!(told["model_aliases"], json!(["fast"]), "{told}");
    assert_eq!(chat(&world, &key, "fast").await.status, 200);
    assert_eq!(chat(&world, &key, "secret").await.status, 404);
}

#[tokio::test]
async fn an_alias_is_told_changed_put_out_of_use_and_deleted() {
    let mut world = World::start().await;
    alias(&world, "fast", "echo", &["all"]).await;
    let key = team(&world, &["all"], 5).await;
    let told = done(&world, "GET", "/api/model-aliases/fast", Value::Null).await;
    for (member, value) in [
        ("model_alias", json!("fast")),
        ("actual_model", json!("echo")),
        ("access_groups", json!(["all"])),
        ("pricing_input", json!(1.0)),
        ("pricing_output", json!(2.5)),
        ("status", json!("active")),
        ("teams_using", json!(["acme-team"])),
    ] {
        assert_eq!(told[member], value, "{member}: {told}");
    }
    let answer = chat(&world, &key, "fast").await;
    assert_eq!(answer.header("x-tollgate-model"), "fast", "{answer:?}");
    assert_ne!(answer.header("x-tollgate-cost-usd"), "0", "{answer:?}");
    done(
        &world,
        "PUT",
        "/api/models/fast",
        json!({"status": "inactive"}),
    )
    .await;
    assert_eq!(chat(&world, &key, "fast").await.status, 404);
    done(
        &world,
        "PUT",
        "/api/models/fast",
        json!({"status": "deprecated"}),
    )
    .await;
    assert_eq!(chat(&world, &key, "fast").await.status, 200);
    for (query, count) in [
        ("", 1),
        ("?status=active", 0),
        ("?status=deprecated", 1),
        ("?provider=openai&access_group=all", 1),
        ("?access_group=none", 0),
    ] {
        let told = done(&world, "GET", &format!("/api/models{query}"), Value::Null).await;
        assert_eq!(told.as_array().unwrap().len(), count, "{query}: {told}");
    }
    // What is offered outlives the process.
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    world.gateway = crate::world::Gateway::start(world.folder.path(), &[]);
    assert_eq!(chat(&world, &key, "fast").await.status, 200);
    done(&world, "DELETE", "/api/models/fast", Value::Null).await;
    assert_eq!(chat(&world, &key, "fast").await.status, 404);
    let audit = done(&world, "GET", "/api/audit?object=model_alias", Value::Null).await;
    assert_eq!(audit["pagination"]["total"], 4, "{audit}");
}

#[tokio::test]
async fn the_fallbacks_of_a_model_group_are_really_tried() {
    // One attempt, were it not for the models of the group.
    let world = World::once("").await;
    alias(&world, "first", "broken", &["g"]).await;
    alias(&world, "second", "shaky", &["g"]).await;
    let models = json!([{"model_name": "sim/echo", "priority": 2},
        {"model_name": "second", "priority": 1}, {"model_name": "first"}]);
    let new = json!({"group_name": "chat", "display_name": "Chat", "models": models});
    done(&world, "POST", "/api/model-groups/create", new).await;
    // The team has none of the access groups: whoever has a model group may use what is in it.
    let key = team(&world, &[], 5).await;
    let path = "/api/model-groups/chat/resolve?team_id=acme-team";
    let told = by(&world, &key, "GET", path).await.json();
    assert_eq!(told["team_has_access"], false, "{told}");
    assert_eq!(told["primary_model"], Value::Null, "{told}");
    assert_eq!(chat(&world, &key, "chat").await.status, 404);
    done(
        &world,
        "PUT",
        "/api/teams/acme-team/model-groups",
        json!(["chat"]),
    )
    .await;
    let told = by(&world, &key, "GET", path).await.json();
    assert_eq!(told["team_has_access"], true, "{told}");
    assert_eq!(told["primary_model"], "first", "{told}");
    assert_eq!(
        told["fallback_models"],
        json!(["second", "sim/echo"]),
        "{told}"
    );
    let answer = chat(&world, &key, "chat").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-model"), "chat", "{answer:?}");
    for (faults, attempts, model) in [
        (&["broken"][..], "2", "second"),
        (&["broken", "shaky"][..], "3", "sim/echo"),
    ] {
        for model in faults {
            fails(&world, model, "server-error", 1);
        }
        let answer = chat(&world, &key, "chat").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-tollgate-attempts"), attempts, "{answer:?}");
        assert_eq!(answer.header("x-tollgate-model"), model, "{answer:?}");
    }
    // Another first model, for the next call.
    let models = json!([{"model_name": "second", "priority": 0}]);
    done(&world, "PUT", "/api/model-groups/chat/models", models).await;
    let told = by(&world, &key, "GET", path).await.json();
    assert_eq!(told["primary_model"], "second", "{told}");
    let answer = admin(&world, "DELETE", "/api/model-groups/chat", Value::Null).await;
    let detail = "Cannot delete model group 'chat'. It is assigned to 1 team(s).";
    assert_eq!(answer.json()["detail"], detail, "{answer:?}");
    done(
        &world,
        "PUT",
        "/api/teams/acme-team/model-groups",
        json!([]),
    )
    .await;
    done(&world, "DELETE", "/api/model-groups/chat", Value::Null).await;
    assert_eq!(chat(&world, &key, "chat").await.status, 404);
}

/// A choice among models: only those it was offered to see it, and a group asks it like any other.
#[tokio::test]
async fn a_collection_is_offered_as_a_model_is() {
    let any = "[[collections]]\nname = \"any\"\nmodels = [\"sim/echo\", \"sim/story\"]\n";
    let world = World::once(any).await;
    let new = json!({"group_name": "g", "display_name": "G"});
    done(&world, "POST", "/api/model-access-groups/create", new).await;
    let new = json!({"model_alias": "some", "display_name": "Some", "provider": "openai",
        "actual_model": "any", "access_groups": ["g"]});
    done(&world, "POST", "/api/models/create", new).await;
    let models = json!([{"model_name": "any"}, {"model_name": "sim/spare", "priority": 1}]);
    let new = json!({"group_name": "chat", "models": models});
    done(&world, "POST", "/api/model-groups/create", new).await;
    let key = team(&world, &["g"], 5).await;
    let path = "/api/teams/acme-team/model-groups";
    done(&world, "PUT", path, json!(["chat"])).await;
    for model in ["some", "chat"] {
        let answer = chat(&world, &key, model).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answered = answer.header("x-tollgate-model");
        assert!(["sim/echo", "sim/story"].contains(&answered), "{answer:?}");
    }
    for (key, is_offered) in [(&*key, true), (KEY, false)] {
        let listed = by(&world, key, "GET", "/v1/models").await.json();
        let rows = listed["data"].as_array().unwrap();
        let is_listed = |name: &str| rows.iter().any(|row| row["id"] == name);
        for model in ["some", "chat"] {
            assert_eq!(is_listed(model), is_offered, "{model}: {listed}");
        }
        assert_ne!(is_listed("any"), is_offered, "{listed}");
    }
}
