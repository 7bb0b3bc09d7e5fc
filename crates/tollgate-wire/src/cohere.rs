//! Chat of Cohere's second version. No caller speaks it: requests are written, answers parsed.

#[cfg(test)]
mod fixtures;
pub mod parse;
pub mod write;

use serde_json::{Map, Value};
use tollgate_core::reply::Usage;

/// The token counts of what may be no answer.
pub(crate) fn reported(body: &[u8]) -> Option<Usage> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    parse::usage(body.get("usage")?)
}
