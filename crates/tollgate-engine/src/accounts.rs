//! Keys, and what operators do with them. Whatever is answered is durable: a change goes to the
//! store first and then into the table that requests read.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use tokio::sync::Mutex;
use tollgate_core::budget::Controls;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::id::KeyId;
use tollgate_core::key::{
    self, KeyHash, KeyHasher, MADE_PREFIX, ModelScope, Permissions, Priority, Reach, TEST_PREFIX,
    Tenancy, VirtualKey,
};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;

use crate::admin::{self, AdminKeys};
use crate::credits::Credits;
use crate::keys::{Entry, Home, KeyTable, Use};
use crate::mint::{self, Entropy};
use crate::port::Change as store;
use crate::port::{Clock, Store, StoreError};
use crate::settle::Ledger;
use crate::tenants::Tenants;

/// How many uses are written at once.
const USES_PER_WRITE: usize = 8192;

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

/// What an operator says about a key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What its owner calls it.
    pub name: Box<str>,
    /// What it may do.
    pub permissions: Permissions,
    /// Which models it may use.
    pub models: ModelScope,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// The dialect in which its errors are answered.
    pub error_dialect: Option<Dialect>,
    /// Whose requests go on when not all can.
    pub priority: Priority,
    /// To whom it belongs.
    pub tenancy: Tenancy,
    /// By which surfaces and from where it may come.
    pub reach: Reach,
    /// What it is allowed.
    pub controls: Controls,
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

/// Why declared keys were not taken. None of them was.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeclareError {
    /// Two have one name.
    #[error("{place}: another key has the name \"{name}\" already")]
    SameName {
        /// Where the second one is declared.
        place: Box<str>,
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
}

/// The keys of a deployment.
pub struct Accounts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    hasher: KeyHasher,
    environment: Environment,
    entropy: Entropy,
    table: KeyTable,
    tenants: Arc<Tenants>,
    ledger: Arc<Ledger>,
    credits: Credits,
    admins: AdminKeys,
    /// Held from reading a key until its change is in the table, so that of two changes to one
    /// key the later one sees the earlier one. Requests never meet it.
    changing: Mutex<()>,
}

