//! `/api/models`, also `/api/model-aliases`: names of an operator's choice for models of
//! providers.

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::offer::{Alias, Offer, OfferKind, OfferStatus};
use tollgate_core::price::Rate;
use tollgate_core::secret::Secret;
use tollgate_engine::accounts::{Decision, OfferChange};
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::offers::Shelf;
use tollgate_engine::port::NewConnection;

use super::super::fields::Fields;
use super::super::named;
use super::groups::{self, LONGEST_NAME, LONGEST_TEXT};
use super::{Asked, conflict, credentials, difference, missing, wrong};
use crate::routes::saas::Saas;

const LONGEST_CREDENTIAL: usize = 8192;

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
    let now = accounts.now();
    let mut alias = Alias {
        name: name.clone(),
        display_name,
        provider,
        model,
        connection: fields.text("credential_name", LONGEST_NAME).map(Into::into),
        groups: groups::names(&mut fields, "access_groups"),
        description: fields.text("description", LONGEST_TEXT).map(Into::into),
        price_input: price(&mut fields, "pricing_input"),
        price_output: price(&mut fields, "pricing_output"),
        status: OfferStatus::Active,
        created_at: now,
        updated_at: now,
    };
    let api_key = fields.text("api_key", LONGEST_CREDENTIAL);
    let api_base = fields.text("api_base", LONGEST_TEXT);
    fields.finish_leniently()?;
    check_new(engine, &alias)?;
    if let Some(key) = api_key {
        alias.connection = Some(account(engine, by, &alias, (key, api_base)).await?);
    }
    check_connection(engine, alias.connection.as_deref())?;
    let decide = |shelf: &Shelf| {
        if shelf.aliases.contains_key(&alias.name) {
            return Err(taken(&alias.name));
        }
        groups::check_groups(shelf, &alias.groups)?;
        let told = difference(&Value::Null, &row(shelf, &alias));
        let changes = vec![OfferChange::Put(Offer::Alias(alias))];
        Ok(Decision { changes, told })
    };
    let action = ("model_alias.create", &*name);
    accounts.change_offers(by, action, None, decide).await?;
    told(engine, &name)
}

/// Fails early, before an account is made for the alias. The configuration keeps its names.
fn check_new(engine: &Engine, alias: &Alias) -> Result<(), Failure> {
    let shelf = engine.accounts.offers().shelf();
    let routes = engine.routes();
    if shelf.aliases.contains_key(&alias.name)
        || shelf.model_groups.contains_key(&alias.name)
        || routes.listed_as(&alias.name).is_some()
    {
        return Err(taken(&alias.name));
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

/// Makes an account of the alias's own.
async fn account(
    engine: &Engine,
    by: &Manager,
    alias: &Alias,
    (key, base): (String, Option<String>),
) -> Result<Box<str>, Failure> {
    let name: Box<str> = format!("alias.{}", credentials::plain(&alias.name)).into();
    let provider = credentials::provider_word(&alias.provider);
    let mut settings = json!({"provider": provider});
    if let (Some(base), Value::Object(members)) = (base, &mut settings) {
        members.insert("base_url".to_owned(), base.into());
    }
    let new = NewConnection {
        name: name.clone(),
        organization: None,
        settings: settings.to_string().into(),
        credential: Some(Secret::new(key)),
    };
    credentials::keeper(engine)?.create(new, by).await?;
    Ok(name)
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
        let old = shelf.aliases.get(name).ok_or_else(|| absent(name))?;
        Alias::clone(old)
    };
    let mut new = read.clone();
    edit(&mut fields, &mut new);
    fields.finish_leniently()?;
    check_connection(engine, new.connection.as_deref())?;
    new.updated_at = accounts.now();
    let decide = |shelf: &Shelf| {
        let old = shelf.aliases.get(name).ok_or_else(|| absent(name))?;
        if **old != read {
            let text = format!("Model alias '{name}' was changed meanwhile. Try again.");
            return Err(conflict("model_alias", text));
        }
        groups::check_groups(shelf, &new.groups)?;
        let told = difference(&row(shelf, old), &row(shelf, &new));
        let changes = vec![OfferChange::Put(Offer::Alias(new))];
        Ok(Decision { changes, told })
    };
    let action = ("model_alias.update", name);
    accounts.change_offers(by, action, None, decide).await?;
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
    if fields.names("pricing_input") {
        alias.price_input = price(fields, "pricing_input");
    }
    if fields.names("pricing_output") {
        alias.price_output = price(fields, "pricing_output");
    }
    if let Some(status) = groups::status(fields) {
        alias.status = status;
    }
}

async fn delete(engine: &Engine, by: &Manager, name: &str) -> Result<(u16, Value), Failure> {
    let decide = |shelf: &Shelf| {
        let old = shelf.aliases.get(name).ok_or_else(|| absent(name))?;
        let told = json!({"actual_model": {"old": &*old.model}}).to_string();
        let changes = vec![OfferChange::Remove(OfferKind::Alias, name.into())];
        Ok(Decision { changes, told })
    };
    let action = ("model_alias.delete", name);
    engine
        .accounts
        .change_offers(by, action, None, decide)
        .await?;
    let message = format!("Model alias '{name}' deleted successfully");
    Ok((200, json!({"model_alias": name, "message": message})))
}

fn told(engine: &Engine, name: &str) -> Result<(u16, Value), Failure> {
    let shelf = engine.accounts.offers().shelf();
    let alias = shelf.aliases.get(name).ok_or_else(|| absent(name))?;
    Ok((200, row(&shelf, alias)))
}

fn taken(name: &str) -> Failure {
    conflict(
        "model_alias",
        format!("Model alias '{name}' already exists"),
    )
}

fn absent(name: &str) -> Failure {
    missing("model_alias", format!("Model alias '{name}' not found"))
}
