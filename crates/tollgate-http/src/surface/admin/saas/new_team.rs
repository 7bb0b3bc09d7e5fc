//! `POST /api/teams/create`: a team with what it may use, its credits and a key.

use serde_json::Value;
use tollgate_core::budget::Controls;
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::id::TeamId;
use tollgate_core::job::Terms;
use tollgate_core::key::{ModelScope, Permissions, Priority, Reach, Tenancy};
use tollgate_core::money::LARGEST;
use tollgate_core::offer::TeamOffer;
use tollgate_core::tenant::Status;
use tollgate_engine::accounts::{Accounts, NewKey, NewTeam, WholeTeam, is_id};
use tollgate_engine::authority::Manager;
use tollgate_engine::offers::Shelf;

use super::super::fields::Fields;
use super::super::words;
use super::groups::{check_groups, names};
use super::teams::{LONGEST_ALIAS, offer_row, taken, terms, told};
use super::worded;

/// What is said of a team that is to be made.
pub(super) struct New {
    pub(super) organization: Box<str>,
    pub(super) id: Box<str>,
    pub(super) name: Box<str>,
    pub(super) groups: Vec<Box<str>>,
    pub(super) credits: u64,
    pub(super) terms: Terms,
    pub(super) metadata: Option<Box<str>>,
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
    let metadata = words::metadata(&mut fields);
    let terms = terms(&mut fields);
    fields.finish_leniently().map_err(as_text)?;
    Ok(New {
        organization: organization.into(),
        name: alias.unwrap_or_else(|| id.clone()).into(),
        id: id.into(),
        groups,
        credits: credits.unwrap_or_default(),
        terms: terms.onto(Terms::default()),
        metadata: metadata.flatten(),
    })
}

/// A mode that is not known is told in one sentence here, where nothing else is wrong: the server
/// of seed 001 answers so.
fn as_text(mut failure: Failure) -> Failure {
    if let [FieldProblem { path, kind, .. }] = failure.fields.as_slice()
        && (&**path, *kind) == ("budget_mode", "value_error")
    {
        failure.fields.clear();
    }
    failure
}

/// `POST /api/teams/create`.
pub(super) async fn create(
    accounts: &Accounts,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let new = new(body)?;
    let organization = &new.organization;
    accounts.organization(by, organization).map_err(|failure| {
        worded(failure, "organization", || {
            format!("Organization '{organization}' not found")
        })
    })?;
    let check = against(accounts, &new);
    let made = accounts.create_whole_team(by, whole(&new), check).await;
    let (node, secret) = made.map_err(|failure| of_team(failure, &new.id))?;
    let mut row = told(accounts, &node, Some(secret.expose())).await?;
    if let Value::Object(row) = &mut row {
        let message = "Team created successfully. The virtual key is shown this once.";
        row.insert("message".to_owned(), message.into());
    }
    Ok((200, row))
}

/// What stands against a team, in the words of seed 001.
pub(super) fn against<'a>(
    accounts: &'a Accounts,
    new: &'a New,
) -> impl FnOnce(&Shelf) -> Result<(), Failure> + 'a {
    move |shelf| {
        let id = TeamId::from_stored(&new.id);
        let was_deleted = shelf.team(&id).is_some_and(|old| old.deleted);
        if was_deleted || accounts.tenants().team(&id).is_some() {
            return Err(taken(&new.id));
        }
        check_groups(shelf, &new.groups)
    }
}

/// The failure of making a team, in the words of seed 001.
pub(super) fn of_team(failure: Failure, id: &str) -> Failure {
    if failure.code == Code::Conflict {
        taken(id)
    } else {
        failure
    }
}

/// A team that may use what it is given and nothing else, with its credits and a key.
pub(super) fn whole(new: &New) -> WholeTeam {
    let id = TeamId::from_stored(&new.id);
    let offer = TeamOffer {
        only: true,
        groups: new.groups.clone(),
        ..TeamOffer::nothing(&id)
    };
    WholeTeam {
        told: super::difference(&Value::Null, &offer_row(&offer)),
        offer,
        team: NewTeam {
            id: Some(new.id.clone()),
            organization: new.organization.clone(),
            name: new.name.clone(),
            status: Status::Active,
            controls: Controls::default(),
            job_terms: Some(Box::new(new.terms.clone())),
            metadata: new.metadata.clone(),
        },
        credits: new.credits,
        key: new_key(&id),
    }
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
