//! What was used, and the log of requests (seed 002): whoever asks sees what belongs to them.

mod log;
mod parameters;
mod row;
mod usage;

use http::request::Parts;
use tollgate_core::error::{Code, Failure};
use tollgate_core::request_log::Filter;
use tollgate_core::right::{Extent, Right};
use tollgate_engine::caller::Caller;
use tollgate_engine::request_log::SearchError;

use self::parameters::Parameters;
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::query::Query;
use crate::routes::Report;

/// How far somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything: whoever runs the deployment.
    Everything,
    /// What an organization used: its owners, administrators and viewers, by keys that manage.
    Organization(Box<str>),
    /// What a team used: everybody else.
    Team(Box<str>),
}

impl Scope {
    /// What the holder of a key sees: the only place that decides it.
    pub(crate) fn of(caller: &Caller) -> Self {
        // A key that only serves an application tells no more than what its team did.
        let manages = caller.user().filter(|_| caller.key.manages());
        let extent = manages.and_then(|user| Right::SeeUsage.of_role(user.role()));
        if extent == Some(Extent::Organization) {
            Self::Organization(caller.organization().id.as_str().into())
        } else {
            Self::Team(caller.team().id.as_str().into())
        }
    }

    /// Narrows a filter to what is seen.
    fn narrow(&self, filter: &mut Filter) {
        match self {
            Self::Everything => {}
            Self::Organization(id) => filter.organization = Some(id.clone()),
            Self::Team(id) => filter.team = Some(id.clone()),
        }
    }
}

/// Gives a report.
pub(crate) async fn answer(
    gateway: &Gateway,
    scope: &Scope,
    report: Report<'_>,
    parts: &Parts,
) -> Result<Given, Failure> {
    let now = gateway.now();
    let mut parameters = Parameters::new(Query::new(parts.uri.query()), now);
    let log = &gateway.engine.request_log;
    let value = match report {
        Report::Logs => log::list(log, scope, &mut parameters, row::row).await?,
        Report::Enhanced => log::list(log, scope, &mut parameters, row::enhanced).await?,
        Report::Log(id) => log::one(log, scope, &mut parameters, id).await?,
        Report::Stats => log::stats(log, scope, &mut parameters).await?,
        Report::Errors => log::errors(log, scope, &mut parameters).await?,
        Report::Usage => usage::models(&gateway.engine, scope, &mut parameters).await?,
        Report::Breakdown => usage::breakdown(&gateway.engine, scope, &mut parameters).await?,
    };
    Ok(Given::json(200, &value))
}

/// What a search that came to nothing is to whoever asked.
pub(super) fn failed(error: SearchError) -> Failure {
    match error {
        SearchError::Store(error) => Failure::gateway(Code::DatabaseError).because(error),
        SearchError::Busy => Failure::gateway(Code::Overloaded)
            .message("The request log is busy. Try again in a few seconds."),
    }
}

#[cfg(test)]
mod tests;
