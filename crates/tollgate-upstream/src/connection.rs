//! One connection: what is prepared once so that a request costs little.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};
use tokio_util::task::TaskTracker;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;
use tollgate_engine::port::Attempt;

use crate::address::{Address, Addresses};
use crate::asking::Asking;
use crate::body::RequestBody;
use crate::credential::{Live, Moment, SignedPlace};
use crate::dial::Dialer;
use crate::headers;
use crate::pool::{Pool, Requests};
use crate::progress::Progress;
use crate::provider::CredentialStyle;
use crate::settings::{ConnectionSettings, Place, SettingsProblem};
use crate::tls::{SystemTrust, Tls};
use crate::upstreams::DialSimulator;

/// By this a provider can see that it has met a request before.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An account at a provider, ready for requests.
pub(crate) struct Connection {
    pub(crate) settings: ConnectionSettings,
    pub(crate) pool: Arc<Pool>,
    /// For HTTP/1.1, `host` included.
    headers: HeaderMap,
    /// For HTTP/2, which names the host in the address.
    headers_http2: HeaderMap,
    addresses: Addresses,
    live: Live,
}

impl Connection {
    pub(crate) fn new(
        settings: ConnectionSettings,
        trust: &SystemTrust,
        simulator: Option<DialSimulator>,
        tasks: TaskTracker,
    ) -> Result<Self, SettingsProblem> {
        settings.check()?;
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
            addresses: Addresses::new(&settings)?,
            live: Live::new(&settings, trust, &tasks),
            pool: Arc::new(Pool::new(dialer, settings.http, tasks)),
            headers,
            headers_http2,
            settings,
        })
    }

    /// The request that asks a cheap question, in the words of this format; `None` if the provider
    /// has no address for one.
    pub(crate) fn question(&self, format: Format) -> Option<Outgoing<'_>> {
        Some(Outgoing {
            connection: self,
            method: Method::GET,
            carried: &[],
            is_stream: false,
            format,
            address: Cow::Borrowed(self.addresses.check()?),
            body: RequestBody::default(),
            live: Vec::new(),
            id: None,
            progress: Progress::Waiting,
        })
    }

    /// The request that carries a call. Fails if the model cannot be part of an address.
    pub(crate) fn outgoing<'a>(
        &'a self,
        attempt: &Attempt<'a>,
        asking: Asking,
    ) -> Result<Outgoing<'a>, Failure> {
        let Asking { format, body, .. } = asking;
        let (call, model) = (attempt.call, &attempt.target.model);
        Ok(Outgoing {
            connection: self,
            method: Method::POST,
            carried: &call.carried,
            is_stream: call.stream,
            format,
            address: self.addresses.find(&self.settings, call, format, model)?,
            body,
            live: Vec::new(),
            id: attempt.repetition.and_then(|number| {
                let id = format!("{}-{number:016x}", attempt.request_id);
                HeaderValue::try_from(id).ok()
            }),
            progress: Progress::Waiting,
        })
    }
}

/// A call on its way out through a connection.
pub(crate) struct Outgoing<'a> {
    connection: &'a Connection,
    method: Method,
    /// Headers of the caller.
    carried: &'a [(Bytes, Bytes)],
    is_stream: bool,
    format: Format,
    address: Cow<'a, Address>,
    body: RequestBody,
    /// What was made for this request alone; empty for most providers.
    live: Vec<(HeaderName, HeaderValue)>,
    /// The same in every attempt at a request that may be sent again.
    id: Option<HeaderValue>,
    progress: Progress,
}

impl Outgoing<'_> {
    /// Whether the provider surely has not got the whole request.
    pub(crate) fn is_unsent(&self) -> bool {
        self.progress.is_unsent()
    }

    /// Whether something has to be added that this request alone is known by.
    pub(crate) fn is_unauthorised(&self) -> bool {
        !matches!(self.connection.live, Live::Nothing)
    }

    /// Adds what this request alone is known by: a signature, or a token that may have to be had
    /// first. Fails if it cannot be had.
    pub(crate) async fn authorise(&mut self, moment: Moment) -> Result<(), Failure> {
        let Connection { settings, live, .. } = self.connection;
        match live {
            Live::Nothing => {}
            Live::Signs(key) => {
                let CredentialStyle::Aws(service) = settings.provider.credential else {
                    return Ok(());
                };
                let place = SignedPlace {
                    service,
                    region: settings.region.as_deref().unwrap_or_default(),
                    address: &self.address.absolute,
                };
                let signed = key.sign(&self.method, &place, &self.body, moment.now);
                self.live = signed
                    .map_err(|problem| Failure::gateway(Code::InternalError).because(problem))?;
            }
            Live::Exchanges(source) => {
                let token = source.token(moment, settings.provider).await?;
                self.live = vec![(AUTHORIZATION, token)];
            }
        }
        Ok(())
    }

    /// Notes that the provider refused what this request was known by.
    pub(crate) fn forget_token(&self) {
        if let (Live::Exchanges(source), [(_, token)]) = (&self.connection.live, &*self.live) {
            source.forget(token);
        }
    }
}

impl Requests for Outgoing<'_> {
    fn request(&self, version: Version) -> Request<RequestBody> {
        let Connection {
            settings,
            headers,
            headers_http2,
            ..
        } = self.connection;
        let (uri, headers) = if version == Version::HTTP_2 {
            (&self.address.absolute, headers_http2)
        } else {
            (&self.address.path, headers)
        };
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri.clone();
        *request.version_mut() = version;
        *request.headers_mut() = headers.clone();
        let headers = request.headers_mut();
        headers::carry(headers, settings, self.format, self.carried);
        headers::complete(headers, self.format, self.is_stream);
        if let Some(id) = &self.id {
            // A caller who names its request itself knows better which ones are the same.
            headers.entry(IDEMPOTENCY_KEY).or_insert_with(|| id.clone());
        }
        for (name, value) in &self.live {
            headers.insert(name.clone(), value.clone());
        }
        request
    }

    fn note(&mut self, progress: Progress) {
        self.progress = progress;
    }
}
