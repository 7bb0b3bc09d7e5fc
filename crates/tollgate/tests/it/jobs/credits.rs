//! What jobs cost, in each way in which a team may pay.

use serde_json::{Value, json};

use super::scene::{call, complete, create, credits, refused, team, world};
use crate::money::scene::{order, read};
use crate::world::{Gateway, World};

#[tokio::test]
async fn a_job_costs_one_credit_whatever_its_calls_cost() {
    let world = world(&[team("payer", 3, "")]).await;
    for left in [2, 1, 0] {
        let job = create(&world, "payer").await;
        for _ in 0..3 {
            assert_eq!(call(&world, "payer", &job, "money/echo").await.status, 200);
        }
        let ended = complete(&world, "payer", &job, "completed").await.json();
        assert_eq!(ended["costs"]["credits_remaining"], left, "{ended}");
        assert_eq!(credits(&world, "payer").await, left);
    }
    let body = json!({"team_id": "payer", "job_type": "test"});
    let none = super::scene::post(&world, "payer", "/api/jobs/create", &body).await;
    let expected = json!("Team suspended or insufficient credits");
    assert_eq!(refused(&none), (403, expected));
    assert_eq!(none.header("x-tollgate-error-code"), "insufficient_credits");
}

/// A job of so many calls, completed. Gives its tokens, its cost in USD and its credits.
async fn charged(world: &World, team: &str, calls: u32) -> (u64, f64, u64) {
    let job = create(world, team).await;
    for _ in 0..calls {
        let called = call(world, team, &job, "money/echo").await;
        assert_eq!(called.status, 200, "{called:?}");
    }
    let ended = complete(world, team, &job, "completed").await.json();
    let costs = &ended["costs"];
    assert_eq!(costs["credit_applied"], true, "{ended}");
    (
        costs["total_tokens"].as_u64().unwrap(),
        costs["total_cost_usd"].as_f64().unwrap(),
        costs["credits_charged"].as_u64().unwrap(),
    )
}

#[tokio::test]
async fn a_job_costs_what_its_calls_cost_in_usd() {
    let terms = ", budget_mode = \"consumption_usd\", credits_per_dollar = 1000";
    let world = world(&[team("payer", 1000, terms)]).await;
    let mut left = 1000;
    for calls in [0, 1, 4] {
        let (_, usd, credits_charged) = charged(&world, "payer", calls).await;
        // Whole credits of a thousandth of a dollar, rounded down, and at least one.
        let expected = (usd * 1000.0 + 1e-6).floor().max(1.0);
        let is_rule = (f64::from(u32::try_from(credits_charged).unwrap()) - expected).abs() < 0.5;
        assert!(is_rule, "{calls} calls of {usd} USD: {credits_charged}");
        assert!(calls == 0 || credits_charged > 1, "{credits_charged}");
        left -= credits_charged;
        assert_eq!(credits(&world, "payer").await, left);
    }
}

#[tokio::test]
async fn a_job_costs_by_the_tokens_of_its_calls() {
    let terms = ", budget_mode = \"consumption_tokens\", tokens_per_credit = 4";
    let world = world(&[team("payer", 1000, terms)]).await;
    for calls in [0, 1, 4] {
        let (tokens, _, credits_charged) = charged(&world, "payer", calls).await;
        assert_eq!(credits_charged, (tokens / 4).max(1), "{tokens}");
        assert!(calls == 0 || credits_charged > 1, "{credits_charged}");
    }
}

/// Each credit is one token.
const BY_TOKEN: &str = ", budget_mode = \"consumption_tokens\", tokens_per_credit = 1";

#[tokio::test]
async fn a_job_takes_no_call_that_may_use_more_than_there_is() {
    let world = world(&[team("payer", 200, BY_TOKEN)]).await;
    let job = create(&world, "payer").await;
    let mut calls = 0;
    let refusal = loop {
        let answer = call(&world, "payer", &job, "money/echo").await;
        if answer.status != 200 {
            break answer;
        }
        calls += 1;
    };
    let expected = json!("Team suspended or insufficient credits");
    assert_eq!(refused(&refusal), (403, expected));
    assert!(calls > 1, "{calls}");
    let ended = complete(&world, "payer", &job, "completed").await.json();
    let costs = &ended["costs"];
    assert_eq!(costs["credits_charged"], costs["total_tokens"], "{ended}");
    assert_eq!(costs["credit_applied"], true, "{ended}");
    assert_eq!(costs["total_calls"], calls, "what is refused is no call");
    let left = 200 - costs["credits_charged"].as_u64().unwrap();
    assert_eq!(credits(&world, "payer").await, left);
    // What was held for the calls is free again.
    let told = read(&world, "/api/credits/teams/payer/balance?unit=credits").await;
    assert_eq!(told["available"], left, "{told}");
}

