//! Organizations, teams, users, connections and settings. There may be a hundred thousand teams,
//! and all are read at every start.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::AssertSqlSafe;
use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::tenant::{Organization, Role, Status, Team, User};
use tollgate_engine::port::{ConnectionFacts, Sealed, StoredConnection};

use super::{controls, job_terms};
use crate::database::{Database, Purpose, Row, Session, Trouble, Value};

/// How many rows are read with one statement.
const READ_AT_ONCE: usize = 1024;

/// Every organization.
pub(super) async fn organizations(database: &Database) -> Result<Vec<Organization>, Trouble> {
    let sql = "SELECT id, name, status, controls, keeps_bodies, created_at, metadata, updated_at \
               FROM organizations";
    let read = |row: &Row| {
        Ok(Organization {
            id: OrgId::from_stored(&row.text(0)?),
            name: row.boxed(1)?,
            status: status(row, 2)?,
            controls: controls::read(row.maybe_text(3)?.as_deref()).map_err(Trouble::other)?,
            keeps_bodies: row.integer(4)? != 0,
            metadata: row.maybe_boxed(6)?,
            created_at: row.time(5)?,
            updated_at: row.maybe_time(7)?,
            declared: false,
        })
    };
    let mut organizations = every(database, sql, |row| named("organization", row, read)).await?;
    organizations.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(organizations)
}

/// Every team.
pub(super) async fn teams(database: &Database) -> Result<Vec<Team>, Trouble> {
    let sql = "SELECT id, organization, name, status, controls, created_at, job_terms, metadata, \
               updated_at FROM teams";
    let mut organizations = BTreeMap::new();
    let mut read = |row: &Row| {
        let organization = shared(&mut organizations, &row.text(1)?);
        Ok(Team {
            id: TeamId::from_stored(&row.text(0)?),
            organization,
            name: row.boxed(2)?,
            status: status(row, 3)?,
            controls: controls::read(row.maybe_text(4)?.as_deref()).map_err(Trouble::other)?,
            job_terms: job_terms::read(row.maybe_text(6)?.as_deref()).map_err(Trouble::other)?,
            metadata: row.maybe_boxed(7)?,
            created_at: row.time(5)?,
            updated_at: row.maybe_time(8)?,
            declared: false,
        })
    };
    let mut teams = every(database, sql, |row| named("team", row, &mut read)).await?;
    teams.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(teams)
}

/// Every user.
pub(super) async fn users(database: &Database) -> Result<Vec<User>, Trouble> {
    let sql = "SELECT id, organization, email, role, status, controls, created_at FROM users";
    let mut organizations = BTreeMap::new();
    let mut read = |row: &Row| {
        let organization = shared(&mut organizations, &row.text(1)?);
        Ok(User {
            id: UserId::from_stored(&row.text(0)?),
            organization,
            email: row.boxed(2)?,
            role: Role::from_name(&row.text(3)?)
                .ok_or_else(|| Trouble::other("the role is not known"))?,
            status: status(row, 4)?,
            controls: controls::read(row.maybe_text(5)?.as_deref()).map_err(Trouble::other)?,
            created_at: row.time(6)?,
        })
    };
    let mut users = every(database, sql, |row| named("user", row, &mut read)).await?;
    users.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(users)
}

/// Reads every row of a table by its id, some at a time: a row of SQLite's in memory is several
/// times as large as what is made of it, and what a hundred thousand of them took is not given back
/// to the system.
async fn every<T>(
    database: &Database,
    selected: &'static str,
    mut read: impl FnMut(&Row) -> Result<T, Trouble>,
) -> Result<Vec<T>, Trouble> {
    let sql = format!("{selected} WHERE id > $1 ORDER BY id LIMIT {READ_AT_ONCE}");
    let mut session = database.session(Purpose::Read).await?;
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let values = [after.as_str().into()];
        let rows = session.rows(AssertSqlSafe(sql.clone()), &values).await?;
        for row in &rows {
            all.push(read(row)?);
        }
        match rows.last() {
            Some(last) if rows.len() == READ_AT_ONCE => after = last.text(0)?.into_owned(),
            _ => return Ok(all),
        }
    }
}

/// The id of an organization: those of one share its text.
fn shared(known: &mut BTreeMap<Box<str>, OrgId>, id: &str) -> OrgId {
    if let Some(known) = known.get(id) {
        return known.clone();
    }
    let made = OrgId::from_stored(id);
    known.insert(id.into(), made.clone());
    made
}

/// Every connection.
pub(super) async fn connections(database: &Database) -> Result<Vec<StoredConnection>, Trouble> {
    let sql = "SELECT name, organization, settings, sealed_with, sealed, created_at, slot, label, \
               made_by, is_off, updated_at FROM connections ORDER BY name";
    let mut session = database.session(Purpose::Read).await?;
    let rows = session.rows(sql, &[]).await?;
    let read = |row: &Row| {
        let sealed = match (row.maybe_boxed(3)?, row.maybe_bytes(4)?) {
            (Some(key_id), Some(bytes)) => Some(Sealed {
                key_id,
                bytes: Bytes::copy_from_slice(bytes),
            }),
            _ => None,
        };
        Ok(StoredConnection {
            name: row.boxed(0)?,
            organization: row.maybe_boxed(1)?,
            settings: row.boxed(2)?,
            sealed,
            facts: ConnectionFacts {
                slot: row.maybe_boxed(6)?,
                label: row.maybe_boxed(7)?,
                made_by: row.maybe_boxed(8)?,
                is_off: row.integer(9)? != 0,
                updated_at: row.maybe_time(10)?,
            },
            created_at: row.time(5)?,
        })
    };
    rows.iter()
        .map(|row| named("connection", row, read))
        .collect()
}

