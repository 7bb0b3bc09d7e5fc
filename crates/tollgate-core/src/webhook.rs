//! Signatures of webhooks that come in: `t=1763719445,v1=5f8a…`. Each `v1` is HMAC-SHA-256 over
//! the time in seconds, a dot and the body, in hexadecimal, under a secret that both sides know.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;
use crate::time::Timestamp;

/// How far the time of a signature may be from now, before or after.
pub const TOLERANCE: Duration = Duration::from_mins(5);
/// The most signatures in one header: one, and those of other secrets while they are changed.
const MOST: usize = 8;
/// The longest header that is read.
const LONGEST: usize = 1024;

/// A header that was read and whose time is good. Whether it signs a body is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    time: i64,
    codes: Vec<[u8; 32]>,
}

/// Why a signature is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It does not have the form.
    #[error("it must read t=SECONDS,v1=HEXADECIMAL, once")]
    Form,
    /// It was made too long ago, or is of the future.
    #[error("its time is more than five minutes away from now")]
    Time,
    /// It is not that of the body.
    #[error("it is not that of this body under the secret of this gateway")]
    Code,
}

impl Signature {
    /// Reads a header. Fails if it does not have the form, and if its time is not near now.
    pub fn read(header: &[u8], now: Timestamp) -> Result<Self, SignatureError> {
        let header = std::str::from_utf8(header).map_err(|_| SignatureError::Form)?;
        if header.len() > LONGEST {
            return Err(SignatureError::Form);
        }
        let (mut time, mut codes) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=').ok_or(SignatureError::Form)? {
                ("t", seconds) => {
                    let is_plain = seconds.bytes().all(|byte| byte.is_ascii_digit());
                    let seconds = seconds.parse::<i64>().ok().filter(|_| is_plain);
                    let seconds = seconds.ok_or(SignatureError::Form)?;
                    if time.replace(seconds).is_some() {
                        return Err(SignatureError::Form);
                    }
                }
                ("v1", code) if codes.len() < MOST => {
                    codes.push(bytes(code).ok_or(SignatureError::Form)?);
                }
                ("v1", _) => return Err(SignatureError::Form),
                // Other versions may stand beside the one that is known here.
                _ => {}
            }
        }
        let time = time.filter(|_| !codes.is_empty());
        let time = time.ok_or(SignatureError::Form)?;
        let tolerance = TOLERANCE.as_secs();
        if time.abs_diff(now.as_seconds()) > tolerance {
            return Err(SignatureError::Time);
        }
        Ok(Self { time, codes })
    }

    /// Whether it signs this body. The time it takes tells nothing about the secret.
    pub fn check(&self, secret: &Secret, body: &[u8]) -> Result<(), SignatureError> {
        let mut is_good = false;
        for code in &self.codes {
            is_good |= mac(secret, self.time, body).verify_slice(code).is_ok();
        }
        if is_good {
            Ok(())
        } else {
            Err(SignatureError::Code)
        }
    }
}

/// The header for a body that is signed at this time.
pub fn sign(secret: &Secret, now: Timestamp, body: &[u8]) -> String {
    let time = now.as_seconds();
    let code = mac(secret, time, body).finalize().into_bytes();
    let digits = code.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16));
    let digits: String = digits.collect();
    format!("t={time},v1={digits}")
}

fn mac(secret: &Secret, time: i64, body: &[u8]) -> Hmac<Sha256> {
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes a key of any length (RFC 2104)"
    )]
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes any key");
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    let value = char::from(letter).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_763_719_445_000);
    const BODY: &[u8] = br#"{"event":"evt_1"}"#;
    /// `printf '1763719445.{"event":"evt_1"}' | openssl dgst -sha256 -hmac whsec`.
    const CODE: &str = "665479b55f7bbf740315c2bc2bb4e59915726eed43c55701916cf4be9539ec28";

    fn secret() -> Secret {
        Secret::new("whsec")
    }

    fn checked(header: &str) -> Result<(), SignatureError> {
        Signature::read(header.as_bytes(), NOW)?.check(&secret(), BODY)
    }

    #[test]
    fn a_signature_of_openssl_is_good() {
        let header = sign(&secret(), NOW, BODY);
        assert_eq!(header, format!("t=1763719445,v1={CODE}"));
        assert_eq!(checked(&header), Ok(()));
        let other = "0".repeat(64);
        for header in [
            format!("t=1763719445, v1={other}, v1={CODE}"),
            format!("v0=x,v1={CODE},t=1763719445"),
            format!("t=1763719445,v1={}", CODE.to_uppercase()),
        ] {
            assert_eq!(checked(&header), Ok(()), "{header}");
        }
    }

    #[test]
    fn what_is_forged_stale_or_of_another_form_is_refused() {
        use SignatureError::{Code, Form, Time};
        let other = "0".repeat(64);
        let many = format!(",v1={other}").repeat(9);
        for (header, error) in [
            (format!("t=1763719445,v1={other}"), Code),
            (format!("t=1763719446,v1={CODE}"), Code),
            (format!("t=1763719144,v1={CODE}"), Time),
            (format!("t=1763719746,v1={CODE}"), Time),
            (format!("t=-9223372036854775808,v1={CODE}"), Form),
            (format!("t=+1763719445,v1={CODE}"), Form),
            (format!("t=1763719445,t=1763719445,v1={CODE}"), Form),
            (format!("t=,v1={CODE}"), Form),
            (format!("v1={CODE}"), Form),
            ("t=1763719445".to_owned(), Form),
            ("t=1763719445,v1=".to_owned(), Form),
            (format!("t=1763719445,v1={}", "é".repeat(32)), Form),
            (format!("t=1763719445,v1={}", "+1".repeat(32)), Form),
            (format!("t=1763719445{many}"), Form),
            (format!("t=1763719445,v1={CODE},{}", "x=".repeat(600)), Form),
            (String::new(), Form),
        ] {
            assert_eq!(checked(&header), Err(error), "{header}");
        }
        let good = Signature::read(sign(&secret(), NOW, BODY).as_bytes(), NOW).unwrap();
        assert_eq!(good.check(&secret(), b""), Err(Code));
        assert_eq!(good.check(&Secret::new("other"), BODY), Err(Code));
    }
}
