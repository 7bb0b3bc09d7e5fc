//! Pictures and documents: Converse takes their bytes, never an address, and has a short word for
//! each type.

use serde_json::{Value, json};

use crate::claude::media::picture_type;
use crate::neutral::{Media, Source};

/// The value of `image`; `None` for pictures that are not taken.
pub(super) fn image(media: &Media) -> Option<Value> {
    let Source::Base64(data) = &media.source else {
        return None;
    };
    let format = picture_type(media, data)?.strip_prefix("image/")?;
    Some(json!({"format": format, "source": {"bytes": data}}))
}

/// The word for the type of a document, and its bytes; `None` for those that are not taken.
pub(super) fn document(media: &Media) -> Option<(&'static str, &str)> {
    let Source::Base64(data) = &media.source else {
        return None;
    };
    let kind = media.media_type.split(';').next().unwrap_or_default();
    let format = match kind.trim() {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/markdown" => "md",
        "text/plain" | "application/json" => "txt",
        "" if data.starts_with("JVBERi") => "pdf",
        _ => return None,
    };
    Some((format, data))
}

/// A name that is taken: letters, digits, single blanks, hyphens and brackets.
pub(super) fn document_name(name: Option<&str>) -> String {
    const LONGEST: usize = 180;
    let letters = name.unwrap_or_default().chars().take(LONGEST);
    let plain: String = letters
        .map(|letter| match letter {
            '-' | '(' | ')' | '[' | ']' => letter,
            letter if letter.is_ascii_alphanumeric() => letter,
            _ => ' ',
        })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    if words.is_empty() {
        "document".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_become_such_that_are_taken() {
        for (name, want) in [
            (None, "document"),
            (Some(""), "document"),
            (Some("report_2024.final.pdf"), "report 2024 final pdf"),
            (Some("a  b (1) [x]"), "a b (1) [x]"),
            (Some("\u{e9}\u{4e2d}"), "document"),
        ] {
            assert_eq!(document_name(name), want);
        }
    }
}
