//! Why no access token was had.

use http::StatusCode;
use serde::Deserialize;
use tollgate_core::error::dialect::display_name;
use tollgate_core::error::{Code, Failure};
use tollgate_wire::provider_text;

use crate::fault::{Broken, Fault};
use crate::provider::Provider;

/// How an exchange went wrong. It is told to all calls that waited for it, hence `Clone`.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum TokenProblem {
    /// The account is not accepted.
    #[error("the token endpoint refused the service account (status {status}): {reason}")]
    Refused { status: u16, reason: String },
    /// The endpoint has a problem of its own.
    #[error("the token endpoint answered with status {status}: {reason}")]
    Failed { status: u16, reason: String },
    /// The answer is not what was asked for.
    #[error("the token endpoint's answer holds no access token")]
    NoToken,
    /// The exchange broke.
    #[error("the exchange for an access token broke ({}): {cause}", fault.as_str())]
    Broken { fault: Fault, cause: String },
    /// It took too long.
    #[error("the exchange for an access token took longer than allowed")]
    Timeout,
    /// The assertion could not be made.
    #[error("the service account's key cannot sign")]
    Unsigned,
}

impl From<Broken> for TokenProblem {
    fn from(broken: Broken) -> Self {
        let Broken { fault, cause, .. } = broken;
        let cause = cause.map_or_else(|| fault.as_str().to_owned(), |cause| cause.to_string());
        Self::Broken { fault, cause }
    }
}

impl TokenProblem {
    /// What another status than 200 means.
    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let (number, reason) = (status.as_u16(), reason(body));
        let may_pass = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        );
        if status.is_client_error() && !may_pass {
            Self::Refused {
                status: number,
                reason,
            }
        } else {
            Self::Failed {
                status: number,
                reason,
            }
        }
    }

    /// What the caller meets. The provider has not been asked in any of these cases.
    pub(super) fn failure(self, provider: &Provider) -> Failure {
        let name = display_name(provider.name);
        let (code, sentence) = match &self {
            Self::Refused { .. } | Self::Unsigned => (
                Code::ProviderAuthenticationFailed,
                format!(
                    "{name} does not accept the connection's service account. An operator has to \
                     check it."
                ),
            ),
            Self::Failed { .. } | Self::NoToken | Self::Broken { .. } | Self::Timeout => (
                Code::ProviderUnreachable,
                format!("{name} could not be asked: it gave no access token in time. Ask again."),
            ),
        };
        let mut failure = Failure::provider(code, provider.name).message(sentence);
        failure.unsent = true;
        if let Self::Broken { fault, .. } = &self {
            failure.exchange = Some(fault.as_str());
        }
        failure.because(self)
    }
}

/// What an endpoint says of its refusal, for the log.
fn reason(body: &[u8]) -> String {
    const MOST: usize = 200;
    #[derive(Deserialize)]
    struct Refusal {
        error: Option<String>,
        error_description: Option<String>,
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
        return "no reason given".to_owned();
    };
    let said = [refusal.error, refusal.error_description];
    let said: Vec<_> = said.into_iter().flatten().collect();
    // An endpoint may repeat the assertion, which is good for an hour.
    let said = provider_text::clean(&said.join(": "), None);
    said.chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_that_the_endpoint_repeats_is_not_shown() {
        for (description, shown) in [
            (
                "Invalid JWT Signature.",
                "invalid_grant: Invalid JWT Signature.",
            ),
            (
                "Invalid assertion eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnLWNhbmFyeQ: expired",
                "invalid_grant: Invalid assertion [redacted]: expired",
            ),
            (
                "bad form: grant_type=x&assertion=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnLWNhbmFyeQ",
                "invalid_grant: bad form: grant_type=x&assertion=[redacted]",
            ),
        ] {
            let body = serde_json::json!({
                "error": "invalid_grant",
                "error_description": description,
            });
            let problem =
                TokenProblem::refused(StatusCode::BAD_REQUEST, body.to_string().as_bytes());
            let TokenProblem::Refused { reason, .. } = &problem else {
                panic!("{problem}")
            };
            assert_eq!(reason, shown);
            assert!(!format!("{problem} {problem:?}").contains("c2lnLWNhbmFyeQ"));
        }
    }
}
