use super::*;
use crate::openai::request::read_chat;
use crate::quirks::Role;

const MISTRAL: Quirks = Quirks {
    max_tokens: MaxTokens::Plain,
    members: Some(&[
        "model",
        "messages",
        "stream",
        "max_tokens",
        "tools",
        "tool_choice",
        "random_seed",
    ]),
    messages: &[
        Role {
            name: "user",
            members: &["role", "content"],
        },
        Role {
            name: "assistant",
            members: &["role", "content", "tool_calls"],
        },
    ],
    tool_required: "any",
    schemas: true,
    effort: false,
};
const MESSAGES: &str = r#""messages":[ {"role":"user","content":"H\u0069"} ]"#;

fn fitted(members: &str, quirks: &Quirks) -> (String, Lost) {
    let body = format!("{{ {members}, \"model\" : \"m\" , {MESSAGES} }}");
    let call = read_chat(Bytes::from(body)).unwrap();
    let mut lost = Lost::new();
    let patched = fit(&call, "own/\"m\"", quirks, true, &mut lost);
    let bytes: Vec<u8> = patched.into_parts().flatten().collect();
    (String::from_utf8(bytes).unwrap(), lost)
}

/// What a body becomes, without the members that are always there.
fn kept(members: &str, quirks: &Quirks) -> (String, Lost) {
    let (body, lost) = fitted(members, quirks);
    let rest = format!(
        "\"model\":\"own/\\\"m\\\"\",\"messages\":{}}}",
        MESSAGES.strip_prefix("\"messages\":").unwrap()
    );
    let begin = body.strip_prefix('{').unwrap();
    let begin = begin
        .strip_suffix(&*rest)
        .unwrap_or_else(|| panic!("{body}"));
    serde_json::from_str::<serde_json::Value>(&body).unwrap();
    (begin.trim_end_matches(',').to_owned(), lost)
}

#[test]
fn what_is_not_known_is_left_out_and_told() {
    let (body, lost) = kept(
        r#""logit_bias":{"1":2},"st\u0072eam":false,"store":true,"n":null,"max_tokens": 5.0"#,
        &MISTRAL,
    );
    assert_eq!(body, r#""stream":false,"max_tokens":5.0"#);
    assert_eq!(lost, ["logit_bias"]);
}

#[test]
fn bounds_and_seeds_get_the_names_that_are_known() {
    for (members, want) in [
        (r#""max_completion_tokens":7"#, r#""max_tokens":7"#),
        (
            r#""max_tokens":5,"max_completion_tokens":7"#,
            r#""max_tokens":7"#,
        ),
        (
            r#""max_completion_tokens":7,"max_tokens":5"#,
            r#""max_tokens":7"#,
        ),
        (
            r#""max_completion_tokens":null,"max_tokens":5"#,
            r#""max_tokens":5"#,
        ),
        (r#""seed":3"#, r#""random_seed":3"#),
        (r#""seed":null"#, r#""random_seed":null"#),
        (r#""tool_choice":"required""#, r#""tool_choice":"any""#),
        (r#""tools":[ ]"#, ""),
    ] {
        let (body, lost) = kept(members, &MISTRAL);
        assert_eq!(body, want, "{members}");
        assert!(lost.is_empty(), "{members}: {lost:?}");
    }
    let (body, lost) = kept(r#""seed":3,"random_seed":4"#, &MISTRAL);
    assert_eq!(
        (&*body, lost),
        (r#""random_seed":4"#, vec!["seed".to_owned()])
    );
}

#[test]
fn the_newer_bound_is_put_where_only_that_is_known() {
    let quirks = Quirks {
        max_tokens: MaxTokens::Completion,
        members: Some(&["model", "messages", "max_completion_tokens"]),
        ..MISTRAL
    };
    let want = r#""max_completion_tokens":5"#;
    assert_eq!(kept(r#""max_tokens":5"#, &quirks).0, want);
    assert_eq!(
        kept(r#""max_tokens":9,"max_completion_tokens":5"#, &quirks).0,
        want
    );
    let both = Quirks {
        members: Some(&["model", "messages", "max_tokens", "max_completion_tokens"]),
        ..quirks
    };
    let members = r#""max_tokens":9,"max_completion_tokens":5"#;
    assert_eq!(kept(members, &both).0, members);
}

#[test]
fn usage_is_asked_for_only_where_the_question_is_known() {
    let (body, lost) = fitted(r#""stream":true,"stream_options":{}"#, &MISTRAL);
    assert!(!body.contains("stream_options"), "{body}");
    assert!(lost.is_empty());
    let quirks = Quirks {
        members: Some(&["model", "messages", "stream", "stream_options"]),
        ..MISTRAL
    };
    for options in [
        "",
        r#","stream_options":null"#,
        r#","stream_options":{"a":1}"#,
    ] {
        let (body, _) = fitted(&format!("\"stream\":true{options}"), &quirks);
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["stream_options"]["include_usage"], true, "{body}");
        assert_eq!(body.matches("stream_options").count(), 1, "{body}");
        assert_eq!(
            options.contains("\"a\""),
            value["stream_options"]["a"] == 1,
            "{body}"
        );
    }
    let (body, _) = fitted(r#""stream":false"#, &quirks);
    assert!(!body.contains("stream_options"), "{body}");
}

#[test]
fn providers_that_ignore_what_they_do_not_know_get_all_of_it() {
    let (body, lost) = fitted(r#""logit_bias":{"1":2}"#, &Quirks::COMPATIBLE);
    assert!(body.contains("logit_bias") && lost.is_empty());
}

#[test]
fn members_of_messages_that_are_not_known_are_left_out_and_told() {
    let messages = r#""messages":[ {"role":"user","name":"Ann","content":[{"a" : 1}]} ,
        {"role":"system","name":"x","content":"s"},{"role":"user","content" : "as it is"},
        {"reasoning_content":"so","refusal":null,"role":"assistant","content":""} ]"#;
    let body = format!("{{\"model\":\"m\",{messages}}}");
    let call = read_chat(Bytes::from(body)).unwrap();
    let mut lost = Lost::new();
    let patched = fit(&call, "m", &MISTRAL, true, &mut lost);
    let bytes: Vec<u8> = patched.into_parts().flatten().collect();
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        r#"{"model":"m","messages":[ {"role":"user","content":[{"a" : 1}]} ,
        {"role":"system","name":"x","content":"s"},{"role":"user","content" : "as it is"},
        {"role":"assistant","content":""} ]}"#
    );
    assert_eq!(lost, ["messages[0].name", "messages[3].reasoning_content"]);
}
