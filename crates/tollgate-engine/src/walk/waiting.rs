//! The next attempt of a request: at once where a target can be asked, else when the first one
//! can, if the time allows.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tollgate_core::route::story::Obstacle;
use tollgate_core::time::Moment;

use super::Walk;
use crate::health::Permit;

/// What a request waits for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// When to look again at the latest.
    until: Moment,
    /// Whether a place that becomes free may come earlier.
    listens: bool,
}

impl Walk<'_> {
    /// Waits for the next attempt; `None` where there will be none in time. `first`: nothing was
    /// attempted yet.
    pub(crate) async fn next(&mut self, first: bool) -> Option<Permit> {
        // A body that came slowly, or a failure that did, may have taken all of it.
        if Instant::now() >= self.begin_by {
            self.out_of_time = true;
            return None;
        }
        // Those who wait for targets of the model already come first; what nobody waits for, and
        // its fallbacks, are free to take.
        let line = &self.plan.route.line;
        let wanted = if first && !line.is_empty() {
            line.wanted()
        } else {
            Vec::new()
        };
        if let Some(permit) = self.pick_behind(&wanted, first) {
            return Some(permit);
        }
        let begin = Instant::now();
        let permit = self.wait_for_next(first).await;
        self.idle += begin.elapsed();
        permit
    }

    async fn wait_for_next(&mut self, first: bool) -> Option<Permit> {
        while Instant::now() < self.begin_by {
            let wait = self.wait(first)?;
            if wait.listens {
                if let Some(permit) = self.queue(first).await {
                    return Some(permit);
                }
                if self.is_turned_away {
                    // Nor does it come before those for whom the line had room.
                    continue;
                }
                // Its patience with the line is over; a target that rests may still come back.
            } else {
                sleep_until(self.engine.ticker.instant(wait.until)).await;
            }
            // What was waited for may have come at the very end of the time.
            if Instant::now() < self.begin_by
                && let Some(permit) = self.pick(first)
            {
                return Some(permit);
            }
        }
        self.out_of_time = true;
        None
    }

    /// Stands in line, then waits for the first free place.
    async fn queue(&mut self, first: bool) -> Option<Permit> {
        let queue = self.rules().queue;
        let now = self.engine.moment();
        let since = *self.queued.get_or_insert(now);
        let until = self.engine.ticker.instant(since.after(queue.wait));
        let until = until.min(self.begin_by);
        self.waited = true;
        let route = Arc::clone(&self.plan.route);
        let caller = self.plan.caller;
        let who = (&caller.team().id, &caller.key.id);
        let engine = self.engine;
        let waiter = engine.registry.freed.wait();
        let (needs, news) = (self.needs(first), waiter.news());
        let joining = route.line.join(who, needs, queue.length, news);
        // Running out of time in line means: no place.
        let Ok(turn) = timeout_at(until, joining).await.ok()? else {
            self.is_turned_away = true;
            return None;
        };
        let (mut is_called, mut look) = (true, until);
        loop {
            let mut changed = pin!(waiter.changed());
            // Enabled before the look, so that a place that becomes free between is not missed.
            changed.as_mut().enable();
            if is_called {
                if Instant::now() >= self.begin_by {
                    return None;
                }
                if let Some(permit) = self.pick(first) {
                    return Some(permit);
                }
                let wait = self.wait(first)?;
                look = engine.ticker.instant(wait.until).min(until);
                turn.pass();
            } else {
                turn.tell(Some(waiter.news()));
            }
            is_called = tokio::select! {
                biased;
                () = turn.called() => true,
                () = changed => false,
                () = sleep_until(look) => {
                    if Instant::now() >= until {
                        return None;
                    }
                    // Time has made room for everybody who waits for that.
                    turn.tell(None);
                    look = until;
                    false
                }
            };
        }
    }

    /// What the request can wait for, if for anything that comes in time.
    fn wait(&self, first: bool) -> Option<Wait> {
        let now = self.engine.moment();
        let end = self.engine.ticker.moment_of(self.begin_by);
        let patience = self.patience(now);
        let mut until: Option<Moment> = None;
        let mut listens = false;
        for (obstacle, tried) in self.obstacles(first, now) {
            let again = match tried {
                None if patience.is_zero() => continue,
                Some(tried) => match tried.again {
                    Some(again) => again.max(now),
                    None => continue,
                },
                None => now,
            };
            let wait = match (obstacle, tried) {
                // It need not be free before the target has rested.
                (Some(Obstacle::Full(_)), Some(_)) if again > now => Some(Duration::ZERO),
                // A request that was limited there waits for as long as it lives; one that has
                // not been there, for as long as the line allows.
                (Some(Obstacle::CoolingAfterLimit(wait) | Obstacle::Cooling(wait)), Some(_)) => {
                    Some(wait)
                }
                (obstacle, _) => after(obstacle, patience),
            };
            let Some(wait) = wait else {
                continue;
            };
            let at = again.max(now.after(wait));
            let queues =
                tried.is_none() || (matches!(obstacle, Some(Obstacle::Full(_))) && again <= now);
            if at >= end && !queues {
                continue;
            }
            listens |= queues;
            until = Some(until.map_or(at, |until| until.min(at)));
        }
        let until = if listens {
            Some(end.min(until?))
        } else {
            until
        };
        until.map(|until| Wait { until, listens })
    }

    /// How much longer the request may wait for a free place.
    fn patience(&self, now: Moment) -> Duration {
        let wait = self.rules().queue.wait;
        match self.queued {
            _ if self.is_turned_away => Duration::ZERO,
            Some(since) => since.after(wait).since(now),
            None => wait,
        }
    }
}

/// How long an obstacle is worth waiting for at most, where it is.
pub(crate) fn after(obstacle: Option<Obstacle>, patience: Duration) -> Option<Duration> {
    match obstacle {
        None => Some(Duration::ZERO),
        Some(
            Obstacle::CoolingAfterLimit(wait)
            | Obstacle::Cooling(wait)
            | Obstacle::Full(Some(wait)),
        ) => (wait <= patience).then_some(wait),
        Some(Obstacle::Full(None)) => (!patience.is_zero()).then_some(patience),
        Some(
            Obstacle::Disabled
            | Obstacle::Isolated
            | Obstacle::Unfit
            | Obstacle::TooLong
            | Obstacle::Open(_)
            | Obstacle::Probing
            | Obstacle::Unhealthy
            | Obstacle::NoBudget,
        ) => None,
    }
}
