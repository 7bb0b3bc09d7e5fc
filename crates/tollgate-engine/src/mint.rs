//! Makes the clear text of keys out of the system's randomness.

use std::io;

use tollgate_core::secret::Secret;

/// Fills a buffer with bytes that nobody can foretell, from the system's generator.
pub type Entropy = fn(&mut [u8]) -> io::Result<()>;

/// How many characters follow the prefix: 40 of 62 kinds hold 238 bits.
const LENGTH: usize = 40;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Bytes from here on are thrown away: 256 is no multiple of 62, and a remainder would make some
/// characters likelier than others.
const FAIR: u8 = 248;
/// Each round yields about 62 of 64 bytes; a generator that needs more is broken.
const ROUNDS: usize = 16;

/// Makes a secret of this prefix and forty random letters and digits. Fails when the generator
/// does.
pub(crate) fn secret(prefix: &str, entropy: Entropy) -> io::Result<Secret> {
    let mut text = String::with_capacity(prefix.len() + LENGTH);
    text.push_str(prefix);
    let whole = prefix.len() + LENGTH;
    let mut bytes = [0; 64];
    for _ in 0..ROUNDS {
        entropy(&mut bytes)?;
        for byte in bytes.iter().filter(|byte| **byte < FAIR) {
            let letter = ALPHABET
                .get(usize::from(byte % 62))
                .copied()
                .unwrap_or_default();
            text.push(char::from(letter));
            if text.len() == whole {
                return Ok(Secret::new(text));
            }
        }
    }
    Err(io::Error::other(
        "the random generator yields no randomness",
    ))
}

/// Makes the random part of an id.
pub(crate) fn number(entropy: Entropy) -> io::Result<u64> {
    let mut bytes = [0; 8];
    entropy(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn every_character_is_as_likely_as_every_other() {
        static STATE: AtomicU64 = AtomicU64::new(1);
        let mixed: Entropy = |bytes| {
            for byte in bytes {
                let step = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
                let mixed = (step ^ (step >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                *byte = (mixed ^ (mixed >> 27))
                    .wrapping_mul(0x94d0_49bb_1331_11eb)
                    .to_le_bytes()[7];
            }
            Ok(())
        };
        let mut counts = [0_u32; 128];
        for _ in 0..62 * 64 {
            let secret = secret("", mixed).unwrap();
            for byte in secret.expose().bytes() {
                counts[usize::from(byte)] += 1;
            }
        }
        let seen: Vec<u32> = ALPHABET
            .iter()
            .map(|letter| counts[usize::from(*letter)])
            .collect();
        let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
        // A plain remainder would favour eight characters by a quarter.
        assert!(most - least <= most / 6, "{least} to {most}");
        assert_eq!(counts.iter().sum::<u32>(), seen.iter().sum::<u32>());
    }

    #[test]
    fn a_secret_has_its_prefix_and_forty_characters() {
        let zeros: Entropy = |bytes| {
            bytes.fill(0);
            Ok(())
        };
        let secret = secret("sk-tg-", zeros).unwrap();
        assert_eq!(secret.expose(), format!("sk-tg-{}", "0".repeat(40)));
    }

    #[test]
    fn a_broken_generator_makes_no_key() {
        let fails: Entropy = |_| Err(io::Error::other("no generator"));
        let stuck: Entropy = |bytes| {
            bytes.fill(255);
            Ok(())
        };
        assert!(secret("sk-tg-", fails).is_err());
        assert!(secret("sk-tg-", stuck).is_err());
        assert!(number(fails).is_err());
    }
}
