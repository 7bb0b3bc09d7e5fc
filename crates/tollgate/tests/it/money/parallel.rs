//! Calls beside each other never spend more than there is, and every sum is exact.

use futures_util::future::join_all;

use super::scene::{
    Books, MODELS, ONCE, Store, ask, asked, at_rest, cost, fails, give, plain, standing, team,
    until, words, world_on,
};
use crate::world::World;

/// Lines that let a wallet be spent to the last nano-USD.
const TO_THE_END: &str = "[billing]\nminimum_balance_usd = \"0\"\n";

async fn ten_of_500(store: Store) {
    let more = format!("{MODELS}{}{}{ONCE}{TO_THE_END}", team("ten"), team("one"));
    let (mut world, database) = world_on(store, &more).await;
    give(&world, "one", 1_000_000_000).await;
    // All are there before the first one is answered.
    fails(&world, "echo", "delay-head:ms=700", 1000);
    let price = cost(&ask(&world, "one", &plain("money/echo")).await);
    world.simulator.forget_requests();
    give(&world, "ten", price * 10).await;
    let body = plain("money/echo");
    let answers = join_all((0..500).map(|_| ask(&world, "ten", &body))).await;
    let good = answers.iter().filter(|one| one.status == 200).count();
    assert!((1..=10).contains(&good), "{good} were served");
    assert!(asked(&world) <= 10, "{} were sent", asked(&world));
    for refused in answers.iter().filter(|one| one.status != 200) {
        let code = (402, "insufficient_credits".to_owned());
        assert_eq!(refused.outcome(), code, "{refused:?}");
    }
    let balance = at_rest(&world, "ten").await;
    assert_eq!(balance, price * (10 - u64::try_from(good).unwrap()));
    let books = Books::of(&mut world, database.as_ref()).await;
    assert_eq!(books.settlements().count(), good + 1);
}

#[tokio::test]
async fn of_500_calls_at_once_with_credit_for_ten_at_most_ten_reach_the_provider() {
    ten_of_500(Store::Sqlite).await;
}

#[tokio::test]
async fn of_500_calls_at_once_at_most_ten_reach_the_provider_with_postgres_too() {
    ten_of_500(Store::Postgres).await;
}

#[tokio::test]
async fn what_was_held_and_not_used_goes_back_to_the_nano() {
    let mut world = World::with(&format!("{MODELS}{}{ONCE}", team("payer"))).await;
    give(&world, "payer", 1_000_000_001).await;
    fails(&world, "echo", "delay-head:ms=1000", 1);
    let body = plain("money/echo");
    let mut held = (0, 0);
    let (answer, ()) = tokio::join!(ask(&world, "payer", &body), async {
        until("something is held", async || {
            held = standing(&world, "payer").await;
            held.1 > 0
        })
        .await;
    });
    assert_eq!(
        held.0, 1_000_000_001,
        "what is held still belongs to the balance"
    );
    let paid = cost(&answer);
    assert!(paid < held.1, "{paid} of {held:?}");
    assert_eq!(at_rest(&world, "payer").await, 1_000_000_001 - paid);
    let books = Books::of(&mut world, None).await;
    let settlement = books.settlements().next().unwrap();
    assert_eq!((settlement.held, settlement.charged), (held.1, paid));
}

#[tokio::test]
async fn what_a_call_costs_beyond_what_was_held_is_taken_as_far_as_it_is_there() {
    let more = format!("{MODELS}{}{}{ONCE}", team("rich"), team("short"));
    let mut world = World::with(&more).await;
    give(&world, "rich", 10_000_000_000).await;
    give(&world, "short", 120_000_000).await;
    let body = plain("money/fault/usage-over-limit=2000");
    let paid = cost(&ask(&world, "rich", &body).await);
    assert!(paid > 4_000_000_000, "{paid}");
    assert_eq!(at_rest(&world, "rich").await, 10_000_000_000 - paid);
    let short = ask(&world, "short", &body).await;
    assert_eq!(cost(&short), 120_000_000, "no more than was there");
    assert_eq!(at_rest(&world, "short").await, 0);
    let refused = ask(&world, "short", &body).await;
    assert_eq!(refused.outcome().0, 402);
    let books = Books::of(&mut world, None).await;
    let all: Vec<_> = books.settlements().collect();
    assert_eq!(all.len(), 2);
    assert!(all[0].charged > all[0].held, "{:?}", all[0]);
    assert_eq!((all[0].shortfall, words(all[0].flags)), (0, String::new()));
    assert_eq!(
        (all[1].charged, all[1].shortfall),
        (120_000_000, paid - 120_000_000)
    );
    assert_eq!(words(all[1].flags), "short");
}

#[tokio::test]
async fn many_calls_that_cost_next_to_nothing_add_up_exactly() {
    let model = "[[models]]\nname = \"micro\"\ntargets = [{ connection = \"sim\", model = \"echo\" }]\n\
                 price = { input = \"0.0137\", output = \"0.0411\" }\n";
    let more = format!("{MODELS}{model}{}{ONCE}", team("payer"));
    let mut world = World::with(&more).await;
    give(&world, "payer", 1_000_000_000).await;
    let mut paid = 0;
    for round in 0..10 {
        let mut body = plain("micro");
        body["messages"][0]["content"] = "word ".repeat(round + 1).into();
        let answers = join_all((0..30).map(|_| ask(&world, "payer", &body))).await;
        paid += answers.iter().map(cost).sum::<u64>();
    }
    assert!(paid > 0 && paid < 1_000_000, "{paid}");
    assert_eq!(at_rest(&world, "payer").await, 1_000_000_000 - paid);
    let books = Books::of(&mut world, None).await;
    assert_eq!((books.settlements().count(), books.charged()), (300, paid));
}
