//! Organizations, teams and users as requests meet them: what is declared of them can be replaced
//! at any time, and what they have used stays.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tollgate_core::budget::Controls;
use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::ledger::{Holder, WalletId};
use tollgate_core::money::Unit;
use tollgate_core::tenant::{DEFAULT, Organization, Role, Status, Team, User};
use tollgate_core::time::Timestamp;

use crate::meter::MeterSlot;
use crate::wallet::Wallet;

/// An organization.
pub struct OrganizationNode {
    /// Names it.
    pub id: OrgId,
    facts: ArcSwap<Organization>,
    pub(crate) meter: MeterSlot,
    pub(crate) usd: Wallet,
    pub(crate) credits: Wallet,
}

/// A team.
pub struct TeamNode {
    /// Names it.
    pub id: TeamId,
    facts: ArcSwap<Team>,
    organization: Arc<OrganizationNode>,
    pub(crate) meter: MeterSlot,
    pub(crate) usd: Wallet,
    pub(crate) credits: Wallet,
}

/// A user.
pub struct UserNode {
    /// Names them.
    pub id: UserId,
    facts: ArcSwap<User>,
    organization: Arc<OrganizationNode>,
    pub(crate) meter: MeterSlot,
}

impl OrganizationNode {
    /// Makes one that has used nothing.
    pub fn new(facts: Organization) -> Self {
        let wallet = |unit| {
            Wallet::new(WalletId {
                holder: Holder::Organization(facts.id.clone()),
                unit,
            })
        };
        Self {
            id: facts.id.clone(),
            usd: wallet(Unit::Usd),
            credits: wallet(Unit::Credits),
            facts: ArcSwap::from_pointee(facts),
            meter: MeterSlot::default(),
        }
    }

    /// What is declared of it now.
    pub fn facts(&self) -> Guard<Arc<Organization>> {
        self.facts.load()
    }

    /// One of its wallets.
    pub fn wallet(&self, unit: Unit) -> &Wallet {
        match unit {
            Unit::Usd => &self.usd,
            Unit::Credits => &self.credits,
        }
    }

    pub(crate) fn set(&self, facts: Organization) {
        self.facts.store(Arc::new(facts));
    }
}

impl TeamNode {
    /// Makes one that has used nothing.
    pub fn new(facts: Team, organization: Arc<OrganizationNode>) -> Self {
        let wallet = |unit| {
            Wallet::new(WalletId {
                holder: Holder::Team(facts.id.clone()),
                unit,
            })
        };
        Self {
            id: facts.id.clone(),
            usd: wallet(Unit::Usd),
            credits: wallet(Unit::Credits),
            facts: ArcSwap::from_pointee(facts),
            organization,
            meter: MeterSlot::default(),
        }
    }

    /// What is declared of it now.
    pub fn facts(&self) -> Guard<Arc<Team>> {
        self.facts.load()
    }

    /// Whose team it is.
    pub fn organization(&self) -> &Arc<OrganizationNode> {
        &self.organization
    }

    /// One of its own wallets.
    pub fn wallet(&self, unit: Unit) -> &Wallet {
        match unit {
            Unit::Usd => &self.usd,
            Unit::Credits => &self.credits,
        }
    }

    /// The wallet that pays for it: its own, if it was ever given credits, or else that of its
    /// organization, if that was. `None`: what it uses is counted, and nobody pays.
    pub fn paying(&self, unit: Unit) -> Option<&Wallet> {
        [self.wallet(unit), self.organization.wallet(unit)]
            .into_iter()
            .find(|wallet| wallet.is_open())
    }

    pub(crate) fn set(&self, facts: Team) {
        self.facts.store(Arc::new(facts));
    }
}

impl UserNode {
    /// Makes one that has used nothing.
    pub fn new(facts: User, organization: Arc<OrganizationNode>) -> Self {
        Self {
            id: facts.id.clone(),
            facts: ArcSwap::from_pointee(facts),
            organization,
            meter: MeterSlot::default(),
        }
    }

    /// What is declared of them now.
    pub fn facts(&self) -> Guard<Arc<User>> {
        self.facts.load()
    }

    /// Whose user they are.
    pub fn organization(&self) -> &Arc<OrganizationNode> {
        &self.organization
    }

    /// What they may do.
    pub fn role(&self) -> Role {
        self.facts.load().role
    }

    pub(crate) fn set(&self, facts: User) {
        self.facts.store(Arc::new(facts));
    }
}

impl fmt::Debug for OrganizationNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OrganizationNode({})", self.id)
    }
}

impl fmt::Debug for TeamNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TeamNode({})", self.id)
    }
}

