//! Who manages, how far they may, and how the audit log names them.

use tollgate_core::audit::AuditRow;
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::{OrgId, UserId};
use tollgate_core::key::Tenancy;
use tollgate_core::right::{self, Extent, Right};
use tollgate_core::tenant::{Role, Status};
use tollgate_core::time::Timestamp;

use crate::caller::Caller;
use crate::keys::Entry;

/// Somebody who manages: the platform's administrator, the process itself, or a user by their
/// key.
#[derive(Clone, Debug)]
pub struct Manager {
    who: Who,
    request_id: Option<Box<str>>,
}

#[derive(Clone, Debug)]
enum Who {
    /// The admin key.
    Admin,
    /// A command on the machine of the store.
    Command,
    /// The key of a user.
    User(Box<Caller>, UserId),
}

impl Manager {
    /// Whoever holds the admin key.
    pub const fn admin() -> Self {
        Self {
            who: Who::Admin,
            request_id: None,
        }
    }

    /// A command, or the process itself.
    pub const fn command() -> Self {
        Self {
            who: Who::Command,
            request_id: None,
        }
    }

    /// A user, by a key with the permission to manage. Fails if the key has not got it, is bound to
    /// other surfaces or belongs to nobody, and if its user, team or organization is suspended.
    pub fn user(caller: Caller) -> Result<Self, Failure> {
        let refused = |message: &str| Err(Failure::client(Code::PermissionDenied).message(message));
        if !caller.key.permissions.manage {
            return refused(
                "This key lacks the permission \"admin\". Managing takes the admin key in the \
                 header X-Admin-Key, or a key of a user with that permission.",
            );
        }
        if !caller.key.manages() {
            return refused(
                "This key may not be used for managing. Use one whose `surfaces` have \"admin\", \
                 or which is not bound to any.",
            );
        }
        let Some(user) = caller.user() else {
            return refused(
                "This key belongs to no user, so there is no role by which it could manage. Use \
                 a key of a user.",
            );
        };
        let id = user.id.clone();
        caller.check_manages()?;
        Ok(Self {
            who: Who::User(Box::new(caller), id),
            request_id: None,
        })
    }

    /// The same, by a request of this id.
    #[must_use]
    pub fn by_request(self, id: &str) -> Self {
        Self {
            request_id: Some(id.into()),
            ..self
        }
    }

    /// How far the manager has a right. Fails with `permission_denied` where they have not got it.
    pub fn extent(&self, right: Right) -> Result<Extent, Failure> {
        let extent = match &self.who {
            Who::Admin | Who::Command => right.of_platform(),
            Who::User(caller, _) => right.of_role(role_of(caller)),
        };
        extent.ok_or_else(|| self.lacks(right))
    }

    /// Whether this is the platform's administrator, who may do everything.
    pub fn is_platform(&self) -> bool {
        matches!(self.who, Who::Admin | Who::Command)
    }

    /// The organization beyond which the manager sees nothing; `None` for the platform.
    pub fn organization(&self) -> Option<&OrgId> {
        match &self.who {
            Who::Admin | Who::Command => None,
            Who::User(caller, _) => Some(&caller.organization().id),
        }
    }

    /// The user who manages; `None` for the platform.
    pub fn user_id(&self) -> Option<&UserId> {
        match &self.who {
            Who::Admin | Who::Command => None,
            Who::User(_, id) => Some(id),
        }
    }

    /// The key by which a user manages; `None` for the platform.
    pub fn caller(&self) -> Option<&Caller> {
        match &self.who {
            Who::Admin | Who::Command => None,
            Who::User(caller, _) => Some(caller),
        }
    }

    /// The role by which a user manages; `None` for the platform.
    pub fn role(&self) -> Option<Role> {
        match &self.who {
            Who::Admin | Who::Command => None,
            Who::User(caller, _) => Some(role_of(caller)),
        }
    }

    /// To whom a key belongs that this manager makes without saying so: to the built-in team, or
    /// to the team of the manager's own key; and to the manager, who may make none for others.
    pub fn default_tenancy(&self) -> Tenancy {
        match &self.who {
            Who::Admin | Who::Command => Tenancy::default(),
            Who::User(caller, id) => {
                let extent = Right::ManageKeys.of_role(role_of(caller));
                Tenancy {
                    team: caller.team().id.clone(),
                    user: (extent == Some(Extent::Own)).then(|| id.clone()),
                }
            }
        }
    }

    /// Whether an organization is one that the manager may know of.
    pub fn knows(&self, organization: &OrgId) -> bool {
        self.organization().is_none_or(|own| own == organization)
    }

