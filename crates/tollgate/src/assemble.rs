//! From a configuration to what the crates need to be told: the only place where they meet.

use std::net::SocketAddr;
use std::sync::Arc;

use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::overload;
use tollgate_core::tenant::DEFAULT;
use tollgate_engine::accounts;
use tollgate_engine::engine::{Engine, Routing};
use tollgate_engine::health::DeclaredConnection;
use tollgate_engine::replay;
use tollgate_engine::request_log;
use tollgate_engine::routes::DeclaredModel;
use tollgate_engine::tenants::Tenants;
use tollgate_http::{LogFormat, Settings, Surfaces};
use tollgate_upstream::provider::Home;
use tollgate_upstream::settings::ConnectionSettings;

use crate::config::{self, Config, Problems, Tenant};

/// Tells the engine everything that may change while it runs.
pub(crate) fn steer(engine: &Engine, config: &Config, routing: Routing) {
    let config::Overload {
        parallel,
        lag,
        least_parallel,
    } = config.overload;
    engine.overload.set_rules(overload::Rules {
        parallel,
        lag,
        least_parallel,
    });
    engine.maintenance.set_declared(config.server.maintenance);
    engine.limits.store(Arc::new(config.limits));
    engine.set_billing(config.billing.rules.clone());
    engine.ledger.set_settings(config.billing.settling);
    engine.jobs.set_settings(config.jobs.clone());
    engine.replays.set_settings(replay::Settings {
        ttl: config.idempotency.ttl,
        longest_answer: config.idempotency.longest_answer,
    });
    let config::RequestLog {
        enabled,
        retention,
        longest_body,
    } = config.request_log;
    engine.request_log.set_settings(request_log::Settings {
        enabled,
        retention,
        longest_body,
    });
    engine.cache.set_settings(config.cache);
    engine.set_routing(routing);
}

/// What requests are routed by.
pub(crate) fn routing(config: &Config) -> Routing {
    let connections = config.connections.iter().map(connection);
    let models = config.models.iter().map(|model| declared(config, model));
    Routing {
        connections: connections.collect(),
        models: models.collect(),
    }
}

/// What is routed by of one connection.
pub(crate) fn connection(connection: &config::Connection) -> DeclaredConnection {
    DeclaredConnection {
        name: Arc::clone(&connection.settings.name),
        provider: connection.settings.provider.name,
        limits: connection.limits,
        checks: connection.checks.clone(),
        owner: connection.owner.clone(),
        fingerprint: connection.fingerprint,
    }
}

/// How the providers are reached.
pub(crate) fn connections(config: &Config) -> Vec<ConnectionSettings> {
    let connections = config.connections.iter();
    connections
        .map(|connection| connection.settings.clone())
        .collect()
}

/// Whether only the simulator in this process answers for a model: then it is known which names a
/// wildcard serves.
pub(crate) fn is_simulated(config: &Config, model: &DeclaredModel) -> bool {
    let is_inside = |name: &str| {
        let mut connections = config.connections.iter();
        connections.any(|connection| {
            connection.name() == name && connection.settings.provider.home == Home::InProcess
        })
    };
    let mut targets = model.targets.iter().filter(|target| target.enabled);
    answers(model) && targets.all(|target| is_inside(&target.target.connection))
}

/// Whether a model has somebody to answer.
pub(crate) fn answers(model: &DeclaredModel) -> bool {
    !model.members.is_empty() || model.targets.iter().any(|target| target.enabled)
}

fn declared(config: &Config, model: &DeclaredModel) -> DeclaredModel {
    let known = match model.name.strip_suffix('*') {
        Some(prefix) if is_simulated(config, model) => {
            let names = tollgate_simulator::MODELS.iter();
            names
                .map(|name| Arc::from(format!("{prefix}{name}")))
                .collect()
        }
        _ => Vec::new(),
    };
    DeclaredModel {
        known,
        ..model.clone()
    }
}

