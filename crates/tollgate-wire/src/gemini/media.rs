//! The types of media whose senders did not say them.

/// The type that the ending of an address stands for.
pub(super) fn by_address(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, file) = path.rsplit_once('/')?;
    let (_, ending) = file.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "aac" => "audio/aac",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "xml" => "text/xml",
        "json" => "application/json",
        _ => return None,
    })
}

/// The type that the first letters of a file in base64 stand for.
pub(super) fn by_data(base64: &str) -> Option<&'static str> {
    const BEGINNINGS: [(&str, &str); 7] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi0", "application/pdf"),
        ("SUQz", "audio/mpeg"),
        ("T2dnUw", "audio/ogg"),
    ];
    let mut beginnings = BEGINNINGS.into_iter();
    let (_, kind) = beginnings.find(|(beginning, _)| base64.starts_with(beginning))?;
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_first_bytes_tell_the_type() {
        for (url, want) in [
            ("https://example.com/a.b/x.PNG?w=1.jpg", Some("image/png")),
            ("https://example.com/x.jpeg#a/b.png", Some("image/jpeg")),
            ("https://example.png/x", None),
            ("https://example.com/x.unknown", None),
            ("x", None),
        ] {
            assert_eq!(by_address(url), want, "{url}");
        }
        assert_eq!(by_data("iVBORw0KGgoAAAA"), Some("image/png"));
        assert_eq!(by_data("AAAA"), None);
    }
}
