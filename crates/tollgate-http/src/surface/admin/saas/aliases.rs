//! `/api/models`, also `/api/model-aliases`: names of an operator's choice for models of
//! providers.

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::offer::{Alias, Offer, OfferStatus};
use tollgate_core::price::Rate;
use tollgate_core::secret::Secret;
use tollgate_engine::accounts::{Decision, OfferChange};
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::offers::Shelf;
use tollgate_engine::port::{ConnectionFacts, KeptConnection, NewConnection, Offering};

use super::super::fields::Fields;
use super::super::named;
use super::credentials::plain;
use super::groups::{self, LONGEST_NAME, LONGEST_TEXT};
use super::sort::ALIAS;
use super::{Asked, conflict, credentials, difference, wrong};
use crate::routes::saas::Saas;

const LONGEST_CREDENTIAL: usize = 8192;
/// The parts of a price.
const PRICES: [&str; 2] = ["pricing_input", "pricing_output"];

/// Does what the place and the method say.
pub(super) async fn act(
    engine: &Engine,
    by: &Manager,
    place: Saas<'_>,
    asked: &Asked<'_>,
) -> Result<(u16, Value), Failure> {
    match (place, asked.method) {
        (Saas::NewAlias, _) => create(engine, by, &asked.body).await,
        (Saas::Alias(name), &Method::PUT) => change(engine, by, (&named(name)?, &asked.body)).await,
        (Saas::Alias(name), &Method::DELETE) => delete(engine, by, &named(name)?).await,
        (Saas::Alias(name), _) => told(engine, &named(name)?),
        (Saas::Aliases, _) => list(engine, asked),
        _ => Err(Failure::client(Code::UnknownUrl)),
    }
}

fn list(engine: &Engine, asked: &Asked<'_>) -> Result<(u16, Value), Failure> {
    let status = groups::status_of(asked)?;
    let (provider, group) = (
        asked.query.first("provider"),
        asked.query.first("access_group"),
    );
    let shelf = engine.accounts.offers().shelf();
    let wanted = shelf.aliases.values().filter(|alias| {
        status.is_none_or(|status| alias.status == status)
            && provider
                .as_deref()
                .is_none_or(|provider| *alias.provider == *provider)
            && group
                .as_deref()
                .is_none_or(|group| alias.groups.iter().any(|of| **of == *group))
    });
    let rows: Vec<Value> = wanted.map(|alias| row(&shelf, alias)).collect();
    Ok((200, rows.into()))
}

fn row(shelf: &Shelf, alias: &Alias) -> Value {
    let price = |text: &Option<Box<str>>| {
        let number = text.as_deref().and_then(|text| text.parse::<f64>().ok());
        number.map_or(Value::Null, Value::from)
    };
    let mut teams: Vec<&str> = Vec::new();
    for group in &alias.groups {
        teams.extend(shelf.teams_of_group(group));
    }
    teams.sort_unstable();
    teams.dedup();
    json!({
        "model_alias": &*alias.name,
        "display_name": &*alias.display_name,
        "provider": &*alias.provider,
        "actual_model": &*alias.model,
        "litellm_model_id": Value::Null,
        "credential_name": alias.connection.as_deref(),
        "access_groups": alias.groups,
        "description": alias.description.as_deref(),
        "pricing_input": price(&alias.price_input),
        "pricing_output": price(&alias.price_output),
        "status": alias.status.as_str(),
        "teams_using": teams,
        "created_at": alias.created_at.to_rfc3339(),
        "updated_at": alias.updated_at.to_rfc3339(),
    })
}

/// Takes a price in USD per million tokens.
fn price(fields: &mut Fields, member: &'static str) -> Option<Box<str>> {
    let text = fields.decimal(member)?;
    if Rate::parse(&text).is_none() {
        let what = "must be USD per million tokens, 0 or more, with at most six decimals";
        fields.fault(member, "value_error", what);
    }
    Some(text.into())
}

/// Takes both parts of a price, in place of the old ones where they are named. One without the
/// other would be shown, and nothing could be charged by it.
fn prices(fields: &mut Fields, old: [Option<Box<str>>; 2]) -> [Option<Box<str>>; 2] {
    let mut left_out = None;
    let mut parts = 0;
    for (member, old) in PRICES.into_iter().zip(&old) {
        let is_named = fields.names(member);
        if fields.names_null(member) || !is_named && old.is_none() {
            left_out = Some(member);
        } else {
            parts += 1;
        }
    }
    let is_named = PRICES.iter().any(|member| fields.names(member));
    if let Some(member) = left_out.filter(|_| parts == 1 && is_named) {
        let what = "is missing: a price is both `pricing_input` and `pricing_output`";
        fields.fault(member, "value_error", what);
    }
    let mut members = PRICES.into_iter();
    old.map(|old| {
        let member = members.next()?;
        if fields.names(member) {
            price(fields, member)
        } else {
            old
        }
    })
}

