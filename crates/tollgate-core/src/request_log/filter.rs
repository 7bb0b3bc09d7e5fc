//! What rows are wanted.

use crate::time::Timestamp;

/// What rows are wanted. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this organization.
    pub organization: Option<Box<str>>,
    /// Only those of this team.
    pub team: Option<Box<str>>,
    /// Only those of this user.
    pub user: Option<Box<str>>,
    /// Only those of this key, by its id.
    pub key: Option<Box<str>>,
    /// Only those of this model, asked for or answering.
    pub model: Option<Box<str>>,
    /// Only those of this provider.
    pub provider: Option<Box<str>>,
    /// Only those of this surface.
    pub surface: Option<Box<str>>,
    /// Only good ones, or only others.
    pub success: Option<bool>,
    /// Only those of this code.
    pub code: Option<Box<str>>,
    /// Only those that ended at this time or later.
    pub from: Option<Timestamp>,
    /// Only those that ended before this time.
    pub to: Option<Timestamp>,
    /// Only those that took at least so many whole milliseconds.
    pub min_ms: Option<u64>,
    /// Only those that took at most so many whole milliseconds.
    pub max_ms: Option<u64>,
}

impl Filter {
    /// Whether a time lies within the bounds.
    pub fn takes_time(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    /// Whether a duration lies within the bounds.
    pub fn takes_ms(&self, ms: u64) -> bool {
        self.min_ms.is_none_or(|min| ms >= min) && self.max_ms.is_none_or(|max| ms <= max)
    }

    /// Whether a row is wanted.
    pub fn takes(&self, row: &super::Row) -> bool {
        self.takes_time(row.at)
            && self.takes_ms(row.figures.latency_ms())
            && self.takes_who(&row.who)
            && self.takes_what(&row.what)
            && self.takes_outcome(&row.outcome)
    }

    pub(super) fn takes_who(&self, who: &super::Who) -> bool {
        is(self.organization.as_deref(), &who.organization)
            && is(self.team.as_deref(), &who.team)
            && is(self.user.as_deref(), &who.user)
            && is(self.key.as_deref(), &who.key)
    }

    pub(super) fn takes_what(&self, what: &super::What) -> bool {
        let model = self.model.as_deref();
        (is(model, &what.asked) || is(model, &what.model))
            && is(self.provider.as_deref(), &what.provider)
    }

    pub(super) fn takes_outcome(&self, outcome: &super::Outcome) -> bool {
        is(self.surface.as_deref(), &outcome.surface)
            && is(self.code.as_deref(), &outcome.code)
            && self.success.is_none_or(|good| good == outcome.is_good())
    }
}

fn is(wanted: Option<&str>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}
