//! What an answer costs that is given again.

use super::{ask_as, question, word};
use crate::money::scene::{Books, MODELS, at_rest, cost, give, key, standing, team, words};
use crate::world::World;

async fn world(percent: &str) -> World {
    let more = format!(
        "[cache]\nmode = \"on\"\nttl_s = 3600\n{percent}\n{MODELS}{}",
        team("payer")
    );
    let world = World::once(&more).await;
    give(&world, "payer", 10_000_000_000_000).await;
    world
}

#[tokio::test]
async fn a_hit_costs_nothing_unless_a_price_is_declared() {
    let world = world("").await;
    let body = question("money/echo", "one two three");
    let (before, _) = standing(&world, "payer").await;
    let first = ask_as(&world, &key("payer"), &body).await;
    let price = cost(&first);
    assert!(price > 0);
    let again = ask_as(&world, &key("payer"), &body).await;
    assert_eq!((word(&again), cost(&again)), ("hit", 0));
    assert_eq!(at_rest(&world, "payer").await, before - price);
}

#[tokio::test]
async fn a_hit_costs_the_declared_share_of_its_price() {
    let world = world("hit_price_percent = 25").await;
    for stream in [false, true] {
        let mut body = question("money/echo", "one two three");
        body["stream"] = stream.into();
        let (before, _) = standing(&world, "payer").await;
        ask_as(&world, &key("payer"), &body).await;
        let price = before - at_rest(&world, "payer").await;
        assert!(price > 0);
        let again = ask_as(&world, &key("payer"), &body).await;
        assert_eq!(word(&again), "hit");
        let expected = before - price - price.div_ceil(4);
        assert_eq!(at_rest(&world, "payer").await, expected, "stream: {stream}");
    }
}

#[tokio::test]
async fn a_hit_of_a_stream_without_usage_costs_its_share_of_what_was_counted() {
    let world = world("hit_price_percent = 100").await;
    let mut body = question("money/story-20", "one two three");
    body["stream"] = true.into();
    crate::money::scene::fails(&world, "story-20", "usage-missing", 1);
    let (before, _) = standing(&world, "payer").await;
    ask_as(&world, &key("payer"), &body).await;
    let between = at_rest(&world, "payer").await;
    let again = ask_as(&world, &key("payer"), &body).await;
    assert_eq!(word(&again), "hit");
    let after = at_rest(&world, "payer").await;
    assert_eq!(between - after, before - between);
}

/// Whoever reads a bill sees which calls were answered out of the cache: in the ledger by a flag,
/// in the request log by a word.
#[tokio::test]
async fn a_priced_hit_is_marked_wherever_its_cost_is_told() {
    for (declared, divisor) in [
        ("hit_price_percent = 25", 4),
        ("hit_price_percent = 100", 1),
    ] {
        let mut world = world(declared).await;
        let body = question("money/echo", "one two three");
        let first = ask_as(&world, &key("payer"), &body).await;
        let again = ask_as(&world, &key("payer"), &body).await;
        assert_eq!(cost(&again), cost(&first) / divisor);
        let ids = [&first, &again].map(|answer| answer.header("x-request-id").to_owned());
        for (id, word) in ids.iter().zip(["miss", "hit"]) {
            let path = format!("/api/account/request-logs/{id}");
            let row = world.gateway.get(&path).key(&key("payer")).send().await;
            assert_eq!(row.json()["cache"], word, "{row:?}");
        }
        let books = Books::of(&mut world, None).await;
        let of = |id: &str| books.of_request(id).unwrap();
        assert_eq!(words(of(&ids[0]).flags), "");
        assert_eq!(words(of(&ids[1]).flags), "cached");
        assert_eq!(
            of(&ids[1]).usage,
            of(&ids[0]).usage,
            "the tokens are those of the answer"
        );
    }
}
