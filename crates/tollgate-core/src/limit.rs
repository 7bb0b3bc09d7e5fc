//! Rate limits of callers: how many requests and tokens a minute, how many at once, at every
//! level that a request counts for.

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
}
