//! Pictures, recordings and documents as parts.

use serde_json::{Value, json};

use super::set;

use crate::formats::{Aim, Lost};
use crate::gemini::media::{by_address, by_data};
use crate::neutral::{Media, Source};

/// The part; `None` for files in the store of another provider, and for data of no known type.
pub(super) fn write(media: &Media, aim: &Aim<'_>, path: &str, lost: &mut Lost) -> Option<Value> {
    let given = Some(&*media.media_type).filter(|kind| !kind.is_empty());
    let mut part = match &media.source {
        Source::Base64(data) => {
            let kind = given.or_else(|| by_data(data))?;
            json!({"inlineData": {"mimeType": kind, "data": data}})
        }
        Source::Url(uri) => file(uri, given),
        Source::File(uri) if is_own(uri) => file(uri, given),
        Source::File(_) => return None,
    };
    if let Some(name) = &media.name {
        let inner = part
            .as_object_mut()
            .and_then(|part| part.values_mut().next());
        match inner {
            Some(inner) if aim.provider == "vertex" => inner["displayName"] = name.as_str().into(),
            _ => lost.push(format!("{path}.name")),
        }
    }
    if let Some("low" | "high") = media.detail.as_deref() {
        lost.push(format!("{path}.detail"));
    }
    Some(part)
}

fn file(uri: &str, given: Option<&str>) -> Value {
    let mut file = json!({"fileUri": uri});
    if let Some(kind) = given.or_else(|| by_address(uri)) {
        set(&mut file, "mimeType", kind);
    }
    json!({"fileData": file})
}

/// Whether a file is in one of Google's stores.
fn is_own(uri: &str) -> bool {
    [
        "gs://",
        "files/",
        "https://generativelanguage.googleapis.com/",
    ]
    .into_iter()
    .any(|store| uri.starts_with(store))
}
