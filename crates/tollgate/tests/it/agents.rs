//! What coding agents send, and what they need back.

mod claude_code;
mod codex;
mod gemini_cli;
