//! Sealed state in a request that stays in its format: it goes to the provider that made it, as
//! that provider knows it, and is taken out for every other one.

use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;

use crate::formats::Lost;
use crate::gemini::signature_of_none;
use crate::state::{self, State};

/// The body of a call with sealed state, for this provider and model. Every member keeps its
/// place; only what is sealed, and the model's name, is changed. What was taken out is added to
/// `lost`.
pub fn request(
    call: &Call,
    provider: &str,
    model: &str,
    lost: &mut Lost,
) -> Result<Bytes, Failure> {
    let mut body: Value = serde_json::from_slice(&call.body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not valid JSON.")
            .because(error)
    })?;
    match call.format {
        Format::Anthropic => messages(&mut body, provider, lost),
        Format::Gemini => contents(&mut body, provider, model, lost),
        Format::Responses => input(&mut body, provider, lost),
        Format::OpenAi
        | Format::Completions
        | Format::Bedrock
        | Format::Cohere
        | Format::Ollama => {}
    }
    if call.marks.model.is_some()
        && let Some(name) = body.get_mut("model")
    {
        *name = Value::String(model.to_owned());
    }
    Ok(body.to_string().into())
}

/// What is to become of a member that may be sealed.
enum Verdict {
    /// It is not sealed, or was opened in its place.
    Stays,
    /// It is another provider's.
    Foreign,
}

fn judge(object: &mut Map<String, Value>, name: &str, provider: &str) -> Verdict {
    let Some(Value::String(text)) = object.get_mut(name) else {
        return Verdict::Stays;
    };
    if !state::is_sealed(text) {
        return Verdict::Stays;
    }
    let state = State::open(text);
    if state.is_of(provider) {
        *text = state.token;
        Verdict::Stays
    } else {
        Verdict::Foreign
    }
}

/// Anthropic: a thought without its own maker's signature is refused, so the block goes.
fn messages(body: &mut Value, provider: &str, lost: &mut Lost) {
    let before = lost.len();
    let turns = body.get_mut("messages").and_then(Value::as_array_mut);
    for (at, turn) in turns.into_iter().flatten().enumerate() {
        let Some(blocks) = turn.get_mut("content").and_then(Value::as_array_mut) else {
            continue;
        };
        let mut place = 0;
        blocks.retain_mut(|block| {
            let path = format!("messages[{at}].content[{place}]");
            place += 1;
            let Some(block) = block.as_object_mut() else {
                return true;
            };
            let unsigned = block.get("signature").and_then(Value::as_str) == Some("");
            let stays = !unsigned
                && ["signature", "data"]
                    .into_iter()
                    .all(|name| matches!(judge(block, name, provider), Verdict::Stays));
            if !stays {
                lost.push(path);
            }
            stays
        });
    }
    if lost.len() > before && thinks_within_bounds(body) && call_lacks_its_thought(body) {
        if let Some(members) = body.as_object_mut() {
            members.shift_remove("thinking");
        }
        lost.push("thinking".to_owned());
    }
}

/// Whether the caller wants thoughts within a bound of tokens.
fn thinks_within_bounds(body: &Value) -> bool {
    body.pointer("/thinking/type").and_then(Value::as_str) == Some("enabled")
}

/// Whether the model's last turn calls tools without the thought that led there. Such a turn is
/// refused from those who want thoughts within a bound.
fn call_lacks_its_thought(body: &Value) -> bool {
    let turns = body.get("messages").and_then(Value::as_array);
    let mut turns = turns.into_iter().flatten().rev();
    let last = turns.find(|turn| turn.get("role").and_then(Value::as_str) == Some("assistant"));
    let blocks = last.and_then(|turn| turn.get("content")?.as_array());
    let mut kinds = blocks
        .into_iter()
        .flatten()
        .filter_map(|block| block.get("type")?.as_str());
    let begins_with = kinds.next();
    let thinks = matches!(begins_with, Some("thinking" | "redacted_thinking"));
    !thinks && (begins_with == Some("tool_use") || kinds.any(|kind| kind == "tool_use"))
}

/// Gemini: a part may go without its signature, but not every call.
fn contents(body: &mut Value, provider: &str, model: &str, lost: &mut Lost) {
    let turns = body.get_mut("contents").and_then(Value::as_array_mut);
    for (at, turn) in turns.into_iter().flatten().enumerate() {
        let parts = turn.get_mut("parts").and_then(Value::as_array_mut);
        for (place, part) in parts.into_iter().flatten().enumerate() {
            let Some(part) = part.as_object_mut() else {
                continue;
            };
            for name in ["thoughtSignature", "thought_signature"] {
                if let Verdict::Foreign = judge(part, name, provider) {
                    let stand_in = part
                        .contains_key("functionCall")
                        .then(|| signature_of_none(model))
                        .flatten();
                    match stand_in {
                        Some(word) => part.insert(name.to_owned(), word.into()),
                        None => part.remove(name),
                    };
                    lost.push(format!("contents[{at}].parts[{place}].{name}"));
                }
            }
        }
    }
}