impl Accounts {
    /// Reads all keys from the store.
    pub async fn open(parts: Parts) -> Result<Self, StoreError> {
        let Parts {
            store,
            clock,
            hasher,
            environment,
            entropy,
        } = parts;
        let tenants = Arc::new(read_tenants(&*store).await?);
        let keys = store.keys().await?.into_iter().map(|stored| {
            let home = home(&tenants, &stored.key.tenancy);
            (stored, home)
        });
        let table = KeyTable::new(keys.collect());
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
        Ok(Self {
            store,
            clock,
            hasher,
            environment,
            entropy,
            table,
            tenants,
            credits: Credits::new(Arc::clone(&ledger)),
            ledger,
            admins,
            changing: Mutex::new(()),
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

    /// The time by the clock that keys expire by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The hash of a credential; its time depends on the length alone.
    pub fn hash(&self, credential: &[u8]) -> KeyHash {
        self.hasher.hash(credential)
    }

    /// The key of this hash, whatever its status.
    pub fn find(&self, hash: &KeyHash) -> Option<Arc<Entry>> {
        self.table.find(hash)
    }

    /// Notes that a key has been used.
    pub fn note_use(&self, entry: &Entry, now: Timestamp) {
        self.table.note_use(entry, now);
    }

    /// Whether the form of a credential says that it was made by a deployment of the other kind.
    pub fn is_of_another_environment(&self, credential: &[u8]) -> bool {
        let is_test = credential.starts_with(TEST_PREFIX.as_bytes());
        match self.environment {
            Environment::Live => is_test,
            Environment::Test => !is_test && credential.starts_with(MADE_PREFIX.as_bytes()),
        }
    }

    /// Makes a key. Its clear text exists in the answer and nowhere else.
    pub async fn create(&self, new: NewKey) -> Result<(Arc<VirtualKey>, Secret), Failure> {
        let secret = self.mint()?;
        let now = self.clock.now();
        let random = mint::number(self.entropy).map_err(no_randomness)?;
        let key = Arc::new(self.virtual_key(KeyId::new(now, random), new, &secret));
        let change = [store::InsertKey(Arc::clone(&key))];
        self.store.change(&change, &[]).await.map_err(not_stored)?;
        self.table
            .put(Arc::clone(&key), home(&self.tenants, &key.tenancy));
        Ok((key, secret))
    }

    /// Every key, the oldest first; revoked and expired ones too.
    pub fn list(&self) -> Vec<Arc<Entry>> {
        self.table.list()
    }

    /// The key of this id.
    pub fn get(&self, id: &str) -> Result<Arc<Entry>, Failure> {
        self.table.get(&KeyId::from_stored(id)).ok_or_else(|| {
            Failure::client(Code::ResourceNotFound)
                .message("There is no key of this id. GET /api/keys lists all of them.")
                .detail(detail::RESOURCE, Detail::Text("key".to_owned()))
        })
    }

    /// Revokes a key: no request that comes after the answer is let in with it. Revoking it once
    /// more changes nothing.
    pub async fn revoke(&self, id: &str) -> Result<Arc<VirtualKey>, Failure> {
        let _changing = self.changing.lock().await;
        let key = self.changeable(id)?;
        if key.revoked_at.is_some() {
            return Ok(key);
        }
        let revoked_at = Some(self.clock.now());
        self.replace(VirtualKey {
            revoked_at,
            ..VirtualKey::clone(&key)
        })
        .await
    }

    /// Gives a key a new text. The old one dies at once; id, name and scope stay.
    pub async fn rotate(&self, id: &str) -> Result<(Arc<VirtualKey>, Secret), Failure> {
        let _changing = self.changing.lock().await;
        let key = self.changeable(id)?;
        if let Err(problem) = key.check(self.clock.now()) {
            let state = match problem {
                key::KeyProblem::Revoked => "revoked",
                key::KeyProblem::Expired => "expired",
            };
            return Err(Failure::client(Code::Conflict).message(format!(
                "This key is {state} and cannot be rotated. Make a new one."
            )));
        }
        let secret = self.mint()?;
        let (prefix, last_four) = key::shown_parts(secret.expose());
        let hash = self.hash(secret.expose().as_bytes());
        let rotated = VirtualKey {
            hash,
            prefix,
            last_four,
            ..VirtualKey::clone(&key)
        };
        Ok((self.replace(rotated).await?, secret))
    }

    /// Replaces the keys of the configuration by these. They are read-only here, are kept in
    /// memory alone, and win over stored keys of the same text.
    pub fn declare(&self, keys: Vec<DeclaredKey>) -> Result<(), DeclareError> {
        let (mut names, mut hashes) = (HashSet::new(), HashSet::new());
        let mut declared = Vec::with_capacity(keys.len());
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
                return Err(DeclareError::SameName {
                    place,
                    name: facts.name,
                });
            }
            let id = self.declared_id(&facts.name);
            let key = VirtualKey {
                declared: true,
                ..self.virtual_key(id, facts, &secret)
            };
            if !hashes.insert(key.hash) {
                return Err(DeclareError::SameKey { place });
            }
            let home = home(&self.tenants, &key.tenancy);
            declared.push((key, home, place));
        }
        self.table.declare(declared);
        Ok(())
    }

    /// Writes when keys were last used, as far as that has not been written. To be called every
    /// few seconds, and once at the end.
    pub async fn flush_uses(&self) -> Result<(), StoreError> {
        let mut taken = Taken {
            table: &self.table,
            uses: Vec::new(),
        };
        for part in self.table.parts() {
            taken.uses.extend(self.table.take_uses(part));
            if taken.uses.len() >= USES_PER_WRITE {
                taken.write(&*self.store).await?;
            }
            // A part of a large table takes a millisecond to look through.
            tokio::task::yield_now().await;
        }
        taken.write(&*self.store).await
    }

    /// Whether the store answers, for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// A setting of the deployment.
    pub(crate) async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.store.setting(name).await
    }

