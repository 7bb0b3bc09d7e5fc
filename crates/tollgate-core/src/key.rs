//! Virtual keys: their form, hash, scope and status.

mod short;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::LazyLock;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

pub use self::short::ShortText;
use crate::address::AddressRange;
use crate::budget::Controls;
use crate::error::dialect::Dialect;
use crate::id::{KeyId, TeamId, UserId};
use crate::rare::{Rare, Usual};
use crate::tenant;
use crate::time::Timestamp;

/// What keys made by Tollgate begin with.
pub const MADE_PREFIX: &str = "sk-tg-";
/// What keys made by a test deployment begin with; a live deployment refuses them.
pub const TEST_PREFIX: &str = "sk-tg-test-";
/// No credential is longer than this many bytes; longer ones are refused unread.
pub const LONGEST: usize = 512;

/// The keyed hash under which a key is stored and found.
#[derive(Clone, Copy, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Takes a hash as it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash as bytes, for storing.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

// The time of a comparison tells nothing about where two hashes differ.
impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

// Written out because equality is; equal hashes give equal bytes.
impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyHash(hidden)")
    }
}

/// Hashes keys with HMAC-SHA-256 under a secret of the deployment, so that a stolen database
/// cannot be tried against lists of keys.
#[derive(Clone)]
pub struct KeyHasher(Hmac<Sha256>);

impl KeyHasher {
    /// Derives the hashing secret from the deployment's master key.
    pub fn new(master_key: &[u8; 32]) -> Self {
        Self::of_secret(&hashing_secret(master_key))
    }

    /// Hashes under this secret itself: one that outlives the master key from which it once came.
    pub fn of_secret(secret: &[u8; 32]) -> Self {
        Self(mac(secret))
    }

    /// A secret for another purpose, which lives as long as this one.
    pub fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        // No credential is this long, so no stored hash of a key is ever one of these secrets.
        const APART: [u8; LONGEST + 1] = [0; LONGEST + 1];
        let mut state = self.0.clone();
        state.update(&APART);
        state.update(purpose);
        state.finalize().into_bytes().into()
    }

    /// The hash of a key; its time depends on the length of the key alone.
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let mut state = self.0.clone();
        state.update(key);
        KeyHash(state.finalize().into_bytes().into())
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyHasher(hidden)")
    }
}

/// The secret under which keys are hashed, as it follows from the master key that a deployment
/// began with.
pub fn hashing_secret(master_key: &[u8; 32]) -> [u8; 32] {
    derive(master_key, b"tollgate key hashes v1")
}

/// A secret for one purpose, from which neither the master key nor another secret follows.
pub fn derive(master_key: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let mut state = mac(master_key);
    state.update(purpose);
    state.finalize().into_bytes().into()
}

fn mac(secret: &[u8; 32]) -> Hmac<Sha256> {
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes a key of any length (RFC 2104)"
    )]
    Hmac::new_from_slice(secret).expect("HMAC takes any key")
}

/// Whose requests go on when not all can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Shed first.
    Low,
    /// As most.
    #[default]
    Normal,
    /// Shed last.
    High,
}

impl Priority {
    /// Every priority.
    pub const ALL: &'static [Self] = &[Self::Low, Self::Normal, Self::High];

    /// The word for settings, the API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The priority of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|priority| priority.as_str() == name)
    }
}

/// To whom a key belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenancy {
    /// Its team, whose credits it spends.
    pub team: TeamId,
    /// The user who holds it, a member of the team's organization. What the key may manage
    /// follows from their role.
    pub user: Option<UserId>,
}

/// The built-in team, and no user.
impl Default for Tenancy {
    fn default() -> Self {
        Self {
            team: TeamId::from_stored(tenant::DEFAULT),
            user: None,
        }
    }
}

/// By which surfaces and from where a key may come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The surfaces (the words of the log: `openai_chat`, …); none: all of them.
    pub surfaces: Box<[Box<str>]>,
    /// The addresses; none: all of them.
    pub addresses: Box<[AddressRange]>,
}

impl Usual for Reach {
    fn usual() -> &'static Self {
        static USUAL: LazyLock<Reach> = LazyLock::new(Reach::default);
        &USUAL
    }
}

impl Reach {
    /// Whether the key may come by this surface.
    pub fn allows_surface(&self, surface: &str) -> bool {
        self.surfaces.is_empty() || self.surfaces.iter().any(|it| **it == *surface)
    }

