//! `POST /api/teams/create`: a team with what it may use, its credits and a key.

use std::sync::Arc;

use serde_json::Value;
use tollgate_core::budget::Controls;
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::TeamId;
use tollgate_core::job::Terms;
use tollgate_core::key::{ModelScope, Permissions, Priority, Reach, Tenancy};
use tollgate_core::money::LARGEST;
use tollgate_core::offer::{Offer, TeamOffer};
use tollgate_core::tenant::Status;
use tollgate_engine::accounts::{Accounts, Decision, NewKey, NewTeam, OfferChange, is_id};
use tollgate_engine::authority::Manager;
use tollgate_engine::credits::{By, Note};
use tollgate_engine::offers::Shelf;
use tollgate_engine::tenants::TeamNode;

use super::super::fields::Fields;
use super::super::words;
use super::groups::{check_groups, names};
use super::teams::{LONGEST_ALIAS, offer_row, taken, terms, told, wallet_of};
use super::worded;

/// What `POST /api/teams/create` says.
struct New {
    organization: Box<str>,
    id: Box<str>,
    name: Box<str>,
    groups: Vec<Box<str>>,
    credits: u64,
    terms: Terms,
}

fn new(body: &[u8]) -> Result<New, Failure> {
    let mut fields = Fields::read(body)?;
    let organization = fields
        .required_text("organization_id", 256)
        .unwrap_or_default();
    let id = fields
        .required_text("team_id", words::LONGEST_ID)
        .unwrap_or_default();
    if !id.is_empty() && !is_id(&id) {
        let what = "must have letters, digits, `-`, `_` and `.` only and begin with a letter or a \
                    digit";
        fields.fault("team_id", "value_error", what);
    }
    if !fields.names("access_groups") {
        fields.fault("access_groups", "missing", "is missing");
    }
    let groups = names(&mut fields, "access_groups");
    let alias = fields.text("team_alias", LONGEST_ALIAS);
    let credits = fields.integer("credits_allocated", 0..=LARGEST);
    // Taken and not kept: there is no place for it here.
    fields.skip("metadata");
    let terms = terms(&mut fields);
    fields.finish_leniently()?;
    Ok(New {
        organization: organization.into(),
        name: alias.unwrap_or_else(|| id.clone()).into(),
        id: id.into(),
        groups,
        credits: credits.unwrap_or_default(),
        terms: terms?.onto(Terms::default()),
    })
}

/// `POST /api/teams/create`.
pub(super) async fn create(
    accounts: &Accounts,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let new = new(body)?;
    let (node, secret) = make(accounts, by, &new).await?;
    let mut row = told(accounts, &node, Some(&secret)).await?;
    if let Value::Object(row) = &mut row {
        let message = "Team created successfully. The virtual key is shown this once.";
        row.insert("message".to_owned(), message.into());
    }
    Ok((200, row))
}

/// What a team is made of, for others who make one.
pub(super) struct Wanted {
    pub(super) organization: Box<str>,
    pub(super) id: Box<str>,
    pub(super) name: Box<str>,
    pub(super) groups: Vec<Box<str>>,
    pub(super) credits: u64,
}

/// Makes a team of an organization. Gives the text of its key.
pub(super) async fn make_wanted(
    accounts: &Accounts,
    by: &Manager,
    wanted: Wanted,
) -> Result<(Arc<TeamNode>, String), Failure> {
    let new = New {
        organization: wanted.organization,
        id: wanted.id,
        name: wanted.name,
        groups: wanted.groups,
        credits: wanted.credits,
        terms: Terms::default(),
    };
    make(accounts, by, &new).await
}

/// Makes a team that may use what it is given and nothing else, with its credits and a key. What
/// it was given comes first, so that no call of it ever meets a team without.
async fn make(
    accounts: &Accounts,
    by: &Manager,
    new: &New,
) -> Result<(Arc<TeamNode>, String), Failure> {
    let no_organization = || format!("Organization '{}' not found", new.organization);
    let organization = accounts
        .organization(by, &new.organization)
        .map_err(|failure| worded(failure, "organization", no_organization))?;
    let id = TeamId::from_stored(&new.id);
    if accounts.tenants().team(&id).is_some() {
        return Err(taken(&new.id));
    }
    let offer = TeamOffer {
        only: true,
        groups: new.groups.clone(),
        ..TeamOffer::nothing(&id)
    };
    let decide = |shelf: &Shelf| {
        if shelf.team(&id).is_some_and(|old| old.deleted) {
            return Err(taken(&new.id));
        }
        check_groups(shelf, &offer.groups)?;
        let told = super::difference(&Value::Null, &offer_row(&offer));
        let changes = vec![OfferChange::Put(Offer::Team(offer))];
        Ok(Decision { changes, told })
    };
    let action = ("team.offer", id.as_str());
    let given = accounts.change_offers(by, action, Some(&organization.id), decide);
    given.await?;
    let team = NewTeam {
        id: Some(new.id.clone()),
        organization: new.organization.clone(),
        name: new.name.clone(),
        status: Status::Active,
        controls: Controls::default(),
        job_terms: Some(Box::new(new.terms.clone())),
    };
    let node = accounts.create_team(by, team).await.map_err(|failure| {
        if failure.code == Code::Conflict {
            taken(&new.id)
        } else {
            failure
        }
    })?;
    let order = Note {
        reference: Some("created".into()),
        reason: "Initial credit allocation".into(),
        by: Some(By::manager(by)),
    };
    accounts
        .credits()
        .grant(&wallet_of(&id), new.credits, order)
        .await?;
    let (_, secret) = accounts.create_key(by, new_key(&id)).await?;
    Ok((node, secret.expose().to_owned()))
}

fn new_key(team: &TeamId) -> NewKey {
    NewKey {
        name: team.as_str().into(),
        permissions: Permissions {
            manage: false,
            ..Permissions::ALL
        },
        models: ModelScope::all(),
        expires_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Tenancy {
            team: team.clone(),
            user: None,
        },
        reach: Reach::default(),
        controls: Controls::default(),
    }
}
