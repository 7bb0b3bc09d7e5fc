//! Settings of one connection: an account at a provider, checked as far as that goes without
//! asking the provider.

use std::fmt;
use std::sync::Arc;

use http::uri::{Authority, Scheme, Uri};
use http::{HeaderName, HeaderValue};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tollgate_core::format::{Format, Operation};
use tollgate_core::secret::Secret;

use crate::address::Addresses;
use crate::credential::{AccessKey, ServiceAccount};
use crate::headers;
use crate::provider::{CredentialStyle, Home, Paths, Provider};

/// An account at a provider, as the configuration declares it.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The name by which targets refer to it.
    pub name: Arc<str>,
    /// Its row of the provider table.
    pub provider: &'static Provider,
    /// Where it is. The credential goes nowhere else: nothing in a request can change the host,
    /// and redirects are not followed.
    pub place: Place,
    /// What the provider knows this account by: a key, or a token.
    pub credential: Option<Secret>,
    /// Whether the credential goes as a bearer token where the provider has a header of its own
    /// for keys.
    pub bearer: bool,
    /// What takes the place of `credential` at providers that know more than keys.
    pub identity: Option<Identity>,
    /// Where among the provider's regions: part of the address, and of signatures.
    pub region: Option<Box<str>>,
    /// The project that is charged, where the provider's addresses name one.
    pub project: Option<Box<str>>,
    /// The version of the provider's API, where its addresses name one.
    pub api_version: Option<Box<str>>,
    /// The value of `openai-organization`, sent only when it is declared here.
    pub organization: Option<String>,
    /// More headers for every request; they win over those of callers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Which version of HTTP is spoken.
    pub http: HttpVersion,
    /// Certificates that are trusted instead of the system's.
    pub roots: Option<Roots>,
    /// The one format that everything is asked in, whatever else the provider speaks.
    pub format: Option<Format>,
}

/// What a provider knows an account by, beyond a key or a token.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Requests are signed with it.
    AccessKey(AccessKey),
    /// Tokens are had with it.
    ServiceAccount(ServiceAccount),
}

impl Identity {
    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::AccessKey(ours), Self::AccessKey(theirs)) => ours.same_as(theirs),
            (Self::ServiceAccount(ours), Self::ServiceAccount(theirs)) => ours.same_as(theirs),
            _ => false,
        }
    }
}

impl ConnectionSettings {
    /// A connection with nothing but a name, a provider and a place.
    pub fn new(name: impl Into<Arc<str>>, provider: &'static Provider, place: Place) -> Self {
        Self {
            name: name.into(),
            provider,
            place,
            credential: None,
            bearer: false,
            identity: None,
            region: None,
            project: None,
            api_version: None,
            organization: None,
            headers: Vec::new(),
            http: HttpVersion::Auto,
            roots: None,
            format: None,
        }
    }

    /// The format in which a call of this format and operation is asked; `None` if the provider
    /// cannot be asked for it.
    pub fn format_for(&self, format: Format, operation: Operation) -> Option<Format> {
        match (self.format, operation) {
            (Some(only), Operation::Chat | Operation::CountTokens) => Some(only),
            (_, _) => self.provider.format_for(format, operation),
        }
    }

    /// Says what is wrong with these settings, if anything is.
    pub fn check(&self) -> Result<(), SettingsProblem> {
        headers::template(self)?;
        self.check_place()?;
        Addresses::new(self).map(drop)
    }

    /// What addresses and signatures are made of besides the base URL.
    fn check_place(&self) -> Result<(), SettingsProblem> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        for (name, value) in [("region", &self.region), ("api_version", &self.api_version)] {
            let value = value.as_deref().unwrap_or("-");
            if value.is_empty() || !value.bytes().all(is_plain) {
                return Err(SettingsProblem::Name(name));
            }
        }
        let is_signed = matches!(self.identity, Some(Identity::AccessKey(_)))
            && matches!(self.provider.credential, CredentialStyle::Aws(_));
        let is_vertex = self.provider.paths == Paths::Vertex;
        if self.region.is_none() && (is_signed || is_vertex) {
            return Err(SettingsProblem::RegionMissing);
        }
        if is_vertex && self.project.as_deref().is_none_or(str::is_empty) {
            return Err(SettingsProblem::ProjectMissing);
        }
        Ok(())
    }

    /// Whether a connection made with the other settings may go on serving these.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let credentials = match (&self.credential, &other.credential) {
            (Some(ours), Some(theirs)) => ours.matches(theirs.expose().as_bytes()),
            (None, None) => true,
            _ => false,
        };
        let identities = match (&self.identity, &other.identity) {
            (Some(ours), Some(theirs)) => ours.same_as(theirs),
            (None, None) => true,
            _ => false,
        };
        credentials
            && identities
            && self.bearer == other.bearer
            && self.region == other.region
            && self.project == other.project
            && self.api_version == other.api_version
            && self.name == other.name
            && self.provider == other.provider
            && self.place == other.place
            && self.organization == other.organization
            && self.headers == other.headers
            && self.http == other.http
            && self.roots == other.roots
            && self.format == other.format
    }
}

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// To this base URL.
    Url(BaseUrl),
    /// To the simulated provider inside this process.
    InProcess,
}

