//! How kept connections are made, changed and forgotten: written first, then taken into use.

use std::sync::Arc;

use tollgate_core::audit::AuditRow;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, FieldProblem, detail};
use tollgate_core::id::OrgId;
use tollgate_core::secret::Secret;
use tollgate_engine::authority::Manager;
use tollgate_engine::port::{
    Beside, Change, ConnectionFacts, NewConnection, Offering, StoreError, StoredConnection,
};

use super::kept::{declared, opened, told};
use super::{Held, Keeper};
use crate::config;
use crate::secrets;

/// The most connections that are kept.
const MOST: usize = 10_000;

impl Keeper {
    /// A kept connection that may be changed.
    fn changeable(&self, name: &str) -> Result<Held, Failure> {
        let state = self.state();
        if state
            .config
            .connections
            .iter()
            .any(|known| known.name() == name)
        {
            return Err(declared());
        }
        state.held.get(name).cloned().ok_or_else(|| {
            Failure::client(Code::ResourceNotFound)
                .message("There is no connection of this name. GET /api/connections lists them.")
                .detail(detail::RESOURCE, Detail::Text("connection".to_owned()))
        })
    }

    /// The organization of a new connection, if it is there.
    fn owner(&self, new: &NewConnection) -> Result<Option<OrgId>, Failure> {
        let Some(name) = &new.organization else {
            return Ok(None);
        };
        let id = OrgId::from_stored(name);
        if self.accounts.tenants().organization(&id).is_some() {
            return Ok(Some(id));
        }
        let message = "`organization` names no organization.".to_owned();
        let mut failure = Failure::client(Code::InvalidRequest).message(message.clone());
        failure.fields.push(FieldProblem {
            path: "organization".to_owned(),
            message,
            kind: "value_error",
        });
        Err(failure)
    }

    /// Makes a connection from what is said of it, with its credential sealed.
    fn made(&self, new: &NewConnection, credential: Option<&Secret>) -> Result<Held, Failure> {
        let owner = self.owner(new)?;
        let mut connection = config::stored_connection(&new.name, &new.settings, credential)?;
        connection.owner = owner;
        connection.settings.check().map_err(|problem| {
            Failure::client(Code::InvalidRequest)
                .message(format!("The connection cannot be used: {problem}."))
        })?;
        let seal = |credential: &Secret| {
            let about = secrets::of_connection(&new.name);
            let sealed = self
                .secrets
                .keys()
                .seal(&about, credential.expose().as_bytes());
            sealed.map_err(|error| Failure::gateway(Code::InternalError).because(error))
        };
        Ok(Held {
            kept: Arc::new(StoredConnection {
                name: new.name.clone(),
                organization: new.organization.clone(),
                settings: new.settings.clone(),
                sealed: credential.map(seal).transpose()?,
                facts: new.facts.clone().unwrap_or_default(),
                created_at: self.accounts.now(),
            }),
            connection: Some(connection),
        })
    }

    /// Writes a change with its row of the audit log, and takes it into use.
    async fn put(&self, held: Held, action: &str, by: &Manager) -> Result<(), Failure> {
        let (mut step, change, audit) = self.step(held, action, by);
        let written = self.store.change(&[change], &[audit]).await;
        written.map_err(|error| step.refused(error))
    }