impl fmt::Debug for UserNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UserNode({})", self.id)
    }
}

/// Every organization, team and user. Requests never look here: their keys lead them to their
/// nodes.
pub struct Tenants {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    organizations: BTreeMap<OrgId, Arc<OrganizationNode>>,
    teams: BTreeMap<TeamId, Arc<TeamNode>>,
    users: BTreeMap<UserId, Arc<UserNode>>,
}

/// The built-in organization with the built-in team.
impl Default for Tenants {
    fn default() -> Self {
        let this = Self {
            tables: Mutex::default(),
        };
        this.put_organization(built_in_organization());
        _ = this.put_team(built_in_team());
        this
    }
}

impl Tenants {
    /// The organization of this id.
    pub fn organization(&self, id: &OrgId) -> Option<Arc<OrganizationNode>> {
        self.lock().organizations.get(id).map(Arc::clone)
    }

    /// The team of this id.
    pub fn team(&self, id: &TeamId) -> Option<Arc<TeamNode>> {
        self.lock().teams.get(id).map(Arc::clone)
    }

    /// The user of this id.
    pub fn user(&self, id: &UserId) -> Option<Arc<UserNode>> {
        self.lock().users.get(id).map(Arc::clone)
    }

    /// Every organization, in the order of their ids.
    pub fn organizations(&self) -> Vec<Arc<OrganizationNode>> {
        self.lock().organizations.values().map(Arc::clone).collect()
    }

    /// Every team, in the order of their ids.
    pub fn teams(&self) -> Vec<Arc<TeamNode>> {
        self.lock().teams.values().map(Arc::clone).collect()
    }

    /// Every user, in the order of their ids.
    pub fn users(&self) -> Vec<Arc<UserNode>> {
        self.lock().users.values().map(Arc::clone).collect()
    }

    /// The wallet of this name.
    pub fn with_wallet<T>(&self, id: &WalletId, act: impl FnOnce(&Wallet) -> T) -> Option<T> {
        match &id.holder {
            Holder::Team(team) => self.team(team).map(|team| act(team.wallet(id.unit))),
            Holder::Organization(organization) => {
                let organization = self.organization(organization);
                organization.map(|organization| act(organization.wallet(id.unit)))
            }
        }
    }

    /// Takes an organization, or what is new of it.
    pub(crate) fn put_organization(&self, facts: Organization) -> Arc<OrganizationNode> {
        let mut tables = self.lock();
        if let Some(node) = tables.organizations.get(&facts.id) {
            node.set(facts);
            return Arc::clone(node);
        }
        let node = Arc::new(OrganizationNode::new(facts));
        tables
            .organizations
            .insert(node.id.clone(), Arc::clone(&node));
        node
    }

    /// Takes a team, or what is new of it. `None` if its organization is not there. A team never
    /// leaves its organization.
    pub(crate) fn put_team(&self, facts: Team) -> Option<Arc<TeamNode>> {
        let mut tables = self.lock();
        if let Some(node) = tables.teams.get(&facts.id) {
            node.set(facts);
            return Some(Arc::clone(node));
        }
        let organization = Arc::clone(tables.organizations.get(&facts.organization)?);
        let node = Arc::new(TeamNode::new(facts, organization));
        tables.teams.insert(node.id.clone(), Arc::clone(&node));
        Some(node)
    }

    /// Takes a user, or what is new of them. `None` if their organization is not there.
    pub(crate) fn put_user(&self, facts: User) -> Option<Arc<UserNode>> {
        let mut tables = self.lock();
        if let Some(node) = tables.users.get(&facts.id) {
            node.set(facts);
            return Some(Arc::clone(node));
        }
        let organization = Arc::clone(tables.organizations.get(&facts.organization)?);
        let node = Arc::new(UserNode::new(facts, organization));
        tables.users.insert(node.id.clone(), Arc::clone(&node));
        Some(node)
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Each change under the lock is one insertion.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The organization of teams that name none.
pub(crate) fn built_in_organization() -> Organization {
    Organization {
        id: OrgId::from_stored(DEFAULT),
        name: DEFAULT.into(),
        status: Status::Active,
        controls: Controls::default(),
        keeps_bodies: false,
        created_at: Timestamp::from_millis(0),
        declared: false,
    }
}

/// The team of keys that name none.
pub(crate) fn built_in_team() -> Team {
    Team {
        id: TeamId::from_stored(DEFAULT),
        organization: OrgId::from_stored(DEFAULT),
        name: DEFAULT.into(),
        status: Status::Active,
        controls: Controls::default(),
        created_at: Timestamp::from_millis(0),
        declared: false,
    }
}
