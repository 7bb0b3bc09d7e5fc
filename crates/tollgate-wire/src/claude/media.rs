//! The pictures that are taken.

use crate::neutral::Media;

/// The type of a picture, if it is one that is taken. Where nobody said, its first bytes tell.
pub(crate) fn picture_type(media: &Media, base64: &str) -> Option<&'static str> {
    const TYPES: [(&str, &str); 5] = [
        ("image/png", "iVBOR"),
        ("image/jpeg", "/9j/"),
        ("image/jpg", "/9j/"),
        ("image/gif", "R0lGOD"),
        ("image/webp", "UklGR"),
    ];
    let said = media.media_type.to_ascii_lowercase();
    let found = TYPES.iter().find(|(name, begin)| {
        if said.is_empty() {
            base64.starts_with(begin)
        } else {
            said == *name
        }
    });
    found.map(|(name, _)| match *name {
        "image/jpg" => "image/jpeg",
        name => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neutral::Source;

    #[test]
    fn the_type_of_a_picture_is_as_said_or_as_its_bytes_tell() {
        for (said, data, want) in [
            ("image/png", "…", Some("image/png")),
            ("IMAGE/JPG", "…", Some("image/jpeg")),
            ("", "/9j/4AAQ", Some("image/jpeg")),
            ("", "UklGRg", Some("image/webp")),
            ("", "AAAA", None),
            ("image/tiff", "iVBOR", None),
        ] {
            let media = Media {
                source: Source::Base64(data.to_owned()),
                media_type: said.to_owned(),
                name: None,
                detail: None,
            };
            assert_eq!(picture_type(&media, data), want, "{said} {data}");
        }
    }
}
