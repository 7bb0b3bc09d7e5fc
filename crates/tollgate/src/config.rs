//! The configuration: read from file, environment and command line, checked as a whole, and
//! either complete or a list of everything that is wrong with it.

mod check;
mod environment;
mod file;
mod markdown;
mod problem;
mod quantity;
mod reference;
mod resolve;
mod restart;
mod schema;
mod section;
mod source;
mod stored;
mod substitute;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tollgate_core::address::AddressRange;
use tollgate_core::budget::Controls;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::job::Terms;
use tollgate_core::limit::RateLimits;
use tollgate_core::model::ModelFacts;
use tollgate_core::money::Money;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::Rules;
use tollgate_core::secret::Secret;
use tollgate_core::tenant::{Role, Status};
use tollgate_engine::accounts::NewKey;
use tollgate_engine::checks::Checks;
use tollgate_engine::jobs;
use tollgate_engine::routes::DeclaredModel;
use tollgate_engine::throttle::DefaultLimits;
use tollgate_engine::{cache, hold, settle};
use tollgate_upstream::settings::ConnectionSettings;

pub use environment::Environment;
pub use markdown::settings_markdown;
pub use problem::{Place, Problem, Problems};
pub use reference::{Reference, Tenant};
pub use source::DEFAULT_FILE;
pub(crate) use stored::connection as stored_connection;

/// A configuration without problems. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// The side that faces the callers.
    pub server: Server,
    /// Which keys made by Tollgate are accepted.
    pub deployment: Deployment,
    /// Protects stored secrets; made at the first start where it is not given.
    pub master_key: Option<Secret>,
    /// What protected them before, for reading.
    pub previous_master_keys: Vec<Secret>,
    /// What is logged.
    pub log: Log,
    /// The admin key; made at the first start where it is not given.
    pub admin_key: Option<Secret>,
    /// What survives a restart.
    pub database: Database,
    /// The form of errors for keys without a dialect of their own.
    pub dialect: Dialect,
    /// Accounts at providers.
    pub connections: Vec<Connection>,
    /// What callers may ask for; the collections come last.
    pub models: Vec<DeclaredModel>,
    /// What models go by that say nothing of their own.
    pub rules: Rules,
    /// When the gateway protects itself.
    pub overload: Overload,
    /// The rate limits of whoever has none of their own.
    pub limits: DefaultLimits,
    /// What calls are charged by.
    pub billing: Billing,
    /// Which rows are kept of calls.
    pub request_log: RequestLog,
    /// Which answers are kept for requests that are sent again.
    pub idempotency: Idempotency,
    /// What single surfaces need beside the models.
    pub surfaces: Surfaces,
    /// How answers are kept for the next who asks the same.
    pub cache: cache::Settings,
    /// What holds for all jobs.
    pub jobs: jobs::Settings,
    /// Organizations that the file declares.
    pub organizations: Vec<DeclaredOrganization>,
    /// Teams that the file declares.
    pub teams: Vec<DeclaredTeam>,
    /// Users that the file declares.
    pub users: Vec<DeclaredUser>,
    /// Keys that the file declares.
    pub keys: Vec<DeclaredKey>,
    /// References to what is not declared, and must be in the store.
    pub outside: Vec<Reference>,
    /// What is doubtful, but no reason not to start.
    pub warnings: Problems,
    /// The settings that cannot change while running.
    fixed: Vec<restart::Fixed>,
}

/// The side that faces the callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where callers are accepted.
    pub listen: SocketAddr,
    /// How callers reach the gateway, without a slash at the end; where it listens if not given.
    pub public_url: Option<String>,
    /// The most bytes of a request body, after decoding.
    pub body_limit: usize,
    /// The most connections at once.
    pub max_connections: usize,
    /// The most requests at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// The most bytes of a request head.
    pub header_limit: usize,
    /// The longest time until a request head is there.
    pub header_timeout: Duration,
    /// The longest time until a request body is there.
    pub body_timeout: Duration,
    /// The longest time that a caller may not read.
    pub write_timeout: Duration,
    /// The silence in a stream after which a comment is sent.
    pub keep_alive: Duration,
    /// How long open streams may finish at the end.
    pub shutdown: Duration,
    /// Whether calls are refused.
    pub maintenance: bool,
    /// Who is believed about where requests come from.
    pub trusted_proxies: Box<[AddressRange]>,
}

/// Which keys made by Tollgate a deployment accepts and makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// Those of live deployments.
    Live,
    /// Those of test deployments.
    Test,
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least important level: `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What survives a restart.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// Its address: `sqlite://` and a path, or that of a PostgreSQL database, which may hold a
    /// password.
    pub url: String,
    /// The file; `None` for a database on a server.
    pub file: Option<PathBuf>,
    /// The folder of the file, where the master key is kept too. Beside a database on a server,
    /// the folder of what this machine keeps for itself.
    pub directory: PathBuf,
}

impl Database {
    /// Whether anything has been kept here by any process.
    pub fn is_there(&self) -> bool {
        match &self.file {
            Some(file) => file.exists(),
            None => tollgate_store::Owner::was_here(&self.directory),
        }
    }

