//! What the formats' requests have in common, read into a conversation.

use serde_json::Value;

use crate::conversation::{Choice, Conversation, Kind, Media, Part, Place, Thinking, Tool};
use crate::problem::Problem;
use crate::request::Request;

/// Refuses what every address refuses: a body that is no object, and one without a model.
pub(super) fn check_body(request: &Request) -> Result<(), Problem> {
    if request.object().is_none() {
        let text = "The body of the request is not a JSON object.";
        return Err(Problem::invalid(400, None, text));
    }
    if request.model().is_empty() {
        return Err(missing("model"));
    }
    Ok(())
}

/// A member that has to be there.
pub(super) fn missing(name: &str) -> Problem {
    let text = format!("Missing required parameter: '{name}'.");
    Problem::invalid(400, Some(name), &text)
}

/// A member that must be a whole number of one or more.
pub(super) fn positive(request: &Request, name: &str) -> Result<Option<u64>, Problem> {
    match request.member(name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number > 0 => Ok(Some(number)),
            _ => {
                let text = format!("Invalid '{name}': expected a whole number of at least 1.");
                Err(Problem::invalid(400, Some(name), &text))
            }
        },
    }
}

/// How many choices are wanted.
pub(super) fn choices(request: &Request) -> Result<u64, Problem> {
    const MOST: u64 = 128;
    let choices = positive(request, "n")?.unwrap_or(1);
    if choices > MOST {
        let text = "Invalid 'n': expected at most 128.";
        return Err(Problem::invalid(400, Some("n"), text));
    }
    Ok(choices)
}

/// The texts that end an answer.
pub(super) fn stops(request: &Request) -> Vec<String> {
    match request.member("stop") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => texts(many),
        _ => Vec::new(),
    }
}

/// What the addresses call by the same names.
pub(super) fn settings(request: &Request, conversation: &mut Conversation) {
    for name in [
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "frequency_penalty",
        "presence_penalty",
    ] {
        conversation.set(name, request.member(name));
    }
    let user = request
        .member("user")
        .or(request.member("safety_identifier"));
    conversation.user = user.and_then(Value::as_str).map(str::to_owned);
    conversation.stream = request.wants_stream();
    let parallel = request.member("parallel_tool_calls");
    conversation.one_call = parallel.and_then(Value::as_bool) == Some(false);
}

/// How to think, by the name of an effort.
pub(super) fn effort(effort: Option<&Value>) -> Thinking {
    let effort = effort.and_then(Value::as_str);
    Thinking {
        wanted: effort.map(|effort| effort != "none"),
        effort: effort.map(str::to_owned),
        ..Thinking::default()
    }
}

/// The parts of a message's content.
pub(super) fn parts(content: Option<&Value>) -> Vec<Part> {
    match content {
        Some(Value::String(text)) => vec![Part::Text(text.clone())],
        Some(Value::Array(parts)) => parts.iter().map(part).collect(),
        _ => Vec::new(),
    }
}

