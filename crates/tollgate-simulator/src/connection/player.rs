//! Writing an answer, byte by byte as its draft says.

use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use crate::draft::{Draft, End, Framing, Hangup, Piece};
use crate::gzip;
use crate::record::Entry;

/// How an answer ended.
pub(super) enum Ended {
    /// Whole; the connection stays.
    Keep,
    /// Whole; the connection ends with it.
    Close,
    /// By a fault; the connection ends like this.
    Fault(Hangup),
    /// The client went away.
    Gone,
}

/// Writes one answer.
pub(super) struct Player<'a, W> {
    out: &'a mut W,
    entry: Option<&'a Entry>,
    keep_alive: bool,
    ready: BytesMut,
    /// The length of a piece that is in `ready`, to be told when it is out.
    untold: Option<usize>,
    whole: bool,
}

impl<'a, W: AsyncWrite + Unpin> Player<'a, W> {
    /// Prepares an answer; `entry` is told what was written.
    pub(super) fn new(out: &'a mut W, entry: Option<&'a Entry>, keep_alive: bool) -> Self {
        Self {
            out,
            entry,
            keep_alive,
            ready: BytesMut::new(),
            untold: None,
            whole: false,
        }
    }

    /// Whether everything that was to be written was written.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Writes the answer; `head_only` leaves the body out.
    pub(super) async fn play(&mut self, draft: &Draft, head_only: bool) -> Ended {
        // A failed write means that the client reset the connection.
        self.try_play(draft, head_only).await.unwrap_or(Ended::Gone)
    }

    async fn try_play(&mut self, draft: &Draft, head_only: bool) -> io::Result<Ended> {
        for status in &draft.interim {
            let head = format!("HTTP/1.1 {status} {}\r\n", reason(*status));
            self.ready.put_slice(head.as_bytes());
            self.ready
                .put_slice(b"link: </simulated>; rel=preload\r\n\r\n");
            self.flush().await?;
        }
        wait(draft.head_delay).await;
        if let End::NoAnswer(hangup) = draft.end {
            return Ok(Ended::Fault(hangup));
        }
        let pieces = Pieces::of(draft);
        let keeps = self.keep_alive
            && !matches!(draft.framing, Framing::UntilClose)
            && !draft
                .headers
                .iter()
                .any(|(name, value)| name == "connection" && value == "close");
        self.head(draft, pieces.length, keeps);
        if draft.is_stream || !draft.body_delay.is_zero() {
            self.flush().await?;
        }
        if let Some(entry) = self.entry {
            entry.head(draft.status);
        }
        wait(draft.body_delay).await;
        if !head_only && !has_no_body(draft.status) {
            self.body(draft, &pieces).await?;
            self.last_chunk(draft);
        }
        self.end(draft, keeps).await
    }

    fn head(&mut self, draft: &Draft, length: Option<u64>, keeps: bool) {
        if let Some(raw) = &draft.raw_head {
            self.ready.put_slice(raw);
            return;
        }
        let mut head = format!("HTTP/1.1 {} {}\r\n", draft.status, reason(draft.status));
        for (name, value) in &draft.headers {
            push_header(&mut head, name, value);
        }
        if draft.writing.gzip {
            push_header(&mut head, "content-encoding", "gzip");
        }
        match length.filter(|_| !has_no_body(draft.status)) {
            Some(length) => push_header(&mut head, "content-length", &length.to_string()),
            None if matches!(draft.framing, Framing::Chunked) && !has_no_body(draft.status) => {
                push_header(&mut head, "transfer-encoding", "chunked");
            }
            None => {}
        }
        if !keeps && !draft.headers.iter().any(|(name, _)| name == "connection") {
            push_header(&mut head, "connection", "close");
        }
        head.push_str("\r\n");
        self.ready.put_slice(head.as_bytes());
    }

    async fn body(&mut self, draft: &Draft, pieces: &Pieces<'_>) -> io::Result<()> {
        let mut is_first = true;
        for piece in pieces.all() {
            if let Piece::Wait(time) = piece {
                self.flush().await?;
                wait(*time).await;
                continue;
            }
            let rendered = piece.render(draft.writing.line_end);
            let times = match piece {
                Piece::Repeat(_, times) => times.unwrap_or(u64::MAX),
                Piece::Event(_)
                | Piece::Open(_)
                | Piece::Raw(_)
                | Piece::Wait(_)
                | Piece::ArrayEnd => 1,
            };
            for _ in 0..times {
                if !is_first && !draft.pace.is_zero() {
                    self.flush().await?;
                    wait(draft.pace).await;
                }
                self.piece(draft, &rendered, is_first).await?;
                is_first = false;
            }
        }
        Ok(())
    }

