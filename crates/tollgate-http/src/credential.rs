//! Where a caller may put its key, and what is refused.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use tollgate_core::error::{Code, Failure};
use tollgate_core::right::Right;
use tollgate_engine::admit;
use tollgate_engine::authority::Manager;
use tollgate_engine::caller::Caller;
use tollgate_wire::credential::{self, BearerProblem};

use crate::gateway::Gateway;
use crate::query::Query;
use crate::record::{Facts, Record};
use crate::routes::Endpoint;

/// Reads the one credential of a request: `Authorization: Bearer`, `x-api-key` or
/// `x-goog-api-key`, and `?key=` where the endpoint takes it. Two that differ are refused, for
/// nobody can say which one is meant.
pub(crate) fn read<'a>(endpoint: Endpoint<'_>, parts: &'a Parts) -> Result<Cow<'a, [u8]>, Failure> {
    let shown = of_headers(&parts.headers)?.map(Cow::Borrowed);
    let in_query = endpoint
        .takes_key_in_query()
        .then(|| of_query(parts.uri.query()))
        .transpose()?
        .flatten();
    match (shown, in_query) {
        (Some(shown), Some(in_query)) if shown != in_query => Err(two_that_differ()),
        (shown, in_query) => shown
            .or(in_query)
            .ok_or_else(|| Failure::client(Code::MissingApiKey)),
    }
}

fn of_query(query: Option<&str>) -> Result<Option<Cow<'_, [u8]>>, Failure> {
    let mut found: Option<Cow<'_, str>> = None;
    for key in Query::new(query).all("key").filter(|key| !key.is_empty()) {
        if found.as_ref().is_some_and(|other| *other != key) {
            return Err(two_that_differ());
        }
        found = Some(key);
    }
    Ok(found.map(|key| match key {
        Cow::Borrowed(key) => Cow::Borrowed(key.as_bytes()),
        Cow::Owned(key) => Cow::Owned(key.into_bytes()),
    }))
}

fn of_headers(headers: &HeaderMap) -> Result<Option<&[u8]>, Failure> {
    let mut found: Option<&[u8]> = None;
    for value in headers.get_all(AUTHORIZATION) {
        take(
            &mut found,
            credential::bearer(value.as_bytes()).map_err(refuse)?,
        )?;
    }
    for name in ["x-api-key", "x-goog-api-key"] {
        for value in headers.get_all(name) {
            take(&mut found, value.as_bytes().trim_ascii())?;
        }
    }
    Ok(found)
}

/// Finds who manages: whoever holds the admin key, or a user by a key with the permission to
/// manage.
pub(crate) fn manager(
    record: &mut Record,
    headers: &HeaderMap,
    right: Right,
) -> Result<Manager, Failure> {
    let manager = match administrator(record.gateway(), headers)? {
        Some(administrator) => administrator,
        None => by_virtual_key(record, headers, right)?,
    };
    Ok(manager.by_request(record.facts.id.as_str()))
}

/// Whoever shows the admin key; `None` where a request has no header for it. One that is there and
/// empty is refused: its sender means to be the administrator, and would be somebody else.
pub(crate) fn administrator(
    gateway: &Gateway,
    headers: &HeaderMap,
) -> Result<Option<Manager>, Failure> {
    let refused = |message| Err(Failure::client(Code::InvalidApiKey).message(message));
    let mut found = None;
    for value in headers.get_all("x-admin-key") {
        let shown = value.as_bytes().trim_ascii();
        if shown.is_empty() {
            return refused("Invalid admin key provided: the header X-Admin-Key is empty.");
        }
        take(&mut found, shown)?;
    }
    let Some(shown) = found else {
        return Ok(None);
    };
    match gateway.engine.accounts.administrator(shown) {
        Some(administrator) => Ok(Some(administrator)),
        None => refused("Invalid admin key provided."),
    }
}

/// A manager who shows no admin key. Whoever shows no key at all is told what it takes.
fn by_virtual_key(
    record: &mut Record,
    headers: &HeaderMap,
    right: Right,
) -> Result<Manager, Failure> {
    let Some(key) = of_headers(headers)? else {
        return Err(Failure::client(Code::MissingApiKey)
            .message("Managing needs the admin key in the header X-Admin-Key."));
    };
    let gateway = Arc::clone(record.gateway());
    let caller = admit::caller(&gateway.engine, key)?;
    record.facts.key = Some(Arc::clone(&caller.key));
    check_address(&record.facts, &caller)?;
    if right == Right::Admin {
        return Err(Failure::client(Code::PermissionDenied).message(
            "Managing this needs the admin key in the header X-Admin-Key; a virtual key cannot do \
             it.",
        ));
    }
    Manager::user(caller)
}

