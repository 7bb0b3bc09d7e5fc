use tollgate_core::error::Origin;
use tollgate_core::route::rules::Rules;
use tollgate_engine::testing::{Script, World, model};

use super::*;

async fn world() -> World {
    let script = Script::new(|_| panic!("no call is made here")).checked(|name| {
        if name == "good" {
            return Ok(());
        }
        let mut failure =
            Failure::new(Code::ProviderPermissionDenied, Origin::Provider("scripted"))
                .provider_text("This project is closed.")
                .because("a cause with sk-canary-0123456789 in it");
        failure.provider_status = Some(403);
        Err(failure)
    });
    let models = vec![model("m", &["good", "bad"], Rules::default())];
    World::new(script, models, 1).await
}

fn paths(failure: &Failure) -> Vec<&str> {
    failure.fields.iter().map(|field| &*field.path).collect()
}

#[tokio::test]
async fn a_connection_has_the_members_of_its_document_and_ours() {
    let world = world().await;
    let (status, listed) = list(&world.engine).unwrap();
    assert_eq!(status, 200);
    let rows = listed["connections"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let (_, good) = one(&world.engine, "good").unwrap();
    assert_eq!(rows[1], good);
    let expected = json!({
        "id": "good",
        "name": "good",
        "provider": {"key": "scripted", "name": "Scripted"},
        "endpoint_url": null,
        "status": "active",
        "organization": null,
        "declared": true,
        "has_credential": null,
        "created_at": null,
        "model_count": 1,
        "rate_limits": {"rpm": null, "tpm": null},
        "last_tested_at": null,
        "healthy": true,
        "limits": {"rpm": null, "tpm": null, "parallel": null},
        "used": {"requests": 0, "tokens": 0, "parallel": 0},
        "checks": null,
        "last_check": null,
        "last_test": null,
        "targets": [{
            "model": "m",
            "serves": ["m"],
            "enabled": true,
            "limits": {"rpm": null, "tpm": null, "parallel": null},
            "used": {"requests": 0, "tokens": 0, "parallel": 0},
            "breaker": {
                "state": "closed", "reason": null, "until": null, "remaining_ms": null,
                "failures_in_a_row": 0, "window": {"good": 0, "failed": 0},
                "opened": 0, "cooled": 0,
            },
            "in_flight": 0,
            "latency": {"answer_ms": null, "stream_ms": null, "first_byte_p95_ms": null},
            "ailing": null,
            "retry_budget": {"allows": true, "refused": 0},
        }],
    });
    assert_eq!(good, expected);
    let failure = one(&world.engine, "none").unwrap_err();
    assert_eq!(failure.code, Code::ResourceNotFound);
}

#[tokio::test]
async fn a_failed_test_is_a_result_without_its_cause() {
    let world = world().await;
    let (status, answer) = test(&world.engine, "good", b"").await.unwrap();
    assert_eq!((status, &answer["success"]), (200, &json!(true)));
    assert!(answer["latency_ms"].is_u64());
    let (status, answer) = test(&world.engine, "bad", br#"{"model":"m"}"#)
        .await
        .unwrap();
    assert_eq!((status, &answer["success"]), (200, &json!(false)));
    assert_eq!(answer["code"], "provider_permission_denied");
    assert_eq!(answer["provider_status"], 403);
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("This project is closed."), "{message}");
    assert!(!answer.to_string().contains("canary"), "{answer}");
    let (_, bad) = one(&world.engine, "bad").unwrap();
    assert_eq!(bad["last_test"]["code"], "provider_permission_denied");
    assert_eq!(bad["last_tested_at"], "2026-11-21T10:00:00Z");
    assert_eq!(bad["healthy"], true);
}

#[tokio::test]
async fn what_is_wrong_with_a_test_is_told() {
    let world = world().await;
    let failure = test(&world.engine, "none", b"").await.unwrap_err();
    assert_eq!(failure.code, Code::ResourceNotFound);
    let body = br#"{"model":7,"modle":"m"}"#;
    let failure = test(&world.engine, "good", body).await.unwrap_err();
    assert_eq!(paths(&failure), ["model", "modle"]);
    let failure = test(&world.engine, "good", b"{").await.unwrap_err();
    assert_eq!(failure.code, Code::MalformedJson);
}

#[tokio::test]
async fn breakers_obey_and_the_answer_shows_it() {
    let world = world().await;
    for (body, state, status) in [
        (
            r#"{"action":"isolate","model":"m"}"#,
            "isolated",
            "inactive",
        ),
        (r#"{"action":"close"}"#, "closed", "active"),
        (r#"{"action":"open","model":null}"#, "open", "error"),
    ] {
        let (code, answer) = order(&world.engine, "good", body.as_bytes()).unwrap();
        assert_eq!(code, 200);
        assert_eq!(answer["targets"][0]["breaker"]["state"], state, "{body}");
        assert_eq!(answer["status"], status, "{body}");
    }
    let (_, good) = one(&world.engine, "good").unwrap();
    let breaker = &good["targets"][0]["breaker"];
    assert!(
        breaker["remaining_ms"].as_u64().unwrap() > 50_000,
        "{breaker}"
    );
    let (_, bad) = one(&world.engine, "bad").unwrap();
    assert_eq!(bad["targets"][0]["breaker"]["state"], "closed");
}

#[tokio::test]
async fn every_fault_of_an_order_is_named() {
    let world = world().await;
    for (body, fields) in [
        (r#"{"action":"kick","model":""}"#, vec!["action", "model"]),
        (r#"{"model":"m"}"#, vec!["action"]),
        (r#"{"action":"open","force":true}"#, vec!["force"]),
        (r#"{"action":"open","model":"other"}"#, vec!["model"]),
    ] {
        let failure = order(&world.engine, "good", body.as_bytes()).unwrap_err();
        assert_eq!(failure.code, Code::InvalidRequest, "{body}");
        assert_eq!(paths(&failure), fields, "{body}");
    }
    let (_, good) = one(&world.engine, "good").unwrap();
    assert_eq!(good["targets"][0]["breaker"]["state"], "closed");
}
