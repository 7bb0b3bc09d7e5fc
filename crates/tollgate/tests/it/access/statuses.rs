//! What a status does to keys that are in use, in the words of every dialect.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::scene::{self, Tenant, tenant};
use crate::world::{Answer, World};

/// Where a call goes, the dialect that is asked for, and where its sentence stands.
const WAYS: &[(&str, &str, &str)] = &[
    ("/v1/chat/completions", "openai", "/error/message"),
    ("/v1/chat/completions", "langmart", "/error/message"),
    ("/v1/chat/completions", "detail", "/detail"),
    ("/v1/chat/completions", "problem", "/detail"),
    ("/v1/messages", "anthropic", "/error/message"),
    (
        "/v1beta/models/sim%2Fecho:generateContent",
        "gemini",
        "/error/message",
    ),
];

/// What is done, the code of it, and the sentences of `openai`, `langmart` and `detail`.
const DEEDS: &[(&str, &str, [&str; 3])] = &[
    (
        "teams/acme-team/pause",
        "team_paused",
        [
            "The team of this API key is paused. Ask its administrator to resume it.",
            "Access denied",
            "Team access is paused. Please contact support.",
        ],
    ),
    (
        "teams/acme-team/suspend",
        "team_suspended",
        [
            "The team of this API key is suspended. Ask its administrator.",
            "Access denied",
            "Team access suspended - contact support",
        ],
    ),
    (
        "organizations/acme/pause",
        "team_paused",
        [
            "The organization of this API key is paused. Ask its administrator.",
            "Access denied",
            "Team access is paused. Please contact support.",
        ],
    ),
    (
        "organizations/acme/suspend",
        "team_suspended",
        [
            "The organization of this API key is suspended. Ask its administrator.",
            "Access denied",
            "Team access suspended - contact support",
        ],
    ),
];

/// A call that is good for the surface of the path.
fn body(path: &str) -> Value {
    if path.contains("generateContent") {
        json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]})
    } else {
        scene::talk("sim/echo")
    }
}

async fn call(world: &World, key: &str, (path, dialect): (&str, &str)) -> Answer {
    let ask = world.gateway.post(path, body(path)).key(key);
    ask.header("x-tollgate-error-dialect", dialect).send().await
}

async fn set(world: &World, deed: &str) {
    let answer = scene::admin(world, Method::POST, &format!("/api/{deed}"), &Value::Null);
    let answer = answer.send().await;
    assert_eq!(answer.status, 200, "{deed}: {answer:?}");
}

#[tokio::test]
async fn a_status_holds_for_the_next_request_in_the_words_of_every_dialect() {
    let world = World::start().await;
    let acme = tenant(&world, "acme").await;
    let other = tenant(&world, "other").await;
    for (deed, code, sentences) in DEEDS {
        set(&world, deed).await;
        for (path, dialect, place) in WAYS {
            let answer = call(&world, &acme.calling, (path, dialect)).await;
            let seen = format!("{deed} {dialect}: {answer:?}");
            assert_eq!(answer.status, 403, "{seen}");
            assert_eq!(answer.header("x-tollgate-error-code"), *code, "{seen}");
            assert_eq!(answer.header("x-should-retry"), "false", "{seen}");
            assert_eq!(answer.header("retry-after"), "", "{seen}");
            let said = answer.json().pointer(place).cloned().unwrap_or_default();
            let [openai, langmart, detail] = sentences;
            match *dialect {
                "langmart" => {
                    assert_eq!(said, *langmart, "{seen}");
                    assert_eq!(
                        answer.json()["error"]["code"],
                        "GATEWAY1_AUTH_002",
                        "{seen}"
                    );
                    assert_eq!(answer.json()["error"]["type"], "forbidden", "{seen}");
                }
                "detail" => assert_eq!(said, *detail, "{seen}"),
                _ => assert_eq!(said, *openai, "{seen}"),
            }
        }
        let models = world
            .gateway
            .get("/v1/models")
            .key(&acme.calling)
            .send()
            .await;
        assert_eq!(models.outcome(), (403, (*code).to_owned()));
        // Others go on.
        assert_eq!(
            scene::chat(&world, &other.calling, "sim/echo").await.status,
            200
        );
        let (holder, _) = deed.rsplit_once('/').unwrap();
        set(&world, &format!("{holder}/resume")).await;
        let again = scene::chat(&world, &acme.calling, "sim/echo").await;
        assert_eq!(again.status, 200, "{deed}: {again:?}");
    }
    let name = "tollgate_requests_open";
    world.gateway.metric_becomes(name, &[], 0).await;
}

