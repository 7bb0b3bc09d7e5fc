//! Streams of JSON documents, one on each line: cut anywhere, given line by line.

use bytes::Bytes;
use memchr::memchr;

use crate::sse::{EVENT_CAP, TooLarge};

/// Finds the lines of a stream: [`Lines::feed`] a chunk, then take each [`Lines::line`] until
/// there is none, then feed the next one.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// What of the last chunk has not been given yet.
    chunk: Bytes,
    /// The beginning of a line that `chunk` continues.
    tail: Vec<u8>,
}

impl Lines {
    /// Gives the next chunk. The lines of the chunk before must have been taken.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next line that has something on it, without its end. Fails when a line exceeds
    /// [`EVENT_CAP`].
    pub(crate) fn line(&mut self) -> Result<Option<Bytes>, TooLarge> {
        while let Some(length) = memchr(b'\n', &self.chunk) {
            let mut line = self.chunk.split_to(length + 1);
            line.truncate(length);
            let line = self.joined(line)?;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
        let rest = std::mem::take(&mut self.chunk);
        self.bound(&rest)?;
        self.tail.extend_from_slice(&rest);
        Ok(None)
    }

    /// The last line, if it has something on it and only its end is missing.
    pub(crate) fn end(&mut self) -> Option<Bytes> {
        let line = Bytes::from(std::mem::take(&mut self.tail));
        (!line.trim_ascii().is_empty()).then_some(line)
    }

    /// A line with its beginning in earlier chunks. One within its chunk is not copied.
    fn joined(&mut self, line: Bytes) -> Result<Bytes, TooLarge> {
        self.bound(&line)?;
        if self.tail.is_empty() {
            return Ok(line);
        }
        self.tail.extend_from_slice(&line);
        Ok(Bytes::from(std::mem::take(&mut self.tail)))
    }

    fn bound(&mut self, more: &[u8]) -> Result<(), TooLarge> {
        if self.tail.len() + more.len() <= EVENT_CAP {
            return Ok(());
        }
        *self = Self::default();
        Err(TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(stream: &[u8], size: usize) -> (Vec<Bytes>, Option<Bytes>) {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for chunk in stream.chunks(size) {
            lines.feed(Bytes::copy_from_slice(chunk));
            while let Some(line) = lines.line().unwrap() {
                found.push(line);
            }
        }
        (found, lines.end())
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let stream = b"{\"a\":1}\r\n\n  \n{\"b\":2}\nrest";
        for size in 1..=stream.len() {
            let (found, rest) = lines(stream, size);
            let found: Vec<_> = found.iter().map(|line| line.trim_ascii()).collect();
            assert_eq!(found, [b"{\"a\":1}", b"{\"b\":2}"]);
            assert_eq!(rest.as_deref(), Some(b"rest".as_slice()));
        }
        assert_eq!(lines(b"a\n \r", 2).1, None);
    }

    #[test]
    fn a_line_within_a_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"one\ntwo\n");
        let mut lines = Lines::default();
        lines.feed(chunk.clone());
        let line = lines.line().unwrap().unwrap();
        assert_eq!(line.as_ptr(), chunk.as_ptr());
    }

    #[test]
    fn a_line_is_bounded_with_and_without_its_end() {
        let longest = vec![b'x'; EVENT_CAP];
        for size in [1000, EVENT_CAP, usize::MAX] {
            let whole = [longest.as_slice(), b"\n"].concat();
            assert_eq!(lines(&whole, size).0.len(), 1);
            let mut lines = Lines::default();
            let mut failed = false;
            for chunk in vec![b'x'; EVENT_CAP + 1].chunks(size) {
                lines.feed(Bytes::copy_from_slice(chunk));
                failed |= lines.line().is_err();
            }
            assert!(failed);
            assert!(lines.end().is_none(), "nothing is held any more");
        }
        let mut lines = Lines::default();
        lines.feed([longest.as_slice(), b"x\n"].concat().into());
        assert_eq!(lines.line(), Err(TooLarge));
    }
}