    /// The same together with a change of what is offered.
    async fn put_with(
        &self,
        held: Held,
        (action, offering): (&str, Offering<'_>),
        by: &Manager,
    ) -> Result<(), Failure> {
        let step = self.step(held, action, by);
        self.step_with(step, offering, by).await
    }

    /// Takes a step together with a change of what is offered.
    async fn step_with(
        &self,
        (mut step, change, audit): (Step<'_>, Change, AuditRow),
        offering: Offering<'_>,
        by: &Manager,
    ) -> Result<(), Failure> {
        let beside = Beside {
            changes: &[change],
            audit: &[audit],
            ..Beside::default()
        };
        let written = self.offer(offering, beside, by).await;
        step.stands = written.is_ok();
        written
    }

    async fn offer(
        &self,
        offering: Offering<'_>,
        beside: Beside<'_>,
        by: &Manager,
    ) -> Result<(), Failure> {
        let Offering { action, decide } = offering;
        self.accounts
            .change_offers_with(by, action, None, (decide, beside))
            .await
    }

    fn step(&self, held: Held, action: &str, by: &Manager) -> (Step<'_>, Change, AuditRow) {
        let owner = held.kept.organization.as_deref().map(OrgId::from_stored);
        let name = held.kept.name.clone();
        let audit = by.row(
            self.accounts.now(),
            (action, &name),
            owner.as_ref(),
            told(&held.kept),
        );
        let change = Change::PutConnection(Arc::clone(&held.kept));
        let step = Step {
            keeper: self,
            name,
            held: Some(held),
            stands: true,
        };
        (step, change, audit)
    }

    pub(super) async fn create_one(&self, new: NewConnection, by: &Manager) -> Result<(), Failure> {
        let _turn = self.turn().await;
        let held = self.created(&new)?;
        self.put(held, "connection.create", by).await
    }

    pub(super) async fn put_offered_one(
        &self,
        new: NewConnection,
        offering: Offering<'_>,
        by: &Manager,
    ) -> Result<(), Failure> {
        let _turn = self.turn().await;
        if self.state().held.contains_key(&new.name) {
            let held = self.replaced(&new)?;
            self.put_with(held, ("connection.update", offering), by)
                .await
        } else {
            let held = self.created(&new)?;
            self.put_with(held, ("connection.create", offering), by)
                .await
        }
    }

    /// A new connection. Fails if its name is taken.
    fn created(&self, new: &NewConnection) -> Result<Held, Failure> {
        {
            let state = self.state();
            let mut known = state.config.connections.iter();
            if known.any(|known| *known.name() == *new.name) || state.held.contains_key(&new.name) {
                return Err(Failure::client(Code::Conflict)
                    .message("There is a connection of this name already. Choose another one."));
            }
            if state.held.len() >= MOST {
                return Err(Failure::client(Code::Conflict).message(format!(
                    "There are {MOST} connections, which is the most. Delete one first."
                )));
            }
        }
        let held = self.made(new, new.credential.as_ref())?;
        if !held.kept.facts.is_of_alias() {
            self.check_offers(&new.name)?;
        }
        self.check_slot(&held.kept)?;
        Ok(held)
    }

    /// Fails if the models of a connection of this name would hide what is offered.
    fn check_offers(&self, name: &str) -> Result<(), Failure> {
        let offered = self.accounts.offers().shelf();
        let start = format!("{name}/");
        let mut names = offered.aliases.keys().chain(offered.model_groups.keys());
        let Some(hidden) = names.find(|name| name.starts_with(&start)) else {
            return Ok(());
        };
        Err(Failure::client(Code::Conflict).message(format!(
            "The connection would open all of its models as `{start}*`, and hide `{hidden}`, which \
             is offered. Choose another name."
        )))
    }

    /// Fails if another one is in use that stands for the same.
    fn check_slot(&self, kept: &StoredConnection) -> Result<(), Failure> {
        if kept.facts.is_off || kept.facts.slot.is_none() {
            return Ok(());
        }
        let state = self.state();
        let mut others = state.held.values().map(|held| &held.kept);
        let is_taken = others.any(|other| {
            other.name != kept.name && !other.facts.is_off && other.facts.slot == kept.facts.slot
        });
        if is_taken {
            return Err(Failure::client(Code::Conflict)
                .message("Another connection is in use that stands for the same."));
        }
        Ok(())
    }

    pub(super) async fn replace_one(
        &self,
        new: NewConnection,
        by: &Manager,
    ) -> Result<(), Failure> {
        let _turn = self.turn().await;
        let held = self.replaced(&new)?;
        self.put(held, "connection.update", by).await
    }

    /// A connection with other settings.
    fn replaced(&self, new: &NewConnection) -> Result<Held, Failure> {
        let old = self.changeable(&new.name)?;
        let given = new.credential.is_some();
        let credential = match new.credential.clone() {
            Some(given) => Some(given),
            None => self.credential(&old.kept)?,
        };
        let mut held = self.made(new, credential.as_ref())?;
        let leads_elsewhere = match (&old.connection, &held.connection) {
            (Some(old), Some(new)) => {
                old.settings.place != new.settings.place
                    || old.settings.provider.name != new.settings.provider.name
            }
            _ => true,
        };
        if leads_elsewhere && credential.is_some() && !given {
            return Err(Failure::client(Code::InvalidRequest).message(
                "`api_key` is missing: the settings lead to another place than before, and the \
                 old credential was not given for it.",
            ));
        }
        let facts = new.facts.as_ref().unwrap_or(&old.kept.facts);
        held.kept = Arc::new(StoredConnection {
            created_at: old.kept.created_at,
            facts: ConnectionFacts {
                updated_at: Some(self.accounts.now()),
                ..facts.clone()
            },
            ..StoredConnection::clone(&held.kept)
        });
        self.check_slot(&held.kept)?;
        Ok(held)
    }

    pub(super) async fn update_key_of(
        &self,
        name: &str,
        credential: Secret,
        by: &Manager,
    ) -> Result<(), Failure> {
        let _turn = self.turn().await;
        let old = self.changeable(name)?.kept;
        let new = NewConnection {
            name: old.name.clone(),
            organization: old.organization.clone(),
            settings: old.settings.clone(),
            credential: None,
            facts: Some(ConnectionFacts {
                updated_at: Some(self.accounts.now()),
                ..old.facts.clone()
            }),
        };
        let mut held = self.made(&new, Some(&credential))?;
        held.kept = Arc::new(StoredConnection {
            created_at: old.created_at,
            ..StoredConnection::clone(&held.kept)
        });
        self.put(held, "connection.update_key", by).await
    }

    pub(super) async fn delete_one(&self, name: &str, by: &Manager) -> Result<(), Failure> {
        let _turn = self.turn().await;
        let (mut step, change, audit) = self.deletion(name, by)?;
        let written = self.store.change(&[change], &[audit]).await;
        written.map_err(|error| step.refused(error))
    }

    pub(super) async fn delete_offered_one(
        &self,
        name: &str,
        offering: Offering<'_>,
        by: &Manager,
    ) -> Result<(), Failure> {
        let _turn = self.turn().await;
        let step = self.deletion(name, by)?;
        self.step_with(step, offering, by).await
    }

    fn deletion(&self, name: &str, by: &Manager) -> Result<(Step<'_>, Change, AuditRow), Failure> {
        let old = self.changeable(name)?.kept;
        let owner = old.organization.as_deref().map(OrgId::from_stored);
        let audit = by.row(
            self.accounts.now(),
            ("connection.delete", name),
            owner.as_ref(),
            "{}".to_owned(),
        );
        let change = Change::DeleteConnection(name.into());
        let step = Step {
            keeper: self,
            name: name.into(),
            held: None,
            stands: true,
        };
        Ok((step, change, audit))
    }

    fn credential(&self, kept: &StoredConnection) -> Result<Option<Secret>, Failure> {
        let opened = opened(&self.secrets.keys(), kept);
        opened.map_err(|error| Failure::gateway(Code::InternalError).because(error))
    }
}

/// A change on its way through the store. It is taken into use when this is dropped, unless the
/// store refused it: a client that hangs up meanwhile must not leave the two apart.
struct Step<'a> {
    keeper: &'a Keeper,
    name: Box<str>,
    held: Option<Held>,
    stands: bool,
}

impl Step<'_> {
    fn refused(&mut self, error: StoreError) -> Failure {
        self.stands = false;
        Failure::gateway(Code::DatabaseError).because(error)
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if !self.stands {
            return;
        }
        let name = std::mem::take(&mut self.name);
        if let Some(held) = self.held.take() {
            let is_off = held.kept.facts.is_off;
            self.keeper.state().held.insert(name, held);
            if is_off {
                self.keeper.take_out();
            } else {
                self.keeper.bring_in();
            }
        } else {
            self.keeper.state().held.remove(&name);
            self.keeper.take_out();
        }
    }
}
