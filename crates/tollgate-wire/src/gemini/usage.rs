//! Token counts in Google's words.

use serde_json::{Value, json};
use tollgate_core::reply::Usage;

use crate::counts::{self, part};
use crate::json::{self, Kind, NameBuffer, Problem, Scanner};

/// The counts as they are written. A count that is missing is zero: Google leaves zeros out.
#[derive(Default)]
struct Counts {
    prompt: Option<u64>,
    /// Tokens of what tools of Google's own gave, counted beside the prompt.
    tools: Option<u64>,
    cached: Option<u64>,
    answer: Option<u64>,
    /// Counted beside the answer.
    thoughts: Option<u64>,
    total: Option<u64>,
    /// Whether something of it was broken.
    odd: bool,
}

/// Takes the value of `usageMetadata`. There is none if nothing is counted, as for prompts that
/// were blocked. Counts that are negative, broken or no numbers do not count.
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
            b"promptTokenCount" => counts.prompt = count(scanner, odd)?,
            b"toolUsePromptTokenCount" => counts.tools = count(scanner, odd)?,
            b"cachedContentTokenCount" => counts.cached = count(scanner, odd)?,
            b"candidatesTokenCount" => counts.answer = count(scanner, odd)?,
            b"thoughtsTokenCount" => counts.thoughts = count(scanner, odd)?,
            b"totalTokenCount" => counts.total = count(scanner, odd)?,
            _ => scanner.skip()?,
        }
    }
    counts.odd = *odd;
    Ok(counts.into_usage())
}

impl Counts {
    fn into_usage(self) -> Option<Usage> {
        self.prompt.or(self.answer).or(self.total)?;
        let prompt = self.prompt.unwrap_or_default() + self.tools.unwrap_or_default();
        let reasoning = self.thoughts.unwrap_or_default();
        // A total of what is not told apart is no count of anything.
        let is_untold = self.prompt.is_none() && self.answer.is_none();
        let mut odd = self.odd || (is_untold && self.total.is_some_and(|total| total > 0));
        Some(Usage {
            prompt,
            completion: self.answer.unwrap_or_default() + reasoning,
            cached: part(self.cached, prompt, &mut odd),
            reasoning,
            bounded: odd,
            ..Usage::NONE
        })
    }
}

/// Takes a count: a number, or one in quotes, as protobuf writes long ones. `odd` is set if it is
/// broken, or more than any call can have.
pub(super) fn count(scanner: &mut Scanner<'_>, odd: &mut bool) -> Result<Option<u64>, Problem> {
    if scanner.kind()? != Kind::String {
        return counts::count(scanner, odd);
    }
    let digits = scanner.string()?.decode();
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let Some(digits) = digits.filter(|digits| is_number(digits)) else {
        *odd = true;
        return Ok(None);
    };
    Ok(counts::believed(json::count(&digits), odd))
}

/// The counts as Google writes them.
pub(crate) fn write(usage: &Usage) -> Value {
    let mut counts = json!({
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.completion.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.prompt.saturating_add(usage.completion),
    });
    if let Some(counts) = counts.as_object_mut() {
        for (name, count) in [
            ("cachedContentTokenCount", usage.cached),
            ("thoughtsTokenCount", usage.reasoning),
        ] {
            if count > 0 {
                counts.insert(name.to_owned(), count.into());
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::MOST;

    fn usage(json: &str) -> Option<Usage> {
        read(&mut Scanner::new(json)).unwrap()
    }

    #[test]
    fn thoughts_are_counted_beside_the_answer_and_cached_tokens_within_the_prompt() {
        let json = r#"{"promptTokenCount":9622,"candidatesTokenCount":35,"totalTokenCount":9793,
            "cachedContentTokenCount":9609,"thoughtsTokenCount":136,"serviceTier":"standard"}"#;
        let want = Usage {
            prompt: 9622,
            completion: 171,
            cached: 9609,
            cache_written: 0,
            reasoning: 136,
            ..Usage::default()
        };
        assert_eq!(usage(json), Some(want));
        assert_eq!(want.prompt + want.completion, 9793);
        assert_eq!(usage(&write(&want).to_string()), Some(want));
    }

    #[test]
    fn odd_counts_are_read_as_what_they_can_mean() {
        let plain = |prompt, completion| {
            Some(Usage {
                prompt,
                completion,
                ..Usage::default()
            })
        };
        let odd = |usage: Option<Usage>| {
            usage.map(|usage| Usage {
                bounded: true,
                ..usage
            })
        };
        for (json, want) in [
            ("null", None),
            ("{}", None),
            ("[]", None),
            (r#"{"trafficType":"ON_DEMAND"}"#, None),
            (r#"{"totalTokenCount":0}"#, plain(0, 0)),
            (r#"{"promptTokenCount":9,"totalTokenCount":9}"#, plain(9, 0)),
            (
                r#"{"promptTokenCount":9,"toolUsePromptTokenCount":4,"candidatesTokenCount":1}"#,
                plain(13, 1),
            ),
            (r#"{"promptTokenCount":"12"}"#, plain(12, 0)),
            (
                r#"{"promptTokenCount":-1,"candidatesTokenCount":2}"#,
                odd(plain(0, 2)),
            ),
            (r#"{"promptTokenCount":1e300}"#, odd(plain(MOST, 0))),
            (r#"{"totalTokenCount":7}"#, odd(plain(0, 0))),
        ] {
            assert_eq!(usage(json), want, "{json}");
        }
    }
}
