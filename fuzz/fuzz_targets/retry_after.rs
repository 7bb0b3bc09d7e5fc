//! Whatever a provider sends as a wait, it is read without a panic and stays within bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::time::Timestamp;
use tollgate_wire::retry_after::{LONGEST, RetryHints, wait_in_body, wait_in_text};

fuzz_target!(|input: (i64, &[u8])| {
    let (now, value) = input;
    let now = Timestamp::from_millis(now);
    let names = [
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-reset",
        "x-ratelimit-remaining",
    ];
    let hints = RetryHints::from_headers(names.map(|name| (name, value)), now);
    let text = String::from_utf8_lossy(value);
    let body = serde_json::from_slice(value).ok();
    let waits = [
        hints.retry_after,
        hints.reset,
        hints.of_rate_limit(),
        wait_in_text(&text),
        wait_in_text(&format!("Please try again in {text}")),
        body.and_then(|body| wait_in_body(&body, now)),
    ];
    assert!(waits.into_iter().flatten().all(|wait| wait <= LONGEST));
    // The name is as untrusted as the value.
    RetryHints::from_headers([(text.as_ref(), value)], now);
});
