//! Connections: plain ones, and encrypted ones that trust what the system trusts.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt as _;

/// A pool of connections. Nothing of TLS is loaded for an address without it.
#[derive(Clone, Debug)]
pub(crate) enum Connections {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Encrypted(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Broken {
    text: String,
    /// Whether a connection could not be made at all.
    pub(crate) unreachable: bool,
}

impl Connections {
    pub(crate) fn plain() -> Self {
        let builder = &mut Client::builder(TokioExecutor::new());
        Self::Plain(builder.pool_timer(TokioTimer::new()).build(tcp()))
    }

    /// Fails where the system's certificates cannot be read.
    pub(crate) fn encrypted() -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        let mut tcp = tcp();
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_all_versions()
            .wrap_connector(tcp);
        let builder = &mut Client::builder(TokioExecutor::new());
        let client = builder.pool_timer(TokioTimer::new()).build(connector);
        Ok(Self::Encrypted(client))
    }

    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Broken> {
        let sent = match self {
            Self::Plain(client) => client.request(request).await,
            Self::Encrypted(client) => client.request(request).await,
        };
        sent.map_err(|error| Broken {
            unreachable: error.is_connect(),
            // What this library says itself is but "client error".
            text: innermost(&error),
        })
    }
}

impl From<hyper::Error> for Broken {
    fn from(error: hyper::Error) -> Self {
        Self {
            text: innermost(&error),
            unreachable: false,
        }
    }
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp
}

/// An error with what it was made of.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}
