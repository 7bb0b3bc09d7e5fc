//! Budgets of keys, users, teams, organizations and models: all levels agree at once, none is
//! passed, and what was spent stays spent.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::scene::{
    MODELS, ONCE, Store, asked, cost, fails, nano, order, plain, price_of, read, reload, until,
    world_on,
};
use crate::world::{Answer, Gateway, World};

/// A key with everything above it, each with a total budget.
struct Tenant {
    secret: String,
    /// Where each level is told, and its word.
    levels: [(&'static str, String); 4],
}

fn total(usd: &str) -> Value {
    json!([{"period": "total", "usd": usd}])
}

async fn tenant(world: &World, usd: &str) -> Tenant {
    let budgets = total(usd);
    let organization = json!({"id": "acme", "name": "Acme", "budgets": budgets});
    order(world, "/api/organizations", organization).await;
    let team =
        json!({"id": "search", "name": "Search", "organization": "acme", "budgets": budgets});
    order(world, "/api/teams", team).await;
    let user = json!({"email": "ann@example.com", "role": "member", "budgets": budgets});
    let user = order(world, "/api/organizations/acme/members", user).await;
    let user = user["id"].as_str().unwrap();
    let key = json!({"name": "ann", "team": "search", "user": user, "budgets": budgets});
    let key = order(world, "/api/keys", key).await;
    Tenant {
        secret: key["key"].as_str().unwrap().to_owned(),
        levels: [
            ("key", format!("/api/keys/{}", key["id"].as_str().unwrap())),
            ("user", format!("/api/organizations/acme/members/{user}")),
            ("team", "/api/teams/search".to_owned()),
            ("organization", "/api/organizations/acme".to_owned()),
        ],
    }
}

impl Tenant {
    async fn ask(&self, world: &World, body: &Value) -> Answer {
        let ask = world.gateway.post("/v1/chat/completions", body);
        ask.key(&self.secret).send().await
    }

    /// So many calls at once; gives what each costs.
    async fn burst(&self, world: &World, count: usize) -> Vec<u64> {
        let body = plain("money/echo");
        let answers = join_all((0..count).map(|_| self.ask(world, &body))).await;
        answers.iter().map(cost).collect()
    }

    /// What is spent at each level, which has to be the same, and nothing may be held.
    async fn spent(&self, world: &World) -> u64 {
        let mut all = Vec::new();
        for (level, path) in &self.levels {
            let told = read(world, path).await;
            let budget = &told["budgets"][0];
            assert_eq!(budget["held_usd"], "0.00", "{level}: {told}");
            all.push(nano(&budget["spent_usd"]));
        }
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0]
    }

    async fn set(&self, world: &World, level: &str, budgets: &Value) {
        let path = &self
            .levels
            .iter()
            .find(|(word, _)| *word == level)
            .unwrap()
            .1;
        let body = json!({"budgets": budgets}).to_string().into();
        let ask = world.gateway.ask(Method::PATCH, path, body).admin();
        let answer = ask.header("content-type", "application/json").send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn bursts_are_spent_at_every_level_at_once_and_failures_nowhere() {
    let world = World::with(&format!("{MODELS}{ONCE}")).await;
    let tenant = tenant(&world, "100").await;
    let one = tenant.burst(&world, 1).await[0];
    for (count, sum) in [(20, 21), (22, 43), (12, 55)] {
        let costs = tenant.burst(&world, count).await;
        assert!(costs.iter().all(|cost| *cost == one), "{costs:?}");
        assert_eq!(tenant.spent(&world).await, one * sum);
    }
    let (good, bad) = (plain("money/echo"), plain("money/fault/server-error"));
    let calls = (0..15).map(|number| {
        let body = if number % 3 == 0 { &bad } else { &good };
        tenant.ask(&world, body)
    });
    let answers = join_all(calls).await;
    let failed = answers.iter().filter(|one| one.status == 502).count();
    assert_eq!(failed, 5);
    assert_eq!(tenant.spent(&world).await, one * 65);
}

#[tokio::test]
async fn calls_at_once_do_not_pass_a_budget_of_any_level() {
    let world = World::with(&format!("{MODELS}{ONCE}")).await;
    let tenant = tenant(&world, "100").await;
    let one = tenant.burst(&world, 1).await[0];
    fails(&world, "echo", "delay-head:ms=300", 1000);
    let body = plain("money/echo");
    for level in ["key", "user", "team", "organization"] {
        let spent = tenant.spent(&world).await;
        let limit = tollgate_core::money::Money::from_nano(spent + one * 10);
        tenant.set(&world, level, &total(&limit.to_string())).await;
        world.simulator.forget_requests();
        let answers = join_all((0..30).map(|_| tenant.ask(&world, &body))).await;
        let good = answers.iter().filter(|one| one.status == 200).count();
        assert!((1..=10).contains(&good), "{level}: {good}");
        assert_eq!(asked(&world), good, "{level}");
        let refused = answers.iter().find(|one| one.status != 200).unwrap();
        assert_eq!(refused.outcome(), (402, "budget_exceeded".to_owned()));
        assert_eq!(refused.json()["error"]["details"]["level"], level);
        let after = tenant.spent(&world).await;
        assert_eq!(after, spent + one * u64::try_from(good).unwrap());
        tenant.set(&world, level, &total("100")).await;
    }
}

#[tokio::test]
async fn a_spent_budget_is_told_with_its_level_and_figures_and_can_be_raised_and_lowered() {
    let world = World::with(&format!("{MODELS}{ONCE}")).await;
    let tenant = tenant(&world, "100").await;
    let one = tenant.burst(&world, 1).await[0];
    let body = plain("money/echo");
    let spent = tollgate_core::money::Money::from_nano(one).to_string();
    for level in ["key", "user", "team", "organization"] {
        for (period, resets) in [("total", false), ("daily", true), ("monthly", true)] {
            let budgets = json!([{"period": period, "usd": spent}]);
            tenant.set(&world, level, &budgets).await;
            let refused = tenant.ask(&world, &body).await;
            assert_eq!(refused.outcome(), (402, "budget_exceeded".to_owned()));
            let row = format!("{level} {period}: {refused:?}");
            assert_eq!(refused.header("x-should-retry"), "false", "{row}");
            let error = &refused.json()["error"];
            let (details, message) = (&error["details"], error["message"].as_str().unwrap());
            assert_eq!(details["level"], level, "{row}");
            assert_eq!(details["period"], period, "{row}");
            assert_eq!(details["limit_usd"], spent, "{row}");
            assert_eq!(details["spent_usd"], spent, "{row}");
            assert_eq!(details["resets_at"].is_string(), resets, "{row}");
            let says = [
                format!("budget of this {level}"),
                format!("${spent} of ${spent}"),
            ];
            assert!(says.iter().all(|text| message.contains(text)), "{row}");
        }
        tenant.set(&world, level, &total("100")).await;
    }
    assert_eq!(asked(&world), 1);
    tenant.burst(&world, 1).await;
    tenant.set(&world, "team", &total("0.01")).await;
    assert_eq!(tenant.ask(&world, &body).await.outcome().0, 402, "lowered");
    tenant.set(&world, "team", &json!([])).await;
    tenant.burst(&world, 1).await;
    tenant.set(&world, "team", &total("100")).await;
    assert_eq!(
        tenant.spent(&world).await,
        one * 3,
        "what nobody bounded counts too"
    );
}

#[tokio::test]
async fn a_budget_that_is_nearly_spent_warns() {
    let world = World::with(&format!("{MODELS}{ONCE}")).await;
    let tenant = tenant(&world, "100").await;
    let one = tenant.burst(&world, 1).await[0];
    let body = plain("money/echo");
    let warning = async || {
        let answer = tenant.ask(&world, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("x-tollgate-budget-warning").to_owned()
    };
    assert_eq!(warning().await, "");
    let ten = tollgate_core::money::Money::from_nano(one * 100).to_string();
    let early = json!([{"period": "total", "usd": ten, "warn_percent": 2}]);
    tenant.set(&world, "team", &early).await;
    let told = warning().await;
    let start = "team total: ";
    assert!(
        told.starts_with(start) && told.ends_with(" USD spent"),
        "{told}"
    );
    assert!(told.contains(&format!("of {ten}")), "{told}");
    tenant.set(&world, "team", &total("100")).await;
    assert_eq!(warning().await, "");
}

#[tokio::test]
async fn a_model_has_a_budget_for_all_who_ask_for_it() {
    let budget = |usd: &str| {
        format!(
            "{MODELS}{ONCE}[[models]]\nname = \"scarce\"\n\
             targets = [{{ connection = \"sim\", model = \"echo\" }}]\n\
             price = {{ input = \"1000\", output = \"2000\" }}\n\
             budgets = [{{ period = \"total\", usd = \"{usd}\" }}]\n"
        )
    };
    let world = World::with(&budget("0.15")).await;
    let body = plain("scarce");
    let spent = cost(&world.chat(&body).send().await);
    assert!(spent > price_of(1, 1));
    let refused = loop {
        let answer = world.chat(&body).send().await;
        if answer.status != 200 {
            break answer;
        }
        assert!(asked(&world) < 20, "no end");
    };
    assert_eq!(refused.outcome(), (402, "budget_exceeded".to_owned()));
    assert_eq!(refused.json()["error"]["details"]["level"], "model");
    let other = world.chat(&plain("money/echo")).send().await;
    assert_eq!(other.status, 200, "another model is not bounded");
    reload(&world, &budget("10")).await;
    assert_eq!(world.chat(&body).send().await.status, 200);
}

async fn survives(store: Store) {
    let (mut world, database) = world_on(store, &format!("{MODELS}{ONCE}")).await;
    let tenant = tenant(&world, "100").await;
    let one = tenant.burst(&world, 1).await[0];
    tenant.burst(&world, 4).await;
    for signal in ["KILL", "TERM"] {
        world.gateway.signal(signal);
        world.gateway.wait_for_end();
        world.gateway = Gateway::start(world.folder.path(), &[]);
        assert_eq!(tenant.spent(&world).await, one * 5, "after {signal}");
    }
    let limit = tollgate_core::money::Money::from_nano(one * 5).to_string();
    tenant.set(&world, "user", &total(&limit)).await;
    let refused = tenant.ask(&world, &plain("money/echo")).await;
    assert_eq!(refused.outcome(), (402, "budget_exceeded".to_owned()));
    drop(database);
}

#[tokio::test]
async fn what_was_spent_of_a_total_budget_survives_kills() {
    survives(Store::Sqlite).await;
}

#[tokio::test]
async fn what_was_spent_of_a_total_budget_survives_kills_with_postgres() {
    survives(Store::Postgres).await;
}

#[tokio::test]
async fn a_budget_that_is_declared_later_counts_what_was_spent_before() {
    let mut world = World::with(&format!("{MODELS}{ONCE}")).await;
    let free = json!({"id": "late", "name": "Late"});
    order(&world, "/api/teams", free).await;
    let key = order(&world, "/api/keys", json!({"name": "late", "team": "late"})).await;
    let key = key["key"].as_str().unwrap();
    let ask = async |world: &World| {
        let ask = world
            .gateway
            .post("/v1/chat/completions", plain("money/echo"));
        ask.key(key).send().await
    };
    let one = cost(&ask(&world).await);
    ask(&world).await;
    for restart in [false, true] {
        if restart {
            world.gateway.signal("KILL");
            world.gateway.wait_for_end();
            world.gateway = Gateway::start(world.folder.path(), &[]);
        }
        for period in ["daily", "weekly", "monthly", "total"] {
            let body = json!({"budgets": [{"period": period, "usd": "0.01"}]}).to_string();
            let patch = world
                .gateway
                .ask(Method::PATCH, "/api/teams/late", body.into());
            let patch = patch.header("content-type", "application/json").admin();
            assert_eq!(patch.send().await.status, 200);
            until("what was spent is known", async || {
                let told = read(&world, "/api/teams/late").await;
                nano(&told["budgets"][0]["spent_usd"]) == one * 2
            })
            .await;
            let refused = ask(&world).await;
            let told = format!("{period}, after a restart: {restart}");
            assert_eq!(
                refused.outcome(),
                (402, "budget_exceeded".to_owned()),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_picture_is_not_held_for_as_if_it_were_text() {
    let world = World::with(&format!("{MODELS}{ONCE}")).await;
    let tenant = tenant(&world, "5").await;
    let url = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(10_000));
    let parts = json!([{"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url}}]);
    for level in ["key", "user", "team", "organization"] {
        for (other, _) in &tenant.levels {
            let budgets = if *other == level {
                total("5")
            } else {
                json!([])
            };
            tenant.set(&world, other, &budgets).await;
        }
        let mut body = plain("money/see");
        body["messages"][0]["content"] = parts.clone();
        let answer = tenant.ask(&world, &body).await;
        assert_eq!(answer.status, 200, "{level}: {answer:?}");
    }
}
