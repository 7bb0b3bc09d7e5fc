//! The life of a request: admitted, planned, attempted, metered. Nothing here knows HTTP, SQL,
//! provider names or what a format looks like; the outside is four traits in [`port`].

pub mod port;
