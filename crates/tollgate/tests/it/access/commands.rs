//! `tollgate org`, `team`, `user`, `key` and `credit`: beside a running gateway and without one.

use std::process::Command;

use serde_json::Value;

use super::scene;
use crate::world::{ADMIN_KEY, Folder, Gateway, World};

/// Runs `tollgate` in the folder: whether it went well, and what it printed.
fn run(folder: &Folder, arguments: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments.split(' '))
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), text)
}

/// What a command prints as JSON.
fn json(folder: &Folder, arguments: &str) -> Value {
    let (is_good, text) = run(folder, &format!("{arguments} --json"));
    assert!(is_good, "{arguments}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Makes an organization with everything, and gives the texts of the keys of its owner and of its
/// application.
fn found(folder: &Folder, name: &str) -> (String, String) {
    let organization = format!("org create {name} --id {name} --budget monthly=500.00");
    assert_eq!(json(folder, &organization)["id"], name);
    let team = format!("team create {name}-team --id {name}-team --organization {name} --rpm 600");
    assert_eq!(json(folder, &team)["limits"]["rpm"], 600);
    let user = format!("user create ann@{name}.example --organization {name} --role owner");
    let user = scene::text(&json(folder, &user), "id");
    let owners =
        format!("key create ann --team {name}-team --user {user} --permissions read,write,admin");
    let owners = scene::text(&json(folder, &owners), "key");
    let key = format!("key create app --team {name}-team --rpm 60 --budget daily=5.00");
    let key = scene::text(&json(folder, &key), "key");
    let credit = format!("credit add {name}-team 10.00 --reference order-1");
    for _ in 0..2 {
        json(folder, &credit);
    }
    let balance = json(folder, &format!("credit balance {name}-team"));
    assert_eq!(
        balance["balance_usd"], "10.00",
        "an order with a reference is done once"
    );
    (owners, key)
}

/// What commands made is there for whoever calls and manages.
async fn check(gateway: &Gateway, name: &str, (owners, key): &(String, String)) {
    let told = gateway.get("/v1/auth/validate").key(key).send().await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.json()["organization"]["id"], name);
    assert_eq!(told.json()["team"]["id"], format!("{name}-team"));
    let balance = gateway
        .get("/api/account/balance")
        .key(key)
        .send()
        .await
        .json();
    assert_eq!(balance["balance_usd"], "10.00");
    let told = gateway
        .get(&format!("/api/organizations/{name}"))
        .key(owners)
        .send()
        .await;
    assert_eq!(told.json()["budgets"][0]["usd"], "500.00");
    let rows = gateway
        .get(&format!("/api/audit?organization={name}"))
        .admin()
        .send()
        .await;
    let rows = rows.json()["entries"].as_array().unwrap().clone();
    let actions: Vec<_> = rows
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "credit.top_up",
            "key.create",
            "key.create",
            "user.create",
            "team.create",
            "organization.create"
        ]
    );
}

#[tokio::test]
async fn what_is_made_beside_a_running_gateway_works_and_stops_at_once() {
    let world = World::start().await;
    let keys = found(&world.folder, "acme");
    check(&world.gateway, "acme", &keys).await;
    let code = async || {
        let answer = world
            .gateway
            .get("/v1/auth/validate")
            .key(&keys.1)
            .send()
            .await;
        answer.header("x-tollgate-error-code").to_owned()
    };
    for (command, expected) in [
        ("team pause acme-team", "team_paused"),
        ("team resume acme-team", ""),
        ("team suspend acme-team", "team_suspended"),
        ("team resume acme-team", ""),
        ("org pause acme", "team_paused"),
        ("org resume acme", ""),
        ("org suspend acme", "team_suspended"),
        ("org resume acme", ""),
    ] {
        json(&world.folder, command);
        assert_eq!(code().await, expected, "{command}");
    }
    for list in [
        "org list",
        "team list",
        "user list --organization acme",
        "key list",
    ] {
        let (is_good, text) = run(&world.folder, list);
        assert!(is_good, "{text}");
        let needle = if list.starts_with("user") {
            "ann@acme.example"
        } else {
            "acme"
        };
        assert!(text.contains(needle), "{list}: {text}");
        assert!(
            !text.contains(&keys.1) && !text.contains(ADMIN_KEY),
            "{list}: {text}"
        );
    }
}

#[tokio::test]
async fn what_is_made_without_a_gateway_works_in_the_next_one() {
    let mut world = World::start().await;
    let restart = async |world: &mut World| {
        world.gateway = Gateway::start(world.folder.path(), &[]);
    };
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    let keys = found(&world.folder, "acme");
    restart(&mut world).await;
    check(&world.gateway, "acme", &keys).await;
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    json(&world.folder, "team suspend acme-team");
    restart(&mut world).await;
    let answer = world
        .gateway
        .get("/v1/auth/validate")
        .key(&keys.1)
        .send()
        .await;
    assert_eq!(answer.outcome(), (403, "team_suspended".to_owned()));
    let verified = run(&world.folder, "ledger verify");
    assert!(verified.0, "{}", verified.1);
}

#[tokio::test]
async fn what_cannot_be_done_says_why_with_and_without_a_gateway() {
    let mut world = World::start().await;
    found(&world.folder, "acme");
    for runs in [true, false] {
        if !runs {
            world.gateway.signal("TERM");
            world.gateway.wait_for_end();
        }
        for (command, reason) in [
            // The sentence of seed 001.
            ("team pause nobody", "Team 'nobody' not found"),
            ("org suspend nobody", "There is no organization"),
            ("org create Acme --id acme", "conflict"),
            ("team create x --organization nobody", "organization"),
            (
                "user create x@y.example --organization acme --role king",
                "role",
            ),
            ("key create x --team nobody", "team"),
            ("key create x --budget hourly=1.00", "daily, weekly"),
            ("credit add nobody 1.00", "Team 'nobody' not found"),
            ("credit add acme-team -- -1.00", "amount"),
            ("credit add acme-team 1.0000000001", "amount"),
            ("credit add acme-team 2.00 --reference order-1", "conflict"),
        ] {
            let (is_good, text) = run(&world.folder, command);
            assert!(!is_good, "{command}: {text}");
            assert!(text.contains(reason), "{command}: {text}");
            assert!(!text.contains("panicked"), "{command}: {text}");
        }
    }
}
