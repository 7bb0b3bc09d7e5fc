use std::sync::Arc;

use tollgate_core::budget::Controls;
use tollgate_core::error::Code;
use tollgate_core::key::KeyHasher;
use tollgate_engine::accounts::{DeclaredKey, Environment, Parts};
use tollgate_engine::testing::{ManualClock, MemoryStore, counting_entropy};

use super::*;

/// 2026-11-21T10:00:00Z.
const NOW: i64 = 1_795_255_200_000;

async fn world() -> (Accounts, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(NOW)));
    let parts = Parts {
        store: Arc::new(MemoryStore::default()),
        clock: clock.clone(),
        hasher: KeyHasher::new(&[1; 32]),
        environment: Environment::Live,
        entropy: counting_entropy,
    };
    (Accounts::open(parts).await.unwrap(), clock)
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn opens(accounts: &Accounts, text: &Value) -> bool {
    let hash = accounts.hash(text.as_str().unwrap().as_bytes());
    accounts
        .find(&hash)
        .is_some_and(|entry| entry.check(accounts.now()).is_ok())
}

async fn refused(accounts: &Accounts, body: &str) -> Vec<(String, &'static str)> {
    let failure = create(accounts, &Manager::admin(), body.as_bytes())
        .await
        .unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    failure
        .fields
        .iter()
        .map(|field| (field.path.clone(), field.kind))
        .collect()
}

#[tokio::test]
async fn a_key_is_made_with_everything_that_was_asked_for() {
    let (accounts, _) = world().await;
    let body = json!({
        "name": "  app ",
        "permissions": ["read"],
        "models": ["openai/gpt-4o", "sim/*"],
        "expires_in_days": 30,
        "error_dialect": "langmart",
        "priority": "high",
    });
    let (status, made) = create(&accounts, &Manager::admin(), body.to_string().as_bytes())
        .await
        .unwrap();
    assert_eq!(status, 201);
    assert_eq!(
        names(&made),
        [
            "id",
            "key",
            "name",
            "key_prefix",
            "team",
            "user",
            "permissions",
            "models",
            "surfaces",
            "addresses",
            "created_at",
            "expires_at",
            "error_dialect",
            "priority",
            "limits",
            "message"
        ]
    );
    assert_eq!(made["name"], "app");
    assert_eq!(made["permissions"], json!(["read"]));
    assert_eq!(made["models"], json!(["openai/gpt-4o", "sim/*"]));
    assert_eq!(made["created_at"], "2026-11-21T10:00:00Z");
    assert_eq!(made["expires_at"], "2026-12-21T10:00:00Z");
    assert_eq!(made["error_dialect"], "langmart");
    assert_eq!(made["priority"], "high");
    assert!(opens(&accounts, &made["key"]));
    let key = accounts.get(made["id"].as_str().unwrap()).unwrap().key();
    assert_eq!(
        key.permissions,
        Permissions {
            read: true,
            write: false,
            manage: false,
        }
    );
    assert_eq!(key.error_dialect, Some(Dialect::LangMart));
    assert_eq!(key.priority, Priority::High);
}

#[tokio::test]
async fn a_key_with_a_name_alone_may_do_everything_and_never_ends() {
    let (accounts, _) = world().await;
    let (_, made) = create(
        &accounts,
        &Manager::admin(),
        br#"{"name":"app","expires_at":null}"#,
    )
    .await
    .unwrap();
    assert_eq!(made["permissions"], json!(["read", "write"]));
    assert_eq!(made["models"], json!(["*"]));
    assert_eq!(made["expires_at"], Value::Null);
    assert_eq!(made["priority"], "normal");
}

