//! What operators see of connections and do with them: states, tests, and breakers by hand.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, FieldProblem, detail};
use tollgate_core::route::breaker::{Order, State};
use tollgate_core::route::limit::Limits;
use tollgate_core::time::{Moment, Timestamp};

use crate::engine::Engine;
use crate::health::{
    Checked, ConnectionHealth, ConnectionReading, DeclaredConnection, TargetHealth, TargetReading,
};
use crate::routes::{Route, RouteTarget};

/// The longest that a test may take where the connection says nothing of the kind.
const TEST: Duration = Duration::from_secs(10);
/// How much longer the outside is given to end a test by itself.
const GRACE: Duration = Duration::from_millis(500);
/// A target's model that stands for all names behind a wildcard that were not met yet.
pub const ANY: &str = "*";

/// A connection, with everything that is known of it.
#[derive(Clone, Debug)]
pub struct ConnectionState {
    /// What is declared of it.
    pub declared: DeclaredConnection,
    /// Where it is, without credentials or query.
    pub endpoint: Option<String>,
    /// What can be read of it.
    pub reading: ConnectionReading,
    /// How many models are served through it.
    pub models: usize,
    /// Its targets by name.
    pub targets: Vec<TargetState>,
}

/// A target, with everything that is known of it.
#[derive(Clone, Debug)]
pub struct TargetState {
    /// The model as the provider calls it; [`ANY`] for names behind a wildcard that were not met
    /// yet.
    pub model: Arc<str>,
    /// The public names that it serves.
    pub serves: Vec<Arc<str>>,
    /// Whether one of them has it in use.
    pub enabled: bool,
    /// Its own limits.
    pub limits: Limits,
    /// What can be read of it.
    pub reading: TargetReading,
}

/// Whether a connection is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Requests go there.
    Active,
    /// Nothing sends requests there.
    Inactive,
    /// Requests would go there, but it is in trouble.
    Error,
}

impl Status {
    /// The word for the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Error => "error",
        }
    }
}

/// How a test went.
#[derive(Debug)]
pub struct Tested {
    /// How long it took.
    pub took: Duration,
    /// The failure, if it did not go well.
    pub outcome: Result<(), Failure>,
}

impl ConnectionState {
    /// Whether it is of use: `inactive` where no target is in use, `error` where active checks
    /// fail or every target in use has an open breaker.
    pub fn status(&self) -> Status {
        let mut used = self
            .targets
            .iter()
            .filter(|target| target.enabled && target.reading.breaker.state != State::Isolated)
            .peekable();
        if used.peek().is_none() {
            return Status::Inactive;
        }
        let is_open = |target: &TargetState| {
            matches!(target.reading.breaker.state, State::Open | State::HalfOpen)
        };
        if !self.reading.healthy || used.all(is_open) {
            return Status::Error;
        }
        Status::Active
    }

    /// The last question to the provider, whoever asked it.
    pub fn last_tested(&self) -> Option<Checked> {
        let both = [self.reading.checked, self.reading.tested];
        both.into_iter().flatten().max_by_key(|checked| checked.at)
    }
}

/// Every connection by name.
pub fn connections(engine: &Engine) -> Vec<ConnectionState> {
    let targets = targets(engine);
    engine
        .registry
        .connections()
        .into_iter()
        .map(|(declared, health)| state(engine, declared, &health, &targets))
        .collect()
}

/// One connection. Fails if there is none of this name.
pub fn connection(engine: &Engine, name: &str) -> Result<ConnectionState, Failure> {
    let (declared, health) = find(engine, name)?;
    Ok(state(engine, declared, &health, &targets(engine)))
}

/// Has a breaker obey, or all of a connection where no model is named. Fails if there is no such
/// connection or target.
pub fn order(
    engine: &Engine,
    name: &str,
    model: Option<&str>,
    order: Order,
) -> Result<ConnectionState, Failure> {
    find(engine, name)?;
    if let Some(model) = model.filter(|_| order != Order::Close) {
        know(engine, name, model);
    }
    let now = engine.moment();
    let mut obeyed: Vec<Arc<TargetHealth>> = Vec::new();
    for (route, index) in targets(engine) {
        let Some(target) = route.targets.get(index) else {
            continue;
        };
        let is_meant = *target.target.connection == *name
            && model.is_none_or(|model| *target.target.model == *model);
        // Models may share a target, and opening it twice would keep it open for longer.
        if is_meant
            && !obeyed
                .iter()
                .any(|known| Arc::ptr_eq(known, &target.health))
        {
            target.health.obey(&route.rules.breaker, now, order);
            obeyed.push(Arc::clone(&target.health));
        }
    }
    if obeyed.is_empty() {
        return Err(no_target(name, model));
    }
    tracing::info!(
        connection = name,
        model,
        order = order.as_str(),
        "an operator's order"
    );
    connection(engine, name)
}

