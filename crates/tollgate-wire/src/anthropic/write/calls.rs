//! Calls of tools that are made at the same time, one after the other: the format's blocks do not
//! overlap, while providers may spell out several calls by turns.

use std::collections::VecDeque;

/// A call that waits for the one before it to end.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) index: usize,
    /// The value of `content_block`.
    pub(super) block: serde_json::Value,
    /// The blocks that come before it.
    pub(super) before: Option<serde_json::Value>,
    /// What has come of its arguments.
    pub(super) arguments: String,
    pub(super) ended: bool,
}

/// The calls that wait, in order.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: VecDeque<Waiting>,
}

impl Calls {
    /// Lets a call wait.
    pub(super) fn wait(&mut self, call: Waiting) {
        self.waiting.push_back(call);
    }

    /// The next call.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }

    /// The call of this index, if it waits.
    pub(super) fn of(&mut self, index: usize) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|call| call.index == index)
    }
}
