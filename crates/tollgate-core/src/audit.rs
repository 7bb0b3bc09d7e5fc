//! The record of what operators changed.

use crate::time::Timestamp;

/// One change. Written in the same transaction as the change itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Who: `admin`, `command`, `configuration`, `webhook`, or `key:ID` of a user's key.
    pub actor: Box<str>,
    /// What was done, as `object.verb`: `key.create`, `team.suspend`, `credit.top_up`.
    pub action: Box<str>,
    /// The kind of what was changed: `key`, `team`, ….
    pub object: Box<str>,
    /// Which one.
    pub object_id: Box<str>,
    /// The organization that it concerns, if it concerns one.
    pub organization: Option<Box<str>>,
    /// What became of it, as a JSON object without secrets: the members that changed, each with
    /// its new value, and with its old one where there was one.
    pub change: Box<str>,
    /// The id of the request that did it, if one did.
    pub request_id: Option<Box<str>>,
}

/// A text as JSON writes it, for [`AuditRow::change`].
pub fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
