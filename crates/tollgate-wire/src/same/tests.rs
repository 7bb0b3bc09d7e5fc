use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::openai::request::read_chat;

const MESSAGES: &str = r#""messages":[{"role":"user","content":"Hi"}]"#;

fn patched(body: &str, model: &str, ask_usage: bool) -> String {
    let call = read_chat(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let patched = patch(&call, model, ask_usage);
    let length = patched.len();
    let bytes: Vec<u8> = patched.into_parts().flatten().collect();
    assert_eq!(bytes.len(), length);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_needs_no_change_is_the_same_memory() {
    for body in [
        format!(r#"{{"model":"m",{MESSAGES}}}"#),
        format!(
            r#"{{"model":"m","stream":true,"stream_options":{{"include_usage":true}},{MESSAGES}}}"#
        ),
        format!(r#"{{"mod\u0065l":"\u006d",{MESSAGES}}}"#),
    ] {
        let call = read_chat(Bytes::from(body)).unwrap();
        let parts: Vec<Bytes> = patch(&call, "m", true).into_parts().collect();
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].as_ptr(), call.body.as_ptr());
        assert_eq!(parts[0].len(), call.body.len());
    }
}

#[test]
fn long_bodies_are_not_copied() {
    let body = format!(
        r#"{{"a":"{0}","model":"m","b":"{0}","stream":true,{MESSAGES}}}"#,
        "x".repeat(JOINED)
    );
    let call = read_chat(Bytes::from(body)).unwrap();
    let patched = patch(&call, "n", true);
    let inside = call.body.as_ptr_range();
    let parts: Vec<Bytes> = patched.into_parts().collect();
    assert_eq!(parts.len(), 5);
    let shared = parts
        .iter()
        .filter(|part| inside.contains(&part.as_ptr()))
        .count();
    assert_eq!(shared, 3);
}

#[test]
fn usage_is_asked_for_wherever_it_is_missing() {
    let ask = r#""stream_options":{"include_usage":true}"#;
    for (options, want) in [
        (
            "",
            format!(r#"{{{ask},"model":"m","stream":true,{MESSAGES}}}"#),
        ),
        (r#""stream_options":null,"#, String::new()),
        (r#""stream_options":{},"#, String::new()),
        (r#""stream_options": { "x":1},"#, String::new()),
        (
            r#""stream_options":{"include_usage":false},"#,
            String::new(),
        ),
        (
            r#""stream_options":{"include_usage": null ,"x":1},"#,
            String::new(),
        ),
    ] {
        let body = format!(r#"{{{options}"model":"m","stream":true,{MESSAGES}}}"#);
        let got = patched(&body, "m", true);
        if !want.is_empty() {
            assert_eq!(got, want);
        }
        let value: Value = serde_json::from_str(&got).unwrap();
        assert_eq!(
            value["stream_options"]["include_usage"],
            json!(true),
            "{got}"
        );
        assert_eq!(got.matches("include_usage").count(), 1, "{got}");
        assert_eq!(patched(&body, "m", false), body);
        let plain = body.replace("\"stream\":true", "\"stream\":false");
        assert_eq!(
            patched(&plain, "m", true),
            plain,
            "only streams report usage separately"
        );
    }
}

#[test]
fn model_names_are_escaped() {
    let body = format!(r#"{{"model":"m",{MESSAGES}}}"#);
    let odd = "a\"b\\c\u{1}\u{1f}é😀";
    let value: Value = serde_json::from_str(&patched(&body, odd, true)).unwrap();
    assert_eq!(value["model"], json!(odd));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn only_the_named_members_change(
        members in prop::collection::vec(0..9_usize, 0..9),
        padding in prop::sample::select(vec![0, 20_000]),
        model in "[a-z\"/😀]{1,8}",
        ask in any::<bool>(),
        options in prop::sample::select(vec![
            "null", "{}", " { } ", r#"{"include_usage":false}"#, r#"{"include_usage":true}"#,
            r#"{"a":{"include_usage":1},"include_usage":null}"#, r#"{"a":[1]}"#,
        ]),
        stream in any::<bool>(),
    ) {
        let unknown = ["\"x\":1.0", "\"y\" : [ 1,2 ]", "\"z\":\"\\u00e9\"", "\"x\":2", " \"w\":{\"model\":\"q\"} "];
        let mut parts: Vec<String> = members
            .iter()
            .filter_map(|index| unknown.get(*index))
            .map(|part| (*part).to_owned())
            .collect();
        let place = members.iter().sum::<usize>() % (parts.len() + 1);
        parts.insert(place, "\"model\" : \"given\" ".to_owned());
        if members.len() > 2 {
            parts.insert(members.len() % parts.len(), format!("\"stream_options\":{options}"));
        }
        parts.push(format!("\"stream\":{stream}"));
        parts.insert(members.len() % 3 % parts.len(), MESSAGES.to_owned());
        parts.push(format!("\"padding\":\"{}\"", "p".repeat(padding)));
        let body = format!("{{ {} }}", parts.join(","));
        let got = patched(&body, &model, ask);

        let mut want: Value = serde_json::from_str(&body).unwrap();
        want["model"] = json!(model);
        if ask && stream {
            if !want["stream_options"].is_object() {
                want["stream_options"] = json!({});
            }
            want["stream_options"]["include_usage"] = json!(true);
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&got).unwrap(), want);
        // Everything else is there as it was written.
        for part in parts.iter().filter(|part| !part.contains("\"model\" :") && !part.contains("stream_options")) {
            prop_assert!(got.contains(part.as_str()), "{} in {}", part, got);
        }
    }
}
