//! Reads a body whole, up to a bound.

use bytes::{Bytes, BytesMut};

use crate::fault::Broken;
use crate::lane::Inflow;

/// No more than this is set aside on the word of a `content-length` alone.
const PRESIZE: u64 = 1024 * 1024;

/// What has been read of a body. It keeps what came when reading is given up.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// The only part of most bodies, which is then never copied.
    first: Bytes,
    /// All parts, once there is a second one.
    all: BytesMut,
    most: usize,
    is_complete: bool,
}

impl Gathered {
    /// Reads at most this many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            first: Bytes::new(),
            all: BytesMut::new(),
            most,
            is_complete: false,
        }
    }

    /// Reads until the end or the bound. Fails when the body breaks off.
    pub(crate) async fn read(&mut self, inflow: &mut Inflow) -> Result<(), Broken> {
        let length = inflow.length().unwrap_or(0).min(PRESIZE) as usize;
        loop {
            if inflow.is_over() {
                self.is_complete = true;
                return Ok(());
            }
            match inflow.data().await {
                None => {
                    self.is_complete = true;
                    return Ok(());
                }
                Some(data) => {
                    if !self.add(data?, length) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Adds a part, and says whether there is room for more.
    fn add(&mut self, mut data: Bytes, length: usize) -> bool {
        let have = self.first.len().max(self.all.len());
        let fits = data.len() <= self.most.saturating_sub(have);
        data.truncate(self.most.saturating_sub(have));
        if have == 0 {
            self.first = data;
        } else {
            if self.all.is_empty() {
                self.all.reserve(length.max(have + data.len()));
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&data);
        }
        fits
    }

    /// Whether the end was reached.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// What was read.
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_one_part_is_not_copied() {
        let part = Bytes::from(vec![b'a'; 100]);
        let mut gathered = Gathered::new(1000);
        assert!(gathered.add(part.clone(), 100));
        assert_eq!(gathered.into_bytes().as_ptr(), part.as_ptr());
    }

    #[test]
    fn parts_are_joined_in_order_and_cut_at_the_bound() {
        let mut gathered = Gathered::new(7);
        assert!(gathered.add(Bytes::from_static(b"abc"), 0));
        assert!(gathered.add(Bytes::from_static(b"def"), 0));
        assert!(!gathered.add(Bytes::from_static(b"ghi"), 0));
        assert!(!gathered.is_complete());
        assert_eq!(gathered.into_bytes(), "abcdefg");
    }
}