    /// Whether a key is one that the manager may know of, as far as a right reaches.
    pub fn knows_key(&self, extent: Extent, entry: &Entry) -> bool {
        match extent {
            Extent::Everything => true,
            Extent::Organization => self.knows(&entry.team().organization().id),
            Extent::Own => {
                self.knows(&entry.team().organization().id)
                    && entry.user().map(|user| &user.id) == self.user_id()
            }
        }
    }

    /// Whether the manager may decide about somebody of this role.
    pub fn may_decide_about(&self, other: Role) -> bool {
        self.role()
            .is_none_or(|role| right::may_decide_about(role, other))
    }

    /// The word for the audit log: `admin`, `command` or `key:ID`.
    pub fn actor(&self) -> Box<str> {
        match &self.who {
            Who::Admin => "admin".into(),
            Who::Command => "command".into(),
            Who::User(caller, _) => format!("key:{}", caller.key.id).into(),
        }
    }

    /// The id of the request by which they manage, if they do it by one.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// A row of the audit log about something that this manager does. `action` is
    /// `object.verb`.
    pub fn row(
        &self,
        at: Timestamp,
        (action, object_id): (&str, &str),
        organization: Option<&OrgId>,
        change: String,
    ) -> AuditRow {
        let object = action.split_once('.').map_or(action, |(object, _)| object);
        AuditRow {
            at,
            actor: self.actor(),
            action: action.into(),
            object: object.into(),
            object_id: object_id.into(),
            organization: organization.map(|id| id.as_str().into()),
            change: change.into(),
            request_id: self.request_id.clone(),
        }
    }

    /// The failure of a manager without a right.
    fn lacks(&self, right: Right) -> Failure {
        let failure = Failure::client(Code::PermissionDenied);
        match self.role() {
            Some(_) if right == Right::Admin => failure.message(
                "This takes the admin key in the header X-Admin-Key; a virtual key cannot do it.",
            ),
            Some(role) => failure.message(format!(
                "The role \"{}\" may not do this (it takes the right \"{}\"). Ask an owner or an \
                 administrator of the organization.",
                role.as_str(),
                right.as_str()
            )),
            None => failure.message("This takes a virtual key."),
        }
    }
}

fn role_of(caller: &Caller) -> Role {
    caller.user().map_or(Role::Member, |user| user.role())
}

impl Caller {
    /// Whether the caller may use models and read what there is: fails with `team_suspended`,
    /// `team_paused` or, where the user is not active, `permission_denied`. Costs a few loads.
    pub fn check(&self) -> Result<(), Failure> {
        let statuses = (self.organization().status(), self.team().status());
        let user = self.user().map_or(Status::Active, |user| user.status());
        if statuses == (Status::Active, Status::Active) && user == Status::Active {
            return Ok(());
        }
        Err(self.stopped())
    }

    /// Whether the caller may manage: not while anything is suspended, but also while the
    /// organization or the team is paused, so that whoever paused them can resume them.
    fn check_manages(&self) -> Result<(), Failure> {
        let closed = [self.organization().status(), self.team().status()];
        let user = self.user().map_or(Status::Active, |user| user.status());
        if user == Status::Active && !closed.contains(&Status::Suspended) {
            return Ok(());
        }
        Err(self.stopped())
    }

    /// Whether the user of the key may work, if it has one: what their team may see and end while
    /// it is suspended or paused is not for somebody who may do nothing. Fails with
    /// `permission_denied`.
    pub fn check_user(&self) -> Result<(), Failure> {
        match self.user().map(|user| user.status()) {
            None | Some(Status::Active) => Ok(()),
            Some(status) => Err(stopped_user(status)),
        }
    }

    /// What stops the caller, the gravest first.
    #[cold]
    fn stopped(&self) -> Failure {
        let organization = self.organization().status();
        let team = self.team().status();
        if let Some(user) = self.user()
            && user.status() != Status::Active
            && organization == Status::Active
            && team == Status::Active
        {
            return stopped_user(user.status());
        }
        let says = |code, what: &str| {
            Failure::client(code).message(format!(
                "The organization of this API key is {what}. Ask its administrator."
            ))
        };
        match (organization, team) {
            (Status::Suspended, _) => says(Code::TeamSuspended, "suspended"),
            (_, Status::Suspended) => Failure::client(Code::TeamSuspended),
            (Status::Paused, _) => says(Code::TeamPaused, "paused"),
            (_, Status::Paused) => Failure::client(Code::TeamPaused),
            (Status::Active, Status::Active) => Failure::client(Code::PermissionDenied),
        }
    }
}

fn stopped_user(status: Status) -> Failure {
    Failure::client(Code::PermissionDenied).message(format!(
        "The user of this API key is {}. Ask an administrator of the organization.",
        status.as_str()
    ))
}
