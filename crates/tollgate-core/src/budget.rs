//! Budgets: how much may be spent in a period, at every level that a request counts for.

use std::sync::LazyLock;

use crate::limit::RateLimits;
use crate::money::Money;
use crate::rare::Usual;
use crate::time::Timestamp;

/// For how long a budget is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// From midnight to midnight.
    Daily,
    /// From Monday's midnight to Monday's midnight.
    Weekly,
    /// From the first midnight of a month to that of the next.
    Monthly,
    /// For ever.
    Total,
}

impl Period {
    /// Every period, the shortest first.
    pub const ALL: &'static [Self] = &[Self::Daily, Self::Weekly, Self::Monthly, Self::Total];

    /// The word for settings, the API and storing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Total => "total",
        }
    }

    /// The period of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|period| period.as_str() == name)
    }
}

/// How much may be spent in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// For how long it is counted.
    pub period: Period,
    /// Spending stops here.
    pub limit: Money,
    /// From this share of the limit on, in percent, answers carry a warning.
    pub warn_percent: u8,
    /// The IANA name of the time zone whose midnight begins a period, for example
    /// `Europe/Berlin`.
    pub zone: Box<str>,
}

/// A stretch of time: from its start, inclusive, to its end, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
}

impl Window {
    /// All of time.
    pub const ALWAYS: Self = Self {
        start: Timestamp::from_millis(i64::MIN),
        end: Timestamp::from_millis(i64::MAX),
    };
}

/// What an operator allows at one level: rate limits and budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// Requests and tokens a minute, requests at once.
    pub limits: RateLimits,
    /// What may be spent, at most one budget for each period.
    pub budgets: Box<[Budget]>,
}

impl Usual for Controls {
    fn usual() -> &'static Self {
        static USUAL: LazyLock<Controls> = LazyLock::new(Controls::default);
        &USUAL
    }
}
