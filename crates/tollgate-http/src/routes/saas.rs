//! The addresses of seed 001 that manage: what is offered to teams, their credits, and who they
//! are.

use http::Method;
use tollgate_core::right::Right;

use super::Endpoint;
use super::credits::{Deed, Purse};

/// What stands behind a path of seed 001. Values of the path are still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saas<'a> {
    /// Teams are made, with a key.
    NewTeam,
    /// The access groups of a team.
    TeamGroups(&'a str),
    /// The model groups of a team.
    TeamModelGroups(&'a str),
    /// What is done with the job credits of a team.
    Credits(&'a str, Act),
    /// Organizations are made, with a team.
    NewOrganization,
    /// The teams of an organization.
    OrganizationTeams(&'a str),
    /// What an organization used.
    OrganizationUsage(&'a str),
    /// Whether an organization may work.
    OrganizationState(&'a str),
    /// Every alias.
    Aliases,
    /// Aliases are made.
    NewAlias,
    /// One alias.
    Alias(&'a str),
    /// Every access group.
    Groups,
    /// Access groups are made.
    NewGroup,
    /// One access group.
    Group(&'a str),
    /// The aliases of an access group.
    GroupAliases(&'a str),
    /// Every model group.
    ModelGroups,
    /// Model groups are made.
    NewModelGroup,
    /// One model group.
    ModelGroup(&'a str),
    /// The models of a model group.
    ModelGroupModels(&'a str),
    /// Which models of a group would be asked.
    ResolveModelGroup(&'a str),
    /// Accounts at providers.
    ProviderCredentials(Credential<'a>),
    /// Sums over the deployment.
    Dashboard,
}

/// What is done with the job credits of a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Whether there are enough is told.
    Check,
    /// What is charged by.
    Rates,
    /// Credits that were paid for are added.
    Replenish,
    /// Credits come again with each period.
    AutoRefill,
    /// How is charged.
    Mode,
}

/// Accounts at providers, as seed 001 has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    /// All of them.
    All,
    /// One is made.
    New,
    /// One.
    One(&'a str),
    /// Whether one is in use.
    Use(&'a str, bool),
    /// Those of an organization.
    Organization(&'a str),
    /// The one of an organization at a provider.
    Provider(&'a str, &'a str),
}

const READS: &[Method] = &[Method::GET, Method::HEAD];

impl<'a> Saas<'a> {
    /// What stands behind a path; `None` for paths of others.
    pub(super) fn find(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/api/")?;
        let (area, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let (name, verb) = rest.split_once('/').unwrap_or((rest, ""));
        Some(match (area, name, verb) {
            ("teams", "create", "") => Self::NewTeam,
            ("organizations", "create", "") => Self::NewOrganization,
            ("models" | "model-aliases", "", "") => Self::Aliases,
            ("models" | "model-aliases", "create", "") => Self::NewAlias,
            ("models" | "model-aliases", alias, "") => Self::Alias(alias),
            ("model-access-groups", "", "") => Self::Groups,
            ("model-access-groups", "create", "") => Self::NewGroup,
            ("model-access-groups", group, "") => Self::Group(group),
            ("model-groups", "", "") => Self::ModelGroups,
            ("model-groups", "create", "") => Self::NewModelGroup,
            ("model-groups", group, "") => Self::ModelGroup(group),
            ("stats", "dashboard", "") => Self::Dashboard,
            ("provider-credentials", ..) => Self::ProviderCredentials(credential(name, verb)?),
            (_, "", _) => return None,
            ("teams", team, "access-groups") => Self::TeamGroups(team),
            ("teams", team, "model-groups") => Self::TeamModelGroups(team),
            ("organizations", id, "teams") => Self::OrganizationTeams(id),
            ("organizations", id, "usage") => Self::OrganizationUsage(id),
            ("organizations", id, "status") => Self::OrganizationState(id),
            ("model-access-groups", group, "models") => Self::GroupAliases(group),
            ("model-groups", group, "models") => Self::ModelGroupModels(group),
            ("model-groups", group, "resolve") => Self::ResolveModelGroup(group),
            ("credits", "teams", verb) => {
                let (team, act) = verb.split_once('/').filter(|(team, _)| !team.is_empty())?;
                Self::Credits(team, Act::find(act)?)
            }
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static [Method] {
        const OBJECT: &[Method] = &[Method::GET, Method::HEAD, Method::PUT, Method::DELETE];
        match self {
            Self::NewTeam
            | Self::NewOrganization
            | Self::NewAlias
            | Self::NewGroup
            | Self::NewModelGroup
            | Self::ProviderCredentials(Credential::New) => &[Method::POST],
            Self::TeamGroups(_)
            | Self::TeamModelGroups(_)
            | Self::OrganizationState(_)
            | Self::GroupAliases(_)
            | Self::ModelGroupModels(_)
            | Self::ProviderCredentials(Credential::Use(..)) => &[Method::PUT],
            Self::Credits(_, act) => act.methods(),
            Self::Alias(_) | Self::Group(_) | Self::ProviderCredentials(Credential::One(_)) => {
                OBJECT
            }
            Self::ModelGroup(_) => &[Method::GET, Method::HEAD, Method::DELETE],
            Self::OrganizationTeams(_)
            | Self::OrganizationUsage(_)
            | Self::Aliases
            | Self::Groups
            | Self::ModelGroups
            | Self::ResolveModelGroup(_)
            | Self::ProviderCredentials(
                Credential::All | Credential::Organization(_) | Credential::Provider(..),
            )
            | Self::Dashboard => READS,
        }
    }

    /// What a manager must have. What is offered, and what it costs, is decided by the platform.
    pub(super) fn right(self) -> Right {
        match self {
            Self::OrganizationTeams(_) => Right::SeeOrganization,
            Self::OrganizationUsage(_) => Right::SeeUsage,
            Self::NewTeam
            | Self::TeamGroups(_)
            | Self::TeamModelGroups(_)
            | Self::Credits(..)
            | Self::NewOrganization
            | Self::OrganizationState(_)
            | Self::Aliases
            | Self::NewAlias
            | Self::Alias(_)
            | Self::Groups
            | Self::NewGroup
            | Self::Group(_)
            | Self::GroupAliases(_)
            | Self::ModelGroups
            | Self::NewModelGroup
            | Self::ModelGroup(_)
            | Self::ModelGroupModels(_)
            | Self::ResolveModelGroup(_)
            | Self::ProviderCredentials(_)
            | Self::Dashboard => Right::Admin,
        }
    }
}

impl Act {
    fn find(word: &str) -> Option<Self> {
        Some(match word {
            "check" => Self::Check,
            "conversion-rates" => Self::Rates,
            "replenish" => Self::Replenish,
            "configure-auto-refill" => Self::AutoRefill,
            "budget-mode" => Self::Mode,
            _ => return None,
        })
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Self::Check | Self::Replenish | Self::AutoRefill => &[Method::POST],
            Self::Rates => &[Method::GET, Method::HEAD, Method::PATCH],
            Self::Mode => &[Method::PATCH],
        }
    }
}

fn credential<'a>(name: &'a str, verb: &'a str) -> Option<Credential<'a>> {
    Some(match (name, verb) {
        ("", "") => Credential::All,
        ("create", "") => Credential::New,
        ("organization", "") | ("", _) => return None,
        ("organization", rest) => match rest.split_once("/provider/") {
            None if !rest.contains('/') => Credential::Organization(rest),
            Some((organization, provider))
                if !organization.is_empty()
                    && !provider.is_empty()
                    && !organization.contains('/')
                    && !provider.contains('/') =>
            {
                Credential::Provider(organization, provider)
            }
            None | Some(_) => return None,
        },
        (id, "") => Credential::One(id),
        (id, "activate") => Credential::Use(id, true),
        (id, "deactivate") => Credential::Use(id, false),
        _ => return None,
    })
}

/// What a team's own key may see, whatever the team's status: of which team, if the path says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnView<'a> {
    /// The team itself.
    Team(&'a str),
    /// What is in its wallet of job credits.
    Balance(&'a str),
    /// What was done with them.
    Transactions(&'a str),
    /// Whether there are enough.
    Check(&'a str),
    /// Which models of a group it would ask.
    Resolve(&'a str),
}

impl<'a> OwnView<'a> {
    /// What a team's own key may see of an endpoint, with a method.
    pub(crate) fn of(endpoint: Endpoint<'a>, method: &Method) -> Option<Self> {
        let sees = READS.contains(method);
        match endpoint {
            Endpoint::Team(team) if sees => Some(Self::Team(team)),
            Endpoint::Credits(Purse::Team(team), Deed::Balance) => Some(Self::Balance(team)),
            Endpoint::Credits(Purse::Team(team), Deed::Transactions) => {
                Some(Self::Transactions(team))
            }
            Endpoint::Saas(Saas::Credits(team, Act::Check)) => Some(Self::Check(team)),
            Endpoint::Saas(Saas::ResolveModelGroup(group)) => Some(Self::Resolve(group)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_seed_001_are_found() {
        for (path, found) in [
            ("/api/teams/create", Some(Saas::NewTeam)),
            ("/api/teams/t/access-groups", Some(Saas::TeamGroups("t"))),
            ("/api/teams//access-groups", None),
            ("/api/teams/t", None),
            ("/api/teams/t/suspend", None),
            ("/api/organizations/create", Some(Saas::NewOrganization)),
            (
                "/api/organizations/o/usage",
                Some(Saas::OrganizationUsage("o")),
            ),
            ("/api/organizations/o/members", None),
            (
                "/api/credits/teams/t/check",
                Some(Saas::Credits("t", Act::Check)),
            ),
            ("/api/credits/teams/t/balance", None),
            ("/api/credits/teams//check", None),
            ("/api/model-aliases", Some(Saas::Aliases)),
            ("/api/models/m", Some(Saas::Alias("m"))),
            ("/api/models/m/x", None),
            (
                "/api/model-groups/g/resolve",
                Some(Saas::ResolveModelGroup("g")),
            ),
            (
                "/api/provider-credentials/organization/o/provider/openai",
                Some(Saas::ProviderCredentials(Credential::Provider(
                    "o", "openai",
                ))),
            ),
            (
                "/api/provider-credentials/c/deactivate",
                Some(Saas::ProviderCredentials(Credential::Use("c", false))),
            ),
            ("/api/provider-credentials/organization", None),
            ("/api/stats/dashboard", Some(Saas::Dashboard)),
            ("/api/stats", None),
            ("/v1/models", None),
        ] {
            assert_eq!(Saas::find(path), found, "{path}");
        }
    }
}
