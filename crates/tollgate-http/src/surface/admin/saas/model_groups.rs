//! `/api/model-groups`: models behind one name, the first of which answers, and the others when it
//! cannot.

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::TeamId;
use tollgate_core::offer::{GroupModel, ModelGroup, Offer, OfferStatus};
use tollgate_engine::accounts::{Decision, OfferChange};
use tollgate_engine::authority::Manager;
use tollgate_engine::caller::Caller;
use tollgate_engine::engine::Engine;
use tollgate_engine::offers::Shelf;

use super::super::fields::Fields;
use super::super::named;
use super::groups::{self, LONGEST_NAME, LONGEST_TEXT};
use super::sort::MODEL_GROUP;
use super::{Asked, difference, missing, wrong};
use crate::query::Query;
use crate::routes::saas::Saas;

/// The most models of a group: as many as one request may try.
const MOST: usize = 10;

/// Does what the place and the method say.
pub(super) async fn act(
    engine: &Engine,
    by: &Manager,
    place: Saas<'_>,
    asked: &Asked<'_>,
) -> Result<(u16, Value), Failure> {
    match (place, asked.method) {
        (Saas::NewModelGroup, _) => create(engine, by, &asked.body).await,
        (Saas::ModelGroup(name), &Method::DELETE) => delete(engine, by, &named(name)?).await,
        (Saas::ModelGroup(name), _) => told(engine, &named(name)?),
        (Saas::ModelGroupModels(name), _) => {
            set_models(engine, by, (&named(name)?, &asked.body)).await
        }
        (Saas::ResolveModelGroup(name), _) => {
            let team = asked.query.first("team_id").unwrap_or_default();
            Ok((200, resolve(engine, &named(name)?, &team)))
        }
        (Saas::ModelGroups, _) => {
            let shelf = engine.accounts.offers().shelf();
            let all = shelf.model_groups.values();
            let rows: Vec<Value> = all.map(|group| row(&shelf, group)).collect();
            Ok((200, rows.into()))
        }
        _ => Err(Failure::client(Code::UnknownUrl)),
    }
}