impl Place {
    /// Where a provider is, given what the configuration says.
    pub fn of(provider: &Provider, base_url: Option<&str>) -> Result<Self, SettingsProblem> {
        match (base_url, provider.home) {
            (Some(url), _) | (None, Home::Public(url) | Home::Local(url)) => {
                BaseUrl::parse(url).map(Self::Url)
            }
            (None, Home::InProcess) => Ok(Self::InProcess),
            (None, Home::Configured) => Err(SettingsProblem::BaseUrlMissing),
            (None, Home::Regional(_)) => Err(SettingsProblem::RegionMissing),
        }
    }

    /// Where a provider is that has a host in each region.
    pub fn in_region(provider: &Provider, region: &str) -> Result<Self, SettingsProblem> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if region.is_empty() || !region.bytes().all(is_plain) {
            return Err(SettingsProblem::Name("region"));
        }
        let home = provider.home_in(region);
        BaseUrl::parse(&home.ok_or(SettingsProblem::BaseUrlMissing)?).map(Self::Url)
    }
}

/// A base URL: `http` or `https`, a host, perhaps a path; no user, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// Without a slash at the end.
    pub(crate) path: Box<str>,
}

impl BaseUrl {
    /// Checks a base URL. A slash at its end makes no difference.
    pub fn parse(text: &str) -> Result<Self, SettingsProblem> {
        let refuse = |why| Err(SettingsProblem::BaseUrl(without_secrets(text), why));
        if text.contains('#') {
            return refuse("it must have no fragment");
        }
        let Ok(uri) = text.parse::<Uri>() else {
            return refuse("it is not a URL");
        };
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return refuse("it must begin with http:// or https:// and name a host");
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return refuse("it must begin with http:// or https://");
        }
        if authority.as_str().contains('@') {
            return refuse("it must have no user or password: credentials have their own setting");
        }
        if authority.host().is_empty() || authority.as_str().ends_with(':') {
            return refuse("it must name a host, and a port after a colon");
        }
        let path = parts.path_and_query;
        if path.as_ref().is_some_and(|path| path.query().is_some()) {
            return refuse("it must have no query");
        }
        let path = path
            .as_ref()
            .map_or("", |path| path.path())
            .trim_end_matches('/')
            .into();
        Ok(Self {
            scheme,
            authority,
            path,
        })
    }

    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        self.authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
    }

    /// Whether it leads to this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.host().parse::<std::net::IpAddr>();
        self.host() == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// The port, by the scheme if the URL has none.
    pub fn port(&self) -> u16 {
        self.authority
            .port_u16()
            .unwrap_or(if self.is_https() { 443 } else { 80 })
    }
}

/// As it was given, without a slash at the end. It never holds a user or a query.
impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme,
            authority,
            path,
        } = self;
        write!(formatter, "{scheme}://{authority}{path}")
    }
}

/// A base URL without what may be a credential in it: a user before the host, a query.
fn without_secrets(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let plain = rest.split(['?', '#']).next().unwrap_or_default();
    let plain = plain.rsplit_once('@').map_or(plain, |(_, host)| host);
    let colon = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{colon}{plain}")
}

/// Which version of HTTP is spoken with a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// Over TLS what the provider prefers (ALPN), otherwise HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only, without asking first when there is no TLS.
    Http2,
}

/// Certificates that are trusted instead of the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots(pub(crate) Arc<[CertificateDer<'static>]>);

impl Roots {
    /// Reads certificates in PEM, as a CA file holds them.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SettingsProblem> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|problem| SettingsProblem::Roots(problem.to_string()))?;
        if certificates.is_empty() {
            return Err(SettingsProblem::Roots(
                "there is no certificate in it".to_owned(),
            ));
        }
        let mut store = rustls::RootCertStore::empty();
        for certificate in &certificates {
            store
                .add(certificate.clone())
                .map_err(|problem| SettingsProblem::Roots(problem.to_string()))?;
        }
        Ok(Self(certificates.into()))
    }
}

