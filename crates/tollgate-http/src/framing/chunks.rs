//! The end of a chunked body (RFC 9112, section 7.1), found without looking at its data.

/// A place in a chunked body. The HTTP library is stricter in some places: it ends the connection
/// there, so that nothing comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the size of a chunk, as far as it was read.
    Size(u64),
    /// Behind the size, up to the end of its line.
    Extension(u64),
    SizeLf(u64),
    /// In the data, with so many bytes to come.
    Data(u64),
    DataCr,
    DataLf,
    /// At the beginning of a line behind the last chunk.
    Last,
    LastLf,
    Trailer,
    TrailerLf,
}

/// How far some bytes lead.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed<'a> {
    /// All of them belong to the body, and it goes on.
    All,
    /// The body is over; these come after it.
    End(&'a [u8]),
    /// This is no chunked body.
    Broken,
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Size(0)
    }
}

impl Chunks {
    /// Passes over bytes of the body.
    pub(super) fn pass<'a>(&mut self, mut bytes: &'a [u8]) -> Passed<'a> {
        loop {
            if let Self::Data(left) = self {
                let here = usize::try_from(*left).unwrap_or(usize::MAX);
                let Some((_, rest)) = bytes.split_at_checked(here) else {
                    *left -= bytes.len() as u64;
                    return Passed::All;
                };
                bytes = rest;
                *self = Self::DataCr;
            }
            let Some((byte, rest)) = bytes.split_first() else {
                return Passed::All;
            };
            bytes = rest;
            if (*self, *byte) == (Self::LastLf, b'\n') {
                return Passed::End(bytes);
            }
            let Some(next) = self.after(*byte) else {
                return Passed::Broken;
            };
            *self = next;
        }
    }

    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size(size) | Self::Extension(size), b'\r') => Self::SizeLf(size),
            (Self::Size(size), b' ' | b'\t' | b';') | (Self::Extension(size), _) => {
                Self::Extension(size)
            }
            (Self::Size(size), digit) => {
                let digit = char::from(digit).to_digit(16)?;
                Self::Size(size.checked_mul(16)?.checked_add(u64::from(digit))?)
            }
            (Self::SizeLf(0) | Self::TrailerLf, b'\n') => Self::Last,
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size(0),
            (Self::Last, b'\r') => Self::LastLf,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::Last | Self::Trailer, _) => Self::Trailer,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_reads_are_cut() {
        let body = b"5;a=\"0\"\r\n0\r\n\r\n\r\nA \r\n0123456789\r\n000\r\ntrailer: 0\r\n\r\n";
        let all = [&body[..], b"GET /"].concat();
        for cut in 0..body.len() {
            let mut chunks = Chunks::default();
            assert_eq!(chunks.pass(&all[..cut]), Passed::All, "{cut}");
            assert_eq!(chunks.pass(&all[cut..]), Passed::End(b"GET /"), "{cut}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_told() {
        for bytes in [
            &b"x\r\n"[..],
            b"1\n",
            b"1\r\nab",
            b"0\r\n\rx",
            b"10000000000000000\r\n",
        ] {
            assert_eq!(Chunks::default().pass(bytes), Passed::Broken, "{bytes:?}");
        }
    }
}
