//! Media as addresses: what is here is in the address itself (RFC 2397).

use crate::neutral::{Media, Source};

/// Where an address leads, and the type of what is there if the address tells it.
pub(super) fn of_url(url: &str) -> (Source, String) {
    let inline = url.strip_prefix("data:").and_then(|rest| {
        let (head, data) = rest.split_once(',')?;
        let kind = head.strip_suffix(";base64")?;
        let kind = kind.split(';').next().unwrap_or_default();
        Some((Source::Base64(data.to_owned()), kind.to_owned()))
    });
    inline.unwrap_or_else(|| (Source::Url(url.to_owned()), String::new()))
}

/// The address of media; `None` for a file in some provider's store. Media whose type nobody told
/// are of type `otherwise`.
pub(super) fn url_of(media: &Media, otherwise: &str) -> Option<String> {
    match &media.source {
        Source::Url(url) => Some(url.clone()),
        Source::Base64(data) => {
            let told = Some(&*media.media_type).filter(|told| !told.is_empty());
            let kind = told.unwrap_or(otherwise);
            Some(format!("data:{kind};base64,{data}"))
        }
        Source::File(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base64_in_an_address_is_taken_out_of_it() {
        let base64 = |data: &str, kind: &str| (Source::Base64(data.into()), kind.to_owned());
        let url = |url: &str| (Source::Url(url.into()), String::new());
        for (address, want) in [
            ("data:image/png;base64,AAAA", base64("AAAA", "image/png")),
            (
                "data:text/plain;charset=x;base64,AA==",
                base64("AA==", "text/plain"),
            ),
            ("data:;base64,AAAA", base64("AAAA", "")),
            (
                "data:text/plain,hi%20there",
                url("data:text/plain,hi%20there"),
            ),
            ("data:nonsense", url("data:nonsense")),
            (
                "https://example.com/a.png",
                url("https://example.com/a.png"),
            ),
        ] {
            assert_eq!(of_url(address), want, "{address}");
        }
    }
}