    /// Whether the key may come from this address.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|it| it.contains(address))
    }

    /// Whether the key may come by every surface by which one of this reach may.
    pub fn covers_surfaces(&self, other: &Self) -> bool {
        let all = |other: &Self| other.surfaces.iter().all(|it| self.allows_surface(it));
        self.surfaces.is_empty() || (!other.surfaces.is_empty() && all(other))
    }

    /// Whether the key may come from every address from which one of this reach may.
    pub fn covers_addresses(&self, other: &Self) -> bool {
        let is_in = |range: &AddressRange| self.addresses.iter().any(|it| it.covers(*range));
        let all = |other: &Self| other.addresses.iter().all(is_in);
        self.addresses.is_empty() || (!other.addresses.is_empty() && all(other))
    }
}

/// A key that Tollgate gave out, without its clear text.
#[derive(Clone, Debug)]
pub struct VirtualKey {
    /// Names the key in the API, the log and the console.
    pub id: KeyId,
    /// What its owner calls it.
    pub name: Box<str>,
    /// Under which it is found.
    pub hash: KeyHash,
    /// The first characters, for lists and logs: never enough to use the key.
    pub prefix: ShortText,
    /// The last four characters, for lists.
    pub last_four: ShortText,
    /// What it may do.
    pub permissions: Permissions,
    /// Which models it may use.
    pub models: ModelScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The dialect in which its errors are answered, if it has one of its own.
    pub error_dialect: Option<Dialect>,
    /// Whose requests go on when not all can.
    pub priority: Priority,
    /// To whom it belongs.
    pub tenancy: Tenancy,
    /// By which surfaces and from where it may come.
    pub reach: Rare<Reach>,
    /// What it is allowed.
    pub controls: Rare<Controls>,
    /// Whether the configuration file declares it; such keys are read-only in the API.
    pub declared: bool,
}

/// Why a key that was found is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
}

impl VirtualKey {
    /// Whether the key may be used at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), KeyProblem> {
        if self.revoked_at.is_some() {
            return Err(KeyProblem::Revoked);
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(KeyProblem::Expired);
        }
        Ok(())
    }

    /// Whether the key may be used for managing: by its permissions and its surfaces.
    pub fn manages(&self) -> bool {
        self.permissions.manage && self.reach.allows_surface("admin")
    }

    /// How lists show the key: `sk-tg-a…x9f4` without its middle.
    pub fn masked(&self) -> String {
        format!("{}...{}", self.prefix, self.last_four)
    }
}

/// The first characters and the last four of a key, for showing it. Short keys show less, so
/// that at least eight characters stay hidden.
pub fn shown_parts(key: &str) -> (ShortText, ShortText) {
    let count = key.chars().count();
    let hidden = count.saturating_sub(8);
    let last = if hidden >= 4 { 4 } else { 0 };
    let first = hidden.saturating_sub(last).min(10);
    let prefix = key.chars().take(first).collect::<String>();
    let end = key.chars().skip(count - last).collect::<String>();
    (prefix.as_str().into(), end.as_str().into())
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// See what there is: models, and what the key itself is.
    pub read: bool,
    /// Send calls to models.
    pub write: bool,
    /// Manage what the role of the key's user allows (`admin` in the API of seed 002).
    pub manage: bool,
}

impl Permissions {
    /// What a key is given when nothing is said: everything but managing.
    pub const ALL: Self = Self {
        read: true,
        write: true,
        manage: false,
    };

    /// What these names give; `None` if one of them is not known.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut given = Self {
            read: false,
            write: false,
            manage: false,
        };
        for name in names {
            match name {
                "read" => given.read = true,
                "write" => given.write = true,
                "admin" => given.manage = true,
                _ => return None,
            }
        }
        Some(given)
    }

    /// Whether everything is given that the others give.
    pub const fn covers(self, others: Self) -> bool {
        (self.read || !others.read)
            && (self.write || !others.write)
            && (self.manage || !others.manage)
    }

    /// The names of what is given, in the order of the API.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            ("read", self.read),
            ("write", self.write),
            ("admin", self.manage),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
    }
}

/// Which models a key may use: names, or patterns that end in `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelScope(
    /// `None` stands for `*` alone, which most keys have.
    Option<Box<[Box<str>]>>,
);

/// What alone allows every model.
const EVERY_MODEL: &str = "*";

impl ModelScope {
    /// A scope of these names and patterns. `*` alone allows everything, an empty list nothing.
    pub fn new(patterns: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let patterns: Box<[Box<str>]> = patterns.into_iter().map(Into::into).collect();
        match &*patterns {
            [only] if **only == *EVERY_MODEL => Self::all(),
            _ => Self(Some(patterns)),
        }
    }

