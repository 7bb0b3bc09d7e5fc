//! Organizations, teams, users and keys that the configuration declares. They are read-only here,
//! are kept in memory alone, and win over what the store holds under the same ids.

use std::collections::{BTreeMap, HashSet};

use tollgate_core::budget::Controls;
use tollgate_core::id::{KeyId, OrgId, TeamId, UserId};
use tollgate_core::job::Terms;
use tollgate_core::key::{self, VirtualKey};
use tollgate_core::ledger::Holder;
use tollgate_core::limit::Level;
use tollgate_core::secret::Secret;
use tollgate_core::tenant::{Organization, Role, Status, Team, User};

use super::controls::with_budgets;
use super::since::Since;
use super::{Accounts, NewKey};
use crate::admin;
use crate::keys::Home;
use crate::meter::MeterSlot;
use crate::port::StoreError;
use crate::tenants::DeclaredTenants;

/// Everything that the configuration declares of accounts.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Organizations.
    pub organizations: Vec<DeclaredOrganization>,
    /// Teams.
    pub teams: Vec<DeclaredTeam>,
    /// Users.
    pub users: Vec<DeclaredUser>,
    /// Keys.
    pub keys: Vec<DeclaredKey>,
}

/// An organization that the configuration declares.
#[derive(Clone, Debug)]
pub struct DeclaredOrganization {
    /// Its name, which is its id too.
    pub name: Box<str>,
    /// Whether it may work.
    pub status: Status,
    /// What it is allowed.
    pub controls: Controls,
    /// Whether the texts of its requests may be kept.
    pub keeps_bodies: bool,
    /// Where it is declared, for messages: `tollgate.toml, organization "acme"`.
    pub place: Box<str>,
}

/// A team that the configuration declares.
#[derive(Clone, Debug)]
pub struct DeclaredTeam {
    /// Its name, which is its id too.
    pub name: Box<str>,
    /// The id of its organization, declared or stored.
    pub organization: Box<str>,
    /// Whether it may work.
    pub status: Status,
    /// What it is allowed.
    pub controls: Controls,
    /// What its jobs cost; `None`: as for everybody.
    pub job_terms: Option<Box<Terms>>,
    /// Where it is declared, for messages.
    pub place: Box<str>,
}

/// A user whom the configuration declares.
#[derive(Clone, Debug)]
pub struct DeclaredUser {
    /// Their name, which is their id too.
    pub name: Box<str>,
    /// The id of their organization, declared or stored.
    pub organization: Box<str>,
    /// Their address, or another name by which people know them.
    pub email: Box<str>,
    /// What they may do.
    pub role: Role,
    /// Whether they may work.
    pub status: Status,
    /// What they are allowed.
    pub controls: Controls,
    /// Where they are declared, for messages.
    pub place: Box<str>,
}

/// A key that the configuration declares.
#[derive(Clone, Debug)]
pub struct DeclaredKey {
    /// What is made alike for every key, also for this one.
    pub facts: NewKey,
    /// The key in clear text.
    pub secret: Secret,
    /// Where it is declared, for messages: `tollgate.toml, line 12`.
    pub place: Box<str>,
}

/// Keys alone.
impl From<Vec<DeclaredKey>> for Declared {
    fn from(keys: Vec<DeclaredKey>) -> Self {
        Self {
            keys,
            ..Self::default()
        }
    }
}

