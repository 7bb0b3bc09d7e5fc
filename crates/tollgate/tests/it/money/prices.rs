//! The price that holds is that of the moment in which a call is let in; what has none is refused
//! or charged at a declared price, and never free by mistake.

use super::scene::{
    Books, MODELS, ONCE, ask, asked, at_rest, cost, fails, give, plain, reload, standing, team,
    until, words,
};
use crate::world::World;

fn priced(usd: &str) -> String {
    let model =
        "[[models]]\nname = \"moving\"\ntargets = [{ connection = \"sim\", model = \"echo\" }]\n";
    let team = team("payer");
    format!("{MODELS}{model}price = {{ input = \"{usd}\", output = \"{usd}\" }}\n{team}{ONCE}")
}

#[tokio::test]
async fn a_price_that_changes_during_a_call_holds_for_later_calls() {
    // The settings are read again while the provider is asked.
    let settings = |usd| priced(usd).replace("answer_ms = 2000", "answer_ms = 5000");
    let mut world = World::with(&settings("1000")).await;
    give(&world, "payer", 10_000_000_000).await;
    let before = cost(&ask(&world, "payer", &plain("moving")).await);
    fails(&world, "echo", "delay-head:ms=3500", 1);
    let body = plain("moving");
    let (during, ()) = tokio::join!(ask(&world, "payer", &body), async {
        until("the call is under way", async || {
            standing(&world, "payer").await.1 > 0
        })
        .await;
        reload(&world, &settings("3000")).await;
        assert!(
            standing(&world, "payer").await.1 > 0,
            "the call is under way still"
        );
    });
    assert_eq!(cost(&during), before, "the price of the reservation");
    assert_eq!(cost(&ask(&world, "payer", &body).await), before * 3);
    assert_eq!(at_rest(&world, "payer").await, 10_000_000_000 - before * 5);
    let books = Books::of(&mut world, None).await;
    let versions: Vec<_> = books.settlements().map(|one| &*one.price_version).collect();
    assert_eq!(versions[0], versions[1], "each entry names its price");
    assert_ne!(versions[1], versions[2]);
}

#[tokio::test]
async fn who_pays_cannot_use_a_model_without_a_price() {
    let more = format!("{MODELS}{}{}{ONCE}", team("payer"), team("metered"));
    let mut world = World::with(&more).await;
    give(&world, "payer", 10_000_000_000).await;
    let refused = ask(&world, "payer", &plain("free/echo")).await;
    assert_eq!(refused.outcome(), (403, "permission_denied".to_owned()));
    let message = refused.json()["error"]["message"].to_string();
    assert!(message.contains("has no price"), "{message}");
    assert_eq!(asked(&world), 0);
    let counted = ask(&world, "metered", &plain("free/echo")).await;
    assert_eq!(cost(&counted), 0, "nobody pays for this team");
    assert_eq!(at_rest(&world, "payer").await, 10_000_000_000);
    let books = Books::of(&mut world, None).await;
    let told: Vec<_> = books.settlements().map(|one| words(one.flags)).collect();
    assert_eq!(told, ["unpriced"], "free, and said so");
}

#[tokio::test]
async fn a_model_without_a_price_costs_the_declared_default() {
    let default = "[billing]\nunpriced = { input = \"5000\", output = \"5000\" }\n";
    let more = format!("{MODELS}{}{ONCE}{default}", team("payer"));
    let mut world = World::with(&more).await;
    give(&world, "payer", 10_000_000_000).await;
    let paid = cost(&ask(&world, "payer", &plain("free/echo")).await);
    assert!(paid > 5_000_000, "{paid}");
    assert_eq!(at_rest(&world, "payer").await, 10_000_000_000 - paid);
    let books = Books::of(&mut world, None).await;
    let one = books.settlements().next().unwrap();
    assert_eq!(words(one.flags), "unpriced");
    let tokens = one.usage.prompt + one.usage.completion;
    assert_eq!(one.charged, tokens * 5_000_000);
}
