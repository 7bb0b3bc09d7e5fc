//! Sees to it that one process at a time works with a database of a server.
//!
//! A session holds a lock of the server. It ends with the session, also when the process is
//! killed. A session can be lost while the process lives, and then another process may take the
//! database; so each taking is counted in the database, and a process that finds another count
//! than its own has lost it for good: what it has in memory may be out of date.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::Trouble;
use super::server;
use crate::open::OpenError;

/// The number of the lock: the bytes of "tollgate". Other programs in the same database use others.
const NUMBER: i64 = i64::from_be_bytes(*b"tollgate");
/// How often the session is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// The longest that one question may take.
const LIMIT: Duration = Duration::from_secs(3);
/// How long a new process waits for a lock that is about to be free: the server takes a moment to
/// notice that a process was killed.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);
/// By when the server notices that the machine of a session is gone: after ten seconds of silence
/// it asks three times. A connection through a socket of the system has no such settings and
/// ignores them.
const KEEPALIVES: &str = "SELECT set_config('tcp_keepalives_idle', '10', false), \
     set_config('tcp_keepalives_interval', '5', false), \
     set_config('tcp_keepalives_count', '3', false)";

/// The hold on a database.
pub(super) struct Lock {
    shared: Arc<Shared>,
    watcher: TaskTracker,
    stop: CancellationToken,
}

struct Shared {
    epoch: i64,
    /// Set when another process has taken the database: for good.
    is_taken: AtomicBool,
}

/// Tries to take the lock. `false` if another session has it.
pub(super) async fn take(session: &mut PgConnection, place: &str) -> Result<bool, OpenError> {
    let patience = Instant::now() + PATIENCE;
    loop {
        if try_take(session)
            .await
            .map_err(|error| server(place, error))?
        {
            return Ok(true);
        }
        if Instant::now() >= patience {
            return Ok(false);
        }
        tokio::time::sleep_until(Instant::now() + PAUSE).await;
    }
}

impl Lock {
    /// Counts the taking, and watches over the session from here on.
    pub(super) async fn begin(
        mut session: PgConnection,
        options: PgConnectOptions,
        place: &str,
    ) -> Result<Self, OpenError> {
        let sql = "UPDATE owner SET epoch = epoch + 1 RETURNING epoch";
        let counted = within(sqlx::query_scalar(sql).fetch_one(&mut session)).await;
        let epoch = counted.map_err(|error| server(place, error))?;
        let holder = Holder::new(session).await;
        let holder = holder.map_err(|error| server(place, error))?;
        let shared = Arc::new(Shared {
            epoch,
            is_taken: AtomicBool::new(false),
        });
        let stop = CancellationToken::new();
        let watcher = TaskTracker::new();
        watcher.spawn(watch(Arc::clone(&shared), holder, options, stop.clone()));
        watcher.close();
        Ok(Self {
            shared,
            watcher,
            stop,
        })
    }

    /// Fails when another process has taken the database.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        if self.shared.is_taken.load(Ordering::Relaxed) {
            return Err(taken());
        }
        Ok(())
    }

    pub(super) fn epoch(&self) -> i64 {
        self.shared.epoch
    }

    /// Lets the database go.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.watcher.wait().await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Another process has the database now.
pub(in crate::database) fn taken() -> Trouble {
    Trouble::other(TAKEN)
}

const TAKEN: &str = "another Tollgate process has taken this database: this one changes nothing any \
                     more, and must be restarted";

/// The session that holds the lock.
struct Holder {
    session: PgConnection,
    /// Its number on the server.
    pid: i32,
}

impl Holder {
    async fn new(mut session: PgConnection) -> Result<Self, sqlx::Error> {
        within(sqlx::query(KEEPALIVES).fetch_one(&mut session)).await?;
        let sql = "SELECT pg_backend_pid()";
        let pid = within(sqlx::query_scalar(sql).fetch_one(&mut session)).await?;
        Ok(Self { session, pid })
    }
}

/// Looks after the session, and makes another one when it is lost, until the end is asked for.
async fn watch(
    shared: Arc<Shared>,
    first: Holder,
    options: PgConnectOptions,
    stop: CancellationToken,
) {
    let mut pid = first.pid;
    let mut holder = Some(first);
    loop {
        let next = Instant::now() + EVERY;
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = stop.cancelled() => break,
        }
        let looked = match holder.take() {
            Some(mut held) => look(&mut held.session)
                .await
                .map(|epoch| (Some(held), epoch)),
            None => take_again(&options, pid).await,
        };
        match looked {
            Ok((_, epoch)) if epoch != shared.epoch => {
                shared.is_taken.store(true, Ordering::Relaxed);
                tracing::error!("{TAKEN}");
                return;
            }
            Ok((Some(held), _)) => {
                pid = held.pid;
                holder = Some(held);
            }
            Ok((None, _)) => {
                tracing::warn!("the lock on the database is still with a lost session");
            }
            Err(error) => {
                tracing::warn!(%error, "the lock on the database is lost, and is being taken again");
            }
        }
    }
    if let Some(Holder { session, .. }) = holder {
        // Closing it lets the lock go; if that cannot be said, the server finds out by itself.
        timeout(LIMIT, session.close()).await.ok();
    }
}

/// Asks how often the database has been taken.
async fn look(session: &mut PgConnection) -> Result<i64, sqlx::Error> {
    within(sqlx::query_scalar("SELECT epoch FROM owner").fetch_one(session)).await
}

/// Takes the lock on a new session, if nobody has it. Says how often the database was taken.
async fn take_again(
    options: &PgConnectOptions,
    lost: i32,
) -> Result<(Option<Holder>, i64), sqlx::Error> {
    let mut session = within(options.connect()).await?;
    if try_take(&mut session).await? {
        let epoch = look(&mut session).await?;
        return Ok((Some(Holder::new(session).await?), epoch));
    }
    let epoch = look(&mut session).await?;
    // The lost session may still stand on the server, which does not know yet that nobody is
    // behind it. It is ended only if it is the very one that has the lock.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks \
               WHERE locktype = 'advisory' AND granted AND pid = $1 \
               AND (classid::bigint << 32) | objid::bigint = $2";
    let ended = sqlx::query(end).bind(lost).bind(NUMBER);
    within(ended.fetch_all(&mut session)).await?;
    session.close().await.ok();
    Ok((None, epoch))
}

async fn try_take(session: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let sql = "SELECT pg_try_advisory_lock($1)";
    within(sqlx::query_scalar(sql).bind(NUMBER).fetch_one(session)).await
}

async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let silent = || sqlx::Error::Io(io::ErrorKind::TimedOut.into());
    timeout(LIMIT, work).await.unwrap_or_else(|_| Err(silent()))
}
