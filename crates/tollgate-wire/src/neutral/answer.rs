//! A whole answer.

use tollgate_core::reply::{Finish, Usage};

use super::part::Part;

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model that answered, as the provider calls it.
    pub model: Option<String>,
    /// What it said, in order.
    pub parts: Vec<Part>,
    /// Why it stopped, if the provider said so.
    pub ending: Option<Ending>,
    /// Token counts.
    pub usage: Option<Usage>,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The reason.
    pub finish: Finish,
    /// The stop sequence that was met, if the provider named it.
    pub stop_sequence: Option<String>,
}

impl Ending {
    /// A reason without a stop sequence.
    pub const fn new(finish: Finish) -> Self {
        Self {
            finish,
            stop_sequence: None,
        }
    }
}
