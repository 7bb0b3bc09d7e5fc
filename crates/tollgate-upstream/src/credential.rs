//! What is put on requests so that a provider knows the account: once for the connection where it
//! stays the same, for each request where it does not.

mod google;
mod service_account;
mod signature;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tollgate_core::secret::Secret;

pub(crate) use google::{Moment, TokenSource};
pub use service_account::ServiceAccount;
pub use signature::AccessKey;
pub(crate) use signature::SignedPlace;

use crate::provider::CredentialStyle;
use crate::settings::{ConnectionSettings, Identity, SettingsProblem};
use crate::tls::SystemTrust;
use tokio_util::task::TaskTracker;

/// What a connection does for each request, because a header made once does not do.
pub(crate) enum Live {
    /// Nothing.
    Nothing,
    /// Signs it.
    Signs(AccessKey),
    /// Puts a token on it that is exchanged for from time to time.
    Exchanges(Box<TokenSource>),
}

impl Live {
    /// What the settings ask for.
    pub(crate) fn new(
        settings: &ConnectionSettings,
        trust: &SystemTrust,
        tasks: &TaskTracker,
    ) -> Self {
        match (settings.provider.credential, &settings.identity) {
            (CredentialStyle::Aws(_), Some(Identity::AccessKey(key))) => Self::Signs(key.clone()),
            (CredentialStyle::Google, Some(Identity::ServiceAccount(account))) => {
                let source = TokenSource::new(account.clone(), settings, trust, tasks);
                Self::Exchanges(Box::new(source))
            }
            _ => Self::Nothing,
        }
    }
}

/// Puts the credential among the headers that every request of a connection has.
pub(crate) fn insert(
    headers: &mut HeaderMap,
    settings: &ConnectionSettings,
) -> Result<(), SettingsProblem> {
    let Some(credential) = &settings.credential else {
        return Ok(());
    };
    match settings.provider.credential {
        CredentialStyle::Header(name) if !settings.bearer => {
            headers.insert(
                HeaderName::from_static(name),
                sensitive(credential.expose())?,
            );
        }
        CredentialStyle::Bearer
        | CredentialStyle::Header(_)
        | CredentialStyle::Aws(_)
        | CredentialStyle::Google => {
            headers.insert(AUTHORIZATION, bearer(credential)?);
        }
        CredentialStyle::None => {}
    }
    Ok(())
}

fn bearer(credential: &Secret) -> Result<HeaderValue, SettingsProblem> {
    sensitive(&format!("Bearer {}", credential.expose()))
}

fn sensitive(text: &str) -> Result<HeaderValue, SettingsProblem> {
    let mut value = HeaderValue::try_from(text).map_err(|_| SettingsProblem::Credential)?;
    value.set_sensitive(true);
    Ok(value)
}
