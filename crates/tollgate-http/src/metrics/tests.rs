//! What is counted of a request, and what is not.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use tollgate_core::error::{Code, Failure};
use tollgate_core::model::{ModelFacts, Priced};
use tollgate_core::money::Money;
use tollgate_core::price::{Price, Rate};
use tollgate_core::reply::Usage;
use tollgate_engine::health::Registry;
use tollgate_engine::routes::{Route, RouteTable};
use tollgate_engine::testing::{self as engine, Ending};
use tollgate_engine::trail::Trail;

use crate::access_log::LogFormat;
use crate::testing::world::World;
use crate::testing::{self, model};

const ATTEMPTS: &[&str] = &["tollgate_upstream_attempts_total"];
const ELSEWHERE: &[&str] = &["tollgate_fallbacks_total", "tollgate_hedges_total"];

/// The routes to `m`, served by connection `a`, and `n`, served by `b`.
fn routes() -> (Arc<Route>, Arc<Route>) {
    let models = vec![model("m", &[("a", "m1")]), model("n", &[("b", "n1")])];
    let table = RouteTable::new(models, &Registry::default());
    (table.find("m").unwrap(), table.find("n").unwrap())
}

fn failed() -> Ending {
    Ending::Failed(Failure::provider(Code::ProviderError, "openai"))
}

