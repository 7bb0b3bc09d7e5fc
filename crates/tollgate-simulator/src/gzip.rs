//! Gzip without compression: enough to send a body in a coding that nobody asked for.

/// Wraps bytes as a gzip member of stored blocks.
pub(crate) fn wrap(plain: &[u8]) -> Vec<u8> {
    let mut wrapped = Vec::with_capacity(plain.len() + plain.len() / 1000 + 32);
    wrapped.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut blocks = plain.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        wrapped.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        wrapped.push(u8::from(blocks.peek().is_none()));
        wrapped.extend_from_slice(&length.to_le_bytes());
        wrapped.extend_from_slice(&(!length).to_le_bytes());
        wrapped.extend_from_slice(block);
    }
    wrapped.extend_from_slice(&checksum(plain).to_le_bytes());
    wrapped.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    wrapped
}

/// The CRC-32 that RFC 1952 asks for.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = 0_u32.wrapping_sub(sum & 1);
            sum = (sum >> 1) ^ (0xedb8_8320 & carry);
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_usual_check_text_is_the_published_one() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_long_text_takes_several_blocks_and_ends_with_its_length() {
        let plain = vec![b'x'; 100_000];
        let wrapped = wrap(&plain);
        assert_eq!(wrapped.len(), 10 + 5 + 65_535 + 5 + 34_465 + 8);
        assert_eq!(&wrapped[wrapped.len() - 4..], 100_000_u32.to_le_bytes());
        assert_eq!(wrapped[10], 0, "the first block is not the last");
    }
}