/// Why declarations were not taken. None of them was.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeclareError {
    /// Two of one kind have one name.
    #[error("{place}: another {kind} has the name \"{name}\" already")]
    SameName {
        /// Where the second one is declared.
        place: Box<str>,
        /// What it is: `key`, `team`, ….
        kind: &'static str,
        /// The name.
        name: Box<str>,
    },
    /// Two are the same text.
    #[error("{place}: another key has the same text")]
    SameKey {
        /// Where the second one is declared.
        place: Box<str>,
    },
    /// Nobody could ever present it.
    #[error("{place}: a key has 1 to {longest} bytes", longest = key::LONGEST)]
    Length {
        /// Where it is declared.
        place: Box<str>,
    },
    /// What it belongs to is not there.
    #[error("{place}: there is no {kind} \"{name}\"")]
    Missing {
        /// Where it is declared.
        place: Box<str>,
        /// What is missing: `organization`, `team` or `user`.
        kind: &'static str,
        /// The name of what is missing.
        name: Box<str>,
    },
    /// It belongs to one organization already and cannot move to another.
    #[error(
        "{place}: it belongs to the organization \"{organization}\" already, with what it has \
         spent; give it another name"
    )]
    Elsewhere {
        /// Where it is declared.
        place: Box<str>,
        /// The organization to which it belongs.
        organization: Box<str>,
    },
    /// The user of a key is in another organization than its team.
    #[error("{place}: the team and the user of a key belong to one organization")]
    Strangers {
        /// Where the key is declared.
        place: Box<str>,
    },
    /// A key may manage, and nobody says what.
    #[error("{place}: a key with the permission \"admin\" needs a user")]
    NoUser {
        /// Where the key is declared.
        place: Box<str>,
    },
    /// What was spent of the budgets could not be read.
    #[error("what was spent before could not be read: {0}")]
    Store(Box<str>),
}

impl From<StoreError> for DeclareError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string().into())
    }
}

/// Declared teams and users with the organizations to which they belong, for checking keys.
#[derive(Default)]
struct Belonging {
    organizations: HashSet<OrgId>,
    teams: BTreeMap<TeamId, OrgId>,
    users: BTreeMap<UserId, OrgId>,
}

/// A key with its home, its place, and the meter that was made for its budgets.
type Prepared = (VirtualKey, Box<str>);

impl Accounts {
    /// Replaces everything that was declared by this. What the store holds under the same ids
    /// comes back when its declaration goes away. What was spent in running periods counts in
    /// budgets from the first request on.
    pub async fn declare(&self, declared: impl Into<Declared>) -> Result<(), DeclareError> {
        let _changing = self.changing.lock().await;
        let declared = declared.into();
        let belonging = self.check_tenants(&declared)?;
        let mut keys = self.check_keys(declared.keys, &belonging)?;
        let mut since = self.since().await?;
        for (key, _) in &mut keys {
            key.created_at = since.of("key", key.id.as_str());
        }
        let all = (declared.organizations, declared.teams, declared.users);
        let tenants = self.facts_of(all, &mut since);
        self.expect(&tenants).await?;
        // Nothing fails from here on but the books, and nothing has changed yet.
        let meters = self.meters_of(&keys).await?;
        self.keep_since(&since).await;
        self.tenants.declare(tenants);
        self.table.rehome(&self.tenants);
        let keys = keys.into_iter().zip(meters).map(|((key, place), meter)| {
            let home = Home::of(&self.tenants, &key.tenancy);
            (key, home, place, meter)
        });
        self.table.declare_metered(keys.collect());
        Ok(())
    }

    fn check_tenants(&self, declared: &Declared) -> Result<Belonging, DeclareError> {
        let mut found = Belonging::default();
        for one in &declared.organizations {
            if !found.organizations.insert(OrgId::from_stored(&one.name)) {
                return Err(same_name("organization", &one.place, &one.name));
            }
        }
        for team in &declared.teams {
            let id = TeamId::from_stored(&team.name);
            let organization = self.organization_of(&found, &team.organization, &team.place)?;
            if let Some(node) = self.tenants.team_node(&id) {
                stays(&node.organization().id, &organization, &team.place)?;
            }
            if found.teams.insert(id, organization).is_some() {
                return Err(same_name("team", &team.place, &team.name));
            }
        }
        for user in &declared.users {
            let id = UserId::from_stored(&user.name);
            let organization = self.organization_of(&found, &user.organization, &user.place)?;
            if let Some(node) = self.tenants.user_node(&id) {
                stays(&node.organization().id, &organization, &user.place)?;
            }
            if found.users.insert(id, organization).is_some() {
                return Err(same_name("user", &user.place, &user.name));
            }
        }
        Ok(found)
    }

