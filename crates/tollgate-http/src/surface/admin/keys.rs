//! `/api/keys` (seed 002): makes, lists, revokes and rotates virtual keys. Each function gives
//! the status and the body of its answer.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate_core::error::Failure;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::key::{KeyProblem, ModelScope, Permissions, Priority, VirtualKey};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{Accounts, NewKey};
use tollgate_engine::keys::Entry;

use super::fields::Fields;

const LONGEST_NAME: usize = 100;
const LONGEST_MODEL: usize = 256;
const MOST_MODELS: usize = 1000;
const MOST_DAYS: u64 = 3650;
const MOST_HOURS: u64 = 24 * 365;
const DAY: u64 = 24 * 60 * 60;
const HOUR: u64 = 60 * 60;

/// `POST /api/keys`: makes a key. Its text is in this answer and nowhere else.
pub async fn create(accounts: &Accounts, body: &[u8]) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let name = fields.required_text("name", LONGEST_NAME);
    let permissions = permissions(&mut fields);
    let models = models(&mut fields);
    let expires_at = expiry(&mut fields, accounts.now());
    let error_dialect = dialect(&mut fields);
    let priority = priority(&mut fields);
    fields.finish()?;
    let new = NewKey {
        // A missing name has been a fault.
        name: name.unwrap_or_default().trim().into(),
        permissions,
        models,
        expires_at,
        error_dialect,
        priority,
        tenancy: Default::default(),
        reach: Default::default(),
        controls: Default::default(),
    };
    make(accounts, new).await
}

/// `POST /api/keys/temporary`: makes a key that ends after some hours.
pub async fn create_temporary(accounts: &Accounts, body: &[u8]) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let name = fields.required_text("name", LONGEST_NAME);
    let hours = fields.required_integer("expires_in_hours", 1..=MOST_HOURS);
    let permissions = permissions(&mut fields);
    let models = models(&mut fields);
    let error_dialect = dialect(&mut fields);
    let priority = priority(&mut fields);
    fields.finish()?;
    let lifetime = Duration::from_secs(hours.unwrap_or_default() * HOUR);
    let new = NewKey {
        name: name.unwrap_or_default().trim().into(),
        permissions,
        models,
        expires_at: Some(accounts.now().after(lifetime)),
        error_dialect,
        priority,
        tenancy: Default::default(),
        reach: Default::default(),
        controls: Default::default(),
    };
    make(accounts, new).await
}

/// `GET /api/keys`: every key, the oldest first. Never fails; it answers as its siblings do.
pub fn list(accounts: &Accounts) -> Result<(u16, Value), Failure> {
    let now = accounts.now();
    let keys: Vec<Value> = accounts
        .list()
        .iter()
        .map(|entry| row(entry, now))
        .collect();
    Ok((200, json!({ "keys": keys })))
}

/// `GET /api/keys/{id}`: one key.
pub fn one(accounts: &Accounts, id: &str) -> Result<(u16, Value), Failure> {
    let entry = accounts.get(id)?;
    Ok((200, row(&entry, accounts.now())))
}

/// `DELETE /api/keys/{id}`: revokes a key at once.
pub async fn revoke(accounts: &Accounts, id: &str) -> Result<(u16, Value), Failure> {
    let key = accounts.revoke(id).await?;
    let message = format!("The key \"{}\" ({}) is revoked.", key.name, key.masked());
    Ok((200, json!({ "success": true, "message": message })))
}

/// `POST /api/keys/{id}/rotate`: gives a key a new text; the old one is dead at once.
pub async fn rotate(accounts: &Accounts, id: &str) -> Result<(u16, Value), Failure> {
    let (key, secret) = accounts.rotate(id).await?;
    let body = json!({
        "id": key.id.as_str(),
        "key": secret.expose(),
        "key_prefix": key.masked(),
        "rotated_at": accounts.now().to_rfc3339(),
        "message": "The old key is dead. This one is shown once; keep it.",
    });
    Ok((200, body))
}

async fn make(accounts: &Accounts, new: NewKey) -> Result<(u16, Value), Failure> {
    let (key, secret) = accounts.create(new).await?;
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

fn row(entry: &Entry, now: Timestamp) -> Value {
    let key = entry.key();
    let status = match key.check(now) {
        Ok(()) => "active",
        Err(KeyProblem::Expired) => "expired",
        Err(KeyProblem::Revoked) => "revoked",
    };
    let mut row = Map::new();
    row.insert("id".to_owned(), key.id.as_str().into());
    row.extend(facts(&key));
    row.insert("last_used_at".to_owned(), time(entry.last_used_at()));
    row.insert("revoked_at".to_owned(), time(key.revoked_at));
    row.insert("status".to_owned(), status.into());
    row.insert("declared_in".to_owned(), entry.declared_at().into());
    Value::Object(row)
}

/// What is told of a key wherever it occurs.
fn facts(key: &VirtualKey) -> [(String, Value); 8] {
    let permissions: Vec<_> = key.permissions.names().collect();
    let models: Vec<_> = key.models.patterns().collect();
    [
        ("name", Value::from(&*key.name)),
        ("key_prefix", key.masked().into()),
        ("permissions", permissions.into()),
        ("models", models.into()),
        ("created_at", key.created_at.to_rfc3339().into()),
        ("expires_at", time(key.expires_at)),
        ("error_dialect", key.error_dialect.map(Dialect::name).into()),
        ("priority", key.priority.as_str().into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

fn time(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::to_rfc3339).into()
}

fn permissions(fields: &mut Fields) -> Permissions {
    let given = fields.texts("permissions", 16, |name| match name {
        "read" | "write" => Ok(()),
        "admin" => Err("cannot be given to a key: administration takes the admin key"),
        _ => Err("must be \"read\" or \"write\""),
    });
    // What is left out of the list by a fault never becomes a key.
    given
        .and_then(|names| Permissions::from_names(names.iter().map(String::as_str)))
        .unwrap_or(Permissions::ALL)
}

fn models(fields: &mut Fields) -> ModelScope {
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
    given.map_or_else(ModelScope::all, ModelScope::new)
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

fn priority(fields: &mut Fields) -> Priority {
    let Some(name) = fields.text("priority", 32) else {
        return Priority::default();
    };
    let priority = Priority::from_name(&name);
    if priority.is_none() {
        fields.fault("priority", "value_error", "must be low, normal or high");
    }
    // After a fault no key is made.
    priority.unwrap_or_default()
}

#[cfg(test)]
mod tests;
