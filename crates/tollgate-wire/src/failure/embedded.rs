//! What can be found in the middle of a text: members of JSON or of a Python repr, and a status,
//! as when one gateway reports what another one answered.

/// The string or number behind the first member of this name, in either kind of quotes. The text
/// may break off inside the string.
pub(super) fn member(text: &str, name: &str) -> Option<String> {
    ['"', '\''].into_iter().find_map(|quote| {
        let key = format!("{quote}{name}{quote}");
        text.match_indices(&key).find_map(|(start, key)| {
            let rest = text
                .get(start + key.len()..)?
                .trim_start()
                .strip_prefix(':')?;
            value(rest.trim_start())
        })
    })
}

fn value(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix(['"', '\'']) {
        let quote = text.chars().next()?;
        return Some(unquoted(rest, quote));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)
        .filter(|digits| !digits.is_empty())
        .map(str::to_owned)
}

/// Up to the closing quote, with the escapes that occur in messages resolved.
fn unquoted(text: &str, quote: char) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'r' | 't') => plain.push(' '),
                Some(escaped) => plain.push(escaped),
                None => break,
            },
            letter if letter == quote => break,
            letter => plain.push(letter),
        }
    }
    plain
}

/// The HTTP status that a text quotes, as in "Error code: 429 - …".
pub(super) fn status(text: &str) -> Option<u16> {
    const LEADS: [&str; 8] = [
        "error code: ",
        "status code: ",
        "status code ",
        "status_code=",
        "status_code: ",
        "status: ",
        "with status ",
        "http error ",
    ];
    let text = text.to_ascii_lowercase();
    LEADS.iter().find_map(|lead| {
        let start = text.find(lead)? + lead.len();
        let digits = text.get(start..start + 3)?;
        let goes_on = text
            .as_bytes()
            .get(start + 3)
            .is_some_and(u8::is_ascii_digit);
        digits
            .parse()
            .ok()
            .filter(|status| (400..600).contains(status) && !goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_json_in_python_and_in_what_was_cut_off() {
        for (text, name, value) in [
            (r#"x - {"error": {"code" : "a_b"}}"#, "code", Some("a_b")),
            (
                "x - {'error': {'code': '429', 'message': 'Hi'}}",
                "code",
                Some("429"),
            ),
            (r#"{"code": 429, "m"#, "code", Some("429")),
            (
                r#"{"message":"it \"broke\" he"#,
                "message",
                Some("it \"broke\" he"),
            ),
            (r#"{"code":null}"#, "code", None),
            ("the code: 5", "code", None),
            (r#"{"message":"\"#, "message", Some("")),
        ] {
            assert_eq!(member(text, name).as_deref(), value, "{text}");
        }
    }

    #[test]
    fn a_quoted_status_is_found() {
        for (text, found) in [
            ("AzureException - Error code: 429 - {'error'", Some(429)),
            ("Server responded with status 503.", Some(503)),
            ("status code: 200", None),
            ("Error code: 4290", None),
            ("error code: é", None),
            ("Error code: 42", None),
        ] {
            assert_eq!(status(text), found, "{text}");
        }
    }
}
