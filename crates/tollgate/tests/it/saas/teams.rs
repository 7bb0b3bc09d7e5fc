//! Teams and organizations.

use serde_json::{Value, json};

use super::scene::{admin, alias, by, chat, done, team};
use crate::world::{KEY, World};

#[tokio::test]
async fn a_team_is_made_told_changed_and_deleted() {
    let world = World::start().await;
    alias(&world, "fast", "echo", &["all"]).await;
    let key = team(&world, &["all"], 7).await;
    assert!(key.starts_with("sk-tg-"), "{key}");
    let told = done(&world, "GET", "/api/teams/acme-team", Value::Null).await;
    for (member, value) in [
        ("team_id", json!("acme-team")),
        ("organization_id", json!("acme")),
        ("status", json!("active")),
        ("access_groups", json!(["all"])),
        ("allowed_model_aliases", json!(["fast"])),
        ("credits_allocated", json!(7)),
        ("credits_used", json!(0)),
        ("credits_remaining", json!(7)),
        ("budget_mode", json!("job_based")),
        ("credits_per_dollar", json!(10.0)),
        ("tokens_per_credit", json!(10_000)),
        // What it has here.
        ("id", json!("acme-team")),
        ("organization", json!("acme")),
    ] {
        assert_eq!(told[member], value, "{member}: {told}");
    }
    // The key is shown when it is made, and only its ends later.
    let shown = told["virtual_key"].as_str().unwrap();
    assert!(
        !told.to_string().contains(&key) && shown.contains("..."),
        "{told}"
    );
    let change = json!({"team_alias": "A team", "credits_allocated": 9,
        "budget_mode": "consumption_usd", "credits_per_dollar": 2.5});
    let told = done(&world, "PUT", "/api/teams/acme-team", change).await;
    assert_eq!(told["credits_remaining"], 9, "{told}");
    assert_eq!(told["budget_mode"], "consumption_usd", "{told}");
    assert_eq!(told["credits_per_dollar"], 2.5, "{told}");
    assert_eq!(told["name"], "A team", "{told}");
    let told = done(&world, "DELETE", "/api/teams/acme-team", Value::Null).await;
    assert_eq!(told["team_id"], "acme-team");
    assert_eq!(by(&world, &key, "GET", "/v1/models").await.status, 401);
    // Its books are kept, so nobody gets its id.
    let again = json!({"organization_id": "acme", "team_id": "acme-team", "access_groups": []});
    let answer = admin(&world, "POST", "/api/teams/create", again).await;
    assert_eq!(answer.json()["detail"], "Team 'acme-team' already exists");
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_words_of_the_seed() {
    let world = World::start().await;
    alias(&world, "fast", "echo", &["all"]).await;
    team(&world, &["all"], 1).await;
    let team = |change: Value| {
        let mut new = json!({"organization_id": "acme", "team_id": "new", "access_groups": []});
        for (name, value) in change.as_object().unwrap() {
            new[name] = value.clone();
        }
        ("POST", "/api/teams/create", new)
    };
    let post = |path, body| ("POST", path, body);
    let default = json!({"organization_id": "o", "name": "O"});
    done(&world, "POST", "/api/organizations/create", default.clone()).await;
    let alias = json!({"model_alias": "fast", "display_name": "F", "provider": "openai",
        "actual_model": "m"});
    let mut foreign = alias.clone();
    foreign["model_alias"] = "new".into();
    foreign["access_groups"] = json!(["none"]);
    for ((method, path, body), status, detail) in [
        (
            team(json!({"organization_id": "none"})),
            404,
            "Organization 'none' not found",
        ),
        (
            team(json!({"team_id": "acme-team"})),
            400,
            "Team 'acme-team' already exists",
        ),
        (
            team(json!({"access_groups": ["none"]})),
            404,
            "Model access group 'none' not found",
        ),
        (
            team(json!({"budget_mode": "free"})),
            400,
            "Invalid budget_mode: free. Must be one of: job_based, consumption_usd, \
             consumption_tokens",
        ),
        (
            post("/api/organizations/create", default),
            400,
            "Organization with ID 'o' already exists",
        ),
        (
            ("GET", "/api/organizations/none/teams", Value::Null),
            404,
            "Organization 'none' not found",
        ),
        (
            ("GET", "/api/organizations/none/usage", Value::Null),
            404,
            "Organization 'none' not found",
        ),
        (
            ("PUT", "/api/teams/none/access-groups", json!([])),
            404,
            "Team 'none' not found",
        ),
        (
            post("/api/models/create", alias),
            400,
            "Model alias 'fast' already exists",
        ),
        (
            post("/api/models/create", foreign),
            404,
            "Model access group 'none' not found",
        ),
        (
            ("GET", "/api/models/none", Value::Null),
            404,
            "Model alias 'none' not found",
        ),
        (
            ("DELETE", "/api/model-aliases/none", Value::Null),
            404,
            "Model alias 'none' not found",
        ),
        (
            post(
                "/api/model-access-groups/create",
                json!({"group_name": "all", "display_name": "All"}),
            ),
            400,
            "Model access group 'all' already exists",
        ),
        (
            (
                "PUT",
                "/api/model-access-groups/all/models",
                json!({"model_aliases": ["none"]}),
            ),
            404,
            "Model alias 'none' not found",
        ),
        (
            ("DELETE", "/api/model-access-groups/all", Value::Null),
            400,
            "Cannot delete access group 'all' - still in use by teams: acme-team",
        ),
        (
            ("GET", "/api/model-groups/none", Value::Null),
            404,
            "Model group 'none' not found",
        ),
        (
            post(
                "/api/credits/teams/acme-team/replenish",
                json!({"credits": 5, "payment_type": "gift"}),
            ),
            400,
            "payment_type must be 'subscription' or 'one_time'",
        ),
        (
            post(
                "/api/credits/teams/acme-team/replenish",
                json!({"credits": 0, "payment_type": "one_time"}),
            ),
            400,
            "credits must be a positive integer",
        ),
        (
            (
                "PATCH",
                "/api/credits/teams/acme-team/budget-mode",
                json!({"budget_mode": "x"}),
            ),
            400,
            "budget_mode must be one of: job_based, consumption_usd, consumption_tokens",
        ),
        (
            (
                "PATCH",
                "/api/credits/teams/acme-team/conversion-rates",
                json!({"tokens_per_credit": 0}),
            ),
            400,
            "tokens_per_credit must be a positive integer",
        ),
        (
            (
                "PATCH",
                "/api/credits/teams/acme-team/conversion-rates",
                json!({"credits_per_dollar": -1}),
            ),
            400,
            "credits_per_dollar must be a positive number",
        ),
        (
            post(
                "/api/credits/teams/acme-team/configure-auto-refill",
                json!({"enabled": true, "refill_amount": 5, "refill_period": "hourly"}),
            ),
            400,
            "refill_period must be 'monthly', 'weekly', or 'daily'",
        ),
        (
            post(
                "/api/credits/teams/acme-team/configure-auto-refill",
                json!({"enabled": true, "refill_period": "daily"}),
            ),
            400,
            "refill_amount must be a positive integer when enabling auto-refill",
        ),
        (
            post(
                "/api/credits/teams/acme-team/configure-auto-refill",
                json!({"enabled": true, "refill_amount": 5}),
            ),
            400,
            "refill_period must be specified when enabling auto-refill",
        ),
        (
            post(
                "/api/provider-credentials/create",
                json!({"organization_id": "acme", "provider": "none", "api_key": "sk-x",
                    "credential_name": "C"}),
            ),
            400,
            "Invalid provider: none. Must be one of: openai, anthropic, gemini, fireworks",
        ),
    ] {
        let answer = admin(&world, method, path, body.clone()).await;
        let seen = format!("{method} {path} {body}: {answer:?}");
        assert_eq!(answer.status, status, "{seen}");
        assert_eq!(answer.json()["detail"], detail, "{seen}");
    }
    let answer = admin(&world, "DELETE", "/api/teams/o_default", Value::Null).await;
    assert!(
        answer
            .text()
            .contains("Cannot delete default team 'o_default'."),
        "{answer:?}"
    );
    // Missing and mistyped fields are a list.
    let answer = admin(&world, "POST", "/api/teams/create", json!({"team_id": 7})).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let faults = answer.json()["detail"].as_array().unwrap().clone();
    let missing = json!({"loc": ["body", "organization_id"], "msg": "field required",
        "type": "value_error.missing"});
    assert!(faults.contains(&missing), "{faults:?}");
    assert!(
        faults
            .iter()
            .any(|fault| fault["loc"] == json!(["body", "team_id"])),
        "{faults:?}"
    );
}

/// Addresses that the seed shares with ours answer in both shapes.
#[tokio::test]
async fn where_an_address_is_shared_an_error_has_the_sentence_of_the_seed_beside_ours() {
    let world = World::start().await;
    for (method, path, detail) in [
        ("GET", "/api/teams/none", "Team 'none' not found"),
        ("DELETE", "/api/teams/none", "Team 'none' not found"),
        ("PUT", "/api/teams/none/suspend", "Team 'none' not found"),
        (
            "GET",
            "/api/organizations/none",
            "Organization 'none' not found",
        ),
        (
            "GET",
            "/api/credits/teams/none/balance",
            "No credit account found for team 'none'",
        ),
        (
            "GET",
            "/api/credits/teams/none/transactions",
            "No credit account found for team 'none'",
        ),
    ] {
        let answer = admin(&world, method, path, Value::Null).await;
        let said = answer.json();
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_eq!(said["error"]["code"], "resource_not_found", "{path}");
        assert_eq!(said["detail"], detail, "{path}: {answer:?}");
    }
}

/// The seed reads these members after a 403.
#[tokio::test]
async fn its_own_key_reads_a_team_that_is_suspended_paused_or_without_credit() {
    let world = World::start().await;
    let key = team(&world, &[], 0).await;
    for (deed, status) in [
        ("suspend", "suspended"),
        ("pause", "paused"),
        ("resume", "active"),
    ] {
        let path = format!("/api/teams/acme-team/{deed}");
        let done = done(&world, "PUT", &path, Value::Null).await;
        assert_eq!(done["status"], status, "{done}");
        assert_eq!(done["team_id"], "acme-team", "{done}");
        let told = by(&world, &key, "GET", "/api/teams/acme-team").await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(told.json()["status"], status, "{told:?}");
        assert_eq!(told.json()["credits_remaining"], 0, "{told:?}");
        for path in ["balance", "transactions"] {
            let path = format!("/api/credits/teams/acme-team/{path}");
            assert_eq!(by(&world, &key, "GET", &path).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn another_teams_key_sees_nothing_of_a_team() {
    let world = World::start().await;
    team(&world, &[], 5).await;
    for (method, path, detail) in [
        (
            "GET",
            "/api/teams/acme-team",
            "Cannot access team data for a different team",
        ),
        (
            "GET",
            "/api/credits/teams/acme-team/balance",
            "Cannot access credit balance for a different team",
        ),
        (
            "GET",
            "/api/credits/teams/acme-team/transactions",
            "Cannot access credit transactions for a different team",
        ),
        (
            "POST",
            "/api/credits/teams/acme-team/check",
            "Cannot check credits for a different team",
        ),
        (
            "GET",
            "/api/model-groups/g/resolve?team_id=acme-team",
            "Cannot resolve model group for a different team",
        ),
    ] {
        let ask = super::scene::request(&world, method, path, &Value::Null);
        let answer = ask
            .key(KEY)
            .header("x-tollgate-error-dialect", "detail")
            .send()
            .await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert_eq!(answer.json()["detail"], detail, "{path}");
    }
    // A key manages nothing.
    for (method, path) in [
        ("POST", "/api/credits/teams/acme-team/replenish"),
        ("PATCH", "/api/credits/teams/acme-team/budget-mode"),
        ("POST", "/api/teams/create"),
        ("GET", "/api/models"),
        ("GET", "/api/model-groups"),
        ("GET", "/api/provider-credentials"),
        ("GET", "/api/stats/dashboard"),
    ] {
        assert_eq!(by(&world, KEY, method, path).await.status, 403, "{path}");
        let nobody = super::scene::request(&world, method, path, &Value::Null)
            .send()
            .await;
        assert_eq!(nobody.status, 401, "{path}");
        assert_eq!(
            nobody.json()["detail"],
            "Invalid or missing API key",
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_organization_is_made_with_its_team_and_told() {
    let world = World::start().await;
    let new = json!({"organization_id": "acme", "name": "ACME", "default_team_credits": 3});
    let made = done(&world, "POST", "/api/organizations/create", new).await;
    assert_eq!(made["default_team"]["team_id"], "acme_default", "{made}");
    let key = made["default_team"]["virtual_key"].as_str().unwrap();
    assert_eq!(
        by(&world, key, "GET", "/v1/auth/validate").await.status,
        200
    );
    let told = done(&world, "GET", "/api/organizations/acme", Value::Null).await;
    assert_eq!(told["organization_id"], "acme", "{told}");
    assert_eq!(told["default_team"]["team_id"], "acme_default", "{told}");
    let told = done(&world, "GET", "/api/organizations/acme/teams", Value::Null).await;
    assert_eq!(told["team_count"], 1, "{told}");
    assert_eq!(told["teams"][0]["credits_remaining"], 3, "{told}");
    let path = "/api/organizations/acme/usage?period=2030-01";
    let told = done(&world, "GET", path, Value::Null).await;
    assert_eq!(told["summary"]["total_jobs"], 0, "{told}");
    assert_eq!(told["period"], "2030-01", "{told}");
    let state = json!({"status": "suspended", "reason": "unpaid"});
    let told = done(&world, "PUT", "/api/organizations/acme/status", state).await;
    assert_eq!(told["previous_status"], "active", "{told}");
    assert_eq!(told["status"], "suspended", "{told}");
    assert_eq!(told["reason"], "unpaid", "{told}");
    assert_eq!(chat(&world, key, "sim/echo").await.status, 403);
    let told = done(&world, "GET", "/api/stats/dashboard", Value::Null).await;
    assert_eq!(told["totalCredits"], 3, "{told}");
    assert_eq!(told["creditsRemaining"], 3, "{told}");
    assert_eq!(told["creditsUsed"], 0, "{told}");
}

#[tokio::test]
async fn a_mode_that_is_not_known_is_told_by_its_name_with_those_that_there_are() {
    let world = World::start().await;
    team(&world, &[], 1).await;
    let said = "Invalid budget_mode: nonsense. Must be one of: job_based, consumption_usd, \
                consumption_tokens";
    let mode = json!({"loc": ["body", "budget_mode"], "msg": said, "type": "value_error"});
    let change = json!({"budget_mode": "nonsense", "credits_per_dollar": 5,
        "tokens_per_credit": 7, "default_model": "m"});
    let new = json!({"organization_id": "acme", "team_id": "new", "access_groups": [],
        "budget_mode": "nonsense", "tokens_per_credit": 0});
    for (method, path, body, status, others) in [
        (
            "PUT",
            "/api/teams/acme-team",
            json!({"budget_mode": "nonsense"}),
            400,
            &[][..],
        ),
        ("PUT", "/api/teams/acme-team", change, 400, &[]),
        (
            "PUT",
            "/api/teams/acme-team",
            json!({"budget_mode": "nonsense", "credits_per_dollar": 0, "mode": 1}),
            400,
            &["credits_per_dollar", "mode"],
        ),
        (
            "POST",
            "/api/teams/create",
            new,
            422,
            &["tokens_per_credit"],
        ),
    ] {
        let answer = admin(&world, method, path, body.clone()).await;
        let seen = format!("{method} {path} {body}: {answer:?}");
        // One of them answers as everything that is ours does, and has the list beside that.
        assert_eq!(answer.status, status, "{seen}");
        let told = answer.json();
        let faults = told["detail"].as_array().unwrap();
        assert!(faults.contains(&mode), "{seen}");
        let at = faults.iter().filter(|one| **one != mode);
        let at: Vec<&Value> = at.map(|one| &one["loc"][1]).collect();
        assert_eq!(at, *others, "{seen}");
    }
    let told = done(&world, "GET", "/api/teams/acme-team", Value::Null).await;
    assert_eq!(told["budget_mode"], "job_based", "{told}");
}

#[tokio::test]
async fn why_an_organization_stands_still_is_read_in_the_audit_log() {
    let world = World::start().await;
    let new = json!({"organization_id": "acme", "name": "ACME"});
    done(&world, "POST", "/api/organizations/create", new).await;
    let path = "/api/organizations/acme/status";
    let states = [
        ("suspended", "unpaid", "organization.suspend"),
        // What is found out later, and has to be said too.
        (
            "suspended",
            "the \"bank\" sent it back",
            "organization.update",
        ),
        ("active", "paid", "organization.resume"),
    ];
    for (status, reason, action) in states {
        let state = json!({"status": status, "reason": reason});
        done(&world, "PUT", path, state).await;
        let audit = "/api/audit?object=organization&object_id=acme&limit=1";
        let told = done(&world, "GET", audit, Value::Null).await;
        let row = &told["entries"][0];
        assert_eq!(row["action"], action, "{told}");
        assert_eq!(row["change"]["reason"]["new"], reason, "{told}");
    }
    let before = done(&world, "GET", "/api/audit?limit=1", Value::Null).await;
    let long = json!({"status": "paused", "reason": "x".repeat(501)});
    let answer = admin(&world, "PUT", path, long).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    done(&world, "PUT", path, json!({"status": "active"})).await;
    let after = done(&world, "GET", "/api/audit?limit=1", Value::Null).await;
    assert_eq!(before["pagination"]["total"], after["pagination"]["total"]);
}

#[tokio::test]
async fn a_team_of_another_organization_is_not_shown_as_the_default_one() {
    let world = World::start().await;
    for id in ["acme", "other"] {
        let new = json!({"organization_id": id, "name": id, "create_default_team": false});
        done(&world, "POST", "/api/organizations/create", new).await;
    }
    let new = json!({"organization_id": "other", "team_id": "acme_default",
        "team_alias": "a secret", "access_groups": []});
    done(&world, "POST", "/api/teams/create", new).await;
    let told = done(&world, "GET", "/api/organizations/acme", Value::Null).await;
    assert_eq!(told["default_team"], Value::Null, "{told}");
    let all = done(&world, "GET", "/api/organizations", Value::Null).await;
    assert!(!all.to_string().contains("acme_default"), "{all}");
    let new = json!({"organization_id": "other", "team_id": "other_default",
        "access_groups": []});
    done(&world, "POST", "/api/teams/create", new).await;
    let told = done(&world, "GET", "/api/organizations/other", Value::Null).await;
    assert_eq!(told["default_team"]["team_id"], "other_default", "{told}");
}
