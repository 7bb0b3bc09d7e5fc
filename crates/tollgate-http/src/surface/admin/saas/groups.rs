//! `/api/model-access-groups`: sets of aliases that teams are given together.

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::offer::{AccessGroup, Alias, Offer, OfferStatus};
use tollgate_engine::accounts::{Accounts, Decision, OfferChange};
use tollgate_engine::authority::Manager;
use tollgate_engine::offers::Shelf;

use super::super::fields::Fields;
use super::super::named;
use super::sort::{ALIAS, GROUP};
use super::{Asked, difference, wrong};
use crate::routes::saas::Saas;

/// The most characters of a name, and of a text for people.
pub(super) const LONGEST_NAME: usize = 256;
pub(super) const LONGEST_TEXT: usize = 2000;
/// The most names in one list.
pub(super) const MOST_NAMES: usize = 1000;

/// Does what the place and the method say.
pub(super) async fn act(
    accounts: &Accounts,
    by: &Manager,
    place: Saas<'_>,
    asked: &Asked<'_>,
) -> Result<(u16, Value), Failure> {
    match (place, asked.method) {
        (Saas::NewGroup, _) => create(accounts, by, &asked.body).await,
        (Saas::Group(name), &Method::PUT) => {
            change(accounts, by, (&named(name)?, &asked.body)).await
        }
        (Saas::Group(name), &Method::DELETE) => delete(accounts, by, &named(name)?).await,
        (Saas::Group(name), _) => {
            let shelf = accounts.offers().shelf();
            let name = named(name)?;
            let group = shelf
                .groups
                .get(&*name)
                .ok_or_else(|| GROUP.absent(&name))?;
            Ok((200, row(&shelf, group)))
        }
        (Saas::GroupAliases(name), _) => {
            set_aliases(accounts, by, (&named(name)?, &asked.body)).await
        }
        (Saas::Groups, _) => {
            let status = status_of(asked)?;
            let shelf = accounts.offers().shelf();
            let groups = shelf.groups.values();
            let wanted = groups.filter(|group| status.is_none_or(|status| group.status == status));
            let rows: Vec<Value> = wanted.map(|group| row(&shelf, group)).collect();
            Ok((200, rows.into()))
        }
        _ => Err(Failure::client(Code::UnknownUrl)),
    }
}

/// The `status` of the query.
pub(super) fn status_of(asked: &Asked<'_>) -> Result<Option<OfferStatus>, Failure> {
    let Some(word) = asked.query.first("status") else {
        return Ok(None);
    };
    let status = OfferStatus::from_name(&word);
    let unknown = || wrong("status must be one of: active, inactive, deprecated");
    status.map(Some).ok_or_else(unknown)
}

/// Takes the status of a body.
pub(super) fn status(fields: &mut Fields) -> Option<OfferStatus> {
    let word = fields.text("status", 32)?;
    let status = OfferStatus::from_name(&word);
    if status.is_none() {
        let what = "must be active, inactive or deprecated";
        fields.fault("status", "value_error", what);
    }
    status
}

/// Takes a name by which something is asked for.
pub(super) fn name(fields: &mut Fields, member: &'static str) -> Option<Box<str>> {
    let name = fields.required_text(member, LONGEST_NAME)?;
    if name.contains(['*', ' ']) || name == "create" {
        let what = "must not hold spaces or `*`, and not be `create`";
        fields.fault(member, "value_error", what);
    }
    Some(name.into())
}

/// Takes a list of names. Whether there is something of each name is asked elsewhere.
pub(super) fn names(fields: &mut Fields, member: &'static str) -> Vec<Box<str>> {
    let check = |name: &str| {
        if name.trim().is_empty() || name.len() > LONGEST_NAME {
            Err("must be a name")
        } else {
            Ok(())
        }
    };
    let mut names: Vec<Box<str>> = Vec::new();
    for name in fields.list(member, MOST_NAMES, check) {
        if !names.iter().any(|known| **known == *name) {
            names.push(name.into());
        }
    }
    names
}

/// Fails with the first group that is not there.
pub(super) fn check_groups(shelf: &Shelf, groups: &[Box<str>]) -> Result<(), Failure> {
    let mut unknown = groups
        .iter()
        .filter(|name| !shelf.groups.contains_key(*name));
    unknown
        .next()
        .map_or(Ok(()), |name| Err(GROUP.absent(name)))
}

fn row(shelf: &Shelf, group: &AccessGroup) -> Value {
    let aliases: Vec<&str> = shelf
        .aliases_of(&group.name)
        .map(|alias| &*alias.name)
        .collect();
    let teams = shelf.teams_of_group(&group.name);
    json!({
        "group_name": &*group.name,
        "display_name": &*group.display_name,
        "description": group.description.as_deref(),
        "status": group.status.as_str(),
        "model_aliases": aliases,
        "teams_using": teams,
        "created_at": group.created_at.to_rfc3339(),
        "updated_at": group.updated_at.to_rfc3339(),
    })
}

