//! Reading requests: HTTP/1.1 by hand, so that nothing stands between the faults and the bytes.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::request::{Request, header};
use crate::simulator::Shared;

const LONGEST_HEAD: usize = 64 * 1024;
const LONGEST_BODY: usize = 64 * 1024 * 1024;
const LONGEST_CHUNK_LINE: usize = 1024;
const HEAD_TIME: Duration = Duration::from_secs(30);
const BODY_TIME: Duration = Duration::from_mins(2);

/// Why a request could not be read.
#[derive(Debug, Error)]
pub(crate) enum Unreadable {
    /// The connection ended or failed in the middle.
    #[error("the connection ended")]
    Ended,
    /// The client took too long.
    #[error("the request took too long")]
    TooSlow,
    /// The head or the body is too long.
    #[error("the request is too long")]
    TooLong(&'static str),
    /// It is not HTTP/1.
    #[error("the request is not HTTP/1")]
    Malformed(&'static str),
}

impl Unreadable {
    /// The status and text to answer with; `None` when nobody listens.
    pub(crate) fn answer(&self) -> Option<(u16, &'static str)> {
        match self {
            Self::Ended => None,
            Self::TooSlow => Some((408, "the request did not arrive in time")),
            Self::TooLong(what) => Some((413, what)),
            Self::Malformed(what) => Some((400, what)),
        }
    }
}

impl From<std::io::Error> for Unreadable {
    fn from(_: std::io::Error) -> Self {
        Self::Ended
    }
}

/// The reading side of a connection, with what was received and not used yet.
pub(crate) struct Inbox<R> {
    reading: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Inbox<R> {
    /// Begins with nothing received.
    pub(crate) fn new(reading: R) -> Self {
        Self {
            reading,
            buffer: BytesMut::new(),
        }
    }

    /// The reading side.
    pub(crate) fn reading(&mut self) -> &mut R {
        &mut self.reading
    }

    /// Gives the reading side back.
    pub(crate) fn into_reading(self) -> R {
        self.reading
    }

    /// Reads one request; `None` when the client ended the connection between requests, or
    /// stayed idle for longer than it may.
    pub(crate) async fn request(
        &mut self,
        writing: &mut (impl AsyncWrite + Unpin),
        shared: &Shared,
    ) -> Result<Option<Request>, Unreadable> {
        let idle_until = Instant::now() + shared.settings.longest_idle;
        if self.buffer.is_empty()
            && !matches!(timeout_at(idle_until, self.more()).await, Ok(Ok(())))
        {
            return Ok(None);
        }
        let deadline = Instant::now() + HEAD_TIME;
        let head = timeout_at(deadline, self.head())
            .await
            .map_err(|_| Unreadable::TooSlow)??;
        if head
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            writing.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            writing.flush().await?;
        }
        let deadline = Instant::now() + BODY_TIME;
        let body = timeout_at(deadline, self.body(&head))
            .await
            .map_err(|_| Unreadable::TooSlow)??;
        Ok(Some(head.into_request(body)))
    }

    /// Waits until the client is gone. What it sends meanwhile is kept for the next request; one
    /// that sends too much ahead is no longer watched.
    pub(crate) async fn gone(&mut self) {
        while self.buffer.len() < LONGEST_HEAD {
            if self.more().await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Receives something; the end of the connection is an error.
    async fn more(&mut self) -> Result<(), Unreadable> {
        match self.reading.read_buf(&mut self.buffer).await? {
            0 => Err(Unreadable::Ended),
            _ => Ok(()),
        }
    }

    async fn head(&mut self) -> Result<Head, Unreadable> {
        loop {
            // Empty lines before a request are allowed, and sent by some old clients.
            while self.buffer.starts_with(b"\r\n") {
                self.buffer.advance(2);
            }
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                let bytes = self.buffer.split_to(end + 4);
                return Head::parse(&bytes);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(Unreadable::TooLong(
                    "the head of the request is longer than 64 KiB",
                ));
            }
            self.more().await?;
        }
    }

    async fn body(&mut self, head: &Head) -> Result<Bytes, Unreadable> {
        match head.length()? {
            Length::Known(length) => self.exactly(length).await,
            Length::Chunked => self.chunks().await,
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Bytes, Unreadable> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn chunks(&mut self) -> Result<Bytes, Unreadable> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size).ok().map(str::trim);
            let size = size.and_then(|text| usize::from_str_radix(text, 16).ok());
            let size = size.ok_or(Unreadable::Malformed("a chunk of the body has no size"))?;
            if size == 0 {
                // Trailers end with an empty line.
                while !self.line().await?.is_empty() {}
                return Ok(body.freeze());
            }
            if body.len().saturating_add(size) > LONGEST_BODY {
                return Err(Unreadable::TooLong(
                    "the body of the request is longer than 64 MiB",
                ));
            }
            body.extend_from_slice(&self.exactly(size).await?);
            if !self.line().await?.is_empty() {
                return Err(Unreadable::Malformed(
                    "a chunk of the body is longer than its size",
                ));
            }
        }
    }

    async fn line(&mut self) -> Result<Bytes, Unreadable> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(2);
                return Ok(line);
            }
            if self.buffer.len() > LONGEST_CHUNK_LINE {
                return Err(Unreadable::Malformed(
                    "a line of the chunked body is too long",
                ));
            }
            self.more().await?;
        }
    }
}

