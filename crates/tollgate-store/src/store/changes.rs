//! What operators change, all or nothing.

use tollgate_core::audit::AuditRow;
use tollgate_engine::fault;
use tollgate_engine::port::Change;

use super::{audit, keys, offers, tenants};
use crate::database::{Database, Purpose, Session, Trouble};

/// Makes changes and writes rows of the audit log.
pub(super) async fn make(
    database: &Database,
    changes: &[Change],
    audit: &[AuditRow],
) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    session.begin(database).await?;
    fault::point("store.change_begun");
    if let Err(trouble) = all(&mut session, changes, audit).await {
        session.rollback().await;
        return Err(trouble);
    }
    session.commit().await?;
    fault::point("store.change_committed");
    Ok(())
}

/// Makes changes and writes rows of the audit log, within a transaction.
pub(super) async fn all(
    session: &mut Session<'_>,
    changes: &[Change],
    audit: &[AuditRow],
) -> Result<(), Trouble> {
    for change in changes {
        match change {
            Change::InsertKey(key) => keys::insert(session, key).await?,
            Change::UpdateKey(key) => keys::update(session, key).await?,
            Change::PutOrganization(new) => tenants::put_organization(session, new).await?,
            Change::PutTeam(new) => tenants::put_team(session, new).await?,
            Change::PutUser(new) => tenants::put_user(session, new).await?,
            Change::DeleteUser(id) => {
                let sql = "DELETE FROM users WHERE id = $1";
                session.execute(sql, &[(&**id).into()]).await?;
            }
            Change::DeleteTeam(id) => {
                let sql = "DELETE FROM teams WHERE id = $1";
                session.execute(sql, &[(&**id).into()]).await?;
            }
            Change::PutOffer(new) => offers::put(session, new).await?,
            Change::DeleteOffer { kind, name } => offers::delete(session, *kind, name).await?,
            Change::PutConnection(new) => tenants::put_connection(session, new).await?,
            Change::DeleteConnection(name) => {
                let sql = "DELETE FROM connections WHERE name = $1";
                session.execute(sql, &[(&**name).into()]).await?;
            }
            Change::SetSetting { name, value } => {
                tenants::put_setting(session, name, value).await?;
            }
        }
    }
    audit::insert(session, audit).await
}
