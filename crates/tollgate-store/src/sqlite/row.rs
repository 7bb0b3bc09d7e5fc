//! Keys as rows: between the types of the core and the columns of the table.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::KeyId;
use tollgate_core::key::{KeyHash, ModelScope, Permissions, Priority, VirtualKey};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{StoreError, StoredKey};

/// The columns of a key that hold lists, as JSON.
pub(super) struct Lists {
    pub(super) permissions: String,
    pub(super) models: String,
}

impl Lists {
    pub(super) fn of(key: &VirtualKey) -> Result<Self, StoreError> {
        let json = |names: Vec<&str>| {
            serde_json::to_string(&names).map_err(|error| StoreError(error.into()))
        };
        Ok(Self {
            permissions: json(key.permissions.names().collect())?,
            models: json(key.models.patterns().collect())?,
        })
    }
}

/// Pairs of id and milliseconds as one JSON text.
pub(super) fn uses(uses: &[(KeyId, Timestamp)]) -> String {
    let pair = |(id, at): &(KeyId, Timestamp)| serde_json::json!([id.as_str(), at.as_millis()]);
    serde_json::Value::Array(uses.iter().map(pair).collect()).to_string()
}

/// Reads a key. Fails when a column holds what no version has written, and names the key.
pub(super) fn read(row: &SqliteRow) -> Result<StoredKey, StoreError> {
    let id: String = row.try_get("id").map_err(super::failed)?;
    columns(row, &id)
        .map_err(|error| StoreError(format!("the row of the key {id} is damaged: {error}").into()))
}

type Damage = Box<dyn std::error::Error + Send + Sync>;

fn columns(row: &SqliteRow, id: &str) -> Result<StoredKey, Damage> {
    let time = |name: &str| -> Result<Option<Timestamp>, Damage> {
        Ok(row
            .try_get::<Option<i64>, _>(name)?
            .map(Timestamp::from_millis))
    };
    let names = |name: &str| -> Result<Vec<String>, Damage> {
        Ok(serde_json::from_str(row.try_get(name)?)?)
    };
    let hash: &[u8] = row.try_get("hash")?;
    let permissions = names("permissions")?;
    let dialect: Option<&str> = row.try_get("error_dialect")?;
    let key = VirtualKey {
        id: KeyId::from_stored(id),
        name: row.try_get::<&str, _>("name")?.into(),
        hash: KeyHash::from_bytes(hash.try_into()?),
        prefix: row.try_get::<&str, _>("prefix")?.into(),
        last_four: row.try_get::<&str, _>("last_four")?.into(),
        permissions: Permissions::from_names(permissions.iter().map(String::as_str))
            .ok_or("a permission is not known")?,
        models: ModelScope::new(names("models")?),
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        priority: Priority::from_name(row.try_get("priority")?)
            .ok_or("the priority is not known")?,
        tenancy: Default::default(),
        reach: Default::default(),
        controls: Default::default(),
        error_dialect: match dialect {
            Some(name) => Some(Dialect::from_name(name).ok_or("the dialect is not known")?),
            None => None,
        },
        declared: false,
    };
    Ok(StoredKey {
        key,
        last_used_at: time("last_used_at")?,
    })
}
