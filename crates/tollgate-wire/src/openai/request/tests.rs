use super::*;

const GOOD: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;

fn chat(body: &str) -> Result<Call, Failure> {
    read_chat(Bytes::copy_from_slice(body.as_bytes()))
}

/// The fields at fault, as `path kind`.
fn faults(result: Result<Call, Failure>) -> Vec<String> {
    let failure = result.unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    let text = failure.message.clone().unwrap();
    for field in &failure.fields {
        assert!(text.contains(&field.message), "{text}");
        assert!(
            field.message.starts_with(&format!("`{}` ", field.path)),
            "{text}"
        );
    }
    failure
        .fields
        .iter()
        .map(|field| format!("{} {}", field.path, field.kind))
        .collect()
}

#[test]
fn the_facts_of_a_chat_are_read() {
    let body = r#" { "model" : "openai/gpt-4o" , "stream":true,"max_tokens":10,
        "max_completion_tokens": 20, "stream_options": {"x":1,"include_usage":true},
        "messages":[{"role":"user","content":"Hi"}], "unknown":{"model":"other","stream":false}}"#;
    let call = chat(body).unwrap();
    assert_eq!(&*call.model, "openai/gpt-4o");
    assert_eq!(
        (call.format, call.operation),
        (Format::OpenAi, Operation::Chat)
    );
    assert!(call.stream && call.wants_usage);
    assert_eq!(call.max_tokens, Some(20));
    assert_eq!(&call.body[..], body.as_bytes());
    assert_eq!(body.get(..call.marks.start), Some(" {"));
    assert_eq!(
        body.get(call.marks.model.clone().unwrap()),
        Some("\"openai/gpt-4o\"")
    );
    assert_eq!(
        body.get(call.marks.stream_options.unwrap()),
        Some(r#"{"x":1,"include_usage":true}"#)
    );
    assert_eq!(body.get(call.marks.include_usage.unwrap()), Some("true"));
}

