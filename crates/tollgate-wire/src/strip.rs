//! State in a request that stays in its format: what is sealed goes to the provider that made it,
//! as that provider knows it, and is taken out for every other one. What is not sealed stays, until
//! a provider says that it is not its own.

use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;

use crate::formats::{self, Lost, Received};
use crate::gemini;
use crate::openai::thought;
use crate::state::{self, NO_STATE, State};

/// A call with sealed state as this provider may have it. Every member of its body keeps its place;
/// only what is sealed is changed. What was taken out is added to `lost`.
pub fn call(call: &Call, provider: &str, model: &str, lost: &mut Lost) -> Result<Call, Failure> {
    kept(call, (Keeps::Of(provider), model), lost)
}

/// A call without any state, sealed or not: for a provider that refuses what it was given because
/// it did not make it, or made it for another account. What was taken out is added to `lost`.
pub fn bare(call: &Call, model: &str, lost: &mut Lost) -> Result<Call, Failure> {
    kept(call, (Keeps::Nothing, model), lost)
}

/// Whether a provider refused a request because of state in it that is not its own.
pub fn is_refused(failure: &Failure) -> bool {
    const SAYINGS: [&str; 5] = [
        "invalid `signature` in `thinking`",
        "invalid `data` in `redacted_thinking`",
        "encrypted content",
        "thought signature is not valid",
        "corrupted thought signature",
    ];
    if failure.code != Code::ProviderInvalidRequest {
        return false;
    }
    let code = failure.provider_code.as_deref();
    let text = failure.provider_text.as_deref().unwrap_or_default();
    let text = text.to_lowercase();
    code == Some("invalid_encrypted_content") || SAYINGS.iter().any(|one| text.contains(one))
}

/// Whose state a request may hold.
#[derive(Clone, Copy)]
enum Keeps<'a> {
    /// What this provider made; what came without a seal may be its own.
    Of(&'a str),
    /// Nobody's.
    Nothing,
}

impl Keeps<'_> {
    fn may_have(self, state: &State) -> bool {
        match self {
            Self::Of(provider) => state.is_of(provider),
            Self::Nothing => false,
        }
    }
}

fn kept(call: &Call, (keeps, model): (Keeps<'_>, &str), lost: &mut Lost) -> Result<Call, Failure> {
    let received = Received {
        operation: call.operation,
        body: body(call, (keeps, model), lost)?,
        model: call.marks.model.is_none().then_some(&*call.model),
        stream: call.stream,
        array: call.array,
    };
    let mut stripped = formats::read(call.format, received)?;
    stripped.carried.clone_from(&call.carried);
    stripped.query.clone_from(&call.query);
    Ok(stripped)
}

fn body(call: &Call, (keeps, model): (Keeps<'_>, &str), lost: &mut Lost) -> Result<Bytes, Failure> {
    let mut body: Value = serde_json::from_slice(&call.body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not valid JSON.")
            .because(error)
    })?;
    match call.format {
        Format::Anthropic => {
            messages(&mut body, keeps, lost);
            stop_thinking(&mut body, lost);
        }
        Format::Gemini => contents(&mut body, (keeps, model), lost),
        Format::Responses => input(&mut body, keeps, lost),
        Format::OpenAi => chat(&mut body, keeps, lost),
        Format::Completions | Format::Bedrock | Format::Cohere | Format::Ollama => {}
    }
    Ok(body.to_string().into())
}

/// What is to become of a member that may be sealed.
enum Verdict {
    /// It is not sealed, or was opened in its place.
    Stays,
    /// It is not the provider's own.
    Foreign,
}

fn judge(object: &mut Map<String, Value>, name: &str, keeps: Keeps<'_>) -> Verdict {
    let Some(Value::String(text)) = object.get_mut(name) else {
        return Verdict::Stays;
    };
    if !state::is_sealed(text) {
        return match keeps {
            Keeps::Of(_) => Verdict::Stays,
            Keeps::Nothing => Verdict::Foreign,
        };
    }
    let state = State::open(text);
    if keeps.may_have(&state) {
        *text = state.token;
        Verdict::Stays
    } else {
        Verdict::Foreign
    }
}

/// Anthropic: a thought without its own maker's signature is refused, so the block goes.
fn messages(body: &mut Value, keeps: Keeps<'_>, lost: &mut Lost) {
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
                .all(|name| matches!(judge(block, name, keeps), Verdict::Stays));
            if !stays {
                lost.push(path);
            }
            stays
        });
    }
}

