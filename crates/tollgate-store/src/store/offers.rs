//! What operators offer to teams.

use tollgate_core::offer::{Offer, OfferKind};

use crate::database::{Database, Purpose, Row, Session, Trouble};

/// Everything that is offered.
pub(super) async fn read_all(database: &Database) -> Result<Vec<Offer>, Trouble> {
    let sql = "SELECT kind, name, document FROM offers ORDER BY kind, name";
    let mut session = database.session(Purpose::Read).await?;
    let rows = session.rows(sql, &[]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Offer, Trouble> {
    let (kind, name) = (row.text(0)?, row.text(1)?);
    let damaged = |trouble: Trouble| trouble.about(&format!("the offer {kind} {name} is damaged"));
    let known = OfferKind::from_name(&kind);
    let known = known.ok_or_else(|| damaged(Trouble::other("its kind is not known")))?;
    Offer::from_json(known, &row.text(2)?).map_err(|error| damaged(Trouble::other(error)))
}

/// Keeps one.
pub(super) async fn put(session: &mut Session<'_>, new: &Offer) -> Result<(), Trouble> {
    let sql = "INSERT INTO offers (kind, name, document) VALUES ($1, $2, $3) \
               ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document";
    let document = new.to_json().map_err(Trouble::other)?;
    let values = [
        new.kind().as_str().into(),
        new.name().into(),
        document.as_str().into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

/// Forgets one.
pub(super) async fn delete(
    session: &mut Session<'_>,
    kind: OfferKind,
    name: &str,
) -> Result<(), Trouble> {
    let sql = "DELETE FROM offers WHERE kind = $1 AND name = $2";
    let values = [kind.as_str().into(), name.into()];
    session.execute(sql, &values).await?;
    Ok(())
}
