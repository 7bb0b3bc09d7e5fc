//! Chat completions from the neutral form: requests for providers, answers and streams for
//! callers.

mod answer;
mod chat;
mod request;
mod stream;

pub use answer::answer;
pub(crate) use chat::usage as counts;
pub use request::request;
pub use stream::stream;
