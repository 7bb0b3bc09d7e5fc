//! What the choice of a target depends on, read from a caller's body in one scan: no tree, and
//! nothing kept but a few numbers.

mod fold;
mod reading;
#[cfg(test)]
mod tests;
mod thread;
mod walk;

use tollgate_core::call::Call;
use tollgate_core::route::condition::Abilities;

use crate::formats;
use crate::json::{self, Scanner};

pub(crate) use reading::Reading;
pub(crate) use thread::Role;
pub(crate) use walk::{flag, items, members, string};

/// What is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// What a model must be able to do.
    pub needs: bool,
    /// About how many tokens the prompt has.
    pub tokens: bool,
    /// The user on whose behalf the call is made.
    pub user: bool,
    /// What the call shares with the others of its conversation.
    pub conversation: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Insight {
    /// What a model must be able to do.
    pub needs: Abilities,
    /// About how many tokens the prompt has.
    pub tokens: Option<u64>,
    /// The user on whose behalf the call is made.
    pub user: Option<Box<str>>,
    /// The same in every call of a conversation: a hash of the cache key that it names, or of its
    /// instructions and its first message of a user.
    pub conversation: Option<u64>,
}

/// Reads a call for what is wanted. A body that cannot be read holds nothing.
pub fn read(call: &Call, want: Want) -> Insight {
    let Ok(body) = json::utf8(&call.body) else {
        return Insight::default();
    };
    let mut reading = Reading::new(want);
    match formats::read_insight(call, &mut Scanner::new(body), &mut reading) {
        Ok(()) => reading.into_insight(),
        Err(_) => Insight::default(),
    }
}
