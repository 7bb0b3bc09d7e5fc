//! Tenants, credits and limits that the configuration declares.

use std::process::Command;

use serde_json::{Value, json};

use super::reload::until;
use crate::world::{Folder, Gateway, KEY, World};

/// As the interface is published: the built-in team in an organization of its own, with credits.
const PUBLISHED: &str = r#"
[limits]
ip = { rpm = 600 }
key = { rpm = 60, tpm = 100000, parallel = 10, burst = 10 }

[billing]
minimum_balance_usd = "0.10"
durability = "strict"
unpriced = "refuse"

[[organizations]]
name = "acme"

[[teams]]
name = "default"
organization = "acme"
credits_usd = "100.00"
"#;

async fn balance(gateway: &Gateway, holder: &str) -> String {
    let path = format!("/api/credits/{holder}/balance");
    let answer = gateway.get(&path).admin().send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["balance_usd"].as_str().unwrap().to_owned()
}

/// `tollgate COMMAND` with this configuration: whether it went well, and everything it said.
fn say(folder: &Folder, command: &str, configuration: &str) -> (bool, String) {
    std::fs::write(folder.path().join("tollgate.toml"), configuration).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args([command, "--config", "tollgate.toml"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), text)
}

#[tokio::test]
async fn declared_credits_are_given_once_however_often_the_gateway_starts() {
    let mut world = World::with(PUBLISHED).await;
    assert_eq!(balance(&world.gateway, "teams/default").await, "100.00");
    // Neither a restart nor another amount gives anything again.
    for credits in ["100.00", "250.00"] {
        world.gateway.signal("TERM");
        world.gateway.wait_for_end();
        world.rewrite_config(&PUBLISHED.replace("100.00", credits));
        world.gateway = Gateway::start(world.folder.path(), &[]);
        assert_eq!(balance(&world.gateway, "teams/default").await, "100.00");
    }
    let path = "/api/credits/teams/default/transactions?unit=usd";
    let answer = world.gateway.get(path).admin().send().await;
    assert_eq!(answer.text().matches("\"configuration\"").count(), 1);
}

/// An organization with a team, a user and a key, of which only the configuration knows.
const PEOPLE: &str = r#"
[[organizations]]
name = "acme"

[[teams]]
name = "red"
organization = "acme"

[[users]]
name = "ann"
organization = "acme"
email = "ann@example.com"
role = "admin"

[[keys]]
name = "of-red"
key = "sk-of-red-0123456789"
team = "red"
"#;

/// When everything was made, as the management API says.
async fn times(gateway: &Gateway, names: &[&str]) -> Vec<(String, Value)> {
    let mut times = Vec::new();
    for path in [
        "/api/organizations",
        "/api/teams",
        "/api/organizations/acme/members",
        "/api/keys",
    ] {
        let told = gateway.get(path).admin().send().await;
        assert_eq!(told.status, 200, "{path}: {told:?}");
        let told = told.json();
        let lists = [&told, &told["members"], &told["keys"]];
        let rows = lists.iter().filter_map(|list| list.as_array());
        for row in rows.flatten() {
            let called = [&row["id"], &row["name"]];
            let mut called = called.iter().filter_map(|text| text.as_str());
            if let Some(text) = called.find(|text| names.contains(text)) {
                times.push((format!("{path} {text}"), row["created_at"].clone()));
            }
        }
    }
    times
}

#[tokio::test]
async fn what_is_declared_keeps_the_time_of_its_first_start() {
    let names = ["acme", "red", "ann", "of-red"];
    let mut world = World::with(PEOPLE).await;
    let first = times(&world.gateway, &names).await;
    assert_eq!(first.len(), names.len(), "{first:?}");
    let old = first[0].1.as_str().unwrap().to_owned();
    let second = || {
        jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    };
    let mut more = PEOPLE.to_owned();
    for signal in ["KILL", "TERM"] {
        // Times are told to the second.
        let before = second();
        until("a second has passed", async || second() != before).await;
        world.gateway.signal(signal);
        world.gateway.wait_for_end();
        world.rewrite_config(&more);
        world.gateway = Gateway::start(world.folder.path(), &[]);
        assert_eq!(times(&world.gateway, &names).await, first, "after {signal}");
        more.push_str("[[teams]]\nname = \"blue\"\norganization = \"acme\"\n");
    }
    // What comes later is younger.
    let blue = times(&world.gateway, &["blue"]).await;
    assert!(blue[0].1.as_str().unwrap() > old.as_str(), "{blue:?}");
}

#[tokio::test]
async fn a_kill_right_after_the_start_loses_no_declared_credit_and_gives_none_twice() {
    let mut world = World::with(PUBLISHED).await;
    for _ in 0..3 {
        world.gateway.signal("KILL");
        world.gateway.wait_for_end();
        world.gateway = Gateway::start(world.folder.path(), &[]);
        assert_eq!(balance(&world.gateway, "teams/default").await, "100.00");
    }
}

#[tokio::test]
async fn a_team_that_was_given_nothing_pays_and_is_refused() {
    let more = PUBLISHED.replace("100.00", "0.00");
    let world = World::with(&format!(
        "{more}\n[[models]]\nname = \"priced\"\nprice = {{ input = \"1\", output = \"2\" }}\n\
         targets = [{{ connection = \"sim\", model = \"echo\" }}]\n"
    ))
    .await;
    assert_eq!(balance(&world.gateway, "teams/default").await, "0.00");
    let call = json!({"model": "priced", "messages": [{"role": "user", "content": "x"}]});
    let answer = world.chat(&call).send().await;
    assert_eq!(answer.status, 402, "{answer:?}");
    assert!(answer.text().contains("insufficient_credits"), "{answer:?}");
}