    /// Where it is on this machine, for messages.
    pub fn place(&self) -> &Path {
        self.file.as_deref().unwrap_or(&self.directory)
    }
}

/// Without the address, because of the password in it.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Database({})", self.place().display())
    }
}

/// An account at a provider.
#[derive(Clone, Debug)]
pub struct Connection {
    /// How it is reached.
    pub settings: ConnectionSettings,
    /// What it may be asked.
    pub limits: Limits,
    /// When it is checked, if it is.
    pub checks: Option<Checks>,
    /// The organization whose account it is; everybody's if there is none.
    pub owner: Option<OrgId>,
    /// Changes with everything that decides who is asked and as whom. Says nothing outside this
    /// process.
    pub fingerprint: u64,
}

impl Connection {
    /// What targets call it.
    pub fn name(&self) -> &str {
        &self.settings.name
    }
}

/// When the gateway says no before everything becomes slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overload {
    /// The most calls under way at once, if there is a fixed bound.
    pub parallel: Option<u32>,
    /// How late the process may be before it lets fewer calls in. Zero: no such bound.
    pub lag: Duration,
    /// How many calls are let in however late it is.
    pub least_parallel: u32,
}

/// What calls are charged by, and when that is durable.
#[derive(Clone, Debug)]
pub struct Billing {
    /// Bounds and defaults.
    pub rules: hold::Billing,
    /// How it is written.
    pub settling: settle::Settings,
    /// Signs the webhook that adds credits, if there is one.
    pub webhook_secret: Option<Secret>,
}

/// Which rows are kept of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLog {
    /// Whether any are.
    pub enabled: bool,
    /// How long.
    pub retention: Duration,
    /// The most bytes of a text that is kept, for organizations that want that.
    pub longest_body: usize,
}

/// Which answers are kept for requests that are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// How long.
    pub ttl: Duration,
    /// The most bytes of one.
    pub longest_answer: usize,
}

/// What single surfaces need beside the models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surfaces {
    /// The model of requests that name none, where that is allowed.
    pub default_model: Option<Box<str>>,
    /// The simple chat.
    pub simple: Option<Simple>,
}

/// The simple chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// Words of callers, and the models that they stand for.
    pub hints: Box<[(Box<str>, Box<str>)]>,
    /// How fast requests of one key, and of one address, may come.
    pub limits: RateLimits,
}

/// An organization that the file declares.
#[derive(Clone, Debug)]
pub struct DeclaredOrganization {
    /// Its name.
    pub id: OrgId,
    /// Whether it may work.
    pub status: Status,
    /// What it is allowed.
    pub controls: Controls,
    /// Whether the texts of its requests are kept.
    pub keep_bodies: bool,
    /// What it is given once.
    pub credits: Option<Money>,
}

/// A team that the file declares.
#[derive(Clone, Debug)]
pub struct DeclaredTeam {
    /// Its name.
    pub id: TeamId,
    /// Whose it is.
    pub organization: OrgId,
    /// Whether it may work.
    pub status: Status,
    /// What it is allowed.
    pub controls: Controls,
    /// What it is given once.
    pub credits: Option<Money>,
    /// What its jobs cost; `None`: as for everybody.
    pub job_terms: Option<Box<Terms>>,
    /// The job credits that it is given once.
    pub job_credits: Option<u64>,
}

/// A user whom the file declares.
#[derive(Clone, Debug)]
pub struct DeclaredUser {
    /// Their name.
    pub id: UserId,
    /// Where they belong.
    pub organization: OrgId,
    /// Their address.
    pub email: String,
    /// What they may do there.
    pub role: Role,
    /// Whether they may work.
    pub status: Status,
    /// What they are allowed.
    pub controls: Controls,
}

/// A key that the file declares.
#[derive(Clone, Debug)]
pub struct DeclaredKey {
    /// What is made alike for every key.
    pub facts: NewKey,
    /// The key itself.
    pub key: Secret,
}

/// What the command line sets; it wins over the environment and the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<String>,
}

impl Config {
    /// Reads the configuration: this file, or `tollgate.toml` of the working directory if there
    /// is one, then the environment, then the command line. Fails with everything that is wrong.
    pub fn load(
        path: Option<&Path>,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, Problems> {
        let source = source::Source::open(path)?;
        source::read(&source, environment, overrides)
    }

    /// What the catalogue knows of a provider's model.
    pub(crate) fn facts(provider: &str, model: &str) -> ModelFacts {
        resolve::facts(provider, model)
    }

    /// The model that opens a whole connection under its name.
    pub(crate) fn open(&self, connection: &Connection) -> DeclaredModel {
        resolve::open(
            connection.name(),
            connection.settings.provider.name,
            &self.rules,
        )
    }

    /// The keys whose change since `old` takes effect only after a restart.
    pub fn differs_in_restart_only_keys(&self, old: &Self) -> Vec<String> {
        restart::differences(&old.fixed, &self.fixed)
    }
}
