//! Keys, teams, users and organizations, and what operators do with them. Whatever is answered is
//! durable: a change goes to the store first and then into the tables that requests read.

mod admins;
mod change;
mod controls;
mod declared;
mod edit;
mod keys;
mod offers;
mod organizations;
mod since;
mod strength;
mod teams;
mod users;
mod uses;
mod whole;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;
use tollgate_core::audit::AuditRow;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::id::OrgId;
use tollgate_core::key::{KeyHash, KeyHasher, MADE_PREFIX, TEST_PREFIX};
use tollgate_core::right::Right;
use tollgate_core::tenant::DEFAULT;
use tollgate_core::time::Timestamp;

pub use self::declared::{
    DeclareError, Declared, DeclaredKey, DeclaredOrganization, DeclaredTeam, DeclaredUser,
};
pub use self::edit::{
    ControlsEdit, KeyEdit, LimitsEdit, NewKey, NewOrganization, NewTeam, NewUser, OrganizationEdit,
    TeamEdit, TermsEdit, UserEdit,
};
pub use self::offers::{Decision, OfferChange};
pub use self::organizations::is_id;
pub use self::whole::{MadeTeam, TeamChange, WholeTeam};
use crate::admin::{self, AdminKeys};
use crate::authority::Manager;
use crate::credits::Credits;
use crate::keys::{Entry, Home, KeyTable};
use crate::mint::{self, Entropy};
use crate::offers::Offers;
use crate::port::Change as store;
use crate::port::{AuditQuery, Clock, Store, StoreError};
use crate::settle::Ledger;
use crate::tenants::Tenants;

/// The longest that a change waits for those before it, each of which waits for the store.
const LONGEST_TURN: Duration = Duration::from_secs(30);

/// Whether a deployment serves real traffic. Keys of one kind do not open the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// Real traffic.
    #[default]
    Live,
    /// Trials.
    Test,
}

/// What accounts are made of.
pub struct Parts {
    /// Keeps the keys.
    pub store: Arc<dyn Store>,
    /// Tells when keys are made and used.
    pub clock: Arc<dyn Clock>,
    /// Hashes keys under the deployment's secret.
    pub hasher: KeyHasher,
    /// Which kind of keys are made.
    pub environment: Environment,
    /// Where the randomness of keys comes from.
    pub entropy: Entropy,
}

/// The keys of a deployment, and to whom they belong.
pub struct Accounts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    hasher: KeyHasher,
    environment: Environment,
    entropy: Entropy,
    table: Arc<KeyTable>,
    tenants: Arc<Tenants>,
    ledger: Arc<Ledger>,
    credits: Credits,
    admins: AdminKeys,
    offers: Arc<Offers>,
    /// Held from reading something until its change is in the tables, so that of two changes to
    /// one thing the later one sees the earlier one. Requests never meet it.
    changing: Arc<Mutex<()>>,
}

impl Accounts {
    /// Reads everything from the store.
    pub async fn open(parts: Parts) -> Result<Self, StoreError> {
        Self::open_at_home(parts, &OrgId::from_stored(DEFAULT)).await
    }

