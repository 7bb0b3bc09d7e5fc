//! What is done with teams.

use std::sync::Arc;

use tollgate_core::audit::AuditRow;
use tollgate_core::error::Failure;
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::Holder;
use tollgate_core::limit::Level;
use tollgate_core::right::Right;
use tollgate_core::tenant::{Status, Team};

use super::change::Step;
use super::organizations::{taken, verb};
use super::{Accounts, NewTeam, TeamEdit, declared_elsewhere, denied, missing, no_randomness};
use crate::audit;
use crate::authority::Manager;
use crate::mint;
use crate::tenants::TeamNode;

impl Accounts {
    /// Makes a team. Fails with `conflict` if there is one of this id.
    pub async fn create_team(&self, by: &Manager, new: NewTeam) -> Result<Arc<TeamNode>, Failure> {
        by.extent(Right::ManageTeams)?;
        if new.id.is_some() && !by.is_platform() {
            // Ids are unique in the deployment: whoever may choose one learns which ones others
            // have.
            return Err(denied(
                "The ids of teams are chosen by the platform's administrator. Leave `id` out; one \
                 is made.",
            ));
        }
        if new.status == Status::Suspended && !by.is_platform() {
            return Err(not_suspended_by_users());
        }
        let _turn = self.turn().await?;
        let organization = self.organization(by, &new.organization)?.id.clone();
        let (node, step, row) = self.draft_team(by, new, &organization).await?;
        self.commit(vec![step], row).await?;
        Ok(node)
    }

    /// What makes a team of an organization, which may be about to be made itself.
    pub(super) async fn draft_team(
        &self,
        by: &Manager,
        new: NewTeam,
        organization: &OrgId,
    ) -> Result<(Arc<TeamNode>, Step, AuditRow), Failure> {
        let now = self.now();
        let id = match &new.id {
            Some(id) => TeamId::from_stored(id),
            None => TeamId::new(now, mint::number(self.entropy).map_err(no_randomness)?),
        };
        if self.tenants.team(&id).is_some() {
            return Err(taken("team", id.as_str()));
        }
        if self.was_deleted(&id) {
            return Err(taken("team", id.as_str()));
        }
        let facts = Team {
            id: id.clone(),
            organization: organization.clone(),
            name: new.name,
            status: new.status,
            controls: new.controls,
            job_terms: new.job_terms,
            metadata: new.metadata,
            updated_at: None,
            created_at: now,
            declared: false,
        };
        let balances = self.balances_of(Holder::Team(id.clone())).await;
        let node = self.tenants.expect_team(&id, organization, balances);
        if node.organization().id != *organization {
            // It was declared once, and its books are those of another organization.
            return Err(taken("team", id.as_str()));
        }
        let counted = (id.as_str(), &node.meter, &facts.controls);
        self.count_before(Level::Team, counted).await?;
        let change = audit::made(&facts);
        let row = by.row(
            now,
            ("team.create", id.as_str()),
            Some(organization),
            change,
        );
        Ok((node, Step::Team(Arc::new(facts)), row))
    }

    /// Every team that the manager may see, of one organization if one is named, in the order of
    /// their ids.
    pub fn teams(
        &self,
        by: &Manager,
        organization: Option<&str>,
    ) -> Result<Vec<Arc<TeamNode>>, Failure> {
        by.extent(Right::SeeOrganization)?;
        let mut teams = self.tenants.teams();
        teams.retain(|team| {
            let id: &OrgId = &team.organization().id;
            by.knows(id) && organization.is_none_or(|wanted| wanted == id.as_str())
        });
        Ok(teams)
    }

    /// The team of this id. One that the manager may not know of is missing.
    pub fn team(&self, by: &Manager, id: &str) -> Result<Arc<TeamNode>, Failure> {
        by.extent(Right::SeeOrganization)?;
        let found = self.tenants.team(&TeamId::from_stored(id));
        found
            .filter(|team| by.knows(&team.organization().id))
            .ok_or_else(|| missing("team", "/api/teams"))
    }

    /// Changes what the edit names. Users pause their teams and resume them; suspending them, and
    /// ending that, is for the platform.
    pub async fn change_team(
        &self,
        by: &Manager,
        id: &str,
        edit: &TeamEdit,
    ) -> Result<Arc<TeamNode>, Failure> {
        let _turn = self.turn().await?;
        let (node, draft) = self.draft_team_change(by, id, edit).await?;
        if let Some((step, row)) = draft {
            self.commit(vec![step], row).await?;
        }
        Ok(node)
    }

    /// What changes a team; `None` where nothing would differ.
    pub(super) async fn draft_team_change(
        &self,
        by: &Manager,
        id: &str,
        edit: &TeamEdit,
    ) -> Result<(Arc<TeamNode>, Option<(Step, AuditRow)>), Failure> {
        by.extent(Right::ManageTeams)?;
        let node = self.team(by, id)?;
        let old = Arc::clone(&node.facts());
        let new = edit.onto(&old);
        let is_suspension =
            old.status != new.status && [old.status, new.status].contains(&Status::Suspended);
        if is_suspension && !by.is_platform() {
            return Err(not_suspended_by_users());
        }
        if let Some(place) = self.tenants.team_declared_at(&node.id) {
            return Err(declared_elsewhere("team", &place));
        }
        let change = audit::changed(&*old, &new);
        if audit::is_nothing(&change) {
            return Ok((node, None));
        }
        let counted = (id, &node.meter, &new.controls);
        self.count_before(Level::Team, counted).await?;
        let action = format!("team.{}", verb(old.status, new.status));
        let organization = &node.organization().id;
        let row = by.row(self.now(), (&action, id), Some(organization), change);
        let new = Team {
            updated_at: Some(self.now()),
            ..new
        };
        Ok((node, Some((Step::Team(Arc::new(new)), row))))
    }
}

fn not_suspended_by_users() -> Failure {
    denied(
        "Teams are suspended, and resumed from that, by the platform's administrator. To stop a \
         team for a time, pause it.",
    )
}
