//! AWS event streams (`application/vnd.amazon.eventstream`): an incremental decoder of binary
//! frames that checks both checksums before it believes a byte.
//!
//! A frame is: its length, the length of its headers, a checksum of these two, the headers, the
//! payload, and a checksum of all before it. Numbers are big-endian.

mod crc;
mod header;
#[cfg(test)]
pub(crate) mod tests;

use bytes::{Buf, Bytes, BytesMut};

use crate::sse::{EVENT_CAP, TooLarge};
use crate::stream::StreamProblem;

/// Two lengths and their checksum.
const PRELUDE: usize = 12;
/// What the prelude's checksum covers.
const LENGTHS: usize = 8;
/// The checksum at the end.
const TRAILER: usize = 4;
/// The most bytes of headers, as the format says.
const MOST_HEADERS: usize = 128 * 1024;

/// One frame. Of its headers only those that decide are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// `:message-type`: `event`, `exception` or `error`.
    pub message_type: Option<String>,
    /// `:event-type`: which event.
    pub event_type: Option<String>,
    /// `:exception-type`: which exception.
    pub exception_type: Option<String>,
    /// `:error-code`: which error, where no exception is defined for it.
    pub error_code: Option<String>,
    /// `:error-message`: what an error without a payload says.
    pub error_message: Option<String>,
    /// The payload.
    pub payload: Bytes,
}

/// Decodes a stream of frames: [`Decoder::feed`] a chunk, then take each [`Decoder::frame`] until
/// there is none, then feed the next one.
#[derive(Debug, Default)]
pub struct Decoder {
    held: BytesMut,
    /// The lengths of the frame at the beginning of `held`, once its prelude has been checked.
    lengths: Option<Lengths>,
}

#[derive(Clone, Copy, Debug)]
struct Lengths {
    total: usize,
    headers: usize,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the next chunk. The frames of the chunk before must have been taken.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.held.extend_from_slice(chunk);
    }

    /// The next frame. Fails for a wrong checksum, lengths that cannot be, headers that cannot be
    /// read, and frames above [`EVENT_CAP`]; the decoder is of no more use then.
    pub fn frame(&mut self) -> Result<Option<Frame>, StreamProblem> {
        let lengths = match self.lengths {
            Some(lengths) => lengths,
            None => match self.prelude()? {
                Some(lengths) => lengths,
                None => return Ok(None),
            },
        };
        self.lengths = Some(lengths);
        if self.held.len() < lengths.total {
            return Ok(None);
        }
        self.lengths = None;
        let frame = self.held.split_to(lengths.total).freeze();
        let checked = lengths.total - TRAILER;
        let (body, mut trailer) = frame.split_at_checked(checked).unwrap_or_default();
        if trailer.try_get_u32() != Ok(crc::crc32(body)) {
            return Err(StreamProblem::Malformed(
                "a frame's checksum (CRC32) is wrong",
            ));
        }
        let payload = PRELUDE + lengths.headers;
        let mut read = header::read(body.get(PRELUDE..payload).unwrap_or_default())
            .ok_or(StreamProblem::Malformed("a frame's headers are broken"))?;
        read.payload = frame.slice(payload..checked);
        Ok(Some(read))
    }

    /// Whether every byte was part of a whole frame.
    pub fn is_at_a_boundary(&self) -> bool {
        self.held.is_empty()
    }

    /// Reads the prelude if it is there, so that a wrong length is found out before anything is
    /// held for it.
    fn prelude(&self) -> Result<Option<Lengths>, StreamProblem> {
        let Some(prelude) = self.held.first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        let mut numbers: &[u8] = prelude;
        let [total, headers, checksum] = [numbers.get_u32(), numbers.get_u32(), numbers.get_u32()];
        let (covered, _) = prelude.split_at_checked(LENGTHS).unwrap_or_default();
        if checksum != crc::crc32(covered) {
            return Err(StreamProblem::Malformed(
                "the checksum (CRC32) of a frame's lengths is wrong",
            ));
        }
        let [total, headers] = [total as usize, headers as usize];
        if total > EVENT_CAP {
            return Err(TooLarge.into());
        }
        if headers > MOST_HEADERS || headers + PRELUDE + TRAILER > total {
            return Err(StreamProblem::Malformed("a frame's lengths cannot be"));
        }
        Ok(Some(Lengths { total, headers }))
    }
}
