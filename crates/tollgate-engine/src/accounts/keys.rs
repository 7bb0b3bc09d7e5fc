//! What is done with keys.

use std::sync::Arc;

use tollgate_core::audit::AuditRow;
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::id::{KeyId, OrgId, TeamId};
use tollgate_core::key::{
    self, KeyProblem, MADE_PREFIX, Permissions, Priority, TEST_PREFIX, Tenancy, VirtualKey,
};
use tollgate_core::limit::Level;
use tollgate_core::right::{Extent, Right};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;

use super::change::Step;
use super::strength::{is_within_own, may_become};
use super::{
    Accounts, Environment, KeyEdit, NewKey, declared_elsewhere, denied, missing, no_randomness,
};
use crate::audit;
use crate::authority::Manager;
use crate::keys::Entry;
use crate::mint;

impl Accounts {
    /// Makes a key. Its clear text exists in the answer and nowhere else.
    pub async fn create_key(
        &self,
        by: &Manager,
        new: NewKey,
    ) -> Result<(Arc<VirtualKey>, Secret), Failure> {
        let _turn = self.turn().await?;
        let extent = by.extent(Right::ManageKeys)?;
        self.may_have(by, extent, &new.tenancy)?;
        may_be_given(by, new.priority)?;
        has_user(new.permissions, &new.tenancy)?;
        let has_controls = new.controls != tollgate_core::budget::Controls::default();
        if extent == Extent::Own && has_controls {
            return Err(not_for_themselves());
        }
        let organization = self.tenants.team(&new.tenancy.team);
        let organization = organization.map(|team| team.organization().id.clone());
        let (key, secret, row) = self.draft_key(by, new, organization.as_ref())?;
        is_within_own(by, extent, &key)?;
        self.commit(vec![Step::InsertKey(Arc::clone(&key))], row)
            .await?;
        Ok((key, secret))
    }

    /// A new key, its clear text, and what the audit log says of it.
    pub(super) fn draft_key(
        &self,
        by: &Manager,
        new: NewKey,
        organization: Option<&OrgId>,
    ) -> Result<(Arc<VirtualKey>, Secret, AuditRow), Failure> {
        let secret = self.mint()?;
        let now = self.clock.now();
        let random = mint::number(self.entropy).map_err(no_randomness)?;
        let key = Arc::new(self.virtual_key(KeyId::new(now, random), new, &secret));
        let change = audit::made(&*key);
        let action = ("key.create", key.id.as_str());
        let row = by.row(now, action, organization, change);
        Ok((key, secret, row))
    }

    /// Makes a key for the process itself.
    pub async fn create(&self, new: NewKey) -> Result<(Arc<VirtualKey>, Secret), Failure> {
        self.create_key(&Manager::command(), new).await
    }

    /// Every key, the oldest first; revoked and expired ones too.
    pub fn list(&self) -> Vec<Arc<Entry>> {
        self.table.list()
    }