#[tokio::test]
async fn a_call_under_way_ends_as_it_began_and_the_next_one_is_refused() {
    let world = World::start().await;
    let acme = tenant(&world, "acme").await;
    let model = "sim/fault/drip:ms=30";
    let body = scene::streamed(model);
    let stream = scene::chat_of(&world, &body)
        .key(&acme.calling)
        .open()
        .await;
    assert_eq!(stream.status, 200);
    set(&world, "teams/acme-team/suspend").await;
    let next = scene::chat(&world, &acme.calling, "sim/echo").await;
    assert_eq!(next.outcome(), (403, "team_suspended".to_owned()));
    let rest = stream.rest().await.unwrap();
    assert!(rest.ends_with(b"data: [DONE]\n\n"), "{rest:?}");
}

#[tokio::test]
async fn whoever_paused_resumes_and_whoever_is_suspended_manages_nothing() {
    let world = World::start().await;
    let acme = tenant(&world, "acme").await;
    let by_owner = async |deed: &str| {
        let ask = scene::asked(&world, Method::POST, &format!("/api/{deed}"), &Value::Null);
        ask.key(&acme.managing).send().await
    };
    assert_eq!(by_owner("teams/acme-team/pause").await.status, 200);
    assert_eq!(
        scene::chat(&world, &acme.calling, "sim/echo").await.status,
        403
    );
    assert_eq!(by_owner("teams/acme-team/resume").await.status, 200);
    assert_eq!(
        scene::chat(&world, &acme.calling, "sim/echo").await.status,
        200
    );
    // These are for the platform.
    for deed in ["teams/acme-team/suspend", "organizations/acme/pause"] {
        assert_eq!(
            by_owner(deed).await.outcome(),
            (403, "permission_denied".to_owned())
        );
    }
    set(&world, "teams/acme-team/suspend").await;
    // Nobody lifts a suspension by resuming, nor by setting the status.
    let resumed = by_owner("teams/acme-team/resume").await;
    assert_eq!(resumed.outcome(), (403, "team_suspended".to_owned()));
    set(&world, "teams/acme-team/resume").await;

    // The same from a team of the organization that is not suspended.
    let wanted = json!({"id": "second", "name": "second", "organization": "acme"});
    scene::make(&world, "/api/teams", wanted).await;
    set(&world, "teams/second/suspend").await;
    for (method, path, body) in [
        (Method::POST, "/api/teams/second/resume", Value::Null),
        (Method::POST, "/api/teams/second/pause", Value::Null),
        (
            Method::PATCH,
            "/api/teams/second",
            json!({"status": "active"}),
        ),
        (
            Method::PATCH,
            "/api/teams/second",
            json!({"status": "paused"}),
        ),
    ] {
        let answer = scene::asked(&world, method, path, &body)
            .key(&acme.managing)
            .send()
            .await;
        assert_eq!(
            answer.outcome(),
            (403, "permission_denied".to_owned()),
            "{path} {body}"
        );
    }
    assert_eq!(
        scene::read(&world, "/api/teams/second").await["status"],
        "suspended"
    );
}

async fn outcome(world: &World, key: &str) -> (u16, String) {
    let answer = world.gateway.get("/v1/auth/validate").key(key).send().await;
    if answer.status == 200 {
        (200, String::new())
    } else {
        answer.outcome()
    }
}

#[tokio::test]
async fn the_status_of_a_user_holds_for_each_of_their_keys_and_their_end_revokes_them() {
    let world = World::start().await;
    let Tenant { team, .. } = tenant(&world, "acme").await;
    let user = scene::member(&world, "acme", "developer").await;
    let path = format!("/api/organizations/acme/members/{user}");
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = scene::key(&world, json!({"team": team, "user": user})).await;
        keys.push(scene::text(&made, "key"));
    }
    let denied = (403, "permission_denied".to_owned());
    for (status, expected) in [
        ("paused", denied.clone()),
        ("active", (200, String::new())),
        ("suspended", denied.clone()),
        ("active", (200, String::new())),
    ] {
        scene::change(&world, &path, json!({"status": status})).await;
        for key in &keys {
            assert_eq!(outcome(&world, key).await, expected, "{status}");
        }
    }
    let ask = world.gateway.ask(Method::DELETE, &path, Bytes::new());
    assert_eq!(ask.admin().send().await.status, 200);
    for key in &keys {
        assert_eq!(
            outcome(&world, key).await,
            (401, "invalid_api_key".to_owned())
        );
    }
}

#[tokio::test]
async fn a_team_that_goes_out_of_the_configuration_stops_its_keys_until_it_is_back() {
    let declared = "[[teams]]\nname = \"search\"\n";
    let world = World::with(declared).await;
    let key = scene::text(&scene::key(&world, json!({"team": "search"})).await, "key");
    assert_eq!(outcome(&world, &key).await.0, 200);
    for (more, expected) in [
        ("", (403, "team_suspended".to_owned())),
        (declared, (200, String::new())),
        (
            "[[teams]]\nname = \"search\"\nstatus = \"paused\"\n",
            (403, "team_paused".to_owned()),
        ),
        (declared, (200, String::new())),
    ] {
        world.rewrite_config(more);
        world.gateway.signal("HUP");
        let begin = std::time::Instant::now();
        scene::until("the configuration is in effect", async || {
            outcome(&world, &key).await == expected
        })
        .await;
        assert!(
            begin.elapsed() < std::time::Duration::from_secs(5),
            "{:?}",
            begin.elapsed()
        );
    }
    // What is declared is changed there alone.
    let answer = scene::admin(
        &world,
        Method::POST,
        "/api/teams/search/pause",
        &Value::Null,
    );
    assert_eq!(answer.send().await.outcome(), (409, "conflict".to_owned()));
}

