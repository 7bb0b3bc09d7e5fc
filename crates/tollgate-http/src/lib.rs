//! The HTTP face of Tollgate. A connection is served by [`server`], a request finds its endpoint
//! in [`routes`], and whatever fails becomes an answer in [`answer`].

mod access_log;
mod answer;
mod body;
mod cache;
mod client;
mod conversation;
mod credential;
mod dialect;
mod dispatch;
mod family;
mod framing;
mod gateway;
mod head;
mod idempotency;
mod late;
mod limits;
mod log_buffer;
mod log_row;
mod metrics;
mod opening;
mod outgoing;
mod patience;
mod percent;
mod query;
mod record;
mod refusal;
mod request_id;
mod routes;
mod server;
mod settlement;
mod socket;
mod stall;
mod stream;
mod surface;
#[cfg(test)]
mod testing;
mod tried;
mod wishes;

pub use access_log::{AccessLog, LogFormat};
pub use gateway::{Gateway, Logs, Settings, Surfaces};
pub use log_buffer::LogBuffer;
pub use server::serve;

/// What the key API answers, for commands that do without a running gateway.
pub mod keys {
    pub use crate::surface::admin::keys::{
        SURFACES, change, create, create_temporary, list, one, revoke, rotate,
    };
}

/// What the API of organizations answers, for commands that do without a running gateway.
pub mod organizations {
    pub use crate::surface::admin::organizations::{change, create, list, one, set_status};
}

/// What the API of members answers, for commands that do without a running gateway.
pub mod members {
    pub use crate::surface::admin::members::{change, create, delete, list, one};
}

/// What the API of teams answers, for commands that do without a running gateway.
pub mod teams {
    pub use crate::surface::admin::teams::{change, create, list, one, set_status};
}

/// What the API of credits answers, for commands that do without a running gateway.
pub mod credits {
    pub use crate::surface::admin::credits::{
        Asked, Books, Of, add, adjust, balance, refund, transactions,
    };
}

/// What the check of the ledger answers, for commands that do without a running gateway.
pub mod ledger {
    pub use crate::surface::admin::ledger::verify;
}

/// What the connection API answers, for commands that do without a running gateway.
pub mod connections {
    pub use crate::surface::admin::connections::{list, test};
}

/// What providers are called in offers.
pub mod providers {
    pub use crate::surface::admin::saas::provider_word;
}

/// What the explanation of a route answers, for commands that do without a running gateway.
pub mod explain {
    pub use crate::surface::admin::explain::explain;
}
