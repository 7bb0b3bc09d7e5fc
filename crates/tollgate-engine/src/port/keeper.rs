//! Connections that operators make while the gateway runs.

use tollgate_core::error::Failure;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;

use super::BoxFuture;
use crate::authority::Manager;

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
    /// When it was made.
    pub created_at: Timestamp,
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
