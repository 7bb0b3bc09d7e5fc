//! What is done with the members of organizations.

use std::sync::Arc;

use tollgate_core::error::{Code, Failure};
use tollgate_core::id::{OrgId, UserId};
use tollgate_core::key::VirtualKey;
use tollgate_core::limit::Level;
use tollgate_core::right::Right;
use tollgate_core::tenant::{Role, User};

use super::change::Step;
use super::organizations::verb;
use super::{Accounts, NewUser, UserEdit, declared_elsewhere, denied, missing, no_randomness};
use crate::audit;
use crate::authority::Manager;
use crate::mint;
use crate::tenants::UserNode;

impl Accounts {
    /// Adds a member to an organization. Fails with `conflict` if it has one of this e-mail
    /// address.
    pub async fn create_user(
        &self,
        by: &Manager,
        organization: &str,
        new: NewUser,
    ) -> Result<Arc<UserNode>, Failure> {
        let _turn = self.turn().await?;
        by.extent(Right::ManageUsers)?;
        let organization = self.organization(by, organization)?.id.clone();
        may_decide(by, new.role)?;
        self.is_new_email(&organization, &new.email, None)?;
        let now = self.now();
        let id = UserId::new(now, mint::number(self.entropy).map_err(no_randomness)?);
        let facts = User {
            id: id.clone(),
            organization: organization.clone(),
            email: new.email,
            role: new.role,
            status: new.status,
            controls: new.controls,
            created_at: now,
        };
        let change = audit::made(&facts);
        let row = by.row(
            now,
            ("user.create", id.as_str()),
            Some(&organization),
            change,
        );
        let node = self.tenants.expect_user(facts.clone());
        self.commit(vec![Step::User(Arc::new(facts))], row).await?;
        Ok(node)
    }

    /// The members of an organization, in the order of their ids.
    pub fn users(&self, by: &Manager, organization: &str) -> Result<Vec<Arc<UserNode>>, Failure> {
        let organization = self.organization(by, organization)?;
        let mut users = self.tenants.users();
        users.retain(|user| user.organization().id == organization.id);
        Ok(users)
    }

    /// A member of an organization. One of another organization is missing.
    pub fn user(
        &self,
        by: &Manager,
        organization: &str,
        id: &str,
    ) -> Result<Arc<UserNode>, Failure> {
        let organization = self.organization(by, organization)?;
        let found = self.tenants.user(&UserId::from_stored(id));
        found
            .filter(|user| user.organization().id == organization.id)
            .ok_or_else(|| missing("user", "/api/organizations/{id}/members"))
    }

    /// Changes what the edit names. Nobody decides about their own role, status, limits or
    /// budgets.
    pub async fn change_user(
        &self,
        by: &Manager,
        (organization, id): (&str, &str),
        edit: &UserEdit,
    ) -> Result<Arc<UserNode>, Failure> {
        let _turn = self.turn().await?;
        by.extent(Right::ManageUsers)?;
        let node = self.user(by, organization, id)?;
        let old = Arc::clone(&node.facts());
        let new = edit.onto(&old);
        if by.user_id() == Some(&node.id) {
            if edit.names_what_others_decide() {
                return Err(denied(
                    "Nobody changes their own role, status, limits or budgets. Ask another owner \
                     or the platform's administrator.",
                ));
            }
        } else {
            may_decide(by, old.role)?;
            may_decide(by, new.role)?;
        }
        if let Some(place) = self.tenants.user_declared_at(&node.id) {
            return Err(declared_elsewhere("user", &place));
        }
        self.is_new_email(&old.organization, &new.email, Some(&node.id))?;
        let change = audit::changed(&*old, &new);
        if audit::is_nothing(&change) {
            return Ok(node);
        }
        let counted = (id, &node.meter, &new.controls);
        self.count_before(Level::User, counted).await?;
        let action = format!("user.{}", verb(old.status, new.status));
        let row = by.row(self.now(), (&action, id), Some(&old.organization), change);
        self.commit(vec![Step::User(Arc::new(new))], row).await?;
        Ok(node)
    }

    /// Removes a member; their keys are revoked at once.
    pub async fn delete_user(
        &self,
        by: &Manager,
        organization: &str,
        id: &str,
    ) -> Result<Arc<UserNode>, Failure> {
        let _turn = self.turn().await?;
        by.extent(Right::ManageUsers)?;
        let node = self.user(by, organization, id)?;
        if by.user_id() == Some(&node.id) {
            return Err(denied("Nobody removes themselves. Ask another owner."));
        }
        may_decide(by, node.role())?;
        if let Some(place) = self.tenants.user_declared_at(&node.id) {
            return Err(declared_elsewhere("user", &place));
        }
        let now = self.now();
        let is_theirs = |user: &Arc<UserNode>| user.id == node.id;
        let keys = self
            .table
            .select(|entry| entry.declared_at().is_none() && entry.user().is_some_and(is_theirs));
        let living = keys.iter().map(|entry| entry.key());
        let living = living.filter(|key| key.revoked_at.is_none());
        let mut steps: Vec<Step> = living
            .map(|key| {
                Step::UpdateKey(Arc::new(VirtualKey {
                    revoked_at: Some(now),
                    ..VirtualKey::clone(&key)
                }))
            })
            .collect();
        let revoked = steps.len().to_string();
        steps.push(Step::ForgetUser(node.id.clone()));
        let organization = &node.organization().id;
        let change = audit::set("revoked_keys", &revoked);
        let row = by.row(now, ("user.delete", id), Some(organization), change);
        self.commit(steps, row).await?;
        Ok(node)
    }

    fn is_new_email(
        &self,
        organization: &OrgId,
        email: &str,
        but: Option<&UserId>,
    ) -> Result<(), Failure> {
        let users = self.tenants.users();
        let mut others = users
            .iter()
            .filter(|user| user.organization().id == *organization && Some(&user.id) != but);
        if others.any(|user| user.facts().email.eq_ignore_ascii_case(email)) {
            return Err(Failure::client(Code::Conflict).message(
                "The organization has a member of this e-mail address already. Change that one.",
            ));
        }
        Ok(())
    }
}

fn may_decide(by: &Manager, role: Role) -> Result<(), Failure> {
    if by.may_decide_about(role) {
        return Ok(());
    }
    Err(denied(format!(
        "Members with the role \"{}\" are managed by an owner of the organization.",
        role.as_str()
    )))
}
