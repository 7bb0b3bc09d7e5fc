//! A budget begins anew at the midnight of its zone, on days of 23 and of 25 hours, too.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::budget::{Budget, Period, Window};
use tollgate_core::error::{Code, Failure};
use tollgate_core::key::VirtualKey;
use tollgate_core::model::{ModelFacts, Priced};
use tollgate_core::money::{Money, USD};
use tollgate_core::price::{Price, Rate};
use tollgate_core::reply::Usage;
use tollgate_core::route::rules::Rules;
use tollgate_core::time::Timestamp;
use tollgate_engine::caller::Caller;
use tollgate_engine::hold::{Ending, Estimate, Hold};
use tollgate_engine::port::{BoxFuture, Clock};
use tollgate_engine::testing::{self, Act, ManualClock, Script, World};

use super::{at, shown};
use crate::calendar;

/// A clock that is moved by hand, with the calendar of the gateway.
struct Calendar(ManualClock);

impl Clock for Calendar {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn window(&self, period: Period, zone: &str, at: Timestamp) -> Window {
        calendar::window(period, zone, at)
    }

    fn is_zone(&self, name: &str) -> bool {
        calendar::is_zone(name)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

/// A caller with one dollar a period, and a model whose calls cost one.
struct Scene {
    clock: Arc<Calendar>,
    world: World,
    caller: Caller,
}

impl Scene {
    async fn new(period: Period, zone: &str, begin: &str) -> Self {
        let clock = Arc::new(Calendar(ManualClock::new(at(begin))));
        let mut model = testing::model("m", &["a"], Rules::default());
        for target in &mut model.targets {
            target.facts = Arc::new(ModelFacts {
                price: Some(Priced {
                    price: Price {
                        input: Rate::parse("1000").unwrap(),
                        ..Price::default()
                    },
                    version: "v1".into(),
                }),
                ..ModelFacts::default()
            });
        }
        let script = Script::new(|_| Act::Answer(Duration::ZERO));
        let world = World::at(clock.clone(), script, vec![model], 1).await;
        let caller = testing::caller("app", &["*"]);
        let mut key = VirtualKey::clone(&caller.key);
        key.controls.budgets = [Budget {
            period,
            limit: Money::from_nano(USD),
            warn_percent: 80,
            zone: zone.into(),
        }]
        .into();
        Self {
            clock,
            world,
            caller: Caller::alone(Arc::new(key)),
        }
    }

    fn move_to(&self, moment: Timestamp) {
        let by = moment.as_millis() - self.clock.now().as_millis();
        let by = u64::try_from(by).expect("time goes on");
        self.clock.0.advance(Duration::from_millis(by));
    }

    /// One call from its beginning to its end.
    fn call(&self) -> Result<(), Failure> {
        let engine = &self.world.engine;
        let route = engine.routes().find("m").unwrap();
        let estimate = Estimate {
            prompt: 1000,
            likely_prompt: 1000,
            max_tokens: Some(0),
            choices: 1,
        };
        let billing = &engine.billing();
        let hold = Hold::take(&engine.ledger, billing, &self.caller, &route, estimate)?;
        let settled = hold.settle(&Ending {
            answered: &route.targets[0],
            asked: &route,
            usage: Some(Usage {
                prompt: 1000,
                ..Usage::default()
            }),
            delivered: 0,
            prompt: None,
            whole: true,
            request_id: "req_1",
        });
        assert_eq!(settled.cost, Money::from_nano(USD));
        Ok(())
    }
}

/// Period, zone, when the budget is spent, when it begins anew.
const RESETS: &[(Period, &str, &str, &str)] = &[
    // Berlin sets its clocks back: a day of 25 hours.
    (
        Period::Daily,
        "Europe/Berlin",
        "2026-10-24T22:00:00Z",
        "2026-10-25T23:00:00Z",
    ),
    // And forward: one of 23.
    (
        Period::Daily,
        "Europe/Berlin",
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
    ),
    // The change lies within the week and within the month.
    (
        Period::Weekly,
        "America/New_York",
        "2026-10-26T04:00:00Z",
        "2026-11-02T05:00:00Z",
    ),
    (
        Period::Monthly,
        "America/New_York",
        "2026-03-01T05:00:00Z",
        "2026-04-01T04:00:00Z",
    ),
    // Half an hour, where clocks change by that.
    (
        Period::Daily,
        "Australia/Lord_Howe",
        "2026-04-04T13:00:00Z",
        "2026-04-05T13:30:00Z",
    ),
];

#[tokio::test]
async fn a_budget_begins_anew_at_its_zones_midnight_across_a_change_of_the_clocks() {
    for (period, zone, begin, end) in RESETS {
        let scene = Scene::new(*period, zone, begin).await;
        let row = format!("{zone} {begin}");
        scene
            .call()
            .unwrap_or_else(|failure| panic!("{row}: {failure:?}"));
        for moment in [at(begin), before(at(end))] {
            scene.move_to(moment);
            let failure = scene.call().expect_err(&row);
            assert_eq!(failure.code, Code::BudgetExceeded, "{row}");
            assert_eq!(failure.resets_at, Some(at(end)), "{row}");
        }
        scene.move_to(at(end));
        scene
            .call()
            .unwrap_or_else(|failure| panic!("{row}: {failure:?}"));
        assert_eq!(shown(scene.clock.now()), *end);
    }
}

fn before(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millis() - 1)
}
