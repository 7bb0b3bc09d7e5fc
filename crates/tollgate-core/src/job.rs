//! Jobs: several calls for one purpose, paid together in credits when the job is completed.

mod terms;

use std::collections::HashSet;
use std::fmt;

use crate::id::{OrgId, TeamId};
use crate::ledger::EntryId;
use crate::time::Timestamp;

pub use self::terms::{BudgetMode, CREDITS_SCALE, Terms, Used};

/// Names a job or a call of one: a UUID, as callers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u128);

impl JobId {
    /// Makes an id out of random bits (RFC 9562, version 4).
    pub const fn random(bits: u128) -> Self {
        let version = 0x4 << 76;
        let variant = 0x2 << 62;
        let cleared = bits & !(0xf << 76) & !(0x3 << 62);
        Self(cleared | version | variant)
    }

    /// Reads what [`fmt::Display`] writes, in either case. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let dashes = [8, 13, 18, 23];
        let is_at_its_place =
            |(place, byte): (usize, u8)| dashes.contains(&place) == (byte == b'-');
        if text.len() != 36 || !text.bytes().enumerate().all(is_at_its_place) {
            return None;
        }
        let mut bits = 0;
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            bits = (bits << 4) | u128::from(char::from(byte).to_digit(16)?);
        }
        Some(Self(bits))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bits) = self;
        write!(
            formatter,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xffff,
            (bits >> 64) & 0xffff,
            (bits >> 48) & 0xffff,
            bits & 0xffff_ffff_ffff,
        )
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Made, and no call was made in it.
    #[default]
    Pending,
    /// Calls were made in it.
    InProgress,
    /// Its caller said that it went well.
    Completed,
    /// Its caller said that it went wrong, or nobody said anything for too long.
    Failed,
    /// Called off. No address leads here: it is a word of the service whose jobs these are.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::Pending,
        Self::InProgress,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word for the API and storing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == name)
    }

    /// Whether calls may be made in it, and it may end. What has ended stays as it is.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::InProgress => true,
            Self::Completed | Self::Failed | Self::Cancelled => false,
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Names it.
    pub id: JobId,
    /// Whose it is.
    pub team: TeamId,
    /// The organization of the team.
    pub organization: OrgId,
    /// For whom the team works, in words of its own.
    pub user: Option<Box<str>>,
    /// What kind of work it is, in words of the team.
    pub kind: Box<str>,
    /// What the team notes of it: a JSON object.
    pub metadata: Box<str>,
    /// Whether it was made for one call, and ends with that.
    pub single: bool,
    /// Where it stands.
    pub state: State,
    /// Why it failed.
    pub error: Option<Box<str>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first call came.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What was set aside for it when it was made; `None`: nobody pays for it in credits.
    pub hold: Option<EntryId>,
    /// The credits that it costs, once it has ended.
    pub due: u64,
    /// The credits that were taken for it: fewer than `due` where there were not as many.
    pub charged: u64,
    /// Whether its credits are taken, or given back.
    pub settled: bool,
}

/// How a call of a job went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallState {
    /// It is under way.
    #[default]
    Running,
    /// It was answered to its end.
    Succeeded,
    /// It was not.
    Failed,
}

impl CallState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Running, Self::Succeeded, Self::Failed];

    /// The word for storing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// The state of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == name)
    }
}

/// One call of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// Names it.
    pub id: JobId,
    /// The job.
    pub job: JobId,
    /// When it began.
    pub at: Timestamp,
    /// What it is for, in words of the team.
    pub purpose: Option<Box<str>>,
    /// The model that was asked for.
    pub asked: Box<str>,
    /// The model that answered.
    pub model: Option<Box<str>>,
    /// The request in the request log.
    pub request_id: Box<str>,
    /// How it went.
    pub state: CallState,
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// What it cost, in nano-USD.
    pub cost: u64,
    /// How long it took.
    pub latency_ms: Option<u64>,
    /// Why it failed.
    pub error: Option<Box<str>>,
}

/// What the calls of a job, or of several, come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many there were.
    pub calls: u64,
    /// Those that were answered.
    pub succeeded: u64,
    /// Those that were not; neither counts those under way.
    pub failed: u64,
    /// Those for a purpose for which there was one before.
    pub repeated: u64,
    /// Tokens of prompts and answers.
    pub tokens: u64,
    /// What they cost, in nano-USD.
    pub cost: u64,
    /// How long they took in all.
    pub latency_ms: u64,
    /// How many of them say how long they took.
    pub timed: u64,
}

impl Totals {
    /// Adds up the calls of one job.
    pub fn of(calls: &[CallRecord]) -> Self {
        let mut totals = Self::default();
        let mut purposes = HashSet::new();
        for call in calls {
            totals.calls += 1;
            match call.state {
                CallState::Running => {}
                CallState::Succeeded => totals.succeeded += 1,
                CallState::Failed => totals.failed += 1,
            }
            let purpose = call.purpose.as_deref().unwrap_or_default();
            if !purposes.insert(purpose) {
                totals.repeated += 1;
            }
            let tokens = call.prompt.saturating_add(call.completion);
            totals.tokens = totals.tokens.saturating_add(tokens);
            totals.cost = totals.cost.saturating_add(call.cost);
            if let Some(latency) = call.latency_ms {
                totals.latency_ms = totals.latency_ms.saturating_add(latency);
                totals.timed += 1;
            }
        }
        totals
    }

    /// How long a call took on average.
    pub fn average_latency_ms(&self) -> u64 {
        self.latency_ms.checked_div(self.timed).unwrap_or(0)
    }

    /// What is charged by.
    pub const fn used(&self) -> Used {
        Used {
            cost: self.cost,
            tokens: self.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_and_read_as_uuids() {
        let id = JobId::random(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let text = "01234567-89ab-4def-8123-456789abcdef";
        assert_eq!(id.to_string(), text);
        assert_eq!(JobId::parse(text), Some(id));
        assert_eq!(JobId::parse(&text.to_uppercase()), Some(id));
        for wrong in [
            "",
            "nonexistent",
            "01234567-89ab-4def-8123-456789abcde",
            "0123456789ab4def8123456789abcdef0000",
            "01234567-89ab-4def-8123-456789abcdeg",
            "+1234567-89ab-4def-8123-456789abcdef",
            "01234567-89ab-4def-8123-4567-9abcdef",
        ] {
            assert_eq!(JobId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn words_of_states_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.as_str()), Some(*state));
        }
        for state in CallState::ALL {
            assert_eq!(CallState::from_name(state.as_str()), Some(*state));
        }
        assert_eq!(State::from_name("PENDING"), None);
    }
}
