//! The parts of messages.

use serde_json::{Map, Value, json};

use crate::formats::Aim;
use crate::neutral::{Content, Media, Part, Source};
use crate::openai::media::url_of;

/// A part of a message; `None` for one that the format, or this provider, has no word for.
pub(super) fn part(part: &Part, aim: &Aim<'_>) -> Option<Value> {
    match &part.content {
        Content::Text { text: words, .. } | Content::Refusal(words) => Some(text(words)),
        Content::Image(media) => image(media),
        Content::Audio(media) => audio(media),
        Content::Document(media) => document(media, aim),
        Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => None,
    }
}

/// A text as a part.
pub(super) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// The parts as a `content`: a single text is the text itself, which every server takes.
pub(super) fn joined(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [] => "".into(),
        [single] => match single.get_mut("text") {
            Some(text) => text.take(),
            None => parts.into(),
        },
        _ => parts.into(),
    }
}

fn image(media: &Media) -> Option<Value> {
    let mut inner = Map::new();
    inner.insert("url".to_owned(), url_of(media, "image/png")?.into());
    if let Some(detail) = &media.detail {
        inner.insert("detail".to_owned(), detail.clone().into());
    }
    Some(json!({ "type": "image_url", "image_url": inner }))
}

fn audio(media: &Media) -> Option<Value> {
    let Source::Base64(data) = &media.source else {
        return None;
    };
    let format = match &*media.media_type {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/x-wav" | "audio/wave" => "wav",
        other => other.strip_prefix("audio/")?,
    };
    Some(json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } }))
}

fn document(media: &Media, aim: &Aim<'_>) -> Option<Value> {
    let mut file = Map::new();
    match &media.source {
        Source::File(id) => drop(file.insert("file_id".to_owned(), id.clone().into())),
        // Nobody else fetches documents.
        Source::Url(_) if aim.provider != "openrouter" => return None,
        Source::Base64(_) | Source::Url(_) => {
            let name = media.name.as_deref().unwrap_or("document");
            file.insert("filename".to_owned(), name.into());
            let url = url_of(media, "application/pdf")?;
            file.insert("file_data".to_owned(), url.into());
        }
    }
    Some(json!({ "type": "file", "file": file }))
}

/// The id of a call. Mistral refuses ids that are not nine letters and digits, so those of other
/// makers get one that is: always the same one, for calls and results must agree.
pub(super) fn call_id(id: &str, aim: &Aim<'_>) -> String {
    const LENGTH: usize = 9;
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let fits = id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits || aim.provider != "mistral" {
        return id.to_owned();
    }
    // FNV-1a, 64 bits.
    let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let letter = |_| {
        let letter = LETTERS.get((hash % 62) as usize).copied();
        hash /= 62;
        char::from(letter.unwrap_or(b'0'))
    };
    (0..LENGTH).map(letter).collect()
}
