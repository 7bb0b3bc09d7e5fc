//! The pages of the ledger.

use bytes::Bytes;
use tollgate_core::ledger::{Page, PageHead};
use tollgate_engine::fault;
use tollgate_engine::port::{Appended, Beside};

use super::{changes, transactions};
use crate::database::{Database, Purpose, Row, Session, Trouble, Value, whole};

/// Inserts a page behind the last one. If there is one of its number, or none before it, nothing
/// happens.
const INSERT: &str = "INSERT INTO pages (number, hash, from_at, to_at, entries, content) \
     SELECT $1, $2, $3, $4, $5, $6 \
     WHERE $1 = coalesce((SELECT max(number) FROM pages), 0) + 1 \
     ON CONFLICT (number) DO NOTHING";

/// The last page.
pub(super) async fn last(database: &Database) -> Result<PageHead, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let sql = "SELECT number, hash FROM pages ORDER BY number DESC LIMIT 1";
    match session.row(sql, &[]).await? {
        None => Ok(PageHead::default()),
        Some(row) => head(&row),
    }
}

fn head(row: &Row) -> Result<PageHead, Trouble> {
    Ok(PageHead {
        number: row.count(0)?,
        hash: row.array(1)?,
    })
}

/// Makes a page durable, with what belongs to it. A page alone, as nearly all are, is one
/// statement and one sync of the disk.
pub(super) async fn append(
    database: &Database,
    page: &Page,
    beside: Beside<'_>,
) -> Result<Appended, Trouble> {
    let mut session = database.session(Purpose::Ledger).await?;
    let is_new = if beside.is_empty() {
        fault::point("store.append_begun");
        insert(&mut session, page).await?
    } else {
        session.begin(database).await?;
        fault::point("store.append_begun");
        match insert_all(&mut session, page, beside).await {
            Ok(true) => {
                session.commit().await?;
                true
            }
            Ok(false) => {
                session.rollback().await;
                false
            }
            Err(trouble) => {
                session.rollback().await;
                return Err(trouble);
            }
        }
    };
    if is_new {
        fault::point("store.append_committed");
        return Ok(Appended::Now);
    }
    let sql = "SELECT hash FROM pages WHERE number = $1";
    let there = session.row(sql, &[whole(page.head.number)?.into()]).await?;
    let is_same = match there {
        Some(row) => row.bytes(0)? == page.head.hash,
        None => false,
    };
    Ok(if is_same {
        Appended::Before
    } else {
        Appended::Other
    })
}

async fn insert_all(
    session: &mut Session<'_>,
    page: &Page,
    beside: Beside<'_>,
) -> Result<bool, Trouble> {
    if !insert(session, page).await? {
        return Ok(false);
    }
    fault::point("store.page_inserted");
    transactions::insert(session, beside.transactions).await?;
    fault::point("store.transactions_inserted");
    changes::all(session, beside.changes, beside.audit).await?;
    fault::point("store.beside_inserted");
    Ok(true)
}

async fn insert(session: &mut Session<'_>, page: &Page) -> Result<bool, Trouble> {
    let values: [Value<'_>; 6] = [
        whole(page.head.number)?.into(),
        page.head.hash.as_slice().into(),
        page.from.into(),
        page.to.into(),
        i64::from(page.count).into(),
        (&*page.content).into(),
    ];
    Ok(session.execute(INSERT, &values).await? == 1)
}

/// Pages behind this number.
pub(super) async fn behind(
    database: &Database,
    after: u64,
    most: u32,
) -> Result<Vec<Page>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let sql = "SELECT number, hash, from_at, to_at, entries, content FROM pages \
               WHERE number > $1 ORDER BY number LIMIT $2";
    // Nothing lies behind the largest number that the database knows.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = session
        .rows(sql, &[after.into(), i64::from(most).into()])
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Page, Trouble> {
    Ok(Page {
        head: head(row)?,
        from: row.time(2)?,
        to: row.time(3)?,
        count: u32::try_from(row.integer(4)?).map_err(Trouble::other)?,
        content: Bytes::copy_from_slice(row.bytes(5)?),
    })
}