async fn create(engine: &Engine, by: &Manager, body: &[u8]) -> Result<(u16, Value), Failure> {
    let accounts = &*engine.accounts;
    let mut fields = Fields::read(body)?;
    let name = groups::name(&mut fields, "model_alias").unwrap_or_default();
    let mut required = |member| {
        fields
            .required_text(member, LONGEST_NAME)
            .unwrap_or_default()
    };
    let display_name = required("display_name").into();
    let (provider, model) = (required("provider").into(), required("actual_model").into());
    let [price_input, price_output] = prices(&mut fields, [None, None]);
    let now = accounts.now();
    let alias = Alias {
        name: name.clone(),
        display_name,
        provider,
        model,
        connection: fields.text("credential_name", LONGEST_NAME).map(Into::into),
        groups: groups::names(&mut fields, "access_groups"),
        description: fields.text("description", LONGEST_TEXT).map(Into::into),
        price_input,
        price_output,
        status: OfferStatus::Active,
        created_at: now,
        updated_at: now,
    };
    let account = Account::read(&mut fields);
    fields.finish_leniently()?;
    check_new(engine, &alias)?;
    let decide = |alias: Alias| {
        move |shelf: &Shelf| {
            if shelf.aliases.contains_key(&alias.name) {
                return Err(ALIAS.taken(&alias.name));
            }
            ALIAS.check_room(shelf)?;
            groups::check_groups(shelf, &alias.groups)?;
            let told = difference(&Value::Null, &row(shelf, &alias));
            let changes = vec![OfferChange::Put(Offer::Alias(alias))];
            Ok(Decision { changes, told })
        }
    };
    put(engine, by, ("create", alias, account), decide).await?;
    told(engine, &name)
}

/// Writes an alias, with the account of its own if a key is given for one: both or neither.
async fn put<'a, D>(
    engine: &Engine,
    by: &Manager,
    (verb, mut alias, account): (&str, Alias, Account),
    decide: impl FnOnce(Alias) -> D,
) -> Result<(), Failure>
where
    D: FnOnce(&Shelf) -> Result<Decision, Failure> + Send + 'a,
{
    let action = ALIAS.action(verb);
    let name = alias.name.clone();
    if let Some(new) = account.of(engine, &alias)? {
        alias.connection = Some(new.name.clone());
        let offering = Offering {
            action: (&action, &name),
            decide: Box::new(decide(alias)),
        };
        let keeper = credentials::keeper(engine)?;
        return keeper.put_offered(new, offering, by).await;
    }
    check_connection(engine, alias.connection.as_deref())?;
    let decide = decide(alias);
    let accounts = &*engine.accounts;
    accounts
        .change_offers(by, (&action, &name), None, decide)
        .await
}

/// Fails early, before an account is made for the alias. The configuration keeps its names.
fn check_new(engine: &Engine, alias: &Alias) -> Result<(), Failure> {
    let shelf = engine.accounts.offers().shelf();
    let routes = engine.routes();
    if shelf.aliases.contains_key(&alias.name)
        || shelf.model_groups.contains_key(&alias.name)
        || routes.has(&alias.name)
    {
        return Err(ALIAS.taken(&alias.name));
    }
    groups::check_groups(&shelf, &alias.groups)
}

fn check_connection(engine: &Engine, name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name else { return Ok(()) };
    let known = engine.registry.connections();
    if known.iter().any(|(declared, _)| *declared.name == *name) {
        return Ok(());
    }
    Err(wrong(format!("Credential '{name}' not found")))
}

/// What is said of an account of the alias's own.
struct Account {
    key: Option<Secret>,
    base: Option<String>,
}

impl Account {
    fn read(fields: &mut Fields) -> Self {
        let key = fields.text("api_key", LONGEST_CREDENTIAL);
        Self {
            key: key.map(Secret::new),
            base: fields.text("api_base", LONGEST_TEXT),
        }
    }

