//! Base64: vectors and opaque states go out in it, media come in.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes with the standard alphabet and padding.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| {
            (bits << 8) | u32::from(three.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let letter = LETTERS
                .get(((bits >> (18 - 6 * at)) & 63) as usize)
                .copied();
            let is_filled = at <= three.len();
            text.push(char::from(letter.filter(|_| is_filled).unwrap_or(b'=')));
        }
    }
    text
}

/// Reads either alphabet, with or without padding; `None` for anything else.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for four in text.chunks(4) {
        let mut bits = 0_u32;
        for letter in four {
            let value = match letter {
                b'-' => 62,
                b'_' => 63,
                _ => LETTERS.iter().position(|known| known == letter)?,
            };
            bits = (bits << 6) | u32::try_from(value).ok()?;
        }
        let missing = 4 - four.len();
        if missing == 3 {
            return None;
        }
        bits <<= 6 * missing;
        let [_, three @ ..] = bits.to_be_bytes();
        bytes.extend(three.iter().take(3 - missing));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(37)).collect();
            assert_eq!(decoded(&encoded(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn both_alphabets_are_read_and_nothing_else() {
        assert_eq!(decoded("-_8="), decoded("+/8="));
        assert_eq!(decoded("aGk"), Some(b"hi".to_vec()));
        assert_eq!(decoded("a"), None);
        assert_eq!(decoded("a b="), None);
    }
}
