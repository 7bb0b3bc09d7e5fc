use std::sync::Arc;

use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, detail};
use tollgate_core::model::ModelFacts;
use tollgate_core::price::{Price, Rate};
use tollgate_core::route::rules::Rules;

use super::*;
use crate::routes::DeclaredModel;
use crate::testing::{self, Act, Script, World};

const CENT: u64 = 10_000_000;

/// A price of one cent for each thousand tokens of prompt, and nothing for answers.
fn cents(price: &str) -> Priced {
    Priced {
        price: Price {
            input: Rate::parse(price).unwrap(),
            ..Price::default()
        },
        version: "v1".into(),
    }
}

fn model(name: &str, price: Option<&Priced>) -> DeclaredModel {
    let mut model = testing::model(name, &["a"], Rules::default());
    for target in &mut model.targets {
        target.facts = Arc::new(ModelFacts {
            price: price.cloned(),
            ..ModelFacts::default()
        });
    }
    model
}

struct Scene {
    world: World,
    caller: Caller,
}

impl Scene {
    /// Models at one cent, at five cents and without a price, and a caller whose team has this
    /// much.
    async fn new(given: Option<u64>) -> Self {
        let models = vec![
            model("cheap", Some(&cents("10"))),
            model("dear", Some(&cents("50"))),
            model("unpriced", None),
            model("free", Some(&cents("0"))),
        ];
        let script = Script::new(|_| Act::Answer(std::time::Duration::ZERO));
        let scene = Self {
            world: World::new(script, models, 1).await,
            caller: testing::caller("app", &["*"]),
        };
        if let Some(given) = given {
            scene.caller.team().usd.add(given);
        }
        scene
    }

    fn route(&self, model: &str) -> Arc<Route> {
        self.world.engine.routes().find(model).unwrap()
    }

    fn take(&self, model: &str) -> Result<Hold, Failure> {
        let engine = &self.world.engine;
        let estimate = Estimate {
            prompt: 1000,
            likely_prompt: 900,
            max_tokens: Some(10),
            choices: 1,
        };
        let (ledger, billing) = (&engine.ledger, &engine.billing());
        Hold::take(ledger, billing, &self.caller, &self.route(model), estimate)
    }

    fn settle(&self, hold: Hold, model: &str, prompt: u64) -> Settled {
        let route = self.route(model);
        hold.settle(&Ending {
            answered: &route.targets[0],
            asked: &route,
            usage: Some(Usage {
                prompt,
                ..Usage::default()
            }),
            delivered: 0,
            prompt: None,
            whole: true,
            request_id: "req_1",
        })
    }

    /// Balance and holds, in cents.
    fn wallet(&self) -> (u64, u64) {
        let reading = self.caller.team().usd.read();
        (reading.balance / CENT, reading.held / CENT)
    }
}