/// Which models of a group a team's own key would ask.
pub(super) fn resolve_own(
    engine: &Engine,
    caller: &Caller,
    (group, query): (&str, Query<'_>),
) -> Result<Value, Failure> {
    let own = caller.team().id.as_str();
    let team = query.first("team_id").unwrap_or_else(|| own.into());
    if *team != *own {
        return Err(Failure::client(Code::PermissionDenied)
            .message("Cannot resolve model group for a different team"));
    }
    Ok(resolve(engine, group, own))
}

fn resolve(engine: &Engine, group: &str, team: &str) -> Value {
    let shelf = engine.accounts.offers().shelf();
    let offer = shelf.team(&TeamId::from_stored(team));
    let has_access = offer.is_some_and(|offer| offer.model_groups.iter().any(|of| **of == *group));
    let found = shelf.model_groups.get(group);
    let open = found.filter(|found| found.status != OfferStatus::Inactive);
    let closed = |error: String| {
        json!({
            "group_name": group,
            "primary_model": Value::Null,
            "fallback_models": [],
            "team_has_access": false,
            "error": error,
        })
    };
    if !has_access {
        return closed(format!(
            "Team '{team}' does not have access to model group '{group}'"
        ));
    }
    let Some(open) = open else {
        return closed(format!("Model group '{group}' not found or inactive"));
    };
    let models = open.in_order();
    let Some((primary, fallbacks)) = models.split_first() else {
        return closed(format!("No active models configured for group '{group}'"));
    };
    json!({
        "group_name": group,
        "primary_model": primary,
        "fallback_models": fallbacks,
        "team_has_access": true,
    })
}

fn row(shelf: &Shelf, group: &ModelGroup) -> Value {
    let mut models: Vec<&GroupModel> = group.models.iter().collect();
    models.sort_by_key(|model| model.priority);
    let models = models.into_iter().map(
        |model| json!({"model_name": &*model.name, "priority": model.priority, "is_active": true}),
    );
    json!({
        "group_name": &*group.name,
        "display_name": group.display_name.as_deref(),
        "description": group.description.as_deref(),
        "status": group.status.as_str(),
        "models": models.collect::<Vec<Value>>(),
        "teams_using": shelf.teams_of_model_group(&group.name),
        "created_at": group.created_at.to_rfc3339(),
        "updated_at": group.updated_at.to_rfc3339(),
    })
}

/// Takes the models of a group.
fn models(fields: &mut Fields) -> Vec<GroupModel> {
    if !fields.names("models") {
        fields.fault("models", "missing", "is missing");
    }
    let models = fields.objects("models", MOST, |fields| {
        let model = GroupModel {
            name: fields
                .required_text("model_name", LONGEST_NAME)
                .unwrap_or_default()
                .into(),
            priority: fields
                .integer("priority", 0..=1_000_000)
                .and_then(|priority| u32::try_from(priority).ok())
                .unwrap_or_default(),
        };
        fields.pass_over();
        model
    });
    models.unwrap_or_default()
}

/// Fails for models that nobody could be sent to, and for groups within groups.
fn check(engine: &Engine, shelf: &Shelf, models: &[GroupModel]) -> Result<(), Failure> {
    for model in models {
        if shelf.model_groups.contains_key(&model.name) {
            return Err(wrong(format!(
                "Model group '{}' cannot be a model of another group",
                model.name
            )));
        }
        let is_known =
            shelf.aliases.contains_key(&model.name) || engine.routes().find(&model.name).is_some();
        if !is_known {
            let text = format!("Model '{}' not found", model.name);
            return Err(missing("model", text));
        }
    }
    Ok(())
}

async fn create(engine: &Engine, by: &Manager, body: &[u8]) -> Result<(u16, Value), Failure> {
    let accounts = &*engine.accounts;
    let mut fields = Fields::read(body)?;
    let name = groups::name(&mut fields, "group_name").unwrap_or_default();
    let now = accounts.now();
    let group = ModelGroup {
        name: name.clone(),
        display_name: fields.text("display_name", LONGEST_NAME).map(Into::into),
        description: fields.text("description", LONGEST_TEXT).map(Into::into),
        models: models(&mut fields),
        status: OfferStatus::Active,
        created_at: now,
        updated_at: now,
    };
    fields.finish_leniently()?;
    let is_model = engine.routes().has(&name);
    let decide = |shelf: &Shelf| {
        if is_model || shelf.model_groups.contains_key(&name) || shelf.aliases.contains_key(&name) {
            return Err(MODEL_GROUP.taken(&name));
        }
        MODEL_GROUP.check_room(shelf)?;
        check(engine, shelf, &group.models)?;
        let told = difference(&Value::Null, &row(shelf, &group));
        let changes = vec![OfferChange::Put(Offer::ModelGroup(group))];
        Ok(Decision { changes, told })
    };
    let action = ("model_group.create", &*name);
    accounts.change_offers(by, action, None, decide).await?;
    told(engine, &name)
}

/// `PUT …/models`: an array of models, or an object that has it as `models`.
async fn set_models(
    engine: &Engine,
    by: &Manager,
    (name, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let accounts = &*engine.accounts;
    let mut fields = Fields::read_list(body, "models")?;
    let models = models(&mut fields);
    fields.finish_leniently()?;
    let now = accounts.now();
    let decide = |shelf: &Shelf| {
        let old = shelf
            .model_groups
            .get(name)
            .ok_or_else(|| MODEL_GROUP.absent(name))?;
        check(engine, shelf, &models)?;
        let new = ModelGroup {
            models,
            updated_at: now,
            ..ModelGroup::clone(old)
        };
        let told = difference(&row(shelf, old), &row(shelf, &new));
        let changes = vec![OfferChange::Put(Offer::ModelGroup(new))];
        Ok(Decision { changes, told })
    };
    let action = ("model_group.models", name);
    accounts.change_offers(by, action, None, decide).await?;
    told(engine, name)
}

async fn delete(engine: &Engine, by: &Manager, name: &str) -> Result<(u16, Value), Failure> {
    let decide = |shelf: &Shelf| {
        let old = shelf.model_groups.get(name);
        let old = old.ok_or_else(|| MODEL_GROUP.absent(name))?;
        let teams = shelf.teams_of_model_group(name).len();
        if teams > 0 {
            return Err(wrong(format!(
                "Cannot delete model group '{name}'. It is assigned to {teams} team(s)."
            )));
        }
        let models: Vec<&str> = old.in_order();
        Ok(Decision {
            changes: Vec::new(),
            told: json!({"models": {"old": models}}).to_string(),
        })
    };
    MODEL_GROUP.delete(&engine.accounts, by, name, decide).await
}

fn told(engine: &Engine, name: &str) -> Result<(u16, Value), Failure> {
    let shelf = engine.accounts.offers().shelf();
    let group = shelf
        .model_groups
        .get(name)
        .ok_or_else(|| MODEL_GROUP.absent(name))?;
    Ok((200, row(&shelf, group)))
}
