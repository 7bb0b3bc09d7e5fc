//! A ledger that cannot be written for a while, although the database answers.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection, Executor};

use super::runtime;
use crate::location::Location;

/// As long as this lives, whoever writes to the ledger of a database has to wait.
#[derive(Debug)]
pub struct Standstill {
    end: Option<Sender<()>>,
    holding: Option<JoinHandle<()>>,
}

impl Standstill {
    /// Begins when this returns, in the database of a URL.
    ///
    /// # Panics
    /// If the database refuses.
    pub fn of(url: &str) -> Self {
        let location = Location::of(url).expect("the URL is one");
        let url = url.to_owned();
        let (begun, beginning) = channel();
        let (end, ending) = channel();
        let holding = std::thread::spawn(move || {
            runtime().block_on(async move {
                match location {
                    Location::File(path) => {
                        let options = SqliteConnectOptions::new().filename(path);
                        let session = options.connect().await;
                        let session = session.expect("the file can be opened");
                        hold(session, &["BEGIN IMMEDIATE"], begun, ending).await;
                    }
                    Location::Server => {
                        let options: PgConnectOptions = url.parse().expect("the URL is one");
                        let session = options.connect().await;
                        let session = session.expect("the server can be reached");
                        let lock = ["BEGIN", "LOCK TABLE pages IN EXCLUSIVE MODE"];
                        hold(session, &lock, begun, ending).await;
                    }
                }
            });
        });
        beginning.recv().expect("the lock is there");
        Self {
            end: Some(end),
            holding: Some(holding),
        }
    }
}

async fn hold<C>(
    mut session: C,
    statements: &[&'static str],
    begun: Sender<()>,
    ending: Receiver<()>,
) where
    C: Connection,
    for<'c> &'c mut C: Executor<'c>,
{
    for statement in statements {
        let done = session.execute(*statement).await;
        done.expect("the lock is given");
    }
    begun.send(()).ok();
    // Nothing else is done by this thread.
    ending.recv().ok();
    session.close().await.ok();
}

impl Drop for Standstill {
    fn drop(&mut self) {
        self.end.take();
        if let Some(holding) = self.holding.take() {
            holding.join().ok();
        }
    }
}
