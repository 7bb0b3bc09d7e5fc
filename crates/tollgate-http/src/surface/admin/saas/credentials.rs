//! `/api/provider-credentials`: accounts of organizations at providers. Each is a connection of
//! the organization; its key goes in, is kept encrypted, and never comes out.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::secret::Secret;
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::port::{ConnectionKeeper, KeptConnection, NewConnection};

use super::super::fields::Fields;
use super::super::named;
use super::{Asked, missing, wrong};
use crate::routes::saas::Credential;

const LONGEST_NAME: usize = 256;
const LONGEST_TEXT: usize = 2048;
const LONGEST_CREDENTIAL: usize = 8192;
/// What the names of these connections begin with.
const PREFIX: &str = "credential.";
/// The providers of seed 001, and what they are called here.
const PROVIDERS: [(&str, &str); 4] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("gemini", "google"),
    ("fireworks", "fireworks"),
];

/// The word that a provider of seed 001 has here; other words stay.
pub(super) fn provider_word(word: &str) -> &str {
    let mut known = PROVIDERS.iter();
    known
        .find(|(theirs, _)| *theirs == word)
        .map_or(word, |(_, ours)| ours)
}

/// A name with nothing in it that names of connections may not have.
pub(super) fn plain(name: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
            letter
        } else {
            '-'
        }
    };
    name.chars().map(plain).take(40).collect()
}

/// Whoever keeps connections.
pub(super) fn keeper(engine: &Engine) -> Result<&Arc<dyn ConnectionKeeper>, Failure> {
    let missing = || Failure::gateway(Code::InternalError).because("nobody keeps connections");
    engine.keeper.get().ok_or_else(missing)
}

/// Does what the place and the method say.
pub(super) async fn act(
    engine: &Engine,
    by: &Manager,
    place: Credential<'_>,
    asked: &Asked<'_>,
) -> Result<(u16, Value), Failure> {
    match (place, asked.method) {
        (Credential::New, _) => create(engine, by, &asked.body).await,
        (Credential::One(id), &Method::PUT) => change(engine, by, (&named(id)?, &asked.body)).await,
        (Credential::One(id), &Method::DELETE) => delete(engine, by, &named(id)?).await,
        (Credential::One(id), _) => Ok((200, row(&find(engine, &named(id)?)?))),
        (Credential::Organization(id), _) => {
            let id = named(id)?;
            Ok((
                200,
                rows(engine, |kept| kept.organization.as_deref() == Some(&*id))?,
            ))
        }
        (Credential::Provider(id, provider), _) => of_provider(engine, &named(id)?, provider),
        (Credential::All, _) => {
            let organization = asked.query.first("organization_id");
            let provider = asked.query.first("provider");
            let wanted = |kept: &KeptConnection| {
                organization
                    .as_deref()
                    .is_none_or(|id| kept.organization.as_deref() == Some(id))
                    && provider
                        .as_deref()
                        .is_none_or(|word| provider_of(kept) == word)
            };
            Ok((200, rows(engine, wanted)?))
        }
    }
}

fn all(engine: &Engine) -> Result<Vec<KeptConnection>, Failure> {
    let mut kept = keeper(engine)?.list();
    kept.retain(|kept| kept.name.starts_with(PREFIX));
    Ok(kept)
}

fn rows(engine: &Engine, wanted: impl Fn(&KeptConnection) -> bool) -> Result<Value, Failure> {
    let all = all(engine)?;
    Ok(all.iter().filter(|kept| wanted(kept)).map(row).collect())
}

fn find(engine: &Engine, id: &str) -> Result<KeptConnection, Failure> {
    let found = all(engine)?.into_iter().find(|kept| *kept.name == *id);
    let text = || format!("Provider credential '{id}' not found");
    found.ok_or_else(|| missing("provider_credential", text()))
}

fn of_provider(engine: &Engine, id: &str, provider: &str) -> Result<(u16, Value), Failure> {
    check_provider(provider)?;
    let found = all(engine)?
        .into_iter()
        .find(|kept| is_of(kept, id, provider));
    let text =
        || format!("No active credential found for organization '{id}' and provider '{provider}'");
    let kept = found.ok_or_else(|| missing("provider_credential", text()))?;
    Ok((200, row(&kept)))
}