    /// The connection that it makes, in place of the one that the alias has; `None` where nothing
    /// is said.
    fn of(self, engine: &Engine, alias: &Alias) -> Result<Option<NewConnection>, Failure> {
        let old = own_account(engine, &alias.name)?;
        if self.key.is_none() && (old.is_none() || self.base.is_none()) {
            return Ok(None);
        }
        let base = self
            .base
            .or_else(|| old.as_ref().and_then(credentials::base_of));
        let settings = match &old {
            Some(old) if credentials::is_of(old, &alias.provider) => {
                credentials::with_base(old, base.as_deref())
            }
            Some(_) | None => credentials::described(&alias.provider, base.as_deref()),
        };
        let name = match &old {
            Some(old) => old.name.clone(),
            None => credentials::free_name(engine, &format!("alias.{}", plain(&alias.name)))?,
        };
        let facts = ConnectionFacts {
            slot: Some(ConnectionFacts::slot_of_alias(&alias.name)),
            label: Some(alias.display_name.clone()),
            ..ConnectionFacts::default()
        };
        Ok(Some(NewConnection {
            name,
            organization: None,
            settings,
            credential: self.key,
            facts: Some(facts),
        }))
    }
}

/// The account that an alias has of its own.
fn own_account(engine: &Engine, alias: &str) -> Result<Option<KeptConnection>, Failure> {
    let slot = ConnectionFacts::slot_of_alias(alias);
    let mut kept = credentials::keeper(engine)?.list().into_iter();
    Ok(kept.find(|kept| kept.facts.slot.as_ref() == Some(&slot)))
}

async fn change(
    engine: &Engine,
    by: &Manager,
    (name, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let accounts = &*engine.accounts;
    let mut fields = Fields::read(body)?;
    let read = {
        let shelf = accounts.offers().shelf();
        let old = shelf.aliases.get(name).ok_or_else(|| ALIAS.absent(name))?;
        Alias::clone(old)
    };
    let mut new = read.clone();
    edit(&mut fields, &mut new);
    let account = Account::read(&mut fields);
    fields.finish_leniently()?;
    new.updated_at = accounts.now();
    let decide = |new: Alias| {
        move |shelf: &Shelf| {
            let old = shelf.aliases.get(name).ok_or_else(|| ALIAS.absent(name))?;
            if **old != read {
                let text = format!("Model alias '{name}' was changed meanwhile. Try again.");
                return Err(conflict("model_alias", text));
            }
            groups::check_groups(shelf, &new.groups)?;
            let told = difference(&row(shelf, old), &row(shelf, &new));
            let changes = vec![OfferChange::Put(Offer::Alias(new))];
            Ok(Decision { changes, told })
        }
    };
    put(engine, by, ("update", new, account), decide).await?;
    told(engine, name)
}

/// Takes what the body names.
fn edit(fields: &mut Fields, alias: &mut Alias) {
    let text = |fields: &mut Fields, member: &'static str, into: &mut Box<str>| {
        if let Some(text) = fields.text(member, LONGEST_NAME) {
            *into = text.into();
        }
    };
    text(fields, "display_name", &mut alias.display_name);
    text(fields, "provider", &mut alias.provider);
    text(fields, "actual_model", &mut alias.model);
    if fields.names("credential_name") {
        alias.connection = fields.text("credential_name", LONGEST_NAME).map(Into::into);
    }
    if fields.names("access_groups") {
        alias.groups = groups::names(fields, "access_groups");
    }
    if fields.names("description") {
        alias.description = fields.text("description", LONGEST_TEXT).map(Into::into);
    }
    let old = [alias.price_input.take(), alias.price_output.take()];
    [alias.price_input, alias.price_output] = prices(fields, old);
    if let Some(status) = groups::status(fields) {
        alias.status = status;
    }
}

/// Takes an alias out, with the account of its own if it has one.
async fn delete(engine: &Engine, by: &Manager, name: &str) -> Result<(u16, Value), Failure> {
    let decide = |shelf: &Shelf| {
        let old = shelf.aliases.get(name).ok_or_else(|| ALIAS.absent(name))?;
        Ok(Decision {
            changes: Vec::new(),
            told: json!({"actual_model": {"old": &*old.model}}).to_string(),
        })
    };
    let Some(account) = own_account(engine, name)? else {
        return ALIAS.delete(&engine.accounts, by, name, decide).await;
    };
    let action = ALIAS.action("delete");
    let offering = Offering {
        action: (&action, name),
        decide: Box::new(move |shelf| Ok(ALIAS.without(name, decide(shelf)?))),
    };
    let keeper = credentials::keeper(engine)?;
    keeper.delete_offered(&account.name, offering, by).await?;
    Ok(ALIAS.deleted(name))
}

fn told(engine: &Engine, name: &str) -> Result<(u16, Value), Failure> {
    let shelf = engine.accounts.offers().shelf();
    let alias = shelf.aliases.get(name).ok_or_else(|| ALIAS.absent(name))?;
    Ok((200, row(&shelf, alias)))
}
