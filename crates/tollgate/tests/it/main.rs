//! Black-box tests: the real binary, real HTTP, a simulated provider. Below here the files follow
//! the tree of URLs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::duration_suboptimal_units,
    unreachable_pub,
    reason = "a test that meets something unexpected ends there"
)]

mod access;
mod admin;
mod agents;
mod bank;
mod cache;
mod crash;
mod crossed;
mod errors;
mod jobs;
mod matrix;
mod money;
mod openai;
mod operations;
mod providers;
mod raw;
mod routing;
mod saas;
mod simple;
mod soak;
mod streaming;
mod surface;
mod surfaces;
mod talk;
mod translation;
mod world;
