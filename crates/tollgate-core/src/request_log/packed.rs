//! A column of numbers in as few bits as its largest needs. Any of them can be read alone.

use super::bytes::Reader;
use super::segment::SegmentError;

/// Numbers of more bits are written whole.
const WIDEST: u8 = 56;
/// Behind the numbers, so that each can be read with the seven bytes that follow its first.
const PADDING: usize = 8;

/// Writes a column: its smallest number, how many bits each takes above that, and the bits.
pub(super) fn write(out: &mut Vec<u8>, numbers: &[u64]) {
    let base = numbers.iter().copied().min().unwrap_or(0);
    let most = numbers.iter().copied().max().unwrap_or(0) - base;
    let width = match 64 - most.leading_zeros() as u8 {
        wide if wide > WIDEST => 64,
        width => width,
    };
    out.extend_from_slice(&base.to_le_bytes());
    out.push(width);
    if width == 64 {
        for number in numbers {
            out.extend_from_slice(&(number - base).to_le_bytes());
        }
        out.extend_from_slice(&[0; PADDING]);
        return;
    }
    if width == 0 {
        return;
    }
    let (mut word, mut filled) = (0_u64, 0_u8);
    for number in numbers {
        let rest = number - base;
        word |= rest << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= 64;
            // What of it did not fit any more; all of it did if the next word begins behind it.
            word = rest.checked_shr(u32::from(width - filled)).unwrap_or(0);
        }
    }
    let left = usize::from(filled.div_ceil(8));
    out.extend_from_slice(word.to_le_bytes().get(..left).unwrap_or_default());
    out.extend_from_slice(&[0; PADDING]);
}

/// A column that can be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    base: u64,
    width: u8,
    bits: &'a [u8],
}

impl<'a> Column<'a> {
    /// Reads where a column of so many numbers is.
    pub(super) fn read(from: &mut Reader<'a>, count: usize) -> Result<Self, SegmentError> {
        let (base, width) = (from.u64()?, from.u8()?);
        if width > WIDEST && width != 64 {
            return Err(SegmentError("a column of an unknown width"));
        }
        let length = match width {
            0 => 0,
            width => {
                let bits = count.checked_mul(usize::from(width));
                let bits = bits.ok_or(SegmentError("a column of an impossible length"))?;
                bits.div_ceil(8) + PADDING
            }
        };
        let bits = from.take(length)?;
        Ok(Self { base, width, bits })
    }

    /// The number at a place; the smallest one behind the end.
    pub(super) fn get(&self, place: usize) -> u64 {
        // A place that damage has made up lies behind the end.
        let bit = place.saturating_mul(usize::from(self.width));
        let bytes = self.bits.get(bit / 8..).and_then(<[u8]>::first_chunk);
        let word = bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let mask = match self.width {
            64 => u64::MAX,
            width => (1 << width) - 1,
        };
        self.base.wrapping_add((word >> (bit % 8)) & mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_whatever_their_width() {
        for most in (0..64).map(|bits| 1_u64 << bits).chain([0, u64::MAX]) {
            let numbers: Vec<u64> = (0..100)
                .map(|at| most - (most / 99).wrapping_mul(at))
                .collect();
            let mut out = Vec::new();
            write(&mut out, &numbers);
            let mut reader = Reader::new(&out);
            let column = Column::read(&mut reader, 100).unwrap();
            assert!(reader.rest().is_empty());
            let read: Vec<u64> = (0..100).map(|at| column.get(at)).collect();
            assert_eq!(read, numbers, "{most}");
        }
    }

    #[test]
    fn equal_numbers_take_no_room() {
        let mut out = Vec::new();
        write(&mut out, &vec![7; 4096]);
        assert_eq!(out.len(), 9);
    }
}
