use serde_json::{Value, json};

use super::{ALL, Array, Chat, Completions, Gemini, Messages, Responses, Speech, ask, documents};
use crate::tests::client::{Seen, simulator};

async fn meet(fault: &str, speech: Speech, stream: bool) -> Seen {
    ask(&simulator(), speech, &format!("fault/{fault}"), stream).await
}

/// The names of the counts: of the prompt, of the answer, and of both, where there is one.
fn names(speech: Speech) -> (&'static str, &'static str, Option<&'static str>) {
    match speech {
        Chat | Completions => ("prompt_tokens", "completion_tokens", Some("total_tokens")),
        Responses => ("input_tokens", "output_tokens", Some("total_tokens")),
        Messages => ("input_tokens", "output_tokens", None),
        Gemini | Array => (
            "promptTokenCount",
            "candidatesTokenCount",
            Some("totalTokenCount"),
        ),
    }
}

/// The usages of documents, in order.
fn usages(documents: &[Value]) -> Vec<Value> {
    const PLACES: &[&str] = &[
        "/usage",
        "/message/usage",
        "/response/usage",
        "/usageMetadata",
    ];
    let usages = documents.iter().filter_map(|document| {
        let mut places = PLACES.iter();
        places.find_map(|place| document.pointer(place).filter(|usage| !usage.is_null()))
    });
    usages.cloned().collect()
}

async fn met(fault: &str, speech: Speech, stream: bool) -> Vec<Value> {
    let seen = meet(fault, speech, stream).await;
    if stream {
        usages(&documents(&seen, speech))
    } else {
        usages(&[seen.json()])
    }
}

#[tokio::test]
async fn counts_are_changed_under_the_names_of_the_format() {
    for speech in ALL {
        let (prompt, completion, total) = names(speech);
        let tokens = if speech == Completions { 4 } else { 8 };
        for stream in [false, true] {
            let about = format!("{speech:?} {stream}");
            let usual = met("status-200:x", speech, stream).await;
            assert!(usual.is_empty(), "a fault that cannot be read says nothing");
            let last = met("usage-negative", speech, stream).await.pop().unwrap();
            assert_eq!(
                (&last[prompt], &last[completion]),
                (&json!(-tokens), &json!(-200)),
                "{about}"
            );
            let last = met("usage-zero", speech, stream).await.pop().unwrap();
            assert_eq!(
                (&last[prompt], &last[completion]),
                (&json!(0), &json!(0)),
                "{about}"
            );
            let last = met("usage-text", speech, stream).await.pop().unwrap();
            assert_eq!(last[completion], json!("200"), "{about}");
            let last = met("usage-huge", speech, stream).await.pop().unwrap();
            assert_eq!(
                last[prompt],
                json!(9_223_372_036_854_775_808_u64),
                "{about}"
            );
            let last = met("usage-over-limit-5000", speech, stream)
                .await
                .pop()
                .unwrap();
            assert_eq!(last[completion], json!(5000), "{about}");
            if let Some(total) = total {
                assert_eq!(last[total], json!(5000 + tokens), "{about}");
            }
            assert!(
                met("usage-missing", speech, stream).await.is_empty(),
                "{about}"
            );
            assert!(
                met("usage-null", speech, stream).await.is_empty(),
                "{about}"
            );
            let empty = met("usage-empty", speech, stream).await;
            assert_eq!(empty.last(), Some(&json!({})), "{about}");
            let seen = meet("usage-nan", speech, stream).await;
            assert!(seen.has(&format!("\"{completion}\":NaN")), "{about}");
            let seen = meet("usage-beyond", speech, stream).await;
            assert!(seen.has(&"0".repeat(40)), "{about}");
            let seen = meet("usage-float", speech, stream).await;
            assert!(seen.has(&format!("\"{completion}\":200.5")), "{about}");
        }
    }
}

#[tokio::test]
async fn more_can_be_cached_than_was_sent() {
    for (speech, place, cached) in [
        (Chat, "/prompt_tokens_details/cached_tokens", 1008),
        (Responses, "/input_tokens_details/cached_tokens", 1008),
        (Messages, "/cache_read_input_tokens", 1008),
        (Gemini, "/cachedContentTokenCount", 1008),
    ] {
        let last = met("usage-cached", speech, false).await.pop().unwrap();
        assert_eq!(last.pointer(place), Some(&json!(cached)), "{speech:?}");
    }
}

#[tokio::test]
async fn usage_comes_twice_in_the_finish_or_all_along() {
    for speech in ALL {
        let (_, completion, _) = names(speech);
        let twice = met("usage-twice", speech, true).await;
        let [.., one, two] = &twice[..] else {
            panic!("{speech:?} has no two usages");
        };
        assert_eq!(one, two, "{speech:?}");
        let changing = met("usage-changing", speech, true).await;
        let [.., one, two] = &changing[..] else {
            panic!("{speech:?} has no two usages");
        };
        assert_eq!(
            (&one[completion], &two[completion]),
            (&json!(200), &json!(400)),
            "{speech:?}"
        );
        let finish = met("usage-in-finish", speech, true).await;
        assert_eq!(finish.len(), 1, "{speech:?}");
        assert_eq!(finish[0][completion], 200, "{speech:?}");
        let each = met("usage-each", speech, true).await;
        assert!(each.len() >= 200, "{speech:?}: {}", each.len());
        let counts: Vec<u64> = each
            .iter()
            .filter_map(|usage| usage[completion].as_u64())
            .collect();
        assert!(counts.contains(&100), "{speech:?}");
        assert!(counts.contains(&200), "{speech:?}");
    }
}
