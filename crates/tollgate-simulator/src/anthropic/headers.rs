//! The headers that the real provider sends, so that tests can see them stripped.

use crate::seed::mix;

/// The headers of every answer.
pub(crate) fn common(number: u64, seed: u64, content_type: &str) -> Vec<(String, String)> {
    let drawn = mix(seed ^ 0x68_6561_6465_7273, number);
    let remaining = 3_999_u64.saturating_sub(number % 4_000).to_string();
    let reset = moment(number);
    let mut headers = vec![
        ("content-type".to_owned(), content_type.to_owned()),
        ("server".to_owned(), "tollgate-simulator".to_owned()),
        ("request-id".to_owned(), request_id(number, seed)),
        (
            "anthropic-organization-id".to_owned(),
            "00000000-0000-4000-8000-000000000510".to_owned(),
        ),
        ("cf-ray".to_owned(), format!("{:016x}-SIM", mix(drawn, 1))),
        (
            "set-cookie".to_owned(),
            format!("_cfuvid=sim{:016x}; path=/; HttpOnly", mix(drawn, 2)),
        ),
    ];
    for (what, limit, left) in [
        ("requests", "4000", remaining.as_str()),
        ("tokens", "480000", "479000"),
        ("input-tokens", "400000", "399000"),
        ("output-tokens", "80000", "79000"),
    ] {
        for (name, value) in [("limit", limit), ("remaining", left), ("reset", &reset)] {
            let name = format!("anthropic-ratelimit-{what}-{name}");
            headers.push((name, value.to_owned()));
        }
    }
    headers
}

/// The provider's own name for a request.
pub(crate) fn request_id(number: u64, seed: u64) -> String {
    let first = mix(seed, number);
    format!("req_sim_{first:016x}{number:08x}")
}

/// A second for each request, from a fixed moment on: clocks are not deterministic.
fn moment(number: u64) -> String {
    let (seconds, minutes, hours) = (number % 60, number / 60 % 60, number / 3600 % 24);
    format!("2025-06-15T{hours:02}:{minutes:02}:{seconds:02}Z")
}
