//! Sealed state in a request that stays in its format: it goes to the provider that made it, as
//! that provider knows it, and is taken out for every other one.

use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;

use crate::formats::Lost;
use crate::gemini::signature;
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
        Format::Gemini => contents(&mut body, (provider, model), lost),
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

/// Anthropic: a thought without its own maker's signature is refused, so the block goes. Calls of
/// tools that are left without their thought are refused while thinking has a budget, so then
/// this answer comes without one.
fn messages(body: &mut Value, provider: &str, lost: &mut Lost) {
    let before = lost.len();
    blocks(body, provider, lost);
    if lost.len() > before && is_budgeted(body) && thought_is_missing(body) {
        if let Some(members) = body.as_object_mut() {
            members.shift_remove("thinking");
        }
        lost.push("thinking".to_owned());
    }
}

fn is_budgeted(body: &Value) -> bool {
    body.pointer("/thinking/type").and_then(Value::as_str) == Some("enabled")
}

/// Whether the model's last turn calls tools and does not begin with a thought.
fn thought_is_missing(body: &Value) -> bool {
    let turns = body.get("messages").and_then(Value::as_array);
    let mut turns = turns.into_iter().flatten().rev();
    let turn = turns.find(|turn| turn.get("role").and_then(Value::as_str) == Some("assistant"));
    let blocks = turn.and_then(|turn| turn.get("content")?.as_array());
    let kinds = blocks.into_iter().flatten();
    let mut kinds = kinds.filter_map(|block| block.get("type")?.as_str());
    let thought = |kind: &str| matches!(kind, "thinking" | "redacted_thinking");
    kinds.next().is_some_and(|first| {
        !thought(first) && (first == "tool_use" || kinds.any(|kind| kind == "tool_use"))
    })
}

fn blocks(body: &mut Value, provider: &str, lost: &mut Lost) {
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
            let stays = ["signature", "data"]
                .into_iter()
                .all(|name| matches!(judge(block, name, provider), Verdict::Stays));
            if !stays {
                lost.push(path);
            }
            stays
        });
    }
}

/// Gemini: a part may go without its signature, but for calls that some models want one on.
fn contents(body: &mut Value, (provider, model): (&str, &str), lost: &mut Lost) {
    let turns = body.get_mut("contents").and_then(Value::as_array_mut);
    for (at, turn) in turns.into_iter().flatten().enumerate() {
        let parts = turn.get_mut("parts").and_then(Value::as_array_mut);
        for (place, part) in parts.into_iter().flatten().enumerate() {
            let Some(part) = part.as_object_mut() else {
                continue;
            };
            for name in ["thoughtSignature", "thought_signature"] {
                let made = part.get(name).and_then(Value::as_str);
                let made = made.is_some_and(|sealed| State::opened(sealed).is_some());
                let Verdict::Foreign = judge(part, name, provider) else {
                    continue;
                };
                if made {
                    lost.push(format!("contents[{at}].parts[{place}].{name}"));
                }
                let is_call = part.contains_key("functionCall");
                match signature::instead(model).filter(|_| is_call) {
                    Some(placeholder) => part.insert(name.to_owned(), placeholder.into()),
                    None => part.shift_remove(name),
                };
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

    #[test]
    fn what_stands_for_a_state_goes_to_nobody() {
        let nobodys = State::nobodys();
        assert!(state::is_sealed(&nobodys) && nobodys.len().is_multiple_of(4));
        assert_eq!(State::opened(&nobodys), None);
        let body = format!(
            r#"{{"messages":[{{"role":"assistant","content":[{{"type":"thinking","thinking":"t","signature":"{nobodys}"}},{{"type":"text","text":"x"}}]}}]}}"#
        );
        let (kept, lost) = stripped(Format::Anthropic, body, "anthropic");
        assert!(!kept.contains("thinking"), "{kept}");
        assert_eq!(lost, ["messages[0].content[0]"]);
    }

    #[test]
    fn calls_without_their_thought_take_the_budget_of_thinking_away() {
        let foreign = State::of("google", "sig").seal();
        let body = |thinking: &str, own: &str| {
            format!(
                r#"{{"thinking":{{"type":"{thinking}","budget_tokens":1024}},"max_tokens":2000,"messages":[{{"role":"assistant","content":[{own}{{"type":"thinking","thinking":"t","signature":"{foreign}"}},{{"type":"tool_use","id":"a","name":"f","input":{{}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"a","content":"x"}}]}}]}}"#
            )
        };
        let own = r#"{"type":"thinking","thinking":"t","signature":"own"},"#;
        for (thinking, own, taken) in [
            ("enabled", "", true),
            ("enabled", own, false),
            ("adaptive", "", false),
        ] {
            let (kept, lost) = stripped(Format::Anthropic, body(thinking, own), "anthropic");
            assert_eq!(!kept.contains("budget_tokens"), taken, "{kept}");
            assert_eq!(lost.contains(&"thinking".to_owned()), taken, "{lost:?}");
        }
    }

    #[test]
    fn a_call_without_its_signature_gets_what_newer_models_want_in_its_place() {
        let sealed = [State::nobodys(), State::of("openai", "x").seal()];
        for (sealed, said) in sealed.iter().zip([0, 1]) {
            for (model, placed) in [("gemini-3-pro", true), ("gemini-2.5-pro", false)] {
                let body = format!(
                    r#"{{"contents":[{{"role":"model","parts":[{{"functionCall":{{"name":"f"}},"thoughtSignature":"{sealed}"}}]}}]}}"#
                );
                let mut call = call(Format::Gemini, body);
                call.marks.model = None;
                let mut lost = Lost::new();
                let body = request(&call, "google", model, &mut lost).unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap();
                let signature = body.pointer("/contents/0/parts/0/thoughtSignature");
                let placeholder = Value::from("skip_thought_signature_validator");
                assert_eq!(signature, placed.then_some(&placeholder), "{model}");
                assert_eq!(lost.len(), said);
            }
        }
    }
}
