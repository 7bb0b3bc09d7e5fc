use futures_util::future::join_all;
use serde_json::Value;

use crate::access_log::LogFormat;
use crate::testing::world::{ADMIN_KEY, KEY, World};

async fn world() -> World {
    World::new(Vec::new(), LogFormat::Off).await
}

async fn add(world: &World, body: &str) -> (u16, Value) {
    let said = world
        .manage("POST /api/credits/teams/default/add", body)
        .await;
    (said.status, said.json())
}

async fn balance(world: &World) -> String {
    let said = world
        .manage("GET /api/credits/teams/default/balance", "")
        .await;
    said.json()["balance_usd"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn credits_are_added_and_told() {
    let world = world().await;
    let body = r#"{"amount_usd":"10.00","reference":"order-1","reason":"paid"}"#;
    let (status, said) = add(&world, body).await;
    assert_eq!(status, 200, "{said}");
    let transaction = &said["transaction"];
    assert_eq!(transaction["kind"], "top_up");
    assert_eq!(transaction["amount_usd"], "10.00");
    assert_eq!(transaction["team"], "default");
    assert_eq!(transaction["reference"], "order-1");
    assert_eq!(
        (&said["balance_usd"], &said["low"]),
        (&"10.00".into(), &false.into())
    );
    // The same again, and another order under the same reference.
    let (status, again) = add(&world, body).await;
    assert_eq!((status, &again["transaction"]), (200, transaction));
    let (status, said) = add(&world, r#"{"amount_usd":"11.00","reference":"order-1"}"#).await;
    assert_eq!((status, &said["error"]["code"]), (409, &"conflict".into()));
    assert_eq!(balance(&world).await, "10.00");
    let rows = world
        .manage("GET /api/credits/teams/default/transactions?unit=usd", "")
        .await
        .json();
    assert_eq!(rows["transactions"].as_array().unwrap().len(), 1);
    assert_eq!(rows["transactions"][0], *transaction);
    assert_eq!(rows["pagination"]["hasMore"], false);
    let audit = world.manage("GET /api/audit?object=team", "").await.json();
    let row = &audit["entries"][0];
    assert_eq!(
        (&row["action"], &row["actor"]),
        (&"credit.top_up".into(), &"admin".into())
    );
    assert_eq!(row["change"]["amount_usd"], "10.00");
    assert!(row["request_id"].is_string());
}

#[tokio::test]
async fn credits_that_were_added_are_no_failure_because_their_balance_cannot_be_read() {
    let world = world().await;
    for (path, body) in [
        ("add", r#"{"credits":5}"#),
        ("replenish", r#"{"credits":5,"payment_type":"one_time"}"#),
    ] {
        world.store.set_sumless(true);
        let path = format!("POST /api/credits/teams/default/{path}");
        let said = world.manage(&path, body).await;
        assert_eq!(said.status, 200, "{path}: {}", said.body);
        let said = said.json();
        let transaction = &said["transaction"];
        assert_eq!(transaction["credits_amount"], 5, "{said}");
        assert_eq!(transaction["credits_after"], Value::Null, "{said}");
        world.store.set_sumless(false);
        let said = world.manage(&path, body).await.json();
        let after = said["transaction"]["credits_after"].as_i64();
        assert!(after.is_some_and(|after| after % 10 == 0), "{said}");
    }
}

#[tokio::test]
async fn a_hundred_equal_orders_at_once_add_once() {
    let world = world().await;
    let body = r#"{"amount_usd":"1.00","reference":"order-1"}"#;
    let all = join_all((0..100).map(|_| add(&world, body))).await;
    let first = &all[0].1["transaction"];
    assert!(
        all.iter()
            .all(|(status, said)| *status == 200 && said["transaction"] == *first)
    );
    assert_eq!(balance(&world).await, "1.00");
}

#[tokio::test]
async fn the_idempotency_key_is_the_reference_where_none_is_given() {
    let world = world().await;
    let headers = format!("x-admin-key: {ADMIN_KEY}\r\nidempotency-key: \"k-1\"\r\n");
    let body = r#"{"amount_usd":"1.00"}"#;
    let said = world
        .ask("POST /api/credits/teams/default/add", &headers, body)
        .await;
    assert_eq!(said.json()["transaction"]["reference"], "k-1");
    // A second later the answer of the first time may be forgotten: the ledger does not forget.
    let (status, _) = add(&world, r#"{"amount_usd":"2.00","reference":"k-1"}"#).await;
    assert_eq!(status, 409);
    assert_eq!(balance(&world).await, "1.00");
}

#[tokio::test]
async fn references_of_the_gateways_own_are_refused_by_the_name_of_their_field() {
    let world = world().await;
    let spelled = [
        "auto-refill:daily:1893456000000",
        "configuration",
        "Configuration",
        "job:00000000-0000-4000-8000-000000000000:hold",
        "TOLLGATE:used:1",
    ];
    let orders = [
        ("add", r#""amount_usd":"1.00""#),
        ("add", r#""credits":1"#),
        ("adjust", r#""credits":1"#),
        ("adjust", r#""amount_usd":"1.00""#),
        (
            "refund",
            r#""settlement":"le_00000000000000000000000000000001""#,
        ),
        ("replenish", r#""credits":1,"payment_type":"one_time""#),
    ];
    for reference in spelled {
        for (deed, members) in orders {
            let path = format!("POST /api/credits/teams/default/{deed}");
            let named = format!("{{{members},\"reference\":\"{reference}\"}}");
            let with_key = format!("x-admin-key: {ADMIN_KEY}\r\nidempotency-key: {reference}\r\n");
            let admin = format!("x-admin-key: {ADMIN_KEY}\r\n");
            let by_key = format!("{{{members}}}");
            let mut asks = vec![("Idempotency-Key", &with_key, &by_key)];
            // That order has no member of this name.
            if deed != "replenish" {
                asks.push(("reference", &admin, &named));
            }
            for (field, headers, body) in asks {
                let said = world.ask(&path, headers, body).await;
                assert!([400, 422].contains(&said.status), "{path}: {}", said.body);
                assert!(said.body.contains(field), "{path}: {}", said.body);
                assert!(said.body.contains("auto-refill:"), "{path}: {}", said.body);
            }
        }
    }
    let path = "GET /api/credits/teams/default/balance?unit=credits";
    assert_eq!(world.manage(path, "").await.json()["balance"], 0);
    assert_eq!(balance(&world).await, "0.00");
    // What is named goes before the key, which is no reference then.
    let headers = format!("x-admin-key: {ADMIN_KEY}\r\nidempotency-key: job:1\r\n");
    let body = r#"{"amount_usd":"1.00","reference":"order:job:1"}"#;
    let path = "POST /api/credits/teams/default/add";
    let said = world.ask(path, &headers, body).await;
    assert_eq!(said.status, 200, "{}", said.body);
}

#[tokio::test]
async fn balances_are_set_right_in_both_units_and_never_below_nothing() {
    let world = world().await;
    let path = "POST /api/credits/organizations/default/adjust";
    let adjust = async |body| {
        let said = world.manage(path, body).await;
        (said.status, said.json())
    };
    let (status, said) = adjust(r#"{"credits":5,"direction":"add"}"#).await;
    assert_eq!((status, &said["balance"]), (200, &5.into()), "{said}");
    assert_eq!(said["transaction"]["organization"], "default");
    let (_, said) = adjust(r#"{"credits":2,"direction":"take"}"#).await;
    assert_eq!(
        (&said["transaction"]["credits"], &said["balance"]),
        (&(-2).into(), &3.into())
    );
    let (status, said) = adjust(r#"{"credits":4,"direction":"take"}"#).await;
    assert_eq!(
        (status, &said["error"]["code"]),
        (402, &"insufficient_credits".into())
    );
    let path = "GET /api/credits/organizations/default/balance?unit=credits";
    assert_eq!(world.manage(path, "").await.json()["balance"], 3);
    let path = "GET /api/credits/organizations/default/transactions?unit=credits&limit=1";
    let rows = world.manage(path, "").await.json();
    assert_eq!(rows["transactions"][0]["credits"], -2);
    assert_eq!(rows["pagination"]["hasMore"], true);
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_named() {
    let world = world().await;
    for (body, field) in [
        ("{}", "amount_usd"),
        (r#"{"amount_usd":"0"}"#, "amount_usd"),
        (r#"{"amount_usd":"-1"}"#, "amount_usd"),
        (r#"{"amount_usd":10}"#, "amount_usd"),
        (r#"{"amount_usd":"10000000.01"}"#, "amount_usd"),
        (r#"{"credits":0}"#, "credits"),
        (r#"{"amount_usd":"1","credits":1}"#, "credits"),
        (r#"{"amount_usd":"1","refrence":"x"}"#, "refrence"),
    ] {
        let (status, said) = add(&world, body).await;
        assert_eq!(
            (status, &said["error"]["code"]),
            (400, &"invalid_request".into()),
            "{body}"
        );
        assert_eq!(said["error"]["param"], field, "{body}: {said}");
    }
    for (request, body) in [
        (
            "POST /api/credits/teams/nobody/add",
            r#"{"amount_usd":"1.00"}"#,
        ),
        (
            "POST /api/credits/organizations/nobody/add",
            r#"{"amount_usd":"1.00"}"#,
        ),
        ("GET /api/credits/teams/nobody/balance", ""),
        ("GET /api/credits/teams/nobody/transactions", ""),
        (
            "POST /api/credits/teams/default/refund",
            r#"{"settlement":"le_00000000000000000000000000000001"}"#,
        ),
    ] {
        let said = world.manage(request, body).await;
        assert_eq!(
            said.json()["error"]["code"],
            "resource_not_found",
            "{request}"
        );
    }
    let key = format!("authorization: Bearer {KEY}\r\n");
    let said = world
        .ask("POST /api/credits/teams/default/add", &key, "{}")
        .await;
    assert_eq!(said.status, 403);
    assert_eq!(balance(&world).await, "0.00");
}

#[tokio::test]
async fn the_ledger_is_verified_and_its_figures_are_told() {
    let world = world().await;
    add(&world, r#"{"amount_usd":"7.50"}"#).await;
    let said = world.manage("POST /api/ledger/verify", "").await.json();
    assert_eq!(
        (&said["ok"], &said["entries"]),
        (&true.into(), &1.into()),
        "{said}"
    );
    assert_eq!(
        (&said["balance_usd"], &said["wallets"]),
        (&"7.50".into(), &1.into())
    );
    assert_eq!(said["findings"], serde_json::json!([]));
    let read = world.manage("GET /api/ledger/verify", "").await.json();
    assert_eq!(
        (&read["entries_written"], &read["differences"]),
        (&1.into(), &0.into())
    );
    assert_eq!(world.figure("ledger_entries_total"), Some(1.0));
    assert_eq!(world.figure("ledger_differences"), Some(0.0));
    assert_eq!(world.figure("ledger_unwritten_usd"), Some(0.0));
}

#[tokio::test]
async fn what_self_checks_found_is_told_and_stays_a_figure() {
    let world = world().await;
    world.gateway.engine.ledger.note_differences(3);
    assert_eq!(world.figure("ledger_differences"), Some(3.0));
    let read = world.manage("GET /api/ledger/verify", "").await.json();
    assert_eq!(read["differences"], 3);
}
