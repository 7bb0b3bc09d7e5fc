//! Which conversation a request belongs to.

use super::*;

fn conversation(format: Format, body: &Value) -> Option<u64> {
    look(format, body).conversation
}

#[test]
fn a_conversation_is_known_by_its_beginning() {
    let chat = |messages: Value| conversation(Format::OpenAi, &json!({"messages": messages}));
    let system = json!({"role": "system", "content": "Be brief."});
    let user = json!({"role": "user", "content": "Hi"});
    let answer = json!({"role": "assistant", "content": "Hello"});
    let more = json!({"role": "user", "content": "More"});
    let first = chat(json!([system, user]));
    assert!(first.is_some());
    assert_eq!(first, chat(json!([system, user, answer, more])));
    assert_eq!(first, chat(json!([system, user, answer, system, more])));
    assert_eq!(
        first,
        chat(json!([{"content": "Be brief.", "role": "developer"}, user]))
    );
    for other in [
        json!([user]),
        json!([system, more]),
        json!([{"role": "system", "content": "Be long."}, user]),
        json!([user, system]),
    ] {
        assert_ne!(first, chat(other.clone()), "{other}");
    }
    assert_eq!(chat(json!([system, answer])), None);
}

#[test]
fn what_marks_a_message_for_a_cache_changes_no_conversation() {
    let anthropic = |system: Value, content: Value| {
        let body = json!({"system": system, "messages": [{"role": "user", "content": content}]});
        conversation(Format::Anthropic, &body)
    };
    let mark = json!({"type": "ephemeral"});
    let plain = anthropic(json!("S"), json!("Hi"));
    assert!(plain.is_some());
    let marked = anthropic(
        json!([{"type": "text", "text": "S", "cache_control": mark}]),
        json!([{"type": "text", "text": "Hi", "cache_control": mark}]),
    );
    assert_eq!(plain, marked);
    assert_ne!(plain, anthropic(json!("T"), json!("Hi")));
}

#[test]
fn instructions_count_wherever_they_stand() {
    let known = |body: &str| {
        let call = call_of(Format::Anthropic, Operation::Chat, body.as_bytes());
        read(&call, ALL).conversation
    };
    let before =
        r#"{"model":"m","max_tokens":1,"system":"S","messages":[{"role":"user","content":"Hi"}]}"#;
    let behind = r#"{"messages":[ {"content":"Hi", "role":"user"} ],"model":"m","max_tokens":1,
        "system" : "S"}"#;
    assert_eq!(known(before), known(behind));
    assert_ne!(known(before), known(&behind.replace("\"S\"", "\"T\"")));
}

#[test]
fn what_claude_code_changes_in_every_request_does_not_count() {
    let with = |system: Value| conversation(Format::Anthropic, &json!({"system": system}));
    let line = |hash: &str| format!("x-anthropic-billing-header: cc_version=2.1; cch={hash};");
    let blocks = |hash: &str, text: &str| with(json!([{"text": line(hash)}, {"text": text}]));
    assert_eq!(blocks("36ee5", "You are"), blocks("0aaa9", "You are"));
    assert_ne!(blocks("36ee5", "You are"), blocks("36ee5", "You were"));
    let whole = |hash: &str, text: &str| with(json!(format!("{}\n{text}", line(hash))));
    assert_eq!(whole("36ee5", "You are"), whole("0aaa9", "You are"));
    assert_ne!(whole("36ee5", "You are"), whole("36ee5", "You were"));
}

#[test]
fn a_conversation_that_is_named_is_known_by_its_name() {
    for format in [Format::OpenAi, Format::Completions, Format::Responses] {
        let named = |key: &str, text: &str| {
            let message = json!([{"role": "user", "content": text}]);
            let mut body = json!({"prompt_cache_key": key});
            let name = match format {
                Format::OpenAi => "messages",
                Format::Completions => "prompt",
                _ => "input",
            };
            body[name] = if format == Format::Completions {
                json!(text)
            } else {
                message
            };
            conversation(format, &body)
        };
        assert!(named("k", "a").is_some());
        assert_eq!(named("k", "a"), named("k", "b"), "{format:?}");
        assert_ne!(named("k", "a"), named("l", "a"), "{format:?}");
        assert_ne!(named("", "a"), named("k", "a"), "{format:?}");
    }
    // Turns of a plain text cannot be told apart.
    assert_eq!(conversation(Format::Completions, &json!({})), None);
}

#[test]
fn a_response_that_goes_on_from_another_one_does_not_show_its_beginning() {
    let responses = |body: Value| conversation(Format::Responses, &body);
    assert_eq!(responses(json!({"previous_response_id": "r"})), None);
    assert!(responses(json!({"previous_response_id": null})).is_some());
    let kept = responses(json!({"conversation": "conv_1"}));
    assert_eq!(
        kept,
        responses(json!({"conversation": {"id": "conv_1"}, "input": "x"}))
    );
    assert_ne!(kept, responses(json!({"conversation": "conv_2"})));
    let text = responses(json!({"instructions": "S", "input": "Hi"}));
    let items = responses(json!({"instructions": "S", "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}, {"role": "user", "content": "x"}]}));
    assert_eq!(text, items);
}
