//! Base64 with the standard alphabet (RFC 4648, section 4): texts that stand plainly in one format
//! and encoded in another.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of these bytes, padded.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut padded = group.iter().copied().chain([0, 0]);
        let bits = (0..3).fold(0_u32, |bits, _| {
            bits << 8 | u32::from(padded.next().unwrap_or_default())
        });
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = LETTERS.get((bits >> shift & 63) as usize).copied();
            text.push(match letter {
                Some(letter) if place <= group.len() => char::from(letter),
                _ => '=',
            });
        }
    }
    text
}

/// The bytes of this text; `None` if it is no base64. White space is passed over.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in text.trim_end().trim_end_matches('=').bytes() {
        if letter.is_ascii_whitespace() {
            continue;
        }
        let value = LETTERS.iter().position(|known| *known == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            let [.., low] = (bits >> held).to_be_bytes();
            bytes.push(low);
            bits &= (1 << held) - 1;
        }
    }
    // A single letter more than whole groups is no byte.
    (held < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("\u{e9}\u{1f600}?", "w6nwn5iAPw=="),
        ] {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(decode("Zm9v\nYmFy").as_deref(), Some(&b"foobar"[..]));
        assert_eq!(decode("Z"), None);
        assert_eq!(decode("Zm9%"), None);
    }
}
