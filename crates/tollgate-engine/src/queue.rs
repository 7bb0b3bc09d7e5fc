//! The line of requests that wait for a free place at a model's targets: one at a time is at its
//! head, and keys take turns.

use tollgate_core::id::KeyId;

/// The line of one model.
#[derive(Debug, Default)]
pub struct Line {}

/// The line is as long as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFull;

/// The head of the line. Dropping it calls up the next one.
#[derive(Debug)]
pub struct Turn<'a>(&'a Line);

impl Line {
    /// Whether nobody waits, so that whoever comes may try at once.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// How many wait, the head included.
    pub fn len(&self) -> usize {
        0
    }

    /// Stands in line until the request is at its head. Dropping the future leaves the line.
    /// Fails at once if `length` requests wait already.
    pub async fn join(&self, key: &KeyId, length: usize) -> Result<Turn<'_>, LineFull> {
        _ = (key, length);
        Ok(Turn(self))
    }
}
