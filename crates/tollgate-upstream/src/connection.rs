//! One connection: what is prepared once so that a request costs little.

use std::sync::Arc;

use http::header::HOST;
use http::uri::{Authority, Parts, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, Method, Request, Version};
use tokio_util::task::TaskTracker;
use tollgate_core::call::Call;
use tollgate_core::format::{Format, Operation};

use crate::body::RequestBody;
use crate::dial::Dialer;
use crate::headers;
use crate::pool::{Pool, Requests};
use crate::provider;
use crate::settings::{ConnectionSettings, Place, SettingsProblem};
use crate::tls::{SystemTrust, Tls};
use crate::upstreams::DialSimulator;

/// An account at a provider, ready for requests.
pub(crate) struct Connection {
    pub(crate) settings: ConnectionSettings,
    pub(crate) pool: Arc<Pool>,
    /// For HTTP/1.1, `host` included.
    headers: HeaderMap,
    /// For HTTP/2, which names the host in the address.
    headers_http2: HeaderMap,
    chat: Address,
    embeddings: Address,
}

/// Where an operation is, as each version of HTTP writes it.
struct Address {
    path: Uri,
    absolute: Uri,
}

impl Connection {
    pub(crate) fn new(
        settings: ConnectionSettings,
        trust: &SystemTrust,
        simulator: Option<DialSimulator>,
        tasks: TaskTracker,
    ) -> Result<Self, SettingsProblem> {
        let headers = headers::template(&settings)?;
        let mut headers_http2 = headers.clone();
        headers_http2.remove(HOST);
        let tls = match &settings.place {
            Place::Url(url) if url.is_https() => Some(Tls::new(
                settings.http,
                settings.roots.clone(),
                trust.clone(),
            )),
            Place::Url(_) | Place::InProcess => None,
        };
        let dialer = Dialer::new(settings.place.clone(), tls, simulator);
        Ok(Self {
            pool: Arc::new(Pool::new(dialer, settings.http, tasks)),
            headers,
            headers_http2,
            chat: Address::of(&settings, Operation::Chat)?,
            embeddings: Address::of(&settings, Operation::Embeddings)?,
            settings,
        })
    }

    /// The request that carries a call.
    pub(crate) fn outgoing<'a>(
        &'a self,
        call: &'a Call,
        _format: Format,
        body: RequestBody,
    ) -> Outgoing<'a> {
        Outgoing {
            connection: self,
            call,
            body,
        }
    }
}

impl Address {
    fn of(settings: &ConnectionSettings, operation: Operation) -> Result<Self, SettingsProblem> {
        let (scheme, authority, base) = match &settings.place {
            Place::Url(url) => (url.scheme.clone(), url.authority.clone(), &*url.path),
            Place::InProcess => (Scheme::HTTP, Authority::from_static("simulator"), "/v1"),
        };
        let text = format!("{base}{}", provider::path(Format::OpenAi, operation));
        let refuse = |why| SettingsProblem::BaseUrl(text.clone(), why);
        let path = PathAndQuery::try_from(text.as_str())
            .map_err(|_| refuse("its path cannot be part of an address"))?;
        let mut parts = Parts::default();
        parts.scheme = Some(scheme);
        parts.authority = Some(authority);
        parts.path_and_query = Some(path.clone());
        let absolute = Uri::from_parts(parts).map_err(|_| refuse("it is no address"))?;
        Ok(Self {
            path: Uri::from(path),
            absolute,
        })
    }
}

/// A call on its way out through a connection.
pub(crate) struct Outgoing<'a> {
    connection: &'a Connection,
    call: &'a Call,
    body: RequestBody,
}

impl Requests for Outgoing<'_> {
    fn request(&self, version: Version) -> Request<RequestBody> {
        let Connection {
            settings,
            headers,
            headers_http2,
            chat,
            embeddings,
            ..
        } = self.connection;
        let address = match self.call.operation {
            Operation::Chat | Operation::CountTokens => chat,
            Operation::Embeddings => embeddings,
        };
        let (uri, headers) = if version == Version::HTTP_2 {
            (&address.absolute, headers_http2)
        } else {
            (&address.path, headers)
        };
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.version_mut() = version;
        *request.headers_mut() = headers.clone();
        headers::carry(request.headers_mut(), settings, &self.call.carried);
        request
    }
}
