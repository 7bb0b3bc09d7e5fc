use std::sync::Arc;

use tollgate_core::error::Code;
use tollgate_core::model::ModelFacts;
use tollgate_core::price::{Price, Step};
use tollgate_core::route::fallback::Fallbacks;
use tollgate_engine::routes::DeclaredModel;
use tollgate_engine::testing::{Script, World, model as declared};

use super::*;

async fn world(models: Vec<DeclaredModel>) -> World {
    World::new(Script::new(|_| panic!("something was sent")), models, 1).await
}

fn priced(mut model: DeclaredModel) -> DeclaredModel {
    let input = Rate {
        base: 2_500_000,
        steps: [
            Some(Step {
                above: 5000,
                price: 5_000_000,
            }),
            None,
        ],
    };
    model.targets[0].facts = Arc::new(ModelFacts {
        context_window: Some(128_000),
        max_output: None,
        price: Some(Priced {
            price: Price {
                input,
                output: Rate::flat(10_000_000),
                ..Price::default()
            },
            version: "v1".into(),
        }),
    });
    model
}

#[tokio::test]
async fn an_explanation_says_what_happens_by_which_rules_and_where() {
    let mut first = priced(declared("m", &["a", "b"], Rules::default()));
    first.targets[1].enabled = false;
    first.fallbacks = Arc::new(Fallbacks {
        general: vec!["n".into()],
        by_class: Vec::new(),
    });
    let world = world(vec![first, declared("n", &["c"], Rules::default())]).await;
    let body = json!({"model": "m", "max_output": 200, "needs": ["tools"], "stream": true});
    let (status, answer) = explain(&world.engine, body.to_string().as_bytes()).unwrap();
    assert_eq!(status, 200);
    assert_eq!(answer["request"]["prompt_tokens"], 1000);
    assert_eq!(answer["request"]["needs"], json!(["tools"]));
    assert_eq!(
        answer["outcome"],
        json!({"does": "asks", "model": "m", "connection": "a", "target_model": "m"})
    );
    assert_eq!(answer["rules"]["attempts"], 3);
    assert_eq!(answer["rules"]["backoff"]["longest_ms"], 32_000);
    let [first, second] = [&answer["models"][0], &answer["models"][1]];
    assert_eq!(
        (&first["model"], &first["after"], &first["strategy"]),
        (&json!("m"), &json!([]), &json!("priority"))
    );
    assert_eq!(
        second["after"],
        json!([{"model": "m", "failures": ["rate_limit", "other"]}])
    );
    let [asked, off] = [&first["targets"][0], &first["targets"][1]];
    assert_eq!(
        (&asked["order"], &asked["asked"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(asked["estimated_cost_usd"], "0.0045");
    assert_eq!(asked["price"]["input"], "2.5");
    assert_eq!(asked["context_window"], 128_000);
    assert_eq!(asked["breaker"]["state"], "closed");
    assert_eq!(off["obstacle"]["kind"], "disabled");
    assert_eq!(off["asked"], false);
    assert_eq!(world.script.seen().len(), 0);
}

#[tokio::test]
async fn prices_are_those_of_the_length_of_the_prompt() {
    let world = world(vec![priced(declared("m", &["a"], Rules::default()))]).await;
    let body = br#"{"model":"m","prompt_tokens":10000,"max_output":1}"#;
    let (_, answer) = explain(&world.engine, body).unwrap();
    let target = &answer["models"][0]["targets"][0];
    assert_eq!(target["price"]["input"], "5");
    assert_eq!(target["estimated_cost_usd"], "0.05001");
    // The most that it can cost: what is held before it is sent.
    assert_eq!(target["held_usd"], "0.05001");
}

#[tokio::test]
async fn every_fault_of_a_question_is_named() {
    let world = world(vec![declared("m", &["a"], Rules::default())]).await;
    let body = json!({
        "modell": "m", "prompt_tokens": -1, "max_output": 0, "needs": ["vision", "magic"],
        "tags": [" "], "stream": "yes", "fallbacks": 1, "key": 5,
    });
    let failure = explain(&world.engine, body.to_string().as_bytes()).unwrap_err();
    let mut fields: Vec<_> = failure.fields.iter().map(|field| &*field.path).collect();
    fields.sort_unstable();
    let expected = [
        "fallbacks",
        "key",
        "max_output",
        "model",
        "modell",
        "needs[1]",
        "prompt_tokens",
        "stream",
        "tags[0]",
    ];
    assert_eq!(fields, expected);
    for (body, code, path) in [
        (r#"{"model":"none"}"#, Code::ModelNotFound, "model"),
        (r#"{"model":"m","key":"x"}"#, Code::InvalidRequest, "key"),
    ] {
        let failure = explain(&world.engine, body.as_bytes()).unwrap_err();
        assert_eq!((failure.code, &*failure.fields[0].path), (code, path));
    }
    assert!(explain(&world.engine, br#"{"model":"m","needs":[],"tags":[]}"#).is_ok());
}

#[tokio::test]
async fn a_failure_that_would_come_is_told_with_its_code() {
    let world = world(vec![declared("m", &[], Rules::default())]).await;
    let (_, answer) = explain(&world.engine, br#"{"model":"m"}"#).unwrap();
    assert_eq!(answer["outcome"]["does"], "fails");
    assert_eq!(answer["outcome"]["code"], "no_targets");
    assert!(!answer["outcome"]["message"].as_str().unwrap().is_empty());
}

#[test]
fn usd_are_decimal_texts_without_rounding() {
    for (pico, text) in [
        (0, "0"),
        (1, "0.000000000001"),
        (4_500_000_000, "0.0045"),
        (1_000_000_000_000, "1"),
        (12_340_000_000_000, "12.34"),
    ] {
        assert_eq!(usd(pico), text);
    }
}
