//! Connections that operators make while the gateway runs.

use std::fmt;

use tollgate_core::error::Failure;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;

use super::{BoxFuture, ConnectionFacts};
use crate::accounts::Decision;
use crate::authority::Manager;
use crate::offers::Shelf;

/// A connection as an operator describes it.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Names it.
    pub name: Box<str>,
    /// Whose account it is; `None`: everybody's.
    pub organization: Option<Box<str>>,
    /// Everything but its credential: a JSON object of the words of the configuration.
    pub settings: Box<str>,
    /// Its credential. Where one is there already, `None` leaves it.
    pub credential: Option<Secret>,
    /// What is noted of it; `None` leaves what was.
    pub facts: Option<ConnectionFacts>,
}

/// A connection that an operator made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptConnection {
    /// Its name.
    pub name: Box<str>,
    /// Whose account it is; `None`: everybody's.
    pub organization: Option<Box<str>>,
    /// Everything but its credential, as it was given.
    pub settings: Box<str>,
    /// Whether it has a credential.
    pub has_credential: bool,
    /// What is noted of it.
    pub facts: ConnectionFacts,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Decides what is changed by what is offered.
pub type Decide<'a> = Box<dyn FnOnce(&Shelf) -> Result<Decision, Failure> + Send + 'a>;

/// A change of what is offered that happens together with one of a connection.
pub struct Offering<'a> {
    /// What the audit log calls it, and of what it is.
    pub action: (&'a str, &'a str),
    /// What is changed.
    pub decide: Decide<'a>,
}

impl fmt::Debug for Offering<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Offering({:?})", self.action)
    }
}

/// Keeps connections, and takes each change into use before it is answered.
pub trait ConnectionKeeper: Send + Sync {
    /// Every connection that an operator made, by name.
    fn list(&self) -> Vec<KeptConnection>;
    /// Makes a connection. Fails if the name is taken, and if it could not be used.
    fn create<'a>(
        &'a self,
        new: NewConnection,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// Puts a connection in place, new or changed, together with a change of what is offered: both
    /// happen, or neither.
    fn put_offered<'a>(
        &'a self,
        new: NewConnection,
        offering: Offering<'a>,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// Forgets a connection together with a change of what is offered.
    fn delete_offered<'a>(
        &'a self,
        name: &'a str,
        offering: Offering<'a>,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// Puts other settings in place of those of a connection. Where these lead to another place,
    /// its credential has to be given anew: the old one was meant for the old place.
    fn replace<'a>(
        &'a self,
        new: NewConnection,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// Gives a connection another credential.
    fn update_key<'a>(
        &'a self,
        name: &'a str,
        credential: Secret,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// Forgets a connection. Requests on their way end on it.
    fn delete<'a>(&'a self, name: &'a str, by: &'a Manager) -> BoxFuture<'a, Result<(), Failure>>;
}
