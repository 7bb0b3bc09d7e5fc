//! Signatures of AWS, version 4: made with an access key for each request.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::{HeaderName, HeaderValue, Method, Uri};
use sha2::{Digest as _, Sha256};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;

use crate::body::RequestBody;

/// An access key of AWS, long-lived or, with a session token, for a while.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// The part that names it.
    pub id: Secret,
    /// The part that signs.
    pub secret: Secret,
    /// What goes with a key that was handed out for a while.
    pub session_token: Option<Secret>,
}

/// Why a request could not be signed.
type Unsigned = Box<dyn std::error::Error + Send + Sync>;

impl AccessKey {
    /// Whether this is the same key.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let tokens = match (&self.session_token, &other.session_token) {
            (Some(ours), Some(theirs)) => ours.matches(theirs.expose().as_bytes()),
            (None, None) => true,
            _ => false,
        };
        tokens
            && self.id.matches(other.id.expose().as_bytes())
            && self.secret.matches(other.secret.expose().as_bytes())
    }

    /// The headers that sign a request with this body to this address.
    pub(crate) fn sign(
        &self,
        method: &Method,
        place: &SignedPlace<'_>,
        body: &RequestBody,
        now: Timestamp,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Unsigned> {
        let token = self
            .session_token
            .as_ref()
            .map(|token| token.expose().to_owned());
        let (id, secret) = (self.id.expose(), self.secret.expose());
        let identity = Credentials::new(id, secret, token, None, "settings").into();
        let since_epoch = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(place.region)
            .name(place.service)
            .time(SystemTime::UNIX_EPOCH + since_epoch)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let address = place.address.to_string();
        let body = SignableBody::Precomputed(hash(body));
        // Only what nobody on the way changes is signed; the host and the time are always.
        let headers = std::iter::once(("content-type", "application/json"));
        let request = SignableRequest::new(method.as_str(), address, headers, body)?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let (headers, _) = instructions.into_parts();
        headers
            .iter()
            .map(|header| {
                let mut value = HeaderValue::try_from(header.value())?;
                value.set_sensitive(true);
                Ok((HeaderName::from_static(header.name()), value))
            })
            .collect()
    }
}

/// What a signature is bound to beside the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedPlace<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) address: &'a Uri,
}

fn hash(body: &RequestBody) -> String {
    let mut hash = Sha256::new();
    for slice in body.slices() {
        hash.update(slice);
    }
    hexadecimal(&hash.finalize())
}

/// In hexadecimal digits, lower case.
fn hexadecimal(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests;