/// Anthropic: with a budget for thoughts, a last turn that calls tools is refused unless it begins
/// with the thought that led there. Where that is gone, the step goes on without.
fn stop_thinking(body: &mut Value, lost: &mut Lost) {
    if body.pointer("/thinking/type") != Some(&"enabled".into()) {
        return;
    }
    let messages = body.get("messages").and_then(Value::as_array);
    let mut newest_first = messages.into_iter().flatten().rev();
    let turn = newest_first.find(|turn| turn.get("role") == Some(&"assistant".into()));
    let blocks = turn.and_then(|turn| turn.get("content")?.as_array());
    let kinds = blocks.into_iter().flatten();
    let mut kinds = kinds
        .filter_map(|block| block.get("type")?.as_str())
        .peekable();
    let is_thought = matches!(kinds.peek(), Some(&("thinking" | "redacted_thinking")));
    let calls = kinds.any(|kind| kind == "tool_use");
    if calls
        && !is_thought
        && let Some(members) = body.as_object_mut()
    {
        members.remove("thinking");
        lost.push("thinking".to_owned());
    }
}

/// Gemini: a part may go without its signature, but for the first call of a turn where the model
/// is of the third generation.
fn contents(body: &mut Value, (keeps, model): (Keeps<'_>, &str), lost: &mut Lost) {
    let turns = body.get_mut("contents").and_then(Value::as_array_mut);
    for (at, turn) in turns.into_iter().flatten().enumerate() {
        let parts = turn.get_mut("parts").and_then(Value::as_array_mut);
        let mut stand_in = gemini::stand_in(model);
        for (place, part) in parts.into_iter().flatten().enumerate() {
            let Some(part) = part.as_object_mut() else {
                continue;
            };
            let is_call = part.contains_key("functionCall") || part.contains_key("function_call");
            let due = stand_in.take_if(|_| is_call);
            for name in ["thoughtSignature", "thought_signature"] {
                let was_none = part.get(name).is_some_and(|given| given == NO_STATE);
                if let Verdict::Foreign = judge(part, name, keeps) {
                    match due {
                        Some(word) => _ = part.insert(name.to_owned(), word.into()),
                        None => _ = part.remove(name),
                    }
                    if !was_none {
                        lost.push(format!("contents[{at}].parts[{place}].{name}"));
                    }
                }
            }
        }
    }
}

/// Responses: a reasoning item is nothing without its state.
fn input(body: &mut Value, keeps: Keeps<'_>, lost: &mut Lost) {
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
        let is_thought = item.get("type").is_some_and(|kind| kind == "reasoning");
        if matches!(keeps, Keeps::Nothing) && !is_thought {
            // Others hold more than a thought there: without it the request would be another one.
            return true;
        }
        let verdict = judge(item, "encrypted_content", keeps);
        if let Verdict::Foreign = verdict {
            lost.push(path);
            return false;
        }
        true
    });
}

/// `OpenAI`'s chat: thoughts and calls may go without their state.
fn chat(body: &mut Value, keeps: Keeps<'_>, lost: &mut Lost) {
    let messages = body.get_mut("messages").and_then(Value::as_array_mut);
    for (at, message) in messages.into_iter().flatten().enumerate() {
        let Some(message) = message.as_object_mut() else {
            continue;
        };
        let path = format!("messages[{at}]");
        if let Some(Value::Array(details)) = message.get_mut("reasoning_details") {
            *details = own_details(std::mem::take(details), keeps, &path, lost);
            if details.is_empty() {
                message.shift_remove("reasoning_details");
            }
        }
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for (place, call) in calls.into_iter().flatten().enumerate() {
            let google = call.pointer_mut("/extra_content/google");
            let signed = google
                .and_then(Value::as_object_mut)
                .map(|google| matches!(judge(google, "thought_signature", keeps), Verdict::Stays));
            if signed == Some(false)
                && let Some(call) = call.as_object_mut()
            {
                call.shift_remove("extra_content");
                lost.push(format!("{path}.tool_calls[{place}].extra_content"));
            }
        }
    }
}

