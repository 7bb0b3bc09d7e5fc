//! Exchanges with a provider that breaks in every way.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "the helpers of tests may stop a test as the tests themselves may"
)]

mod addresses;
mod checks;
mod connecting;
mod headers;
mod http2;
mod insight;
mod oauth;
mod plain;
mod repeating;
mod reuse;
mod signed;
mod streams;
mod world;
