//! Chat completions in the neutral form: callers' requests, providers' answers and streams.

mod answer;
mod calls;
mod choice;
mod citation;
#[cfg(test)]
mod fixtures;
mod notes;
mod request;
mod stream;
mod thinking;

pub use answer::answer;
pub(super) use choice::OTHER;
pub use request::request;
pub use stream::stream;
