use serde_json::json;

use crate::access_log::LogFormat;
use crate::testing::world::{KEY, World};

#[tokio::test]
async fn the_balance_is_that_of_whoever_pays() {
    let world = World::new(Vec::new(), LogFormat::Off).await;
    let key = format!("authorization: Bearer {KEY}\r\n");
    let ask = async || world.ask("GET /api/account/balance", &key, "").await.json();
    let add = async |purse: &str, amount: &str| {
        let body = json!({ "amount_usd": amount }).to_string();
        let path = format!("POST /api/credits/{purse}/add");
        assert_eq!(world.manage(&path, &body).await.status, 200);
    };
    let said = ask().await;
    assert_eq!(
        (&said["balance"], &said["paid_by"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        (&said["currency"], &said["minimum_required"]),
        (&json!("USD"), &json!(0.1))
    );
    add("organizations/default", "45.5").await;
    let said = ask().await;
    assert_eq!(
        (&said["balance"], &said["paid_by"]),
        (&json!(45.5), &json!("organization"))
    );
    add("teams/default", "0.25").await;
    let said = ask().await;
    assert_eq!(
        (&said["balance_usd"], &said["paid_by"]),
        (&json!("0.25"), &json!("team"))
    );
    assert_eq!(said["low"], true);
    assert_eq!(
        world.ask("GET /api/account/balance", "", "").await.status,
        401
    );
}