/// Says which row it was that holds what no version has written.
fn named<T>(
    kind: &str,
    row: &Row,
    read: impl FnOnce(&Row) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    read(row).map_err(|trouble| {
        let id = row.text(0).unwrap_or_default();
        trouble.about(&format!("the row of the {kind} {id} is damaged"))
    })
}

fn status(row: &Row, column: usize) -> Result<Status, Trouble> {
    let status = Status::from_name(&row.text(column)?);
    status.ok_or_else(|| Trouble::other("the status is not known"))
}

/// A setting of the deployment.
pub(super) async fn setting(database: &Database, name: &str) -> Result<Option<String>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let sql = "SELECT value FROM settings WHERE name = $1";
    let row = session.row(sql, &[name.into()]).await?;
    row.map(|row| row.text(0).map(std::borrow::Cow::into_owned))
        .transpose()
}

/// Writes a setting.
pub(super) async fn put_setting(
    session: &mut Session<'_>,
    name: &str,
    value: &str,
) -> Result<(), Trouble> {
    let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    session.execute(sql, &[name.into(), value.into()]).await?;
    Ok(())
}

/// Keeps an organization.
pub(super) async fn put_organization(
    session: &mut Session<'_>,
    new: &Organization,
) -> Result<(), Trouble> {
    let sql = "INSERT INTO organizations \
               (id, name, status, controls, keeps_bodies, created_at, metadata, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET \
               name = excluded.name, status = excluded.status, controls = excluded.controls, \
               keeps_bodies = excluded.keeps_bodies, created_at = excluded.created_at, \
               metadata = excluded.metadata, updated_at = excluded.updated_at";
    let controls = controls::write(&new.controls);
    let values = [
        new.id.as_str().into(),
        (&*new.name).into(),
        new.status.as_str().into(),
        controls.as_deref().into(),
        i64::from(new.keeps_bodies).into(),
        new.created_at.into(),
        new.metadata.as_deref().into(),
        new.updated_at.into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

/// Keeps a team.
pub(super) async fn put_team(session: &mut Session<'_>, new: &Team) -> Result<(), Trouble> {
    let sql = "INSERT INTO teams \
               (id, organization, name, status, controls, created_at, job_terms, metadata, \
               updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET \
               organization = excluded.organization, name = excluded.name, \
               status = excluded.status, controls = excluded.controls, \
               created_at = excluded.created_at, job_terms = excluded.job_terms, \
               metadata = excluded.metadata, updated_at = excluded.updated_at";
    let controls = controls::write(&new.controls);
    let terms = new.job_terms.as_deref().map(job_terms::write);
    let values = [
        new.id.as_str().into(),
        new.organization.as_str().into(),
        (&*new.name).into(),
        new.status.as_str().into(),
        controls.as_deref().into(),
        new.created_at.into(),
        terms.as_deref().into(),
        new.metadata.as_deref().into(),
        new.updated_at.into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

/// Keeps a user.
pub(super) async fn put_user(session: &mut Session<'_>, new: &User) -> Result<(), Trouble> {
    let sql = "INSERT INTO users (id, organization, email, role, status, controls, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
               organization = excluded.organization, email = excluded.email, \
               role = excluded.role, status = excluded.status, controls = excluded.controls, \
               created_at = excluded.created_at";
    let controls = controls::write(&new.controls);
    let values = [
        new.id.as_str().into(),
        new.organization.as_str().into(),
        (&*new.email).into(),
        new.role.as_str().into(),
        new.status.as_str().into(),
        controls.as_deref().into(),
        new.created_at.into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

/// Keeps a connection.
pub(super) async fn put_connection(
    session: &mut Session<'_>,
    new: &StoredConnection,
) -> Result<(), Trouble> {
    let sql = "INSERT INTO connections \
               (name, organization, settings, sealed_with, sealed, created_at, slot, label, made_by, \
               is_off, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
               ON CONFLICT (name) DO UPDATE SET \
               organization = excluded.organization, settings = excluded.settings, \
               sealed_with = excluded.sealed_with, sealed = excluded.sealed, \
               created_at = excluded.created_at, slot = excluded.slot, label = excluded.label, \
               made_by = excluded.made_by, is_off = excluded.is_off, \
               updated_at = excluded.updated_at";
    let facts = &new.facts;
    let sealed = new.sealed.as_ref();
    let values = [
        (&*new.name).into(),
        new.organization.as_deref().into(),
        (&*new.settings).into(),
        sealed.map(|sealed| &*sealed.key_id).into(),
        Value::Bytes(sealed.map(|sealed| &*sealed.bytes)),
        new.created_at.into(),
        facts.slot.as_deref().into(),
        facts.label.as_deref().into(),
        facts.made_by.as_deref().into(),
        i64::from(facts.is_off).into(),
        facts.updated_at.into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}