    /// The organization of a declared team or user. One that was declared before counts no more.
    fn organization_of(
        &self,
        found: &Belonging,
        name: &str,
        place: &str,
    ) -> Result<OrgId, DeclareError> {
        let id = OrgId::from_stored(name);
        if found.organizations.contains(&id) || self.tenants.holds_organization(&id) {
            return Ok(id);
        }
        Err(missing("organization", place, name))
    }

    fn check_keys(
        &self,
        keys: Vec<DeclaredKey>,
        belonging: &Belonging,
    ) -> Result<Vec<Prepared>, DeclareError> {
        let (mut names, mut hashes) = (HashSet::new(), HashSet::new());
        let mut prepared = Vec::with_capacity(keys.len());
        for DeclaredKey {
            facts,
            secret,
            place,
        } in keys
        {
            if secret.expose().is_empty() || secret.expose().len() > key::LONGEST {
                return Err(DeclareError::Length { place });
            }
            if !names.insert(facts.name.clone()) {
                return Err(same_name("key", &place, &facts.name));
            }
            if facts.permissions.manage && facts.tenancy.user.is_none() {
                return Err(DeclareError::NoUser { place });
            }
            self.check_home(&facts, belonging, &place)?;
            let id = self.declared_id(&facts.name);
            let key = VirtualKey {
                declared: true,
                ..self.virtual_key(id, facts, &secret)
            };
            if !hashes.insert(key.hash) {
                return Err(DeclareError::SameKey { place });
            }
            prepared.push((key, place));
        }
        Ok(prepared)
    }

    fn check_home(
        &self,
        facts: &NewKey,
        belonging: &Belonging,
        place: &str,
    ) -> Result<(), DeclareError> {
        let team = &facts.tenancy.team;
        let of_team = belonging.teams.get(team).cloned();
        let of_team = of_team.or_else(|| self.tenants.holds_team(team));
        let of_team = of_team.ok_or_else(|| missing("team", place, team.as_str()))?;
        let Some(user) = &facts.tenancy.user else {
            return Ok(());
        };
        let of_user = belonging.users.get(user).cloned();
        let of_user = of_user.or_else(|| self.tenants.holds_user(user));
        let of_user = of_user.ok_or_else(|| missing("user", place, user.as_str()))?;
        if of_user == of_team {
            return Ok(());
        }
        Err(DeclareError::Strangers {
            place: place.into(),
        })
    }

    /// The declarations as facts. What is there keeps the time when it came, also over restarts.
    fn facts_of(
        &self,
        (organizations, teams, users): (
            Vec<DeclaredOrganization>,
            Vec<DeclaredTeam>,
            Vec<DeclaredUser>,
        ),
        since: &mut Since,
    ) -> DeclaredTenants {
        let tenants = &self.tenants;
        let organizations = organizations.into_iter().map(|one| {
            let id = OrgId::from_stored(&one.name);
            let former = tenants
                .organization(&id)
                .map(|node| node.facts().created_at);
            let facts = Organization {
                created_at: since.or(former, ("organization", id.as_str())),
                id,
                name: one.name,
                status: one.status,
                controls: one.controls,
                keeps_bodies: one.keeps_bodies,
                metadata: None,
                updated_at: None,
                declared: true,
            };
            (facts, one.place)
        });
        let organizations = organizations.collect();
        let teams = teams.into_iter().map(|one| {
            let id = TeamId::from_stored(&one.name);
            let former = tenants.team(&id).map(|node| node.facts().created_at);
            let facts = Team {
                created_at: since.or(former, ("team", id.as_str())),
                id,
                organization: OrgId::from_stored(&one.organization),
                name: one.name,
                status: one.status,
                controls: one.controls,
                job_terms: one.job_terms,
                metadata: None,
                updated_at: None,
                declared: true,
            };
            (facts, one.place)
        });
        let teams = teams.collect();
        let users = users.into_iter().map(|one| {
            let id = UserId::from_stored(&one.name);
            let former = tenants.user(&id).map(|node| node.facts().created_at);
            let facts = User {
                created_at: since.or(former, ("user", id.as_str())),
                id,
                organization: OrgId::from_stored(&one.organization),
                email: one.email,
                role: one.role,
                status: one.status,
                controls: one.controls,
            };
            (facts, one.place)
        });
        DeclaredTenants {
            organizations,
            teams,
            users: users.collect(),
        }
    }