    /// Writes a setting of the deployment.
    pub(crate) async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let change = [store::SetSetting {
            name: name.into(),
            value: value.into(),
        }];
        self.store.change(&change, &[]).await
    }

    /// Whether the credential opens the admin API. The time tells nothing but its length.
    pub fn is_admin(&self, credential: &[u8]) -> bool {
        self.admins.matches(&self.hasher, credential)
    }

    /// Whether there is an admin key, declared or stored.
    pub fn has_admin(&self) -> bool {
        self.admins.any()
    }

    /// Takes the admin key of the configuration, or its absence. While there is one, a stored
    /// admin key opens nothing.
    pub fn declare_admin(&self, secret: Option<&Secret>) {
        self.admins
            .declare(secret.map(|secret| admin::hash(&self.hasher, secret)));
    }

    /// Stores an admin key. The one stored before opens nothing any more.
    pub async fn set_admin(&self, secret: &Secret) -> Result<(), Failure> {
        let hash = admin::hash(&self.hasher, secret);
        let text = admin::to_hexadecimal(&hash);
        self.set_setting(admin::SETTING, &text)
            .await
            .map_err(not_stored)?;
        self.admins.set_stored(hash);
        Ok(())
    }

    /// Makes the text of an admin key. It opens nothing before [`Accounts::set_admin`].
    pub fn mint_admin_key(&self) -> Result<Secret, Failure> {
        mint::secret(admin::PREFIX, self.entropy).map_err(no_randomness)
    }

    /// Makes an admin key and stores its hash.
    pub async fn make_admin_key(&self) -> Result<Secret, Failure> {
        let secret = self.mint_admin_key()?;
        self.set_admin(&secret).await?;
        Ok(secret)
    }

    /// Makes a token that opens the admin API until the process ends, for commands on the same
    /// machine. A token made before opens nothing any more.
    pub fn make_control_token(&self) -> Result<Secret, Failure> {
        let token = mint::secret("", self.entropy).map_err(no_randomness)?;
        self.admins.set_control(admin::hash(&self.hasher, &token));
        Ok(token)
    }

    fn mint(&self) -> Result<Secret, Failure> {
        let prefix = match self.environment {
            Environment::Live => MADE_PREFIX,
            Environment::Test => TEST_PREFIX,
        };
        mint::secret(prefix, self.entropy).map_err(no_randomness)
    }

    fn virtual_key(&self, id: KeyId, facts: NewKey, secret: &Secret) -> VirtualKey {
        let (prefix, last_four) = key::shown_parts(secret.expose());
        VirtualKey {
            id,
            name: facts.name,
            hash: self.hash(secret.expose().as_bytes()),
            prefix,
            last_four,
            permissions: facts.permissions,
            models: facts.models,
            created_at: self.clock.now(),
            expires_at: facts.expires_at,
            revoked_at: None,
            error_dialect: facts.error_dialect,
            priority: facts.priority,
            tenancy: facts.tenancy,
            reach: facts.reach,
            controls: facts.controls,
            declared: false,
        }
    }

    /// An id that stays the same from start to start and says nothing about the key.
    fn declared_id(&self, name: &str) -> KeyId {
        let hash = self.hash(format!("id of the declared key {name}").as_bytes());
        let digits = admin::to_hexadecimal(&hash);
        let digits = digits.get(..27).unwrap_or_default();
        KeyId::from_stored(&format!("{}{digits}", KeyId::PREFIX))
    }

    fn changeable(&self, id: &str) -> Result<Arc<VirtualKey>, Failure> {
        let entry = self.get(id)?;
        match entry.declared_at() {
            None => Ok(entry.key()),
            Some(place) => Err(Failure::client(Code::Conflict).message(format!(
                "This key is declared in the configuration ({place}). \
                 Change it there and reload the configuration."
            ))),
        }
    }

    async fn replace(&self, key: VirtualKey) -> Result<Arc<VirtualKey>, Failure> {
        let mut change = Change {
            table: &self.table,
            home: home(&self.tenants, &key.tenancy),
            key: Arc::new(key),
            stands: true,
        };
        if let Err(error) = self
            .store
            .change(&[store::UpdateKey(Arc::clone(&change.key))], &[])
            .await
        {
            change.stands = false;
            return Err(not_stored(error));
        }
        Ok(Arc::clone(&change.key))
    }
}

/// A change to a key on its way through the store. It reaches the table when this is dropped,
/// unless the store refused it: a client that hangs up while the store writes must not leave a
/// key open that the store holds as revoked.
struct Change<'a> {
    table: &'a KeyTable,
    key: Arc<VirtualKey>,
    home: Home,
    stands: bool,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if self.stands {
            self.table.put(Arc::clone(&self.key), self.home.clone());
        }
    }
}

/// Uses that were taken out of the table. Those that are not written go back.
struct Taken<'a> {
    table: &'a KeyTable,
    uses: Vec<Use>,
}

impl Taken<'_> {
    async fn write(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if self.uses.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = self
            .uses
            .iter()
            .map(|(entry, at)| (entry.key().id.clone(), *at))
            .collect();
        store.note_uses(&rows).await?;
        KeyTable::uses_are_written(&std::mem::take(&mut self.uses));
        Ok(())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.table.uses_are_not_written(&self.uses);
    }
}

async fn read_tenants(store: &dyn Store) -> Result<Tenants, StoreError> {
    let tenants = Tenants::default();
    for organization in store.organizations().await? {
        tenants.put_organization(organization);
    }
    let lost = |kind: &str, id: &str| StoreError(format!("{kind} {id} has no organization").into());
    for team in store.teams().await? {
        let id = team.id.clone();
        tenants
            .put_team(team)
            .ok_or_else(|| lost("team", id.as_str()))?;
    }
    for user in store.users().await? {
        let id = user.id.clone();
        tenants
            .put_user(user)
            .ok_or_else(|| lost("user", id.as_str()))?;
    }
    Ok(tenants)
}

/// Where a key belongs.
fn home(tenants: &Tenants, tenancy: &Tenancy) -> Home {
    Home::find(tenants, tenancy).unwrap_or_else(|| Home::nowhere(tenancy))
}

fn not_stored(error: StoreError) -> Failure {
    Failure::gateway(Code::DatabaseError).because(error)
}

fn no_randomness(error: io::Error) -> Failure {
    Failure::gateway(Code::InternalError).because(error)
}

#[cfg(test)]
mod tests;
