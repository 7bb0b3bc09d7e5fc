//! Converse of AWS Bedrock. Providers only: nobody calls in this format.

#[cfg(test)]
mod fixtures;
pub mod parse;
mod words;
pub mod write;

use serde_json::{Map, Value};
use tollgate_core::reply::Usage;

/// The token counts of what may be no answer.
pub(crate) fn reported(body: &[u8]) -> Option<Usage> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    words::usage(body.get("usage")?.as_object()?)
}
