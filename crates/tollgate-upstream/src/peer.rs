//! The provider at the other end of an exchange: what its heads and its errors mean.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http::response::Parts;
use http::{HeaderValue, StatusCode};
use tokio::time::{Instant, timeout_at};
use tollgate_core::error::Failure;
use tollgate_core::format::Format;
use tollgate_engine::port::Clock;

use crate::connection::{Connection, Outgoing};
use crate::credential::Moment;
use crate::exchange::Limit;
use crate::fault::{Broken, Stage};
use crate::gather::Gathered;
use crate::judge::Judge;
use crate::lane::Inflow;

/// How much of an error's body is read.
pub(crate) const ERROR: usize = 64 * 1024;
/// How long an error's body may take; its status alone says enough to go on.
pub(crate) const ERROR_WAIT: Duration = Duration::from_secs(5);
/// The longest request id that is kept.
const REQUEST_ID: usize = 128;

/// Who is asked, and in what.
pub(crate) struct Peer<'a> {
    pub(crate) connection: &'a Arc<Connection>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    /// What the provider is asked in.
    pub(crate) format: Format,
}

/// How long it may take until the request is on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// Until a connection stands.
    pub(crate) connect: Duration,
    /// Until everything is over.
    pub(crate) deadline: Instant,
}

impl Peer<'_> {
    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn head(
        &self,
        outgoing: &mut Outgoing<'_>,
        waits: Waits,
    ) -> Result<(Parts, Inflow), Failure> {
        let Waits { connect, deadline } = waits;
        if outgoing.is_unauthorised() {
            let moment = Moment {
                now: self.clock.now(),
                connect,
                deadline,
            };
            // Rare and large: boxed, so that waiting streams do not carry room for it.
            Box::pin(outgoing.authorise(moment)).await?;
        }
        let sent = self.connection.pool.send(outgoing, connect).await;
        sent.map_err(|broken| self.broken(broken))
    }

    /// What an answer of another status than a good one amounts to.
    pub(crate) async fn refused(&self, head: &Parts, mut inflow: Inflow, limit: Limit) -> Failure {
        let status = head.status;
        if !(status.is_client_error() || status.is_server_error()) {
            let sentence = refusal_of_status(status);
            return self.about(self.broken(Broken::invalid(sentence)), head);
        }
        let mut gathered = Gathered::new(ERROR);
        let until = limit.at.min(Instant::now() + ERROR_WAIT);
        let read = timeout_at(until, gathered.read(&mut inflow)).await;
        let is_whole = matches!(read, Ok(Ok(()))) && gathered.is_complete();
        if is_whole {
            inflow.release();
        }
        let mut body = gathered.into_bytes();
        let is_encoded = encoding(&head.headers).is_some();
        if is_encoded {
            // It cannot be read; the status must do.
            body = Bytes::new();
        }
        let mut failure = self
            .judge()
            .error(status, &head.headers, &body, is_whole && !is_encoded);
        if is_encoded {
            failure.passthrough = None;
        }
        self.about(failure, head)
    }

    /// Fails for an answer that cannot be read because of its encoding.
    pub(crate) fn check_encoding(&self, head: &Parts) -> Result<(), Failure> {
        match encoding(&head.headers) {
            None => Ok(()),
            Some(_) => Err(self.broken(Broken::invalid(
                "The provider encoded its answer although it was asked not to.",
            ))),
        }
    }

    /// Adds to a failure what the head of the answer says.
    pub(crate) fn about(&self, mut failure: Failure, head: &Parts) -> Failure {
        failure.provider_status = Some(head.status.as_u16());
        failure.provider_request_id = self.request_id(&head.headers).map(Into::into);
        failure
    }

    /// The failure of an exchange that broke before anything of it was given to the caller.
    pub(crate) fn broken(&self, broken: Broken) -> Failure {
        broken.failure(self.connection.settings.provider, Stage::Before)
    }

    /// What judges the errors of this provider.
    pub(crate) fn judge(&self) -> Judge {
        Judge {
            connection: self.connection.clone(),
            format: self.format,
            clock: self.clock.clone(),
        }
    }

    /// The provider's request id, if it is well-formed: it is shown to callers and logged.
    pub(crate) fn request_id(&self, headers: &HeaderMap) -> Option<Box<str>> {
        let names = self.connection.settings.provider.request_id_headers;
        let value = names.iter().find_map(|name| headers.get(*name))?.as_bytes();
        let is_fit = !value.is_empty()
            && value.len() <= REQUEST_ID
            && value.iter().all(u8::is_ascii_graphic);
        if is_fit {
            std::str::from_utf8(value).ok().map(Into::into)
        } else {
            None
        }
    }
}

fn refusal_of_status(status: StatusCode) -> String {
    let number = status.as_u16();
    if status.is_redirection() {
        format!("The provider answered with a redirect (status {number}), which is not followed.")
    } else {
        format!("The provider answered with status {number}, which means nothing here.")
    }
}

/// The encoding of a body that is not plain.
fn encoding(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get(CONTENT_ENCODING)
        .filter(|value| !value.is_empty() && !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether the content type is this one, whatever its parameters.
pub(crate) fn is_type(headers: &HeaderMap, name: &str) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let kind = value
            .as_bytes()
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
    })
}

/// Whether a body begins as a page does.
pub(crate) fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}
