//! Rate limits of callers: how many requests and tokens a minute, how many at once, at every
//! level that a request counts for.

mod bucket;
mod text;
mod usage;

use std::fmt;

pub use self::bucket::{Bucket, Rate, Reading};
pub use self::text::ShortText;
pub use self::usage::{Admitted, Readings, Refused, Usage};

/// Whose limit or budget it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The address that a request comes from.
    Ip,
    /// The key.
    Key,
    /// The user to whom the key belongs.
    User,
    /// The team of the key.
    Team,
    /// The organization of the team.
    Organization,
    /// The model that is asked for.
    Model,
}

impl Level {
    /// Every level, the narrowest first.
    pub const ALL: &'static [Self] = &[
        Self::Ip,
        Self::Key,
        Self::User,
        Self::Team,
        Self::Organization,
        Self::Model,
    ];

    /// The word for details, the API and storing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Key => "key",
            Self::User => "user",
            Self::Team => "team",
            Self::Organization => "organization",
            Self::Model => "model",
        }
    }

    /// The level of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|level| level.as_str() == name)
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Requests at once.
    Parallel,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Requests, Self::Tokens, Self::Parallel];

    /// The word for details and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Parallel => "parallel",
        }
    }
}

/// What so many of a kind are: `requests a minute`.
impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Requests => "requests a minute",
            Self::Tokens => "tokens a minute",
            Self::Parallel => "requests at once",
        })
    }
}

/// The limits of one level, as declared. What is `None` comes from the deployment's defaults for
/// the level, and if there is none either, it is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests a minute.
    pub rpm: Option<u32>,
    /// Tokens a minute, of prompts and answers.
    pub tpm: Option<u64>,
    /// Requests at once.
    pub parallel: Option<u32>,
    /// Requests that may come at one moment after a quiet time; absent: as many as a minute has.
    pub burst: Option<u32>,
}

impl RateLimits {
    /// No limits of its own.
    pub const NONE: Self = Self {
        rpm: None,
        tpm: None,
        parallel: None,
        burst: None,
    };

    /// These limits, and where they are silent, the others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            rpm: self.rpm.or(others.rpm),
            tpm: self.tpm.or(others.tpm),
            parallel: self.parallel.or(others.parallel),
            burst: self.burst.or(others.burst),
        }
    }

    /// Whether nothing is limited. A burst alone limits nothing.
    pub const fn is_none(&self) -> bool {
        self.rpm.is_none() && self.tpm.is_none() && self.parallel.is_none()
    }

    /// How fast requests may come.
    pub fn requests(&self) -> Option<Rate> {
        let per_minute = u64::from(self.rpm?);
        Some(Rate::new(per_minute, self.burst.map(u64::from)))
    }

    /// How fast tokens may be used: as many as a minute has at one moment.
    pub fn tokens(&self) -> Option<Rate> {
        self.tpm.map(|per_minute| Rate::new(per_minute, None))
    }
}
