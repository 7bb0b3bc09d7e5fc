//! The endpoints, by who uses them.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod calls;
pub(crate) mod errors;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod models;
pub(crate) mod reports;
pub(crate) mod simple;
pub(crate) mod webhook;

use tollgate_core::error::Failure;

use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::routes::Endpoint;

/// The documents that everybody may read; `None` for what is not one of them.
pub(crate) fn public(gateway: &Gateway, endpoint: Endpoint<'_>) -> Result<Option<Given>, Failure> {
    let url = &*gateway.settings().public_url;
    let given = match endpoint {
        Endpoint::Hello => Some(health::hello()),
        Endpoint::SimpleHealth => Some(simple::health()),
        Endpoint::SimpleMetrics => Some(simple::metrics(gateway)?),
        Endpoint::Health => Some(health::healthy()),
        Endpoint::Live => Some(health::live()),
        Endpoint::Ready => Some(health::ready(gateway)),
        Endpoint::Metrics => Some(health::metrics(gateway)?),
        Endpoint::Errors => Some(errors::list(url)),
        Endpoint::Error(code) => errors::one(code, url),
        Endpoint::ErrorPages => Some(errors::pages(url)),
        Endpoint::ErrorPage(code) => Some(errors::page(code, url)),
        Endpoint::Front => Some(health::front(url)),
        Endpoint::Chat
        | Endpoint::Completions
        | Endpoint::Responses
        | Endpoint::Embeddings
        | Endpoint::SimpleChat
        | Endpoint::Messages
        | Endpoint::MessageTokens
        | Endpoint::Generate(_)
        | Endpoint::GenerateStream(_)
        | Endpoint::GenerateTokens(_)
        | Endpoint::GeminiModels
        | Endpoint::GeminiModel(_)
        | Endpoint::Models
        | Endpoint::Model(_)
        | Endpoint::Validate
        | Endpoint::Keys
        | Endpoint::TemporaryKeys
        | Endpoint::Key(_)
        | Endpoint::RotateKey(_)
        | Endpoint::Organizations
        | Endpoint::Organization(_)
        | Endpoint::OrganizationStatus(..)
        | Endpoint::Members(_)
        | Endpoint::Member(..)
        | Endpoint::Teams
        | Endpoint::Team(_)
        | Endpoint::TeamStatus(..)
        | Endpoint::Audit
        | Endpoint::Credits(..)
        | Endpoint::Ledger
        | Endpoint::Balance
        | Endpoint::CreditWebhook
        | Endpoint::Maintenance
        | Endpoint::Connections
        | Endpoint::Connection(_)
        | Endpoint::TestConnection(_)
        | Endpoint::ConnectionBreaker(_)
        | Endpoint::ConnectionKey(_)
        | Endpoint::ExplainRoute
        | Endpoint::Saas(_)
        | Endpoint::Report(_)
        | Endpoint::Job(_) => None,
    };
    Ok(given)
}