#[tokio::test]
async fn an_end_can_be_given_as_a_time() {
    let (accounts, _) = world().await;
    let body = br#"{"name":"app","expires_at":"2027-01-01T01:00:00+01:00"}"#;
    let (_, made) = create(&accounts, &Manager::admin(), body).await.unwrap();
    assert_eq!(made["expires_at"], "2027-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_temporary_key_ends_after_its_hours() {
    let (accounts, clock) = world().await;
    let body = br#"{"name":"trial","expires_in_hours":2,"permissions":["read"],"priority":"low"}"#;
    let (status, made) = create_temporary(&accounts, &Manager::admin(), body)
        .await
        .unwrap();
    assert_eq!(
        (status, &made["expires_at"]),
        (201, &"2026-11-21T12:00:00Z".into())
    );
    assert_eq!(made["priority"], "low");
    clock.advance(Duration::from_secs(2 * HOUR - 1));
    assert!(opens(&accounts, &made["key"]));
    clock.advance(Duration::from_secs(1));
    assert!(!opens(&accounts, &made["key"]));
    let failure = create_temporary(&accounts, &Manager::admin(), br#"{"name":"trial"}"#)
        .await
        .unwrap_err();
    assert_eq!(failure.fields[0].path, "expires_in_hours");
}

#[tokio::test]
async fn every_fault_is_named_and_nothing_is_made() {
    let (accounts, _) = world().await;
    let body = json!({
        "nmae": "app",
        "permissions": ["read", "root", 1],
        "models": ["a*b", "a b", ""],
        "expires_in_days": 0,
        "error_dialect": "klingon",
        "priority": "highest",
    });
    let expected = [
        ("name", "missing"),
        ("permissions[1]", "value_error"),
        ("permissions[2]", "string_type"),
        ("models[0]", "value_error"),
        ("models[1]", "value_error"),
        ("models[2]", "value_error"),
        ("error_dialect", "value_error"),
        ("priority", "value_error"),
        ("expires_in_days", "greater_than_equal"),
        ("nmae", "extra_forbidden"),
    ];
    let found = refused(&accounts, &body.to_string()).await;
    assert_eq!(found, expected.map(|(path, kind)| (path.to_owned(), kind)));
    for (body, path) in [
        (r#"{"name":"a","permissions":[]}"#, "permissions"),
        (r#"{"name":"a","models":[]}"#, "models"),
        (r#"{"name":"a","models":"*"}"#, "models"),
        (r#"{"name":"a","expires_at":"tomorrow"}"#, "expires_at"),
        (
            r#"{"name":"a","expires_at":"2026-11-21T10:00:00Z"}"#,
            "expires_at",
        ),
        (
            r#"{"name":"a","expires_at":"2027-01-01T00:00:00Z","expires_in_days":1}"#,
            "expires_at",
        ),
        (r#"{"name":"a\u0007"}"#, "name"),
    ] {
        let found = refused(&accounts, body).await;
        assert_eq!(
            found.iter().map(|(path, _)| &**path).collect::<Vec<_>>(),
            [path],
            "{body}"
        );
    }
    assert!(accounts.list().is_empty());
}

#[tokio::test]
async fn the_list_shows_keys_without_their_text() {
    let (accounts, clock) = world().await;
    let (_, first) = create(&accounts, &Manager::admin(), br#"{"name":"first"}"#)
        .await
        .unwrap();
    clock.advance(Duration::from_mins(1));
    let (_, second) = create(
        &accounts,
        &Manager::admin(),
        br#"{"name":"second","expires_in_days":1}"#,
    )
    .await
    .unwrap();
    clock.advance(Duration::from_mins(1));
    let (_, third) = create(&accounts, &Manager::admin(), br#"{"name":"third"}"#)
        .await
        .unwrap();
    revoke(&accounts, &Manager::admin(), third["id"].as_str().unwrap())
        .await
        .unwrap();
    let entry = accounts.get(first["id"].as_str().unwrap()).unwrap();
    accounts.note_use(&entry, accounts.now());
    clock.advance(Duration::from_secs(DAY));

    let (status, list) = list(&accounts, &Manager::admin(), None).unwrap();
    assert_eq!(status, 200);
    let rows = list["keys"].as_array().unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (&row["name"], &row["status"]))
        .collect();
    assert_eq!(
        format!("{shown:?}"),
        r#"[(String("first"), String("active")), (String("second"), String("expired")), (String("third"), String("revoked"))]"#
    );
    assert_eq!(rows[0]["last_used_at"], "2026-11-21T10:02:00Z");
    assert_eq!(rows[1]["last_used_at"], Value::Null);
    assert_eq!(rows[2]["revoked_at"], "2026-11-21T10:02:00Z");
    let text = first["key"].as_str().unwrap();
    let masked = rows[0]["key_prefix"].as_str().unwrap();
    let (start, end) = masked.split_once("...").unwrap();
    assert!(
        text.starts_with(start) && text.ends_with(end) && masked.len() < 20,
        "{masked}"
    );
    for made in [&first, &second, &third] {
        assert!(!list.to_string().contains(made["key"].as_str().unwrap()));
    }
    assert_eq!(
        one(&accounts, &Manager::admin(), first["id"].as_str().unwrap()).unwrap(),
        (200, rows[0].clone())
    );
}

#[tokio::test]
async fn keys_are_revoked_and_rotated_by_their_id() {
    let (accounts, _) = world().await;
    let (_, made) = create(&accounts, &Manager::admin(), br#"{"name":"app"}"#)
        .await
        .unwrap();
    let id = made["id"].as_str().unwrap();
    let (status, rotated) = rotate(&accounts, &Manager::admin(), id).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        names(&rotated),
        ["id", "key", "key_prefix", "rotated_at", "message"]
    );
    assert_eq!(rotated["id"], made["id"]);
    assert!(!opens(&accounts, &made["key"]) && opens(&accounts, &rotated["key"]));

    let (status, revoked) = revoke(&accounts, &Manager::admin(), id).await.unwrap();
    assert_eq!((status, &revoked["success"]), (200, &Value::Bool(true)));
    assert!(revoked["message"].as_str().unwrap().contains("\"app\""));
    assert!(!opens(&accounts, &rotated["key"]));
}

#[tokio::test]
async fn unknown_and_declared_keys_are_not_changed() {
    let (accounts, _) = world().await;
    for outcome in [
        one(&accounts, &Manager::admin(), "key_0"),
        revoke(&accounts, &Manager::admin(), "key_0").await,
        rotate(&accounts, &Manager::admin(), "").await,
    ] {
        assert_eq!(outcome.unwrap_err().code, Code::ResourceNotFound);
    }
    let facts = NewKey {
        name: "app".into(),
        permissions: Permissions::ALL,
        models: ModelScope::all(),
        expires_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Tenancy::default(),
        reach: Reach::default(),
        controls: Controls::default(),
    };
    let (secret, place) = (
        Secret::new("sk-mine-0123456789"),
        "tollgate.toml, line 3".into(),
    );
    accounts
        .declare(vec![DeclaredKey {
            facts,
            secret,
            place,
        }])
        .await
        .unwrap();
    let (_, list) = list(&accounts, &Manager::admin(), None).unwrap();
    let row = &list["keys"][0];
    assert_eq!(row["declared_in"], "tollgate.toml, line 3");
    let refused = revoke(&accounts, &Manager::admin(), row["id"].as_str().unwrap())
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
}
