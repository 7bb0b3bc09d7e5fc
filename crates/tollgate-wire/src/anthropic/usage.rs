//! Token counts. Anthropic's `input_tokens` leaves out what went through the cache; ours do not.

use serde_json::{Map, Value, json};
use tollgate_core::reply::Usage;

use crate::counts::{self, part};
use crate::json::{Kind, NameBuffer, Problem, Scanner};

/// The counts of an answer so far. Those that come later in a stream replace earlier ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cached: Option<u64>,
    written: Option<u64>,
    /// Of those, what the cache keeps for an hour.
    written_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    /// Whether a count was broken.
    odd: bool,
}

const DETAILS: &str = "output_tokens_details";
/// How long the cache keeps what was written into it.
const CREATION: &str = "cache_creation";

impl Counts {
    /// Takes the value of a `usage` that comes next. Counts that are negative, broken or no
    /// numbers do not count.
    pub(super) fn scan(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if scanner.kind()? != Kind::Object {
            return scanner.skip();
        }
        let mut members = scanner.object()?;
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            let name = name.name(&mut buffer);
            if name == DETAILS.as_bytes() || name == CREATION.as_bytes() {
                self.scan(scanner)?;
            } else if let Some(place) = self.place(name) {
                let mut odd = false;
                *place = counts::count(scanner, &mut odd)?.or(*place);
                self.odd |= odd;
            } else {
                scanner.skip()?;
            }
        }
        Ok(())
    }

    /// Takes a `usage`.
    pub(super) fn take(&mut self, usage: &Map<String, Value>) {
        for (name, value) in usage {
            match value {
                Value::Object(details) if name == DETAILS || name == CREATION => {
                    self.take(details);
                }
                value => {
                    let mut odd = false;
                    if let Some(place) = self.place(name.as_bytes()) {
                        *place = counts::member(Some(value), &mut odd).or(*place);
                    }
                    self.odd |= odd;
                }
            }
        }
    }

    fn place(&mut self, name: &[u8]) -> Option<&mut Option<u64>> {
        Some(match name {
            b"input_tokens" => &mut self.input,
            b"cache_read_input_tokens" => &mut self.cached,
            b"cache_creation_input_tokens" => &mut self.written,
            b"ephemeral_1h_input_tokens" => &mut self.written_1h,
            b"output_tokens" => &mut self.output,
            b"thinking_tokens" => &mut self.thinking,
            _ => return None,
        })
    }

    /// The counts in our terms; `None` if neither prompt nor answer was counted.
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let cached = self.cached.unwrap_or_default();
        let cache_written = self.written.unwrap_or_default();
        let completion = self.output.unwrap_or_default();
        let mut odd = self.odd || self.input.is_none() || self.output.is_none();
        Some(Usage {
            prompt: self.input.unwrap_or_default() + cached + cache_written,
            completion,
            cached,
            cache_written,
            cache_written_1h: part(self.written_1h, cache_written, &mut odd),
            reasoning: part(self.thinking, completion, &mut odd),
            bounded: odd,
        })
    }
}

/// A `usage` in Anthropic's terms.
pub(crate) fn written(usage: &Usage) -> Value {
    let through_cache = usage.cached.saturating_add(usage.cache_written);
    let mut value = json!({
        "input_tokens": usage.prompt.saturating_sub(through_cache),
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    });
    if let Some(members) = value.as_object_mut()
        && usage.reasoning > 0
    {
        members.insert(
            DETAILS.to_owned(),
            json!({"thinking_tokens": usage.reasoning}),
        );
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::MOST;

    fn both(json: &str) -> Option<Usage> {
        let mut scanned = Counts::default();
        scanned.scan(&mut Scanner::new(json)).unwrap();
        let mut taken = Counts::default();
        if let Value::Object(usage) = serde_json::from_str(json).unwrap() {
            taken.take(&usage);
        }
        assert_eq!(scanned.usage(), taken.usage(), "{json}");
        scanned.usage()
    }

    #[test]
    fn the_prompt_includes_what_went_through_the_cache() {
        let usage = both(
            r#"{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":7351,
            "cache_creation":{"ephemeral_5m_input_tokens":5},"output_tokens":40,
            "output_tokens_details":{"thinking_tokens":30},"service_tier":"standard"}"#,
        )
        .unwrap();
        let want = Usage {
            prompt: 7366,
            completion: 40,
            cached: 7351,
            cache_written: 5,
            reasoning: 30,
            ..Usage::default()
        };
        assert_eq!(usage, want);
        assert_eq!(both(&written(&want).to_string()), Some(want));
    }

    #[test]
    fn broken_counts_do_not_count() {
        for json in ["{}", "null", r#"{"input_tokens":null,"output_tokens":-1}"#] {
            assert_eq!(both(json), None, "{json}");
        }
        let usage = both(r#"{"input_tokens":99999999999999,"output_tokens":"x"}"#).unwrap();
        assert_eq!((usage.prompt, usage.completion), (MOST, 0));
    }
}
