//! What becomes durable together with an entry and does not stand on the page.

use std::fmt;

use tollgate_core::audit::AuditRow;

use crate::port::Change;

/// What an operator does together with an entry: both become durable, or neither does.
#[derive(Default)]
pub(crate) struct Along {
    /// What changes in the store.
    pub(crate) changes: Vec<Change>,
    /// What the audit log says.
    pub(crate) audit: Vec<AuditRow>,
    /// What is to be done as soon as it is durable, before anybody is told. Whoever cannot wait
    /// any longer for the store does not undo this.
    pub(crate) then: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl fmt::Debug for Along {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Along({} changes)", self.changes.len())
    }
}
