//! What an answer refers to.

use serde_json::Value;

use crate::neutral::Citation;

/// The citations of a candidate: of what it took from elsewhere, and of what it searched.
/// `ascii` says whether all of the answer's text is: places are counted in bytes, and are known
/// in characters only where both are the same.
pub(super) fn of(candidate: &Value, ascii: bool) -> Vec<Citation> {
    let mut found: Vec<_> = sources(candidate)
        .filter_map(|source| cited(source, ascii))
        .collect();
    grounded(&candidate["groundingMetadata"], ascii, &mut found);
    found
}

fn sources(candidate: &Value) -> impl Iterator<Item = &Value> {
    let metadata = &candidate["citationMetadata"];
    // Gemini has the one name, Vertex the other.
    ["citationSources", "citations"]
        .into_iter()
        .filter_map(|name| metadata[name].as_array())
        .flatten()
}

fn cited(source: &Value, ascii: bool) -> Option<Citation> {
    let citation = Citation {
        url: text(&source["uri"]),
        title: text(&source["title"]),
        start: place(&source["startIndex"], ascii),
        end: place(&source["endIndex"], ascii),
        ..Citation::default()
    };
    (citation.url.is_some() || citation.title.is_some()).then_some(citation)
}

/// Pages that were found, with the stretches of the answer that rest on them.
fn grounded(metadata: &Value, ascii: bool, found: &mut Vec<Citation>) {
    let Some(pages) = metadata["groundingChunks"].as_array() else {
        return;
    };
    let before = found.len();
    for support in metadata["groundingSupports"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let indices = support["groundingChunkIndices"].as_array();
        for index in indices.into_iter().flatten() {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            let Some(page) = index.and_then(|index| pages.get(index)) else {
                continue;
            };
            let segment = &support["segment"];
            // Zero is left out.
            let start = place(&segment["startIndex"], ascii);
            let end = place(&segment["endIndex"], ascii);
            found.extend(of_page(page).map(|citation| Citation {
                start: start.or(end.map(|_| 0)),
                end,
                ..citation
            }));
        }
    }
    if found.len() == before {
        found.extend(pages.iter().filter_map(of_page));
    }
}

fn of_page(page: &Value) -> Option<Citation> {
    let page = ["web", "retrievedContext", "maps"]
        .into_iter()
        .map(|kind| &page[kind])
        .find(|page| page.is_object())?;
    Some(Citation {
        url: Some(text(&page["uri"])?),
        title: text(&page["title"]),
        ..Citation::default()
    })
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

fn place(value: &Value, ascii: bool) -> Option<u64> {
    value.as_u64().filter(|_| ascii)
}
