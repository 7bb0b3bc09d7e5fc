//! A request for content, read into a conversation.

use serde_json::{Value, json};

use super::{member, text};
use crate::conversation::{
    Choice, Conversation, Media, Output, Part, Place, Speaker, Thinking, Tool,
};
use crate::problem::Problem;

/// Reads a request whose form was checked.
pub(super) fn read(body: &Value, stream: bool) -> Conversation {
    let mut conversation = Conversation {
        stream,
        ..Conversation::default()
    };
    let system = member(body, "systemInstruction");
    match system {
        Some(Value::String(text)) => conversation.instruct(text),
        Some(content) => {
            for part in parts(content) {
                conversation.instruct(&part.words());
            }
        }
        None => {}
    }
    for content in list(body, "contents") {
        let speaker = match text(content, "role") {
            Some("model") => Speaker::Model,
            _ => Speaker::User,
        };
        conversation.say(speaker, parts(content));
    }
    let tools = list(body, "tools");
    conversation.tools = tools.iter().flat_map(self::tools).collect();
    let calling =
        member(body, "toolConfig").and_then(|config| member(config, "functionCallingConfig"));
    conversation.choice = calling.map_or(Choice::Auto, choice);
    if let Some(config) = member(body, "generationConfig") {
        settings(&mut conversation, config);
    }
    conversation
}

/// How many candidates are wanted.
pub(super) fn choices(body: &Value) -> Result<u64, Problem> {
    let config = member(body, "generationConfig");
    let count = config.and_then(|config| member(config, "candidateCount"));
    match count.map(Value::as_u64) {
        None => Ok(1),
        Some(Some(count @ 1..=8)) => Ok(count),
        Some(_) => {
            let text = "candidateCount must be in the range 1 to 8.";
            Err(Problem::plain(400, text))
        }
    }
}

fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    let list = member(object, name).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn settings(conversation: &mut Conversation, config: &Value) {
    conversation.limit = member(config, "maxOutputTokens").and_then(Value::as_u64);
    let stops = list(config, "stopSequences").iter();
    conversation.stop = stops
        .filter_map(|stop| stop.as_str().map(str::to_owned))
        .collect();
    for (name, field) in [
        ("temperature", "temperature"),
        ("top_p", "topP"),
        ("top_k", "topK"),
        ("seed", "seed"),
        ("frequency_penalty", "frequencyPenalty"),
        ("presence_penalty", "presencePenalty"),
    ] {
        conversation.set(name, member(config, field));
    }
    let schema = ["responseJsonSchema", "responseSchema"];
    let schema = schema.iter().find_map(|name| member(config, name));
    conversation.output = match (text(config, "responseMimeType"), schema) {
        (Some("application/json"), Some(schema)) => Output::Schema(schema.clone()),
        (Some("application/json"), None) => Output::Json,
        _ => Output::Text,
    };
    if let Some(config) = member(config, "thinkingConfig") {
        conversation.thinking = thinking(config);
    }
}

fn thinking(config: &Value) -> Thinking {
    let budget = member(config, "thinkingBudget").and_then(Value::as_i64);
    let effort = text(config, "thinkingLevel").map(str::to_lowercase);
    let is_shown = member(config, "includeThoughts").and_then(Value::as_bool);
    let is_asked = effort.is_some() || is_shown == Some(true);
    Thinking {
        wanted: match budget {
            Some(budget) => Some(budget != 0),
            None => is_asked.then_some(true),
        },
        effort,
        budget,
        is_shown,
    }
}

fn parts(content: &Value) -> Vec<Part> {
    list(content, "parts").iter().map(part).collect()
}

fn part(part: &Value) -> Part {
    let is_signed = text(part, "thoughtSignature").is_some_and(|state| !state.is_empty());
    if let Some(call) = member(part, "functionCall") {
        return Part::Call {
            id: text(call, "id").map(str::to_owned),
            name: text(call, "name").unwrap_or_default().to_owned(),
            arguments: member(call, "args").cloned().unwrap_or(json!({})),
            is_signed,
        };
    }
    if let Some(response) = member(part, "functionResponse") {
        return outcome(response);
    }
    if let Some(words) = text(part, "text") {
        if member(part, "thought").and_then(Value::as_bool) == Some(true) {
            return Part::Thought {
                text: words.to_owned(),
                is_signed,
            };
        }
        return Part::Text(words.to_owned());
    }
    if let Some(data) = member(part, "inlineData") {
        return Part::Media(inline(data));
    }
    if let Some(file) = member(part, "fileData") {
        let media_type = text(file, "mimeType").unwrap_or_default();
        let place = Place::Url(text(file, "fileUri").unwrap_or_default().to_owned());
        let mut media = Media::new(Media::kind_of(media_type), Some(media_type), place);
        media.name = text(file, "displayName").map(str::to_owned);
        return Part::Media(media);
    }
    let names = part
        .as_object()
        .into_iter()
        .flat_map(|members| members.keys());
    Part::Other(names.take(1).cloned().collect())
}

fn inline(data: &Value) -> Media {
    let media_type = text(data, "mimeType").unwrap_or_default();
    let content = text(data, "data").unwrap_or_default();
    let mut media = Media::inline(Media::kind_of(media_type), Some(media_type), content);
    media.name = text(data, "displayName").map(str::to_owned);
    media
}

/// What a tool gave. Plain texts come wrapped in an object with one of the usual members.
fn outcome(response: &Value) -> Part {
    let given = member(response, "response").unwrap_or(&Value::Null);
    let only = given
        .as_object()
        .filter(|members| members.len() == 1)
        .and_then(|members| members.iter().next());
    let (words, is_failed) = match only {
        Some((name, value)) if matches!(name.as_str(), "result" | "output" | "content") => {
            (plain(value), false)
        }
        Some((name, value)) if name == "error" => (plain(value), true),
        _ => (plain(given), false),
    };
    let mut parts = vec![Part::Text(words)];
    parts.extend(list(response, "parts").iter().map(part));
    Part::Outcome {
        id: text(response, "id").map(str::to_owned),
        name: text(response, "name").map(str::to_owned),
        parts,
        is_failed,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn tools(tool: &Value) -> Vec<Tool> {
    let functions = list(tool, "functionDeclarations").iter();
    let mut tools: Vec<Tool> = functions
        .map(|function| Tool {
            name: text(function, "name").unwrap_or_default().to_owned(),
            description: text(function, "description").map(str::to_owned),
            schema: ["parametersJsonSchema", "parameters"]
                .iter()
                .find_map(|name| member(function, name))
                .cloned()
                .unwrap_or(Value::Null),
            is_strict: false,
            is_function: true,
        })
        .collect();
    let others = tool
        .as_object()
        .into_iter()
        .flat_map(|members| members.keys());
    let others = others.filter(|name| {
        !matches!(
            name.as_str(),
            "functionDeclarations" | "function_declarations"
        )
    });
    tools.extend(others.map(|name| Tool {
        name: name.clone(),
        description: None,
        schema: Value::Null,
        is_strict: false,
        is_function: false,
    }));
    tools
}

fn choice(config: &Value) -> Choice {
    let names = list(config, "allowedFunctionNames").iter();
    let names: Vec<String> = names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    match text(config, "mode") {
        Some("NONE") => Choice::None,
        Some("ANY") if names.is_empty() => Choice::Any,
        Some("ANY") => Choice::Named(names),
        _ => Choice::Auto,
    }
}
