//! The attempts of a request in one line, for headers and other places that hold plain text.

use std::fmt::Write as _;

use super::failure::AttemptRecord;
use crate::money::{Money, UsdText};

/// The most bytes of a line: many clients and proxies refuse heads above 8 KiB.
pub const LONGEST: usize = 4 * 1024;

/// Writes attempts as a list in the form of RFC 8941, in their order and as far as they fit into
/// `longest` bytes: `main/gpt-4o;code=provider_error;status=503;ms=132, backup/gpt-4o;…`. Where the
/// provider charges for an attempt that came to nothing, `usd` says how much.
pub fn line<'a>(attempts: impl Iterator<Item = &'a AttemptRecord>, longest: usize) -> String {
    let mut line = String::new();
    for attempt in attempts {
        let before = line.len();
        if before > 0 {
            line.push_str(", ");
        }
        push_name(&mut line, attempt);
        // Writing to a String cannot fail.
        _ = write!(line, ";code={}", attempt.outcome());
        if let Some(status) = attempt.status {
            _ = write!(line, ";status={status}");
        }
        _ = write!(line, ";ms={}", attempt.duration.as_millis());
        if let Some(nano) = attempt.lost_cost() {
            line.push_str(";usd=");
            line.push_str(UsdText::of(Money::from_nano(nano)).as_str());
        }
        if line.len() > longest {
            line.truncate(before);
            break;
        }
    }
    line
}

/// An attempt as a line tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The connection.
    pub connection: String,
    /// The model as the provider calls it.
    pub model: String,
    /// How it ended.
    pub code: String,
    /// The provider's status, if there was one.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: Option<u64>,
}

/// Reads a line that [`line()`] wrote. What it did not write is passed over.
pub fn read(line: &str) -> impl Iterator<Item = Told> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (name, behind) = read_name(rest)?;
        let (attempt, next) = behind.split_once(", ").unwrap_or((behind, ""));
        rest = next;
        let (connection, model) = name.split_once('/').unwrap_or((&name, ""));
        let mut told = Told {
            connection: connection.to_owned(),
            model: model.to_owned(),
            ..Told::default()
        };
        for (name, value) in attempt.split(';').filter_map(|part| part.split_once('=')) {
            match name {
                "code" => value.clone_into(&mut told.code),
                "status" => told.status = value.parse().ok(),
                "ms" => told.ms = value.parse().ok(),
                _ => {}
            }
        }
        Some(told)
    })
}

/// The name at the front of a line, and what stands behind it.
fn read_name(line: &str) -> Option<(String, &str)> {
    let Some(quoted) = line.strip_prefix('"') else {
        let end = line.find(';').unwrap_or(line.len());
        let (name, behind) = line.split_at_checked(end)?;
        return (!name.is_empty()).then(|| (name.to_owned(), behind));
    };
    let (mut name, mut is_escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '\\' if !is_escaped => {
                is_escaped = true;
                continue;
            }
            '"' if !is_escaped => return Some((name, quoted.get(at + 1..)?)),
            other => name.push(other),
        }
        is_escaped = false;
    }
    None
}

/// Writes `connection/model` as a token, or as a string where a token cannot hold it. The name of
/// a model may be the caller's: what neither can hold is written as a question mark.
fn push_name(line: &mut String, attempt: &AttemptRecord) {
    let (connection, model) = (&*attempt.connection, &*attempt.model);
    let begins = connection.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*');
    if begins && connection.bytes().chain(model.bytes()).all(is_of_token) {
        line.extend([connection, "/", model]);
        return;
    }
    line.push('"');
    for letter in connection.chars().chain(['/']).chain(model.chars()) {
        match letter {
            '"' | '\\' => line.extend(['\\', letter]),
            ' '..='~' => line.push(letter),
            _ => line.push('?'),
        }
    }
    line.push('"');
}

const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
                | b':'
                | b'/'
        )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{Code, Lost, LostCost};
    use crate::ledger::Flags;
    use crate::reply::Usage;

    fn attempt(connection: &str, model: &str, code: Option<Code>) -> AttemptRecord {
        AttemptRecord {
            connection: connection.into(),
            model: model.into(),
            code,
            cancelled: false,
            status: code.is_none().then_some(200),
            duration: Duration::from_micros(132_900),
            lost: None,
        }
    }

    #[test]
    fn every_attempt_says_who_was_asked_how_it_ended_and_how_long_it_took() {
        let mut failed = attempt("main", "gpt-4o", Some(Code::ProviderError));
        failed.status = Some(503);
        let mut slow = attempt("slow", "gpt-4o", None);
        (slow.cancelled, slow.status) = (true, None);
        failed.lost = Some(Box::new(Lost {
            usage: Usage::NONE,
            flags: Flags::NONE,
            model: "gpt-4o".into(),
            cost: Some(LostCost {
                nano: 12_500,
                price_version: "1".into(),
            }),
        }));
        let attempts = [failed, slow, attempt("backup", "openai/gpt-4o:x", None)];
        assert_eq!(
            line(attempts.iter(), LONGEST),
            "main/gpt-4o;code=provider_error;status=503;ms=132;usd=0.0000125, \
             slow/gpt-4o;code=cancelled;ms=132, \
             backup/openai/gpt-4o:x;code=ok;status=200;ms=132"
        );
        let read: Vec<Told> = read(&line(attempts.iter(), LONGEST)).collect();
        let told: Vec<_> = read.iter().map(|told| (&*told.code, told.status)).collect();
        let expected = [
            ("provider_error", Some(503)),
            ("cancelled", None),
            ("ok", Some(200)),
        ];
        assert_eq!(told, expected);
        assert_eq!(line([].iter(), LONGEST), "");
    }

    #[test]
    fn what_no_line_is_gives_no_attempts() {
        for text in ["", ";", "\"", "\"a/b", "\"a\\"] {
            assert_eq!(read(text).count(), 0, "{text}");
        }
        assert_eq!(read("a/b").count(), 1);
    }

    #[test]
    fn names_of_callers_cannot_leave_their_place() {
        for (connection, model, written) in [
            ("main", "a;b", "\"main/a;b\""),
            ("main", "a, b", "\"main/a, b\""),
            ("main", "a\"\\", "\"main/a\\\"\\\\\""),
            ("main", "a\r\nb\u{e9}", "\"main/a??b?\""),
            ("1st", "m", "\"1st/m\""),
            ("*", "m", "*/m"),
        ] {
            let told = line([attempt(connection, model, None)].iter(), LONGEST);
            assert_eq!(told, format!("{written};code=ok;status=200;ms=132"));
            let read: Vec<Told> = read(&told).collect();
            let model: String = model
                .chars()
                .map(|letter| {
                    if (' '..='~').contains(&letter) {
                        letter
                    } else {
                        '?'
                    }
                })
                .collect();
            let expected = Told {
                connection: connection.to_owned(),
                model,
                code: "ok".to_owned(),
                status: Some(200),
                ms: Some(132),
            };
            assert_eq!(read, [expected]);
        }
    }

    #[test]
    fn a_line_is_bounded_and_ends_behind_a_whole_attempt() {
        let attempts = vec![attempt("main", &"m".repeat(100), None); 100];
        let told = line(attempts.iter(), 1000);
        assert!(told.len() <= 1000 && told.len() > 800, "{}", told.len());
        assert!(told.ends_with(";ms=132"), "{told}");
        let huge = attempt("main", &"m".repeat(5000), None);
        assert_eq!(line([huge].iter(), LONGEST), "");
    }
}