    /// The same, for a deployment whose built-in team belongs to this organization, which is
    /// stored or will be declared.
    pub async fn open_at_home(parts: Parts, home: &OrgId) -> Result<Self, StoreError> {
        let Parts {
            store,
            clock,
            hasher,
            environment,
            entropy,
        } = parts;
        let tenants = Arc::new(read_tenants(&*store, home).await?);
        let keys = store.keys().await?.into_iter().map(|stored| {
            let home = Home::of(&tenants, &stored.key.tenancy);
            (stored, home)
        });
        let table = KeyTable::new(keys.collect());
        let offers = store.offers().await?;
        let boot = mint::number(entropy).map_err(|error| StoreError(error.into()))?;
        let ledger = Ledger::open(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&tenants),
            boot,
        );
        let ledger = ledger.await?;
        ledger.load_all(&table).await?;
        let admins = AdminKeys::default();
        if let Some(text) = store.setting(admin::SETTING).await? {
            let hash = admin::from_hexadecimal(&text)
                .ok_or_else(|| StoreError("the stored hash of the admin key is damaged".into()))?;
            admins.set_stored(hash);
        }
        let this = Self {
            store,
            clock,
            hasher,
            environment,
            entropy,
            table: Arc::new(table),
            tenants,
            credits: Credits::new(Arc::clone(&ledger)),
            ledger,
            admins,
            offers: Arc::new(Offers::new(offers)),
            changing: Arc::default(),
        };
        this.load_stored_budgets().await?;
        Ok(this)
    }

    /// Waits until nobody else changes anything, and keeps it so.
    async fn turn(&self) -> Result<OwnedMutexGuard<()>, Failure> {
        let waiting = Arc::clone(&self.changing).lock_owned();
        timeout(LONGEST_TURN, waiting).await.map_err(|_| {
            Failure::gateway(Code::DatabaseError).message(
                "An earlier change has not reached the store, so nothing was done. Try again in a \
                 few seconds.",
            )
        })
    }

    /// Organizations, teams and users.
    pub fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    /// What calls cost, and who pays.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// What operators do with credits.
    pub fn credits(&self) -> &Credits {
        &self.credits
    }

    /// A number that nobody can foretell. Fails when the generator does.
    pub(crate) fn random(&self) -> io::Result<u64> {
        mint::number(self.entropy)
    }

    /// The time by the clock that keys expire by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The hash of a credential; its time depends on the length alone.
    pub fn hash(&self, credential: &[u8]) -> KeyHash {
        self.hasher.hash(credential)
    }

    /// The key of this hash, whatever its status.
    pub fn find(&self, hash: &KeyHash) -> Option<Arc<Entry>> {
        self.table.find(hash)
    }

    /// Whether the form of a credential says that it was made by a deployment of the other kind.
    pub fn is_of_another_environment(&self, credential: &[u8]) -> bool {
        let is_test = credential.starts_with(TEST_PREFIX.as_bytes());
        match self.environment {
            Environment::Live => is_test,
            Environment::Test => !is_test && credential.starts_with(MADE_PREFIX.as_bytes()),
        }
    }

    /// Whether the store answers, for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// Rows of the audit log, the latest first, and how many there are in all. A manager of an
    /// organization sees those of the organization.
    pub async fn audit(
        &self,
        by: &Manager,
        mut query: AuditQuery,
    ) -> Result<(Vec<AuditRow>, u64), Failure> {
        by.extent(Right::SeeAudit)?;
        if let Some(own) = by.organization() {
            if query
                .organization
                .as_deref()
                .is_some_and(|id| id != own.as_str())
            {
                return Ok((Vec::new(), 0));
            }
            query.organization = Some(own.as_str().into());
        }
        self.store.audit(&query).await.map_err(not_stored)
    }

    /// A setting of the deployment.
    pub(crate) async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.store.setting(name).await
    }

    /// Writes a setting of the deployment, with the row of the audit log that says so.
    pub(crate) async fn set_setting(
        &self,
        name: &str,
        value: &str,
        audit: &[AuditRow],
    ) -> Result<(), StoreError> {
        let change = [store::SetSetting {
            name: name.into(),
            value: value.into(),
        }];
        self.store.change(&change, audit).await
    }
}

/// What the store holds of tenants. Those of whose organization it holds nothing are those of a
/// declared one: they are there when it is declared.
async fn read_tenants(store: &dyn Store, home: &OrgId) -> Result<Tenants, StoreError> {
    let tenants = Tenants::at_home(home);
    for organization in store.organizations().await? {
        tenants.put_organization(organization);
    }
    for team in store.teams().await? {
        tenants.expect_organization(&team.organization, [None; 2]);
        tenants.put_team(team);
    }
    for user in store.users().await? {
        tenants.expect_organization(&user.organization, [None; 2]);
        tenants.put_user(user);
    }
    Ok(tenants)
}

/// There is nothing of this id, or nothing that whoever asks may know of.
fn missing(kind: &str, list: &str) -> Failure {
    Failure::client(Code::ResourceNotFound)
        .message(format!(
            "There is no {kind} of this id. GET {list} lists all of them."
        ))
        .detail(detail::RESOURCE, Detail::Text(kind.to_owned()))
}

/// The configuration declares it, and wins.
fn declared_elsewhere(kind: &str, place: &str) -> Failure {
    Failure::client(Code::Conflict).message(format!(
        "This {kind} is declared in the configuration ({place}). Change it there and reload the \
         configuration."
    ))
}

fn denied(message: impl Into<String>) -> Failure {
    Failure::client(Code::PermissionDenied).message(message)
}

fn not_stored(error: StoreError) -> Failure {
    Failure::gateway(Code::DatabaseError).because(error)
}

fn no_randomness(error: io::Error) -> Failure {
    Failure::gateway(Code::InternalError).because(error)
}

#[cfg(test)]
mod tests;