/// Whether a key may be used from the address of the request, for whatever.
pub(crate) fn check_address(facts: &Facts, caller: &Caller) -> Result<(), Failure> {
    let is_open = |client: &IpAddr| caller.key.reach.allows_address(*client);
    match facts.client.filter(|client| !is_open(client)) {
        None => Ok(()),
        Some(client) => Err(Failure::client(Code::PermissionDenied).message(format!(
            "This key may not be used from the address {client}. Use it from one that it is open \
             to, or ask an administrator to open it to this one."
        ))),
    }
}

fn take<'a>(found: &mut Option<&'a [u8]>, credential: &'a [u8]) -> Result<(), Failure> {
    if credential.is_empty() {
        return Ok(());
    }
    if found.is_some_and(|other| other != credential) {
        return Err(two_that_differ());
    }
    *found = Some(credential);
    Ok(())
}

fn two_that_differ() -> Failure {
    Failure::client(Code::InvalidApiKey)
        .message("The request carries two different API keys. Send one.")
}

fn refuse(problem: BearerProblem) -> Failure {
    Failure::client(Code::InvalidApiKey).message(match problem {
        BearerProblem::NotBearer => {
            "Invalid API key provided: the Authorization header has to read \"Bearer YOUR_KEY\"."
        }
        BearerProblem::Malformed => {
            "Invalid API key provided: it contains characters that no key has."
        }
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_credential_is_found_in_every_accepted_place() {
        type Headers = &'static [(&'static str, &'static str)];
        let cases: [(Headers, Result<&str, Code>); 12] = [
            (&[("authorization", "Bearer sk-1")], Ok("sk-1")),
            (&[("authorization", "bearer   sk-1 ")], Ok("sk-1")),
            (&[("x-api-key", "sk-1")], Ok("sk-1")),
            (&[("x-goog-api-key", "sk-1")], Ok("sk-1")),
            (
                &[("authorization", "Bearer sk-1"), ("x-api-key", "sk-1")],
                Ok("sk-1"),
            ),
            (
                &[("authorization", "Bearer sk-1"), ("x-api-key", "sk-2")],
                Err(Code::InvalidApiKey),
            ),
            (
                &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
                Err(Code::InvalidApiKey),
            ),
            (&[("authorization", "sk-1")], Err(Code::InvalidApiKey)),
            (&[("authorization", "Basic sk-1")], Err(Code::InvalidApiKey)),
            (&[("authorization", "Bearer ")], Err(Code::MissingApiKey)),
            (&[("authorization", "Bearer s k")], Err(Code::InvalidApiKey)),
            (&[], Err(Code::MissingApiKey)),
        ];
        for (given, expected) in cases {
            let request = request("/v1/chat/completions", given);
            let seen = read(Endpoint::Chat, &request).map_err(|failure| failure.code);
            let expected = expected.map(|key| Cow::Borrowed(key.as_bytes()));
            assert_eq!(seen, expected, "{given:?}");
        }
    }

    fn request(address: &str, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::builder().uri(address);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_static(value));
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_credential_in_the_query_counts_where_geminis_clients_put_it() {
        type Headers = &'static [(&'static str, &'static str)];
        let gemini = Endpoint::Generate("g");
        let cases: [(Endpoint<'_>, &str, Headers, Result<&str, Code>); 9] = [
            (gemini, "/?key=sk-1", &[], Ok("sk-1")),
            (gemini, "/?alt=sse&key=sk%2D1", &[], Ok("sk-1")),
            (gemini, "/?key=sk-1&key=sk-1", &[], Ok("sk-1")),
            (gemini, "/?key=", &[("x-goog-api-key", "sk-1")], Ok("sk-1")),
            (
                gemini,
                "/?key=sk-1",
                &[("x-goog-api-key", "sk-1")],
                Ok("sk-1"),
            ),
            (gemini, "/?key=a&key=b", &[], Err(Code::InvalidApiKey)),
            (
                gemini,
                "/?key=a",
                &[("x-goog-api-key", "b")],
                Err(Code::InvalidApiKey),
            ),
            (Endpoint::Models, "/?key=sk-1", &[], Ok("sk-1")),
            (Endpoint::Chat, "/?key=sk-1", &[], Err(Code::MissingApiKey)),
        ];
        for (endpoint, address, headers, expected) in cases {
            let request = request(address, headers);
            let seen = read(endpoint, &request).map_err(|failure| failure.code);
            let expected = expected.map(|key| Cow::Borrowed(key.as_bytes()));
            assert_eq!(seen, expected, "{endpoint:?} {address} {headers:?}");
        }
    }
}
