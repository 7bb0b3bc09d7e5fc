//! Who may do what at each address that seed 001 manages by: a table of addresses by callers.

use serde_json::{Value, json};

use super::scene::{admin, alias, done, request, team};
use crate::access::scene;
use crate::world::{Answer, World};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Without a key.
    Nobody,
    /// With a key that nobody made.
    Stranger,
    /// With a key of another team of another organization.
    OtherTeam,
    /// With a key of another team of the same organization.
    Sibling,
    /// With the key of an owner of another organization.
    OtherOwner,
    /// With a key of a member who manages nothing.
    Member,
    /// With the key of an owner of the organization.
    Owner,
    /// With the team's own key.
    Own,
    /// With the admin key.
    Admin,
}

const EVERYBODY: [Who; 9] = [
    Who::Nobody,
    Who::Stranger,
    Who::OtherTeam,
    Who::Sibling,
    Who::OtherOwner,
    Who::Member,
    Who::Owner,
    Who::Own,
    Who::Admin,
];

/// For whom an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// The administrator alone.
    Admin,
    /// Owners of the organization, too. What is of others is not there for them.
    Owners,
    /// The administrator, at an address that owners have for something else.
    AdminAmongOwners,
    /// Owners, and the team's own key.
    OwnersAndTeam,
    /// The administrator and the team's own key.
    Team,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// 401, in the words of the seed.
    Unknown,
    /// 403.
    Denied,
    /// 403 with the sentence for somebody else's team.
    OfAnother,
    /// 404, as if there were no such thing.
    Missing,
    /// It is done.
    Done,
}

