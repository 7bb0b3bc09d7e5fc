//! Every URL on one screen, with its methods and the right that it demands. A new endpoint does
//! not compile until all of this is said.

pub(crate) mod credits;
mod gemini;
mod jobs;
mod reports;
pub(crate) mod saas;
mod tenants;

use http::Method;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::right::Right;
use tollgate_core::tenant::Status;

use self::credits::{Deed, Purse};
pub(crate) use self::jobs::JobRoute;
pub(crate) use self::reports::Report;
use self::saas::Saas;

/// What a path stands for. Parts of the path that are values come with it, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint<'a> {
    Chat,
    Completions,
    Responses,
    Embeddings,
    Messages,
    MessageTokens,
    SimpleChat,
    SimpleHealth,
    SimpleMetrics,
    Hello,
    Generate(&'a str),
    GenerateStream(&'a str),
    GenerateTokens(&'a str),
    GeminiModels,
    GeminiModel(&'a str),
    Models,
    Model(&'a str),
    Validate,
    Keys,
    TemporaryKeys,
    Key(&'a str),
    RotateKey(&'a str),
    Organizations,
    Organization(&'a str),
    OrganizationStatus(&'a str, Status),
    Members(&'a str),
    Member(&'a str, &'a str),
    Teams,
    Team(&'a str),
    TeamStatus(&'a str, Status),
    Audit,
    Credits(Purse<'a>, Deed),
    Ledger,
    Balance,
    CreditWebhook,
    Maintenance,
    Connections,
    Connection(&'a str),
    TestConnection(&'a str),
    ConnectionBreaker(&'a str),
    ConnectionKey(&'a str),
    ExplainRoute,
    /// What seed 001 manages.
    Saas(Saas<'a>),
    Report(Report<'a>),
    Job(JobRoute<'a>),
    Errors,
    Error(&'a str),
    ErrorPages,
    ErrorPage(&'a str),
    Health,
    Live,
    Ready,
    Metrics,
    Front,
}

impl<'a> Endpoint<'a> {
    /// The endpoint of a path.
    pub(crate) fn find(path: &'a str) -> Option<Self> {
        Some(match path {
            "/v1/chat/completions" | "/chat/completions" => Self::Chat,
            "/v1/completions" | "/completions" => Self::Completions,
            "/v1/responses" | "/responses" => Self::Responses,
            "/v1/embeddings" | "/embeddings" => Self::Embeddings,
            "/v1/chat" | "/api/v1/chat" => Self::SimpleChat,
            "/api/v1/health" => Self::SimpleHealth,
            "/api/v1/metrics" => Self::SimpleMetrics,
            "/v1/messages" => Self::Messages,
            "/v1/messages/count_tokens" => Self::MessageTokens,
            "/api/hello" => Self::Hello,
            "/v1beta/models" => Self::GeminiModels,
            "/v1/models" | "/models" => Self::Models,
            "/v1/auth/validate" => Self::Validate,
            "/api/keys" => Self::Keys,
            "/api/keys/temporary" => Self::TemporaryKeys,
            "/api/organizations" => Self::Organizations,
            "/api/teams" => Self::Teams,
            "/api/audit" => Self::Audit,
            "/api/ledger/verify" => Self::Ledger,
            "/api/account/balance" => Self::Balance,
            "/api/webhooks/credits" => Self::CreditWebhook,
            "/api/maintenance" => Self::Maintenance,
            "/api/connections" => Self::Connections,
            "/api/routes/explain" => Self::ExplainRoute,
            "/v1/errors" => Self::Errors,
            "/errors" | "/errors/" => Self::ErrorPages,
            "/health" => Self::Health,
            "/health/live" | "/healthz" | "/health/liveliness" | "/health/liveness" => Self::Live,
            "/health/ready" | "/readyz" | "/health/readiness" => Self::Ready,
            "/metrics" => Self::Metrics,
            "/" => Self::Front,
            _ => return Self::find_with_value(path),
        })
    }

    fn find_with_value(path: &'a str) -> Option<Self> {
        if let Some(place) = Saas::find(path) {
            return Some(Self::Saas(place));
        }
        if let Some(report) = reports::find(path) {
            return Some(Self::Report(report));
        }
        if let Some(job) = jobs::find(path) {
            return Some(Self::Job(job));
        }
        let value = |prefix: &str| path.strip_prefix(prefix).filter(|value| !value.is_empty());
        let one = |prefix: &str| value(prefix).filter(|value| !value.contains('/'));
        // The ids of models hold slashes.
        if let Some(model) = value("/v1beta/models/") {
            return gemini::find(model).or(Some(Self::GeminiModel(model)));
        }
        if let Some(call) = value("/v1/models/").and_then(gemini::find) {
            return Some(call);
        }
        if let Some(model) = value("/v1/models/").or_else(|| value("/models/")) {
            return Some(Self::Model(model));
        }
        if let Some(code) = one("/v1/errors/") {
            return Some(Self::Error(code));
        }
        if let Some(code) = one("/errors/") {
            return Some(Self::ErrorPage(code));
        }
        if let Some(connection) = value("/api/connections/") {
            return Self::find_connection(connection);
        }
        if let Some(rest) = value("/api/credits/") {
            return credits::find(rest);
        }
        if let Some(rest) = value("/api/organizations/") {
            return tenants::organization(rest);
        }
        if let Some(rest) = value("/api/teams/") {
            return tenants::team(rest);
        }
        let key = value("/api/keys/")?;
        match key.split_once('/') {
            None => Some(Self::Key(key)),
            Some((id, "rotate")) if !id.is_empty() => Some(Self::RotateKey(id)),
            Some(_) => None,
        }
    }

    /// What stands behind `/api/connections/`. A name that holds a slash has it escaped.
    fn find_connection(rest: &'a str) -> Option<Self> {
        match rest.split_once('/') {
            None => Some(Self::Connection(rest)),
            Some(("", _)) => None,
            Some((name, "test")) => Some(Self::TestConnection(name)),
            Some((name, "breaker")) => Some(Self::ConnectionBreaker(name)),
            Some((name, "update-key")) => Some(Self::ConnectionKey(name)),
            Some(_) => None,
        }
    }

    /// The methods that the endpoint has. `HEAD` goes wherever `GET` goes.
    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Self::Chat
            | Self::Completions
            | Self::Responses
            | Self::Embeddings
            | Self::SimpleChat
            | Self::Messages
            | Self::MessageTokens
            | Self::Generate(_)
            | Self::GenerateStream(_)
            | Self::GenerateTokens(_)
            | Self::TemporaryKeys
            | Self::RotateKey(_)
            | Self::TestConnection(_)
            | Self::ConnectionBreaker(_)
            | Self::ConnectionKey(_)
            | Self::CreditWebhook
            | Self::ExplainRoute => &[Method::POST],
            Self::Credits(_, deed) => deed.methods(),
            Self::Saas(place) => place.methods(),
            Self::Job(job) => job.methods(),
            Self::Keys
            | Self::Organizations
            | Self::Teams
            | Self::Members(_)
            | Self::Connections
            | Self::Ledger => &[Method::GET, Method::HEAD, Method::POST],
            Self::Key(_) => &[Method::GET, Method::HEAD, Method::PATCH, Method::DELETE],
            Self::Organization(_) => &[Method::GET, Method::HEAD, Method::PUT, Method::PATCH],
            Self::Connection(_) => &[Method::GET, Method::HEAD, Method::PUT, Method::DELETE],
            Self::Member(..) | Self::Team(_) => &[
                Method::GET,
                Method::HEAD,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ],
            // The documents of seed 001 have PUT in one place and POST in another.
            Self::OrganizationStatus(..) | Self::TeamStatus(..) => &[Method::POST, Method::PUT],
            Self::Maintenance => &[Method::GET, Method::HEAD, Method::PUT],
            Self::Models
            | Self::Model(_)
            | Self::GeminiModels
            | Self::GeminiModel(_)
            | Self::Validate
            | Self::Balance
            | Self::Audit
            | Self::Report(_)
            | Self::Hello
            | Self::SimpleHealth
            | Self::SimpleMetrics
            | Self::Errors
            | Self::Error(_)
            | Self::ErrorPages
            | Self::ErrorPage(_)
            | Self::Health
            | Self::Live
            | Self::Ready
            | Self::Metrics
            | Self::Front => &[Method::GET, Method::HEAD],
        }
    }

    /// What a caller must show to use the endpoint with a method.
    pub(crate) fn right(self, method: &Method) -> Right {
        let sees = *method == Method::GET || *method == Method::HEAD;
        match self {
            Self::Job(job) => job.right(),
            Self::Chat
            | Self::Completions
            | Self::Responses
            | Self::Embeddings
            | Self::SimpleChat
            | Self::Messages
            | Self::MessageTokens
            | Self::Generate(_)
            | Self::GenerateStream(_)
            | Self::GenerateTokens(_) => Right::Write,
            Self::Models
            | Self::Model(_)
            | Self::GeminiModels
            | Self::GeminiModel(_)
            | Self::Balance
            | Self::Validate
            | Self::Report(_) => Right::Read,
            Self::Keys | Self::Key(_) if sees => Right::SeeKeys,
            Self::Keys | Self::TemporaryKeys | Self::Key(_) | Self::RotateKey(_) => {
                Right::ManageKeys
            }
            Self::Organizations
            | Self::Organization(_)
            | Self::Members(_)
            | Self::Member(..)
            | Self::Teams
            | Self::Team(_)
                if sees =>
            {
                Right::SeeOrganization
            }
            Self::Organization(_) => Right::ManageOrganization,
            Self::Members(_) | Self::Member(..) => Right::ManageUsers,
            Self::Teams | Self::Team(_) | Self::TeamStatus(_, Status::Active | Status::Paused) => {
                Right::ManageTeams
            }
            Self::Audit => Right::SeeAudit,
            Self::Organizations
            | Self::OrganizationStatus(..)
            | Self::TeamStatus(_, Status::Suspended)
            | Self::Credits(..)
            | Self::Ledger
            | Self::Maintenance
            | Self::Connections
            | Self::Connection(_)
            | Self::TestConnection(_)
            | Self::ConnectionBreaker(_)
            | Self::ConnectionKey(_)
            | Self::ExplainRoute => Right::Admin,
            Self::Saas(place) => place.right(),
            // The signature is its credential.
            Self::CreditWebhook
            | Self::Hello
            | Self::SimpleHealth
            | Self::SimpleMetrics
            | Self::Errors
            | Self::Error(_)
            | Self::ErrorPages
            | Self::ErrorPage(_)
            | Self::Health
            | Self::Live
            | Self::Ready
            | Self::Metrics
            | Self::Front => Right::Public,
        }
    }

    /// Whether the key may stand in the query, as Gemini's clients may put it.
    pub(crate) fn takes_key_in_query(self) -> bool {
        match self {
            Self::Generate(_)
            | Self::GenerateStream(_)
            | Self::GenerateTokens(_)
            | Self::GeminiModels
            | Self::GeminiModel(_)
            | Self::Models
            | Self::Model(_) => true,
            Self::Chat
            | Self::Completions
            | Self::Responses
            | Self::Embeddings
            | Self::SimpleChat
            | Self::Messages
            | Self::MessageTokens
            | Self::Hello
            | Self::SimpleHealth
            | Self::SimpleMetrics
            | Self::Validate
            | Self::Keys
            | Self::TemporaryKeys
            | Self::Key(_)
            | Self::RotateKey(_)
            | Self::Organizations
            | Self::Organization(_)
            | Self::OrganizationStatus(..)
            | Self::Members(_)
            | Self::Member(..)
            | Self::Teams
            | Self::Team(_)
            | Self::TeamStatus(..)
            | Self::Audit
            | Self::Credits(..)
            | Self::Ledger
            | Self::Balance
            | Self::CreditWebhook
            | Self::Maintenance
            | Self::Connections
            | Self::Connection(_)
            | Self::TestConnection(_)
            | Self::ConnectionBreaker(_)
            | Self::ConnectionKey(_)
            | Self::ExplainRoute
            | Self::Saas(_)
            | Self::Report(_)
            | Self::Job(_)
            | Self::Errors
            | Self::Error(_)
            | Self::ErrorPages
            | Self::ErrorPage(_)
            | Self::Health
            | Self::Live
            | Self::Ready
            | Self::Metrics
            | Self::Front => false,
        }
    }

    /// The word for metrics and the log.
    pub(crate) fn surface(self) -> &'static str {
        match self {
            Self::Chat => "openai_chat",
            Self::Completions => "openai_completions",
            Self::Responses => "openai_responses",
            Self::Embeddings => "openai_embeddings",
            Self::SimpleChat => "simple_chat",
            Self::Messages => "anthropic_messages",
            Self::MessageTokens => "anthropic_count_tokens",
            Self::Generate(_) => "gemini_generate",
            Self::GenerateStream(_) => "gemini_stream_generate",
            Self::GenerateTokens(_) => "gemini_count_tokens",
            Self::Models | Self::Model(_) | Self::GeminiModels | Self::GeminiModel(_) => "models",
            Self::Validate | Self::Balance => "auth",
            Self::CreditWebhook => "webhooks",
            Self::Keys
            | Self::TemporaryKeys
            | Self::Key(_)
            | Self::RotateKey(_)
            | Self::Organizations
            | Self::Organization(_)
            | Self::OrganizationStatus(..)
            | Self::Members(_)
            | Self::Member(..)
            | Self::Teams
            | Self::Team(_)
            | Self::TeamStatus(..)
            | Self::Audit
            | Self::Credits(..)
            | Self::Ledger
            | Self::Maintenance
            | Self::Connections
            | Self::Connection(_)
            | Self::TestConnection(_)
            | Self::ConnectionBreaker(_)
            | Self::ConnectionKey(_)
            | Self::ExplainRoute
            | Self::Saas(_) => "admin",
            Self::Report(_) => "reports",
            Self::Job(_) => "jobs",
            Self::Errors | Self::Error(_) | Self::ErrorPages | Self::ErrorPage(_) => "errors",
            Self::Hello | Self::SimpleHealth | Self::Health | Self::Live | Self::Ready => "health",
            Self::SimpleMetrics | Self::Metrics => "metrics",
            Self::Front => "front",
        }
    }
}

/// The dialect of a path whose surface has one of its own; `None` where the deployment's and
/// the key's setting decide.
pub(crate) fn native_dialect(path: &str) -> Option<Dialect> {
    [
        ("/v1/messages", Dialect::Anthropic),
        ("/v1beta/", Dialect::Gemini),
        ("/api/jobs", Dialect::DetailJobs),
        ("/api/v1/chat", Dialect::DetailSimple),
    ]
    .into_iter()
    .find_map(|(prefix, dialect)| path.starts_with(prefix).then_some(dialect))
    .or_else(|| Saas::find(path).map(|_| Dialect::DetailJobs))
    .or_else(|| jobs::find(path).map(|_| Dialect::DetailJobs))
    .or_else(|| (path == "/v1/chat").then_some(Dialect::DetailSimple))
    .or_else(|| {
        let call = path.strip_prefix("/v1/models/").and_then(gemini::find);
        call.map(|_| Dialect::Gemini)
    })
}

/// Whether a path is both one of ours and one of seed 001, whose callers read `detail`; or one
/// that nobody has, as a caller of seed 001 might write it by mistake.
pub(crate) fn is_shared_with_seed_001(path: &str) -> bool {
    match Endpoint::find(path) {
        Some(
            Endpoint::Team(_)
            | Endpoint::TeamStatus(..)
            | Endpoint::Organization(_)
            | Endpoint::OrganizationStatus(..)
            | Endpoint::Credits(..),
        ) => true,
        Some(_) => false,
        None => path.starts_with("/api/"),
    }
}

#[cfg(test)]
mod tests;
