//! The rules by which the table recognises the names of models.
//!
//! Alternatives stand between `|`, conditions between `&`. `=x` is the name itself, `^x` its
//! beginning, `$x` its end, `*x` a part of it. `~x` is a name with digits for `#` and with `-` or
//! `@` for `@`; with `!` at its end the name may go on. `!x` says that no part of the name, between
//! dashes, is `x`.

/// Whether a rule holds for a name in lower case.
pub(super) fn holds(rule: &str, name: &str) -> bool {
    !rule.is_empty()
        && rule
            .split('|')
            .any(|conditions| conditions.split('&').all(|one| condition(one, name)))
}

/// Whether a rule has a name among its alternatives as it is.
pub(super) fn names(rule: &str, name: &str) -> bool {
    rule.split('|')
        .any(|alternative| alternative.strip_prefix('=') == Some(name))
}

fn condition(condition: &str, name: &str) -> bool {
    let Some((kind, text)) = condition.split_at_checked(1) else {
        return false;
    };
    match kind {
        "=" => name == text,
        "^" => name.starts_with(text),
        "$" => name.ends_with(text),
        "*" => name.contains(text),
        "~" => pattern(text, name),
        "!" => name.split('-').skip(1).all(|part| part != text),
        _ => false,
    }
}

fn pattern(pattern: &str, name: &str) -> bool {
    let (pattern, open) = match pattern.strip_suffix('!') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let fits = pattern.len() == name.len() || (open && pattern.len() < name.len());
    fits && pattern
        .bytes()
        .zip(name.bytes())
        .all(|(want, byte)| match want {
            b'#' => byte.is_ascii_digit(),
            b'@' => matches!(byte, b'-' | b'@'),
            other => byte == other,
        })
}