/// What is asked for, of the team `acme-team` of the organization `acme`. In this order everything
/// can be done once after the other.
fn addresses() -> Vec<(For, &'static str, &'static str, Value)> {
    use For::{Admin, AdminAmongOwners, Owners, OwnersAndTeam, Team};

    let credential = json!({"organization_id": "acme", "provider": "openai", "api_key": "sk-0123",
        "credential_name": "C"});
    let new_alias = json!({"model_alias": "a", "display_name": "A", "provider": "openai",
        "actual_model": "echo", "credential_name": "sim"});
    let refill = json!({"enabled": true, "refill_amount": 5, "refill_period": "daily"});
    let paid = json!({"credits": 5, "payment_type": "one_time"});
    let credits =
        |act: &str| -> &'static str { format!("/api/credits/teams/acme-team/{act}").leak() };
    let none = Value::Null;
    vec![
        (OwnersAndTeam, "GET", "/api/teams/acme-team", none.clone()),
        (Team, "GET", credits("balance"), none.clone()),
        (Team, "GET", credits("transactions"), none.clone()),
        (Team, "POST", credits("check"), none.clone()),
        (Admin, "POST", credits("add"), json!({"credits": 1})),
        (Admin, "POST", credits("replenish"), paid),
        (Admin, "GET", credits("conversion-rates"), none.clone()),
        (
            Admin,
            "PATCH",
            credits("conversion-rates"),
            json!({"tokens_per_credit": 9}),
        ),
        (
            Admin,
            "PATCH",
            credits("budget-mode"),
            json!({"budget_mode": "job_based"}),
        ),
        (Admin, "POST", credits("configure-auto-refill"), refill),
        (
            Owners,
            "PUT",
            "/api/teams/acme-team",
            json!({"team_alias": "T"}),
        ),
        (Owners, "PUT", "/api/teams/acme-team/pause", none.clone()),
        (Owners, "PUT", "/api/teams/acme-team/resume", none.clone()),
        (Admin, "PUT", "/api/teams/acme-team/suspend", none.clone()),
        (
            AdminAmongOwners,
            "PUT",
            "/api/teams/acme-team/resume",
            none.clone(),
        ),
        (
            Admin,
            "PUT",
            "/api/teams/acme-team/access-groups",
            json!(["all"]),
        ),
        (Admin, "PUT", "/api/teams/acme-team/model-groups", json!([])),
        (
            Admin,
            "POST",
            "/api/teams/create",
            json!({"organization_id": "acme", "team_id": "second", "access_groups": []}),
        ),
        (Owners, "DELETE", "/api/teams/second", none.clone()),
        (Owners, "GET", "/api/organizations/acme", none.clone()),
        (Owners, "GET", "/api/organizations/acme/teams", none.clone()),
        (Owners, "GET", "/api/organizations/acme/usage", none.clone()),
        (
            Admin,
            "PUT",
            "/api/organizations/acme/status",
            json!({"status": "active"}),
        ),
        (
            Admin,
            "POST",
            "/api/organizations/create",
            json!({"organization_id": "new", "name": "New"}),
        ),
        (Admin, "GET", "/api/models", none.clone()),
        (Admin, "POST", "/api/models/create", new_alias),
        (Admin, "GET", "/api/models/a", none.clone()),
        (
            Admin,
            "PUT",
            "/api/model-aliases/a",
            json!({"description": "D"}),
        ),
        (Admin, "DELETE", "/api/model-aliases/a", none.clone()),
        (Admin, "GET", "/api/model-access-groups", none.clone()),
        (
            Admin,
            "POST",
            "/api/model-access-groups/create",
            json!({"group_name": "g", "display_name": "G"}),
        ),
        (Admin, "GET", "/api/model-access-groups/g", none.clone()),
        (
            Admin,
            "PUT",
            "/api/model-access-groups/g",
            json!({"description": "D"}),
        ),
        (
            Admin,
            "PUT",
            "/api/model-access-groups/g/models",
            json!({"model_aliases": ["fast"]}),
        ),
        (Admin, "DELETE", "/api/model-access-groups/g", none.clone()),
        (Admin, "GET", "/api/model-groups", none.clone()),
        (
            Admin,
            "POST",
            "/api/model-groups/create",
            json!({"group_name": "m", "models": [{"model_name": "fast"}]}),
        ),
        (Admin, "GET", "/api/model-groups/m", none.clone()),
        (
            Admin,
            "PUT",
            "/api/model-groups/m/models",
            json!([{"model_name": "sim/echo", "priority": 1}]),
        ),
        (
            Team,
            "GET",
            "/api/model-groups/m/resolve?team_id=acme-team",
            none.clone(),
        ),
        (Admin, "DELETE", "/api/model-groups/m", none.clone()),
        (Admin, "GET", "/api/provider-credentials", none.clone()),
        (
            Admin,
            "POST",
            "/api/provider-credentials/create",
            credential,
        ),
        (
            Admin,
            "GET",
            "/api/provider-credentials/credential.acme.openai",
            none.clone(),
        ),
        (
            Admin,
            "GET",
            "/api/provider-credentials/organization/acme",
            none.clone(),
        ),
        (
            Admin,
            "GET",
            "/api/provider-credentials/organization/acme/provider/openai",
            none.clone(),
        ),
        (
            Admin,
            "PUT",
            "/api/provider-credentials/credential.acme.openai",
            json!({"credential_name": "D"}),
        ),
        (
            Admin,
            "PUT",
            "/api/provider-credentials/credential.acme.openai/deactivate",
            none.clone(),
        ),
        (
            Admin,
            "PUT",
            "/api/provider-credentials/credential.acme.openai/activate",
            none.clone(),
        ),
        (
            Admin,
            "DELETE",
            "/api/provider-credentials/credential.acme.openai",
            none.clone(),
        ),
        (Admin, "GET", "/api/stats/dashboard", none),
    ]
}

/// What the table says.
fn expected(of: For, who: Who) -> Outcome {
    let sees_own = matches!(of, For::OwnersAndTeam | For::Team);
    match who {
        Who::Nobody | Who::Stranger => Outcome::Unknown,
        Who::Admin => Outcome::Done,
        Who::Own if sees_own => Outcome::Done,
        Who::OtherTeam | Who::Sibling | Who::Member if sees_own => Outcome::OfAnother,
        Who::OtherTeam | Who::Sibling | Who::Own | Who::Member => Outcome::Denied,
        Who::Owner => match of {
            For::Admin | For::AdminAmongOwners => Outcome::Denied,
            // It is a key of another team of the organization.
            For::Team => Outcome::OfAnother,
            For::Owners | For::OwnersAndTeam => Outcome::Done,
        },
        Who::OtherOwner => match of {
            For::Admin => Outcome::Denied,
            For::Team => Outcome::OfAnother,
            For::Owners | For::OwnersAndTeam | For::AdminAmongOwners => Outcome::Missing,
        },
    }
}

/// What an answer is.
fn outcome(answer: &Answer) -> Option<Outcome> {
    let said = answer.json();
    let detail = said["detail"].as_str().unwrap_or_default().to_owned();
    let status = answer.status.as_u16();
    Some(match status {
        200 => Outcome::Done,
        401 if detail == "Invalid or missing API key" => Outcome::Unknown,
        403 if detail.starts_with("Cannot ") && detail.ends_with("for a different team") => {
            Outcome::OfAnother
        }
        403 if !detail.is_empty() => Outcome::Denied,
        404 if detail.ends_with(" not found") => Outcome::Missing,
        _ => return None,
    })
}

