//! What is done with organizations.

use std::sync::Arc;

use tollgate_core::audit::AuditRow;
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::OrgId;
use tollgate_core::ledger::Holder;
use tollgate_core::limit::Level;
use tollgate_core::right::Right;
use tollgate_core::tenant::{Organization, Status};

use super::change::Step;
use super::{
    Accounts, NewOrganization, OrganizationEdit, declared_elsewhere, denied, missing, no_randomness,
};
use crate::audit;
use crate::authority::Manager;
use crate::mint;
use crate::tenants::OrganizationNode;

/// The most bytes of an id that somebody chose.
const LONGEST_ID: usize = 64;

impl Accounts {
    /// Makes an organization. Fails with `conflict` if there is one of this id.
    pub async fn create_organization(
        &self,
        by: &Manager,
        new: NewOrganization,
    ) -> Result<Arc<OrganizationNode>, Failure> {
        by.extent(Right::Admin)?;
        let _turn = self.turn().await?;
        let (node, step, row) = self.draft_organization(by, new).await?;
        self.commit(vec![step], row).await?;
        Ok(node)
    }

    /// What makes an organization.
    pub(super) async fn draft_organization(
        &self,
        by: &Manager,
        new: NewOrganization,
    ) -> Result<(Arc<OrganizationNode>, Step, AuditRow), Failure> {
        let now = self.now();
        let id = match &new.id {
            Some(id) => OrgId::from_stored(id),
            None => OrgId::new(now, mint::number(self.entropy).map_err(no_randomness)?),
        };
        if self.tenants.organization(&id).is_some() {
            return Err(taken("organization", id.as_str()));
        }
        let facts = Organization {
            id: id.clone(),
            name: new.name,
            status: new.status,
            controls: new.controls,
            keeps_bodies: new.keeps_bodies,
            metadata: new.metadata,
            updated_at: None,
            created_at: now,
            declared: false,
        };
        let balances = self.balances_of(Holder::Organization(id.clone())).await;
        let node = self.tenants.expect_organization(&id, balances);
        let counted = (id.as_str(), &node.meter, &facts.controls);
        self.count_before(Level::Organization, counted).await?;
        let change = audit::made(&facts);
        let row = by.row(now, ("organization.create", id.as_str()), Some(&id), change);
        Ok((node, Step::Organization(Arc::new(facts)), row))
    }

    /// Every organization that the manager may see, in the order of their ids.
    pub fn organizations(&self, by: &Manager) -> Result<Vec<Arc<OrganizationNode>>, Failure> {
        by.extent(Right::SeeOrganization)?;
        Ok(match by.organization() {
            None => self.tenants.organizations(),
            Some(own) => self.tenants.organization(own).into_iter().collect(),
        })
    }

    /// The organization of this id. One that the manager may not know of is missing.
    pub fn organization(&self, by: &Manager, id: &str) -> Result<Arc<OrganizationNode>, Failure> {
        by.extent(Right::SeeOrganization)?;
        let id = OrgId::from_stored(id);
        let found = self.tenants.organization(&id);
        found
            .filter(|node| by.knows(&node.id))
            .ok_or_else(|| missing("organization", "/api/organizations"))
    }

    /// Changes what the edit names. What an organization is allowed, and whether it may work, is
    /// decided by the platform alone.
    pub async fn change_organization(
        &self,
        by: &Manager,
        id: &str,
        edit: &OrganizationEdit,
    ) -> Result<Arc<OrganizationNode>, Failure> {
        let _turn = self.turn().await?;
        by.extent(Right::ManageOrganization)?;
        let node = self.organization(by, id)?;
        if !by.is_platform() && (edit.status.is_some() || edit.controls.names_any()) {
            return Err(denied(
                "The status, the limits and the budgets of an organization are set by the \
                 platform's administrator.",
            ));
        }
        if let Some(place) = self.tenants.organization_declared_at(&node.id) {
            return Err(declared_elsewhere("organization", &place));
        }
        let old = Arc::clone(&node.facts());
        let new = edit.onto(&old);
        let change = audit::changed_because(&*old, &new, edit.reason.as_deref());
        if audit::is_nothing(&change) {
            return Ok(node);
        }
        let counted = (id, &node.meter, &new.controls);
        self.count_before(Level::Organization, counted).await?;
        let verb = verb(old.status, new.status);
        let action = format!("organization.{verb}");
        let row = by.row(self.now(), (&action, id), Some(&node.id), change);
        let step = Step::Organization(Arc::new(Organization {
            updated_at: Some(self.now()),
            ..new
        }));
        self.commit(vec![step], row).await?;
        Ok(node)
    }
}

/// Whether a text may name an organization or a team: letters, digits and `-_.`, at most 64 of
/// them, a letter or digit first. `create` stands for something else in addresses.
pub fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    let first = text.bytes().next();
    text.len() <= LONGEST_ID
        && first.is_some_and(is_plain)
        && text
            .bytes()
            .all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.'))
        && text != "create"
}

/// What the audit log calls a change.
pub(super) fn verb(old: Status, new: Status) -> &'static str {
    if old == new {
        return "update";
    }
    match new {
        Status::Active => "resume",
        Status::Paused => "pause",
        Status::Suspended => "suspend",
    }
}

/// The failure of a second one of an id.
pub(super) fn taken(kind: &str, id: &str) -> Failure {
    Failure::client(Code::Conflict).message(format!(
        "There is another {kind} of the id \"{id}\". Choose another id, or change that one."
    ))
}
