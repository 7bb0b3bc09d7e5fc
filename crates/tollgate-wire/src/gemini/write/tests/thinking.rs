//! Thinking, settings and schemas in the words of each model.

use super::*;

/// What is asked of which model, what it is told, and how much is lost.
fn thinking() -> Vec<(Reasoning, &'static str, Value, usize)> {
    let effort = |effort| Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    };
    let budget = |budget| Reasoning {
        budget: Some(budget),
        show: Some(true),
        ..Reasoning::default()
    };
    vec![
        (
            effort(Effort::Medium),
            "gemini-3-flash",
            json!({"thinkingLevel": "MEDIUM"}),
            0,
        ),
        (
            effort(Effort::Medium),
            "gemini-3-pro-preview",
            json!({"thinkingLevel": "HIGH"}),
            0,
        ),
        (
            effort(Effort::None),
            "gemini-3-pro-preview",
            json!({"thinkingLevel": "LOW"}),
            1,
        ),
        (
            effort(Effort::None),
            "gemini-2.5-flash",
            json!({"thinkingBudget": 0}),
            0,
        ),
        (
            effort(Effort::None),
            "gemini-2.5-pro",
            json!({"thinkingBudget": 128}),
            1,
        ),
        (
            effort(Effort::Highest),
            "gemini-2.5-flash",
            json!({"thinkingBudget": 24_576}),
            0,
        ),
        (
            budget(5000),
            "gemini-2.5-pro",
            json!({"thinkingBudget": 5000, "includeThoughts": true}),
            0,
        ),
        (
            budget(5000),
            "gemini-3-flash",
            json!({"thinkingLevel": "MEDIUM", "includeThoughts": true}),
            0,
        ),
        (effort(Effort::High), "gemini-2.0-flash", Value::Null, 1),
        (effort(Effort::None), "gemini-2.0-flash", Value::Null, 0),
    ]
}

#[test]
fn thinking_is_told_in_the_words_of_the_model() {
    let with = |reasoning: Reasoning, model: &'static str| {
        let request = Request {
            reasoning: Some(reasoning),
            ..user("Hi")
        };
        let (body, lost) = written(&request, &aim("google", model));
        (body["generationConfig"]["thinkingConfig"].clone(), lost)
    };
    for (reasoning, model, want, lost) in thinking() {
        let (got, said) = with(reasoning, model);
        assert_eq!((got, said.len()), (want, lost), "{reasoning:?} {model}");
    }
}

#[test]
fn settings_that_cannot_be_told_are_named() {
    let request = Request {
        stop: (0..7).map(|stop| stop.to_string()).collect(),
        top_k: Some(u64::MAX),
        seed: Some(i64::MIN),
        max_tokens: Some(1 << 40),
        top_p: Number::from_f64(0.5),
        tools: vec![tool(None)],
        tool_choice: Some(ToolChoice::Named("f".to_owned())),
        parallel_tools: Some(false),
        output: Some(OutputFormat::Json),
        ..user("Hi")
    };
    let (body, lost) = to_second(&request);
    assert_eq!(
        lost,
        [
            "parallel_tool_calls",
            "top_k",
            "seed",
            "stop[5]",
            "response_format"
        ]
    );
    assert_eq!(
        body["generationConfig"],
        json!({"maxOutputTokens": 8192, "topP": 0.5, "stopSequences": ["0", "1", "2", "3", "4"]})
    );
    assert_eq!(
        body["toolConfig"]["functionCallingConfig"],
        json!({"mode": "ANY", "allowedFunctionNames": ["f"]})
    );
    let (body, lost) = to_third(&request);
    assert!(!lost.contains(&"response_format".to_owned()));
    assert_eq!(
        body["generationConfig"]["responseMimeType"],
        "application/json"
    );
}

#[test]
fn schemas_go_as_they_are() {
    let schema = json!({"type": "object", "additionalProperties": false});
    let request = Request {
        output: Some(OutputFormat::Schema {
            name: Some("n".to_owned()),
            description: Some("d".to_owned()),
            schema,
            strict: Some(true),
        }),
        ..user("Hi")
    };
    let (body, lost) = to_second(&request);
    assert!(lost.is_empty());
    assert_eq!(
        body["generationConfig"],
        json!({
            "responseMimeType": "application/json",
            "responseJsonSchema": {
                "type": "object", "additionalProperties": false, "description": "d",
            },
        })
    );
    let request = Request {
        tools: vec![tool(Some(true))],
        ..user("Hi")
    };
    let (body, _) = to_second(&request);
    assert_eq!(
        body["tools"],
        json!([{"functionDeclarations": [{
            "name": "f", "description": "d",
            "parametersJsonSchema": {"type": "object", "properties": {}},
        }]}])
    );
    assert_eq!(
        body["toolConfig"],
        json!({"functionCallingConfig": {"mode": "VALIDATED"}})
    );
}
