//! Organizations, teams and users as requests meet them: what is declared of them can be replaced
//! at any time, and what they have used stays.

mod table;

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tollgate_core::budget::Controls;
use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::ledger::{Holder, WalletId};
use tollgate_core::money::Unit;
use tollgate_core::tenant::{DEFAULT, Organization, Role, Status, Team, User};
use tollgate_core::time::Timestamp;

use self::table::{Node, Table};
use crate::meter::MeterSlot;
use crate::wallet::Wallet;

/// An organization.
pub struct OrganizationNode {
    /// Names it.
    pub id: OrgId,
    facts: ArcSwap<Organization>,
    status: StatusCell,
    pub(crate) meter: MeterSlot,
    pub(crate) usd: Wallet,
    pub(crate) credits: Wallet,
}

/// A team.
pub struct TeamNode {
    /// Names it.
    pub id: TeamId,
    facts: ArcSwap<Team>,
    status: StatusCell,
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
    status: StatusCell,
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
            status: StatusCell::new(facts.status),
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

    /// Whether it may work now. Costs one load.
    pub fn status(&self) -> Status {
        self.status.get()
    }
}

#[cfg(test)]
impl TeamNode {
    /// Allows it something else.
    pub(crate) fn control(&self, controls: Controls) {
        let facts = Team::clone(&self.facts());
        self.facts.store(Arc::new(Team { controls, ..facts }));
    }
}

