//! `/api/connections`: connections that operators make while the gateway runs. Each function gives
//! the status and the body of its answer. A credential goes in and never comes out.

use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_core::error::{Code, Failure};
use tollgate_core::secret::Secret;
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::port::{ConnectionKeeper, NewConnection};

use super::connections;
use super::fields::Fields;

/// The most characters of a name, of an address and of a credential.
const LONGEST_NAME: usize = 64;
const LONGEST_TEXT: usize = 2048;
const LONGEST_CREDENTIAL: usize = 8192;
/// No limit is larger.
const MOST: u64 = 1_000_000_000;

/// The settings that are texts, by their words in the configuration.
const TEXTS: [&str; 8] = [
    "provider",
    "base_url",
    "auth",
    "region",
    "location",
    "project",
    "api_version",
    "format",
];

/// `POST /api/connections`: makes a connection, in use from then on. Fails if its name is taken or
/// its settings could not be used.
pub(crate) async fn create(
    engine: &Engine,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let name = fields.required_text("name", LONGEST_NAME);
    let new = described(&mut fields, name.as_deref().unwrap_or_default());
    fields.finish()?;
    let name = new.name.clone();
    keeper(engine)?.create(new, by).await?;
    let (_, row) = connections::one(engine, &name)?;
    Ok((201, row))
}

/// `PUT /api/connections/{name}`: other settings in place of those that it has. Fails if there is
/// no such connection, if the configuration declares it, and if they could not be used.
pub(crate) async fn replace(
    engine: &Engine,
    by: &Manager,
    (name, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let new = described(&mut fields, name);
    fields.finish()?;
    keeper(engine)?.replace(new, by).await?;
    connections::one(engine, name)
}

/// `POST /api/connections/{name}/update-key`: another credential. Fails as the above.
pub(crate) async fn update_key(
    engine: &Engine,
    by: &Manager,
    (name, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let credential = fields.required_text("api_key", LONGEST_CREDENTIAL);
    fields.finish()?;
    // A missing one has been a fault.
    let credential = credential.ok_or_else(|| Failure::client(Code::InvalidRequest))?;
    let credential = Secret::new(credential);
    keeper(engine)?.update_key(name, credential, by).await?;
    connections::one(engine, name)
}

/// `DELETE /api/connections/{name}`: forgets it, and answers with what it was. Fails as the above.
pub(crate) async fn delete(
    engine: &Engine,
    by: &Manager,
    name: &str,
) -> Result<(u16, Value), Failure> {
    let (status, row) = connections::one(engine, name)?;
    keeper(engine)?.delete(name, by).await?;
    Ok((status, row))
}

fn keeper(engine: &Engine) -> Result<&Arc<dyn ConnectionKeeper>, Failure> {
    let keeper = engine.keeper.get();
    keeper.ok_or_else(|| Failure::client(Code::UnknownUrl))
}

/// What a body says of a connection. Whether it is any good, the keeper says.
fn described(fields: &mut Fields, name: &str) -> NewConnection {
    let mut settings = Map::new();
    for key in TEXTS {
        let text = if key == "provider" {
            fields.required_text(key, LONGEST_TEXT)
        } else {
            fields.text(key, LONGEST_TEXT)
        };
        if let Some(text) = text {
            settings.insert(key.to_owned(), text.into());
        }
    }
    if let Some(limits) = fields.object("limits", limits) {
        settings.insert("limits".to_owned(), Value::Object(limits));
    }
    let organization = fields.text("organization", LONGEST_NAME);
    let credential = fields.text("api_key", LONGEST_CREDENTIAL);
    NewConnection {
        name: name.into(),
        organization: organization.map(Into::into),
        settings: Value::Object(settings).to_string().into(),
        credential: credential.map(Secret::new),
        facts: None,
    }
}

fn limits(fields: &mut Fields) -> Map<String, Value> {
    let mut limits = Map::new();
    for key in ["rpm", "tpm", "parallel"] {
        if let Some(limit) = fields.integer(key, 1..=MOST) {
            limits.insert(key.to_owned(), limit.into());
        }
    }
    limits
}