#[tokio::test]
async fn each_address_is_for_whom_the_table_says() {
    let world = World::start().await;
    alias(&world, "fast", "echo", &["all"]).await;
    let own = team(&world, &["all"], 9).await;
    let other = scene::tenant(&world, "them").await;
    let sibling = json!({"organization_id": "acme", "team_id": "sibling", "access_groups": []});
    let sibling = done(&world, "POST", "/api/teams/create", sibling).await;
    let mut managing = Vec::new();
    for role in ["owner", "member"] {
        let user = scene::member(&world, "acme", role).await;
        let wanted = json!({"team": "sibling", "user": user, "permissions": scene::ALL});
        managing.push(scene::text(&scene::key(&world, wanted).await, "key"));
    }
    let keys = |who: Who| match who {
        Who::Nobody | Who::Admin => None,
        Who::Stranger => Some("sk-tg-0123456789012345678901234567890123456789"),
        Who::OtherTeam => Some(&*other.calling),
        Who::Sibling => sibling["virtual_key"].as_str(),
        Who::OtherOwner => Some(&*other.managing),
        Who::Owner => Some(&*managing[0]),
        Who::Member => Some(&*managing[1]),
        Who::Own => Some(&*own),
    };
    for (of, method, path, body) in addresses() {
        for who in EVERYBODY {
            let wanted = expected(of, who);
            // What is done is done once, by the administrator, who comes last.
            let changes = method != "GET" && path != "/api/credits/teams/acme-team/check";
            if wanted == Outcome::Done && changes && who != Who::Admin {
                continue;
            }
            let mut ask = request(&world, method, path, &body);
            ask = match (who, keys(who)) {
                (Who::Admin, _) => ask.admin(),
                (_, Some(key)) => ask.key(key),
                (_, None) => ask,
            };
            let answer = ask
                .header("x-tollgate-error-dialect", "detail")
                .send()
                .await;
            let found = outcome(&answer);
            assert_eq!(found, Some(wanted), "{who:?}: {method} {path}: {answer:?}");
            // Nothing of others is told on the way.
            if wanted != Outcome::Done {
                let text = answer.text();
                assert!(
                    !text.contains("credits_remaining"),
                    "{who:?}: {path}: {text}"
                );
            }
        }
    }
}

/// What is of another organization is answered byte for byte like what is not there.
#[tokio::test]
async fn what_is_of_another_organization_looks_like_what_is_not_there() {
    let world = World::start().await;
    team(&world, &[], 9).await;
    let other = scene::tenant(&world, "them").await;
    for (method, path, body) in [
        ("GET", "/api/teams/{team}", Value::Null),
        ("PUT", "/api/teams/{team}", json!({"team_alias": "T"})),
        ("PUT", "/api/teams/{team}", json!({"metadata": {"a": 1}})),
        ("DELETE", "/api/teams/{team}", Value::Null),
        ("PUT", "/api/teams/{team}/pause", Value::Null),
        ("GET", "/api/organizations/{organization}", Value::Null),
        (
            "GET",
            "/api/organizations/{organization}/teams",
            Value::Null,
        ),
        (
            "GET",
            "/api/organizations/{organization}/usage",
            Value::Null,
        ),
        ("GET", "/api/credits/teams/{team}/balance", Value::Null),
        ("GET", "/api/credits/teams/{team}/transactions", Value::Null),
        ("POST", "/api/credits/teams/{team}/check", Value::Null),
        (
            "GET",
            "/api/model-groups/g/resolve?team_id={team}",
            Value::Null,
        ),
    ] {
        let mut told = Vec::new();
        for (team, organization) in [("acme-team", "acme"), ("none-team", "none")] {
            let path = path
                .replace("{team}", team)
                .replace("{organization}", organization);
            let ask = request(&world, method, &path, &body).key(&other.managing);
            let answer = ask.send().await;
            let id = answer.header("x-request-id").to_owned();
            let text = answer
                .text()
                .replace(team, "TEAM")
                .replace(organization, "ORGANIZATION")
                .replace(&id, "REQUEST");
            told.push((answer.status, text));
        }
        assert_eq!(told[0], told[1], "{method} {path}");
        assert!(told[0].0.is_client_error(), "{method} {path}: {told:?}");
    }
    let told = admin(&world, "GET", "/api/teams/acme-team", Value::Null).await;
    assert_eq!(told.json()["name"], "acme-team", "{told:?}");
}
