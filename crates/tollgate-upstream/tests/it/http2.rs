//! HTTP/2: over TLS by agreement, and without TLS when it is known to be there.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tollgate_core::error::Code;
use tollgate_upstream::ConnectionSettings;
use tollgate_upstream::provider::find;
use tollgate_upstream::settings::{HttpVersion, Place, Roots};

use crate::world::{CHAT, Gateway};

/// A well-behaved provider that speaks both versions of HTTP.
#[derive(Clone, Default)]
struct Server {
    connections: Arc<AtomicUsize>,
    http2_calls: Arc<AtomicUsize>,
    http1_calls: Arc<AtomicUsize>,
    tasks: TaskTracker,
    delay: Duration,
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<&'static [u8]>> {
        let calls = match request.version() {
            Version::HTTP_2 => {
                assert!(!request.headers().contains_key("host"));
                assert!(request.uri().authority().is_some());
                &self.http2_calls
            }
            _ => &self.http1_calls,
        };
        calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep_until(tokio::time::Instant::now() + self.delay).await;
        Response::builder()
            .header("content-type", "application/json")
            .body(Full::new(CHAT.as_bytes()))
            .unwrap()
    }

    async fn listen(&self, tls: Option<TlsAcceptor>, most_streams: u32) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let this = self.clone();
        self.tasks.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                this.connections.fetch_add(1, Ordering::SeqCst);
                let (server, tls) = (this.clone(), tls.clone());
                this.tasks.spawn(async move {
                    let service = service_fn(move |request| {
                        let server = server.clone();
                        async move { Ok::<_, Infallible>(server.answer(request).await) }
                    });
                    let mut builder =
                        hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    builder.http2().max_concurrent_streams(most_streams);
                    // Broken handshakes and connections are part of what is tested.
                    if let Some(tls) = tls {
                        let Ok(stream) = tls.accept(stream).await else {
                            return;
                        };
                        builder
                            .serve_connection(TokioIo::new(stream), service)
                            .await
                            .ok();
                    } else {
                        builder
                            .serve_connection(TokioIo::new(stream), service)
                            .await
                            .ok();
                    }
                });
            }
        });
        port
    }

    fn counts(&self) -> (usize, usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (
            read(&self.connections),
            read(&self.http1_calls),
            read(&self.http2_calls),
        )
    }
}

/// An authority of our own, in PEM, and a server that it vouches for.
fn certificates(name: &str, protocols: &[&str]) -> (String, TlsAcceptor) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    (issuer.pem(), TlsAcceptor::from(Arc::new(config)))
}

fn gateway(url: &str, http: HttpVersion, roots: Option<&str>) -> Gateway {
    let row = find("openai-compatible").unwrap();
    let mut settings = ConnectionSettings::new("main", row, Place::of(row, Some(url)).unwrap());
    settings.http = http;
    settings.roots = roots.map(|pem| Roots::from_pem(pem.as_bytes()).unwrap());
    Gateway::with(settings)
}

async fn calls(gateway: &Gateway, count: usize) {
    for answer in join_all((0..count).map(|_| gateway.plain())).await {
        assert_eq!(answer.unwrap().body, CHAT);
    }
}

#[tokio::test]
async fn http2_is_agreed_on_over_tls_and_carries_all_calls() {
    let (pem, tls) = certificates("127.0.0.1", &["h2", "http/1.1"]);
    let server = Server::default();
    let port = server.listen(Some(tls), 100).await;
    let gateway = gateway(
        &format!("https://127.0.0.1:{port}/v1"),
        HttpVersion::Auto,
        Some(&pem),
    );
    calls(&gateway, 20).await;
    calls(&gateway, 20).await;
    assert_eq!(server.counts(), (1, 0, 40));
}

#[tokio::test]
async fn http1_is_spoken_where_tls_agrees_on_it() {
    let (pem, tls) = certificates("localhost", &["http/1.1"]);
    let server = Server::default();
    let port = server.listen(Some(tls), 100).await;
    let gateway = gateway(
        &format!("https://localhost:{port}/v1"),
        HttpVersion::Auto,
        Some(&pem),
    );
    for _ in 0..5 {
        calls(&gateway, 1).await;
    }
    assert_eq!(server.counts(), (1, 5, 0));
}

#[tokio::test]
async fn http1_can_be_asked_for_over_tls() {
    let (pem, tls) = certificates("127.0.0.1", &["h2", "http/1.1"]);
    let server = Server::default();
    let port = server.listen(Some(tls), 100).await;
    let gateway = gateway(
        &format!("https://127.0.0.1:{port}/v1"),
        HttpVersion::Http1,
        Some(&pem),
    );
    calls(&gateway, 1).await;
    assert_eq!(server.counts(), (1, 1, 0));
}

#[tokio::test]
async fn http2_without_tls_is_spoken_when_it_is_configured() {
    let server = Server::default();
    let port = server.listen(None, 100).await;
    let gateway = gateway(
        &format!("http://127.0.0.1:{port}/v1"),
        HttpVersion::Http2,
        None,
    );
    calls(&gateway, 20).await;
    assert_eq!(server.counts(), (1, 0, 20));
}

#[tokio::test]
async fn more_calls_than_a_connection_may_carry_do_not_wait_for_each_other() {
    let server = Server {
        delay: Duration::from_millis(600),
        ..Server::default()
    };
    let port = server.listen(None, 2).await;
    let gateway = gateway(
        &format!("http://127.0.0.1:{port}/v1"),
        HttpVersion::Http2,
        None,
    );
    // The provider's bound becomes known with its first answer, and counts from the next call on.
    calls(&gateway, 1).await;
    calls(&gateway, 1).await;
    let begin = tokio::time::Instant::now();
    calls(&gateway, 4).await;
    assert!(begin.elapsed() < 2 * server.delay, "{:?}", begin.elapsed());
    assert_eq!(server.counts(), (2, 0, 6));
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let (_, tls) = certificates("127.0.0.1", &["h2"]);
    let (other, _) = certificates("127.0.0.1", &["h2"]);
    let server = Server::default();
    let port = server.listen(Some(tls), 100).await;
    let url = format!("https://127.0.0.1:{port}/v1");
    for roots in [Some(other.as_str()), None] {
        let failure = gateway(&url, HttpVersion::Auto, roots)
            .plain_failure()
            .await;
        assert_eq!(failure.code, Code::ProviderUnreachable);
        assert_eq!(failure.exchange, Some("tls"));
        assert!(failure.unsent);
    }
    assert_eq!(server.counts().2, 0);
}

#[tokio::test]
async fn a_certificate_of_another_name_is_not_accepted() {
    let (pem, tls) = certificates("other.example.com", &["h2"]);
    let server = Server::default();
    let port = server.listen(Some(tls), 100).await;
    let url = format!("https://127.0.0.1:{port}/v1");
    let failure = gateway(&url, HttpVersion::Auto, Some(&pem))
        .plain_failure()
        .await;
    assert_eq!(failure.exchange, Some("tls"));
}

#[tokio::test]
async fn a_provider_without_http2_is_refused_when_it_is_required() {
    let (pem, tls) = certificates("127.0.0.1", &[]);
    let server = Server::default();
    let port = server.listen(Some(tls), 100).await;
    let url = format!("https://127.0.0.1:{port}/v1");
    let failure = gateway(&url, HttpVersion::Http2, Some(&pem))
        .plain_failure()
        .await;
    assert_eq!(failure.exchange, Some("tls"));
}
