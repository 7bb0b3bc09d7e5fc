//! Who may do what: the rights that routes demand, and how far each role has them.

use std::fmt::Write as _;

use crate::tenant::Role;

/// What a route demands of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Nothing.
    Public,
    /// A key with the permission `read`: to see what there is.
    Read,
    /// A key with the permission `write`: to send calls to models.
    Write,
    /// To see organizations with their teams and members.
    SeeOrganization,
    /// To change what an organization decides about itself.
    ManageOrganization,
    /// To make, change, pause and suspend teams.
    ManageTeams,
    /// To add, change and remove members.
    ManageUsers,
    /// To see keys, without their text.
    SeeKeys,
    /// To make, change, rotate and revoke keys.
    ManageKeys,
    /// To see the calls of an organization and what they cost. Every key that may read sees those
    /// of its team.
    SeeUsage,
    /// To see what operators and managers changed.
    SeeAudit,
    /// To run the deployment: credits, connections, organizations, maintenance.
    Admin,
}

/// How far somebody has a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// What belongs to them alone.
    Own,
    /// Everything in their organization.
    Organization,
    /// Everything.
    Everything,
}

/// Roles in the order of the rows below.
const ROLES: [Role; 5] = [
    Role::Owner,
    Role::Admin,
    Role::Developer,
    Role::Viewer,
    Role::Member,
];

impl Right {
    /// Every right.
    pub const ALL: &'static [Self] = &[
        Self::Public,
        Self::Read,
        Self::Write,
        Self::SeeOrganization,
        Self::ManageOrganization,
        Self::ManageTeams,
        Self::ManageUsers,
        Self::SeeKeys,
        Self::ManageKeys,
        Self::SeeUsage,
        Self::SeeAudit,
        Self::Admin,
    ];

    /// The word for documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Read => "read",
            Self::Write => "write",
            Self::SeeOrganization => "see organization",
            Self::ManageOrganization => "manage organization",
            Self::ManageTeams => "manage teams",
            Self::ManageUsers => "manage members",
            Self::SeeKeys => "see keys",
            Self::ManageKeys => "manage keys",
            Self::SeeUsage => "see usage",
            Self::SeeAudit => "see audit log",
            Self::Admin => "run the deployment",
        }
    }

    /// Whether the right is one to manage: it takes the admin key, or a key with the permission
    /// `admin` whose user has a role that gives it.
    pub const fn is_of_managers(self) -> bool {
        !matches!(self, Self::Public | Self::Read | Self::Write)
    }

    /// How far a role gives this right; `None`: not at all. Rights that are none of managers
    /// depend on the key alone.
    pub fn of_role(self, role: Role) -> Option<Extent> {
        let row = self.row();
        let mut cells = ROLES.iter().zip(row);
        cells.find_map(|(of, extent)| (*of == role).then_some(extent)?)
    }

    /// How far the platform's administrator has this right.
    pub const fn of_platform(self) -> Option<Extent> {
        if self.is_of_managers() {
            Some(Extent::Everything)
        } else {
            None
        }
    }

    /// How far owner, admin, developer, viewer and member have it.
    const fn row(self) -> [Option<Extent>; 5] {
        const ALL: Option<Extent> = Some(Extent::Organization);
        const OWN: Option<Extent> = Some(Extent::Own);
        const NO: Option<Extent> = None;
        match self {
            Self::Public | Self::Read | Self::Write | Self::Admin => [NO, NO, NO, NO, NO],
            Self::SeeOrganization => [ALL, ALL, ALL, ALL, NO],
            Self::ManageOrganization => [ALL, NO, NO, NO, NO],
            Self::ManageTeams | Self::ManageUsers | Self::SeeAudit => [ALL, ALL, NO, NO, NO],
            Self::SeeKeys => [ALL, ALL, OWN, ALL, NO],
            Self::SeeUsage => [ALL, ALL, NO, ALL, NO],
            Self::ManageKeys => [ALL, ALL, OWN, NO, NO],
        }
    }

    /// The table of rights and roles, for documents.
    pub fn markdown() -> String {
        let roles = ROLES.map(Role::as_str).join(" | ");
        let mut text = format!("| right | {roles} |\n| --- | --- | --- | --- | --- | --- |\n");
        for right in Self::ALL.iter().filter(|right| right.is_of_managers()) {
            let words = right.row().map(|extent| match extent {
                None => "-",
                Some(Extent::Own) => "own",
                Some(Extent::Organization) => "organization",
                Some(Extent::Everything) => "everything",
            });
            // Writing into a text cannot fail.
            _ = writeln!(text, "| {} | {} |", right.as_str(), words.join(" | "));
        }
        text
    }
}

/// Whether somebody of a role may add, change or remove members of another role, and make keys
/// for them: owners decide about everybody, administrators about those below them.
pub fn may_decide_about(role: Role, other: Role) -> bool {
    match role {
        Role::Owner => true,
        Role::Admin => other < Role::Admin,
        Role::Developer | Role::Viewer | Role::Member => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_reaches_beyond_its_organization_or_runs_the_deployment() {
        for right in Right::ALL {
            for role in Role::ALL {
                assert_ne!(right.of_role(*role), Some(Extent::Everything));
            }
            assert_eq!(right.of_platform().is_some(), right.is_of_managers());
        }
        for role in Role::ALL {
            assert_eq!(Right::Admin.of_role(*role), None, "{role:?}");
        }
    }

    #[test]
    fn members_only_call_and_viewers_change_nothing() {
        for right in Right::ALL {
            assert_eq!(right.of_role(Role::Member), None, "{right:?}");
            let changes = right.as_str().starts_with("manage");
            assert!(
                !(changes && right.of_role(Role::Viewer).is_some()),
                "{right:?}"
            );
        }
        assert_eq!(
            Right::ManageKeys.of_role(Role::Developer),
            Some(Extent::Own)
        );
        assert_eq!(Right::ManageTeams.of_role(Role::Developer), None);
        assert_eq!(
            Right::ManageTeams.of_role(Role::Admin),
            Some(Extent::Organization)
        );
    }

    #[test]
    fn an_owner_has_every_right_that_another_role_has() {
        for right in Right::ALL {
            for role in Role::ALL {
                assert!(
                    right.of_role(*role) <= right.of_role(Role::Owner),
                    "{right:?}"
                );
            }
        }
    }

    #[test]
    fn only_owners_decide_about_owners_and_administrators() {
        for role in Role::ALL {
            for other in Role::ALL {
                let may = match role {
                    Role::Owner => true,
                    Role::Admin => !matches!(other, Role::Owner | Role::Admin),
                    _ => false,
                };
                assert_eq!(may_decide_about(*role, *other), may, "{role:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_document_shows_the_table() {
        let document = include_str!("../../../docs/tenants.md");
        assert!(
            document.contains(&Right::markdown()),
            "{}",
            Right::markdown()
        );
    }
}
