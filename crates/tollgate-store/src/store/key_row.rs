//! Keys as rows: between the types of the core and the columns of the table.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use serde::Deserialize;
use tollgate_core::address::AddressRange;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::{KeyId, TeamId, UserId};
use tollgate_core::key::{KeyHash, ModelScope, Permissions, Priority, Reach, Tenancy, VirtualKey};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::StoredKey;

use super::controls;
use crate::database::{Row, Trouble, Value};

/// What the columns hold of most keys. It is not read for each of them.
const USUAL_PERMISSIONS: &str = r#"["read","write"]"#;
const USUAL_MODELS: &str = r#"["*"]"#;

/// How many columns of a key change with it.
pub(super) const CHANGING: usize = 17;

/// The columns of a key in the order of the statements, but for its birth and its last use.
pub(super) struct Texts {
    addresses: Option<String>,
    controls: Option<String>,
    models: String,
    permissions: String,
    surfaces: Option<String>,
}

impl Texts {
    pub(super) fn of(key: &VirtualKey) -> Result<Self, Trouble> {
        let json = |names: Vec<&str>| serde_json::to_string(&names).map_err(Trouble::other);
        let reach = &key.reach;
        let surfaces: Vec<&str> = reach.surfaces.iter().map(AsRef::as_ref).collect();
        let addresses: Vec<String> = reach.addresses.iter().map(ToString::to_string).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let listed = |names: Vec<&str>| match names.as_slice() {
            [] => Ok(None),
            _ => json(names).map(Some),
        };
        Ok(Self {
            addresses: listed(addresses)?,
            controls: controls::write(&key.controls),
            models: json(key.models.patterns().collect())?,
            permissions: json(key.permissions.names().collect())?,
            surfaces: listed(surfaces)?,
        })
    }

    /// The values of the changing columns.
    pub(super) fn values<'a>(&'a self, key: &'a VirtualKey) -> [Value<'a>; CHANGING] {
        [
            key.id.as_str().into(),
            (&*key.name).into(),
            key.hash.as_bytes().as_slice().into(),
            (&*key.prefix).into(),
            (&*key.last_four).into(),
            self.permissions.as_str().into(),
            self.models.as_str().into(),
            key.expires_at.into(),
            key.revoked_at.into(),
            key.error_dialect.map(Dialect::name).into(),
            key.priority.as_str().into(),
            key.tenancy.team.as_str().into(),
            key.tenancy.user.as_ref().map(UserId::as_str).into(),
            self.surfaces.as_deref().into(),
            self.addresses.as_deref().into(),
            self.controls.as_deref().into(),
            key.created_at.into(),
        ]
    }
}

/// A key as it is read, whatever the database. `None` stands for what most keys have.
#[derive(Deserialize)]
pub(super) struct Columns<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    /// In hexadecimal digits.
    #[serde(borrow)]
    pub(super) hash: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) prefix: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) last_four: Cow<'a, str>,
    pub(super) permissions: Option<String>,
    pub(super) models: Option<String>,
    pub(super) created_at: i64,
    pub(super) expires_at: Option<i64>,
    pub(super) revoked_at: Option<i64>,
    pub(super) last_used_at: Option<i64>,
    pub(super) error_dialect: Option<String>,
    pub(super) priority: Option<String>,
    #[serde(borrow)]
    pub(super) team: Cow<'a, str>,
    pub(super) user: Option<String>,
    pub(super) surfaces: Option<String>,
    pub(super) addresses: Option<String>,
    pub(super) controls: Option<String>,
}

/// The columns as both databases give them, in the order of [`Columns`]: what most keys have is
/// left out, so that it need not be carried and read a million times.
pub(super) fn selected(hash: &str) -> String {
    format!(
        "id, name, {hash}, prefix, last_four, \
         nullif(permissions, '{USUAL_PERMISSIONS}'), nullif(models, '{USUAL_MODELS}'), \
         created_at, expires_at, revoked_at, last_used_at, error_dialect, \
         nullif(priority, 'normal'), team, user_id, surfaces, addresses, controls"
    )
}