fn part(part: &Value) -> Part {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let kind = text("type").unwrap_or_default();
    match kind {
        "text" | "input_text" | "output_text" => {
            Part::Text(text("text").unwrap_or_default().to_owned())
        }
        "refusal" => Part::Refusal(text("refusal").unwrap_or_default().to_owned()),
        "image_url" => Part::Media(image(
            part.pointer("/image_url/url").and_then(Value::as_str),
            None,
            part.pointer("/image_url/detail"),
        )),
        "input_image" => Part::Media(image(
            text("image_url"),
            text("file_id"),
            part.get("detail"),
        )),
        "input_audio" => {
            let member = |name: &str| {
                part.get("input_audio")
                    .and_then(|audio| audio.get(name))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let media_type = format!("audio/{}", member("format"));
            Part::Media(Media::inline(
                Kind::Audio,
                Some(&media_type),
                member("data"),
            ))
        }
        "file" => Part::Media(document(part.get("file").unwrap_or(part))),
        "input_file" => Part::Media(document(part)),
        other => Part::Other(other.to_owned()),
    }
}

fn image(url: Option<&str>, file: Option<&str>, detail: Option<&Value>) -> Media {
    let mut media = match (url, file) {
        (None, Some(id)) => Media::new(Kind::Image, None, Place::File(id.to_owned())),
        (url, _) => Media::at(Kind::Image, url.unwrap_or_default()),
    };
    media.detail = detail.and_then(Value::as_str).map(str::to_owned);
    media
}

fn document(file: &Value) -> Media {
    let text = |name: &str| file.get(name).and_then(Value::as_str);
    let mut media = match (text("file_data"), text("file_url"), text("file_id")) {
        (Some(data), ..) if data.starts_with("data:") => Media::at(Kind::Document, data),
        (Some(data), ..) => Media::inline(Kind::Document, None, data),
        (None, Some(url), _) => Media::at(Kind::Document, url),
        (None, None, id) => {
            let id = id.unwrap_or_default().to_owned();
            Media::new(Kind::Document, None, Place::File(id))
        }
    };
    media.name = text("filename").map(str::to_owned);
    media
}

/// Arguments as the model wrote them: JSON where they are, else the text.
pub(super) fn arguments(text: Option<&Value>) -> Value {
    let text = text.and_then(Value::as_str).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// A tool: a function, by the object that describes it, or one of the provider.
pub(super) fn tool(tool: &Value, function: Option<&Value>) -> Option<Tool> {
    let kind = tool
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("function");
    let Some(function) = function.filter(|_| kind == "function") else {
        return Some(Tool {
            name: kind.to_owned(),
            description: None,
            schema: Value::Null,
            is_strict: false,
            is_function: false,
        });
    };
    let text = |name: &str| function.get(name).and_then(Value::as_str);
    Some(Tool {
        name: text("name")?.to_owned(),
        description: text("description").map(str::to_owned),
        schema: function.get("parameters").cloned().unwrap_or(Value::Null),
        is_strict: function.get("strict").and_then(Value::as_bool) == Some(true),
        is_function: true,
    })
}

/// What `tool_choice` says; `named` finds the name in an object.
pub(super) fn choice(choice: Option<&Value>, named: impl Fn(&Value) -> Option<&str>) -> Choice {
    match choice {
        Some(Value::String(word)) => match word.as_str() {
            "none" => Choice::None,
            "required" => Choice::Any,
            _ => Choice::Auto,
        },
        Some(object) => {
            let holder = object.get("allowed_tools").unwrap_or(object);
            let tools = holder.get("tools").and_then(Value::as_array);
            let allowed: Vec<String> = tools
                .into_iter()
                .flatten()
                .filter_map(|tool| named(tool).map(str::to_owned))
                .collect();
            match named(object) {
                Some(name) => Choice::Named(vec![name.to_owned()]),
                None if allowed.is_empty() => Choice::Auto,
                None => Choice::Named(allowed),
            }
        }
        None => Choice::Auto,
    }
}

/// Refuses a choice of tools that cannot be followed.
pub(super) fn check_choice(conversation: &Conversation) -> Result<(), Problem> {
    let refuse = |text: &str| Err(Problem::invalid(400, Some("tool_choice"), text));
    let tools = &conversation.tools;
    let is_offered = |name: &String| tools.iter().any(|tool| tool.name == *name);
    match &conversation.choice {
        Choice::Any if tools.is_empty() => {
            refuse("'tool_choice' is only allowed when 'tools' are specified.")
        }
        Choice::Named(names) if !names.iter().all(is_offered) => {
            refuse("'tool_choice' names a tool that is not among the 'tools'.")
        }
        Choice::Any | Choice::Named(_) | Choice::Auto | Choice::None => Ok(()),
    }
}

/// The texts of a list.
pub(super) fn texts(list: &[Value]) -> Vec<String> {
    let texts = list.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