    /// Makes the nodes of what is new, with the balances that the books hold for them, and has
    /// what was spent before count in all budgets.
    async fn expect(&self, declared: &DeclaredTenants) -> Result<(), StoreError> {
        let mut organizations = Vec::with_capacity(declared.organizations.len());
        for (facts, _) in &declared.organizations {
            let balances = self.balances_of(Holder::Organization(facts.id.clone()));
            let node = self.tenants.expect_organization(&facts.id, balances.await);
            organizations.push((node, facts));
        }
        let mut teams = Vec::with_capacity(declared.teams.len());
        for (facts, _) in &declared.teams {
            let balances = self.balances_of(Holder::Team(facts.id.clone())).await;
            let node = self
                .tenants
                .expect_team(&facts.id, &facts.organization, balances);
            teams.push((node, facts));
        }
        let users = declared.users.iter().map(|(facts, _)| {
            let node = self.tenants.expect_user(facts.clone());
            (node, facts)
        });
        let users: Vec<_> = users.collect();
        let of = organizations.iter();
        let of = of.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.count_many(Level::Organization, &with_budgets(of))
            .await?;
        let of = teams.iter();
        let of = of.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.count_many(Level::Team, &with_budgets(of)).await?;
        let of = users.iter();
        let of = of.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.count_many(Level::User, &with_budgets(of)).await
    }

    /// A meter for each key, in which what was spent before counts.
    async fn meters_of(&self, keys: &[Prepared]) -> Result<Vec<MeterSlot>, StoreError> {
        let meters = keys.iter().map(|(key, _)| {
            let meter = MeterSlot::default();
            if !key.controls.budgets.is_empty()
                && let Some(former) = self.table.get(&key.id)
            {
                // Made now, so that both have the same one.
                former.meter().get();
                meter.inherit(former.meter());
            }
            meter
        });
        let meters: Vec<MeterSlot> = meters.collect();
        let of = keys.iter().zip(&meters);
        let of = of.map(|((key, _), meter)| (key.id.as_str(), meter, &*key.controls));
        self.count_many(Level::Key, &with_budgets(of)).await?;
        Ok(meters)
    }

    /// An id that stays the same from start to start and says nothing about the key.
    fn declared_id(&self, name: &str) -> KeyId {
        let hash = self.hash(format!("id of the declared key {name}").as_bytes());
        let digits = admin::to_hexadecimal(&hash);
        let digits = digits.get(..27).unwrap_or_default();
        KeyId::from_stored(&format!("{}{digits}", KeyId::PREFIX))
    }
}

fn same_name(kind: &'static str, place: &str, name: &str) -> DeclareError {
    DeclareError::SameName {
        place: place.into(),
        kind,
        name: name.into(),
    }
}

fn missing(kind: &'static str, place: &str, name: &str) -> DeclareError {
    DeclareError::Missing {
        place: place.into(),
        kind,
        name: name.into(),
    }
}

fn stays(there: &OrgId, declared: &OrgId, place: &str) -> Result<(), DeclareError> {
    if there == declared {
        return Ok(());
    }
    Err(DeclareError::Elsewhere {
        place: place.into(),
        organization: there.as_str().into(),
    })
}
