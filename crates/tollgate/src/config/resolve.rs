//! Typed settings → the configuration. Whatever concerns more than one key is checked here.

mod connections;
mod declared_keys;
mod models;

use std::path::Path;

use tollgate_core::error::dialect::Dialect;
use tollgate_core::model::Timeouts;
use tollgate_core::secret::Secret;

use super::problem::{Place, Problems};
use super::section::Section;
use super::{Config, Database, Deployment, Log, LogFormat, Server, restart};

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
    let bounds = section("routing").section("timeouts").unwrap_or(&empty);
    let timeouts = overlay(bounds, Timeouts::default(), findings);
    let deployment = deployment(section("server"));
    let connections = connections::read(root, findings);
    let base = models::Base {
        timeouts,
        unsupported: models::unsupported(section("routing")).unwrap_or_default(),
    };
    let models = models::read(root, &connections, base, findings);
    let keys = declared_keys::read(root, deployment, &models, findings);
    Config {
        file: None,
        server: server(section("server"), findings),
        deployment,
        master_key: section("secrets").secret("master_key").cloned(),
        log: log(section("log")),
        admin_key: admin_key(section("admin"), findings),
        database: database(section("database")),
        dialect: dialect(section("errors"), "dialect").unwrap_or(Dialect::OpenAi),
        connections,
        models,
        timeouts,
        keys,
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
    let file = tollgate_store::database_file(&url).unwrap_or_default();
    let directory = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    Database {
        directory: directory.unwrap_or(Path::new(".")).to_path_buf(),
        url,
    }
}

fn dialect(section: &Section, key: &str) -> Option<Dialect> {
    section.word(key).and_then(Dialect::from_name)
}

/// The bounds of a section, and those of `base` where it has none.
fn overlay(section: &Section, base: Timeouts, findings: &mut Findings<'_>) -> Timeouts {
    let or = |key, base| section.duration(key).unwrap_or(base);
    let timeouts = Timeouts {
        connect: or("connect_ms", base.connect),
        first_byte: or("first_byte_ms", base.first_byte),
        idle: or("idle_ms", base.idle),
        answer: or("answer_ms", base.answer),
        total: or("total_ms", base.total),
    };
    for (key, part) in [
        ("connect_ms", timeouts.connect),
        ("first_byte_ms", timeouts.first_byte),
        ("idle_ms", timeouts.idle),
        ("answer_ms", timeouts.answer),
    ] {
        let is_own = section.was_given(key) || section.was_given("total_ms");
        if is_own && part > timeouts.total {
            findings.warning(section, key, "is longer than `total_ms`, which ends first");
        }
    }
    timeouts
}