#[tokio::test]
async fn a_user_who_is_stopped_reads_and_ends_nothing_while_their_team_still_does() {
    let world = World::start().await;
    let acme = tenant(&world, "acme").await;
    let user = scene::member(&world, "acme", "developer").await;
    let path = format!("/api/organizations/acme/members/{user}");
    let mut keys = Vec::new();
    for permissions in [&["read", "write"][..], &scene::ALL] {
        let wanted = json!({"team": acme.team, "user": user, "permissions": permissions});
        keys.push(scene::text(&scene::key(&world, wanted).await, "key"));
    }
    let made = world.gateway.post(
        "/api/jobs/create",
        json!({"team_id": acme.team, "job_type": "x"}),
    );
    let made = made.key(&keys[0]).send().await;
    let job = format!("/api/jobs/{}", scene::text(&made.json(), "job_id"));
    let questions = [
        (Method::GET, job.clone(), Value::Null),
        (Method::HEAD, job.clone(), Value::Null),
        (Method::GET, format!("{job}/costs"), Value::Null),
        (
            Method::GET,
            "/api/teams/acme-team/usage?period=2026-01".into(),
            Value::Null,
        ),
        (Method::GET, "/api/teams/acme-team/jobs".into(), Value::Null),
        (Method::GET, "/api/teams/acme-team".into(), Value::Null),
        (
            Method::GET,
            "/api/credits/teams/acme-team/balance".into(),
            Value::Null,
        ),
        (
            Method::GET,
            "/api/credits/teams/acme-team/transactions".into(),
            Value::Null,
        ),
        (
            Method::POST,
            "/api/credits/teams/acme-team/check".into(),
            Value::Null,
        ),
        (
            Method::GET,
            "/api/model-groups/none/resolve".into(),
            Value::Null,
        ),
        (Method::GET, "/api/account/balance".into(), Value::Null),
        (Method::GET, "/api/account/request-logs".into(), Value::Null),
        (Method::GET, "/v1/auth/validate".into(), Value::Null),
        (Method::GET, "/v1/models".into(), Value::Null),
        (
            Method::POST,
            "/v1/chat/completions".into(),
            scene::talk("sim/echo"),
        ),
        (
            Method::POST,
            format!("{job}/llm-call"),
            scene::talk("sim/echo"),
        ),
        (
            Method::PATCH,
            format!("{job}/metadata"),
            json!({"metadata": {}}),
        ),
        // The last one: it ends the job.
        (
            Method::POST,
            format!("{job}/complete"),
            json!({"status": "failed"}),
        ),
    ];
    let told = async |key: &str, (method, path, body): &(Method, String, Value)| {
        let ask = scene::asked(&world, method.clone(), path, body);
        ask.key(key).send().await
    };
    // Whether the team may work makes no difference to somebody who may not.
    for (status, of_team) in [
        ("suspended", "resume"),
        ("paused", "suspend"),
        ("suspended", "pause"),
    ] {
        scene::change(&world, &path, json!({"status": status})).await;
        set(&world, &format!("teams/acme-team/{of_team}")).await;
        for question in &questions {
            for key in &keys {
                let answer = told(key, question).await;
                let seen = (
                    answer.status.as_u16(),
                    answer.header("x-tollgate-error-code"),
                );
                let place = format!("{status} {of_team} {question:?}: {answer:?}");
                if of_team == "resume" || is_open_to_stopped_teams(&question.1) {
                    assert_eq!(seen, (403, "permission_denied"), "{place}");
                } else {
                    assert_eq!(answer.status, 403, "{place}");
                }
            }
        }
        scene::change(&world, &path, json!({"status": "active"})).await;
    }
    // Whoever may work, of a team that is paused: what they have begun is there, and they end it.
    for question in questions
        .iter()
        .filter(|it| is_open_to_stopped_teams(&it.1))
    {
        let answer = told(&keys[0], question).await;
        assert_eq!(answer.status, 200, "{question:?}: {answer:?}");
    }
}

/// What is there for a team that is suspended or paused: what it has, and the end of its jobs.
fn is_open_to_stopped_teams(path: &str) -> bool {
    let is_of_job = path.starts_with("/api/jobs/");
    path.starts_with("/api/teams/")
        || path.starts_with("/api/credits/")
        || path.starts_with("/api/model-groups/")
        || (is_of_job && !path.ends_with("/llm-call") && !path.ends_with("/metadata"))
}
