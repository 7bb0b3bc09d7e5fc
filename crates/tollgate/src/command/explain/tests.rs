use clap::Parser;
use serde_json::json;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    explain: ExplainArguments,
}

fn parse(line: &str) -> Result<ExplainArguments, clap::Error> {
    let words = std::iter::once("explain").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.explain)
}

#[test]
fn a_line_becomes_a_question() {
    let line = "--model m --key app --prompt-tokens 5 --max-output 7 --needs vision,tools \
                --tag a --tag b --user u --session s --stream --no-fallbacks --json";
    let expected = json!({
        "model": "m", "key": "app", "prompt_tokens": 5, "max_output": 7,
        "needs": ["vision", "tools"], "tags": ["a", "b"], "user": "u", "session": "s",
        "stream": true, "fallbacks": false,
    });
    assert_eq!(body(&parse(line).unwrap()), expected);
    assert_eq!(body(&parse("--model m").unwrap()), json!({"model": "m"}));
    assert!(parse("--key app").is_err(), "a model is needed");
}

#[test]
fn every_outcome_is_a_sentence() {
    for (told, sentence) in [
        (
            json!({"does": "asks", "model": "m", "connection": "a", "target_model": "x"}),
            "m: asks connection a for x first",
        ),
        (
            json!({"does": "asks", "model": "n", "connection": "a", "target_model": "x"}),
            "m: asks connection a for x first, as n",
        ),
        (
            json!({"does": "waits", "longest_ms": 5000}),
            "m: waits for a free place, for 5 s at most",
        ),
        (
            json!({"does": "refuses", "code": "model_access_denied"}),
            "m: is refused: model_access_denied",
        ),
        (
            json!({"does": "fails", "code": "circuit_breaker_open", "retry_after_ms": 1500}),
            "m: fails at once: circuit_breaker_open, to be asked again after 1.5 s",
        ),
        (
            json!({"does": "fails", "code": "no_targets", "retry_after_ms": null}),
            "m: fails at once: no_targets",
        ),
    ] {
        let answer = json!({"request": {"model": "m"}, "outcome": told});
        assert_eq!(outcome(&answer), sentence);
    }
}

#[test]
fn models_are_shown_with_what_leads_to_them_and_what_stands_in_the_way() {
    let model = json!({
        "model": "n", "strategy": "latency", "allowed": false, "waiting": 2,
        "after": [{"model": "m", "failures": ["rate_limit", "other"]}],
        "targets": [{
            "order": 1, "connection": "a", "model": "x", "estimated_cost_usd": "0.0045",
            "obstacle": {"kind": "open", "message": "Its breaker is open."},
            "breaker": {"state": "open"}, "in_flight": 0,
        }],
    });
    let text = model_text(&model);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "n (latency, not for this key, 2 waiting)");
    assert_eq!(lines[1], "  after rate_limit,other at m");
    assert!(
        lines[3].contains("$0.0045") && lines[3].contains("open"),
        "{text}"
    );
    assert_eq!(lines[4], "  1: Its breaker is open.");
    let none = json!({"model": "n", "strategy": "priority", "targets": []});
    assert_eq!(model_text(&none), "n (priority)\n  has no targets\n");
}
