//! `/api/keys` (seed 002): makes, lists, changes, revokes and rotates virtual keys. Each function gives
//! the status and the body of its answer.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate_core::address::AddressRange;
use tollgate_core::error::Failure;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::{TeamId, UserId};
use tollgate_core::key::{
    KeyProblem, ModelScope, Permissions, Priority, Reach, Tenancy, VirtualKey,
};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{Accounts, KeyEdit, NewKey};
use tollgate_engine::authority::Manager;
use tollgate_engine::keys::Entry;

use super::fields::Fields;
use super::page::{self, Page};
use super::{controls, words};
use crate::query::Query;

/// The surfaces to which a key may be bound: those of calls, and that of managing. What a key may
/// read, its permission says.
pub const SURFACES: &[&str] = &[
    "openai_chat",
    "openai_completions",
    "openai_responses",
    "openai_embeddings",
    "simple_chat",
    "anthropic_messages",
    "anthropic_count_tokens",
    "gemini_generate",
    "gemini_stream_generate",
    "gemini_count_tokens",
    "jobs",
    "admin",
];
const MOST_ADDRESSES: usize = 100;
/// Names of the configuration may be longer than ids that are chosen here.
const LONGEST_TENANT: usize = 256;
const LONGEST_MODEL: usize = 256;
const MOST_MODELS: usize = 1000;
const MOST_DAYS: u64 = 3650;
const MOST_HOURS: u64 = 24 * 365;
const DAY: u64 = 24 * 60 * 60;
const HOUR: u64 = 60 * 60;

/// `POST /api/keys`: makes a key. Its text is in this answer and nowhere else.
pub async fn create(
    accounts: &Accounts,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let new = new_key(&mut fields, accounts, by);
    let expires_at = expiry(&mut fields, accounts.now());
    fields.finish()?;
    make(accounts, by, NewKey { expires_at, ..new }).await
}

/// `POST /api/keys/temporary`: makes a key that ends after some hours.
pub async fn create_temporary(
    accounts: &Accounts,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let hours = fields.required_integer("expires_in_hours", 1..=MOST_HOURS);
    let new = new_key(&mut fields, accounts, by);
    fields.finish()?;
    let lifetime = Duration::from_secs(hours.unwrap_or_default() * HOUR);
    let expires_at = Some(accounts.now().after(lifetime));
    make(accounts, by, NewKey { expires_at, ..new }).await
}

/// What every key is made of, but for its end.
fn new_key(fields: &mut Fields, accounts: &Accounts, by: &Manager) -> NewKey {
    let usual = by.default_tenancy();
    let name = words::name(fields);
    let team = fields.text("team", LONGEST_TENANT);
    let user = fields.text("user", LONGEST_TENANT);
    NewKey {
        // A missing name has been a fault.
        name: name.unwrap_or_default(),
        permissions: permissions(fields).unwrap_or(Permissions::ALL),
        models: models(fields).unwrap_or_else(ModelScope::all),
        expires_at: None,
        error_dialect: dialect(fields),
        priority: priority(fields).unwrap_or_default(),
        tenancy: Tenancy {
            team: team.map_or(usual.team, |team| TeamId::from_stored(&team)),
            user: user.map(|user| UserId::from_stored(&user)).or(usual.user),
        },
        reach: Reach {
            surfaces: surfaces(fields),
            addresses: addresses(fields),
        },
        controls: controls::new(fields, accounts.clock()),
    }
}

/// `GET /api/keys`: the keys that the manager may see, the oldest first; of one `organization`,
/// `team`, `user` or `status` if the query names one.
pub fn list(
    accounts: &Accounts,
    by: &Manager,
    query: Option<&str>,
) -> Result<(u16, Value), Failure> {
    let query = Query::new(query);
    let page = Page::read(query)?;
    let now = accounts.now();
    let wanted = |name| page::text(query, name);
    let (organization, team) = (wanted("organization"), wanted("team"));
    let (user, state) = (wanted("user"), wanted("status"));
    let states = ["active", "expired", "revoked"];
    if state
        .as_deref()
        .is_some_and(|state| !states.contains(&state))
    {
        return Err(page::fault("status", "must be active, expired or revoked"));
    }
    let is =
        |wanted: &Option<Box<str>>, id: Option<&str>| wanted.is_none() || wanted.as_deref() == id;
    let all = accounts.keys(by, |entry| {
        is(&organization, Some(entry.team().organization().id.as_str()))
            && is(&team, Some(entry.team().id.as_str()))
            && is(&user, entry.user().map(|user| user.id.as_str()))
            && is(&state, Some(state_of(entry, now)))
    })?;
    Ok((
        200,
        page.of("keys", &all, |entry| row(accounts, entry, now)),
    ))
}

