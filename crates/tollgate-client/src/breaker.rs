//! A circuit breaker: a gateway that keeps failing is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::failure::{Error, Kind};

/// What a breaker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Requests pass.
    Closed,
    /// Nothing passes, or one probe once the time is over.
    Open,
    /// One request tries.
    HalfOpen,
}

/// Opens after so many failures in a row, and lets one probe through when its time is over.
#[derive(Debug)]
pub struct CircuitBreaker {
    failure_threshold: u32,
    open_for: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    opened_at: Option<Duration>,
    is_probing: bool,
    /// How often it changed. What was sent before the last change is no news.
    turn: u64,
}

/// The leave for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    turn: u64,
    is_probe: bool,
}

/// How a request went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// Something came back, be it a refusal.
    Answered,
    /// The gateway is not well.
    Failed,
    /// The caller gave up: it says nothing.
    Unknown,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self::new(5, Duration::from_mins(1))
    }
}

impl CircuitBreaker {
    /// A closed one.
    pub fn new(failure_threshold: u32, open_for: Duration) -> Self {
        Self {
            failure_threshold,
            open_for,
            inner: Mutex::default(),
        }
    }

    /// What it does now.
    pub fn state(&self) -> State {
        let inner = self.lock();
        match inner.opened_at {
            None => State::Closed,
            Some(_) if inner.is_probing => State::HalfOpen,
            Some(_) => State::Open,
        }
    }

    /// Lets a request through, or refuses it.
    pub(crate) fn admit(&self, now: Duration) -> Result<Pass, Error> {
        let mut inner = self.lock();
        let mut pass = Pass {
            turn: inner.turn,
            is_probe: false,
        };
        let Some(opened_at) = inner.opened_at else {
            return Ok(pass);
        };
        let left = (opened_at + self.open_for).saturating_sub(now);
        if !left.is_zero() || inner.is_probing {
            let message = "Circuit breaker is open";
            let mut error = Error::passing(Kind::CircuitOpen, "circuit_open", message);
            error.retry_after = Some(left);
            return Err(error);
        }
        inner.is_probing = true;
        pass.is_probe = true;
        Ok(pass)
    }

    /// Notes that the answer to a request has begun. A probe has done its work with that; what becomes
    /// of the rest counts as of any other request.
    pub(crate) fn answered(&self, pass: Pass) -> Pass {
        if !pass.is_probe {
            return pass;
        }
        self.settle(pass, Outcome::Answered, Duration::ZERO);
        Pass {
            turn: self.lock().turn,
            is_probe: false,
        }
    }

    /// Notes how a request went.
    pub(crate) fn settle(&self, pass: Pass, outcome: Outcome, now: Duration) {
        let mut inner = self.lock();
        if pass.is_probe {
            inner.is_probing = false;
        }
        if pass.turn != inner.turn {
            return;
        }
        match outcome {
            Outcome::Unknown => {}
            Outcome::Answered => {
                inner.failures = 0;
                if pass.is_probe {
                    inner.opened_at = None;
                    inner.turn += 1;
                }
            }
            Outcome::Failed => {
                inner.failures += 1;
                if pass.is_probe || inner.failures >= self.failure_threshold {
                    inner.opened_at = Some(now);
                    inner.turn += 1;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn only_one_probe_passes_at_a_time_and_one_that_is_given_up_makes_way() {
        let breaker = CircuitBreaker::new(1, MINUTE);
        let pass = breaker.admit(Duration::ZERO).unwrap();
        breaker.settle(pass, Outcome::Failed, Duration::ZERO);
        assert_eq!(breaker.state(), State::Open);
        let probe = breaker.admit(MINUTE).unwrap();
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(breaker.admit(MINUTE).is_err());
        breaker.settle(probe, Outcome::Unknown, MINUTE);
        let probe = breaker.admit(MINUTE).unwrap();
        breaker.settle(probe, Outcome::Answered, MINUTE);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_stream_as_the_probe_closes_it_when_it_begins_and_counts_when_it_breaks() {
        let breaker = CircuitBreaker::new(2, MINUTE);
        for _ in 0..2 {
            let pass = breaker.admit(Duration::ZERO).unwrap();
            breaker.settle(pass, Outcome::Failed, Duration::ZERO);
        }
        let stream = breaker.admit(MINUTE).unwrap();
        let stream = breaker.answered(stream);
        assert_eq!(breaker.state(), State::Closed);
        let other = breaker.admit(MINUTE).unwrap();
        breaker.settle(stream, Outcome::Failed, MINUTE);
        assert_eq!(breaker.state(), State::Closed, "one failure of two");
        breaker.settle(other, Outcome::Failed, MINUTE);
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn what_was_sent_before_it_opened_does_not_close_it() {
        let breaker = CircuitBreaker::new(1, MINUTE);
        let slow = breaker.admit(Duration::ZERO).unwrap();
        let failing = breaker.admit(Duration::ZERO).unwrap();
        breaker.settle(failing, Outcome::Failed, Duration::ZERO);
        breaker.settle(slow, Outcome::Answered, Duration::ZERO);
        assert_eq!(breaker.state(), State::Open);
    }
}
