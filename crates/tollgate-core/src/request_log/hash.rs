//! Sets of texts that answer whether a text is in them, and how often.

use super::bytes::Reader;
use super::segment::SegmentError;

/// How many texts are counted each; sets of more only say whether a text may be in them.
const MOST_COUNTED: usize = 128;
/// Bits per text of a set that does not count.
const BITS: usize = 10;
/// How many of them each text sets.
const PROBES: u64 = 6;
const COUNTED: u8 = 0;
const PERHAPS: u8 = 1;
/// A hash and a count.
const ENTRY: usize = 8 + 2;

/// A hash of a text. The same in every process: it is stored.
pub(super) fn hash(text: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ (text.len() as u64);
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk
            .first_chunk()
            .map_or(0, |word| u64::from_le_bytes(*word));
        hash = mixed(hash ^ word);
    }
    for byte in chunks.remainder() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mixed(hash)
}

/// Spreads every bit over all others.
const fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

/// What a set knows of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is in the set so often.
    Times(u64),
    /// It may be in it.
    Perhaps,
}

/// Writes a set of texts, each with how often it is there.
pub(super) fn write_counts(out: &mut Vec<u8>, mut counts: Vec<(u64, u32)>) {
    counts.sort_unstable();
    counts.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(later.1);
        }
        same
    });
    if counts.len() > MOST_COUNTED {
        out.push(PERHAPS);
        let hashes: Vec<u64> = counts.iter().map(|(hash, _)| *hash).collect();
        write_bits(out, &hashes, BITS);
        return;
    }
    out.push(COUNTED);
    out.push(u8::try_from(counts.len()).unwrap_or(u8::MAX));
    for (hash, count) in counts {
        out.extend_from_slice(&hash.to_le_bytes());
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        out.extend_from_slice(&count.to_le_bytes());
    }
}

/// Passes over a set, and gives its bytes.
pub(super) fn read_counts<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], SegmentError> {
    let all = from.rest();
    match from.u8()? {
        COUNTED => {
            let count = usize::from(from.u8()?);
            from.take(count * ENTRY)?;
        }
        PERHAPS => {
            read_bits(from)?;
        }
        _ => return Err(SegmentError("a set of an unknown kind")),
    }
    Ok(all.get(..all.len() - from.rest().len()).unwrap_or_default())
}

/// What the set in these bytes knows of a text.
pub(super) fn find(set: &[u8], hash: u64) -> Found {
    match set.split_first() {
        Some((&COUNTED, rest)) => Found::Times(times(rest.get(1..).unwrap_or_default(), hash)),
        Some((&PERHAPS, rest)) => {
            let mut bits = Reader::new(rest);
            if read_bits(&mut bits).is_ok_and(|bits| !has(bits, hash)) {
                Found::Times(0)
            } else {
                Found::Perhaps
            }
        }
        _ => Found::Perhaps,
    }
}

fn times(entries: &[u8], hash: u64) -> u64 {
    let (entries, _) = entries.as_chunks::<ENTRY>();
    let of = |[a, b, c, d, e, f, g, h, ..]: &[u8; ENTRY]| {
        u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h])
    };
    let found = entries.binary_search_by_key(&hash, of).ok();
    let entry = found.and_then(|at| entries.get(at));
    entry.map_or(0, |[.., low, high]| {
        u16::from_le_bytes([*low, *high]).into()
    })
}

/// Writes a set of hashes that says whether one may be in it, with so many bits for each.
pub(super) fn write_bits(out: &mut Vec<u8>, hashes: &[u64], bits_each: usize) {
    let length = (hashes.len() * bits_each).div_ceil(8).max(1);
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    let start = out.len();
    out.resize(start + length, 0);
    let bits = out.get_mut(start..).unwrap_or_default();
    let most = (length as u64) * 8;
    for hash in hashes {
        for probe in probes(*hash, most) {
            if let Some(byte) = bits.get_mut((probe / 8) as usize) {
                *byte |= 1 << (probe % 8);
            }
        }
    }
}

/// The bytes of such a set.
pub(super) fn read_bits<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], SegmentError> {
    let length = from.u32()? as usize;
    from.take(length)
}

/// Whether a hash may be in such a set.
pub(super) fn has(bits: &[u8], hash: u64) -> bool {
    let most = (bits.len() as u64) * 8;
    most > 0
        && probes(hash, most).all(|probe| {
            let byte = bits.get((probe / 8) as usize).copied().unwrap_or(0xff);
            byte & (1 << (probe % 8)) != 0
        })
}

/// The places of a hash among so many bits: two halves combined, which is as good as that many
/// hashes.
fn probes(hash: u64, most: u64) -> impl Iterator<Item = u64> {
    let step = (hash >> 32) | 1;
    (0..PROBES).map(move |probe| {
        let spread = hash.wrapping_add(step.wrapping_mul(probe)) & 0xffff_ffff;
        // Multiplying instead of dividing: the place within `most` for 32 even bits.
        (spread * most) >> 32
    })
}
