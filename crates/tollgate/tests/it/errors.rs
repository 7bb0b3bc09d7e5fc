//! What callers meet when something fails.

mod catalogue;
mod dialects;
mod framing;
mod own;
mod provider;
