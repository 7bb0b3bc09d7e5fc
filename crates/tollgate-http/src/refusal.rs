//! The HTTP library answers what it cannot parse by itself, with a bare status. Callers get a row
//! of the catalogue instead, with a request id, and the log its line.

use bytes::Bytes;
use tollgate_core::error::{Code, Failure};

use crate::answer;
use crate::gateway::Gateway;
use crate::record::Record;

/// The status for a head that did not arrive in time.
pub(crate) const TOO_SLOW: u16 = 408;

/// What is wrong with a request that the library has let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Its length can be read in two ways: the connection ends with it.
    TwoLengths,
    /// Its headers are too large or too many.
    LargeHead,
}

impl Flaw {
    /// What the caller is told.
    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::TwoLengths => Failure::client(Code::InvalidRequest).message(
                "The request has both Content-Length and Transfer-Encoding. Send only one of them.",
            ),
            Self::LargeHead => Failure::client(Code::RequestTooLarge)
                .message("The headers of the request are too large or too many. Send fewer."),
        }
    }
}

/// The status of an answer that is the library's own: those of ours carry a request id.
pub(crate) fn status_of_bare_refusal(head: &[u8]) -> Option<u16> {
    let status = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    if status.first() != Some(&b'4') || has(head, b"x-request-id") || head.len() > 512 {
        return None;
    }
    std::str::from_utf8(status).ok()?.parse().ok()
}

fn has(head: &[u8], name: &[u8]) -> bool {
    head.windows(name.len()).any(|window| window == name)
}

/// A whole answer, head and body, after which the connection closes.
pub(crate) fn render(gateway: &std::sync::Arc<Gateway>, status: u16) -> Bytes {
    let failure = match status {
        414 => Failure::client(Code::RequestTooLarge)
            .message("The URL of the request is too long. Send what is long in the body."),
        431 => Flaw::LargeHead.failure(),
        TOO_SLOW => Failure::client(Code::RequestTimeout)
            .message("The headers of the request did not arrive in time. Send it again."),
        _ => Failure::client(Code::InvalidRequest)
            .message("The request is not well-formed HTTP. Check the client that made it."),
    };
    let id = gateway.ids.make();
    let mut record = Record::begin(gateway.clone(), id.clone(), "unknown");
    record.fail(&failure);
    let settings = gateway.settings();
    let context = answer::context(gateway, &id, &settings.public_url, false);
    let rendered = settings.dialect.render(&failure, &context);
    record.facts.status = rendered.status;
    record.finish();
    let mut text = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\
         x-request-id: {id}\r\nrequest-id: {id}\r\n",
        rendered.status,
        reason(rendered.status),
        rendered.content_type,
        rendered.body.len(),
        id = id.as_str(),
    );
    for (name, value) in &rendered.headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(&rendered.body);
    text.into()
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_librarys_own_refusals_are_replaced() {
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                    content-length: 0\r\n\r\n";
        assert_eq!(status_of_bare_refusal(bare.as_bytes()), Some(431));
        for other in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nx-request-id: req_1\r\n\r\n",
            "data: HTTP/1.1 400",
            "HTTP/1.1 500 Internal Server Error\r\n\r\n",
        ] {
            assert_eq!(status_of_bare_refusal(other.as_bytes()), None, "{other}");
        }
    }
}
