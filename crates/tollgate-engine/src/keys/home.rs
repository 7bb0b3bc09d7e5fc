//! To whom a key belongs.

use std::sync::Arc;

use tollgate_core::id::OrgId;
use tollgate_core::key::Tenancy;
use tollgate_core::tenant::{Organization, Status, Team};

use crate::tenants::{self, OrganizationNode, TeamNode, Tenants, UserNode};

/// To whom a key belongs.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its team.
    pub team: Arc<TeamNode>,
    /// The user who holds it.
    pub user: Option<Arc<UserNode>>,
    /// Whether both are there. If not, they stand in for them, suspended.
    pub(super) is_found: bool,
}

/// The built-in team, apart from any deployment.
impl Default for Home {
    fn default() -> Self {
        let tenancy = Tenancy::default();
        Self::find(&Tenants::default(), &tenancy).unwrap_or_else(|| Self::nowhere(&tenancy))
    }
}

impl Home {
    /// Finds the home of a key. `None` if its team or its user is not there, or if they belong to
    /// different organizations.
    pub fn find(tenants: &Tenants, tenancy: &Tenancy) -> Option<Self> {
        let team = tenants.team_node(&tenancy.team)?;
        let user = match &tenancy.user {
            None => None,
            Some(id) => Some(tenants.user_node(id)?),
        };
        let is_of_team = |user: &Arc<UserNode>| user.organization().id == team.organization().id;
        if !user.as_ref().is_none_or(is_of_team) {
            return None;
        }
        Some(Self {
            team,
            user,
            is_found: true,
        })
    }

    /// The home of a key, or what stands in for it: the team if that at least is there, with a
    /// suspended user.
    pub(crate) fn of(tenants: &Tenants, tenancy: &Tenancy) -> Self {
        if let Some(home) = Self::find(tenants, tenancy) {
            return home;
        }
        let (Some(team), Some(user)) = (tenants.team_node(&tenancy.team), &tenancy.user) else {
            return Self::nowhere(tenancy);
        };
        let gone = tenants::gone_user(user, &team.organization().id);
        let user = UserNode::new(gone, Arc::clone(team.organization()));
        Self {
            team,
            user: Some(Arc::new(user)),
            is_found: false,
        }
    }

    /// The home of a key whose team is not there: a suspended team of this name, of an
    /// organization that is none.
    pub fn nowhere(tenancy: &Tenancy) -> Self {
        let organization = Organization {
            id: OrgId::from_stored(""),
            status: Status::Suspended,
            ..tenants::built_in_organization()
        };
        let team = Team {
            id: tenancy.team.clone(),
            organization: organization.id.clone(),
            status: Status::Suspended,
            ..tenants::built_in_team()
        };
        let organization = Arc::new(OrganizationNode::new(organization));
        Self {
            team: Arc::new(TeamNode::new(team, organization)),
            user: None,
            is_found: false,
        }
    }
}
