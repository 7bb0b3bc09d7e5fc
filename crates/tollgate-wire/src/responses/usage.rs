//! Token counts, as the servers of this format write them.

use serde_json::{Value, json};
use tollgate_core::reply::Usage;

use crate::counts::{count, details, part};
use crate::json::{Kind, NameBuffer, Problem, Scanner};

/// Takes the value of `usage`. There is none unless tokens of the prompt or of the answer are
/// counted. Counts that are negative, broken or no numbers do not count.
pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Option<Usage>, Problem> {
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    let (mut input, mut output) = (None, None);
    let (mut cached, mut written, mut reasoning) = (None, None, None);
    let mut odd = false;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"input_tokens" => input = count(scanner, &mut odd)?,
            b"output_tokens" => output = count(scanner, &mut odd)?,
            b"input_tokens_details" => {
                [cached, written] =
                    details(scanner, [b"cached_tokens", b"cache_write_tokens"], &mut odd)?;
            }
            b"output_tokens_details" => {
                [reasoning] = details(scanner, [b"reasoning_tokens"], &mut odd)?;
            }
            _ => scanner.skip()?,
        }
    }
    if input.is_none() && output.is_none() {
        return Ok(None);
    }
    odd |= input.is_none() || output.is_none();
    let prompt = input.unwrap_or_default();
    let completion = output.unwrap_or_default();
    // Some report more cached tokens than the prompt has.
    let cached = part(cached, prompt, &mut odd);
    Ok(Some(Usage {
        prompt,
        completion,
        cached,
        cache_written: part(written, prompt - cached, &mut odd),
        reasoning: part(reasoning, completion, &mut odd),
        bounded: odd,
        ..Usage::NONE
    }))
}

/// The counts as callers get them.
pub(super) fn write(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_written,
        },
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt.saturating_add(usage.completion),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::MOST;

    fn odd(usage: Usage) -> Usage {
        Usage {
            bounded: true,
            ..usage
        }
    }

    #[test]
    fn counts_are_read_as_servers_write_them() {
        let plain = |prompt, completion| Usage {
            prompt,
            completion,
            ..Usage::default()
        };
        for (json, want) in [
            ("null", None),
            ("7", None),
            ("{}", None),
            (r#"{"total_tokens":5}"#, None),
            (r#"{"input_tokens":-1,"output_tokens":1.5}"#, None),
            (r#"{"input_tokens":5}"#, Some(odd(plain(5, 0)))),
            (
                r#"{"input_tokens":99999999999999999999,"output_tokens":1}"#,
                Some(odd(plain(MOST, 1))),
            ),
            (
                r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":12,"cache_write_tokens":3},
                    "output_tokens":4,"output_tokens_details":{"reasoning_tokens":7}}"#,
                Some(Usage {
                    prompt: 9,
                    completion: 4,
                    cached: 9,
                    reasoning: 4,
                    bounded: true,
                    ..Usage::NONE
                }),
            ),
        ] {
            assert_eq!(read(&mut Scanner::new(json)).unwrap(), want, "{json}");
        }
    }
}
