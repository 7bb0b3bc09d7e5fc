//! What a message holds: a text, or parts.

use serde_json::{Map, Value};

use crate::neutral::{Cache, Content, Media, Part, Reasoned, Source};
use crate::openai::media::of_url;
use crate::openai::parse::notes::Notes;
use crate::openai::parse::thinking;
use crate::state::State;

/// The parts of a `content`; `path` is that of the member. A part without a place is noted.
pub(super) fn read(value: &Value, path: &str, notes: &mut Notes) -> Vec<Part> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![Part::text(text)],
        Value::Array(parts) => {
            let parts = parts.iter().enumerate();
            parts
                .filter_map(|(at, value)| part(value, &format!("{path}[{at}]"), notes))
                .collect()
        }
        _ => {
            notes.wrong(path, "a string, an array or null", value);
            Vec::new()
        }
    }
}

/// The wish to cache the prompt up to a part, in Anthropic's words, as several servers take it.
pub(super) fn cache(mark: &Value) -> Option<Cache> {
    let mark = mark.as_object()?;
    let ttl = mark.get("ttl").and_then(Value::as_str);
    Some(Cache {
        ttl: ttl.map(str::to_owned),
    })
}

fn part(value: &Value, path: &str, notes: &mut Notes) -> Option<Part> {
    if let Value::String(text) = value {
        return Some(Part::text(text));
    }
    let object = notes.object(value, path)?;
    let content = match notes.name(object, "type", path)? {
        "text" => Content::Text {
            text: required(object, "text", path, notes)?.to_owned(),
            citations: Vec::new(),
        },
        "refusal" => Content::Refusal(required(object, "refusal", path, notes)?.to_owned()),
        "image_url" => image(object, path, notes)?,
        "input_audio" => audio(object, path, notes)?,
        "file" => file(object, path, notes)?,
        "thinking" => Content::Reasoning(Reasoned {
            text: thinking::words(object.get("thinking")),
            state: object
                .get("signature")
                .and_then(Value::as_str)
                .filter(|signature| !signature.is_empty())
                .map(State::open),
            redacted: false,
        }),
        _ => {
            notes.other(path);
            return None;
        }
    };
    Some(Part {
        content,
        cache: object.get("cache_control").and_then(cache),
    })
}

/// A text that must be there, but may be empty.
fn required<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
    notes: &mut Notes,
) -> Option<&'a str> {
    let path = format!("{path}.{name}");
    let Some(value) = object.get(name).filter(|value| !value.is_null()) else {
        notes.missing(&path);
        return None;
    };
    notes.text(value, &path)
}

fn image(object: &Map<String, Value>, path: &str, notes: &mut Notes) -> Option<Content> {
    let inner_path = format!("{path}.image_url");
    let (url, detail) = match object.get("image_url") {
        Some(Value::String(url)) => (&**url, None),
        Some(value @ Value::Object(inner)) => {
            notes.object(value, &inner_path)?;
            let url = notes.name(inner, "url", &inner_path)?;
            let detail = inner.get("detail").unwrap_or(&Value::Null);
            let detail = notes.text(detail, &format!("{inner_path}.detail"));
            (url, detail.map(str::to_owned))
        }
        Some(Value::Null) | None => {
            notes.missing(&inner_path);
            return None;
        }
        Some(other) => {
            notes.wrong(&inner_path, "an object", other);
            return None;
        }
    };
    let (source, media_type) = of_url(url);
    Some(Content::Image(Media {
        source,
        media_type,
        name: None,
        detail,
    }))
}

fn audio(object: &Map<String, Value>, path: &str, notes: &mut Notes) -> Option<Content> {
    let path = format!("{path}.input_audio");
    let Some(inner) = object.get("input_audio") else {
        notes.missing(&path);
        return None;
    };
    let inner = notes.object(inner, &path)?;
    let data = notes.name(inner, "data", &path)?;
    let format = notes.name(inner, "format", &path)?;
    let media_type = match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    };
    Some(Content::Audio(Media {
        source: Source::Base64(data.to_owned()),
        media_type,
        name: None,
        detail: None,
    }))
}

fn file(object: &Map<String, Value>, path: &str, notes: &mut Notes) -> Option<Content> {
    let path = format!("{path}.file");
    let Some(inner) = object.get("file") else {
        notes.missing(&path);
        return None;
    };
    let inner = notes.object(inner, &path)?;
    let mut text = |name: &str| {
        let value = inner.get(name).unwrap_or(&Value::Null);
        notes.text(value, &format!("{path}.{name}"))
    };
    let (name, id, data) = (text("filename"), text("file_id"), text("file_data"));
    let (source, media_type) = match (data, id) {
        (Some(data), _) if data.starts_with("data:") || data.contains("://") => of_url(data),
        (Some(data), _) => (Source::Base64(data.to_owned()), String::new()),
        (None, Some(id)) => (Source::File(id.to_owned()), String::new()),
        (None, None) => {
            notes.missing(&format!("{path}.file_data"));
            return None;
        }
    };
    Some(Content::Document(Media {
        source,
        media_type,
        name: name.map(str::to_owned),
        detail: None,
    }))
}
