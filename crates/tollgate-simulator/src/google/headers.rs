//! The headers that the real provider sends. It tells no limits in them.

use crate::seed::mix;

/// The headers of every answer.
pub(crate) fn common(number: u64, seed: u64, content_type: &str) -> Vec<(String, String)> {
    let drawn = mix(seed ^ 0x68_6561_6465_7273, number);
    let took = 20 + drawn % 180;
    let headers = [
        ("content-type", content_type.to_owned()),
        ("server", "tollgate-simulator".to_owned()),
        ("vary", "Origin, X-Origin, Referer".to_owned()),
        ("server-timing", format!("gfet4t7; dur={took}")),
        ("x-content-type-options", "nosniff".to_owned()),
        ("x-frame-options", "SAMEORIGIN".to_owned()),
        ("x-xss-protection", "0".to_owned()),
    ];
    headers.map(|(name, value)| (name.to_owned(), value)).into()
}