    async fn piece(&mut self, draft: &Draft, rendered: &Bytes, is_first: bool) -> io::Result<()> {
        let marked: Bytes;
        let bytes = if is_first && draft.writing.byte_order_mark && !draft.writing.gzip {
            marked = [BYTE_ORDER_MARK, rendered].concat().into();
            &marked
        } else {
            rendered
        };
        let most = draft.writing.split.unwrap_or(usize::MAX).max(1);
        // An earlier piece is written only now, so that the last one can share a write with the
        // end of the message; many clients leave at the end mark and would miss that end.
        if !is_first {
            self.flush().await?;
        }
        for (at, part) in bytes.chunks(most.min(bytes.len().max(1))).enumerate() {
            if at > 0 {
                self.flush().await?;
                wait(draft.writing.split_delay).await;
            }
            if matches!(draft.framing, Framing::Chunked) {
                self.ready
                    .put_slice(format!("{:x}\r\n", part.len()).as_bytes());
                self.ready.put_slice(part);
                self.ready.put_slice(b"\r\n");
            } else {
                self.ready.put_slice(part);
            }
        }
        self.untold = Some(bytes.len());
        Ok(())
    }

    fn last_chunk(&mut self, draft: &Draft) {
        if draft.writing.bad_chunk {
            self.ready.put_slice(b"xyz\r\nno size\r\n");
        } else if draft.end.is_complete() && matches!(draft.framing, Framing::Chunked) {
            self.ready.put_slice(b"0\r\n\r\n");
        }
    }

    async fn end(&mut self, draft: &Draft, keeps: bool) -> io::Result<Ended> {
        self.flush().await?;
        self.whole = draft.end.is_complete();
        match draft.end {
            End::Complete if keeps => Ok(Ended::Keep),
            End::Complete => Ok(Ended::Close),
            End::CompleteThenIdle(time) => {
                wait(time).await;
                Ok(Ended::Close)
            }
            End::Cut(hangup) | End::NoAnswer(hangup) => Ok(Ended::Fault(hangup)),
            End::Stall(time) => {
                wait(time).await;
                Ok(Ended::Fault(Hangup::Close))
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.ready.is_empty() {
            self.out.write_all(&self.ready).await?;
            self.ready.clear();
            self.out.flush().await?;
        }
        if let (Some(bytes), Some(entry)) = (self.untold.take(), self.entry) {
            entry.chunk(bytes);
        }
        Ok(())
    }
}

fn push_header(head: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        head.push_str(part);
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The pieces of a draft as they will be written, and the length that the head declares.
struct Pieces<'a> {
    own: Option<Piece>,
    drafted: &'a [Piece],
    length: Option<u64>,
}

impl<'a> Pieces<'a> {
    fn of(draft: &'a Draft) -> Self {
        let line_end = draft.writing.line_end;
        let own = if draft.writing.gzip {
            Some(Piece::Raw(gzip::wrap(&together(draft)).into()))
        } else if draft.writing.one_write {
            Some(Piece::Raw(together(draft).into()))
        } else {
            None
        };
        let mut pieces = Self {
            own,
            drafted: &draft.body,
            length: None,
        };
        if let Framing::Length(declared) = draft.framing {
            let mark = usize::from(draft.writing.byte_order_mark && !draft.writing.gzip);
            let rendered = pieces.all().map(|piece| piece.render(line_end).len());
            let length = rendered.sum::<usize>() + mark * BYTE_ORDER_MARK.len();
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            // A coded body has another length than the one that was declared for the plain one.
            let declared = declared.filter(|_| !draft.writing.gzip);
            pieces.length = Some(declared.unwrap_or(length));
        }
        pieces
    }

    fn all(&self) -> impl Iterator<Item = &Piece> {
        let drafted = if self.own.is_some() {
            &[]
        } else {
            self.drafted
        };
        self.own.iter().chain(drafted)
    }
}

/// All pieces in one, up to 64 MiB.
fn together(draft: &Draft) -> Vec<u8> {
    const MOST: usize = 64 << 20;
    let mut whole = Vec::new();
    for piece in &draft.body {
        let rendered = piece.render(draft.writing.line_end);
        let room = MOST.saturating_sub(whole.len()) / rendered.len().max(1);
        let times = match piece {
            Piece::Repeat(_, times) => times
                .and_then(|times| usize::try_from(times).ok())
                .unwrap_or(usize::MAX),
            Piece::Event(_) | Piece::Open(_) | Piece::Raw(_) | Piece::Wait(_) | Piece::ArrayEnd => {
                1
            }
        };
        for _ in 0..times.min(room) {
            whole.extend_from_slice(&rendered);
        }
    }
    whole
}

/// A simulated silence.
async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep_until(Instant::now() + time).await;
    }
}

/// Whether answers of this status have no body, whatever their headers say.
fn has_no_body(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        418 => "I'm a teapot",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // The reason may be empty; the blank before it may not be missing.
        _ => "",
    }
}
