use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    connection: ConnectionArguments,
}

fn parse(line: &[&str]) -> Result<ConnectionArguments, clap::Error> {
    let words = std::iter::once("connection").chain(line.iter().copied());
    Line::try_parse_from(words).map(|line| line.connection)
}

#[test]
fn an_order_becomes_a_call() {
    for (line, path, body) in [
        (
            &["isolate", "a", "--model", "m"][..],
            "/api/connections/a/breaker",
            json!({"action": "isolate", "model": "m"}),
        ),
        (
            &["close", "a/../b"],
            "/api/connections/a%2F..%2Fb/breaker",
            json!({"action": "close"}),
        ),
    ] {
        let arguments = parse(line).unwrap();
        let (Action::Isolate(meant) | Action::Close(meant)) = &arguments.action else {
            panic!("{line:?}");
        };
        let call = ordering(line[0], meant);
        assert_eq!((call.method, &*call.path), (Method::POST, path));
        assert_eq!(call.body, Some(body));
    }
    for line in [&["open"][..], &["test"], &["kick", "a"], &["list", "a"]] {
        assert!(parse(line).is_err(), "{line:?}");
    }
}

#[test]
fn a_test_is_told_in_a_sentence() {
    let good = json!({"success": true, "latency_ms": 12});
    assert_eq!(tested("sim", &good), "sim: ok in 12 ms\n");
    let bad = json!({
        "success": false, "latency_ms": 1200, "code": "provider_permission_denied",
        "message": "No.\u{1b}[2J", "provider_status": 403,
    });
    assert_eq!(
        tested("sim", &bad),
        "sim: failed after 1.2 s: No.?[2J (provider_permission_denied, status 403)\n"
    );
    let silent = json!({
        "success": false, "latency_ms": 0, "code": "provider_unreachable", "message": "Gone.",
        "provider_status": null,
    });
    assert_eq!(
        tested("sim", &silent),
        "sim: failed after 0 ms: Gone. (provider_unreachable)\n"
    );
}

#[test]
fn lists_have_a_line_for_each_connection_and_each_target() {
    let answer = json!({"connections": [{
        "name": "main",
        "provider": {"key": "openai"},
        "endpoint_url": "https://api.openai.com/v1",
        "status": "error",
        "model_count": 2,
        "limits": {"rpm": 60},
        "used": {"requests": 7},
        "last_tested_at": null,
        "targets": [
            {
                "model": "gpt-4o", "enabled": true, "in_flight": 3,
                "breaker": {"state": "open", "reason": "provider_error", "remaining_ms": 41_200},
                "latency": {"answer_ms": 900, "stream_ms": null},
            },
            {"model": "o3", "enabled": false, "breaker": {"state": "closed"}},
        ],
    }]});
    let text = lists(&answer);
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[1].contains("main") && lines[1].contains("7/60 rpm"),
        "{text}"
    );
    let words: Vec<_> = lines[4].split_whitespace().collect();
    assert_eq!(
        words,
        [
            "main",
            "gpt-4o",
            "open",
            "provider_error",
            "41.2",
            "s",
            "3",
            "-",
            "900",
            "ms",
            "-"
        ]
    );
    assert!(lines[5].contains("disabled"), "{text}");
}