#[cfg(test)]
impl OrganizationNode {
    /// Allows it something else.
    pub(crate) fn control(&self, controls: Controls) {
        let facts = Organization::clone(&self.facts());
        self.facts
            .store(Arc::new(Organization { controls, ..facts }));
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
            status: StatusCell::new(facts.status),
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

    /// Whether it may work now. Costs one load.
    pub fn status(&self) -> Status {
        self.status.get()
    }
}

impl UserNode {
    /// Makes one that has used nothing.
    pub fn new(facts: User, organization: Arc<OrganizationNode>) -> Self {
        Self {
            id: facts.id.clone(),
            status: StatusCell::new(facts.status),
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

    /// Whether it may work now. Costs one load.
    pub fn status(&self) -> Status {
        self.status.get()
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

/// A status that requests read without touching the facts.
struct StatusCell(AtomicU8);

impl StatusCell {
    fn new(status: Status) -> Self {
        let this = Self(AtomicU8::new(0));
        this.set(status);
        this
    }

    fn set(&self, status: Status) {
        let number = match status {
            Status::Active => 0,
            Status::Paused => 1,
            Status::Suspended => 2,
        };
        self.0.store(number, Ordering::Release);
    }

    fn get(&self) -> Status {
        match self.0.load(Ordering::Acquire) {
            0 => Status::Active,
            1 => Status::Paused,
            _ => Status::Suspended,
        }
    }
}

/// Every organization, team and user. Requests never look here: their keys lead them to their
/// nodes.
///
/// A node outlives what is declared of it: when a declaration goes away, or before it comes, the
/// node is *absent* (suspended, and not found by its id), for keys, wallets and calls under way
/// still refer to it.
pub struct Tenants {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    organizations: Table<OrganizationNode>,
    teams: Table<TeamNode>,
    users: Table<UserNode>,
}

/// What the configuration declares of tenants, each with its place.
#[derive(Debug, Default)]
pub(crate) struct DeclaredTenants {
    pub(crate) organizations: Vec<(Organization, Box<str>)>,
    pub(crate) teams: Vec<(Team, Box<str>)>,
    pub(crate) users: Vec<(User, Box<str>)>,
}

/// The built-in organization with the built-in team.
impl Default for Tenants {
    fn default() -> Self {
        Self::at_home(&OrgId::from_stored(DEFAULT))
    }
}

impl Tenants {
    /// The built-in organization, and the built-in team in this one.
    pub(crate) fn at_home(home: &OrgId) -> Self {
        let this = Self {
            tables: Mutex::default(),
        };
        this.put_organization(built_in_organization());
        this.expect_organization(home, [None; 2]);
        _ = this.put_team(Team {
            organization: home.clone(),
            ..built_in_team()
        });
        this
    }

    /// The organization of this id.
    pub fn organization(&self, id: &OrgId) -> Option<Arc<OrganizationNode>> {
        self.lock().organizations.find(id)
    }

    /// The team of this id.
    pub fn team(&self, id: &TeamId) -> Option<Arc<TeamNode>> {
        self.lock().teams.find(id)
    }

    /// The user of this id.
    pub fn user(&self, id: &UserId) -> Option<Arc<UserNode>> {
        self.lock().users.find(id)
    }

    /// Every organization, in the order of their ids.
    pub fn organizations(&self) -> Vec<Arc<OrganizationNode>> {
        self.lock().organizations.list()
    }

    /// Every team, in the order of their ids.
    pub fn teams(&self) -> Vec<Arc<TeamNode>> {
        self.lock().teams.list()
    }

    /// Every user, in the order of their ids.
    pub fn users(&self) -> Vec<Arc<UserNode>> {
        self.lock().users.list()
    }

    /// The wallet of this name, also that of a holder that is absent now.
    pub fn with_wallet<T>(&self, id: &WalletId, act: impl FnOnce(&Wallet) -> T) -> Option<T> {
        match &id.holder {
            Holder::Team(team) => {
                let team = self.lock().teams.node(team);
                team.map(|team| act(team.wallet(id.unit)))
            }
            Holder::Organization(organization) => {
                let organization = self.lock().organizations.node(organization);
                organization.map(|organization| act(organization.wallet(id.unit)))
            }
        }
    }

    /// Where the configuration declares an organization, if it does.
    pub fn organization_declared_at(&self, id: &OrgId) -> Option<Box<str>> {
        self.lock().organizations.declared_at(id)
    }

    /// Where the configuration declares a team, if it does.
    pub fn team_declared_at(&self, id: &TeamId) -> Option<Box<str>> {
        self.lock().teams.declared_at(id)
    }

    /// Where the configuration declares a user, if it does.
    pub fn user_declared_at(&self, id: &UserId) -> Option<Box<str>> {
        self.lock().users.declared_at(id)
    }

    /// The node of an organization, also while it is absent.
    pub(crate) fn organization_node(&self, id: &OrgId) -> Option<Arc<OrganizationNode>> {
        self.lock().organizations.node(id)
    }

    /// The node of a team, also while it is absent.
    pub(crate) fn team_node(&self, id: &TeamId) -> Option<Arc<TeamNode>> {
        self.lock().teams.node(id)
    }

    /// The node of a user, also while they are absent.
    pub(crate) fn user_node(&self, id: &UserId) -> Option<Arc<UserNode>> {
        self.lock().users.node(id)
    }

    /// Takes an organization, or what is new of it.
    pub(crate) fn put_organization(&self, facts: Organization) -> Arc<OrganizationNode> {
        let mut tables = self.lock();
        let make = OrganizationNode::new;
        tables.organizations.put(facts, make)
    }

    /// Takes a team, or what is new of it. `None` if its organization is not there. A team never
    /// leaves its organization.
    pub(crate) fn put_team(&self, facts: Team) -> Option<Arc<TeamNode>> {
        let mut tables = self.lock();
        let organization = tables.organizations.node(&facts.organization)?;
        let make = |facts| TeamNode::new(facts, organization);
        Some(tables.teams.put(facts, make))
    }

    /// Takes a user, or what is new of them. `None` if their organization is not there.
    pub(crate) fn put_user(&self, facts: User) -> Option<Arc<UserNode>> {
        let mut tables = self.lock();
        let organization = tables.organizations.node(&facts.organization)?;
        let make = |facts| UserNode::new(facts, organization);
        Some(tables.users.put(facts, make))
    }

    /// Whether there will be an organization of this id when nothing is declared: the store holds
    /// it, or it is built in.
    pub fn holds_organization(&self, id: &OrgId) -> bool {
        self.lock().organizations.held(id).is_some()
    }

    /// The organization of a team that is there when nothing is declared.
    pub fn holds_team(&self, id: &TeamId) -> Option<OrgId> {
        let node = self.lock().teams.held(id)?;
        Some(node.organization.id.clone())
    }

    /// The organization of a user who is there when nothing is declared.
    pub fn holds_user(&self, id: &UserId) -> Option<OrgId> {
        let node = self.lock().users.held(id)?;
        Some(node.organization.id.clone())
    }

    /// Makes the node of an organization that comes later, with what the books hold for its
    /// wallets. What is there stays as it is.
    pub(crate) fn expect_organization(
        &self,
        id: &OrgId,
        balances: [Option<u64>; 2],
    ) -> Arc<OrganizationNode> {
        let mut tables = self.lock();
        let facts = Organization {
            id: id.clone(),
            status: Status::Suspended,
            ..built_in_organization()
        };
        tables.organizations.expect(facts, |facts| {
            let node = OrganizationNode::new(facts);
            restore([&node.usd, &node.credits], balances);
            node
        })
    }

    /// Makes the node of a team that comes later, with what the books hold for its wallets. What
    /// is there stays as it is.
    pub(crate) fn expect_team(
        &self,
        id: &TeamId,
        organization: &OrgId,
        balances: [Option<u64>; 2],
    ) -> Arc<TeamNode> {
        let organization = self.expect_organization(organization, [None; 2]);
        let facts = Team {
            id: id.clone(),
            organization: organization.id.clone(),
            status: Status::Suspended,
            ..built_in_team()
        };
        self.lock().teams.expect(facts, |facts| {
            let node = TeamNode::new(facts, organization);
            restore([&node.usd, &node.credits], balances);
            node
        })
    }

    /// Makes the node of a user who comes later. What is there stays as it is.
    pub(crate) fn expect_user(&self, facts: User) -> Arc<UserNode> {
        let organization = self.expect_organization(&facts.organization, [None; 2]);
        let facts = User {
            status: Status::Suspended,
            ..facts
        };
        let make = |facts| UserNode::new(facts, organization);
        self.lock().users.expect(facts, make)
    }

    /// Takes a team out. Its keys and books still refer to it, and find it suspended.
    pub(crate) fn close_team(&self, id: &TeamId) {
        self.lock().teams.close(id);
    }

    /// Forgets a user. Whoever still refers to them finds them suspended.
    pub(crate) fn forget_user(&self, id: &UserId) {
        self.lock().users.forget(id);
    }

    /// Replaces everything that was declared. What the store holds under the same ids is hidden
    /// meanwhile, and comes back when its declaration goes away. Organizations that teams and
    /// users name are expected before.
    pub(crate) fn declare(&self, declared: DeclaredTenants) {
        let mut tables = self.lock();
        let Tables {
            organizations,
            teams,
            users,
        } = &mut *tables;
        organizations.declare(declared.organizations, |facts| {
            Some(OrganizationNode::new(facts))
        });
        teams.declare(declared.teams, |facts| {
            let organization = organizations.node(&facts.organization)?;
            Some(TeamNode::new(facts, organization))
        });
        users.declare(declared.users, |facts| {
            let organization = organizations.node(&facts.organization)?;
            Some(UserNode::new(facts, organization))
        });
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // A panic under the lock leaves at worst one of several declarations untaken.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node for OrganizationNode {
    type Id = OrgId;
    type Facts = Organization;

    fn id_of(facts: &Organization) -> &OrgId {
        &facts.id
    }

    fn read(&self) -> Organization {
        Organization::clone(&self.facts.load())
    }

    fn set(&self, facts: Organization) {
        self.status.set(facts.status);
        self.facts.store(Arc::new(facts));
    }

    fn close(&self) {
        self.set(Organization {
            status: Status::Suspended,
            ..self.read()
        });
    }
}

impl Node for TeamNode {
    type Id = TeamId;
    type Facts = Team;

    fn id_of(facts: &Team) -> &TeamId {
        &facts.id
    }

    fn read(&self) -> Team {
        Team::clone(&self.facts.load())
    }

    fn set(&self, facts: Team) {
        self.status.set(facts.status);
        self.facts.store(Arc::new(facts));
    }

    fn close(&self) {
        self.set(Team {
            status: Status::Suspended,
            ..self.read()
        });
    }
}

impl Node for UserNode {
    type Id = UserId;
    type Facts = User;

    fn id_of(facts: &User) -> &UserId {
        &facts.id
    }

    fn read(&self) -> User {
        User::clone(&self.facts.load())
    }

    fn set(&self, facts: User) {
        self.status.set(facts.status);
        self.facts.store(Arc::new(facts));
    }

    fn close(&self) {
        self.set(User {
            status: Status::Suspended,
            ..self.read()
        });
    }
}

/// Gives new wallets what the books hold for them.
fn restore(wallets: [&Wallet; 2], balances: [Option<u64>; 2]) {
    for (wallet, balance) in wallets.into_iter().zip(balances) {
        if let Some(balance) = balance {
            wallet.restore(balance);
        }
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
        metadata: None,
        updated_at: None,
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
        job_terms: None,
        created_at: Timestamp::from_millis(0),
        metadata: None,
        updated_at: None,
        declared: false,
    }
}

/// What stands in for a user who is not there.
pub(crate) fn gone_user(id: &UserId, organization: &OrgId) -> User {
    User {
        id: id.clone(),
        organization: organization.clone(),
        email: id.as_str().into(),
        role: Role::Member,
        status: Status::Suspended,
        controls: Controls::default(),
        created_at: Timestamp::from_millis(0),
    }
}
