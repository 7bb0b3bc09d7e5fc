//! A value that cannot be printed and is compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// A credential in clear text. It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a credential.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Lends the clear text to the place that must send or hash it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares with another text; the time tells nothing but the lengths.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("sk-tg-canary");
        assert!(!format!("{secret:?}").contains("canary"));
    }

    #[test]
    fn a_secret_matches_only_itself() {
        let secret = Secret::new("sk-tg-1");
        assert!(secret.matches(b"sk-tg-1"));
        assert!(!secret.matches(b"sk-tg-2"));
        assert!(!secret.matches(b"sk-tg-11"));
    }
}
