//! Entries that no call made, as they are found by reference or wallet.

use tollgate_core::ledger::{EntryId, WalletId};
use tollgate_engine::port::Transaction;

use crate::database::{Database, Purpose, Row, Session, Trouble, Value, whole};

const COLUMNS: &str = "id, page, at, wallet, kind, amount, reference, belongs_to, reason";

/// Keeps new ones, within the transaction of their page. One that belongs to a hold closes it.
pub(super) async fn insert(
    session: &mut Session<'_>,
    transactions: &[Transaction],
) -> Result<(), Trouble> {
    for new in transactions {
        let (id, of) = (bytes(new.id), new.of.map(bytes));
        let wallet = new.wallet.to_string();
        let values: [Value<'_>; 10] = [
            id.as_slice().into(),
            whole(new.page)?.into(),
            new.at.into(),
            wallet.as_str().into(),
            (&*new.kind).into(),
            new.amount.into(),
            new.reference.as_deref().into(),
            Value::Bytes(of.as_ref().map(<[u8; 16]>::as_slice)),
            (&*new.reason).into(),
            i64::from(&*new.kind == "hold").into(),
        ];
        let sql = "INSERT INTO transactions (id, page, at, wallet, kind, amount, reference, \
                   belongs_to, reason, is_open) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        session.execute(sql, &values).await?;
        if let Some(of) = &of {
            let sql = "UPDATE transactions SET is_open = 0 WHERE id = $1 AND is_open = 1";
            session.execute(sql, &[of.as_slice().into()]).await?;
        }
    }
    Ok(())
}

/// The one of this reference.
pub(super) async fn of_reference(
    database: &Database,
    wallet: &WalletId,
    reference: &str,
) -> Result<Option<Transaction>, Trouble> {
    let wallet = wallet.to_string();
    let condition = "wallet = $1 AND reference = $2";
    let values = [wallet.as_str().into(), reference.into()];
    let mut found = find(database, condition, &values).await?;
    Ok(found.pop())
}

/// The one of this entry.
pub(super) async fn of_entry(
    database: &Database,
    id: EntryId,
) -> Result<Option<Transaction>, Trouble> {
    let id = bytes(id);
    let mut found = find(database, "id = $1", &[id.as_slice().into()]).await?;
    Ok(found.pop())
}

/// Holds that are open, the oldest first.
pub(super) async fn open_holds(database: &Database) -> Result<Vec<Transaction>, Trouble> {
    find(database, "is_open = 1 ORDER BY number", &[]).await
}

/// Those of a wallet, the latest first.
pub(super) async fn of_wallet(
    database: &Database,
    wallet: &WalletId,
    offset: u64,
    limit: u32,
) -> Result<Vec<Transaction>, Trouble> {
    let wallet = wallet.to_string();
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let condition = "wallet = $1 ORDER BY number DESC LIMIT $2 OFFSET $3";
    let values = [
        wallet.as_str().into(),
        i64::from(limit).into(),
        offset.into(),
    ];
    find(database, condition, &values).await
}

/// What operators put into a wallet in all, less what they took. What a job cost beyond its hold
/// ([`Transaction::is_cost_of_job`]) was not taken by them.
pub(super) async fn given(database: &Database, wallet: &WalletId) -> Result<i64, Trouble> {
    // The references are [`USED`](tollgate_core::ledger::reserved::USED) and what follows.
    let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM transactions \
               WHERE wallet = $1 AND kind IN ('top_up', 'adjustment', 'refund') \
               AND (reference IS NULL OR reference NOT LIKE 'tollgate:used:%') \
               AND NOT (kind = 'adjustment' AND amount < 0 \
               AND COALESCE(reference, '') LIKE 'job:%:rest')";
    sum(database, sql, wallet).await
}

/// The same of every wallet.
pub(super) async fn given_to_all(database: &Database) -> Result<Vec<(WalletId, i64)>, Trouble> {
    let sql = "SELECT wallet, CAST(SUM(amount) AS BIGINT) FROM transactions \
               WHERE kind IN ('top_up', 'adjustment', 'refund') \
               AND (reference IS NULL OR reference NOT LIKE 'tollgate:used:%') \
               AND NOT (kind = 'adjustment' AND amount < 0 \
               AND COALESCE(reference, '') LIKE 'job:%:rest') GROUP BY wallet";
    let mut session = database.session(Purpose::Read).await?;
    let rows = session.rows(sql, &[]).await?;
    let read = |row: &Row| Ok((parse_wallet(&row.text(0)?)?, row.integer(1)?));
    rows.iter().map(read).collect()
}

/// What all of a wallet come to.
pub(super) async fn moved(database: &Database, wallet: &WalletId) -> Result<i64, Trouble> {
    let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM transactions \
               WHERE wallet = $1";
    sum(database, sql, wallet).await
}

/// What all of a wallet come to up to one of them.
pub(super) async fn moved_until(
    database: &Database,
    wallet: &WalletId,
    last: EntryId,
) -> Result<Option<i64>, Trouble> {
    let (wallet, last) = (wallet.to_string(), bytes(last));
    let sql = "SELECT CAST(SUM(amount) AS BIGINT) FROM transactions WHERE wallet = $1 \
               AND number <= (SELECT number FROM transactions WHERE id = $2 AND wallet = $1)";
    let mut session = database.session(Purpose::Read).await?;
    let values = [wallet.as_str().into(), last.as_slice().into()];
    let row = session.row(sql, &values).await?;
    row.map_or(Ok(None), |row| row.maybe_integer(0))
}

async fn sum(database: &Database, sql: &'static str, wallet: &WalletId) -> Result<i64, Trouble> {
    let wallet = wallet.to_string();
    let mut session = database.session(Purpose::Read).await?;
    let row = session.row(sql, &[wallet.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.integer(0))
}

async fn find(
    database: &Database,
    condition: &'static str,
    values: &[Value<'_>],
) -> Result<Vec<Transaction>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let sql = format!("SELECT {COLUMNS} FROM transactions WHERE {condition}");
    // Made of the texts above alone.
    let rows = session.rows(sqlx::AssertSqlSafe(sql), values).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Transaction, Trouble> {
    let wallet = row.text(3)?;
    let of = row.maybe_bytes(7)?.map(entry).transpose()?;
    Ok(Transaction {
        id: entry(row.bytes(0)?)?,
        page: row.count(1)?,
        at: row.time(2)?,
        wallet: parse_wallet(&wallet)?,
        kind: row.boxed(4)?,
        amount: row.integer(5)?,
        reference: row.maybe_boxed(6)?,
        of,
        reason: row.boxed(8)?,
    })
}

/// The wallet of such a text.
pub(super) fn parse_wallet(text: &str) -> Result<WalletId, Trouble> {
    WalletId::parse(text).ok_or_else(|| Trouble::other(format!("{text:?} is no wallet")))
}

fn bytes(id: EntryId) -> [u8; 16] {
    id.bits().to_be_bytes()
}

fn entry(bytes: &[u8]) -> Result<EntryId, Trouble> {
    let bytes = bytes.try_into().map_err(Trouble::other)?;
    Ok(EntryId::from_bits(u128::from_be_bytes(bytes)))
}