#[test]
fn answers_asked_for_are_counted_within_bounds() {
    for (member, want) in [
        ("", 1),
        (r#","n":3"#, 3),
        (r#","n":null"#, 1),
        (r#","n":99999999999"#, tollgate_core::call::MOST_CHOICES),
    ] {
        let body = GOOD.replace(['}', ']'], "");
        let body = format!("{body}}}]{member}}}");
        assert_eq!(chat(&body).unwrap().choices, want, "{body}");
    }
    assert_eq!(
        faults(chat(&GOOD.replacen('{', r#"{"n":0,"#, 1))),
        ["n greater_than_equal"]
    );
}

#[test]
fn what_is_not_said_is_not_assumed() {
    let call = chat(GOOD).unwrap();
    assert!(!call.stream && !call.wants_usage);
    assert_eq!(call.max_tokens, None);
    assert_eq!(
        (call.marks.stream_options, call.marks.include_usage),
        (None, None)
    );
}

#[test]
fn names_and_values_with_escapes_count() {
    let call = chat(
        r#"{"mod\u0065l":"gpt\u002d4","\u0073tream":true,"messages":[{"r\u006fle":"\u0061ssistant"}]}"#,
    )
    .unwrap();
    assert_eq!(&*call.model, "gpt-4");
    assert!(call.stream);
}

#[test]
fn null_is_as_good_as_absent() {
    for name in [
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "tools",
        "tool_choice",
        "user",
        "response_format",
        "seed",
    ] {
        let body = GOOD.replacen('{', &format!("{{\"{name}\":null,"), 1);
        assert!(chat(&body).is_ok(), "{name}");
    }
}

#[test]
fn good_values_pass() {
    for member in [
        r#""stream":false"#,
        r#""stream_options":{}"#,
        r#""stream_options":{"include_usage":null}"#,
        r#""max_tokens":1"#,
        r#""max_tokens":100.0"#,
        r#""n":3"#,
        r#""temperature":0"#,
        r#""temperature":-0.5e1"#,
        r#""stop":"x""#,
        r#""stop":["x","y"]"#,
        r#""stop":[]"#,
        r#""tools":[{"type":"function"}]"#,
        r#""tool_choice":"auto""#,
        r#""tool_choice":{"type":"function"}"#,
        r#""user":"u""#,
        r#""response_format":{"type":"json_object"}"#,
        r#""seed":-1"#,
        r#""input":5"#,
        r#""metadata":{"a":"b"},"metadata":7"#,
    ] {
        let body = GOOD.replacen('{', &format!("{{{member},"), 1);
        assert!(chat(&body).is_ok(), "{member}");
    }
}

#[test]
fn a_field_at_fault_is_named_with_its_kind() {
    for (member, want) in [
        (r#""stream":1"#, "stream bool_type"),
        (r#""stream":"true""#, "stream bool_type"),
        (r#""stream_options":true"#, "stream_options dict_type"),
        (
            r#""stream_options":{"include_usage":1}"#,
            "stream_options.include_usage bool_type",
        ),
        (r#""max_tokens":0"#, "max_tokens greater_than_equal"),
        (r#""max_tokens":-1"#, "max_tokens greater_than_equal"),
        (r#""max_tokens":1.5"#, "max_tokens int_from_float"),
        (r#""max_tokens":"5""#, "max_tokens int_type"),
        (
            r#""max_completion_tokens":[]"#,
            "max_completion_tokens int_type",
        ),
        (r#""n":0"#, "n greater_than_equal"),
        (r#""temperature":"hot""#, "temperature float_type"),
        (r#""top_p":true"#, "top_p float_type"),
        (r#""presence_penalty":{}"#, "presence_penalty float_type"),
        (r#""frequency_penalty":[]"#, "frequency_penalty float_type"),
        (r#""stop":1"#, "stop string_type"),
        (r#""stop":["a",1]"#, "stop[1] string_type"),
        (r#""tools":{}"#, "tools list_type"),
        (r#""tool_choice":1"#, "tool_choice value_error"),
        (r#""user":1"#, "user string_type"),
        (r#""response_format":"json""#, "response_format dict_type"),
        (r#""seed":0.5"#, "seed int_from_float"),
        (r#""seed":"x""#, "seed int_type"),
    ] {
        let body = GOOD.replacen('{', &format!("{{{member},"), 1);
        assert_eq!(faults(chat(&body)), [want], "{member}");
    }
}

#[test]
fn models_and_messages_at_fault_are_named() {
    let messages = r#""messages":[{"role":"user","content":"Hi"}]"#;
    for (body, want) in [
        ("{}".to_owned(), vec!["model missing", "messages missing"]),
        (format!("{{{messages}}}"), vec!["model missing"]),
        (
            format!(r#"{{"model":null,{messages}}}"#),
            vec!["model string_type"],
        ),
        (
            format!(r#"{{"model":1,{messages}}}"#),
            vec!["model string_type"],
        ),
        (
            format!(r#"{{"model":"",{messages}}}"#),
            vec!["model string_too_short"],
        ),
        (
            format!(r#"{{"model":"\ud800",{messages}}}"#),
            vec!["model string_unicode"],
        ),
        (
            format!(r#"{{"model":"{}",{messages}}}"#, "m".repeat(257)),
            vec!["model string_too_long"],
        ),
        (
            r#"{"model":"m","messages":null}"#.to_owned(),
            vec!["messages list_type"],
        ),
        (
            r#"{"model":"m","messages":{}}"#.to_owned(),
            vec!["messages list_type"],
        ),
        (
            r#"{"model":"m","messages":[]}"#.to_owned(),
            vec!["messages too_short"],
        ),
        (
            r#"{"model":"m","messages":["x",{"content":"c"},{"role":1},{"role":"user"},
                {"role":"user","content":5},{"role":"user","content":{}},
                {"role":"assistant"},{"role":"x","tool_calls":[]},{"role":"tool","content":null},
                {"role":"user","content":[{"type":"text"}]}]}"#
                .to_owned(),
            vec![
                "messages[0] dict_type",
                "messages[1].role missing",
                "messages[2].role string_type",
                "messages[3].content missing",
                "messages[4].content string_type",
                "messages[5].content string_type",
            ],
        ),
    ] {
        assert_eq!(faults(chat(&body)), want, "{body}");
    }
}

#[test]
fn what_is_read_must_not_occur_twice() {
    for (body, want) in [
        (GOOD.replacen('{', r#"{"model":"x","#, 1), "model"),
        (GOOD.replacen('{', r#"{"mod\u0065l":"x","#, 1), "model"),
        (
            GOOD.replacen('{', r#"{"messages":[{"role":"a","content":""}],"#, 1),
            "messages",
        ),
        (
            GOOD.replacen('{', r#"{"stream":true,"stre\u0061m":false,"#, 1),
            "stream",
        ),
        (GOOD.replacen('{', r#"{"seed":1,"seed":1,"#, 1), "seed"),
        (
            GOOD.replacen('{', r#"{"stream_options":{},"stream_options":null,"#, 1),
            "stream_options",
        ),
        (
            GOOD.replacen(
                '{',
                r#"{"stream_options":{"include_usage":true,"include_usage":false},"#,
                1,
            ),
            "stream_options.include_usage",
        ),
        (
            GOOD.replacen("\"role\"", r#""role":"system","role""#, 1),
            "messages[0].role",
        ),
        (
            GOOD.replacen("\"content\"", r#""content":"x","content""#, 1),
            "messages[0].content",
        ),
    ] {
        let result = chat(&body);
        let text = result.as_ref().unwrap_err().message.clone().unwrap();
        assert_eq!(text, format!("`{want}` occurs twice."));
        assert_eq!(faults(result), [format!("{want} value_error")], "{body}");
    }
}

#[test]
fn a_failure_knows_the_model() {
    let failure = chat(r#"{"model":"gpt-4o"}"#).unwrap_err();
    assert_eq!(failure.model.as_deref(), Some("gpt-4o"));
}

#[test]
fn twenty_faults_are_named_and_the_rest_is_counted() {
    let body = format!(r#"{{"model":"m","messages":[{}0]}}"#, "0,".repeat(99));
    let failure = chat(&body).unwrap_err();
    assert_eq!(failure.fields.len(), 20);
    assert!(
        failure
            .message
            .as_ref()
            .unwrap()
            .ends_with(" 80 more fields are at fault.")
    );
}

#[test]
fn what_is_not_json_is_named_with_its_place() {
    for (body, code, text) in [
        (
            "",
            Code::MalformedJson,
            "The body is empty; a JSON object is expected.",
        ),
        (
            " \n",
            Code::MalformedJson,
            "The body is empty; a JSON object is expected.",
        ),
        (
            "{\"model\":\"m\",\n\"stream\":tru}",
            Code::MalformedJson,
            "The body is not valid JSON: an unexpected character at line 2, column 13.",
        ),
        (
            "{\"model\":\"m\"",
            Code::MalformedJson,
            "The body is not valid JSON: the text ends too early at line 1, column 13.",
        ),
        (
            "[]",
            Code::InvalidRequest,
            "The body must be a JSON object, not an array.",
        ),
        (
            "null",
            Code::InvalidRequest,
            "The body must be a JSON object, not null.",
        ),
    ] {
        let failure = chat(body).unwrap_err();
        assert_eq!(failure.code, code, "{body}");
        assert_eq!(failure.message.as_deref(), Some(text));
    }
    let failure = read_chat(Bytes::from_static(b"{\"model\":\"\xff\"}")).unwrap_err();
    assert_eq!(failure.code, Code::MalformedJson);
    let deep = GOOD.replacen(
        '{',
        &format!("{{\"x\":{}1{},", "[".repeat(200), "]".repeat(200)),
        1,
    );
    let failure = chat(&deep).unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    assert!(
        failure
            .message
            .as_ref()
            .unwrap()
            .contains("more than 128 levels")
    );
}

#[test]
fn broken_json_outweighs_fields_at_fault() {
    assert_eq!(
        chat(r#"{"model":1,"messages":[}"#).unwrap_err().code,
        Code::MalformedJson
    );
}

#[test]
fn embeddings_are_read() {
    let read = |body: &str| read_embeddings(Bytes::copy_from_slice(body.as_bytes()));
    let call = read(
        r#"{"model":"e","input":["a","b"],"encoding_format":"base64","dimensions":8,"stream":7}"#,
    )
    .unwrap();
    assert_eq!((call.operation, &*call.model), (Operation::Embeddings, "e"));
    assert!(!call.stream);
    assert!(read(r#"{"model":"e","input":"a"}"#).is_ok());
    assert!(read(r#"{"model":"e","input":[[1,2],[3]]}"#).is_ok());
    for (body, want) in [
        (r"{}", vec!["model missing", "input missing"]),
        (r#"{"model":"e","input":null}"#, vec!["input string_type"]),
        (r#"{"model":"e","input":{}}"#, vec!["input string_type"]),
        (
            r#"{"model":"e","input":"a","encoding_format":1,"dimensions":"x","user":[]}"#,
            vec![
                "encoding_format string_type",
                "dimensions int_type",
                "user string_type",
            ],
        ),
        (
            r#"{"model":"e","input":"a","input":"b"}"#,
            vec!["input value_error"],
        ),
    ] {
        assert_eq!(faults(read(body)), want, "{body}");
    }
}
