//! Which row of the catalogue tells the story when a request came to nothing.

use std::time::Duration;

use crate::error::{AttemptRecord, Code};

/// What stood in the way of a target that was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is taken out: by the configuration or by an operator.
    Disabled,
    /// It does not take such requests.
    Unfit,
    /// It cools down after a provider's 429 for this long.
    CoolingAfterLimit(Duration),
    /// It was asked to be left alone for this long after another answer.
    Cooling(Duration),
    /// Its breaker is open; the next probe is due after this long.
    Open(Duration),
    /// Its breaker is half-open, and all probes are under way.
    Probing,
    /// Active health checks fail.
    Unhealthy,
    /// All its places are taken, or its limit is spent for this long.
    Full(Option<Duration>),
    /// Its retry budget is spent.
    NoBudget,
}

/// Everything that the answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// The attempts that were made, in order; each has failed.
    pub attempts: &'a [AttemptRecord],
    /// What stood in the way of the targets that could not be asked at the end.
    pub obstacles: &'a [Obstacle],
    /// How many targets the asked model has that take such requests.
    pub targets: usize,
    /// Whether a fallback model was asked, or would have been but for its obstacles.
    pub fell_back: bool,
    /// Whether no particular model was asked for.
    pub any_model: bool,
    /// Whether the request waited for a free place in vain.
    pub waited: bool,
    /// Whether the time for the whole request ended it.
    pub out_of_time: bool,
}

/// What the caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// The last failure as itself.
    Itself,
    /// A row of our own, with the wait after which asking again can help.
    Row {
        /// The row.
        code: Code,
        /// The wait, if one is known.
        wait: Option<Duration>,
    },
}

/// Decides. Cases as in the catalogue, "Which row tells the story when several attempts failed".
pub fn tell(story: &Story<'_>) -> Telling {
    _ = story;
    Telling::Itself
}
