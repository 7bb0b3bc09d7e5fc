//! Percent signs in addresses and in the values of faults.

/// Puts bytes in place of `%XX`.
pub(crate) fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (*first, tail)
            && let (Some(high), Some(low)) = (
                char::from(*high).to_digit(16),
                char::from(*low).to_digit(16),
            )
        {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first value of this name in a query, decoded.
pub(crate) fn in_query(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(present, _)| decoded(present) == name);
    named.next().map(|(_, value)| decoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pair_of_digits_stays_as_it_is() {
        assert_eq!(decoded("a%3Ab%3ac%zz%"), "a:b:c%zz%");
        assert_eq!(decoded("%F0%9F%8D%8E"), "🍎");
    }

    #[test]
    fn a_query_is_searched_by_name() {
        assert_eq!(in_query("alt=sse&key=a%2Bb", "key").as_deref(), Some("a+b"));
        assert_eq!(in_query("alt=sse&keys=1", "key"), None);
    }
}