fn text<'a>(failure: &'a Failure, name: &str) -> &'a str {
    let mut details = failure.details.iter();
    match details.find(|(found, _)| *found == name) {
        Some((_, Detail::Text(text))) => text,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn the_most_is_held_and_the_rest_comes_back() {
    let scene = Scene::new(Some(100 * CENT)).await;
    let hold = scene.take("cheap").unwrap();
    assert_eq!(scene.wallet(), (100, 1));
    let settled = scene.settle(hold, "cheap", 500);
    assert_eq!(settled.cost.as_nano(), CENT / 2);
    assert_eq!(
        scene.caller.team().usd.read().balance,
        100 * CENT - CENT / 2
    );
    assert_eq!(scene.wallet().1, 0);
    drop(scene.take("cheap").unwrap());
    assert_eq!(
        scene.wallet().1,
        0,
        "a call that came to nothing costs nothing"
    );
}

#[tokio::test]
async fn parallel_calls_never_hold_more_than_there_is() {
    let scene = Scene::new(Some(10 * CENT)).await;
    let holds: Vec<_> = (0..500).map(|_| scene.take("cheap")).collect();
    let granted = holds.iter().filter(|hold| hold.is_ok()).count();
    // The minimum of ten cents has to be there before a call, not after it.
    assert_eq!(granted, 1);
    drop(holds);
    let billing = Billing {
        minimum: Money::ZERO,
        ..Billing::default()
    };
    scene.world.engine.set_billing(billing);
    let holds: Vec<_> = (0..500).map(|_| scene.take("cheap")).collect();
    assert_eq!(holds.iter().filter(|hold| hold.is_ok()).count(), 10);
}

#[tokio::test]
async fn a_refusal_tells_the_figures() {
    let scene = Scene::new(Some(5 * CENT)).await;
    let failure = scene.take("cheap").err().unwrap();
    assert_eq!(failure.code, Code::InsufficientCredits);
    assert_eq!(text(&failure, detail::BALANCE_USD), "0.05");
    assert_eq!(text(&failure, detail::MINIMUM_USD), "0.10");
    assert_eq!(text(&failure, detail::NEEDED_USD), "0.01");
    let scene = Scene::new(Some(0)).await;
    let failure = scene.take("cheap").err().unwrap();
    assert_eq!(text(&failure, detail::BALANCE_USD), "0.00");
    assert!(
        scene.take("free").is_ok(),
        "what costs nothing needs nothing"
    );
}

#[tokio::test]
async fn who_has_no_credits_is_counted_and_does_not_pay() {
    let scene = Scene::new(None).await;
    let hold = scene.take("dear").unwrap();
    let settled = scene.settle(hold, "dear", 1000);
    assert_eq!(settled.cost.as_nano(), 5 * CENT);
    assert_eq!(scene.wallet(), (0, 0));
    assert!(scene.take("unpriced").is_ok());
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_or_has_the_default_one() {
    let scene = Scene::new(Some(100 * CENT)).await;
    let failure = scene.take("unpriced").err().unwrap();
    assert_eq!(failure.code, Code::PermissionDenied);
    let billing = Billing {
        unpriced: Some(cents("20")),
        ..Billing::default()
    };
    scene.world.engine.set_billing(billing);
    let hold = scene.take("unpriced").unwrap();
    assert_eq!(scene.wallet(), (100, 2));
    let settled = scene.settle(hold, "unpriced", 1000);
    assert_eq!(settled.cost.as_nano(), 2 * CENT);
}

#[tokio::test]
async fn a_dearer_fallback_is_held_for_as_well_or_not_used() {
    let scene = Scene::new(Some(12 * CENT)).await;
    let hold = scene.take("cheap").unwrap();
    hold.cover(&scene.route("dear")).unwrap();
    assert_eq!(scene.wallet(), (12, 5));
    hold.cover(&scene.route("cheap")).unwrap();
    assert_eq!(scene.wallet(), (12, 5), "nothing goes back before the end");
    let settled = scene.settle(hold, "dear", 1000);
    assert_eq!(settled.cost.as_nano(), 5 * CENT);
    let scene = Scene::new(Some(12 * CENT)).await;
    let holds: Vec<_> = (0..3).filter_map(|_| scene.take("cheap").ok()).collect();
    assert_eq!(scene.wallet(), (12, 3));
    holds[0].cover(&scene.route("dear")).unwrap();
    holds[1].cover(&scene.route("dear")).unwrap();
    assert_eq!(scene.wallet(), (12, 11));
    assert!(holds[2].cover(&scene.route("dear")).is_err());
    assert_eq!(scene.wallet(), (12, 11));
}

#[tokio::test]
async fn what_is_used_beyond_the_hold_is_taken_as_far_as_it_is_there() {
    let scene = Scene::new(Some(12 * CENT)).await;
    let (first, second) = (scene.take("cheap").unwrap(), scene.take("cheap").unwrap());
    let settled = scene.settle(first, "cheap", 20_000);
    // One cent is held for the other call.
    assert_eq!(settled.cost.as_nano(), 11 * CENT);
    assert_eq!(scene.wallet(), (1, 1));
    let settled = scene.settle(second, "cheap", 1000);
    assert_eq!(settled.cost.as_nano(), CENT);
    assert_eq!(scene.wallet(), (0, 0));
}

fn monthly(cents: u64, warn_percent: u8) -> Controls {
    let budget = Budget {
        period: Period::Monthly,
        limit: Money::from_nano(cents * CENT),
        warn_percent,
        zone: "UTC".into(),
    };
    Controls {
        budgets: Box::new([budget]),
        ..Controls::default()
    }
}

#[tokio::test]
async fn a_budget_stops_at_its_limit_and_tells_which() {
    let scene = Scene::new(None).await;
    scene.caller.team().control(monthly(3, 50));
    let first = scene.take("cheap").unwrap();
    let second = scene.take("cheap").unwrap();
    assert!(first.warning().is_none());
    scene.settle(first, "cheap", 1000);
    scene.settle(second, "cheap", 1000);
    let third = scene.take("cheap").unwrap();
    let warning = third.warning().unwrap();
    assert_eq!(warning.level.as_str(), "team");
    assert_eq!(warning.reading.spent.as_nano(), 2 * CENT);
    let failure = scene.take("cheap").err().unwrap();
    assert_eq!(failure.code, Code::BudgetExceeded);
    assert_eq!(text(&failure, detail::LEVEL), "team");
    assert_eq!(text(&failure, detail::SPENT_USD), "0.02");
    assert_eq!(text(&failure, "held_usd"), "0.01");
    assert_eq!(text(&failure, detail::LIMIT_USD), "0.03");
    assert!(failure.resets_at.is_some());
    drop(third);
    scene.take("cheap").unwrap();
}

#[tokio::test]
async fn a_refusal_at_one_level_leaves_nothing_held_at_another() {
    let scene = Scene::new(Some(100 * CENT)).await;
    scene.caller.organization().control(monthly(0, 100));
    let failure = scene.take("cheap").err().unwrap();
    assert_eq!(text(&failure, detail::LEVEL), "organization");
    assert_eq!(scene.wallet(), (100, 0));
    assert!(scene.take("free").is_ok());
}

#[tokio::test]
async fn an_organization_pays_for_teams_without_credits_of_their_own() {
    let scene = Scene::new(None).await;
    scene.caller.organization().usd.add(50 * CENT);
    let hold = scene.take("cheap").unwrap();
    assert_eq!(scene.caller.organization().usd.read().held, CENT);
    scene.settle(hold, "cheap", 1000);
    assert_eq!(scene.caller.organization().usd.read().balance, 49 * CENT);
    assert!(!scene.caller.team().usd.is_open());
}
