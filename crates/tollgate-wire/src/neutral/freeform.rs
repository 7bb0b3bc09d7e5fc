//! Tools that take free text instead of arguments: functions with one argument, for whoever knows
//! functions only.

use serde_json::{Value, json};

use super::request::Tool;

/// The name of the one argument.
const INPUT: &str = "input";

/// What bounds the free text of a tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar<'a> {
    /// The language of the definition (`lark`, `regex`).
    pub(crate) syntax: &'a str,
    /// The definition.
    pub(crate) definition: &'a str,
}

/// A tool that takes free text. A grammar is told in words: functions have no place for it.
pub(crate) fn tool(name: &str, description: Option<&str>, grammar: Option<Grammar<'_>>) -> Tool {
    let bound = grammar.map(|Grammar { syntax, definition }| {
        format!("The text of `{INPUT}` must follow this grammar ({syntax}):\n{definition}")
    });
    let words: Vec<&str> = description.into_iter().chain(bound.as_deref()).collect();
    Tool {
        name: name.to_owned(),
        description: (!words.is_empty()).then(|| words.join("\n\n")),
        parameters: Some(json!({
            "type": "object",
            "properties": {INPUT: {
                "type": "string",
                "description": "The whole input of the tool, as plain text.",
            }},
            "required": [INPUT],
        })),
        strict: None,
        freeform: true,
        cache: None,
    }
}

/// The arguments of a call with this free text.
pub(crate) fn arguments(input: &str) -> String {
    json!({INPUT: input}).to_string()
}

/// The free text of a call with these arguments. What a model wrote instead of the argument is
/// given as it is: the tool will say what is wrong with it, and a text that was cut off stays
/// recognisably broken.
pub(crate) fn input(arguments: String) -> String {
    match serde_json::from_str(&arguments) {
        Ok(Value::Object(mut object)) => match object.remove(INPUT) {
            Some(Value::String(input)) => input,
            _ => arguments,
        },
        _ => arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_argument_is_given_as_it_is() {
        for (arguments, text) in [
            (r#"{"input":"a\n\"b\""}"#, "a\n\"b\""),
            (r#"{"input":"","more":1}"#, ""),
            ("", ""),
            (r#"{"input":"cut"#, r#"{"input":"cut"#),
            (r#"{"patch":"a"}"#, r#"{"patch":"a"}"#),
            (r#"{"input":["a"]}"#, r#"{"input":["a"]}"#),
            ("*** Begin Patch", "*** Begin Patch"),
        ] {
            assert_eq!(input(arguments.to_owned()), text, "{arguments}");
        }
    }

    #[test]
    fn a_grammar_is_told_in_words() {
        let grammar = Grammar {
            syntax: "lark",
            definition: "start: \"x\"",
        };
        let of = |description, grammar| tool("t", description, grammar).description;
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some("Patches"), None).as_deref(), Some("Patches"));
        let words = of(Some("Patches"), Some(grammar)).unwrap();
        assert_eq!(
            words,
            "Patches\n\nThe text of `input` must follow this grammar (lark):\nstart: \"x\""
        );
    }
}
