//! The formats that Tollgate reads and writes: bytes in, facts out. Nothing here waits, reads a
//! clock or touches the outside.

pub mod credential;
pub mod json;
pub mod openai;
pub mod provider_text;
pub mod retry_after;
pub mod same;
pub mod sse;
