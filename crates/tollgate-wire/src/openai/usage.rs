//! Token counts, as the many servers of this format write them.

use tollgate_core::reply::Usage;

use crate::counts::{count, details, part};
use crate::json::{Kind, NameBuffer, Problem, Scanner};

/// The counts as they are written.
#[derive(Default)]
struct Counts {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    /// `prompt_cache_hit_tokens` and `cached_tokens` beside the other counts, for servers that
    /// give no details.
    cached_plainly: Option<u64>,
    /// Written into the cache, as OpenAI and OpenRouter tell it in the details of the prompt.
    written: Option<u64>,
    reasoning: Option<u64>,
    /// Whether something of it was broken.
    odd: bool,
}

/// Takes the value of `usage`. There is none unless tokens of the prompt or of the answer are
/// counted. Counts that are negative, broken or no numbers do not count.
pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Option<Usage>, Problem> {
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    let mut counts = Counts::default();
    let odd = &mut false;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"prompt_tokens" => counts.prompt = count(scanner, odd)?,
            b"completion_tokens" => counts.completion = count(scanner, odd)?,
            b"total_tokens" => counts.total = count(scanner, odd)?,
            b"prompt_tokens_details" => {
                let wanted: [&[u8]; 2] = [b"cached_tokens", b"cache_write_tokens"];
                [counts.cached, counts.written] = details(scanner, wanted, odd)?;
            }
            b"completion_tokens_details" => {
                [counts.reasoning] = details(scanner, [b"reasoning_tokens"], odd)?;
            }
            b"prompt_cache_hit_tokens" | b"cached_tokens" => {
                counts.cached_plainly = count(scanner, odd)?;
            }
            _ => scanner.skip()?,
        }
    }
    counts.odd = *odd;
    Ok(counts.into_usage())
}

impl Counts {
    fn into_usage(self) -> Option<Usage> {
        if self.prompt.is_none() && self.completion.is_none() {
            return None;
        }
        let prompt = self.prompt.unwrap_or_default();
        let mut completion = self.completion.unwrap_or_default();
        let reasoning = self.reasoning.unwrap_or_default();
        // xAI counts reasoning beside the answer, not within it; only the total tells.
        if reasoning > 0 && self.total == Some(prompt + completion + reasoning) {
            completion += reasoning;
        }
        let mut odd = self.odd || self.prompt.is_none();
        // Only what has no answer, an embedding say, may leave its tokens out.
        odd |= self.completion.is_none() && self.total != Some(prompt);
        // Some report more cached tokens than the prompt has.
        let cached = part(self.cached.or(self.cached_plainly), prompt, &mut odd);
        Some(Usage {
            prompt,
            completion,
            cached,
            cache_written: part(self.written, prompt - cached, &mut odd),
            reasoning: part(self.reasoning, completion, &mut odd),
            bounded: odd,
            ..Usage::NONE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::MOST;

    fn usage(json: &str) -> Option<Usage> {
        read(&mut Scanner::new(json)).unwrap()
    }

    fn plain(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt,
            completion,
            ..Usage::default()
        }
    }

    fn odd(usage: Usage) -> Usage {
        Usage {
            bounded: true,
            ..usage
        }
    }

    #[test]
    fn counts_are_read_as_servers_write_them() {
        for (json, want) in [
            ("null", None),
            ("{}", None),
            ("[1]", None),
            (r#"{"prompt_tokens":null,"total_tokens":5}"#, None),
            (r#"{"prompt_tokens":"5"}"#, None),
            (
                r#"{"prompt_tokens":0,"completion_tokens":0}"#,
                Some(plain(0, 0)),
            ),
            (r#"{"prompt_tokens":9,"total_tokens":9}"#, Some(plain(9, 0))),
            (
                r#"{"prompt_tokens":24.0,"completion_tokens":-3}"#,
                Some(odd(plain(24, 0))),
            ),
            (
                r#"{"prompt_tokens":1.5,"completion_tokens":3}"#,
                Some(odd(plain(0, 3))),
            ),
            (
                r#"{"prompt_tokens":1e300,"completion_tokens":3}"#,
                Some(odd(plain(MOST, 3))),
            ),
            (
                r#"{"prompt_tokens":18446744073709551617}"#,
                Some(odd(plain(MOST, 0))),
            ),
            (r#"{"prompt_tok\u0065ns":7}"#, Some(odd(plain(7, 0)))),
            (
                r#"{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,
                    "completion_tokens_details":{"reasoning_tokens":290}}"#,
                Some(Usage {
                    prompt: 12,
                    completion: 291,
                    cached: 0,
                    cache_written: 0,
                    reasoning: 290,
                    ..Usage::default()
                }),
            ),
            (
                r#"{"prompt_tokens":203,"completion_tokens":15,"total_tokens":218,
                    "prompt_tokens_details":{"cached_tokens":314},
                    "completion_tokens_details":{"reasoning_tokens":0}}"#,
                Some(Usage {
                    prompt: 203,
                    completion: 15,
                    cached: 203,
                    bounded: true,
                    ..Usage::NONE
                }),
            ),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":4,
                    "prompt_tokens_details":null,
                    "completion_tokens_details":{"reasoning_tokens":9}}"#,
                Some(Usage {
                    prompt: 10,
                    completion: 5,
                    cached: 4,
                    reasoning: 5,
                    bounded: true,
                    ..Usage::NONE
                }),
            ),
        ] {
            assert_eq!(usage(json), want, "{json}");
        }
    }
}
