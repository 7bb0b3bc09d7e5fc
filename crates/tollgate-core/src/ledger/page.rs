//! What was made durable together: its bytes and its place in the chain.

use bytes::Bytes;

use super::Entry;
use crate::time::Timestamp;

/// The end of a chain: what the next page is made on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageHead {
    /// The number of the last page; 0 before the first.
    pub number: u64,
    /// Its hash; zeros before the first.
    pub hash: [u8; 32],
}

/// A page of the ledger as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its number and hash: SHA-256 over the hash before, the number and the content.
    pub head: PageHead,
    /// When its first entry was made.
    pub from: Timestamp,
    /// When its last entry was made.
    pub to: Timestamp,
    /// How many entries it holds.
    pub count: u32,
    /// The entries in their binary form.
    pub content: Bytes,
}

/// Why a page cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PageError {
    /// The hash is not that of its content behind the page before.
    #[error("page {0} is not what was written: its hash differs")]
    Hash(u64),
    /// The content breaks the form.
    #[error("page {0} cannot be read: {1}")]
    Form(u64, &'static str),
}

impl Page {
    /// Puts entries on a page behind another one. There must be at least one.
    pub fn write(before: PageHead, entries: &[Entry]) -> Self {
        _ = (before, entries);
        unimplemented!("the part `ledger-core` writes this")
    }

    /// Reads the entries, after comparing the hash.
    pub fn read(&self, before: PageHead) -> Result<Vec<Entry>, PageError> {
        _ = before;
        unimplemented!("the part `ledger-core` writes this")
    }
}