/// Whether everything that the file refers to without declaring it is in the store.
pub(crate) fn check_references(config: &Config, tenants: &Tenants) -> Result<(), Problems> {
    let is_there = |tenant, name: &str| match tenant {
        Tenant::Organization => tenants.holds_organization(&OrgId::from_stored(name)),
        Tenant::Team => tenants.holds_team(&TeamId::from_stored(name)).is_some(),
        Tenant::User => tenants.holds_user(&UserId::from_stored(name)).is_some(),
    };
    let missing = config.missing(is_there);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing)
    }
}

/// The organization of the built-in team: its own, unless the file declares it elsewhere.
pub(crate) fn home(config: &Config) -> OrgId {
    let mut teams = config.teams.iter();
    let built_in = teams.find(|team| team.id.as_str() == DEFAULT);
    built_in.map_or(OrgId::from_stored(DEFAULT), |team| {
        team.organization.clone()
    })
}

/// Everything that the file declares of accounts.
pub(crate) fn accounts(config: &Config) -> accounts::Declared {
    let file = config
        .file
        .as_ref()
        .map_or("the environment".to_owned(), |file| {
            file.display().to_string()
        });
    let place = |kind: &str, name: &str| format!("{file}, {kind} \"{name}\"").into();
    let organizations = config.organizations.iter();
    let organizations = organizations.map(|one| accounts::DeclaredOrganization {
        name: one.id.as_str().into(),
        status: one.status,
        controls: one.controls.clone(),
        keeps_bodies: one.keep_bodies,
        place: place("organization", one.id.as_str()),
    });
    let teams = config.teams.iter().map(|one| accounts::DeclaredTeam {
        name: one.id.as_str().into(),
        organization: one.organization.as_str().into(),
        status: one.status,
        controls: one.controls.clone(),
        job_terms: one.job_terms.clone(),
        place: place("team", one.id.as_str()),
    });
    let users = config.users.iter().map(|one| accounts::DeclaredUser {
        name: one.id.as_str().into(),
        organization: one.organization.as_str().into(),
        email: one.email.as_str().into(),
        role: one.role,
        status: one.status,
        controls: one.controls.clone(),
        place: place("user", one.id.as_str()),
    });
    let keys = config.keys.iter().map(|one| accounts::DeclaredKey {
        facts: one.facts.clone(),
        secret: one.key.clone(),
        place: place("key", &one.facts.name),
    });
    accounts::Declared {
        organizations: organizations.collect(),
        teams: teams.collect(),
        users: users.collect(),
        keys: keys.collect(),
    }
}

/// The settings of the HTTP face; `listen` is where it really listens.
pub(crate) fn face(config: &Config, listen: SocketAddr) -> Settings {
    let server = &config.server;
    let public_url = server
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{listen}"));
    Settings {
        listen,
        body_limit: server.body_limit,
        public_url: public_url.into(),
        dialect: config.dialect,
        max_connections: server.max_connections,
        header_timeout: server.header_timeout,
        header_limit: server.header_limit,
        body_timeout: server.body_timeout,
        write_timeout: server.write_timeout,
        keep_alive: server.keep_alive,
        shutdown: server.shutdown,
        max_streams: server.max_streams,
        trusted_proxies: server.trusted_proxies.clone(),
        webhook_secret: config.billing.webhook_secret.clone(),
        surfaces: surfaces(&config.surfaces),
    }
}

fn surfaces(config: &config::Surfaces) -> Surfaces {
    let simple = config.simple.clone().unwrap_or_default();
    Surfaces {
        default_model: config.default_model.clone(),
        hints: simple.hints,
        simple_limits: simple.limits,
    }
}

/// The form of the request log. Levels above `info` leave it out.
pub(crate) fn request_log(log: config::Log) -> LogFormat {
    match (log.level, log.format) {
        ("error" | "warn", _) => LogFormat::Off,
        (_, config::LogFormat::Text) => LogFormat::Text,
        (_, config::LogFormat::Json) => LogFormat::Json,
    }
}

/// Which keys are made.
pub(crate) fn environment(config: &Config) -> accounts::Environment {
    match config.deployment {
        config::Deployment::Live => accounts::Environment::Live,
        config::Deployment::Test => accounts::Environment::Test,
    }
}