    /// A scope that allows every model.
    pub const fn all() -> Self {
        Self(None)
    }

    /// The names and patterns as they were given.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        let every = self.0.is_none().then_some(EVERY_MODEL);
        let listed = self.0.iter().flatten().map(AsRef::as_ref);
        every.into_iter().chain(listed)
    }

    /// Whether this scope allows everything that another one allows.
    pub fn covers(&self, other: &Self) -> bool {
        other
            .patterns()
            .all(|wanted| match wanted.strip_suffix('*') {
                Some(start) => self.patterns().any(|pattern| {
                    let own = pattern.strip_suffix('*');
                    own.is_some_and(|own| start.starts_with(own))
                }),
                None => self.allows(wanted),
            })
    }

    /// Whether the scope allows this model.
    pub fn allows(&self, model: &str) -> bool {
        self.patterns()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => model.starts_with(start),
                None => model == pattern,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_names_and_patterns() {
        let scope = ModelScope::new(["openai/gpt-4o", "sim/*"]);
        assert!(scope.allows("openai/gpt-4o"));
        assert!(scope.allows("sim/echo"));
        assert!(!scope.allows("openai/gpt-4o-mini"));
        assert!(!scope.allows("simulated"));
        assert!(!ModelScope::new(Vec::<Box<str>>::new()).allows("a"));
        assert!(ModelScope::all().allows("anything"));
    }

    #[test]
    fn a_scope_covers_what_it_allows() {
        let all = ModelScope::all();
        let narrow = ModelScope::new(["a/b", "sim/*"]);
        for (wanted, covered) in [
            (&["a/b"][..], true),
            (&["sim/*", "sim/echo", "sim/fault/*"], true),
            (&[], true),
            (&["sim*"], false),
            (&["a/*"], false),
            (&["a/b", "c"], false),
            (&["*"], false),
        ] {
            let wanted = ModelScope::new(wanted.iter().copied());
            assert_eq!(narrow.covers(&wanted), covered, "{wanted:?}");
            assert!(all.covers(&wanted));
        }
        assert!(all.covers(&all) && !narrow.covers(&all));
    }

    #[test]
    fn permissions_are_read_from_their_names_and_written_back() {
        for names in [&[][..], &["read"], &["write", "admin"], &["read", "write"]] {
            let given = Permissions::from_names(names.iter().copied()).unwrap();
            assert_eq!(given.names().collect::<Vec<_>>(), names);
        }
        assert_eq!(
            Permissions::from_names(["write", "read"]),
            Some(Permissions::ALL)
        );
        assert_eq!(Permissions::from_names(["read", "root"]), None);
    }

    #[test]
    fn hashes_depend_on_the_whole_key_and_on_the_deployment() {
        let one = KeyHasher::new(&[1; 32]);
        assert_eq!(one.hash(b"sk-tg-a"), one.hash(b"sk-tg-a"));
        assert_ne!(one.hash(b"sk-tg-a"), one.hash(b"sk-tg-b"));
        assert_ne!(
            one.hash(b"sk-tg-a"),
            KeyHasher::new(&[2; 32]).hash(b"sk-tg-a")
        );
    }

    #[test]
    fn derived_secrets_differ_by_purpose_and_from_every_hash() {
        let hasher = KeyHasher::of_secret(&hashing_secret(&[1; 32]));
        assert_eq!(hasher.hash(b"a"), KeyHasher::new(&[1; 32]).hash(b"a"));
        assert_ne!(hasher.derive(b"a"), hasher.derive(b"b"));
        assert_ne!(&hasher.derive(b"a"), hasher.hash(b"a").as_bytes());
        assert_ne!(derive(&[1; 32], b"a"), hashing_secret(&[1; 32]));
        assert_ne!(derive(&[1; 32], b"a"), derive(&[2; 32], b"a"));
    }

    #[test]
    fn a_shown_key_keeps_at_least_eight_characters_hidden() {
        for length in 0..80 {
            let key = "sk-tg-".chars().chain(std::iter::repeat('x')).take(length);
            let key = key.collect::<String>();
            let (first, last) = shown_parts(&key);
            assert!(first.len() + last.len() + 8 <= length.max(8), "{length}");
        }
        let (first, last) = shown_parts("sk-tg-0123456789abcdefghij");
        assert_eq!((&*first, &*last), ("sk-tg-0123", "ghij"));
    }
}
