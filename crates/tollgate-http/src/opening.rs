//! The first bytes of a connection say which protocol it speaks.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, ReadBuf};
use tokio::net::TcpStream;

/// What HTTP/2 begins with (RFC 9113, section 3.4), and no request of HTTP/1.1.
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What was read to learn the protocol. It is read once more by who speaks it.
#[derive(Default)]
pub(crate) struct Opening {
    bytes: [u8; PREFACE.len()],
    read: usize,
    replayed: usize,
}

/// What a client wants.
pub(crate) enum Speaks {
    Http1(Opening),
    Http2(Opening),
    /// It said nothing, or has gone.
    Nothing,
    /// It began to say something and did not go on.
    Slowly(Opening),
}

impl Opening {
    fn heard(&self) -> &[u8] {
        self.bytes.get(..self.read).unwrap_or_default()
    }

    /// Gives what was read and not yet given.
    pub(crate) fn replay(&mut self, buffer: &mut ReadBuf<'_>) {
        let left = self.heard().get(self.replayed..).unwrap_or_default();
        let count = left.len().min(buffer.remaining());
        if count > 0 {
            buffer.put_slice(left.get(..count).unwrap_or_default());
            self.replayed += count;
        }
    }

    /// Reads once; whether something came.
    async fn read(&mut self, stream: &mut TcpStream) -> io::Result<bool> {
        let room = self.bytes.get_mut(self.read..).unwrap_or_default();
        let count = stream.read(room).await?;
        self.read += count;
        Ok(count > 0)
    }

    /// Whether there is more to read before the protocol is clear.
    fn is_unclear(&self) -> bool {
        self.read < PREFACE.len() && PREFACE.starts_with(self.heard())
    }
}

/// Learns what a client speaks. It may be silent for `idle`, and take `patience` from then on.
pub(crate) async fn listen(
    stream: &mut TcpStream,
    idle: Duration,
    patience: Duration,
) -> io::Result<Speaks> {
    let mut opening = Opening::default();
    let came = tokio::time::timeout(idle, opening.read(stream)).await;
    if !came.unwrap_or(Ok(false))? {
        return Ok(Speaks::Nothing);
    }
    if opening.is_unclear() {
        let reading = async {
            while opening.is_unclear() {
                if !opening.read(stream).await? {
                    return Ok(false);
                }
            }
            io::Result::Ok(true)
        };
        let Ok(came) = tokio::time::timeout(patience, reading).await else {
            return Ok(Speaks::Slowly(opening));
        };
        if !came? {
            return Ok(Speaks::Nothing);
        }
    }
    Ok(if opening.heard() == PREFACE {
        Speaks::Http2(opening)
    } else {
        Speaks::Http1(opening)
    })
}