#[tokio::test]
async fn calls_at_once_use_no_more_credits_than_there_are() {
    let world = world(&[team("payer", 300, BY_TOKEN)]).await;
    let jobs = [create(&world, "payer").await, create(&world, "payer").await];
    let (world, mut asked) = (&world, Vec::new());
    for number in 0..40 {
        let job = &jobs[number % 2];
        asked.push(async move {
            let answer = call(world, "payer", job, "money/fault/delay-head=300").await;
            answer.status.as_u16()
        });
    }
    let told = futures_util::future::join_all(asked).await;
    let served = told.iter().filter(|status| **status == 200).count();
    assert!(
        told.iter().all(|status| [200, 403].contains(status)),
        "{told:?}"
    );
    assert!((1..40).contains(&served), "{served}");
    let mut left = 300;
    for job in &jobs {
        let ended = complete(world, "payer", job, "completed").await.json();
        let costs = &ended["costs"];
        let due = costs["total_tokens"].as_u64().unwrap().max(1);
        assert_eq!(costs["credits_charged"], due, "{ended}");
        assert_eq!(costs["credit_applied"], true, "{ended}");
        left -= due;
    }
    assert_eq!(credits(world, "payer").await, left);
}

#[tokio::test]
async fn what_open_jobs_have_used_is_held_for_them_after_a_restart() {
    let mut world = world(&[team("payer", 120, BY_TOKEN)]).await;
    let job = create(&world, "payer").await;
    let mut used = 0;
    while call(&world, "payer", &job, "money/echo").await.status == 200 {
        used += 1;
    }
    assert!(used > 0);
    let path = "/api/credits/teams/payer/balance?unit=credits";
    let before = standing(&world, path).await;
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    assert_eq!(standing(&world, path).await, before);
    let other = create(&world, "payer").await;
    let more = call(&world, "payer", &other, "money/echo").await;
    assert_eq!(more.status, 403, "{more:?}");
    for (job, status) in [(&other, "failed"), (&job, "completed")] {
        let ended = complete(&world, "payer", job, status).await.json();
        let is_paid = status == "completed";
        assert_eq!(ended["costs"]["credit_applied"], is_paid, "{ended}");
    }
    let told = read(&world, path).await;
    assert_eq!(told["available"], told["balance"], "{told}");
}

/// A balance, without the time at which the file with the team was read.
async fn standing(world: &World, path: &str) -> Value {
    let mut told = read(world, path).await;
    for member in ["created_at", "updated_at"] {
        assert!(told[member].take().is_string());
    }
    told
}

#[tokio::test]
async fn a_job_that_costs_what_its_calls_cost_takes_none_without_a_price() {
    let by_usd = ", budget_mode = \"consumption_usd\"";
    let teams = [
        team("payer", 5, by_usd),
        team("other", 5, BY_TOKEN.replace("= 1", "= 100").as_str()),
    ];
    let world = world(&teams).await;
    for (name, status) in [("payer", 403), ("other", 200)] {
        let job = create(&world, name).await;
        let answer = call(&world, name, &job, "free/echo").await;
        assert_eq!(answer.status, status, "{answer:?}");
        complete(&world, name, &job, "failed").await;
        assert_eq!(credits(&world, name).await, 5);
    }
}

#[tokio::test]
async fn a_team_that_was_never_given_job_credits_pays_its_calls_as_all_others() {
    let free = "[[teams]]\nname = \"free\"\n[[keys]]\nname = \"free\"\nteam = \"free\"\n\
                key = \"sk-test-app-0123456789-free\"\n";
    let payer = free.replace("free", "usd");
    let payer = payer.replace("[[keys]]", "credits_usd = \"1.00\"\n[[keys]]");
    let world = world(&[free.to_owned(), payer]).await;
    for name in ["free", "usd"] {
        let job = create(&world, name).await;
        assert_eq!(call(&world, name, &job, "money/echo").await.status, 200);
        let ended = complete(&world, name, &job, "completed").await.json();
        assert_eq!(ended["costs"]["credit_applied"], false, "{ended}");
        assert_eq!(ended["costs"]["credits_remaining"], 0, "{ended}");
    }
    let told = read(&world, "/api/credits/teams/usd/balance").await;
    let left: f64 = told["balance_usd"].as_str().unwrap().parse().unwrap();
    assert!(left < 1.0, "{told}");
}

#[tokio::test]
async fn an_organization_pays_for_teams_without_job_credits_of_their_own() {
    let team = "[[organizations]]\nname = \"acme\"\n[[teams]]\nname = \"poor\"\n\
                organization = \"acme\"\n[[keys]]\nname = \"poor\"\nteam = \"poor\"\n\
                key = \"sk-test-app-0123456789-poor\"\n";
    let world = world(&[team.to_owned()]).await;
    let path = "/api/credits/organizations/acme/add";
    order(&world, path, json!({"credits": 2})).await;
    let job = create(&world, "poor").await;
    let ended = complete(&world, "poor", &job, "completed").await.json();
    assert_eq!(ended["costs"]["credits_remaining"], 1, "{ended}");
    assert_eq!(ended["costs"]["credit_applied"], true);
}
