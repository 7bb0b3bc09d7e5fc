//! Typed settings → the configuration. Whatever concerns more than one key is checked here.

mod billing;
mod connections;
mod controls;
mod declared_keys;
mod models;
mod rules;
mod surfaces;
mod tenants;

use std::path::Path;

use tollgate_core::address::AddressRange;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::Rules;
use tollgate_core::secret::Secret;
use tollgate_store::Location;

use super::problem::{Place, Problems};
use super::section::{Credential, Section};
use super::{Config, Database, Deployment, Log, LogFormat, Overload, Server, Tenant, restart};
use crate::master_key;

pub(super) use connections::connection;
pub(super) use models::{facts, open};

/// The folder beside a database on a server: for what is this machine's own.
const DATA: &str = "tollgate-data";
/// Fewer characters of an admin key than this can be guessed.
const GUESSABLE: usize = 16;

/// Where cross-checks report to.
pub(super) struct Findings<'a> {
    /// What makes the configuration unusable.
    pub(super) problems: &'a mut Problems,
    /// What is doubtful.
    pub(super) warnings: &'a mut Problems,
}

impl Findings<'_> {
    fn problem(&mut self, section: &Section, key: &str, message: impl Into<String>) {
        self.problems
            .push(section.place_of(key), section.path_of(key), message);
    }

    /// Whether no problem has been found with a key or what stands below it.
    fn says_nothing_of(&self, path: &str) -> bool {
        let mut problems = self.problems.iter();
        !problems.any(|problem| problem.key.starts_with(path))
    }

    fn warning(&mut self, section: &Section, key: &str, message: impl Into<String>) {
        self.warnings
            .push(section.place_of(key), section.path_of(key), message);
    }
}

/// Makes the configuration. What it returns is meaningful only if no problem was found.
pub(super) fn resolve(root: &Section, findings: &mut Findings<'_>) -> Config {
    // Every section is there, if only with defaults: an empty one never takes its place.
    let empty = Section::new("", Place::File, &[]);
    let section = |name| root.section(name).unwrap_or(&empty);
    let rules = rules::overlay(section("routing"), &Rules::default(), findings);
    let deployment = deployment(section("server"));
    let connections = connections::read(root, findings);
    let limits = controls::defaults(section("limits"), findings);
    let around = models::Around {
        root,
        connections: &connections,
        base: &rules,
        limits: limits.model,
    };
    let models = models::read(around, findings);
    let mut directory = tenants::Directory::new(root, findings);
    let organizations = tenants::organizations(root, &limits, findings);
    let teams = tenants::teams(root, &limits, &mut directory, findings);
    let users = tenants::users(root, &limits, &mut directory, findings);
    for connection in root.sections("connections") {
        directory.refer(connection, "owner", Tenant::Organization);
    }
    let mut around = declared_keys::Around {
        deployment,
        models: &models,
        limits: limits.key,
        directory: &mut directory,
    };
    let keys = declared_keys::read(root, &mut around, findings);
    let surfaces = surfaces::read(section("surfaces"), &models, findings);
    Config {
        file: None,
        server: server(section("server"), findings),
        deployment,
        master_key: master_key(section("secrets"), findings),
        previous_master_keys: previous_master_keys(section("secrets"), findings),
        log: log(section("log")),
        admin_key: admin_key(section("admin"), findings),
        database: database(section("database")),
        dialect: dialect(section("errors"), "dialect").unwrap_or(Dialect::OpenAi),
        connections,
        models,
        rules,
        overload: overload(section("overload"), findings),
        limits,
        billing: billing::read(section("billing"), findings),
        request_log: billing::request_log(section("request_log")),
        idempotency: billing::idempotency(section("idempotency")),
        surfaces,
        cache: surfaces::cache(section("cache")),
        jobs: billing::jobs(section("jobs")),
        organizations,
        teams,
        users,
        keys,
        outside: directory.outside,
        warnings: Problems::default(),
        fixed: restart::fixed(root),
    }
}

