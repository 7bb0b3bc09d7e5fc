//! Who has no credits, or too few, is told so in the words of the seeds, and asks no provider.

use serde_json::{Value, json};

use super::scene::{MODELS, ask, asked, at_rest, give, key, plain, standing, team};
use crate::surface::Surface;
use crate::world::{Answer, Ask, World};

const CENTS: u64 = 10_000_000;

/// A world with a team that has five cents.
async fn poor() -> World {
    let world = World::with(&format!("{MODELS}{}", team("poor"))).await;
    give(&world, "poor", 5 * CENTS).await;
    world
}

async fn send(ask: Ask<'_>, dialect: &str) -> Answer {
    let ask = ask.key(&key("poor"));
    match dialect {
        "" => ask.send().await,
        dialect => ask.header("x-tollgate-error-dialect", dialect).send().await,
    }
}

fn is_final(answer: &Answer) {
    let told = ["x-should-retry", "x-tollgate-error-code"].map(|name| answer.header(name));
    assert_eq!(told, ["false", "insufficient_credits"], "{answer:?}");
    assert_eq!(answer.header("retry-after"), "", "{answer:?}");
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn an_empty_wallet_is_told_in_the_words_of_the_seeds() {
    let world = poor().await;
    let below = "Insufficient credits. Your balance ($0.05) is below the minimum required ($0.10).";
    for stream in [false, true] {
        let mut body = plain("money/echo");
        body["stream"] = stream.into();
        let post = || world.gateway.post("/v1/chat/completions", &body);
        let openai = send(post(), "").await;
        is_final(&openai);
        assert_eq!(openai.status, 402);
        let error = &openai.json()["error"];
        assert_eq!(error["message"], "Insufficient credits");
        assert_eq!(error["type"], "billing_error");
        assert_eq!(error["code"], "insufficient_credits");
        assert_eq!(error["status"], 402);
        assert_eq!(error["details"]["balance_usd"], "0.05");
        assert_eq!(error["details"]["minimum_usd"], "0.10");
        let langmart = send(post(), "langmart").await;
        is_final(&langmart);
        assert_eq!(langmart.status, 402);
        let error = &langmart.json()["error"];
        assert_eq!(error["message"], below);
        assert_eq!(error["code"], "GATEWAY1_BILLING_001");
        assert_eq!(error["type"], "billing_error");
        assert_eq!(error["status"], 402);
        let problem = send(post(), "problem").await;
        is_final(&problem);
        assert_eq!(
            (problem.status.as_u16(), &problem.json()["detail"]),
            (402, &below.into())
        );
    }
    assert_eq!(asked(&world), 0, "no provider may be asked");
    assert_eq!(at_rest(&world, "poor").await, 5 * CENTS);
}

#[tokio::test]
async fn an_empty_wallet_is_told_in_the_form_of_each_surface() {
    let world = poor().await;
    for stream in [false, true] {
        let post = |surface: Surface| {
            let body = surface.body("money/echo", "Hello", stream);
            world
                .gateway
                .post(&surface.path("money/echo", stream), &body)
        };
        let messages = send(post(Surface::Anthropic), "").await;
        is_final(&messages);
        assert_eq!(messages.status, 402);
        let told = messages.json();
        assert_eq!(told["type"], "error");
        assert_eq!(told["error"]["type"], "billing_error");
        assert_eq!(
            told["error"]["details"]["error_code"],
            "insufficient_credits"
        );
        let claude =
            post(Surface::Anthropic).header("user-agent", "claude-cli/2.0.1 (external, cli)");
        let claude = send(claude, "").await;
        is_final(&claude);
        assert_eq!(
            claude.status, 429,
            "Claude Code stops at a 429 that is not to be repeated"
        );
        assert_eq!(claude.json()["error"]["type"], "billing_error");
        for surface in [Surface::Gemini, Surface::GeminiArray] {
            let gemini = send(post(surface), "").await;
            is_final(&gemini);
            let error = &gemini.json()["error"];
            assert_eq!(
                (gemini.status.as_u16(), &error["status"]),
                (429, &"RESOURCE_EXHAUSTED".into())
            );
            assert_eq!(error["details"][0]["reason"], "INSUFFICIENT_CREDITS");
            let quota = &error["details"][1]["violations"][0]["quotaId"];
            assert!(quota.as_str().unwrap().ends_with("PerDay"), "{error}");
        }
        for surface in [Surface::Responses, Surface::Completions] {
            let answer = send(post(surface), "").await;
            is_final(&answer);
            assert_eq!(answer.json()["error"]["message"], "Insufficient credits");
            assert_eq!(answer.status, 402);
        }
    }
    assert_eq!(asked(&world), 0);
}

#[tokio::test]
async fn who_has_the_minimum_and_not_what_the_call_may_cost_is_told_both_figures() {
    let world = poor().await;
    give(&world, "poor", 10 * CENTS).await;
    let mut body = plain("money/echo");
    body["max_tokens"] = 1000.into();
    let refused = ask(&world, "poor", &body).await;
    is_final(&refused);
    assert_eq!(refused.outcome(), (402, "insufficient_credits".to_owned()));
    let details = &refused.json()["error"]["details"];
    assert_eq!(details["balance_usd"], "0.15");
    let needed = super::scene::nano(&details["needed_usd"]);
    assert!(
        (2_000_000_000..2_200_000_000).contains(&needed),
        "{details}"
    );
    let post = world.gateway.post("/v1/chat/completions", &body);
    let told = send(post, "langmart").await.json()["error"]["message"].clone();
    let needed = details["needed_usd"].as_str().unwrap();
    let below = "Insufficient credits. Your balance ($0.15) is below the minimum required";
    assert_eq!(
        told,
        format!("{below} (${needed})."),
        "what this call requires"
    );
    // What is within reach is served.
    let served = ask(&world, "poor", &plain("money/echo")).await;
    assert_eq!(served.status, 200, "{served:?}");
    assert_eq!(served.header("x-tollgate-low-balance-usd"), "0.15");
    assert_eq!(asked(&world), 1);
}

#[tokio::test]
async fn the_organization_pays_for_a_team_without_credits_and_nobody_where_none_has_any() {
    let world = World::with(&format!("{MODELS}{}", team("guest"))).await;
    let metered = ask(&world, "guest", &plain("money/echo")).await;
    assert_eq!(metered.status, 200, "{metered:?}");
    assert_eq!(
        standing(&world, "guest").await,
        (0, 0),
        "it is only counted"
    );
    let path = "/api/credits/organizations/default";
    let credits = json!({"amount_usd": "0.05"});
    super::scene::order(&world, &format!("{path}/add"), credits).await;
    let refused = ask(&world, "guest", &plain("money/echo")).await;
    assert_eq!(refused.outcome(), (402, "insufficient_credits".to_owned()));
    super::scene::order(&world, &format!("{path}/add"), json!({"amount_usd": "5"})).await;
    let served = ask(&world, "guest", &plain("money/echo")).await;
    let told: Value = super::scene::read(&world, &format!("{path}/balance")).await;
    let left = super::scene::nano(&told["balance_usd"]);
    assert_eq!(left + super::scene::cost(&served), 505 * CENTS);
    at_rest(&world, "guest").await;
}
