//! What active checks say of a connection.

use crate::error::Code;

/// How many checks in a row change its standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failed checks in a row until it counts as unhealthy.
    pub unhealthy: u32,
    /// Good checks in a row until it counts as healthy again.
    pub healthy: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            unhealthy: 3,
            healthy: 2,
        }
    }
}

/// The standing of a connection. Healthy until checks say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    is_unhealthy: bool,
    /// Checks in a row that spoke against the standing.
    against: u32,
    failure: Option<Code>,
}

impl Health {
    /// Notes a check: the code of its failure, or `None` if it went well. Says whether the
    /// standing changed.
    pub fn note(&mut self, thresholds: Thresholds, failure: Option<Code>) -> bool {
        self.failure = failure;
        if failure.is_some() == self.is_unhealthy {
            self.against = 0;
            return false;
        }
        self.against = self.against.saturating_add(1);
        let needed = if self.is_unhealthy {
            thresholds.healthy
        } else {
            thresholds.unhealthy
        };
        if self.against < needed {
            return false;
        }
        self.is_unhealthy = !self.is_unhealthy;
        self.against = 0;
        true
    }

    /// Whether requests may go there.
    pub fn is_healthy(&self) -> bool {
        !self.is_unhealthy
    }

    /// The code of the last failed check, while the last check failed.
    pub fn failure(&self) -> Option<Code> {
        self.failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Option<Code> = Some(Code::ProviderUnreachable);
    const GOOD: Option<Code> = None;

    /// Notes checks and says after which of them the standing changed, and what it is at the end.
    fn after(thresholds: Thresholds, checks: &[Option<Code>]) -> (Vec<usize>, bool) {
        let mut health = Health::default();
        let mut changes = Vec::new();
        for (number, check) in checks.iter().enumerate() {
            if health.note(thresholds, *check) {
                changes.push(number);
            }
            assert_eq!(health.failure(), *check);
        }
        (changes, health.is_healthy())
    }

    #[test]
    fn only_checks_in_a_row_change_the_standing() {
        let usual = Thresholds::default();
        for (checks, changes, healthy) in [
            (&[][..], vec![], true),
            (&[BAD, BAD], vec![], true),
            (&[BAD, BAD, BAD], vec![2], false),
            (&[BAD, BAD, GOOD, BAD, BAD], vec![], true),
            (&[BAD, BAD, BAD, BAD, GOOD], vec![2], false),
            (&[BAD, BAD, BAD, GOOD, GOOD], vec![2, 4], true),
            (&[BAD, BAD, BAD, GOOD, BAD, GOOD], vec![2], false),
            (&[BAD, BAD, BAD, GOOD, GOOD, BAD, BAD], vec![2, 4], true),
        ] {
            assert_eq!(after(usual, checks), (changes, healthy), "{checks:?}");
        }
    }

    #[test]
    fn a_threshold_of_nothing_is_one_of_one() {
        for count in [0, 1] {
            let swift = Thresholds {
                unhealthy: count,
                healthy: count,
            };
            assert_eq!(after(swift, &[GOOD, BAD, GOOD]), (vec![1, 2], true));
        }
    }
}
