//! Pictures and documents, and where they are.

use serde_json::Value;
use tollgate_core::error::Failure;

use super::super::wrong::{Members, joined, member, object, optional_text, text, wrong};
use crate::anthropic::base64;
use crate::neutral::{Media, Source};

/// Takes a picture. `None` if it is nowhere that others could look; that is told.
pub(super) fn image(
    members: &Members,
    path: &str,
    others: &mut Vec<String>,
) -> Result<Option<Media>, Failure> {
    let path = joined(path, "source");
    let Some(source) = member(members, "source") else {
        return Err(wrong(&path, "is missing"));
    };
    media(object(source, &path)?, &path, None, others)
}

/// Takes a document.
pub(super) fn document(
    source: &Members,
    path: &str,
    title: Option<String>,
    others: &mut Vec<String>,
) -> Result<Option<Media>, Failure> {
    if source.get("type").and_then(Value::as_str) == Some("text") {
        return Ok(Some(Media {
            source: Source::Base64(base64::encode(text(source, "data", path)?.as_bytes())),
            media_type: "text/plain".to_owned(),
            name: title,
            detail: None,
        }));
    }
    media(source, path, title, others)
}

fn media(
    source: &Members,
    path: &str,
    name: Option<String>,
    others: &mut Vec<String>,
) -> Result<Option<Media>, Failure> {
    let place = match &*text(source, "type", path)? {
        "base64" => Source::Base64(text(source, "data", path)?),
        "url" => Source::Url(text(source, "url", path)?),
        "file" => Source::File(text(source, "file_id", path)?),
        _ => {
            others.push(path.to_owned());
            return Ok(None);
        }
    };
    Ok(Some(Media {
        source: place,
        media_type: optional_text(source, "media_type", path)?.unwrap_or_default(),
        name,
        detail: None,
    }))
}
