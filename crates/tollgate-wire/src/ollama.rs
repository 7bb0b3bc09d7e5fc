//! Ollama's own chat.

pub mod parse;
pub mod write;

use tollgate_core::reply::Usage;

/// The token counts of what may be no answer.
pub(crate) fn reported(body: &[u8]) -> Option<Usage> {
    parse::reported(body)
}

#[cfg(test)]
mod fixtures;