#[tokio::test]
async fn a_reload_takes_tenants_and_credits_and_refuses_what_leads_nowhere() {
    let world = World::with(PUBLISHED).await;
    let more = format!(
        "{PUBLISHED}\n[[teams]]\nname = \"search\"\norganization = \"acme\"\n\
         credits_usd = \"7.50\"\n"
    );
    world.rewrite_config(&more);
    world.gateway.signal("HUP");
    until("the new team has its credits", async || {
        let path = "/api/credits/teams/search/balance";
        let answer = world.gateway.get(path).admin().send().await;
        answer.status == 200 && answer.json()["balance_usd"] == "7.50"
    })
    .await;

    let wrong = "[[keys]]\nname = \"lost\"\nkey = \"sk-lost-0123456789\"\nteam = \"serach\"\n";
    world.rewrite_config(&format!("{more}{wrong}"));
    world.gateway.signal("HUP");
    let log = || std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
    until("the refusal is logged", async || {
        log().contains("the old one stays")
    })
    .await;
    let log = log();
    assert!(log.contains(".team: no team of this name"), "{log}");
    assert!(log.contains("did you mean `search`?"), "{log}");
    let models = world.gateway.get("/v1/models").key(KEY).send().await;
    assert_eq!(models.status, 200, "the old configuration is in effect");
}

#[tokio::test]
async fn changed_limits_hold_soon_after_the_reload() {
    let world = World::start().await;
    let call = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(world.chat(&call).send().await.status, 200);
    world.rewrite_config("[limits]\nkey = { rpm = 1, burst = 1 }\n");
    world.gateway.signal("HUP");
    let begin = std::time::Instant::now();
    until("the limit holds", async || {
        world.chat(&call).send().await.status == 429
    })
    .await;
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
    world.rewrite_config("");
    world.gateway.signal("HUP");
    until("it is gone", async || {
        let one = world.chat(&call).send().await.status;
        let two = world.chat(&call).send().await.status;
        one == 200 && two == 200
    })
    .await;
}

#[test]
fn references_are_doubtful_to_check_and_refused_by_serve() {
    let folder = Folder::new();
    let configuration = "[server]\nlisten = \"127.0.0.1:0\"\n[[organizations]]\nname = \"acme\"\n\
                         [[teams]]\nname = \"search\"\norganization = \"acne\"\n";
    let (is_good, text) = say(&folder, "check", configuration);
    assert!(is_good, "{text}");
    let doubt = "tollgate.toml:7:16: teams[0].organization: no organization of this name is \
                 declared, it must be in the store when the gateway starts; did you mean `acme`? \
                 (warning)";
    assert!(text.contains(doubt), "{text}");
    assert!(text.contains("1 organization, 1 team, "), "{text}");
    let (is_good, text) = say(&folder, "serve", configuration);
    assert!(!is_good, "{text}");
    assert!(
        text.contains("teams[0].organization: no organization"),
        "{text}"
    );
    assert!(text.contains("there is none in the store"), "{text}");
}

/// A configuration → what `check` says of it.
const PROBLEMS: &[(&str, &[&str])] = &[
    (
        "[limits]\nkey = { rpm = 0 }\n[billing]\nminimum_balance_usd = 0.1\nunpriced = \"free\"\n",
        &[
            "tollgate.toml:2:15: limits.key.rpm: is out of bounds",
            "tollgate.toml:4:23: billing.minimum_balance_usd: expected an amount of USD",
            "tollgate.toml:5:12: billing.unpriced: expected \"refuse\" or a table",
            "3 problems",
        ],
    ),
    (
        "[[teams]]\nname = \"a\"\nbudgets = [{ period = \"daily\", usd = \"1\" }, { period = \"daily\", usd = \"2\", zone = \"Mars\" }]\n",
        &[
            "teams[0].budgets[1].period: `teams[0].budgets[0]` is a budget of the same period",
            "teams[0].budgets[1].zone: expected the name of a time zone",
            "2 problems",
        ],
    ),
    (
        "[billing]\nwebhook_secret = \"canary-0123456789\"\n[[keys]]\nname = \"x\"\nkey = \"canary\"\nsurfaces = [\"openai\"]\naddresses = [\"10.0.0.1/8\"]\nrate_limits = {}\n",
        &[
            "tollgate.toml:2:18: billing.webhook_secret: must have 32 to 512 characters",
            "tollgate.toml:5:7: keys[0].key: must begin with `sk-`",
            "tollgate.toml:6:13: keys[0].surfaces[0]: expected one of",
            "tollgate.toml:7:14: keys[0].addresses[0]: expected an address or a range",
            "tollgate.toml:8:1: keys[0].rate_limits: unknown key",
            "5 problems",
        ],
    ),
];

#[test]
fn check_reports_every_problem_of_money_and_tenants_at_once_and_no_secret() {
    let folder = Folder::new();
    for (configuration, expected) in PROBLEMS {
        let (is_good, text) = say(&folder, "check", configuration);
        assert!(!is_good, "{text}");
        for part in *expected {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }
}