/// Asks the provider a cheap question now: for its models, or for one token of `model`. Fails if
/// there is no such connection; that the provider fails is a result.
pub async fn test(engine: &Engine, name: &str, model: Option<&str>) -> Result<Tested, Failure> {
    let (declared, health) = find(engine, name)?;
    let checks = declared.checks.as_ref();
    let limit = checks.map_or(TEST, |checks| checks.timeout);
    let usual = checks.and_then(|checks| checks.model.as_deref());
    let began = engine.moment();
    let asking = engine.upstream.check(name, model.or(usual), limit);
    let outcome = tokio::time::timeout(limit + GRACE, asking).await;
    let outcome = outcome
        .unwrap_or_else(|_| Err(Failure::provider(Code::ProviderTimeout, declared.provider)));
    let at = engine.moment();
    let took = at.since(began);
    health.note_test(Checked {
        at,
        took,
        failure: outcome.as_ref().err().map(|failure| failure.code),
    });
    Ok(Tested { took, outcome })
}

/// The time of day of a moment.
pub fn time_of(engine: &Engine, moment: Moment) -> Timestamp {
    let (now, moment_now) = (engine.clock().now(), engine.moment());
    let passed = i64::try_from(moment_now.since(moment).as_millis()).unwrap_or(i64::MAX);
    let past = Timestamp::from_millis(now.as_millis().saturating_sub(passed));
    past.after(moment.since(moment_now))
}

type Found = (DeclaredConnection, Arc<ConnectionHealth>);

fn find(engine: &Engine, name: &str) -> Result<Found, Failure> {
    let known = engine.registry.connections();
    let mut known = known.into_iter();
    known
        .find(|(declared, _)| *declared.name == *name)
        .ok_or_else(|| {
            Failure::client(Code::ResourceNotFound)
                .message(
                    "There is no connection of this name. GET /api/connections lists all of them.",
                )
                .detail(detail::RESOURCE, Detail::Text("connection".to_owned()))
        })
}

fn no_target(name: &str, model: Option<&str>) -> Failure {
    let Some(model) = model else {
        return Failure::client(Code::Conflict).message(format!(
            "No model uses the connection `{name}`, so it has no breaker."
        ));
    };
    let problem = FieldProblem {
        path: "model".to_owned(),
        message: format!(
            "`model` names no target: no model of the configuration asks the connection `{name}` \
             for `{model}`."
        ),
        kind: "value_error",
    };
    Failure::client(Code::InvalidRequest)
        .message(problem.message.clone())
        .field(problem)
}

/// Gives a name behind a wildcard a state of its own, so that it can be ordered apart from the
/// others.
fn know(engine: &Engine, name: &str, model: &str) {
    let routes = engine.routes();
    let wildcards: Vec<_> = routes
        .all()
        .filter(|route| route.targets.iter().any(|target| is_any_of(target, name)))
        .collect();
    for wildcard in wildcards {
        let Some(prefix) = wildcard.label.strip_suffix(ANY) else {
            continue;
        };
        if let Some(route) = routes.find(&format!("{prefix}{model}"))
            && route.is_new
        {
            routes.remember(&route, &engine.registry);
        }
    }
}

fn is_any_of(target: &RouteTarget, connection: &str) -> bool {
    *target.target.connection == *connection && *target.target.model == *ANY
}

/// Every target of every route, with its place there. Collections repeat those of their members.
fn targets(engine: &Engine) -> Vec<(Arc<Route>, usize)> {
    let routes = engine.routes();
    let routes = routes.all().filter(|route| !route.any_model);
    routes
        .flat_map(|route| (0..route.targets.len()).map(move |index| (Arc::clone(&route), index)))
        .collect()
}

fn state(
    engine: &Engine,
    declared: DeclaredConnection,
    health: &ConnectionHealth,
    targets: &[(Arc<Route>, usize)],
) -> ConnectionState {
    let now = engine.moment();
    let mut states: Vec<TargetState> = Vec::new();
    let mut models = Vec::new();
    for (route, index) in targets {
        let Some(target) = route.targets.get(*index) else {
            continue;
        };
        if target.target.connection != declared.name {
            continue;
        }
        if !models.contains(&&route.label) {
            models.push(&route.label);
        }
        match states
            .iter_mut()
            .find(|state| state.model == target.target.model)
        {
            Some(known) => {
                known.enabled |= target.enabled;
                known.serves.push(Arc::clone(&route.model));
            }
            None => states.push(TargetState {
                model: Arc::clone(&target.target.model),
                serves: vec![Arc::clone(&route.model)],
                enabled: target.enabled,
                limits: target.limits,
                reading: target
                    .health
                    .read(&route.rules.breaker, &target.limits, now),
            }),
        }
    }
    states.sort_by(|one, other| one.model.cmp(&other.model));
    ConnectionState {
        endpoint: engine.upstream.endpoint(&declared.name),
        reading: health.read(now),
        models: models.len(),
        targets: states,
        declared,
    }
}

#[cfg(test)]
mod tests;
