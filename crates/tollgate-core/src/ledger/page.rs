//! What was made durable together: its bytes and its place in the chain.
//!
//! The form, version 1. Numbers are varints: seven bits in each byte, the low ones first, no more
//! bytes than needed. Signed ones are folded first (0, -1, 1, -2, …). Texts are their length and
//! their bytes in UTF-8. What occurs on many entries is given once: a *reference* is the number
//! of a text, a wallet or a payer in the order of their first use, and where it is the next number
//! that is free, the thing itself follows.
//!
//! ```text
//! page       = version (1 byte), count of entries, entry...
//! entry      = id (16 bytes), ms since the entry before (signed; the first: since 1970),
//!              0 or 1 + reference of its wallet, kind (1 byte), what belongs to the kind
//! wallet     = holder and unit (1 byte), reference of the holder's id
//! 1 top-up, 2 adjustment, 3 adjustment that takes, 5 hold
//!            = amount, 0 or 1 + reference of whoever asked (text), reason (text)
//! 4 refund, 6 release
//!            = id of what it belongs to (16 bytes), amount, reference, reason
//! 7 spend    = id of the hold (16 bytes), held, amount, reference, reason
//! 8 settlement, 9 loss
//!            = held, charged, shortfall, reference of the payer, references of the texts model,
//!              connection and price version, counts of tokens (prompt, completion, cached, cache
//!              written, of that for an hour, reasoning), flags, request id (text)
//! payer      = reference of the text of the key, 0 or 1 + reference of the user,
//!              references of the team and of the organization
//! ```
//!
//! There is exactly one form for every list of entries, so that equal pages have equal hashes.

mod read;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use self::read::Reader;
use self::write::Writer;
use super::Entry;
use crate::time::Timestamp;

/// The form that is written, and the only one that there is so far.
const VERSION: u8 = 1;
/// The most bytes of a reference, a reason or the id of a request on a page. Longer ones are cut.
pub const LONGEST_TEXT: usize = 1024;

/// The first byte of what belongs to an entry.
mod tag {
    pub(super) const TOP_UP: u8 = 1;
    pub(super) const ADDED: u8 = 2;
    pub(super) const TAKEN: u8 = 3;
    pub(super) const REFUND: u8 = 4;
    pub(super) const HOLD: u8 = 5;
    pub(super) const RELEASE: u8 = 6;
    pub(super) const SPEND: u8 = 7;
    pub(super) const SETTLEMENT: u8 = 8;
    pub(super) const LOSS: u8 = 9;
}

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
    /// Its number and hash: SHA-256 over the hash before, the number (eight bytes, the high ones
    /// first) and the content.
    pub head: PageHead,
    /// When the earliest of its entries was made.
    pub from: Timestamp,
    /// When the latest of its entries was made.
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
        let content = Bytes::from(Writer::write(entries));
        let (from, to) = span(entries);
        let number = before.number.saturating_add(1);
        Self {
            head: PageHead {
                number,
                hash: hash(before, number, &content),
            },
            from,
            to,
            count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            content,
        }
    }

    /// Reads the entries, after comparing number and hash.
    pub fn read(&self, before: PageHead) -> Result<Vec<Entry>, PageError> {
        let number = self.head.number;
        if before.number.checked_add(1) != Some(number) {
            return Err(PageError::Form(
                number,
                "it does not follow the page before",
            ));
        }
        if self.head.hash != hash(before, number, &self.content) {
            return Err(PageError::Hash(number));
        }
        self.entries()
    }

    /// Reads the entries out of the content of some page, which may be any bytes. If that fails,
    /// it says why.
    pub fn read_content(content: &[u8]) -> Result<Vec<Entry>, &'static str> {
        Reader::read(content)
    }

    /// Reads the entries, without looking at its place in the chain.
    pub fn entries(&self) -> Result<Vec<Entry>, PageError> {
        let form = |what| PageError::Form(self.head.number, what);
        let entries = Self::read_content(&self.content).map_err(form)?;
        if u32::try_from(entries.len()) != Ok(self.count) {
            return Err(form("the count of its entries differs from its content"));
        }
        if (self.from, self.to) != span(&entries) {
            return Err(form("its times differ from those of its entries"));
        }
        Ok(entries)
    }
}

/// When the earliest and the latest of them were made.
fn span(entries: &[Entry]) -> (Timestamp, Timestamp) {
    let times = entries.iter().map(|entry| entry.at);
    let earliest = times.clone().min();
    let epoch = Timestamp::from_millis(0);
    (earliest.unwrap_or(epoch), times.max().unwrap_or(epoch))
}

fn hash(before: PageHead, number: u64, content: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(before.hash)
        .chain_update(number.to_be_bytes())
        .chain_update(content)
        .finalize()
        .into()
}
