//! The simulator from the outside: bytes in, bytes out.

mod anthropic;
mod chat;
mod client;
mod completions;
mod control;
mod embeddings;
mod families;
mod faults;
mod google;
mod http;
mod inspect;
mod records;
mod responses;
mod tcp;
