//! Active checks of connections: a cheap question to the provider at every interval.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until, timeout};
use tollgate_core::error::{Code, Failure, Origin};
use tollgate_core::route::health::Thresholds;

use crate::engine::Engine;
use crate::health::{Checked, ConnectionHealth, DeclaredConnection};
use crate::port::BoxFuture;

/// How soon a reload is noticed.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest time between two checks, whatever is declared.
const LEAST: Duration = Duration::from_millis(100);

/// The longest wait that a provider is granted by a check: its next answer can name another one.
const LONGEST: Duration = Duration::from_hours(1);

/// When and how a connection is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// From the end of one check to the next.
    pub interval: Duration,
    /// The longest that a check may take.
    pub timeout: Duration,
    /// A model that is asked for one token; left out, the provider's list of models is asked for.
    pub model: Option<Arc<str>>,
    /// How many in a row change the connection's standing.
    pub thresholds: Thresholds,
}

/// Checks every connection that declares checks, until `ended`. Follows what is declared: a
/// connection that is gone, or is another one now, is no longer checked within a second.
pub async fn run(engine: Arc<Engine>, ended: impl Future<Output = ()>) {
    let mut ended = pin!(ended);
    let mut watches = Watches::default();
    let mut look = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = &mut ended => return,
            () = sleep_until(look) => {
                watches.follow(&engine);
                look = Instant::now() + LOOK;
            }
            // One of them ends only when it is given up.
            Some(_) = watches.loops.next(), if !watches.loops.is_empty() => {}
        }
    }
}

/// The connections that are checked.
#[derive(Default)]
struct Watches {
    by_name: HashMap<Arc<str>, Watch>,
    /// One for each, and those that were just given up.
    loops: FuturesUnordered<Abortable<BoxFuture<'static, ()>>>,
}

/// A connection that is checked.
struct Watch {
    checks: Checks,
    health: Arc<ConnectionHealth>,
    /// Ends its loop.
    end: AbortHandle,
}

impl Watches {
    /// Makes the watches what is declared now.
    fn follow(&mut self, engine: &Arc<Engine>) {
        let mut old = std::mem::take(&mut self.by_name);
        for (declared, health) in engine.registry.connections() {
            let Some(checks) = declared.checks.clone() else {
                continue;
            };
            let name = Arc::clone(&declared.name);
            let kept = old
                .get(&name)
                .is_some_and(|watch| watch.checks == checks && Arc::ptr_eq(&watch.health, &health));
            let watch = match old.remove(&name) {
                Some(watch) if kept => watch,
                other => {
                    // The standing goes on under the new checks, if it is the same account.
                    other.inspect(|watch| watch.end.abort());
                    self.begin(engine, declared, checks, health)
                }
            };
            self.by_name.insert(name, watch);
        }
        for watch in old.into_values() {
            watch.end.abort();
            // What nobody looks at any more must not keep requests away.
            watch.health.forget_checks();
            engine.registry.freed.tell();
        }
    }

    fn begin(
        &self,
        engine: &Arc<Engine>,
        declared: DeclaredConnection,
        checks: Checks,
        health: Arc<ConnectionHealth>,
    ) -> Watch {
        let (end, registration) = AbortHandle::new_pair();
        let watched = Watched {
            engine: Arc::clone(engine),
            name: declared.name,
            checks: checks.clone(),
            health: Arc::clone(&health),
            unasked: None,
        };
        let watching: BoxFuture<'static, ()> = Box::pin(watched.watch());
        self.loops.push(Abortable::new(watching, registration));
        Watch {
            checks,
            health,
            end,
        }
    }
}

/// What the loop of one connection needs.
struct Watched {
    engine: Arc<Engine>,
    name: Arc<str>,
    checks: Checks,
    health: Arc<ConnectionHealth>,
    /// Why the last check could not be made, if it could not.
    unasked: Option<Code>,
}

impl Watched {
    /// Checks for ever.
    async fn watch(mut self) {
        let interval = self.checks.interval.max(LEAST);
        // Many connections begin at the same time, and should not fire together.
        let share = self.engine.dice.roll() % 1000;
        let mut wait = interval * share as u32 / 1000;
        loop {
            sleep_until(Instant::now() + wait).await;
            let begin = Instant::now();
            let outcome = self.ask().await;
            wait = wait_after(&outcome, interval);
            self.note(begin.elapsed(), outcome);
        }
    }

    async fn ask(&self) -> Result<(), Failure> {
        let Checks { timeout: most, .. } = self.checks;
        let model = self.checks.model.as_deref();
        let asked = self.engine.upstream.check(&self.name, model, most);
        // Whoever asks keeps that time, too; here it is made sure.
        timeout(most, asked).await.unwrap_or_else(|elapsed| {
            let provider = self.health.provider();
            Err(Failure::provider(Code::ProviderTimeout, provider).because(elapsed))
        })
    }

    /// Whether a failure speaks neither for a connection nor against it: a provider that limits is
    /// well, as its limits are of one model or of one minute, and a process that is late sees
    /// timeouts everywhere.
    fn says_nothing(&self, failure: &Failure) -> bool {
        failure.code == Code::ProviderRateLimited
            || self.engine.overload.may_be_to_blame_for(failure)
    }

    fn note(&mut self, took: Duration, outcome: Result<(), Failure>) {
        let connection = &*self.name;
        if let Err(failure) = &outcome
            && failure.origin == Origin::Gateway
        {
            // Nobody was asked, so nothing is known of the provider.
            if self.unasked.replace(failure.code) != Some(failure.code) {
                tracing::warn!(connection, %failure, "a connection cannot be checked");
            }
            return;
        }
        self.unasked = None;
        let failure = outcome.as_ref().err();
        let checked = Checked {
            at: self.engine.moment(),
            took,
            failure: failure.map(|failure| failure.code),
        };
        if failure.is_some_and(|failure| self.says_nothing(failure)) {
            self.health.note_undecided(checked);
            return;
        }
        if !self.health.note_check(self.checks.thresholds, checked) {
            return;
        }
        match outcome {
            Ok(()) => {
                tracing::info!(connection, "a connection is healthy again");
                self.engine.registry.freed.tell();
            }
            Err(failure) => {
                let code = failure.code.slug();
                tracing::warn!(connection, code, %failure, "a connection is unhealthy");
            }
        }
    }
}

/// From the end of one check to the next: a provider that limits says when to come back.
fn wait_after(outcome: &Result<(), Failure>, interval: Duration) -> Duration {
    let limit = outcome.as_ref().err();
    let limit = limit.filter(|failure| failure.code == Code::ProviderRateLimited);
    let named = limit.and_then(|failure| failure.retry_after);
    named.map_or(interval, |named| named.min(LONGEST).max(interval))
}

#[cfg(test)]
mod tests;