fn server(section: &Section, findings: &mut Findings<'_>) -> Server {
    let listen = section.address("listen");
    if !listen.ip().is_loopback() {
        let message = "callers of other machines are accepted, over plain HTTP: put something \
                       that speaks TLS in front";
        findings.warning(section, "listen", message);
    }
    let duration = |key| section.duration(key).unwrap_or_default();
    Server {
        listen,
        public_url: section.text("public_url").map(str::to_owned),
        body_limit: section.number("body_limit"),
        max_connections: section.number("max_connections"),
        max_streams: u32::try_from(section.number("max_streams")).unwrap_or(u32::MAX),
        header_limit: section.number("header_limit"),
        header_timeout: duration("header_timeout_ms"),
        body_timeout: duration("body_timeout_ms"),
        write_timeout: duration("write_timeout_ms"),
        keep_alive: duration("keep_alive_ms"),
        shutdown: duration("shutdown_ms"),
        maintenance: section.flag("maintenance").unwrap_or(false),
        trusted_proxies: ranges(section, "trusted_proxies"),
    }
}

fn deployment(server: &Section) -> Deployment {
    match server.word("environment") {
        Some("test") => Deployment::Test,
        _ => Deployment::Live,
    }
}

fn log(section: &Section) -> Log {
    let format = match section.word("format") {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Text,
    };
    Log {
        format,
        level: section.word("level").unwrap_or("info"),
    }
}

/// Ranges of addresses; each has been checked.
fn ranges(section: &Section, key: &str) -> Box<[AddressRange]> {
    let names = section.names(key).iter();
    names
        .filter_map(|name| AddressRange::parse(&name.text))
        .collect()
}

fn no_master_key() -> String {
    format!("must be {}", master_key::FORM)
}

/// The key that protects what is stored, if it has the form that `serve` takes.
fn master_key(section: &Section, findings: &mut Findings<'_>) -> Option<Secret> {
    let given = section.secret("master_key")?;
    // Of one that is too short or too long, enough has been said.
    if !master_key::is_well_formed(given) {
        findings.problem(section, "master_key", no_master_key());
    }
    Some(given.clone())
}

/// The keys that protected what is stored.
fn previous_master_keys(section: &Section, findings: &mut Findings<'_>) -> Vec<Secret> {
    let given = section.secrets("previous_master_keys");
    for Credential { place, key, secret } in given {
        if !master_key::is_well_formed(secret) {
            findings.problems.push(place, key.as_str(), no_master_key());
        }
    }
    given.iter().map(|one| one.secret.clone()).collect()
}

fn admin_key(section: &Section, findings: &mut Findings<'_>) -> Option<Secret> {
    let key = section.secret("key").cloned();
    if key
        .as_ref()
        .is_some_and(|key| key.expose().len() < GUESSABLE)
    {
        let message = format!("fewer than {GUESSABLE} characters can be guessed");
        findings.warning(section, "key", message);
    }
    key
}

fn database(section: &Section) -> Database {
    let url = section.text("url").unwrap_or_default().to_owned();
    let file = match Location::of(&url) {
        Ok(Location::File(file)) => Some(file),
        Ok(Location::Server) | Err(_) => None,
    };
    let directory = match &file {
        Some(file) => file.parent().unwrap_or(Path::new("")),
        None => Path::new(DATA),
    };
    let is_here = directory.as_os_str().is_empty();
    let directory = if is_here { Path::new(".") } else { directory };
    Database {
        directory: directory.to_path_buf(),
        file,
        url,
    }
}

fn dialect(section: &Section, key: &str) -> Option<Dialect> {
    section.word(key).and_then(Dialect::from_name)
}

fn overload(section: &Section, findings: &mut Findings<'_>) -> Overload {
    let overload = Overload {
        parallel: small(section, "parallel"),
        lag: section.duration("lag_ms").unwrap_or_default(),
        least_parallel: small(section, "least_parallel").unwrap_or_default(),
    };
    let is_beyond = |bound| overload.least_parallel > bound;
    if section.was_given("least_parallel") && overload.parallel.is_some_and(is_beyond) {
        let message = "is more than `parallel`, which bounds it";
        findings.warning(section, "least_parallel", message);
    }
    overload
}

/// What an account or a target may be asked.
fn limits(section: &Section) -> Limits {
    let Some(own) = section.section("limits") else {
        return Limits::default();
    };
    Limits {
        rpm: small(own, "rpm"),
        tpm: own.count("tpm"),
        parallel: small(own, "parallel"),
    }
}

/// A number whose bounds fit into 32 bits, if it is set.
fn small(section: &Section, key: &str) -> Option<u32> {
    let number = section.count(key)?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}
