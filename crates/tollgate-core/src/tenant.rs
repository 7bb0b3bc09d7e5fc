//! Who uses a deployment: organizations with teams and users, to whom keys belong.

use crate::budget::Controls;
use crate::id::{OrgId, TeamId, UserId};
use crate::job::Terms;
use crate::time::Timestamp;

/// The team of keys that name none, and its organization.
pub const DEFAULT: &str = "default";

/// Whether an organization, a team or a user may work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// It may.
    #[default]
    Active,
    /// Not for the moment.
    Paused,
    /// Not until an operator says otherwise.
    Suspended,
}

impl Status {
    /// Every status.
    pub const ALL: &'static [Self] = &[Self::Active, Self::Paused, Self::Suspended];

    /// The word for settings, the API and storing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
        }
    }

    /// The status of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|status| status.as_str() == name)
    }
}

/// What a user is in an organization. Platform administrators are none of these: they hold the
/// admin key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Uses models.
    #[default]
    Member,
    /// Sees what happens and changes nothing.
    Viewer,
    /// Uses models, and makes keys for that.
    Developer,
    /// Manages teams, users and keys.
    Admin,
    /// The same, and decides who is an administrator.
    Owner,
}

impl Role {
    /// Every role, the one with the fewest rights first.
    pub const ALL: &'static [Self] = &[
        Self::Member,
        Self::Viewer,
        Self::Developer,
        Self::Admin,
        Self::Owner,
    ];

    /// The word for settings, the API and storing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }
}

/// An organization: the border between tenants.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Names it. Chosen by whoever makes it, or made.
    pub id: OrgId,
    /// What people call it.
    pub name: Box<str>,
    /// Whether it may work.
    pub status: Status,
    /// What it is allowed.
    pub controls: Controls,
    /// Whether the texts of its requests may be kept in the request log.
    pub keeps_bodies: bool,
    /// What people note of it: a JSON object.
    pub metadata: Option<Box<str>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if it ever was.
    pub updated_at: Option<Timestamp>,
    /// Whether the configuration declares it; such ones are read-only in the API.
    pub declared: bool,
}

/// A team of an organization. Its keys spend its credits.
#[derive(Clone, Debug)]
pub struct Team {
    /// Names it. Unique in the deployment; chosen by whoever makes it, or made.
    pub id: TeamId,
    /// Whose team it is.
    pub organization: OrgId,
    /// What people call it.
    pub name: Box<str>,
    /// Whether it may work.
    pub status: Status,
    /// What it is allowed.
    pub controls: Controls,
    /// What its jobs cost; `None`: as for everybody.
    pub job_terms: Option<Box<Terms>>,
    /// What people note of it: a JSON object.
    pub metadata: Option<Box<str>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if it ever was.
    pub updated_at: Option<Timestamp>,
    /// Whether the configuration declares it; such ones are read-only in the API.
    pub declared: bool,
}

impl Team {
    /// What its jobs cost.
    pub fn job_terms(&self) -> Terms {
        self.job_terms.as_deref().cloned().unwrap_or_default()
    }
}

/// A person, or what stands for one, in an organization.
#[derive(Clone, Debug)]
pub struct User {
    /// Names them.
    pub id: UserId,
    /// Whose user they are.
    pub organization: OrgId,
    /// Their address, or another name by which people know them.
    pub email: Box<str>,
    /// What they may do.
    pub role: Role,
    /// Whether they may work.
    pub status: Status,
    /// What they are allowed.
    pub controls: Controls,
    /// When they were added.
    pub created_at: Timestamp,
}
