//! What answers and streams say in the same words: why a model stopped, token counts, citations.

use serde_json::{Map, Value};
use tollgate_core::reply::{Finish, Usage};

use crate::counts;
use crate::neutral::Citation;

/// What a `stopReason` means.
pub(super) fn finish(word: &str) -> Finish {
    match word {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "guardrail_intervened" | "content_filtered" => Finish::ContentFilter,
        _ => Finish::Other,
    }
}

/// Whether a `stopReason` says that what the model made could not be read.
pub(super) fn is_malformed(word: &str) -> bool {
    word.starts_with("malformed_")
}

/// Token counts in our terms; `None` if neither prompt nor answer was counted.
pub(super) fn usage(usage: &Map<String, Value>) -> Option<Usage> {
    let mut odd = false;
    let mut count = |name: &str| counts::member(usage.get(name), &mut odd);
    let (input, output, total) = (
        count("inputTokens"),
        count("outputTokens"),
        count("totalTokens"),
    );
    // Older answers have other names for what went through the cache.
    let mut either = |name: &str, older: &str| count(name).or(count(older)).unwrap_or_default();
    let cached = either("cacheReadInputTokens", "cacheReadInputTokenCount");
    let cache_written = either("cacheWriteInputTokens", "cacheWriteInputTokenCount");
    if input.is_none() && output.is_none() {
        return None;
    }
    odd |= input.is_none() || output.is_none();
    let (input, completion) = (input.unwrap_or_default(), output.unwrap_or_default());
    let for_an_hour = written_for_an_hour(usage, &mut odd);
    let cache = cached + cache_written;
    // What went through the cache is counted beside the input. Were it ever within, the total
    // would tell.
    let is_within = cache <= input && total == Some(input + completion);
    Some(Usage {
        prompt: if is_within { input } else { input + cache },
        completion,
        cached,
        cache_written,
        cache_written_1h: counts::part(Some(for_an_hour), cache_written, &mut odd),
        reasoning: 0,
        bounded: odd,
    })
}

/// How many of the tokens that were written into the cache it keeps for an hour.
fn written_for_an_hour(usage: &Map<String, Value>, odd: &mut bool) -> u64 {
    let details = usage.get("cacheDetails").and_then(Value::as_array);
    let long = details
        .into_iter()
        .flatten()
        .filter(|detail| detail.get("ttl").and_then(Value::as_str) == Some("1h"));
    long.filter_map(|detail| counts::member(detail.get("inputTokens"), odd))
        .fold(0, u64::saturating_add)
}

/// What a citation says.
pub(super) fn citation(value: &Value) -> Citation {
    let location = |kind: &str, name: &str| value.get("location")?.get(kind)?.get(name);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let quotes = value.get("sourceContent").and_then(Value::as_array);
    let quotes = quotes.into_iter().flatten();
    let quote: String = quotes
        .filter_map(|quote| quote.get("text")?.as_str())
        .collect();
    let document = ["documentChar", "documentPage", "documentChunk"]
        .into_iter()
        .find_map(|kind| location(kind, "documentIndex")?.as_u64());
    Citation {
        url: text(location("web", "url")),
        title: text(value.get("title")),
        quote: Some(quote).filter(|quote| !quote.is_empty()),
        document,
        start: None,
        end: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counted(value: Value) -> Option<Usage> {
        let Value::Object(members) = value else {
            panic!("no object")
        };
        usage(&members)
    }

    #[test]
    fn the_prompt_includes_what_went_through_the_cache() {
        let want = Some(Usage {
            prompt: 1045,
            completion: 185,
            cached: 1028,
            cache_written: 5,
            reasoning: 0,
            ..Usage::default()
        });
        for value in [
            json!({"inputTokens": 12, "outputTokens": 185, "totalTokens": 1230,
                "cacheReadInputTokens": 1028, "cacheWriteInputTokens": 5}),
            json!({"inputTokens": 12, "outputTokens": 185,
                "cacheReadInputTokenCount": 1028, "cacheWriteInputTokenCount": 5}),
            json!({"inputTokens": 1045, "outputTokens": 185, "totalTokens": 1230,
                "cacheReadInputTokens": 1028, "cacheWriteInputTokens": 5}),
        ] {
            assert_eq!(counted(value), want);
        }
        assert_eq!(counted(json!({"totalTokens": 5})), None);
    }

    #[test]
    fn citations_of_documents_and_pages_are_read() {
        let value = json!({
            "location": {"documentChar": {"documentIndex": 1, "start": 0, "end": 9}},
            "sourceContent": [{"text": "some "}, {"text": "words"}],
            "title": "facts",
        });
        let document = Citation {
            title: Some("facts".to_owned()),
            quote: Some("some words".to_owned()),
            document: Some(1),
            ..Citation::default()
        };
        assert_eq!(citation(&value), document);
        let value = json!({"location": {"web": {"url": "https://example.com"}}});
        assert_eq!(citation(&value).url.as_deref(), Some("https://example.com"));
    }
}