fn is_of(kept: &KeptConnection, organization: &str, provider: &str) -> bool {
    kept.organization.as_deref() == Some(organization) && provider_of(kept) == provider
}

fn settings(kept: &KeptConnection) -> Value {
    serde_json::from_str(&kept.settings).unwrap_or_default()
}

/// The provider, in the word of seed 001.
fn provider_of(kept: &KeptConnection) -> String {
    let settings = settings(kept);
    let word = settings
        .get("provider")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut known = PROVIDERS.iter();
    let theirs = known.find(|(_, ours)| *ours == word);
    theirs.map_or(word, |(theirs, _)| theirs).to_owned()
}

fn row(kept: &KeptConnection) -> Value {
    json!({
        "credential_id": &*kept.name,
        "credential_name": &*kept.name,
        "organization_id": kept.organization.as_deref(),
        "provider": provider_of(kept),
        "api_base": settings(kept).get("base_url"),
        "has_api_key": kept.has_credential,
        "is_active": true,
        "created_at": kept.created_at.to_rfc3339(),
        "updated_at": kept.created_at.to_rfc3339(),
    })
}

fn check_provider(word: &str) -> Result<(), Failure> {
    let known = PROVIDERS.map(|(theirs, _)| theirs);
    if known.contains(&word) {
        return Ok(());
    }
    let known = known.join(", ");
    Err(wrong(format!(
        "Invalid provider: {word}. Must be one of: {known}"
    )))
}

async fn create(engine: &Engine, by: &Manager, body: &[u8]) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let organization = fields.required_text("organization_id", LONGEST_NAME);
    let provider = fields.required_text("provider", LONGEST_NAME);
    let key = fields.required_text("api_key", LONGEST_CREDENTIAL);
    let base = fields.text("api_base", LONGEST_TEXT);
    fields.finish_leniently()?;
    let (organization, provider) = (
        organization.unwrap_or_default(),
        provider.unwrap_or_default(),
    );
    check_provider(&provider)?;
    engine
        .accounts
        .organization(by, &organization)
        .map_err(|failure| {
            super::worded(failure, "organization", || {
                format!("Organization '{organization}' not found")
            })
        })?;
    if all(engine)?
        .iter()
        .any(|kept| is_of(kept, &organization, &provider))
    {
        return Err(wrong(format!(
            "Organization '{organization}' already has an active credential for provider \
             '{provider}'. Deactivate the existing one first or update it."
        )));
    }
    let name = format!("{PREFIX}{}.{provider}", plain(&organization));
    let new = described(
        &name,
        (&organization, &provider),
        base,
        key.map(Secret::new),
    );
    keeper(engine)?.create(new, by).await?;
    Ok((200, row(&find(engine, &name)?)))
}

fn described(
    name: &str,
    (organization, provider): (&str, &str),
    base: Option<String>,
    credential: Option<Secret>,
) -> NewConnection {
    let mut settings = json!({"provider": provider_word(provider)});
    if let (Some(base), Value::Object(members)) = (base, &mut settings) {
        members.insert("base_url".to_owned(), base.into());
    }
    NewConnection {
        name: name.into(),
        organization: Some(organization.into()),
        settings: settings.to_string().into(),
        credential,
    }
}

async fn change(
    engine: &Engine,
    by: &Manager,
    (id, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let kept = find(engine, id)?;
    let mut fields = Fields::read(body)?;
    let key = fields.text("api_key", LONGEST_CREDENTIAL).map(Secret::new);
    let names_base = fields.names("api_base");
    let base = fields.text("api_base", LONGEST_TEXT);
    fields.finish_leniently()?;
    let old = settings(&kept);
    let old = old
        .get("base_url")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let base = if names_base { base } else { old };
    let organization = kept.organization.clone().unwrap_or_default();
    let new = described(&kept.name, (&organization, &provider_of(&kept)), base, key);
    keeper(engine)?.replace(new, by).await?;
    Ok((200, row(&find(engine, id)?)))
}

async fn delete(engine: &Engine, by: &Manager, id: &str) -> Result<(u16, Value), Failure> {
    find(engine, id)?;
    keeper(engine)?.delete(id, by).await?;
    let message = format!("Provider credential '{id}' deleted successfully");
    Ok((200, json!({"credential_id": id, "message": message})))
}
