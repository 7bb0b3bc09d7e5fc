//! `/api/provider-credentials`: accounts at providers, as seed 001 has them. Each is a connection
//! of its organization, which serves nobody else. Its key is sealed at rest and never comes out.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::secret::Secret;
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::port::{ConnectionFacts, ConnectionKeeper, KeptConnection, NewConnection};

use super::super::fields::Fields;
use super::super::{named, page};
use super::{Asked, conflict, missing, wrong};
use crate::query::Query;
use crate::routes::saas::Credential;

const LONGEST_NAME: usize = 256;
const LONGEST_TEXT: usize = 2048;
const LONGEST_CREDENTIAL: usize = 8192;
/// How often a free name is looked for.
const TRIES: u32 = 4;
/// The providers of seed 001, and what they are called here.
const PROVIDERS: [(&str, &str); 4] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("gemini", "google"),
    ("fireworks", "fireworks"),
];

/// The word that a provider of seed 001 has here; other words stay.
pub fn provider_word(word: &str) -> &str {
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
    name.chars().map(plain).take(36).collect()
}

/// A name that no connection has: this one, or with a number behind it.
pub(super) fn free_name(engine: &Engine, wanted: &str) -> Result<Box<str>, Failure> {
    let kept = keeper(engine)?.list();
    let known = engine.registry.connections();
    let is_free = |name: &str| {
        !kept.iter().any(|kept| *kept.name == *name)
            && !known.iter().any(|(declared, _)| *declared.name == *name)
    };
    let numbered = (2..=u32::MAX).map(|number| format!("{wanted}.{number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    let free = names.find(|name| is_free(name));
    Ok(free.unwrap_or_default().into())
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
        (Credential::Use(id, is_on), _) => set_use(engine, by, (&named(id)?, is_on)).await,
        (Credential::Organization(id), _) => {
            let id = named(id)?;
            let of = |kept: &KeptConnection| kept.organization.as_deref() == Some(&*id);
            Ok((200, rows(engine, asked.query, of)?))
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
            Ok((200, rows(engine, asked.query, wanted)?))
        }
    }
}

/// For what a credential stands: of an organization, one for each provider is in use.
fn slot(organization: &str, provider: &str) -> Box<str> {
    format!("{SLOT}{organization}:{provider}").into()
}

/// What the slots of credentials begin with.
const SLOT: &str = "credential:";

fn all(engine: &Engine) -> Result<Vec<KeptConnection>, Failure> {
    let mut kept = keeper(engine)?.list();
    kept.retain(|kept| {
        let slot = kept.facts.slot.as_deref();
        slot.is_some_and(|slot| slot.starts_with(SLOT))
    });
    Ok(kept)
}

/// Those that are wanted, of those in use unless `active_only` is `false`.
fn rows(
    engine: &Engine,
    query: Query<'_>,
    wanted: impl Fn(&KeptConnection) -> bool,
) -> Result<Value, Failure> {
    let in_use_only = match query.first("active_only").as_deref() {
        None | Some("true" | "True" | "1") => true,
        Some("false" | "False" | "0") => false,
        Some(_) => return Err(page::fault("active_only", "must be true or false")),
    };
    let all = all(engine)?.into_iter();
    let wanted = all.filter(|kept| wanted(kept) && !(in_use_only && kept.facts.is_off));
    Ok(wanted.map(|kept| row(&kept)).collect())
}

fn find(engine: &Engine, id: &str) -> Result<KeptConnection, Failure> {
    let found = all(engine)?.into_iter().find(|kept| *kept.name == *id);
    found.ok_or_else(|| {
        let text = format!("Provider credential '{id}' not found");
        missing("provider_credential", text)
    })
}

/// The one in use of an organization at a provider.
fn in_use(engine: &Engine, id: &str, provider: &str) -> Result<Option<KeptConnection>, Failure> {
    let slot = slot(id, provider);
    let found = all(engine)?
        .into_iter()
        .find(|kept| !kept.facts.is_off && kept.facts.slot.as_ref() == Some(&slot));
    Ok(found)
}

fn of_provider(engine: &Engine, id: &str, provider: &str) -> Result<(u16, Value), Failure> {
    check_provider(provider)?;
    let kept = in_use(engine, id, provider)?.ok_or_else(|| {
        let text =
            format!("No active credential found for organization '{id}' and provider '{provider}'");
        missing("provider_credential", text)
    })?;
    Ok((200, row(&kept)))
}

fn settings(kept: &KeptConnection) -> Value {
    serde_json::from_str(&kept.settings).unwrap_or_default()
}

/// The address that was given for a connection.
pub(super) fn base_of(kept: &KeptConnection) -> Option<String> {
    let settings = settings(kept);
    let base = settings.get("base_url")?.as_str()?;
    Some(base.to_owned())
}

/// The settings of a connection with another address, or with that of its provider. All others
/// stay.
pub(super) fn with_base(kept: &KeptConnection, base: Option<&str>) -> Box<str> {
    let mut settings = settings(kept);
    if let Value::Object(members) = &mut settings {
        match base {
            Some(base) => members.insert("base_url".to_owned(), base.into()),
            None => members.remove("base_url"),
        };
    }
    settings.to_string().into()
}

/// Whether a connection is to this provider.
pub(super) fn is_of(kept: &KeptConnection, provider: &str) -> bool {
    let settings = settings(kept);
    let word = settings.get("provider").and_then(Value::as_str);
    word == Some(provider_word(provider))
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
    let facts = &kept.facts;
    json!({
        "credential_id": &*kept.name,
        "organization_id": kept.organization.as_deref(),
        "provider": provider_of(kept),
        "credential_name": facts.label.as_deref(),
        "api_base": base_of(kept),
        "has_api_key": kept.has_credential,
        "is_active": !facts.is_off,
        "created_at": kept.created_at.to_rfc3339(),
        "updated_at": facts.updated_at.unwrap_or(kept.created_at).to_rfc3339(),
        "created_by": facts.made_by.as_deref(),
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

/// What `POST /api/provider-credentials/create` says.
struct New {
    organization: String,
    provider: String,
    key: Option<Secret>,
    base: Option<String>,
    label: Option<Box<str>>,
    made_by: Option<Box<str>>,
}

impl New {
    fn read(body: &[u8]) -> Result<Self, Failure> {
        let mut fields = Fields::read(body)?;
        let organization = fields.required_text("organization_id", LONGEST_NAME);
        let provider = fields.required_text("provider", LONGEST_NAME);
        let key = fields.required_text("api_key", LONGEST_CREDENTIAL);
        let label = fields.required_text("credential_name", LONGEST_NAME);
        let new = Self {
            organization: organization.unwrap_or_default(),
            provider: provider.unwrap_or_default(),
            key: key.map(Secret::new),
            base: fields.text("api_base", LONGEST_TEXT),
            label: label.map(Into::into),
            made_by: fields.text("created_by", LONGEST_NAME).map(Into::into),
        };
        fields.finish_leniently()?;
        Ok(new)
    }

    fn connection(&self, name: Box<str>) -> NewConnection {
        NewConnection {
            name,
            organization: Some(self.organization.as_str().into()),
            settings: described(&self.provider, self.base.as_deref()),
            credential: self.key.clone(),
            facts: Some(ConnectionFacts {
                slot: Some(slot(&self.organization, &self.provider)),
                label: self.label.clone(),
                made_by: self.made_by.clone(),
                ..ConnectionFacts::default()
            }),
        }
    }
}

/// The settings of a new connection to a provider.
pub(super) fn described(provider: &str, base: Option<&str>) -> Box<str> {
    let mut settings = json!({"provider": provider_word(provider)});
    if let (Some(base), Value::Object(members)) = (base, &mut settings) {
        members.insert("base_url".to_owned(), base.into());
    }
    settings.to_string().into()
}

async fn create(engine: &Engine, by: &Manager, body: &[u8]) -> Result<(u16, Value), Failure> {
    let new = New::read(body)?;
    let (organization, provider) = (&*new.organization, &*new.provider);
    check_provider(provider)?;
    let known = engine.accounts.organization(by, organization);
    known.map_err(|failure| {
        super::worded(failure, "organization", || {
            format!("Organization '{organization}' not found")
        })
    })?;
    let wanted = format!("credential.{}.{provider}", plain(organization));
    let mut tries = 1;
    loop {
        if in_use(engine, organization, provider)?.is_some() {
            return Err(conflict(
                "provider_credential",
                format!(
                    "Organization '{organization}' already has an active credential for provider \
                     '{provider}'. Deactivate the existing one first or update it."
                ),
            ));
        }
        let name = free_name(engine, &wanted)?;
        let made = keeper(engine)?.create(new.connection(name.clone()), by);
        match made.await {
            Ok(()) => return Ok((200, row(&find(engine, &name)?))),
            // Somebody else was faster: with the name, or with a credential.
            Err(failure) if failure.code == Code::Conflict && tries < TRIES => tries += 1,
            Err(failure) => return Err(failure),
        }
    }
}

/// `PUT …/{id}`: changes what the body names. `null` takes the address away; what every credential
/// has (its key, its name, whether it is in use) stays then.
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
    let label = fields.text("credential_name", LONGEST_NAME);
    let is_on = fields.flag("is_active");
    fields.finish_leniently()?;
    let settings = if names_base {
        with_base(&kept, base.as_deref())
    } else {
        kept.settings.clone()
    };
    let facts = ConnectionFacts {
        label: label.map(Into::into).or_else(|| kept.facts.label.clone()),
        is_off: is_on.map_or(kept.facts.is_off, |is_on| !is_on),
        ..kept.facts.clone()
    };
    let new = NewConnection {
        settings,
        credential: key,
        ..same(&kept, facts)
    };
    let text = "Update would violate unique constraint. Organization can only have one active \
                credential per provider.";
    replace(engine, by, (new, text)).await
}

/// `PUT …/activate` and `…/deactivate`. Doing it once more changes nothing.
async fn set_use(
    engine: &Engine,
    by: &Manager,
    (id, is_on): (&str, bool),
) -> Result<(u16, Value), Failure> {
    let kept = find(engine, id)?;
    if kept.facts.is_off != is_on {
        return Ok((200, row(&kept)));
    }
    let facts = ConnectionFacts {
        is_off: !is_on,
        ..kept.facts.clone()
    };
    let text = "Cannot activate: organization already has an active credential for this provider. \
                Deactivate the other one first.";
    replace(engine, by, (same(&kept, facts), text)).await
}

/// What a credential is, with other facts.
fn same(kept: &KeptConnection, facts: ConnectionFacts) -> NewConnection {
    NewConnection {
        name: kept.name.clone(),
        organization: kept.organization.clone(),
        settings: kept.settings.clone(),
        credential: None,
        facts: Some(facts),
    }
}

async fn replace(
    engine: &Engine,
    by: &Manager,
    (new, in_use): (NewConnection, &str),
) -> Result<(u16, Value), Failure> {
    let name = new.name.clone();
    let replaced = keeper(engine)?.replace(new, by).await;
    replaced.map_err(|failure| {
        if failure.code == Code::Conflict {
            conflict("provider_credential", in_use)
        } else {
            failure
        }
    })?;
    Ok((200, row(&find(engine, &name)?)))
}

async fn delete(engine: &Engine, by: &Manager, id: &str) -> Result<(u16, Value), Failure> {
    find(engine, id)?;
    keeper(engine)?.delete(id, by).await?;
    let message = format!("Provider credential '{id}' deleted successfully");
    Ok((200, json!({"credential_id": id, "message": message})))
}
