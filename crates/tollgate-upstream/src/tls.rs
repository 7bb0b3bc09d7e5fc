//! TLS towards providers. Nothing is loaded before the first encrypted connection, so that a
//! gateway without one starts fast and stays small.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fault::{Broken, Fault};
use crate::settings::{HttpVersion, Roots};

/// The system's verifier, loaded once for all connections that trust the system.
#[derive(Clone, Default)]
pub(crate) struct SystemTrust(Arc<OnceCell<Arc<Verifier>>>);

/// TLS of one connection.
pub(crate) struct Tls {
    http: HttpVersion,
    roots: Option<Roots>,
    system: SystemTrust,
    connector: OnceCell<TlsConnector>,
}

impl Tls {
    /// TLS that trusts the given roots, or the system's.
    pub(crate) fn new(http: HttpVersion, roots: Option<Roots>, system: SystemTrust) -> Self {
        Self {
            http,
            roots,
            system,
            connector: OnceCell::new(),
        }
    }

    /// Encrypts a connection and verifies who is at its other end.
    pub(crate) async fn handshake(
        &self,
        host: &str,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Broken> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|problem| Broken::because(Fault::Tls, problem))?;
        let connector = self.connector.get_or_try_init(|| self.prepare()).await?;
        let connected = connector.connect(name, tcp).await;
        connected.map_err(|problem| Broken::because(Fault::Tls, problem))
    }

    async fn prepare(&self) -> Result<TlsConnector, Broken> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|problem| Broken::because(Fault::Tls, problem))?;
        let builder = if let Some(roots) = &self.roots {
            builder.with_root_certificates(store(roots)?)
        } else {
            let verifier: Arc<dyn ServerCertVerifier> = self.system.load(provider).await?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = match self.http {
            HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
            HttpVersion::Http2 => vec![b"h2".to_vec()],
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

impl SystemTrust {
    async fn load(&self, provider: Arc<CryptoProvider>) -> Result<Arc<Verifier>, Broken> {
        // Reading the system's certificates takes milliseconds of file access.
        let load = || async {
            tokio::task::spawn_blocking(move || Verifier::new(provider))
                .await
                .map_err(|problem| Broken::because(Fault::Tls, problem))?
                .map(Arc::new)
                .map_err(|problem| Broken::because(Fault::Tls, problem))
        };
        self.0.get_or_try_init(load).await.cloned()
    }
}

fn store(roots: &Roots) -> Result<RootCertStore, Broken> {
    let mut store = RootCertStore::empty();
    for certificate in roots.0.iter() {
        store
            .add(certificate.clone())
            .map_err(|problem| Broken::because(Fault::Tls, problem))?;
    }
    Ok(store)
}