/// `GET /api/keys/{id}`: one key.
pub fn one(accounts: &Accounts, by: &Manager, id: &str) -> Result<(u16, Value), Failure> {
    let entry = accounts.key(by, id)?;
    Ok((200, row(accounts, &entry, accounts.now())))
}

/// `PATCH /api/keys/{id}`: changes what the body names; `null` takes away what need not be there.
pub async fn change(
    accounts: &Accounts,
    by: &Manager,
    (id, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let ends = fields.names("expires_at") || fields.names("expires_in_days");
    let (speaks, comes_by) = (fields.names("error_dialect"), fields.names("surfaces"));
    let comes_from = fields.names("addresses");
    let edit = KeyEdit {
        name: words::new_name(&mut fields),
        permissions: permissions(&mut fields),
        models: models(&mut fields),
        expires_at: Some(expiry(&mut fields, accounts.now())).filter(|_| ends),
        error_dialect: Some(dialect(&mut fields)).filter(|_| speaks),
        priority: priority(&mut fields),
        surfaces: Some(surfaces(&mut fields)).filter(|_| comes_by),
        addresses: Some(addresses(&mut fields)).filter(|_| comes_from),
        controls: controls::edit(&mut fields, accounts.clock()),
    };
    for name in ["team", "user"] {
        if fields.names(name) {
            fields.skip(name);
            let what = "cannot be changed: a key stays where it was made; make another one";
            fields.fault(name, "value_error", what);
        }
    }
    fields.finish()?;
    let entry = accounts.change_key(by, id, &edit).await?;
    Ok((200, row(accounts, &entry, accounts.now())))
}

/// `DELETE /api/keys/{id}`: revokes a key at once.
pub async fn revoke(accounts: &Accounts, by: &Manager, id: &str) -> Result<(u16, Value), Failure> {
    let key = accounts.revoke_key(by, id).await?;
    let message = format!("The key \"{}\" ({}) is revoked.", key.name, key.masked());
    Ok((200, json!({ "success": true, "message": message })))
}

/// `POST /api/keys/{id}/rotate`: gives a key a new text; the old one is dead at once.
pub async fn rotate(accounts: &Accounts, by: &Manager, id: &str) -> Result<(u16, Value), Failure> {
    let (key, secret) = accounts.rotate_key(by, id).await?;
    let body = json!({
        "id": key.id.as_str(),
        "key": secret.expose(),
        "key_prefix": key.masked(),
        "rotated_at": accounts.now().to_rfc3339(),
        "message": "The old key is dead. This one is shown once; keep it.",
    });
    Ok((200, body))
}

async fn make(accounts: &Accounts, by: &Manager, new: NewKey) -> Result<(u16, Value), Failure> {
    let (key, secret) = accounts.create_key(by, new).await?;
    Ok((201, made(&key, &secret)))
}

fn made(key: &VirtualKey, secret: &Secret) -> Value {
    let mut body = Map::new();
    body.insert("id".to_owned(), key.id.as_str().into());
    body.insert("key".to_owned(), secret.expose().into());
    body.extend(facts(key));
    body.insert(
        "message".to_owned(),
        "The key is shown once; keep it.".into(),
    );
    Value::Object(body)
}

fn row(accounts: &Accounts, entry: &Entry, now: Timestamp) -> Value {
    let key = entry.key();
    let readings = accounts.budgets_of_key(entry);
    let budgets = controls::told_budgets(&key.controls.budgets, &readings);
    let mut row = Map::new();
    row.insert("id".to_owned(), key.id.as_str().into());
    row.extend(facts(&key));
    row.insert(
        "organization".to_owned(),
        entry.team().organization().id.as_str().into(),
    );
    row.insert("budgets".to_owned(), budgets);
    row.insert("last_used_at".to_owned(), time(entry.last_used_at()));
    row.insert("revoked_at".to_owned(), time(key.revoked_at));
    row.insert("status".to_owned(), state_of(entry, now).into());
    row.insert("declared_in".to_owned(), entry.declared_at().into());
    Value::Object(row)
}

fn state_of(entry: &Entry, now: Timestamp) -> &'static str {
    match entry.check(now) {
        Ok(()) => "active",
        Err(KeyProblem::Expired) => "expired",
        Err(KeyProblem::Revoked) => "revoked",
    }
}

