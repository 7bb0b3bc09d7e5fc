//! `OpenAI`'s older text completions. Their answers are those of chat completions but for the
//! text, which stands in the choice itself. No provider is spoken to in them but by relaying.

pub(crate) mod insight;
pub mod parse;
pub mod relay;
pub mod request;
pub mod write;
