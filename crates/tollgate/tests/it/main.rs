//! Black-box tests: the real binary, real HTTP, a simulated provider. Below here the files follow
//! the tree of URLs.

mod admin;
mod errors;
mod openai;
mod operations;
mod raw;
mod soak;
mod streaming;
mod world;
