//! What every format has to know to go on with a stream.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::said::Said;
use super::seam::Seam;
use super::tally::Total;

/// The members of an object.
pub(super) type Members = Map<String, Value>;

/// A format of callers.
pub(super) trait Form: Send {
    /// Notes what an event says that goes to the caller.
    fn note(&mut self, event: &Members, said: &mut Said);
    /// Another stream begins.
    fn switch(&mut self);
    /// Makes an event of a further stream go on where the one before broke off: adds what is to
    /// reach the caller.
    fn join(&mut self, event: Members, words: &mut Words<'_>, out: &mut Vec<Members>);
    /// An event that says these words.
    fn speak(&self, words: String) -> Members;
    /// Whether an event tells token counts.
    fn has_counts(&self, event: &Members) -> bool;
    /// Puts the counts of the whole answer where an event tells counts.
    fn count(&self, event: &mut Members, total: &Total);
    /// Whether what was said is sent without the blanks at its end.
    fn ends_in_words(&self) -> bool;
    /// The body that asks for the rest of an answer that has begun with `said`, and that has
    /// spent so many tokens. `None` if what was asked for is more than words.
    fn ask(&self, body: &str, said: &str, spent: u64) -> Option<Bytes>;
}

/// The words of a further stream on their way to the caller.
pub(super) struct Words<'a> {
    pub(super) seam: &'a mut Seam,
    pub(super) said: &'a str,
}

impl Words<'_> {
    /// What is new in these words.
    pub(super) fn push(&mut self, words: &str) -> String {
        self.seam.push(self.said, words)
    }

    /// The words that are held, when something else comes.
    pub(super) fn flush(&mut self) -> String {
        self.seam.flush(self.said)
    }
}

/// Whether a value is a text, list or object that is not empty, or `true`. Numbers tell nothing of
/// an answer.
pub(super) fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null | Value::Number(_) => false,
        Value::Bool(value) => *value,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Whether a member is there and [filled](is_filled).
pub(super) fn has(members: &Members, name: &str) -> bool {
    members.get(name).is_some_and(is_filled)
}

/// Puts counts over others: those of which nothing is known here stay.
pub(super) fn overlay(counts: &mut Members, put: Value) {
    let Value::Object(put) = put else { return };
    for (name, value) in put {
        match (counts.get_mut(&name), value) {
            (Some(Value::Object(inner)), value @ Value::Object(_)) => overlay(inner, value),
            (_, value) => drop(counts.insert(name, value)),
        }
    }
}

/// Says in token counts that some of them are estimated.
pub(super) fn mark_estimate(counts: &mut Members, total: &Total) {
    if total.estimated {
        let estimated = serde_json::json!({"estimated": true});
        counts.insert("tollgate".to_owned(), estimated);
    }
}
