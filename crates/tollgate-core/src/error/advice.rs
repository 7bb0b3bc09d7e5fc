//! What a caller is told about asking again: whether, and after how long.

use std::time::Duration;

use super::catalog::{Code, Retry};
use super::failure::Failure;
use crate::time::Timestamp;

/// The longest wait that an answer proposes. Some clients sleep as long as they are told, others
/// give up above two minutes; a longer wait is better told as a time of reset.
pub const LONGEST_WAIT: Duration = Duration::from_mins(2);
/// The wait for our own states, where none is known.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// The wait for rows where another target may answer, where none is known.
const DEFAULT_WAIT_ELSEWHERE: Duration = Duration::from_secs(1);

/// What a caller is told about asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The same request may succeed after this wait: above zero, at most [`LONGEST_WAIT`].
    After(Duration),
    /// The same request would fail again, as far as anyone knows.
    Stop,
    /// The same request may succeed, but not before this time.
    NotBefore(Timestamp),
}

impl Advice {
    /// The advice that goes with a failure that is answered at `now`.
    pub fn new(failure: &Failure, now: Timestamp) -> Self {
        if !may_help(failure) {
            return failure.resets_at.map_or(Self::Stop, Self::NotBefore);
        }
        // A wait of nothing tells nothing: some providers send it with every refusal.
        let known = failure
            .retry_after
            .or_else(|| failure.resets_at.map(|reset| reset.since(now)))
            .filter(|wait| !wait.is_zero());
        match known.unwrap_or_else(|| default_wait(failure.code)) {
            wait if wait <= LONGEST_WAIT => Self::After(wait),
            wait => Self::NotBefore(failure.resets_at.unwrap_or_else(|| now.after(wait))),
        }
    }

    /// Whether a client should send the same request again by itself.
    pub const fn should_retry(self) -> bool {
        matches!(self, Self::After(_))
    }

    /// The wait in whole seconds, rounded up: 1 to 120.
    pub fn seconds(self) -> Option<u64> {
        self.millis().map(|ms| ms.div_ceil(1000))
    }

    /// The wait in milliseconds, rounded up: 1 to 120,000.
    pub fn millis(self) -> Option<u64> {
        match self {
            Self::After(wait) => u64::try_from(wait.as_nanos().div_ceil(1_000_000)).ok(),
            Self::Stop | Self::NotBefore(_) => None,
        }
    }

    /// When the cause goes away, where that is known and too far off to sleep until then.
    pub const fn resets_at(self) -> Option<Timestamp> {
        match self {
            Self::NotBefore(time) => Some(time),
            Self::After(_) | Self::Stop => None,
        }
    }
}

fn may_help(failure: &Failure) -> bool {
    match failure.code.retry() {
        // A conflict that goes away by itself says how long to wait: a request with the same
        // idempotency key that is still running, or a job whose calls are.
        Retry::Never => failure.code == Code::Conflict && failure.retry_after.is_some(),
        // The gateway has tried elsewhere already, if it may.
        Retry::Elsewhere => false,
        // Our attempts and the client's multiply: after several of ours, the client's would only
        // add load, unless the obstacle is known to pass with time.
        Retry::Later | Retry::ElsewhereThenLater => {
            failure.attempts.len() <= 1 || passes_with_time(failure.code)
        }
    }
}

fn passes_with_time(code: Code) -> bool {
    matches!(
        code,
        Code::RateLimitExceeded | Code::ProviderRateLimited | Code::CircuitBreakerOpen
    )
}

