//! Where everything that follows from the pages stood after one of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::AssertSqlSafe;
use tollgate_core::ledger::PageHead;
use tollgate_engine::port::Checkpoint;

use super::transactions::parse_wallet;
use super::{many, usage};
use crate::database::{Database, Purpose, Session, Trouble, Value, whole};

/// How many balances are written with one statement.
const AT_ONCE: usize = 200;

/// Checkpoints of which nobody can say whether they were written: the answer to their last word
/// never came. The next one contains the same usage and more, and only what has not been added
/// before may be added.
#[derive(Debug, Default)]
pub(super) struct Unsure(Mutex<Vec<Checkpoint>>);

impl Unsure {
    fn lock(&self) -> MutexGuard<'_, Vec<Checkpoint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there turned out to be the one of this page, or none of them. Gives the one.
    fn settle(&self, number: u64) -> Option<Checkpoint> {
        let mut unsure = self.lock();
        unsure.retain(|checkpoint| checkpoint.head.number == number);
        unsure.first().cloned()
    }
}

/// A checkpoint whose last word is on its way.
struct Sending<'a> {
    unsure: &'a Unsure,
    checkpoint: Option<&'a Checkpoint>,
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if let Some(checkpoint) = self.checkpoint {
            self.unsure.lock().push(checkpoint.clone());
        }
    }
}

/// The last checkpoint, with all balances.
pub(super) async fn read(database: &Database) -> Result<Checkpoint, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    // Balances and page must be of one moment.
    session.begin_reading().await?;
    let head = session.row("SELECT number, hash FROM checkpoint", &[]);
    let head = head.await?;
    let balances = session.rows("SELECT wallet, balance FROM balances ORDER BY wallet", &[]);
    let balances = balances.await?;
    session.rollback().await;
    let head = match head {
        None => PageHead::default(),
        Some(row) => PageHead {
            number: row.count(0)?,
            hash: row.array(1)?,
        },
    };
    let balances = balances
        .iter()
        .map(|row| Ok((parse_wallet(&row.text(0)?)?, row.integer(1)?)));
    Ok(Checkpoint {
        head,
        balances: balances.collect::<Result<_, Trouble>>()?,
        usage: Vec::new(),
    })
}

/// Writes a checkpoint. Doing it again after any failure is safe.
pub(super) async fn write(
    database: &Database,
    unsure: &Unsure,
    checkpoint: &Checkpoint,
) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Ledger).await?;
    session.begin(database).await?;
    match put(&mut session, unsure, checkpoint).await {
        Ok(true) => {}
        Ok(false) => {
            session.rollback().await;
            return Ok(());
        }
        Err(trouble) => {
            session.rollback().await;
            return Err(trouble);
        }
    }
    let mut sending = Sending {
        unsure,
        checkpoint: Some(checkpoint),
    };
    session.commit().await?;
    sending.checkpoint = None;
    unsure.lock().clear();
    Ok(())
}

/// `false`: this very checkpoint is there already.
async fn put(
    session: &mut Session<'_>,
    unsure: &Unsure,
    checkpoint: &Checkpoint,
) -> Result<bool, Trouble> {
    // Changes nothing, and waits for whoever is changing it: a checkpoint whose answer never came
    // may only now become durable.
    let sql = "INSERT INTO checkpoint (only_one, number, hash) VALUES (1, 0, $1) \
               ON CONFLICT (only_one) DO UPDATE SET number = checkpoint.number RETURNING number";
    let there = session.row(sql, &[[0; 32].as_slice().into()]).await?;
    let there = there.map_or(Ok(0), |row| row.count(0))?;
    let number = checkpoint.head.number;
    if there > number {
        return Err(Trouble::other("there is a later checkpoint"));
    }
    let written = unsure.settle(there);
    if there == number && written.is_some() {
        unsure.lock().clear();
        return Ok(false);
    }
    let mut added = usage::added_up(&checkpoint.usage);
    if let Some(written) = &written {
        for (of, before) in usage::added_up(&written.usage) {
            if let Some(sums) = added.get_mut(&of) {
                for (sum, before) in sums.iter_mut().zip(before) {
                    *sum = sum.saturating_sub(before);
                }
            }
        }
        added.retain(|_, sums| *sums != [0; 4]);
    }
    put_balances(session, checkpoint).await?;
    usage::add(session, &added).await?;
    let sql = "UPDATE checkpoint SET number = $1, hash = $2";
    let values = [
        whole(number)?.into(),
        checkpoint.head.hash.as_slice().into(),
    ];
    session.execute(sql, &values).await?;
    Ok(true)
}

async fn put_balances(session: &mut Session<'_>, checkpoint: &Checkpoint) -> Result<(), Trouble> {
    // Each once: a statement may write a row only once.
    let balances: BTreeMap<String, i64> = checkpoint
        .balances
        .iter()
        .map(|(wallet, balance)| (wallet.to_string(), *balance))
        .collect();
    let balances: Vec<_> = balances.iter().collect();
    for some in balances.chunks(AT_ONCE) {
        let values: Vec<Value<'_>> = some
            .iter()
            .flat_map(|(wallet, balance)| [wallet.as_str().into(), (**balance).into()])
            .collect();
        let sql = format!(
            "INSERT INTO balances (wallet, balance) VALUES {} \
             ON CONFLICT (wallet) DO UPDATE SET balance = excluded.balance",
            many::places(some.len(), 2)
        );
        // Made of numbered places alone.
        session.execute(AssertSqlSafe(sql), &values).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tollgate_core::time::Timestamp;
    use tollgate_engine::port::{LedgerStore as _, UsageQuery, UsageRow};

    use super::*;

    fn checkpoint(number: u64, calls: u64) -> Checkpoint {
        let text = || "x".into();
        Checkpoint {
            head: PageHead {
                number,
                hash: [1; 32],
            },
            balances: Vec::new(),
            usage: vec![UsageRow {
                quarter: Timestamp::from_millis(0),
                organization: text(),
                team: text(),
                user: text(),
                key: text(),
                model: text(),
                calls,
                prompt: calls,
                completion: calls,
                cost: calls,
            }],
        }
    }

    #[tokio::test]
    async fn usage_is_added_once_whatever_became_of_the_answer() {
        for reached in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}/tollgate.db", directory.path().display());
            let store = crate::open(&url).await.unwrap();
            let calls = async || {
                let rows = store.usage(&UsageQuery::default()).await.unwrap();
                rows.first().map_or(0, |row| row.calls)
            };
            store.write_checkpoint(&checkpoint(1, 5)).await.unwrap();
            let lost = checkpoint(2, 10);
            if reached {
                store.write_checkpoint(&lost).await.unwrap();
            }
            // The answer to the commit never came.
            drop(Sending {
                unsure: &store.unsure,
                checkpoint: Some(&lost),
            });
            // The very same again.
            store.write_checkpoint(&lost).await.unwrap();
            assert_eq!(calls().await, 15, "{reached}");
            drop(Sending {
                unsure: &store.unsure,
                checkpoint: Some(&lost),
            });
            // What has come since is with what was in the lost one.
            store.write_checkpoint(&checkpoint(3, 17)).await.unwrap();
            assert_eq!(calls().await, 22, "{reached}");
            store.write_checkpoint(&checkpoint(4, 3)).await.unwrap();
            assert_eq!(calls().await, 25, "{reached}");
            assert!(store.write_checkpoint(&checkpoint(3, 1)).await.is_err());
        }
    }
}
