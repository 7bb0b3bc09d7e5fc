//! Who is calling: a verified key and what it may use.

use std::sync::Arc;

use crate::error::dialect::Dialect;
use crate::key::VirtualKey;

/// A caller whose key has been verified.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key that was presented.
    pub key: Arc<VirtualKey>,
}

impl Caller {
    /// Whether this caller may use the model of this public name.
    pub fn may_use(&self, model: &str) -> bool {
        self.key.models.allows(model)
    }

    /// The dialect that the key asks for, if it does.
    pub fn dialect(&self) -> Option<Dialect> {
        self.key.error_dialect
    }
}
