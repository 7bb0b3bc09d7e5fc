//! Service accounts of Google Cloud: their keys, and the assertions that are signed with them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;

use crate::settings::{BaseUrl, SettingsProblem};

/// Where assertions are exchanged unless the account says otherwise.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// What tokens are asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long an assertion holds, in seconds; the longest that is accepted.
const LIFETIME: i64 = 3600;

/// A service account, as its key file describes it.
#[derive(Clone)]
pub struct ServiceAccount(Arc<Account>);

struct Account {
    email: String,
    key_id: Option<String>,
    project: Option<String>,
    token_uri: String,
    exchange: BaseUrl,
    /// The file's own words for the key, to tell whether two accounts are the same.
    private_key: Secret,
    key: KeyPair,
}

/// The members of a key file that are read.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    project_id: Option<String>,
    token_uri: Option<String>,
}

impl ServiceAccount {
    /// Reads the JSON of a key file. Fails when it is no key of a service account, or one that
    /// cannot sign. Nothing of what was given is repeated.
    pub fn parse(json: &str) -> Result<Self, SettingsProblem> {
        let refuse = SettingsProblem::ServiceAccount;
        let file: KeyFile = serde_json::from_str(json)
            .map_err(|_| refuse("it is not the JSON object of a key file"))?;
        if file.kind.is_some_and(|kind| kind != "service_account") {
            return Err(refuse("its `type` is not `service_account`"));
        }
        let email = file.client_email.filter(|email| !email.is_empty());
        let email = email.ok_or(refuse("it has no `client_email`"))?;
        let private_key = file.private_key.ok_or(refuse("it has no `private_key`"))?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(private_key.as_bytes())
            .map_err(|_| refuse("its `private_key` is not in PEM (`BEGIN PRIVATE KEY`)"))?;
        let key = KeyPair::from_pkcs8(der.secret_pkcs8_der())
            .map_err(|_| refuse("its `private_key` is no RSA key that can be used"))?;
        let token_uri = file.token_uri.unwrap_or_else(|| TOKEN_URI.to_owned());
        let exchange = BaseUrl::parse(&token_uri)
            .map_err(|_| refuse("its `token_uri` is not an address that can be used"))?;
        if !exchange.is_https() && !exchange.is_loopback() {
            return Err(refuse("its `token_uri` is not encrypted (https)"));
        }
        Ok(Self(Arc::new(Account {
            email,
            key_id: file.private_key_id,
            project: file.project_id,
            token_uri,
            exchange,
            private_key: Secret::new(private_key),
            key,
        })))
    }

    /// The project that the account belongs to, if its key file names one.
    pub fn project(&self) -> Option<&str> {
        self.0.project.as_deref()
    }

    /// Where assertions are exchanged for tokens.
    pub(crate) fn exchange(&self) -> &BaseUrl {
        &self.0.exchange
    }

    /// Whether this is the same key of the same account.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let (ours, theirs) = (&*self.0, &*other.0);
        ours.email == theirs.email
            && ours.key_id == theirs.key_id
            && ours.token_uri == theirs.token_uri
            && ours
                .private_key
                .matches(theirs.private_key.expose().as_bytes())
    }

    /// A signed claim to be this account, good for one hour; `None` if signing fails.
    pub(crate) fn assertion(&self, now: Timestamp) -> Option<String> {
        let account = &*self.0;
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let (Some(id), Some(header)) = (&account.key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), id.as_str().into());
        }
        let issued = now.as_seconds();
        let claims = json!({
            "iss": account.email,
            "scope": SCOPE,
            "aud": account.token_uri,
            "iat": issued,
            "exp": issued + LIFETIME,
        });
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let signed = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let mut signature = vec![0; account.key.public_modulus_len()];
        let random = SystemRandom::new();
        let outcome = account.key.sign(
            &RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut signature,
        );
        outcome.ok()?;
        Some(format!("{signed}.{}", encode(&signature)))
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let email = &self.0.email;
        write!(formatter, "ServiceAccount({email}, key hidden)")
    }
}

#[cfg(test)]
mod tests;
