//! Rate limits of callers: requests, tokens and parallel calls at every level.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::error::Failure;
use tollgate_core::limit::{Level, RateLimits};

use crate::caller::Caller;
use crate::engine::Engine;
use crate::routes::Route;

/// What somebody has used of their limits.
#[derive(Default)]
pub(crate) struct Rates {}

/// The limits of levels whose own are silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefaultLimits {
    /// Of an address.
    pub ip: RateLimits,
    /// Of a key.
    pub key: RateLimits,
    /// Of a user.
    pub user: RateLimits,
    /// Of a team.
    pub team: RateLimits,
    /// Of an organization.
    pub organization: RateLimits,
    /// Of a model.
    pub model: RateLimits,
}

/// The right to one request under all limits that it counts for. Its places among parallel
/// requests are given back when it is dropped, and so are tokens that were reserved and not
/// settled.
pub struct Pass {
    engine: Arc<Engine>,
    caller: Caller,
}

/// Where a caller stands: the tightest of the limits that a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose limit it is.
    pub level: Level,
    /// How many a minute.
    pub limit: u64,
    /// How many would be let through now.
    pub remaining: u64,
    /// When all of them would be.
    pub reset: Duration,
}

/// Where a caller stands with requests, and with tokens; `None` where there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// Requests.
    pub requests: Option<Standing>,
    /// Tokens.
    pub tokens: Option<Standing>,
}

/// Counts a request for the address that it comes from, before it is known who asks.
pub fn knock(engine: &Engine, address: IpAddr) -> Result<(), Failure> {
    _ = (engine, address);
    Ok(())
}

impl Pass {
    /// Counts a request for its key, user, team and organization, and takes places among the
    /// parallel ones. Everything or nothing.
    pub fn take(engine: &Arc<Engine>, caller: &Caller) -> Result<Self, Failure> {
        Ok(Self {
            engine: Arc::clone(engine),
            caller: caller.clone(),
        })
    }

    /// Counts the request for its model, and reserves tokens at every level. Everything or
    /// nothing.
    pub fn reserve(&mut self, route: &Route, tokens: u64) -> Result<(), Failure> {
        _ = (route, tokens, &self.engine, &self.caller);
        Ok(())
    }

    /// Corrects what was reserved to what was used. `None`: the estimate stands.
    pub fn settle(&mut self, used: Option<u64>) {
        _ = used;
    }

    /// Where the caller stands now.
    pub fn standings(&self) -> Standings {
        Standings::default()
    }
}
