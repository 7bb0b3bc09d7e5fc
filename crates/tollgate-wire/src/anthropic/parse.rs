//! Reading messages into the neutral form.

mod answer;
mod blocks;
mod options;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod wrong;

pub use answer::{answer, count};
pub use request::request;
pub use stream::stream;
