//! What a caller is told who comes too often, and how many were told so.

use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::limit::{Kind, Level, Refused, ShortText};

use super::levels::LEVELS;

/// How many kinds of limits there are.
const KINDS: usize = Kind::ALL.len();

/// How often something was refused.
#[derive(Default)]
pub(super) struct Refusals([[AtomicU64; KINDS]; LEVELS]);

/// How often the limits of one kind and level refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose limits.
    pub level: Level,
    /// What is limited.
    pub kind: Kind,
    /// How often.
    pub count: u64,
}

impl Refusals {
    /// Counts a refusal, and tells it.
    pub(super) fn refuse(&self, level: Level, refused: Refused) -> Failure {
        let counts = self.all();
        for (of_level, of_kind, count) in counts {
            if of_level == level && of_kind == refused.kind {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        failure(level, refused)
    }

    pub(super) fn read(&self) -> Vec<Refusal> {
        let read = |(level, kind, count): (Level, Kind, &AtomicU64)| Refusal {
            level,
            kind,
            count: count.load(Ordering::Relaxed),
        };
        let all = self.all().map(read);
        all.filter(|refusal| refusal.count > 0).collect()
    }

    fn all(&self) -> impl Iterator<Item = (Level, Kind, &AtomicU64)> {
        Level::ALL.iter().zip(&self.0).flat_map(|(level, counts)| {
            let kinds = Kind::ALL.iter().zip(counts);
            kinds.map(|(kind, count)| (*level, *kind, count))
        })
    }
}

fn failure(level: Level, refused: Refused) -> Failure {
    let Refused {
        kind,
        limit,
        remaining,
        wait,
    } = refused;
    let number = |number: u64| Detail::Number(i64::try_from(number).unwrap_or(i64::MAX));
    let text = |text: &str| Detail::Text(text.to_owned());
    let reset = ShortText::span(wait);
    Failure::client(Code::RateLimitExceeded)
        .message(sentence(level, &refused, reset.as_str()))
        .retry_after(wait)
        .detail(detail::LEVEL, text(level.as_str()))
        .detail(detail::WHAT, text(kind.as_str()))
        .detail(detail::LIMIT, number(limit))
        .detail(detail::REMAINING, number(remaining))
        .detail(detail::RESET, text(reset.as_str()))
}

/// Whose limit it is, how many, and when to come back.
fn sentence(level: Level, refused: &Refused, reset: &str) -> String {
    let whose = match level {
        Level::Ip => "The address of this request",
        Level::Key => "This API key",
        Level::User => "The user of this API key",
        Level::Team => "The team of this API key",
        Level::Organization => "The organization of this API key",
        Level::Model => "This model, for all of its callers,",
    };
    let Refused { kind, limit, .. } = refused;
    let limit = format!("{whose} has a limit of {limit} {kind}");
    match kind {
        _ if refused.limit == 0 => {
            format!("{limit}: nothing is let in until an administrator raises it.")
        }
        Kind::Requests | Kind::Tokens => {
            format!("{limit}, and it is reached. Send this request again in {reset}.")
        }
        Kind::Parallel => {
            format!("{limit}, and so many are under way. Send it again when one has ended.")
        }
    }
}