/// Responses: a reasoning item is nothing without its state.
fn input(body: &mut Value, provider: &str, lost: &mut Lost) {
    let Some(items) = body.get_mut("input").and_then(Value::as_array_mut) else {
        return;
    };
    let mut place = 0;
    items.retain_mut(|item| {
        let path = format!("input[{place}]");
        place += 1;
        let Some(item) = item.as_object_mut() else {
            return true;
        };
        let verdict = judge(item, "encrypted_content", provider);
        if let Verdict::Foreign = verdict {
            lost.push(path);
            return false;
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use tollgate_core::call::Marks;
    use tollgate_core::format::Operation;

    use super::*;

    fn call(format: Format, body: String) -> Call {
        Call {
            format,
            operation: Operation::Chat,
            model: "m".into(),
            body: body.into(),
            stream: false,
            wants_usage: false,
            max_tokens: None,
            marks: Marks {
                model: Some(0..0),
                ..Marks::default()
            },
            carried: Vec::new(),
            query: None,
            array: false,
            sealed: true,
        }
    }

    fn stripped(format: Format, body: String, provider: &str) -> (String, Lost) {
        let mut lost = Lost::new();
        let body = request(&call(format, body), provider, "own", &mut lost).unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), lost)
    }

    #[test]
    fn a_thought_goes_back_to_its_maker_and_to_nobody_else() {
        let sealed = State::of("google", "sig").seal();
        let body = format!(
            r#"{{"z":1,"model":"m","messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"t","signature":"{sealed}"}},{{"type":"text","text":"x"}}]}}]}}"#
        );
        let (kept, lost) = stripped(Format::Anthropic, body.clone(), "google");
        assert_eq!(
            kept,
            body.replace(&sealed, "sig").replace("\"m\"", "\"own\"")
        );
        assert!(lost.is_empty());
        let (kept, lost) = stripped(Format::Anthropic, body, "anthropic");
        assert_eq!(
            kept,
            r#"{"z":1,"model":"own","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"text","text":"x"}]}]}"#
        );
        assert_eq!(lost, ["messages[1].content[0]"]);
    }

    #[test]
    fn a_thought_that_nobody_signed_goes_to_nobody() {
        let body = r#"{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"text","text":"x"}]}]}"#;
        let (kept, lost) = stripped(Format::Anthropic, body.to_owned(), "anthropic");
        assert_eq!(
            kept,
            r#"{"messages":[{"role":"assistant","content":[{"type":"text","text":"x"}]}]}"#
        );
        assert_eq!(lost, ["messages[0].content[0]"]);
    }

    #[test]
    fn a_call_that_lost_its_thought_is_not_sent_with_a_wish_for_thoughts() {
        let sealed = State::of("google", "sig").seal();
        let body = |thinking: &str| {
            format!(
                r#"{{"thinking":{{"type":"{thinking}"}},"messages":[{{"role":"assistant","content":[{{"type":"thinking","signature":"{sealed}"}},{{"type":"text","text":"x"}},{{"type":"tool_use","id":"a"}}]}},{{"role":"user","content":[]}}]}}"#
            )
        };
        let bare = r#""messages":[{"role":"assistant","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"a"}]},{"role":"user","content":[]}]}"#;
        let (kept, lost) = stripped(Format::Anthropic, body("enabled"), "anthropic");
        assert_eq!(kept, format!("{{{bare}"));
        assert_eq!(lost, ["messages[0].content[0]", "thinking"]);
        // Whoever leaves the bound to the model may go without the thought.
        let (kept, lost) = stripped(Format::Anthropic, body("adaptive"), "anthropic");
        assert_eq!(
            kept,
            format!(r#"{{"thinking":{{"type":"adaptive"}},{bare}"#)
        );
        assert_eq!(lost, ["messages[0].content[0]"]);
        // Its maker gets all of it.
        let (kept, lost) = stripped(Format::Anthropic, body("enabled"), "google");
        assert!(
            kept.contains(r#""signature":"sig""#) && kept.contains("enabled"),
            "{kept}"
        );
        assert!(lost.is_empty());
    }

    #[test]
    fn a_model_that_checks_signatures_gets_a_word_for_a_foreign_one() {
        let sealed = State::of("anthropic", "sig").seal();
        let body = format!(
            r#"{{"contents":[{{"role":"model","parts":[{{"functionCall":{{"name":"f"}},"thoughtSignature":"{sealed}"}},{{"text":"x","thoughtSignature":"{sealed}"}}]}}]}}"#
        );
        let mut lost = Lost::new();
        let call = call(Format::Gemini, body);
        let kept = request(&call, "google", "gemini-3-pro", &mut lost).unwrap();
        assert_eq!(
            String::from_utf8(kept.to_vec()).unwrap(),
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"},"thoughtSignature":"skip_thought_signature_validator"},{"text":"x"}]}]}"#
        );
        assert_eq!(lost.len(), 2);
    }

    #[test]
    fn parts_keep_what_is_theirs_and_lose_foreign_signatures() {
        let sealed = State::of("anthropic", "sig").seal();
        let body = format!(
            r#"{{"contents":[{{"role":"model","parts":[{{"functionCall":{{"name":"f"}},"thoughtSignature":"{sealed}"}},{{"text":"x","thoughtSignature":"own"}}]}}]}}"#
        );
        let (kept, lost) = stripped(Format::Gemini, body, "google");
        assert_eq!(
            kept,
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}},{"text":"x","thoughtSignature":"own"}]}]}"#
        );
        assert_eq!(lost, ["contents[0].parts[0].thoughtSignature"]);
    }

    #[test]
    fn reasoning_items_of_others_go_whole() {
        let sealed = State::of("xai", "sig").seal();
        let body = format!(
            r#"{{"model":"m","input":[{{"type":"reasoning","encrypted_content":"{sealed}"}},{{"type":"reasoning","encrypted_content":"own"}}]}}"#
        );
        let (kept, lost) = stripped(Format::Responses, body, "openai");
        assert_eq!(
            kept,
            r#"{"model":"own","input":[{"type":"reasoning","encrypted_content":"own"}]}"#
        );
        assert_eq!(lost, ["input[0]"]);
    }
}
