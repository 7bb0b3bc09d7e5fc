//! Which headers go to a provider: those of the connection, prepared once, and those of the
//! caller that may travel.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use tollgate_core::format::Format;

use crate::credential;
use crate::settings::{ConnectionSettings, Place, SettingsProblem};

/// The `openai-organization` header.
const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");

/// What Tollgate calls itself where no caller says more.
pub(crate) const OWN_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION")));

/// The version of Anthropic's API that is spoken for callers who name none.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) = (
    HeaderName::from_static("anthropic-version"),
    HeaderValue::from_static("2023-06-01"),
);

/// Never taken from a caller, and not to be declared by a connection either: credentials, what
/// frames the message, what belongs to one hop, and what would tell the provider about the
/// caller's network. Sorted.
const GUARDED: &[&str] = &[
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-admin-key",
    "x-api-key",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-goog-api-key",
    "x-real-ip",
];

/// Credentials of other styles, which a connection may declare for itself.
const DECLARABLE: &[&str] = &["api-key", "x-api-key", "x-goog-api-key"];

fn is_guarded(name: &str) -> bool {
    GUARDED.binary_search(&name).is_ok()
}

/// The headers of every request of a connection. `host` is among them: HTTP/2 drops it.
pub(crate) fn template(settings: &ConnectionSettings) -> Result<HeaderMap, SettingsProblem> {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(HOST, host(&settings.place)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    // What is relayed is read on its way, so it must come in clear.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, OWN_AGENT);
    credential::insert(&mut headers, settings)?;
    let organization = settings.organization.as_deref();
    if let Some(organization) = organization.filter(|_| settings.provider.knows_organizations()) {
        let value =
            HeaderValue::try_from(organization).map_err(|_| SettingsProblem::Organization)?;
        headers.insert(ORGANIZATION, value);
    }
    for (name, value) in &settings.headers {
        if is_guarded(name.as_str()) && !DECLARABLE.contains(&name.as_str()) {
            return Err(SettingsProblem::Header(name.to_string()));
        }
        headers.insert(name.clone(), value.clone());
    }
    Ok(headers)
}

fn host(place: &Place) -> Result<HeaderValue, SettingsProblem> {
    match place {
        Place::Url(url) => HeaderValue::try_from(url.authority.as_str()).map_err(|_| {
            SettingsProblem::BaseUrl(url.authority.to_string(), "its host fits no header")
        }),
        Place::InProcess => Ok(HeaderValue::from_static("simulator")),
    }
}

/// Whether a caller's header means something in the format that the provider is asked in. What
/// switches on features of one maker's API is left out where another's is spoken.
fn is_understood(name: &str, format: Format) -> bool {
    let begins = |prefix: &str| name.starts_with(prefix);
    if begins("anthropic-") || begins("x-claude-code-") {
        format == Format::Anthropic
    } else if begins("openai-") {
        matches!(
            format,
            Format::OpenAi | Format::Completions | Format::Responses
        )
    } else {
        // These would change what is signed, or who is charged.
        !begins("x-amz") && !begins("x-goog-")
    }
}

/// Adds what a format wants in every request.
pub(crate) fn complete(headers: &mut HeaderMap, format: Format, stream: bool) {
    match format {
        Format::Anthropic => {
            let (name, value) = ANTHROPIC_VERSION;
            headers.entry(name).or_insert(value);
        }
        Format::Bedrock if stream => {
            let events = HeaderValue::from_static("application/vnd.amazon.eventstream");
            headers.insert(ACCEPT, events);
        }
        Format::OpenAi
        | Format::Completions
        | Format::Responses
        | Format::Gemini
        | Format::Bedrock
        | Format::Cohere
        | Format::Ollama => {}
    }
}

/// Adds the caller's headers that may travel. Those that the connection sets stay as they are,
/// except for the `user-agent`, which is the caller's if it has one.
pub(crate) fn carry(
    headers: &mut HeaderMap,
    settings: &ConnectionSettings,
    format: Format,
    carried: &[(Bytes, Bytes)],
) {
    for (name, value) in carried {
        let Ok(name) = HeaderName::from_bytes(name) else {
            continue;
        };
        let Ok(value) = HeaderValue::from_maybe_shared(value.clone()) else {
            continue;
        };
        if is_guarded(name.as_str()) || name == ORGANIZATION {
            continue;
        }
        if !is_understood(name.as_str(), format) {
            continue;
        }
        let declared = settings
            .headers
            .iter()
            .any(|(declared, _)| *declared == name);
        if name == USER_AGENT && !declared {
            headers.insert(name, value);
        } else if !declared && name != ACCEPT {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
