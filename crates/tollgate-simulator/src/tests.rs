//! The simulator from the outside: bytes in, bytes out.

mod chat;
mod client;
mod control;
mod embeddings;
mod faults;
mod http;
mod records;
mod tcp;