enum Length {
    Known(usize),
    Chunked,
}

struct Head {
    method: String,
    target: String,
    is_http_1_1: bool,
    headers: Vec<(String, String)>,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Unreadable::Malformed(
                "the request line does not have three words",
            ));
        };
        let is_http_1_1 = match version {
            "HTTP/1.1" => true,
            "HTTP/1.0" => false,
            _ => {
                return Err(Unreadable::Malformed(
                    "the version is neither HTTP/1.1 nor HTTP/1.0",
                ));
            }
        };
        let mut headers = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let pair = line
                .split_once(':')
                .filter(|(name, _)| !name.is_empty() && !name.contains([' ', '\t']));
            let (name, value) = pair.ok_or(Unreadable::Malformed("a header has no name"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            is_http_1_1,
            headers,
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    fn length(&self) -> Result<Length, Unreadable> {
        let lengths = || {
            let named = |name: &str| name.eq_ignore_ascii_case("content-length");
            self.headers
                .iter()
                .filter(move |(name, _)| named(name))
                .map(|(_, value)| value)
        };
        if let Some(coding) = self.header("transfer-encoding") {
            if lengths().next().is_some() || !coding.eq_ignore_ascii_case("chunked") {
                return Err(Unreadable::Malformed("the length of the body is ambiguous"));
            }
            return Ok(Length::Chunked);
        }
        let Some(first) = lengths().next() else {
            return Ok(Length::Known(0));
        };
        let plain = first.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || lengths().any(|other| other != first) {
            return Err(Unreadable::Malformed("the length of the body is ambiguous"));
        }
        match first.parse() {
            Ok(length) if length <= LONGEST_BODY => Ok(Length::Known(length)),
            _ => Err(Unreadable::TooLong(
                "the body of the request is longer than 64 MiB",
            )),
        }
    }

    fn into_request(self, body: Bytes) -> Request {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let connection = self
            .header("connection")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let keep_alive = if self.is_http_1_1 {
            !connection.contains("close")
        } else {
            connection.contains("keep-alive")
        };
        let (family, address) = crate::address::locate(path, query, &self.headers);
        Request {
            number: 0,
            family,
            address,
            path: path.to_owned(),
            query: query.to_owned(),
            method: self.method,
            headers: self.headers,
            document: serde_json::from_slice(&body).ok(),
            body,
            keep_alive,
        }
    }
}