fn default_wait(code: Code) -> Duration {
    match code.retry() {
        Retry::ElsewhereThenLater => DEFAULT_WAIT_ELSEWHERE,
        Retry::Never | Retry::Later | Retry::Elsewhere => DEFAULT_WAIT,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::{AttemptRecord, Origin};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn failure(code: Code, wait: Option<Duration>, attempts: usize) -> Failure {
        let mut failure = Failure::new(code, Origin::Gateway);
        failure.retry_after = wait;
        failure.attempts = (0..attempts)
            .map(|_| AttemptRecord {
                connection: Arc::from("a"),
                model: Arc::from("b"),
                cancelled: false,
                code: Some(code),
                status: None,
                duration: Duration::ZERO,
                lost: None,
            })
            .collect();
        failure
    }

    #[test]
    fn waits_are_bounded_and_rounded_up() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (code, wait, seconds, millis) in [
            (Code::RateLimitExceeded, None, Some(5), Some(5000)),
            (Code::ProviderRateLimited, None, Some(1), Some(1000)),
            (Code::ProviderRateLimited, ms(0), Some(1), Some(1000)),
            (Code::InternalError, ms(0), Some(5), Some(5000)),
            (
                Code::ProviderRateLimited,
                Some(Duration::from_nanos(1)),
                Some(1),
                Some(1),
            ),
            (Code::ProviderRateLimited, ms(1), Some(1), Some(1)),
            (Code::ProviderRateLimited, ms(200), Some(1), Some(200)),
            (Code::ProviderRateLimited, ms(1000), Some(1), Some(1000)),
            (Code::ProviderRateLimited, ms(1001), Some(2), Some(1001)),
            (
                Code::ProviderRateLimited,
                ms(119_001),
                Some(120),
                Some(119_001),
            ),
            (
                Code::ProviderRateLimited,
                ms(120_000),
                Some(120),
                Some(120_000),
            ),
            (Code::ProviderRateLimited, ms(120_001), None, None),
            (Code::ProviderRateLimited, Some(Duration::MAX), None, None),
            (Code::InvalidApiKey, ms(1000), None, None),
            (Code::ProviderQuotaExhausted, ms(1000), None, None),
            (Code::Conflict, None, None, None),
            (Code::Conflict, ms(2000), Some(2), Some(2000)),
            (Code::NoTargets, None, None, None),
        ] {
            let advice = Advice::new(&failure(code, wait, 0), NOW);
            assert_eq!(advice.seconds(), seconds, "{code:?} after {wait:?}");
            assert_eq!(advice.millis(), millis, "{code:?} after {wait:?}");
            assert_eq!(
                advice.should_retry(),
                seconds.is_some(),
                "{code:?} after {wait:?}"
            );
        }
    }

    #[test]
    fn a_long_wait_becomes_a_time_of_reset() {
        let hour = Duration::from_hours(1);
        let advice = Advice::new(&failure(Code::RateLimitExceeded, Some(hour), 0), NOW);
        assert_eq!(advice.resets_at(), Some(NOW.after(hour)));

        let mut daily = failure(Code::BudgetExceeded, None, 0);
        daily.resets_at = Some(NOW.after(hour));
        assert_eq!(Advice::new(&daily, NOW).resets_at(), Some(NOW.after(hour)));
    }

    #[test]
    fn a_reset_that_is_near_becomes_a_wait() {
        let mut limited = failure(Code::RateLimitExceeded, None, 0);
        limited.resets_at = Some(NOW.after(Duration::from_millis(2500)));
        assert_eq!(Advice::new(&limited, NOW).seconds(), Some(3));
        limited.resets_at = Some(Timestamp::from_millis(0));
        assert_eq!(
            Advice::new(&limited, NOW).seconds(),
            Some(5),
            "a reset in the past"
        );
    }

    #[test]
    fn after_several_attempts_only_what_passes_with_time_is_worth_another_request() {
        for &code in Code::ALL {
            let waits = matches!(
                code,
                Code::RateLimitExceeded | Code::ProviderRateLimited | Code::CircuitBreakerOpen
            );
            let advice = Advice::new(&failure(code, None, 2), NOW);
            assert_eq!(advice.should_retry(), waits, "{code:?} after two attempts");

            let row = matches!(code.retry(), Retry::Later | Retry::ElsewhereThenLater);
            let advice = Advice::new(&failure(code, None, 1), NOW);
            assert_eq!(advice.should_retry(), row, "{code:?} after one attempt");
        }
    }
}