async fn create(accounts: &Accounts, by: &Manager, body: &[u8]) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let name = name(&mut fields, "group_name").unwrap_or_default();
    let display_name = fields.required_text("display_name", LONGEST_NAME);
    let description = fields.text("description", LONGEST_TEXT);
    let aliases = names(&mut fields, "model_aliases");
    fields.finish_leniently()?;
    let now = accounts.now();
    let group = AccessGroup {
        name: name.clone(),
        display_name: display_name.unwrap_or_default().into(),
        description: description.map(Into::into),
        status: OfferStatus::Active,
        created_at: now,
        updated_at: now,
    };
    let action = ("access_group.create", &*name);
    let decide = |shelf: &Shelf| {
        if shelf.groups.contains_key(&name) {
            return Err(GROUP.taken(&name));
        }
        GROUP.check_room(shelf)?;
        let mut changes = vec![OfferChange::Put(Offer::AccessGroup(group))];
        changes.extend(membership(shelf, &name, &aliases)?);
        let told = json!({"model_aliases": {"new": aliases}}).to_string();
        Ok(Decision { changes, told })
    };
    accounts.change_offers(by, action, None, decide).await?;
    told(accounts, &name)
}

async fn change(
    accounts: &Accounts,
    by: &Manager,
    (name, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let display_name = fields.text("display_name", LONGEST_NAME);
    let (describes, holds) = (fields.names("description"), fields.names("model_aliases"));
    let description = fields.text("description", LONGEST_TEXT);
    let status = status(&mut fields);
    let aliases = names(&mut fields, "model_aliases");
    fields.finish_leniently()?;
    let now = accounts.now();
    let decide = |shelf: &Shelf| {
        let old = shelf.groups.get(name).ok_or_else(|| GROUP.absent(name))?;
        let mut new = AccessGroup::clone(old);
        if let Some(display_name) = display_name {
            new.display_name = display_name.into();
        }
        if describes {
            new.description = description.map(Into::into);
        }
        new.status = status.unwrap_or(new.status);
        new.updated_at = now;
        let told = difference(&row(shelf, old), &row(shelf, &new));
        let mut changes = vec![OfferChange::Put(Offer::AccessGroup(new))];
        if holds {
            changes.extend(membership(shelf, name, &aliases)?);
        }
        Ok(Decision { changes, told })
    };
    let action = ("access_group.update", name);
    accounts.change_offers(by, action, None, decide).await?;
    told(accounts, name)
}

async fn set_aliases(
    accounts: &Accounts,
    by: &Manager,
    (name, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    if !fields.names("model_aliases") {
        fields.fault("model_aliases", "missing", "is missing");
    }
    let aliases = names(&mut fields, "model_aliases");
    fields.finish_leniently()?;
    let now = accounts.now();
    let decide = |shelf: &Shelf| {
        let old = shelf.groups.get(name).ok_or_else(|| GROUP.absent(name))?;
        let before: Vec<&str> = shelf.aliases_of(name).map(|alias| &*alias.name).collect();
        let told = json!({"model_aliases": {"new": aliases, "old": before}}).to_string();
        let mut changes = vec![OfferChange::Put(Offer::AccessGroup(AccessGroup {
            updated_at: now,
            ..AccessGroup::clone(old)
        }))];
        changes.extend(membership(shelf, name, &aliases)?);
        Ok(Decision { changes, told })
    };
    let action = ("access_group.models", name);
    accounts.change_offers(by, action, None, decide).await?;
    told(accounts, name)
}

async fn delete(accounts: &Accounts, by: &Manager, name: &str) -> Result<(u16, Value), Failure> {
    let decide = |shelf: &Shelf| {
        let old = shelf.groups.get(name).ok_or_else(|| GROUP.absent(name))?;
        let teams = shelf.teams_of_group(name);
        if !teams.is_empty() {
            return Err(wrong(format!(
                "Cannot delete access group '{name}' - still in use by teams: {}",
                teams.join(", ")
            )));
        }
        Ok(Decision {
            changes: membership(shelf, name, &[])?,
            told: json!({"display_name": {"old": &*old.display_name}}).to_string(),
        })
    };
    GROUP.delete(accounts, by, name, decide).await
}

/// The changes by which a group holds these aliases and no others.
fn membership(
    shelf: &Shelf,
    group: &str,
    wanted: &[Box<str>],
) -> Result<Vec<OfferChange>, Failure> {
    let mut unknown = wanted
        .iter()
        .filter(|name| !shelf.aliases.contains_key(*name));
    if let Some(name) = unknown.next() {
        return Err(ALIAS.absent(name));
    }
    let changed = shelf.aliases.values().filter_map(|alias| {
        let is_in = alias.groups.iter().any(|of| **of == *group);
        let is_wanted = wanted.contains(&alias.name);
        if is_in == is_wanted {
            return None;
        }
        let mut alias = Alias::clone(alias);
        if is_wanted {
            alias.groups.push(group.into());
        } else {
            alias.groups.retain(|of| **of != *group);
        }
        Some(OfferChange::Put(Offer::Alias(alias)))
    });
    Ok(changed.collect())
}

fn told(accounts: &Accounts, name: &str) -> Result<(u16, Value), Failure> {
    let shelf = accounts.offers().shelf();
    let group = shelf.groups.get(name).ok_or_else(|| GROUP.absent(name))?;
    Ok((200, row(&shelf, group)))
}