    /// Every key that the manager may see and that is wanted, the oldest first; revoked and
    /// expired ones too.
    pub fn keys(
        &self,
        by: &Manager,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Arc<Entry>>, Failure> {
        let extent = by.extent(Right::SeeKeys)?;
        let known = |entry: &Entry| by.knows_key(extent, entry) && is_wanted(entry);
        Ok(self.table.select(known))
    }

    /// The key of this id.
    pub fn get(&self, id: &str) -> Result<Arc<Entry>, Failure> {
        self.key(&Manager::command(), id)
    }

    /// The key of this id. One that the manager may not know of is missing.
    pub fn key(&self, by: &Manager, id: &str) -> Result<Arc<Entry>, Failure> {
        let extent = by.extent(Right::SeeKeys)?;
        let found = self.table.get(&KeyId::from_stored(id));
        found
            .filter(|entry| by.knows_key(extent, entry))
            .ok_or_else(|| missing("key", "/api/keys"))
    }

    /// Revokes a key for the process itself.
    pub async fn revoke(&self, id: &str) -> Result<Arc<VirtualKey>, Failure> {
        self.revoke_key(&Manager::command(), id).await
    }

    /// Revokes a key: no request that comes after the answer is let in with it. Revoking it once
    /// more changes nothing.
    pub async fn revoke_key(&self, by: &Manager, id: &str) -> Result<Arc<VirtualKey>, Failure> {
        let _turn = self.turn().await?;
        let (entry, key) = self.changeable(by, id)?;
        if key.revoked_at.is_some() {
            return Ok(key);
        }
        let revoked = VirtualKey {
            revoked_at: Some(self.clock.now()),
            ..VirtualKey::clone(&key)
        };
        let change = audit::changed(&*key, &revoked);
        self.replace(by, &entry, revoked, ("key.revoke", change))
            .await
    }

    /// The steps that revoke every key of a team. Fails where the configuration declares one, and
    /// where one is of somebody about whom the manager does not decide.
    pub(super) fn revocations_of_team(
        &self,
        by: &Manager,
        team: &TeamId,
        now: Timestamp,
    ) -> Result<Vec<Step>, Failure> {
        let of_team = |entry: &Entry| entry.team().id == *team;
        let entries = self.table.select(of_team);
        if let Some(place) = entries.iter().find_map(|entry| entry.declared_at()) {
            return Err(Failure::client(Code::Conflict).message(format!(
                "A key of this team is declared in the configuration ({place}). Take it out there \
                 first."
            )));
        }
        let open = entries.into_iter().map(|entry| (entry.key(), entry));
        let open: Vec<_> = open.filter(|(key, _)| key.revoked_at.is_none()).collect();
        if !open.iter().all(|(_, entry)| decides_about(by, entry)) {
            return Err(of_others());
        }
        Ok(open
            .into_iter()
            .map(|(key, _)| {
                Step::UpdateKey(Arc::new(VirtualKey {
                    revoked_at: Some(now),
                    ..VirtualKey::clone(&key)
                }))
            })
            .collect())
    }

    /// Gives a key a new text for the process itself.
    pub async fn rotate(&self, id: &str) -> Result<(Arc<VirtualKey>, Secret), Failure> {
        self.rotate_key(&Manager::command(), id).await
    }

    /// Gives a key a new text, which is known to whoever asks for it. The old one dies at once; id,
    /// name and scope stay.
    pub async fn rotate_key(
        &self,
        by: &Manager,
        id: &str,
    ) -> Result<(Arc<VirtualKey>, Secret), Failure> {
        let _turn = self.turn().await?;
        let (entry, key) = self.changeable(by, id)?;
        is_within_own(by, by.extent(Right::ManageKeys)?, &key)?;
        if let Err(problem) = key.check(self.clock.now()) {
            let state = match problem {
                KeyProblem::Revoked => "revoked",
                KeyProblem::Expired => "expired",
            };
            return Err(Failure::client(Code::Conflict).message(format!(
                "This key is {state} and cannot be rotated. Make a new one."
            )));
        }
        let secret = self.mint()?;
        let (prefix, last_four) = key::shown_parts(secret.expose());
        let hash = self.hash(secret.expose().as_bytes());
        let rotated = VirtualKey {
            hash,
            prefix,
            last_four,
            ..VirtualKey::clone(&key)
        };
        let change = audit::changed(&*key, &rotated);
        let replaced = self.replace(by, &entry, rotated, ("key.rotate", change));
        Ok((replaced.await?, secret))
    }

    /// Changes what the edit names. To whom a key belongs stays; nobody changes the limits or
    /// budgets of their own keys; a revoked key stays as it is.
    pub async fn change_key(
        &self,
        by: &Manager,
        id: &str,
        edit: &KeyEdit,
    ) -> Result<Arc<Entry>, Failure> {
        let _turn = self.turn().await?;
        let (entry, key) = self.changeable(by, id)?;
        if key.revoked_at.is_some() {
            return Err(Failure::client(Code::Conflict)
                .message("This key is revoked and stays so. Make a new one."));
        }
        let is_own = !by.is_platform() && entry.user().map(|user| &user.id) == by.user_id();
        if is_own && edit.controls.names_any() {
            return Err(not_for_themselves());
        }
        if let Some(priority) = edit.priority {
            may_be_given(by, priority)?;
        }
        let changed = edit.onto(&key);
        has_user(changed.permissions, &changed.tenancy)?;
        may_become(by, by.extent(Right::ManageKeys)?, (&key, &changed))?;
        let change = audit::changed(&*key, &changed);
        if !audit::is_nothing(&change) {
            let counted = (id, entry.meter(), &*changed.controls);
            self.count_before(Level::Key, counted).await?;
            self.replace(by, &entry, changed, ("key.update", change))
                .await?;
        }
        self.key(by, id)
    }

    /// A key that the manager may change.
    fn changeable(&self, by: &Manager, id: &str) -> Result<(Arc<Entry>, Arc<VirtualKey>), Failure> {
        let extent = by.extent(Right::ManageKeys)?;
        let entry = self.key(by, id)?;
        if !by.knows_key(extent, &entry) {
            return Err(missing("key", "/api/keys"));
        }
        if !decides_about(by, &entry) {
            return Err(of_others());
        }
        if let Some(place) = entry.declared_at() {
            return Err(declared_elsewhere("key", place));
        }
        let key = entry.key();
        Ok((entry, key))
    }

    /// Whether the manager may make a key that belongs to these. A team or user that they may not
    /// know of is missing.
    fn may_have(&self, by: &Manager, extent: Extent, tenancy: &Tenancy) -> Result<(), Failure> {
        let team = self.team(by, tenancy.team.as_str())?;
        let Some(id) = &tenancy.user else {
            if extent == Extent::Own {
                return Err(denied(
                    "You may make keys for yourself only. Name your user.",
                ));
            }
            return Ok(());
        };
        let organization = team.organization().id.as_str();
        let user = self.user(by, organization, id.as_str())?;
        if by.user_id() == Some(&user.id) {
            return Ok(());
        }
        if extent == Extent::Own {
            return Err(denied("You may make keys for yourself only."));
        }
        if by.may_decide_about(user.role()) {
            Ok(())
        } else {
            Err(of_others())
        }
    }

    async fn replace(
        &self,
        by: &Manager,
        entry: &Entry,
        key: VirtualKey,
        (action, change): (&str, String),
    ) -> Result<Arc<VirtualKey>, Failure> {
        let key = Arc::new(key);
        let organization = &entry.team().organization().id;
        let row = by.row(
            self.now(),
            (action, key.id.as_str()),
            Some(organization),
            change,
        );
        self.commit(vec![Step::UpdateKey(Arc::clone(&key))], row)
            .await?;
        Ok(key)
    }

    fn mint(&self) -> Result<Secret, Failure> {
        let prefix = match self.environment {
            Environment::Live => MADE_PREFIX,
            Environment::Test => TEST_PREFIX,
        };
        mint::secret(prefix, self.entropy).map_err(no_randomness)
    }

    pub(super) fn virtual_key(&self, id: KeyId, facts: NewKey, secret: &Secret) -> VirtualKey {
        let (prefix, last_four) = key::shown_parts(secret.expose());
        VirtualKey {
            id,
            name: facts.name,
            hash: self.hash(secret.expose().as_bytes()),
            prefix,
            last_four,
            permissions: facts.permissions,
            models: facts.models,
            created_at: self.clock.now(),
            expires_at: facts.expires_at,
            revoked_at: None,
            error_dialect: facts.error_dialect,
            priority: facts.priority,
            tenancy: facts.tenancy,
            reach: facts.reach.into(),
            controls: facts.controls.into(),
            declared: false,
        }
    }
}

/// What a key may manage follows from the role of its user: without one it could manage nothing.
fn has_user(permissions: Permissions, tenancy: &Tenancy) -> Result<(), Failure> {
    if permissions.manage && tenancy.user.is_none() {
        let problem = FieldProblem {
            path: "user".to_owned(),
            message: "`user` is missing: a key with the permission \"admin\" needs a user, from \
                      whose role it follows what the key may manage."
                .to_owned(),
            kind: "missing",
        };
        return Err(Failure::client(Code::InvalidRequest)
            .message(problem.message.clone())
            .field(problem));
    }
    Ok(())
}

/// High priority is at the expense of other organizations.
fn may_be_given(by: &Manager, priority: Priority) -> Result<(), Failure> {
    if priority == Priority::High && !by.is_platform() {
        return Err(denied(
            "The priority \"high\" is given by the platform's administrator.",
        ));
    }
    Ok(())
}

/// Whether a key is the manager's own, or one of somebody about whom they decide.
fn decides_about(by: &Manager, entry: &Entry) -> bool {
    entry
        .user()
        .is_none_or(|user| by.user_id() == Some(&user.id) || by.may_decide_about(user.role()))
}

fn not_for_themselves() -> Failure {
    denied(
        "Nobody sets the limits or budgets of their own keys. Ask an owner or an administrator of \
         the organization.",
    )
}

fn of_others() -> Failure {
    denied("Keys of owners and administrators are managed by themselves and by owners.")
}
