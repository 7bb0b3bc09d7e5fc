//! Reading the `Authorization` header (RFC 6750, section 2.1).

/// Why an `Authorization` value holds no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerProblem {
    /// Another scheme, or none.
    NotBearer,
    /// The key holds spaces, control characters or bytes beyond ASCII.
    Malformed,
}

/// The key of `Bearer KEY`. The scheme's case does not matter; blanks around the key are cut. An
/// empty value, or a scheme without a key, gives an empty key.
pub fn bearer(value: &[u8]) -> Result<&[u8], BearerProblem> {
    let value = value.trim_ascii();
    if value.is_empty() {
        return Ok(value);
    }
    let Some((scheme, rest)) = value.split_at_checked(6) else {
        return Err(BearerProblem::NotBearer);
    };
    let spaced = rest.first().is_none_or(u8::is_ascii_whitespace);
    if !scheme.eq_ignore_ascii_case(b"bearer") || !spaced {
        return Err(BearerProblem::NotBearer);
    }
    let key = rest.trim_ascii();
    if key.iter().all(u8::is_ascii_graphic) {
        Ok(key)
    } else {
        Err(BearerProblem::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_behind_the_scheme() {
        for (value, key) in [
            ("Bearer sk-1", Ok("sk-1")),
            ("BEARER\tsk-1  ", Ok("sk-1")),
            ("", Ok("")),
            ("Bearer", Ok("")),
            ("Bearersk-1", Err(BearerProblem::NotBearer)),
            ("sk-1", Err(BearerProblem::NotBearer)),
            ("Basic eDp5", Err(BearerProblem::NotBearer)),
            ("Bearer a b", Err(BearerProblem::Malformed)),
            ("Bearer sch\u{fc}tz", Err(BearerProblem::Malformed)),
        ] {
            assert_eq!(bearer(value.as_bytes()), key.map(str::as_bytes), "{value}");
        }
    }
}
