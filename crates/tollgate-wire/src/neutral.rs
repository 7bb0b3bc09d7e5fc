//! The neutral form: what a conversation, an answer and a stream say, whatever the format.
//!
//! Calls between two formats go through it: the caller's body is parsed into it and written for
//! the provider, and the answer comes back the same way. Calls within one format never do: their
//! bytes go on as they came.

mod answer;
mod event;
pub(crate) mod freeform;
mod part;
mod request;
#[cfg(test)]
pub(crate) mod sample;

pub use answer::{Answer, Ending};
pub use event::{Event, Gathering};
pub use part::{Cache, Citation, Content, Media, Part, Reasoned, Source, ToolCall, ToolResult};
pub use request::{
    Effort, OutputFormat, Reasoning, Request, Role, Tool, ToolChoice, Turn, arguments_object,
};
