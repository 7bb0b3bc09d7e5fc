//! Where a caller may put its key, and what is refused.

use crate::gateway::Gateway;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tollgate_core::error::{Code, Failure};
use tollgate_engine::admit;
use tollgate_wire::credential::{self, BearerProblem};

/// Reads the one credential of a request: `Authorization: Bearer`, `x-api-key` or
/// `x-goog-api-key`. Two that differ are refused, for nobody can say which one is meant.
pub(crate) fn read(headers: &HeaderMap) -> Result<&[u8], Failure> {
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
    found.ok_or_else(|| Failure::client(Code::MissingApiKey))
}

/// Checks the admin key of a management request.
pub(crate) fn check_admin(gateway: &Gateway, headers: &HeaderMap) -> Result<(), Failure> {
    let mut found = None;
    for value in headers.get_all("x-admin-key") {
        take(&mut found, value.as_bytes().trim_ascii())?;
    }
    let Some(shown) = found else {
        return Err(without_admin_key(gateway, headers));
    };
    if gateway.engine.accounts.is_admin(shown) {
        return Ok(());
    }
    Err(Failure::client(Code::InvalidApiKey).message("Invalid admin key provided."))
}

/// What a caller is told who shows no admin key: what is wrong with the key that it shows, if
/// anything is, and otherwise that such a key does not do.
fn without_admin_key(gateway: &Gateway, headers: &HeaderMap) -> Failure {
    let checked = read(headers).and_then(|key| admit::caller(&gateway.engine, key));
    match checked {
        Ok(_) => Failure::client(Code::PermissionDenied).message(
            "Managing needs the admin key in the header X-Admin-Key; a virtual key cannot do it.",
        ),
        Err(failure) if failure.code == Code::MissingApiKey => {
            failure.message("Managing needs the admin key in the header X-Admin-Key.")
        }
        Err(failure) => failure,
    }
}

fn take<'a>(found: &mut Option<&'a [u8]>, credential: &'a [u8]) -> Result<(), Failure> {
    if credential.is_empty() {
        return Ok(());
    }
    if found.is_some_and(|other| other != credential) {
        return Err(Failure::client(Code::InvalidApiKey)
            .message("The request carries two different API keys. Send one."));
    }
    *found = Some(credential);
    Ok(())
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
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let seen = read(&headers).map_err(|failure| failure.code);
            assert_eq!(seen, expected.map(str::as_bytes), "{given:?}");
        }
    }
}
