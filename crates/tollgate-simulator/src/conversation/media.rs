//! Pictures, recordings and documents.

use serde_json::{Map, Value, json};

use crate::base64;
use crate::seed::hash;

/// A picture, a recording or a document.
pub(crate) struct Media {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its type, when it was said.
    pub(crate) mime: Option<String>,
    /// Where it is.
    pub(crate) place: Place,
    /// Its name or title.
    pub(crate) name: Option<String>,
    /// How closely it is to be looked at.
    pub(crate) detail: Option<String>,
}

/// What media are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A picture.
    Image,
    /// A recording.
    Audio,
    /// A document, and all else.
    Document,
}

/// Where media are.
pub(crate) enum Place {
    /// In the request, in base64; `None` when that cannot be read.
    Inline(Option<Vec<u8>>),
    /// At an address.
    Url(String),
    /// In the provider's store of files.
    File(String),
}

impl Media {
    /// Media without a name.
    pub(crate) fn new(kind: Kind, media_type: Option<&str>, place: Place) -> Self {
        Self {
            kind,
            mime: media_type.map(str::to_owned),
            place,
            name: None,
            detail: None,
        }
    }

    /// Media in base64.
    pub(crate) fn inline(kind: Kind, media_type: Option<&str>, data: &str) -> Self {
        Self::new(kind, media_type, Place::Inline(base64::decoded(data)))
    }

    /// Media at an address, which may be a `data:` URL.
    pub(crate) fn at(kind: Kind, url: &str) -> Self {
        let data = url
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(','));
        match data {
            Some((about, data)) => {
                let media_type = about.split(';').next().filter(|kind| !kind.is_empty());
                Self::inline(kind, media_type, data)
            }
            None => Self::new(kind, None, Place::Url(url.to_owned())),
        }
    }

    /// Media by their type, where a format has one kind of part for all of them.
    pub(crate) fn kind_of(media_type: &str) -> Kind {
        match media_type.split('/').next() {
            Some("image") => Kind::Image,
            Some("audio") => Kind::Audio,
            _ => Kind::Document,
        }
    }

    /// What was seen, in a few words.
    pub(crate) fn description(&self) -> String {
        let named = self.mime.as_deref().unwrap_or(self.kind.name());
        match &self.place {
            Place::Inline(Some(bytes)) => format!("{named} {} bytes", bytes.len()),
            Place::Inline(None) => format!("{named} unreadable"),
            Place::Url(url) => format!("{} {url}", self.kind.name()),
            Place::File(id) => format!("{} file {id}", self.kind.name()),
        }
    }

    /// What was seen, for comparison.
    pub(super) fn inspected(&self) -> Value {
        let mut members = Map::new();
        members.insert("kind".to_owned(), json!(self.kind.name()));
        match &self.place {
            Place::Inline(bytes) => {
                members.insert("type".to_owned(), json!(self.mime));
                members.insert("bytes".to_owned(), json!(bytes.as_ref().map(Vec::len)));
                let hashed = bytes
                    .as_ref()
                    .map(|bytes| format!("{:016x}", hash(0, bytes)));
                members.insert("hash".to_owned(), json!(hashed));
            }
            // Some formats have no place for the type of media that are elsewhere.
            Place::Url(url) => _ = members.insert("url".to_owned(), json!(url)),
            Place::File(id) => _ = members.insert("file".to_owned(), json!(id)),
        }
        for (name, value) in [("name", &self.name), ("detail", &self.detail)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(members)
    }
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Document => "document",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_is_read_and_another_is_shown() {
        let png = Media::at(Kind::Image, "data:image/png;base64,AAAAAAAAAAAAAAAA");
        assert_eq!(png.description(), "image/png 12 bytes");
        let far = Media::at(Kind::Image, "https://example.com/a.png");
        assert_eq!(far.description(), "image https://example.com/a.png");
        let bad = Media::at(Kind::Image, "data:image/png;base64,***");
        assert_eq!(bad.description(), "image/png unreadable");
    }

    #[test]
    fn other_bytes_are_told_apart() {
        let seen = |data| Media::inline(Kind::Image, Some("image/png"), data).inspected();
        assert_eq!(seen("AAAA"), seen("AAAA"));
        assert_ne!(seen("AAAA"), seen("AAAB"));
    }
}
