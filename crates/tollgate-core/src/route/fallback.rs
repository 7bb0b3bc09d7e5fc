//! Which other models answer when a model cannot.

use std::sync::Arc;

use crate::error::Code;

/// A kind of failure that can have fallbacks of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The prompt is too long for the model.
    ContextLength,
    /// A provider's policy refused prompt or answer.
    ContentFilter,
    /// Providers limit, or are overloaded.
    RateLimit,
    /// Everything else for which another target may do.
    Other,
}

impl Class {
    /// Every class.
    pub const ALL: &'static [Self] = &[
        Self::ContextLength,
        Self::ContentFilter,
        Self::RateLimit,
        Self::Other,
    ];

    /// The word for settings and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::RateLimit => "rate_limit",
            Self::Other => "other",
        }
    }

    /// The class of a failure; `None` where no other model may be tried: the caller has to change
    /// something, or the failure is our own.
    pub fn of(code: Code) -> Option<Self> {
        _ = code;
        None
    }
}

/// The fallbacks of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fallbacks {
    /// For failures of every class but too long prompts and refused content, which only fall back
    /// where that is declared.
    pub general: Vec<Arc<str>>,
    /// For one class alone, instead of the general ones. An empty list: none.
    pub by_class: Vec<(Class, Vec<Arc<str>>)>,
}

impl Fallbacks {
    /// The models to try after a failure of this class, in order.
    pub fn of(&self, class: Class) -> &[Arc<str>] {
        _ = class;
        &self.general
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.general.is_empty() && self.by_class.iter().all(|(_, models)| models.is_empty())
    }
}
