use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::time::Timestamp;

use super::*;

/// 2026-11-21T10:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

fn hints(headers: &[(&str, &str)]) -> RetryHints {
    RetryHints::from_headers(
        headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes())),
        NOW,
    )
}

fn retry_after(value: &str) -> Option<Duration> {
    hints(&[("retry-after", value)]).retry_after
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[test]
fn retry_after_is_read_in_every_form_of_the_rfc() {
    for (value, wait) in [
        ("0", 0.0),
        ("1", 1.0),
        ("61", 61.0),
        ("120", 120.0),
        ("7200", 7200.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0.25", 0.25),
        ("Sat, 21 Nov 2026 10:00:20 GMT", 20.0),
        ("Saturday, 21-Nov-26 10:02:00 GMT", 120.0),
        ("Sat Nov 21 10:00:01 2026", 1.0),
        ("Tue Dec  1 10:00:00 2026", 864_000.0),
        ("Sat, 21 Nov 2026 09:59:59 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Sun Nov  6 08:49:37 1994", 0.0),
    ] {
        assert_eq!(retry_after(value), seconds(wait), "{value}");
    }
}

#[test]
fn a_retry_after_that_makes_no_sense_counts_as_absent() {
    for value in [
        "",
        "-1",
        "-10",
        "+5",
        "inf",
        "nan",
        "NaN",
        "infinity",
        "1e3",
        "0x10",
        "1.",
        ".5",
        "1.2.3",
        "soon",
        "5 seconds",
        "1000000000000000000000000000000000000000",
        "Zun, 29 Sep 2023 16:26:27 GMT",
        "Fri, 29 Foo 2023 16:26:27 GMT",
        "Fri, 29 Sep 100000 16:26:27 GMT",
        "Fri, 31 Sep 2023 16:26:27 GMT",
        "Mon, 30 Feb 2026 16:26:27 GMT",
        "Fri, 00 Sep 2023 16:26:27 GMT",
        "Fri, 29 Sep 2023 24:00:00 GMT",
        "Fri, 29 Sep 2023 16:26:27 CET",
        "Fri, 29 Sep 2023",
        "Sept 29",
    ] {
        assert_eq!(retry_after(value), None, "{value}");
    }
    assert_eq!(
        RetryHints::from_headers([("retry-after", b"\xff\xfe".as_slice())], NOW),
        RetryHints::default()
    );
}

#[test]
fn no_wait_is_longer_than_thirty_days() {
    for value in [
        "2592001",
        "999999999999999",
        "Fri, 01 Jan 2999 00:00:00 GMT",
    ] {
        assert_eq!(retry_after(value), Some(LONGEST), "{value}");
    }
    assert_eq!(wait_in_text("try again in 400 days"), Some(LONGEST));
    assert_eq!(
        wait_in_body(&json!({"retry_after": 99_999_999}), NOW),
        Some(LONGEST)
    );
}

#[test]
fn milliseconds_win_unless_they_are_zero() {
    let both = |ms, s| hints(&[("Retry-After-Ms", ms), ("Retry-After", s)]).retry_after;
    assert_eq!(both("250", "1"), seconds(0.25));
    assert_eq!(both("0", "1"), seconds(1.0));
    assert_eq!(both("garbage", "2"), seconds(2.0));
    assert_eq!(hints(&[("retry-after-ms", "0")]).retry_after, seconds(0.0));
    assert_eq!(
        hints(&[("retry-after-ms", "1500.5")]).retry_after,
        seconds(1.5005)
    );
}

#[test]
fn resets_are_durations_counts_or_points_in_time() {
    for (value, wait) in [
        ("2ms", 0.002),
        ("17.575s", 17.575),
        ("1m53.425s", 113.425),
        ("1h0m0s", 3600.0),
        ("17.399999999s", 17.399_999_999),
        ("500µs", 0.0005),
        ("7", 7.0),
        ("500", 500.0),
        ("1795255230", 30.0),
        ("1795255230500", 30.5),
        ("1700000000", 0.0),
        ("2026-11-21T10:00:43Z", 43.0),
        ("2026-11-21T10:00:43.123Z", 43.0),
        ("2026-11-21T11:00:43+01:00", 43.0),
        ("2026-11-21T05:30:43-04:30", 43.0),
        ("2026-08-19T14:34:43Z", 0.0),
    ] {
        assert_eq!(reset(value, NOW), seconds(wait), "{value}");
    }
    for value in [
        "",
        "m",
        "5mb",
        "-3s",
        "2026-13-01T00:00:00Z",
        "2026-11-21T10:00:43",
        "é",
    ] {
        assert_eq!(reset(value, NOW), None, "{value}");
    }
}

#[test]
fn the_reset_of_the_exhausted_limit_is_taken() {
    let openai = [
        ("x-ratelimit-remaining-requests", "199"),
        ("x-ratelimit-reset-requests", "8ms"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(hints(&openai).reset, seconds(360.0));
    assert_eq!(hints(&openai).of_rate_limit(), seconds(360.0));
    let anthropic = [
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2026-11-21T10:00:12Z"),
        ("anthropic-ratelimit-tokens-remaining", "5"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-21T11:00:00Z"),
    ];
    assert_eq!(hints(&anthropic).reset, seconds(12.0));
}

#[test]
fn without_an_exhausted_limit_the_next_reset_is_taken() {
    assert_eq!(hints(&[("x-ratelimit-reset", "2")]).reset, seconds(2.0));
    assert_eq!(
        hints(&[("ratelimitbysize-reset", "41")]).reset,
        seconds(41.0)
    );
    let several = [
        ("x-ratelimit-reset-requests", "0s"),
        ("x-ratelimit-reset-tokens", "17.575s"),
    ];
    assert_eq!(hints(&several).reset, seconds(17.575));
}

#[test]
fn a_wait_that_was_asked_for_wins_over_a_reset() {
    let both = [("x-ratelimit-reset-tokens", "60s"), ("retry-after", "2")];
    assert_eq!(hints(&both).of_rate_limit(), seconds(2.0));
}

#[test]
fn an_exhausted_daily_limit_is_noticed() {
    let of = |name| hints(&[(name, "0")]).long_limit_exhausted;
    assert!(of("x-ratelimit-remaining-requests-day"));
    assert!(of("x-ratelimit-remaining-tokens-month"));
    assert!(!of("x-ratelimit-remaining-tokens-minute"));
    assert!(!hints(&[("x-ratelimit-remaining-tokens-day", "12")]).long_limit_exhausted);
}

#[test]
fn waits_are_read_from_bodies() {
    for (body, wait) in [
        (
            json!({"error": {"message": "slow", "retry_after": 12}}),
            seconds(12.0),
        ),
        (json!({"error": {"retry_after": "12.5"}}), seconds(12.5)),
        (json!({"retryAfter": "30s"}), seconds(30.0)),
        (
            json!({"error": "Model is loading", "estimated_time": 20.5}),
            seconds(20.5),
        ),
        (
            json!({"error": {"details": [{"@type": "x.RetryInfo", "retryDelay": "48.939935699s"}]}}),
            seconds(48.939_935_699),
        ),
        (
            json!([{"error": {"details": [{"@type": "x.RetryInfo", "retryDelay": "26s"}]}}]),
            seconds(26.0),
        ),
        (
            json!({"error": {"metadata": {"headers": {
                "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795255260000"}}}}),
            seconds(60.0),
        ),
        (
            json!({"error": {"type": "usage_limit_reached", "resets_at": 1_795_258_800}}),
            seconds(3600.0),
        ),
        (json!({"error": {"retry_after": -3}}), None),
        (
            json!({"error": {"retry_after": null, "message": "retry after 5 seconds"}}),
            None,
        ),
        (json!({}), None),
    ] {
        assert_eq!(wait_in_body(&body, NOW), wait, "{body}");
    }
}

#[test]
fn deep_bodies_are_not_followed_for_ever() {
    let mut body = json!({"retry_after": 3});
    for _ in 0..100 {
        body = Value::Array(vec![body]);
    }
    assert_eq!(wait_in_body(&body, NOW), None);
}

#[test]
fn waits_are_read_from_messages() {
    for (message, wait) in [
        (
            "Rate limit reached (TPM): Limit 9, Used 9. Please try again in 644ms. Visit",
            0.644,
        ),
        ("Please try again in 9.816s.", 9.816),
        ("Please try again in 9m38.016s. Need more tokens?", 578.016),
        ("Please retry after 7 seconds. Please go here", 7.0),
        ("Please retry after 86400 seconds.", 86_400.0),
        ("Rate limit is exceeded. Try again in 2 seconds.", 2.0),
        (
            "* Quota exceeded\nPlease retry in 48.939935699s.",
            48.939_935_699,
        ),
        ("Please wait 24 seconds before retrying.", 24.0),
        ("You must wait for about 1 minute and 30 seconds", 90.0),
        ("retry after 30", 30.0),
        ("try again in 5 min", 300.0),
        ("Try again in 2 hours", 7200.0),
        ("wait, then try again in 1h30m", 5400.0),
    ] {
        assert_eq!(wait_in_text(message), seconds(wait), "{message}");
    }
}

#[test]
fn messages_without_a_figure_give_no_wait() {
    for message in [
        "",
        "Please try again later.",
        "try again in a few minutes",
        "retry after 3 attempts",
        "Please wait 5x longer",
        "You requested 8213 tokens",
        "retry in ",
        "wait 99999999999999999999999 seconds",
    ] {
        assert_eq!(wait_in_text(message), None, "{message}");
    }
}

#[test]
fn no_input_makes_the_readers_panic() {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let alphabet: Vec<char> = "0123456789.-+:,msh dTZGMTSunovretryaftin \u{b5}é\0\"{}[]"
        .chars()
        .collect();
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..state % 40 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push(alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]);
        }
        state = state.wrapping_add(1);
        let hints = hints(&[
            ("retry-after", &text),
            ("retry-after-ms", &text),
            ("x-ratelimit-reset-tokens", &text),
            ("x-ratelimit-remaining-tokens", &text),
        ]);
        for wait in [
            hints.retry_after,
            hints.reset,
            wait_in_text(&format!("retry in {text}")),
        ] {
            assert!(wait.is_none_or(|wait| wait <= LONGEST), "{text}");
        }
    }
}
