//! Reading the body of a request: bounded in size and time, decoded if it is compressed.

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure};

/// The size to begin with when a body does not say how long it is.
const FIRST_RESERVE: usize = 16 * 1024;

/// Bounds on a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most bytes, counted after decoding.
    pub bytes: usize,
    /// The longest time until all of it is there.
    pub time: Duration,
}

/// The body of a request: on its way in, or read and decoded.
pub(crate) struct Inbound {
    /// `None` where all of it was read before.
    incoming: Option<Incoming>,
    read: Option<Bytes>,
}

impl Inbound {
    /// A body that is on its way in.
    pub(crate) fn new(incoming: Incoming) -> Self {
        Self {
            incoming: Some(incoming),
            read: None,
        }
    }

    /// A body that was read, all of it.
    pub(crate) fn of(read: Bytes) -> Self {
        Self {
            incoming: None,
            read: Some(read),
        }
    }

    /// What is still on its way in.
    pub(crate) fn into_incoming(self) -> Option<Incoming> {
        self.incoming
    }
}

/// Reads a JSON body whole.
pub(crate) async fn read_json(
    headers: &HeaderMap,
    body: &mut Inbound,
    bounds: Bounds,
) -> Result<Bytes, Failure> {
    if let Some(read) = &body.read {
        return Ok(read.clone());
    }
    check_content_type(headers)?;
    let Some(body) = &mut body.incoming else {
        return Ok(Bytes::new());
    };
    let received = if let Ok(received) =
        tokio::time::timeout(bounds.time, receive(headers, body, bounds)).await
    {
        received?
    } else {
        let seconds = bounds.time.as_secs();
        return Err(Failure::client(Code::RequestTimeout).message(format!(
            "The request body did not arrive within {seconds} s. Send it again."
        )));
    };
    match headers.get(CONTENT_ENCODING) {
        None => Ok(received),
        Some(encoding) => decode(encoding.as_bytes(), received, bounds.bytes).await,
    }
}

/// JSON is `application/json` or anything that ends in `+json`; a request that does not say is
/// taken at its word by its body.
fn check_content_type(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    if value == "application/json" {
        return Ok(());
    }
    let kind = value
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let kind = kind.trim_ascii().to_ascii_lowercase();
    if kind == b"application/json" || kind.ends_with(b"+json") {
        return Ok(());
    }
    Err(Failure::client(Code::UnsupportedMediaType).message(
        "The body has to be JSON. Send it with the header \"Content-Type: application/json\".",
    ))
}

fn too_large(limit: usize) -> Failure {
    Failure::client(Code::RequestTooLarge)
        .message(format!(
            "The request body is larger than the limit of {limit} bytes{}. Make the request smaller.",
            in_mebibytes(limit)
        ))
        .detail(
            "limit_bytes",
            Detail::Number(i64::try_from(limit).unwrap_or(i64::MAX)),
        )
}

fn in_mebibytes(bytes: usize) -> String {
    let mebibytes = bytes >> 20;
    if mebibytes == 0 {
        return String::new();
    }
    format!(" ({mebibytes} MiB)")
}

async fn receive(
    headers: &HeaderMap,
    body: &mut Incoming,
    bounds: Bounds,
) -> Result<Bytes, Failure> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| length > bounds.bytes as u64) {
        return Err(too_large(bounds.bytes));
    }
    let mut first = Bytes::new();
    while first.is_empty() {
        match next(body).await? {
            Some(data) => first = data,
            None => return Ok(first),
        }
    }
    // Most bodies come in one piece: then that piece is the buffer.
    if body.is_end_stream() || declared == Some(first.len() as u64) {
        return if first.len() > bounds.bytes {
            Err(too_large(bounds.bytes))
        } else {
            Ok(first)
        };
    }
    let expected = declared.and_then(|length| usize::try_from(length).ok());
    let mut whole = BytesMut::with_capacity(expected.unwrap_or(FIRST_RESERVE).max(first.len()));
    whole.extend_from_slice(&first);
    drop(first);
    while let Some(data) = next(body).await? {
        if whole.len() + data.len() > bounds.bytes {
            return Err(too_large(bounds.bytes));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) => {
                return Err(Failure::client(Code::InvalidRequest)
                    .message("The request body broke off before its end. Send it again.")
                    .because(error));
            }
        }
    }
}

/// Undoes one content encoding on a thread that may block, within the limit.
async fn decode(encoding: &[u8], body: Bytes, limit: usize) -> Result<Bytes, Failure> {
    let coding = match &*encoding.trim_ascii().to_ascii_lowercase() {
        b"" | b"identity" => return Ok(body),
        b"gzip" | b"x-gzip" => Coding::Gzip,
        b"deflate" => Coding::Deflate,
        b"br" => Coding::Brotli,
        b"zstd" => Coding::Zstd,
        _ => {
            return Err(Failure::client(Code::UnsupportedMediaType).message(
                "The body's Content-Encoding is not supported. Send it as gzip, deflate, br, zstd \
                 or without one.",
            ));
        }
    };
    let decoded = tokio::task::spawn_blocking(move || coding.decode(&body, limit)).await;
    match decoded {
        Ok(Ok(decoded)) if decoded.len() > limit => Err(too_large(limit)),
        Ok(Ok(decoded)) => Ok(decoded.into()),
        Ok(Err(error)) => Err(Failure::client(Code::InvalidRequest)
            .message("The body could not be decoded as its Content-Encoding says.")
            .because(error)),
        Err(error) => Err(Failure::gateway(Code::InternalError).because(error)),
    }
}

#[derive(Clone, Copy)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// Decodes up to one byte more than the limit, so that the caller sees the excess.
    fn decode(self, body: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
        let most = limit as u64 + 1;
        let mut decoded = Vec::new();
        match self {
            Self::Gzip => flate2::read::MultiGzDecoder::new(body)
                .take(most)
                .read_to_end(&mut decoded)?,
            Self::Deflate => flate2::read::ZlibDecoder::new(body)
                .take(most)
                .read_to_end(&mut decoded)?,
            Self::Brotli => brotli::Decompressor::new(body, 4096)
                .take(most)
                .read_to_end(&mut decoded)?,
            Self::Zstd => ruzstd::decoding::StreamingDecoder::new(body)
                .map_err(std::io::Error::other)?
                .take(most)
                .read_to_end(&mut decoded)?,
        };
        Ok(decoded)
    }
}
