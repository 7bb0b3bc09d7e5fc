//! Making a connection: resolve, connect, encrypt, with each way of failing told apart.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::fault::{Broken, Fault};
use crate::io::Io;
use crate::settings::{BaseUrl, Place};
use crate::tls::Tls;
use crate::upstreams::DialSimulator;

/// How long the preferred address family has for itself before the other one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Makes connections to one place.
pub(crate) struct Dialer {
    place: Place,
    tls: Option<Tls>,
    simulator: Option<DialSimulator>,
}

/// A connection that stands.
pub(crate) struct Dialed {
    pub(crate) io: Io,
    /// Whether TLS agreed on HTTP/2.
    pub(crate) agreed_http2: bool,
}

impl Dialer {
    /// A dialer; `tls` for places that are encrypted.
    pub(crate) fn new(place: Place, tls: Option<Tls>, simulator: Option<DialSimulator>) -> Self {
        Self {
            place,
            tls,
            simulator,
        }
    }

    /// Whether TLS will tell which version of HTTP is spoken.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Makes a connection, encryption included, before the given time.
    pub(crate) async fn dial(&self, until: Instant) -> Result<Dialed, Broken> {
        match timeout_at(until, self.dial_unbounded(until)).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(Broken::because(Fault::ConnectTimeout, elapsed)),
        }
    }

    async fn dial_unbounded(&self, until: Instant) -> Result<Dialed, Broken> {
        let url = match &self.place {
            Place::Url(url) => url,
            Place::InProcess => return self.dial_simulator(),
        };
        let tcp = connect(resolve(url).await?, until).await?;
        // A whole request or chunk is written at once, so waiting to fill packets only delays it.
        tcp.set_nodelay(true).map_err(Broken::connecting)?;
        match &self.tls {
            None => Ok(Dialed {
                io: Io::Tcp(tcp),
                agreed_http2: false,
            }),
            Some(tls) => {
                let stream = tls.handshake(url.host(), tcp).await?;
                let agreed_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Ok(Dialed {
                    io: Io::Tls(Box::new(stream)),
                    agreed_http2,
                })
            }
        }
    }

    fn dial_simulator(&self) -> Result<Dialed, Broken> {
        match &self.simulator {
            Some(dial) => Ok(Dialed {
                io: Io::Pipe(dial()),
                agreed_http2: false,
            }),
            None => Err(Broken::because(
                Fault::Refused,
                "no simulated provider runs here",
            )),
        }
    }
}

async fn resolve(url: &BaseUrl) -> Result<Vec<SocketAddr>, Broken> {
    let found = tokio::net::lookup_host((url.host(), url.port())).await;
    let addresses: Vec<_> = found
        .map_err(|problem| Broken::because(Fault::Dns, problem))?
        .collect();
    if addresses.is_empty() {
        return Err(Broken::because(Fault::Dns, "the name has no address"));
    }
    Ok(addresses)
}

/// Tries the family of the first address, and the other one beside it when that takes long or
/// fails: a broken IPv6 must not make every connection slow.
async fn connect(addresses: Vec<SocketAddr>, until: Instant) -> Result<TcpStream, Broken> {
    let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == prefers_v6);
    if second.is_empty() {
        return in_turn(first, until).await;
    }
    let first = in_turn(first, until);
    tokio::pin!(first);
    let head_start = sleep_until(Instant::now() + HEAD_START);
    tokio::select! {
        outcome = &mut first => match outcome {
            Ok(stream) => return Ok(stream),
            Err(_) => return in_turn(second, until).await,
        },
        () = head_start => {}
    }
    let second = in_turn(second, until);
    tokio::pin!(second);
    tokio::select! {
        outcome = &mut first => match outcome {
            Ok(stream) => Ok(stream),
            Err(_) => second.await,
        },
        outcome = &mut second => match outcome {
            Ok(stream) => Ok(stream),
            Err(_) => first.await,
        },
    }
}

/// Tries one address after the other, each with a fair share of the time that is left.
async fn in_turn(addresses: Vec<SocketAddr>, until: Instant) -> Result<TcpStream, Broken> {
    let mut left = addresses.len() as u32;
    let mut last = Broken::from(Fault::Unreachable);
    for address in addresses {
        let now = Instant::now();
        let share = until.saturating_duration_since(now) / left.max(1);
        left = left.saturating_sub(1);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(problem)) => last = Broken::connecting(problem),
            Err(elapsed) => last = Broken::because(Fault::ConnectTimeout, elapsed),
        }
    }
    Err(last)
}
