//! Pictures, documents and recordings as parts of this format.

use serde_json::{Map, Value, json};

use crate::neutral::{Content, Media, Source};

/// The media of an `input_image`, `input_file` or `input_audio`; `None` if it names no source, or
/// is another part.
pub(super) fn read(part: &Map<String, Value>) -> Option<Content> {
    let text = |name: &str| {
        let text = part.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    match text("type")? {
        "input_image" => {
            // Chat completions put the address into an object, and so do some clients here.
            let nested = part.get("image_url").and_then(|url| url.get("url"));
            let url = text("image_url").or(nested.and_then(Value::as_str));
            let (source, media_type) = located(None, url, text("file_id"))?;
            let detail = text("detail").filter(|detail| *detail != "auto");
            Some(Content::Image(Media {
                source,
                media_type,
                name: None,
                detail: detail.map(str::to_owned),
            }))
        }
        "input_file" => {
            let (source, media_type) =
                located(text("file_data"), text("file_url"), text("file_id"))?;
            Some(Content::Document(Media {
                source,
                media_type,
                name: text("filename").map(str::to_owned),
                detail: None,
            }))
        }
        "input_audio" => {
            let audio = part.get("input_audio")?;
            let data = audio.get("data").and_then(Value::as_str)?;
            let format = audio.get("format").and_then(Value::as_str);
            Some(Content::Audio(Media {
                source: Source::Base64(data.to_owned()),
                media_type: match format {
                    Some("mp3") => "audio/mpeg".to_owned(),
                    Some(format) => format!("audio/{format}"),
                    None => String::new(),
                },
                name: None,
                detail: None,
            }))
        }
        _ => None,
    }
}

/// Where media are: in the part itself, at an address, or in the provider's store.
fn located(data: Option<&str>, url: Option<&str>, file: Option<&str>) -> Option<(Source, String)> {
    if let Some((media_type, base64)) = data.or(url).and_then(inline) {
        return Some((Source::Base64(base64), media_type));
    }
    let source = match (data, url, file) {
        // Base64 alone is taken, too.
        (Some(data), _, _) => Source::Base64(data.to_owned()),
        (None, Some(url), _) => Source::Url(url.to_owned()),
        (None, None, Some(file)) => Source::File(file.to_owned()),
        (None, None, None) => return None,
    };
    Some((source, String::new()))
}

/// The type and the base64 of an address that holds its data itself (RFC 2397).
fn inline(url: &str) -> Option<(String, String)> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = kind.strip_suffix(";base64")?;
    let media_type = media_type.split(';').next().unwrap_or_default();
    Some((media_type.to_owned(), data.to_owned()))
}

/// A picture.
pub(super) fn write_image(media: &Media) -> Value {
    let detail = media.detail.as_deref().unwrap_or("auto");
    match &media.source {
        Source::File(id) => json!({"type": "input_image", "detail": detail, "file_id": id}),
        Source::Url(url) => json!({"type": "input_image", "detail": detail, "image_url": url}),
        Source::Base64(data) => json!({
            "type": "input_image",
            "detail": detail,
            "image_url": data_url(media, "image/png", data),
        }),
    }
}

/// A document.
pub(super) fn write_document(media: &Media) -> Value {
    match &media.source {
        Source::File(id) => json!({"type": "input_file", "file_id": id}),
        Source::Url(url) => json!({"type": "input_file", "file_url": url}),
        Source::Base64(data) => json!({
            "type": "input_file",
            // A file without a name is refused.
            "filename": media.name.as_deref().unwrap_or("document"),
            "file_data": data_url(media, "application/pdf", data),
        }),
    }
}

fn data_url(media: &Media, usual: &str, data: &str) -> String {
    let media_type = match media.media_type.as_str() {
        "" => usual,
        other => other,
    };
    format!("data:{media_type};base64,{data}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(source: Source, media_type: &str) -> Media {
        Media {
            source,
            media_type: media_type.to_owned(),
            name: None,
            detail: None,
        }
    }

    fn read_back(part: &Value) -> Option<Content> {
        read(part.as_object().unwrap())
    }

    #[test]
    fn pictures_are_found_wherever_clients_put_them() {
        let here = media(Source::Base64("AAAA".to_owned()), "image/png");
        let there = media(Source::Url("https://e/x.png".to_owned()), "");
        let stored = media(Source::File("file-1".to_owned()), "");
        for (part, want) in [
            (
                json!({"type": "input_image", "image_url": "data:image/png;base64,AAAA"}),
                Some(Content::Image(here.clone())),
            ),
            (
                json!({"type": "input_image", "image_url": {"url": "https://e/x.png"}}),
                Some(Content::Image(there.clone())),
            ),
            (
                json!({"type": "input_image", "image_url": null, "file_id": "file-1"}),
                Some(Content::Image(stored.clone())),
            ),
            (json!({"type": "input_image"}), None),
            (json!({"type": "input_video"}), None),
            (json!({}), None),
        ] {
            assert_eq!(read_back(&part), want, "{part}");
        }
        for media in [here, there, stored] {
            let written = write_image(&media);
            assert_eq!(read_back(&written), Some(Content::Image(media)));
        }
    }

    #[test]
    fn documents_and_recordings_keep_their_type_and_name() {
        let mut document = media(Source::Base64("AAAA".to_owned()), "application/pdf");
        document.name = Some("a.pdf".to_owned());
        let written = write_document(&document);
        assert_eq!(read_back(&written), Some(Content::Document(document)));
        let audio =
            json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}});
        let want = media(Source::Base64("AAAA".to_owned()), "audio/mpeg");
        assert_eq!(read_back(&audio), Some(Content::Audio(want)));
    }
}
