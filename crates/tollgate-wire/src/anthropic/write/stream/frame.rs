//! The events of a stream as bytes. Each has its name twice, as official clients drop what has it
//! but once.

use std::io::Write;

use serde_json::Value;

/// What a block grows by.
pub(super) enum Delta<'a> {
    Text(&'a str),
    Thinking(&'a str),
    Signature(&'a str),
    Json(&'a str),
    Citation(&'a Value),
}

/// Appends an event; the data must be one line.
pub(super) fn write_event(name: &str, data: &str, out: &mut Vec<u8>) {
    for part in ["event: ", name, "\ndata: ", data, "\n\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends the beginning of a block.
pub(super) fn write_block_start(block: usize, content: &Value, out: &mut Vec<u8>) {
    let name = "content_block_start";
    let data = format!(r#"{{"type":"{name}","index":{block},"content_block":{content}}}"#);
    write_event(name, &data, out);
}

/// Appends the end of a block.
pub(super) fn write_block_stop(block: usize, out: &mut Vec<u8>) {
    let name = "content_block_stop";
    write_event(
        name,
        &format!(r#"{{"type":"{name}","index":{block}}}"#),
        out,
    );
}

/// Appends more of a block. This is most of all events, so nothing is put together before.
pub(super) fn write_delta(block: usize, delta: &Delta<'_>, out: &mut Vec<u8>) {
    let (kind, name) = match delta {
        Delta::Text(_) => ("text_delta", "text"),
        Delta::Thinking(_) => ("thinking_delta", "thinking"),
        Delta::Signature(_) => ("signature_delta", "signature"),
        Delta::Json(_) => ("input_json_delta", "partial_json"),
        Delta::Citation(_) => ("citations_delta", "citation"),
    };
    out.extend_from_slice(
        b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
    );
    write_infallibly(out, |out| write!(out, "{block}"));
    for part in [",\"delta\":{\"type\":\"", kind, "\",\"", name, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_infallibly(out, |out| match delta {
        Delta::Text(text) | Delta::Thinking(text) | Delta::Signature(text) | Delta::Json(text) => {
            serde_json::to_writer(out, text).map_err(Into::into)
        }
        Delta::Citation(citation) => write!(out, "{citation}"),
    });
    out.extend_from_slice(b"}}\n\n");
}

/// Writing into memory does not fail.
fn write_infallibly(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) {
    let written = write(out);
    debug_assert!(written.is_ok(), "a vector takes everything");
}
