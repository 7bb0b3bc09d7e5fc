//! The checksum of frames: CRC-32 as Ethernet and zlib have it (IEEE 802.3, reflected).

/// The remainder of each byte.
const TABLE: [u32; 256] = table();

/// The polynomial with its bits reversed.
const POLYNOMIAL: u32 = 0xEDB8_8320;

#[expect(
    clippy::indexing_slicing,
    reason = "the index is below the length, and a mistake would not compile"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let carry = remainder & 1 == 1;
            remainder >>= 1;
            if carry {
                remainder ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}

/// The checksum of the bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let remainder = bytes.iter().fold(u32::MAX, |remainder, byte| {
        let [low, ..] = remainder.to_le_bytes();
        let step = TABLE.get(usize::from(low ^ byte)).copied();
        remainder >> 8 ^ step.unwrap_or_default()
    });
    !remainder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_the_standard() {
        for (bytes, want) in [
            (&b""[..], 0),
            (b"123456789", 0xCBF4_3926),
            (b"The quick brown fox jumps over the lazy dog", 0x414F_A339),
        ] {
            assert_eq!(crc32(bytes), want);
        }
    }
}
