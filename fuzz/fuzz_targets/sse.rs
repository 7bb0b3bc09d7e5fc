//! However a stream is cut, its events are the same, and no byte is lost. The first byte of the
//! input is the size of the chunks.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollgate_wire::sse::Decoder;

#[derive(Debug, Default, PartialEq)]
struct Seen {
    events: Vec<[Option<Vec<u8>>; 4]>,
    bytes: Vec<u8>,
}

fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Option<Seen> {
    let mut decoder = Decoder::new();
    let mut seen = Seen::default();
    let mut note = |event: &tollgate_wire::sse::Event<'_>| {
        seen.bytes.extend_from_slice(event.raw());
        let parts = [
            event.name.map(<[u8]>::to_vec),
            event.data.as_deref().map(<[u8]>::to_vec),
            event.error.map(<[u8]>::to_vec),
            event.bare.map(<[u8]>::to_vec),
        ];
        if parts.iter().any(Option::is_some) {
            seen.events.push(parts);
        }
    };
    for chunk in chunks {
        decoder.feed(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.event().ok()? {
            note(&event);
        }
    }
    if let Some(event) = decoder.end() {
        note(&event);
    }
    Some(seen)
}

fuzz_target!(|input: &[u8]| {
    let Some((size, stream)) = input.split_first() else {
        return;
    };
    let whole = decode(std::iter::once(stream));
    assert_eq!(decode(stream.chunks(usize::from(*size).max(1))), whole);
    if let Some(whole) = whole {
        assert_eq!(
            whole.bytes,
            stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream)
        );
    }
});