/// What is told of a key wherever it occurs.
fn facts(key: &VirtualKey) -> [(String, Value); 13] {
    let permissions: Vec<_> = key.permissions.names().collect();
    let models: Vec<_> = key.models.patterns().collect();
    let surfaces: Vec<&str> = key.reach.surfaces.iter().map(AsRef::as_ref).collect();
    let addresses = key.reach.addresses.iter().map(ToString::to_string);
    let addresses: Vec<String> = addresses.collect();
    let user = key.tenancy.user.as_ref().map(UserId::as_str);
    [
        ("name", Value::from(&*key.name)),
        ("key_prefix", key.masked().into()),
        ("team", key.tenancy.team.as_str().into()),
        ("user", user.into()),
        ("permissions", permissions.into()),
        ("models", models.into()),
        ("surfaces", surfaces.into()),
        ("addresses", addresses.into()),
        ("created_at", key.created_at.to_rfc3339().into()),
        ("expires_at", time(key.expires_at)),
        ("error_dialect", key.error_dialect.map(Dialect::name).into()),
        ("priority", key.priority.as_str().into()),
        ("limits", controls::told_limits(&key.controls.limits)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

fn time(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::to_rfc3339).into()
}

fn permissions(fields: &mut Fields) -> Option<Permissions> {
    let given = fields.texts("permissions", 16, |name| match name {
        "read" | "write" | "admin" => Ok(()),
        _ => Err("must be \"read\", \"write\" or \"admin\""),
    });
    // What is left out of the list by a fault never becomes a key.
    given.and_then(|names| Permissions::from_names(names.iter().map(String::as_str)))
}

fn surfaces(fields: &mut Fields) -> Box<[Box<str>]> {
    let given = fields.list("surfaces", SURFACES.len(), |name| {
        if SURFACES.contains(&name) {
            Ok(())
        } else {
            Err("must be a surface to which keys come, for example openai_chat")
        }
    });
    given.into_iter().map(String::into_boxed_str).collect()
}

fn addresses(fields: &mut Fields) -> Box<[AddressRange]> {
    let given = fields.list(
        "addresses",
        MOST_ADDRESSES,
        |text| match AddressRange::parse(text) {
            Some(_) => Ok(()),
            None => Err("must be an address or a range of them, for example 10.0.0.0/8"),
        },
    );
    let ranges = given.iter().filter_map(|text| AddressRange::parse(text));
    ranges.collect()
}

fn models(fields: &mut Fields) -> Option<ModelScope> {
    let given = fields.texts("models", MOST_MODELS, |model| {
        let name = model.strip_suffix('*').unwrap_or(model);
        if model.is_empty() || model.len() > LONGEST_MODEL {
            return Err("must have 1 to 256 bytes");
        }
        if name.contains('*') {
            return Err("may have a * at its end only");
        }
        if name
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control())
        {
            return Err("must not hold blanks or control characters");
        }
        Ok(())
    });
    given.map(ModelScope::new)
}

fn expiry(fields: &mut Fields, now: Timestamp) -> Option<Timestamp> {
    let days = fields.integer("expires_in_days", 1..=MOST_DAYS);
    let text = fields.text("expires_at", 64);
    if days.is_some() && text.is_some() {
        let what = "cannot be given together with `expires_in_days`";
        fields.fault("expires_at", "value_error", what);
        return None;
    }
    if let Some(days) = days {
        return Some(now.after(Duration::from_secs(days * DAY)));
    }
    let text = text?;
    let Ok(time) = text.parse::<jiff::Timestamp>() else {
        let what = "must be a time as in RFC 3339, for example 2030-01-31T12:00:00Z";
        fields.fault("expires_at", "value_error", what);
        return None;
    };
    let time = Timestamp::from_millis(time.as_millisecond());
    if time <= now {
        fields.fault("expires_at", "value_error", "must be in the future");
        return None;
    }
    Some(time)
}

fn dialect(fields: &mut Fields) -> Option<Dialect> {
    let name = fields.text("error_dialect", 32)?;
    let dialect = Dialect::from_name(&name);
    if dialect.is_none() {
        let what = "must be openai, langmart, detail, anthropic, gemini or problem";
        fields.fault("error_dialect", "value_error", what);
    }
    dialect
}

fn priority(fields: &mut Fields) -> Option<Priority> {
    let name = fields.text("priority", 32)?;
    let priority = Priority::from_name(&name);
    if priority.is_none() {
        fields.fault("priority", "value_error", "must be low, normal or high");
    }
    priority
}

#[cfg(test)]
mod tests;
