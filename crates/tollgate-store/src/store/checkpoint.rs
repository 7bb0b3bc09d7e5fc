//! Where everything that follows from the pages stood after one of them.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use tollgate_core::ledger::PageHead;
use tollgate_engine::fault;
use tollgate_engine::port::Checkpoint;

use super::transactions::parse_wallet;
use super::{many, usage};
use crate::database::{Database, Purpose, Row, Session, Trouble, Value, whole};

/// How many balances are written with one statement.
const AT_ONCE: usize = 200;

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
    let head = head.map_or(Ok(PageHead::default()), |row| self::head(&row))?;
    let balances = balances
        .iter()
        .map(|row| Ok((parse_wallet(&row.text(0)?)?, row.integer(1)?)));
    Ok(Checkpoint {
        before: head,
        head,
        balances: balances.collect::<Result<_, Trouble>>()?,
        usage: Vec::new(),
    })
}

/// Writes a checkpoint behind the one before. One that is there already is left as it is.
pub(super) async fn write(database: &Database, checkpoint: &Checkpoint) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Ledger).await?;
    session.begin(database).await?;
    fault::point("store.checkpoint_begun");
    if let Err(trouble) = put(&mut session, checkpoint).await {
        session.rollback().await;
        return Err(trouble);
    }
    session.commit().await?;
    fault::point("store.checkpoint_committed");
    Ok(())
}

async fn put(session: &mut Session<'_>, checkpoint: &Checkpoint) -> Result<(), Trouble> {
    // Changes nothing, and waits for whoever is changing it: a try whose answer never came may
    // only now become durable.
    let sql = "INSERT INTO checkpoint (only_one, number, hash) VALUES (1, 0, $1) \
               ON CONFLICT (only_one) DO UPDATE SET number = checkpoint.number \
               RETURNING number, hash";
    let nothing = PageHead::default();
    let there = session.row(sql, &[nothing.hash.as_slice().into()]).await?;
    let there = there.as_ref().map_or(Ok(nothing), head)?;
    if there == checkpoint.head {
        return Ok(());
    }
    if there != checkpoint.before {
        let (there, before) = (there.number, checkpoint.before.number);
        let text = format!("the last checkpoint is that of page {there}, not of page {before}");
        return Err(Trouble::other(text));
    }
    put_balances(session, checkpoint).await?;
    fault::point("store.balances_written");
    usage::add(session, &usage::added_up(&checkpoint.usage)).await?;
    let sql = "UPDATE checkpoint SET number = $1, hash = $2";
    let values = [
        whole(checkpoint.head.number)?.into(),
        checkpoint.head.hash.as_slice().into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

fn head(row: &Row) -> Result<PageHead, Trouble> {
    Ok(PageHead {
        number: row.count(0)?,
        hash: row.array(1)?,
    })
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
