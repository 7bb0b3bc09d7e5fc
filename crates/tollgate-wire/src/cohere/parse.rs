//! Cohere's answers and streams in the neutral form.

mod answer;
mod facts;
mod stream;

pub use answer::answer;
pub(super) use facts::usage;
pub use stream::stream;
