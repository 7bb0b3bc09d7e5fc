//! What answers and streams say alike: ends, token counts, citations.

use serde_json::{Map, Value};
use tollgate_core::reply::{Finish, Usage};

use crate::counts::{MOST, part};
use crate::neutral::Citation;

/// Why a model stopped.
pub(super) enum End {
    /// It has answered.
    Good(Finish),
    /// It has not: a failure within a good status.
    Failed,
}

pub(super) fn end(reason: &str) -> End {
    End::Good(match reason {
        "COMPLETE" | "STOP_SEQUENCE" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "TOOL_CALL" => Finish::ToolCalls,
        "ERROR_TOXIC" => Finish::ContentFilter,
        "TIMEOUT" => return End::Failed,
        reason if reason.starts_with("ERROR") => return End::Failed,
        _ => Finish::Other,
    })
}

/// The token counts in `usage`: what is billed, for that is what a call costs. What the model has
/// read besides (`tokens`: its own instructions, mostly) counts only where nothing is said of the
/// bill; the cached tokens are a part of those, so they are not told beside the billed ones, which
/// may be fewer.
pub(in crate::cohere) fn usage(value: &Value) -> Option<Usage> {
    let usage = value.as_object()?;
    let mut odd = false;
    let mut count = |group: &str, name: &str| whole(usage.get(group)?.get(name)?, &mut odd);
    let mut either = |name: &str| count("billed_units", name).or(count("tokens", name));
    let (prompt, completion) = (either("input_tokens"), either("output_tokens"));
    if prompt.is_none() && completion.is_none() {
        return None;
    }
    let is_billed = count("billed_units", "input_tokens").is_some();
    let reasoning = count("tokens", "reasoning_tokens");
    let cached = usage.get("cached_tokens").filter(|_| !is_billed);
    let cached = cached.and_then(|count| whole(count, &mut odd));
    odd |= prompt.is_none() || completion.is_none();
    let (prompt, completion) = (prompt.unwrap_or_default(), completion.unwrap_or_default());
    Some(Usage {
        prompt,
        completion,
        cached: part(cached, prompt, &mut odd),
        // What is billed may be less than what was written.
        reasoning: reasoning.unwrap_or_default().min(completion),
        bounded: odd,
        ..Usage::NONE
    })
}

/// A count, however it is written. Greater ones than any call has are not believed; `odd` is set
/// for them, and for what is broken.
fn whole(value: &Value, odd: &mut bool) -> Option<u64> {
    const LARGEST: f64 = MOST as f64;
    let count = value.as_f64().filter(|count| *count >= 0.0);
    *odd |= !value.is_null() && count.is_none_or(|count| count > LARGEST);
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "negative counts are filtered out, and the others are bounded"
    )]
    count.map(|count| count.min(LARGEST) as u64)
}

/// A citation in a text, with the first of its sources. Those in plans and thoughts have no place.
pub(super) fn citation(citation: &Map<String, Value>) -> Option<Citation> {
    let kind = citation.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != "TEXT_CONTENT") {
        return None;
    }
    let count = |name: &str| citation.get(name).and_then(Value::as_u64);
    let sources = citation.get("sources").and_then(Value::as_array);
    let source = sources.and_then(|sources| sources.first());
    let document = source
        .and_then(|source| source.get("document").or(source.get("tool_output")))
        .and_then(Value::as_object);
    let told = |name: &str| document.and_then(|document| text(document, name));
    let found = Citation {
        url: told("url"),
        title: told("title"),
        quote: told("snippet").or(told("text")),
        document: None,
        start: count("start"),
        end: count("end"),
    };
    (found != Citation::default()).then_some(found)
}

/// An id for a call that came without: unlike those of other answers.
pub(super) fn call_id(answer: &str, at: usize) -> String {
    let answer = answer.bytes().filter(u8::is_ascii_alphanumeric);
    let answer: String = answer.map(char::from).collect();
    format!("call_{answer}_{at}")
}

/// A member that is a text and not empty.
pub(super) fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    let text = object.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_billed_counts_and_its_absence_leaves_what_was_read() {
        let plain = |prompt, completion, cached, reasoning| {
            Some(Usage {
                prompt,
                completion,
                cached,
                cache_written: 0,
                reasoning,
                ..Usage::default()
            })
        };
        let billed = json!({"input_tokens": 71, "output_tokens": 8});
        let tokens = json!({"input_tokens": 1678.0, "output_tokens": 11, "reasoning_tokens": 9});
        for (value, want) in [
            (
                json!({"billed_units": billed, "tokens": tokens, "cached_tokens": 1440}),
                plain(71, 8, 0, 8),
            ),
            (
                json!({"tokens": tokens, "cached_tokens": 1440}),
                plain(1678, 11, 1440, 9),
            ),
            (
                json!({"billed_units": {"output_tokens": 8}, "tokens": {"input_tokens": 5}, "cached_tokens": 9}),
                plain(5, 8, 5, 0).map(|usage| Usage {
                    bounded: true,
                    ..usage
                }),
            ),
            (json!({"billed_units": {"search_units": 1}}), None),
            (json!({"tokens": {"input_tokens": -1}}), None),
            (json!(null), None),
        ] {
            assert_eq!(usage(&value), want, "{value}");
        }
    }

    #[test]
    fn failures_within_an_answer_are_failures() {
        for reason in ["ERROR", "TIMEOUT", "ERROR_LIMIT"] {
            assert!(matches!(end(reason), End::Failed), "{reason}");
        }
        for (reason, finish) in [
            ("COMPLETE", Finish::Stop),
            ("STOP_SEQUENCE", Finish::Stop),
            ("MAX_TOKENS", Finish::Length),
            ("TOOL_CALL", Finish::ToolCalls),
            ("ERROR_TOXIC", Finish::ContentFilter),
            ("USER_CANCEL", Finish::Other),
        ] {
            assert!(
                matches!(end(reason), End::Good(got) if got == finish),
                "{reason}"
            );
        }
    }
}