/// The figures after a request to `m` with this trail, as the lines that hold one of the words.
async fn figures(trail: Trail, code: &'static str, fell_back: bool, words: &[&str]) -> Vec<String> {
    let (asked, other) = routes();
    let mut record = testing::record().await;
    let gateway = record.gateway().clone();
    let answered = if fell_back { &other } else { &asked };
    record.facts.answered = Some(answered.targets[0].clone());
    record.facts.route = Some(asked);
    (record.facts.trail, record.facts.code) = (trail, code);
    record.finish();
    let text = gateway.metrics.render().unwrap();
    text.lines()
        .filter(|line| words.iter().any(|word| line.starts_with(word)))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn each_attempt_is_counted_at_its_connection_as_it_ended() {
    let (m, n) = routes();
    let (a, b) = (engine::permit(&m), engine::permit(&n));
    let count = |connection: &str, class: &str| {
        format!(
            "tollgate_upstream_attempts_total{{connection=\"{connection}\",class=\"{class}\"}} 1"
        )
    };
    for (trail, code, expected) in [
        (
            engine::trail(&[(&a, failed()), (&b, Ending::Good)]),
            "ok",
            [count("a", "provider_error"), count("b", "ok")],
        ),
        // A stream that began well and broke.
        (
            engine::trail(&[(&a, failed()), (&b, Ending::Good)]),
            "stream_interrupted",
            [
                count("a", "provider_error"),
                count("b", "stream_interrupted"),
            ],
        ),
        // The loser of two ends after the one that answers.
        (
            engine::trail(&[(&b, Ending::Good), (&a, Ending::Cancelled)]),
            "stream_interrupted",
            [count("a", "cancelled"), count("b", "stream_interrupted")],
        ),
        // A stream broke, and another target went on with it.
        (
            engine::trail(&[
                (&a, Ending::Broken(Code::StreamInterrupted)),
                (&b, Ending::Good),
            ]),
            "ok",
            [count("a", "stream_interrupted"), count("b", "ok")],
        ),
        // The caller hung up while the second one was asked.
        (
            engine::trail(&[(&a, failed()), (&b, Ending::Never)]),
            "client_closed",
            [count("a", "provider_error"), count("b", "client_closed")],
        ),
    ] {
        let mut told = figures(trail, code, false, ATTEMPTS).await;
        told.sort();
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn fallbacks_and_hedges_are_counted_by_the_model_that_was_asked_for() {
    let (m, n) = routes();
    let (a, b) = (engine::permit(&m), engine::permit(&n));
    let fallback = || engine::trail(&[(&a, failed()), (&b, Ending::Good)]);
    assert_eq!(
        figures(fallback(), "ok", true, ELSEWHERE).await,
        ["tollgate_fallbacks_total{model=\"m\"} 1"]
    );
    let hedged = engine::trail(&[(&b, Ending::Good), (&a, Ending::Cancelled)]);
    assert_eq!(
        figures(hedged, "ok", false, ELSEWHERE).await,
        ["tollgate_hedges_total{model=\"m\"} 1"]
    );
    let plain = engine::trail(&[(&a, Ending::Good)]);
    assert!(figures(plain, "ok", false, ELSEWHERE).await.is_empty());
}

#[tokio::test]
async fn waiting_for_a_place_is_no_time_of_our_own() {
    let (m, _) = routes();
    let mut trail = engine::trail(&[(&engine::permit(&m), Ending::Good)]);
    trail.queued = std::time::Duration::from_hours(1);
    let sum = ["tollgate_overhead_seconds_sum"];
    let told = figures(trail, "ok", false, &sum).await;
    assert!(told.len() == 1 && told[0].ends_with("} 0.0"), "{told:?}");
}

#[tokio::test]
async fn money_is_counted_to_the_nano_and_told_in_usd() {
    let mut priced = model("m", &[("a", "m1")]);
    let rate = Rate::flat(1_000);
    priced.targets[0].facts = Arc::new(ModelFacts {
        price: Some(Priced {
            price: Price {
                input: rate,
                output: rate,
                cached_input: None,
                cache_write: None,
                cache_write_1h: None,
            },
            version: "1".into(),
        }),
        ..ModelFacts::default()
    });
    let table = RouteTable::new(vec![priced], &Registry::default());
    let m = table.find("m").unwrap();
    let mut failure = Failure::provider(Code::ProviderError, "openai");
    failure.usage = Some(Usage {
        prompt: 12_500,
        ..Usage::NONE
    });
    let trail = engine::trail(&[(&engine::permit(&m), Ending::Failed(failure))]);
    let mut record = testing::record().await;
    let gateway = record.gateway().clone();
    record.facts.route = Some(m);
    record.facts.trail = trail;
    record.facts.cost = Some(Money::from_nano(1_000_000_001));
    record.finish();
    let text = gateway.metrics.render().unwrap();
    for line in [
        "tollgate_cost_usd_total{model=\"m\"} 1.000000001",
        "tollgate_lost_cost_usd_total{connection=\"a\"} 0.0000125",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }
}

/// Families of which nothing was counted yet are not rendered; those are not asked for here.
#[tokio::test]
async fn every_figure_is_on_the_page() {
    let page = include_str!("../../../../docs/api.md");
    let (m, _) = routes();
    let trail = engine::trail(&[(&engine::permit(&m), Ending::Good)]);
    let lines = figures(trail, "ok", true, &["# TYPE "]).await;
    assert!(lines.len() > 30, "{lines:?}");
    for line in lines {
        let name = line.split(' ').nth(2).unwrap();
        assert!(page.contains(&format!("`{name}")), "{name}");
    }
}

/// Figures that cannot be written.
#[derive(Debug)]
pub(super) struct Failing;

impl Collector for Failing {
    fn encode(&self, _: DescriptorEncoder<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[tokio::test]
async fn figures_that_cannot_be_written_are_a_row_of_the_catalogue() {
    let world = World::changed(Vec::new(), LogFormat::Json, |gateway| {
        gateway.metrics.fail();
    })
    .await;
    for path in ["/metrics", "/api/v1/metrics"] {
        let said = world.ask(&format!("GET {path}"), "", "").await;
        assert_eq!(said.status, 500, "{path}");
        let code = said.header("x-tollgate-error-code");
        assert_eq!(code, Some("internal_error"), "{path}");
        assert!(said.body.starts_with('{'), "{path}: {}", said.body);
        world.settle().await;
        let log = testing::lines(&world.log).join("\n");
        assert!(log.contains("internal_error"), "{path}: {log}");
    }
}