/// What can be wrong with the settings of a connection. No variant shows a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsProblem {
    /// The provider has no public API of its own.
    #[error("this provider needs a base_url")]
    BaseUrlMissing,
    /// The base URL cannot be used.
    #[error("base_url `{0}` cannot be used: {1}")]
    BaseUrl(String, &'static str),
    /// The provider is found by its region.
    #[error("this provider needs a region")]
    RegionMissing,
    /// The provider's addresses name a project.
    #[error("this provider needs a project")]
    ProjectMissing,
    /// A part of addresses that is not made of letters, digits and `-`.
    #[error("{0} holds characters that it cannot have")]
    Name(&'static str),
    /// The key file of a service account cannot be used.
    #[error("the service account cannot be used: {0}")]
    ServiceAccount(&'static str),
    /// The credential cannot be put into a header.
    #[error("the credential holds characters that no header may hold, such as a line end")]
    Credential,
    /// The organization cannot be put into a header.
    #[error("the organization holds characters that no header may hold")]
    Organization,
    /// A header that Tollgate sets itself, or that must not travel.
    #[error("header `{0}` may not be declared: Tollgate sets it itself or never sends it")]
    Header(String),
    /// The CA file cannot be used.
    #[error("the CA file cannot be used: {0}")]
    Roots(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::find;

    #[test]
    fn a_base_url_is_taken_apart() {
        let url = BaseUrl::parse("https://api.example.com/v1/").unwrap();
        assert!(url.is_https());
        assert_eq!(
            (url.host(), url.port(), &*url.path),
            ("api.example.com", 443, "/v1")
        );
        let url = BaseUrl::parse("http://[::1]:8080").unwrap();
        assert_eq!((url.host(), url.port(), &*url.path), ("::1", 8080, ""));
    }

    #[test]
    fn what_is_not_a_plain_base_url_is_refused() {
        for text in [
            "",
            "api.example.com/v1",
            "ftp://api.example.com",
            "https://",
            "https://user:secret@api.example.com/v1",
            "https://api.example.com/v1?key=1",
            "https://api.example.com/v1#top",
            "https://api.example.com:",
            "https://api example.com",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_credential_in_a_base_url_is_not_shown() {
        for text in [
            "https://user:canary@api.example.com/v1",
            "user:canary@api.example.com",
            "https://user:can@canary@api.example.com/v1",
            "https://api.example.com/v1?key=canary",
            "https://api.example.com/v1#canary",
        ] {
            let problem = BaseUrl::parse(text).unwrap_err();
            assert!(
                !format!("{problem} {problem:?}").contains("canary"),
                "{text}"
            );
            assert!(problem.to_string().contains("api.example.com"), "{text}");
        }
    }

    #[test]
    fn a_provider_without_a_public_api_needs_a_base_url() {
        let compatible = find("openai-compatible").unwrap();
        assert_eq!(
            Place::of(compatible, None),
            Err(SettingsProblem::BaseUrlMissing)
        );
        assert!(Place::of(compatible, Some("http://127.0.0.1:8000/v1")).is_ok());
        assert_eq!(
            Place::of(find("simulated").unwrap(), None),
            Ok(Place::InProcess)
        );
        assert!(matches!(
            Place::of(find("openai").unwrap(), None),
            Ok(Place::Url(_))
        ));
    }

    #[test]
    fn a_credential_with_a_line_end_is_refused_without_being_shown() {
        let place = Place::of(find("openai").unwrap(), None).unwrap();
        let mut settings = ConnectionSettings::new("main", find("openai").unwrap(), place);
        settings.credential = Some(Secret::new("sk-canary\r\nx-evil: 1"));
        let problem = settings.check().unwrap_err();
        assert_eq!(problem, SettingsProblem::Credential);
        assert!(!problem.to_string().contains("canary"));
    }

    #[test]
    fn roots_without_a_certificate_are_refused() {
        assert!(Roots::from_pem(b"").is_err());
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(Roots::from_pem(broken).is_err());
    }

    #[test]
    fn settings_that_differ_in_the_credential_only_are_not_the_same() {
        let place = Place::of(find("openai").unwrap(), None).unwrap();
        let mut one = ConnectionSettings::new("main", find("openai").unwrap(), place);
        one.credential = Some(Secret::new("sk-1"));
        let mut two = one.clone();
        assert!(one.same_as(&two));
        two.credential = Some(Secret::new("sk-2"));
        assert!(!one.same_as(&two));
        two.credential = None;
        assert!(!one.same_as(&two));
    }
}
