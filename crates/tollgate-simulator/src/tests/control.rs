use serde_json::json;

use super::client::{ask, chat, exchange, get, post, simulator};
use crate::{Rule, Script};

#[tokio::test]
async fn rules_are_added_shown_replaced_and_removed() {
    let simulator = simulator();
    let rule = json!({"fault": "quota", "times": 1});
    let added = exchange(&simulator, &post("/__sim/script", "", &rule)).await;
    assert_eq!(
        added.json(),
        json!({"rules": [{"fault": "quota", "matched": 0, "applied": 0}]})
    );

    assert_eq!(
        ask(&simulator, &chat("echo", &json!({}))).await.status(),
        429
    );
    assert_eq!(
        ask(&simulator, &chat("echo", &json!({}))).await.status(),
        200
    );
    let shown = get(&simulator, "/__sim/script").await.json();
    assert_eq!(shown["rules"][0]["applied"], 1);

    let rules = json!([{"fault": "overloaded"}]);
    let put = post("/__sim/script", "", &rules).replacen("POST", "PUT", 1);
    assert_eq!(exchange(&simulator, &put).await.status(), 200);
    assert_eq!(
        ask(&simulator, &chat("echo", &json!({}))).await.status(),
        503
    );

    let delete = "DELETE /__sim/script HTTP/1.1\r\nconnection: close\r\n\r\n";
    assert_eq!(
        exchange(&simulator, delete).await.json(),
        json!({"rules": []})
    );
    assert_eq!(
        ask(&simulator, &chat("echo", &json!({}))).await.status(),
        200
    );
}

#[tokio::test]
async fn a_script_that_cannot_be_read_changes_nothing() {
    let simulator = simulator();
    simulator.script(Rule::new("quota").unwrap()).unwrap();
    let rules = json!([{"fault": "overloaded"}, {"fault": "none"}]);
    let seen = exchange(&simulator, &post("/__sim/script", "", &rules)).await;
    assert_eq!(seen.status(), 400);
    assert!(
        seen.json()["problem"]
            .as_str()
            .unwrap()
            .starts_with("rule 2: there is no fault")
    );
    assert_eq!(simulator.rules().len(), 1);
}

#[tokio::test]
async fn what_was_received_can_be_asked_for_and_forgotten() {
    let simulator = simulator();
    let request = post(
        "/v1/chat/completions?a=b",
        "X-Seen: yes\r\n",
        &chat("echo", &json!({})),
    );
    exchange(&simulator, &request).await;
    let requests = get(&simulator, "/__sim/requests").await.json();
    let one = &requests["requests"][0];
    assert_eq!(one["method"], "POST");
    assert_eq!(
        (&one["path"], &one["query"]),
        (&json!("/v1/chat/completions"), &json!("a=b"))
    );
    assert!(
        one["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["X-Seen", "yes"]))
    );
    assert!(one["body"].as_str().unwrap().contains("\"model\":\"echo\""));
    assert_eq!(
        (&one["outcome"], &one["status"]),
        (&json!("answered"), &json!(200))
    );
    let delete = "DELETE /__sim/requests HTTP/1.1\r\nconnection: close\r\n\r\n";
    exchange(&simulator, delete).await;
    assert!(simulator.requests().is_empty());
    let stats = get(&simulator, "/__sim/stats").await.json();
    assert_eq!(
        (&stats["received"], &stats["answered"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn the_fault_table_can_be_asked_for() {
    let table = get(&simulator(), "/__sim/faults").await.json();
    assert_eq!(
        table["faults"].as_array().unwrap().len(),
        crate::faults().len()
    );
}

#[tokio::test]
async fn other_control_addresses_are_refused_and_nothing_of_them_is_recorded() {
    let simulator = simulator();
    assert_eq!(get(&simulator, "/__sim/nothing").await.status(), 404);
    let delete = "DELETE /__sim/stats HTTP/1.1\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(&simulator, delete).await.status(), 405);
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_script_from_a_file_holds_for_what_it_names() {
    let simulator = simulator();
    let script = r#"{"rules": [
        {"match": {"model": "a*", "stream": true}, "nth": 2, "fault": "error-first"},
        {"match": {"headers": {"x-t": "1"}}, "fault": {"name": "answer", "status": 418, "body": {"a": 1}}}
    ]}"#;
    simulator.set_script(Script::from_json(script).unwrap());
    let streamed = chat("abc", &json!({"stream": true}));
    assert!(!ask(&simulator, &streamed).await.has("\"error\""));
    assert!(ask(&simulator, &streamed).await.has("\"error\""));
    assert!(!ask(&simulator, &streamed).await.has("\"error\""));
    let seen = exchange(
        &simulator,
        &post("/v1/embeddings", "x-t: 1\r\n", &json!({})),
    )
    .await;
    assert_eq!((seen.status(), seen.json()), (418, json!({"a": 1})));
}

/// What asks each family for its list of models, as a check of a connection does.
const LISTS: [(&str, &str); 3] = [
    ("/v1/models", ""),
    ("/v1/models?limit=1", "anthropic-version: 2023-06-01\r\n"),
    ("/v1beta/models?pageSize=1", "x-goog-api-key: k\r\n"),
];

fn list(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n")
}

#[tokio::test]
async fn checks_of_connections_can_be_made_to_fail_alone() {
    let simulator = simulator();
    for (path, headers) in LISTS {
        let seen = exchange(&simulator, &list(path, headers)).await;
        assert_eq!(seen.status(), 200, "{path}");
        assert!(seen.json().is_object(), "{path}");
    }
    let rules = json!([
        {"match": {"method": "GET", "path": "/v1/models*"}, "times": 2, "fault": "overloaded"},
        {"match": {"method": "GET", "path": "/v1beta/models*"}, "times": 1, "fault": "overloaded"},
    ]);
    exchange(&simulator, &post("/__sim/script", "", &rules)).await;
    for (path, headers) in LISTS {
        let seen = exchange(&simulator, &list(path, headers)).await;
        assert!(
            matches!(seen.status(), 503 | 529),
            "{path}: {}",
            seen.status()
        );
        let called = ask(&simulator, &chat("echo", &json!({}))).await;
        assert_eq!(called.status(), 200, "calls go on");
    }
    for (path, headers) in LISTS {
        let seen = exchange(&simulator, &list(path, headers)).await;
        assert_eq!(seen.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_list_of_models_is_refused_as_the_script_says() {
    let simulator = simulator();
    let rule = |fault: &str| Rule::new(fault).unwrap().method("GET").path("/v1/models*");
    for (fault, want) in [("rate-limit", 429), ("quota", 429)] {
        simulator.set_script(Script::default());
        simulator.script(rule(fault)).unwrap();
        let (path, headers) = LISTS[0];
        let seen = exchange(&simulator, &list(path, headers)).await;
        assert_eq!(seen.status(), want, "{fault}");
    }
}
