//! Connections that wait to be used, and a bound on how many there are.
//!
//! A connection comes back only from work that is known to have ended well on it. One whose work
//! was given up, or whose server went away, is closed: what it was about to do cannot reach the
//! next one. Nothing is asked of a connection when it comes back or goes out, so a statement costs
//! exactly one exchange.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::trouble::Trouble;

/// Connections of one kind.
pub(crate) struct Lanes<C: Connection> {
    options: C::Options,
    rules: Rules,
    free: Mutex<Vec<Free<C>>>,
    permits: Semaphore,
}

/// How connections are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How many there may be at once.
    pub(crate) most: usize,
    /// The longest that work waits for one that is free, and for a new one.
    pub(crate) patience: Duration,
    /// After this long without work one is closed.
    pub(crate) idle: Option<Duration>,
}

struct Free<C> {
    connection: C,
    since: Instant,
}

impl<C: Connection> Lanes<C> {
    /// None is opened before it is needed.
    pub(crate) fn new(options: C::Options, rules: Rules) -> Self {
        Self {
            options,
            rules,
            free: Mutex::new(Vec::new()),
            permits: Semaphore::new(rules.most),
        }
    }

    /// With a first connection that is open already.
    pub(crate) fn with(self, connection: C) -> Self {
        let since = Instant::now();
        self.lock().push(Free { connection, since });
        self
    }

    /// Takes a connection: one that is free, or a new one. Fails when neither is there in time.
    pub(crate) async fn take(&self) -> Result<Taken<'_, C>, Trouble> {
        let permit = match timeout(self.rules.patience, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(Trouble::other("the store is closed")),
            Err(_) => return Err(Trouble::other("all connections to the database are in use")),
        };
        let free = {
            let mut free = self.lock();
            if let Some(idle) = self.rules.idle {
                free.retain(|lane| lane.since.elapsed() < idle);
            }
            free.pop()
        };
        let connection = match free {
            Some(free) => free.connection,
            None => timeout(self.rules.patience, self.options.connect())
                .await
                .map_err(|_| Trouble::other("the database does not accept connections in time"))?
                .map_err(Trouble::connecting)?,
        };
        Ok(Taken {
            lanes: self,
            connection: Some(connection),
            is_busy: false,
            is_held: false,
            _permit: permit,
        })
    }

    /// Closes those that are free. Waits for those in use, and fails whoever comes later.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.rules.most).unwrap_or(u32::MAX);
        let waited = timeout(self.rules.patience, self.permits.acquire_many(all)).await;
        self.permits.close();
        drop(waited);
        let free = std::mem::take(&mut *self.lock());
        for free in free {
            if let Ok(Err(error)) = timeout(self.rules.patience, free.connection.close()).await {
                tracing::debug!(%error, "a connection to the database was not closed in order");
            }
        }
    }

    /// Closes those that are free without asking: their server is gone.
    fn clear(&self) {
        let free = std::mem::take(&mut *self.lock());
        drop(free);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Free<C>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. It goes back when this is dropped, unless work on it did not end.
pub(crate) struct Taken<'a, C: Connection> {
    lanes: &'a Lanes<C>,
    connection: Option<C>,
    is_busy: bool,
    is_held: bool,
    _permit: SemaphorePermit<'a>,
}

impl<C: Connection> Taken<'_, C> {
    /// The connection, for work that begins. Until [`Self::ended`] it may be in any state.
    pub(crate) fn begin(&mut self) -> Result<&mut C, Trouble> {
        self.is_busy = true;
        let connection = self.connection.as_mut();
        connection.ok_or_else(|| Trouble::other("the connection is closed"))
    }

    /// The work is over.
    pub(crate) fn ended<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, Trouble> {
        let outcome = outcome.map_err(Trouble::from);
        match &outcome {
            Err(trouble) if trouble.is_lost() => {}
            _ => self.is_busy = false,
        }
        outcome
    }

    /// The connection holds something that must not outlive this work, or does not any more.
    pub(crate) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }
}

impl<C: Connection> Drop for Taken<'_, C> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if self.is_busy || self.is_held {
            drop(connection);
            // What met this one has most likely met the others, too.
            self.lanes.clear();
            return;
        }
        let since = Instant::now();
        self.lanes.lock().push(Free { connection, since });
    }
}
