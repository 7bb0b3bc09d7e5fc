//! What a provider's own error amounts to.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use tollgate_core::error::Failure;
use tollgate_core::format::Format;
use tollgate_engine::port::Clock;
use tollgate_wire::failure::{ErrorAnswer, classify};
use tollgate_wire::retry_after::RetryHints;

use crate::connection::Connection;

/// Judges the errors that come over one connection.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(crate) connection: Arc<Connection>,
    /// What the provider was asked in.
    pub(crate) format: Format,
    /// Providers name dates at which to come back.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Judge {
    /// The failure that an error's status, headers and body mean. Within a good answer or a
    /// stream, the status is 200.
    pub(crate) fn error(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &Bytes,
        is_whole: bool,
    ) -> Failure {
        let now = self.clock.now();
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let error_type = headers.get("x-amzn-errortype").map(HeaderValue::as_bytes);
        let answer = ErrorAnswer {
            format: self.format,
            error_type: error_type.map(Bytes::copy_from_slice),
            status: status.as_u16(),
            content_type: content_type.map(Bytes::copy_from_slice),
            body: body.clone(),
            complete: is_whole,
            hints: RetryHints::from_headers(pairs, now),
            now,
            credential: self.connection.settings.credential.as_ref(),
        };
        classify(&answer, self.connection.settings.provider.name)
    }
}