impl<'a> Columns<'a> {
    /// Reads a row whose columns are those of [`selected`].
    pub(super) fn of(row: &'a Row) -> Result<Self, Trouble> {
        let maybe = |column| Ok::<_, Trouble>(row.maybe_text(column)?.map(Cow::into_owned));
        Ok(Self {
            id: row.text(0)?,
            name: row.text(1)?,
            hash: row.text(2)?,
            prefix: row.text(3)?,
            last_four: row.text(4)?,
            permissions: maybe(5)?,
            models: maybe(6)?,
            created_at: row.integer(7)?,
            expires_at: row.maybe_integer(8)?,
            revoked_at: row.maybe_integer(9)?,
            last_used_at: row.maybe_integer(10)?,
            error_dialect: maybe(11)?,
            priority: maybe(12)?,
            team: row.text(13)?,
            user: maybe(14)?,
            surfaces: maybe(15)?,
            addresses: maybe(16)?,
            controls: maybe(17)?,
        })
    }
}

type Damage = Box<dyn Error + Send + Sync>;

/// Makes keys of columns. Ids that many keys share are kept once.
#[derive(Default)]
pub(super) struct Maker {
    teams: HashMap<Box<str>, TeamId>,
    users: HashMap<Box<str>, UserId>,
}

impl Maker {
    /// Fails when a column holds what no version has written, and names the key.
    pub(super) fn make(&mut self, columns: &Columns<'_>) -> Result<StoredKey, Trouble> {
        self.key(columns).map_err(|error| {
            let id = &columns.id;
            Trouble::other(format!("the row of the key {id} is damaged: {error}"))
        })
    }

    fn key(&mut self, columns: &Columns<'_>) -> Result<StoredKey, Damage> {
        let time = |ms: Option<i64>| ms.map(Timestamp::from_millis);
        let key = VirtualKey {
            id: KeyId::from_stored(&columns.id),
            name: (&*columns.name).into(),
            hash: KeyHash::from_bytes(bytes(&columns.hash).ok_or("the hash is not one")?),
            prefix: (&*columns.prefix).into(),
            last_four: (&*columns.last_four).into(),
            permissions: permissions(columns.permissions.as_deref())?,
            models: match &columns.models {
                None => ModelScope::all(),
                Some(text) => ModelScope::new(serde_json::from_str::<Vec<String>>(text)?),
            },
            created_at: Timestamp::from_millis(columns.created_at),
            expires_at: time(columns.expires_at),
            revoked_at: time(columns.revoked_at),
            error_dialect: match &columns.error_dialect {
                None => None,
                Some(name) => Some(Dialect::from_name(name).ok_or("the dialect is not known")?),
            },
            priority: match &columns.priority {
                None => Priority::Normal,
                Some(name) => Priority::from_name(name).ok_or("the priority is not known")?,
            },
            tenancy: self.tenancy(&columns.team, columns.user.as_deref()),
            reach: reach(columns)?.into(),
            controls: controls::read(columns.controls.as_deref())?.into(),
            declared: false,
        };
        Ok(StoredKey {
            key: Arc::new(key),
            last_used_at: time(columns.last_used_at),
        })
    }

    fn tenancy(&mut self, team: &str, user: Option<&str>) -> Tenancy {
        let team = if let Some(there) = self.teams.get(team) {
            there.clone()
        } else {
            let id = TeamId::from_stored(team);
            self.teams.insert(team.into(), id.clone());
            id
        };
        let user = user.map(|user| {
            if let Some(there) = self.users.get(user) {
                there.clone()
            } else {
                let id = UserId::from_stored(user);
                self.users.insert(user.into(), id.clone());
                id
            }
        });
        Tenancy { team, user }
    }
}

fn permissions(text: Option<&str>) -> Result<Permissions, Damage> {
    let Some(text) = text else {
        return Ok(Permissions::ALL);
    };
    let names: Vec<String> = serde_json::from_str(text)?;
    let known = Permissions::from_names(names.iter().map(String::as_str));
    known.ok_or_else(|| "a permission is not known".into())
}

fn reach(columns: &Columns<'_>) -> Result<Reach, Damage> {
    let surfaces = match &columns.surfaces {
        None => Box::default(),
        Some(text) => serde_json::from_str::<Vec<Box<str>>>(text)?.into(),
    };
    let addresses = match &columns.addresses {
        None => Box::default(),
        Some(text) => {
            let texts: Vec<String> = serde_json::from_str(text)?;
            let ranges = texts.iter().map(|text| AddressRange::parse(text));
            let ranges: Option<_> = ranges.collect();
            ranges.ok_or("an address is not one")?
        }
    };
    Ok(Reach {
        surfaces,
        addresses,
    })
}

/// The bytes of 64 hexadecimal digits.
fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let pairs = digits.as_bytes().chunks_exact(2);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = *pair else { return None };
        *byte = (digit(high)? << 4) | digit(low)?;
    }
    Some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