/// The details that this provider may have: its own as it wrote them.
fn own_details(details: Vec<Value>, keeps: Keeps<'_>, path: &str, lost: &mut Lost) -> Vec<Value> {
    let mut own = Vec::new();
    for (place, detail) in details.into_iter().enumerate() {
        let text = |name: &str| detail.get(name).and_then(Value::as_str);
        let sealed = ["signature", "data"].into_iter().find_map(text);
        let Some(state) = sealed
            .filter(|text| state::is_sealed(text))
            .map(State::open)
        else {
            own.push(detail);
            continue;
        };
        let words = text("text").unwrap_or_default();
        let ours = keeps
            .may_have(&state)
            .then(|| thought::returned(words, &state.token));
        match ours.flatten() {
            Some(returned) => own.extend(returned),
            None => lost.push(format!("{path}.reasoning_details[{place}]")),
        }
    }
    own
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
            choices: 1,
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
        let body = super::body(&call(format, body), (Keeps::Of(provider), "m"), &mut lost).unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), lost)
    }

    #[test]
    fn a_thought_goes_back_to_its_maker_and_to_nobody_else() {
        let sealed = State::of("google", "sig").seal();
        let body = format!(
            r#"{{"z":1,"model":"m","messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"t","signature":"{sealed}"}},{{"type":"text","text":"x"}}]}}]}}"#
        );
        let (kept, lost) = stripped(Format::Anthropic, body.clone(), "google");
        assert_eq!(kept, body.replace(&sealed, "sig"));
        assert!(lost.is_empty());
        let (kept, lost) = stripped(Format::Anthropic, body, "anthropic");
        assert_eq!(
            kept,
            r#"{"z":1,"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"text","text":"x"}]}]}"#
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
    fn a_first_call_of_others_gets_the_word_that_the_third_generation_demands() {
        let parts = |first: &str, second: &str| {
            format!(
                r#"{{"contents":[{{"role":"model","parts":[{{"text":"x"}},{{"functionCall":{{"name":"f"}}{first}}},{{"functionCall":{{"name":"g"}}{second}}}]}}]}}"#
            )
        };
        let signed = |signature: &str| format!(r#","thoughtSignature":"{signature}""#);
        let foreign = State::of("openai", "s").seal();
        for (given, want_lost) in [(NO_STATE, false), (&*foreign, true)] {
            let body = parts(&signed(given), &signed(NO_STATE));
            let called = call(Format::Gemini, body);
            for (model, want) in [
                (
                    "gemini-3-flash",
                    parts(&signed("skip_thought_signature_validator"), ""),
                ),
                ("gemini-2.5-flash", parts("", "")),
            ] {
                let mut lost = Lost::new();
                let body = super::body(&called, (Keeps::Of("google"), model), &mut lost).unwrap();
                assert_eq!(body, want, "{model}");
                assert_eq!(!lost.is_empty(), want_lost, "{lost:?}");
            }
        }
    }

    #[test]
    fn nothing_of_any_maker_is_left_for_a_provider_that_refuses_what_it_did_not_make() {
        let sealed = State::of("google", "s").seal();
        let blocks = |thoughts: &str| {
            format!(
                r#"{{"messages":[{{"role":"assistant","content":[{thoughts}{{"type":"text","text":"x"}}]}}]}}"#
            )
        };
        let thoughts = format!(
            r#"{{"type":"thinking","thinking":"t","signature":"own"}},{{"type":"redacted_thinking","data":"{sealed}"}},"#
        );
        let items = |more: &str| {
            format!(r#"{{"input":[{more}{{"type":"compaction","encrypted_content":"e"}}]}}"#)
        };
        let thought = r#"{"type":"reasoning","summary":[],"encrypted_content":"e"},"#;
        let parts = |signature: &str| {
            format!(r#"{{"contents":[{{"role":"model","parts":[{{"text":"x"{signature}}}]}}]}}"#)
        };
        for (format, body, bare, paths) in [
            (Format::Anthropic, blocks(&thoughts), blocks(""), 2),
            (Format::Responses, items(thought), items(""), 1),
            (
                Format::Gemini,
                parts(r#","thoughtSignature":"own""#),
                parts(""),
                1,
            ),
        ] {
            let mut lost = Lost::new();
            let seen = super::body(&call(format, body), (Keeps::Nothing, "m"), &mut lost);
            assert_eq!(seen.unwrap(), bare, "{format:?}");
            assert_eq!(lost.len(), paths, "{format:?}: {lost:?}");
        }
    }

    #[test]
    fn refusals_of_foreign_state_are_known_by_their_words() {
        for (code, text, expected) in [
            (
                None,
                "messages.1.content.0: Invalid `signature` in `thinking` block",
                true,
            ),
            (Some("invalid_encrypted_content"), "No.", true),
            (
                None,
                "The encrypted content gAAA... could not be verified.",
                true,
            ),
            (None, "Thought signature is not valid.", true),
            (
                None,
                "messages.1.content.0.thinking.signature: Field required",
                false,
            ),
            (None, "Unknown parameter: 'signature'", false),
        ] {
            let mut failure = Failure::provider(Code::ProviderInvalidRequest, "anthropic");
            failure.provider_code = code.map(Into::into);
            failure.provider_text = Some(text.to_owned());
            assert_eq!(is_refused(&failure), expected, "{text}");
            failure.code = Code::ProviderError;
            assert!(!is_refused(&failure), "{text}");
        }
    }

    #[test]
    fn a_thought_that_nobody_signed_goes_nowhere_and_ends_the_thinking_of_its_step() {
        let called = |blocks: &str, kind: &str| {
            format!(
                r#"{{"thinking":{{"type":"{kind}","budget_tokens":1024}},"messages":[{{"role":"assistant","content":[{blocks}{{"type":"tool_use","id":"c","name":"f","input":{{}}}}]}},{{"role":"user","content":[]}}]}}"#
            )
        };
        let unsigned = format!(r#"{{"type":"thinking","thinking":"t","signature":"{NO_STATE}"}},"#);
        let own = r#"{"type":"thinking","thinking":"t","signature":"own"},"#;
        let (kept, lost) = stripped(Format::Anthropic, called(&unsigned, "enabled"), "anthropic");
        assert!(!kept.contains("thinking"), "{kept}");
        assert_eq!(lost, ["messages[0].content[0]", "thinking"]);
        let (kept, lost) = stripped(
            Format::Anthropic,
            called(&unsigned, "adaptive"),
            "anthropic",
        );
        assert!(kept.contains("adaptive"), "{kept}");
        assert_eq!(lost, ["messages[0].content[0]"]);
        let (kept, lost) = stripped(Format::Anthropic, called(own, "enabled"), "anthropic");
        assert_eq!(kept, called(own, "enabled"));
        assert!(lost.is_empty());
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
            r#"{"model":"m","input":[{"type":"reasoning","encrypted_content":"own"}]}"#
        );
        assert_eq!(lost, ["input[0]"]);
    }

    #[test]
    fn thoughts_and_calls_of_chats_lose_foreign_state() {
        let sealed = State::of("google", "sig").seal();
        let body = format!(
            r#"{{"model":"m","stream":true,"messages":[{{"role":"assistant","content":"x","reasoning_content":"t","reasoning_details":[{{"type":"reasoning.text","text":"t","signature":"{sealed}","index":0}}],"tool_calls":[{{"id":"a","type":"function","function":{{"name":"f","arguments":"{{}}"}},"extra_content":{{"google":{{"thought_signature":"{sealed}"}}}}}}]}},{{"role":"tool","tool_call_id":"a","content":"1"}}]}}"#
        );
        let call = crate::openai::request::read_chat(body.into()).unwrap();
        assert!(call.sealed);
        let mut lost = Lost::new();
        let stripped = super::call(&call, "openai", "m", &mut lost).unwrap();
        assert_eq!(
            stripped.body,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant","content":"x","reasoning_content":"t","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"1"}]}"#
        );
        assert!(!stripped.sealed && stripped.stream);
        assert_eq!(
            lost,
            [
                "messages[0].reasoning_details[0]",
                "messages[0].tool_calls[0].extra_content"
            ]
        );
    }

    #[test]
    fn details_go_back_to_the_chat_provider_that_wrote_them() {
        let detail = r#"{"type":"reasoning.encrypted","data":"d","id":"r"}"#;
        let sealed = State::of("openrouter", detail).seal();
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"assistant","content":"x","reasoning_details":[{{"type":"reasoning.encrypted","data":"{sealed}"}},{{"type":"reasoning.text","text":"own"}}]}}]}}"#
        );
        let (kept, lost) = stripped(Format::OpenAi, body, "openrouter");
        assert_eq!(
            kept,
            format!(
                r#"{{"model":"m","messages":[{{"role":"assistant","content":"x","reasoning_details":[{detail},{{"type":"reasoning.text","text":"own"}}]}}]}}"#
            )
        );
        assert!(lost.is_empty());
    }
}
