//! Writing messages out of the neutral form.

mod answer;
mod blocks;
mod calls;
mod request;
mod state;
mod stream;
#[cfg(test)]
mod tests;

pub use answer::{answer, count};
pub use request::{count_request, request};
pub(super) use state::opened as opened_call_state;
pub use stream::stream;
