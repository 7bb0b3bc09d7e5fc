//! The headers that the real provider sends, so that tests can see them stripped.

use crate::seed::mix;

/// The headers of every answer.
pub(crate) fn common(number: u64, seed: u64, content_type: &str) -> Vec<(String, String)> {
    let drawn = mix(seed ^ 0x68_6561_6465_7273, number);
    let remaining = 9_999_u64.saturating_sub(number % 10_000);
    let headers = [
        ("content-type", content_type.to_owned()),
        ("server", "tollgate-simulator".to_owned()),
        ("x-request-id", request_id(number, seed)),
        ("openai-version", "2020-10-01".to_owned()),
        ("openai-organization", "org-simulated".to_owned()),
        ("openai-project", "proj_simulated".to_owned()),
        ("openai-processing-ms", (20 + drawn % 180).to_string()),
        ("x-ratelimit-limit-requests", "10000".to_owned()),
        ("x-ratelimit-limit-tokens", "2000000".to_owned()),
        ("x-ratelimit-remaining-requests", remaining.to_string()),
        ("x-ratelimit-remaining-tokens", "1999000".to_owned()),
        ("x-ratelimit-reset-requests", "6ms".to_owned()),
        ("x-ratelimit-reset-tokens", "30ms".to_owned()),
        ("cf-ray", format!("{:016x}-SIM", mix(drawn, 1))),
        (
            "set-cookie",
            format!(
                "__cf_bm=sim{:016x}; path=/; HttpOnly; Secure",
                mix(drawn, 2)
            ),
        ),
    ];
    headers.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The provider's own name for a request.
pub(crate) fn request_id(number: u64, seed: u64) -> String {
    let first = mix(seed, number);
    format!("req_sim_{first:016x}{:016x}", mix(first, number))
}
