use proptest::prelude::*;

use super::*;

/// What a reader of events sees: name, data, the odd `error` field, and bare JSON.
type Seen = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn seen(event: &Event<'_>) -> Seen {
    (
        text(event.name),
        text(event.data.as_deref()),
        text(event.error),
        text(event.bare),
    )
}

/// Decodes chunks: the events that say something, and all the bytes that were handed out.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Vec<u8>) {
    let mut decoder = Decoder::new();
    let (mut events, mut bytes) = (Vec::new(), Vec::new());
    let mut note = |event: &Event<'_>| {
        bytes.extend_from_slice(event.raw());
        let seen = seen(event);
        if seen != Seen::default() {
            events.push(seen);
        }
    };
    for chunk in chunks {
        decoder.feed(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.event().unwrap() {
            note(&event);
        }
    }
    if let Some(event) = decoder.end() {
        note(&event);
    }
    (events, bytes)
}

fn data(text: &str) -> Seen {
    (None, Some(text.to_owned()), None, None)
}

#[test]
fn lines_mean_what_the_standard_says() {
    let named = |name: &str, text: &str| (Some(name.to_owned()), Some(text.to_owned()), None, None);
    let error = |text: &str| (None, None, Some(text.to_owned()), None);
    let bare = |text: &str| (None, None, None, Some(text.to_owned()));
    for (stream, want) in [
        ("data: a\n\n", vec![data("a")]),
        (
            "data:a\r\n\r\ndata:  b\r\rdata:\tc\n\n",
            vec![data("a"), data(" b"), data("\tc")],
        ),
        ("data\n\n", vec![data("")]),
        ("data: a\ndata\ndata: b\n\n", vec![data("a\n\nb")]),
        ("data: a\r\ndata:b\rdata: c\n\n", vec![data("a\nb\nc")]),
        (
            "event: x\ndata: a\nid: 1\nretry: 5\n\n",
            vec![named("x", "a")],
        ),
        ("event: x\nevent: y\ndata: a\n\n", vec![named("y", "a")]),
        (
            "event: x\n\n",
            vec![(Some("x".to_owned()), None, None, None)],
        ),
        (": comment\n\n:\n\n\n\ndata: a\n\n", vec![data("a")]),
        (": comment\ndata: a\n:data: b\n\n", vec![data("a")]),
        ("Data: a\n\ndatas: b\n\n data: c\n\ndata : d\n\n", vec![]),
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![data("a")]),
        ("\u{feff}\u{feff}data: a\n\n", vec![]),
        (
            "data: a\u{2028}b\u{85}c\u{b}d\n\n",
            vec![data("a\u{2028}b\u{85}c\u{b}d")],
        ),
        ("data: a\0b\nid: x\0\n\n", vec![data("a\0b")]),
        ("data: a\n\ndata: b", vec![data("a"), data("b")]),
        ("data: a\n\ndata: b\n", vec![data("a"), data("b")]),
        ("error: {\"error\":1}\n\n", vec![error("{\"error\":1}")]),
        ("{\"a\":\n 1}\n\n", vec![bare("{\"a\":\n 1}")]),
        ("", vec![]),
    ] {
        let (events, bytes) = decode([stream.as_bytes()]);
        assert_eq!(events, want, "{stream:?}");
        let relayed = stream.strip_prefix('\u{feff}').unwrap_or(stream);
        assert_eq!(bytes, relayed.as_bytes(), "{stream:?}");
    }
}

#[test]
fn an_event_leaves_as_soon_as_it_is_whole() {
    for end in ["\n\n", "\r\r", "\r\n\r\n", "\r\n\r", "\n\r"] {
        let mut decoder = Decoder::new();
        decoder.feed(Bytes::from(format!("data: a{end}")));
        assert!(decoder.event().unwrap().is_some(), "{end:?}");
        assert!(decoder.event().unwrap().is_none());
        assert_eq!(decoder.held(), 0);
    }
}

#[test]
fn the_line_feed_behind_a_parted_return_is_no_event() {
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::from_static(b"data: a\r\n\r"));
    assert_eq!(decoder.event().unwrap().unwrap().raw(), b"data: a\r\n\r");
    assert!(decoder.event().unwrap().is_none());
    decoder.feed(Bytes::new());
    assert!(decoder.event().unwrap().is_none());
    decoder.feed(Bytes::from_static(b"\ndata: b\n\n"));
    let rest = decoder.event().unwrap().unwrap();
    assert!(rest.rest && rest.raw() == b"\n");
    assert_eq!(
        decoder.event().unwrap().unwrap().data.as_deref(),
        Some(&b"b"[..])
    );
}

#[test]
fn whole_events_share_the_memory_of_their_chunk() {
    let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\ndata: c");
    let mut decoder = Decoder::new();
    decoder.feed(chunk.clone());
    for _ in 0..2 {
        let event = decoder.event().unwrap().unwrap();
        assert!(chunk.as_ptr_range().contains(&event.raw().as_ptr()));
        let data = event.data.clone().unwrap();
        assert!(chunk.as_ptr_range().contains(&event.share(&data).as_ptr()));
    }
    assert!(decoder.event().unwrap().is_none());
    assert_eq!(decoder.held(), 7);
}

#[test]
fn comments_can_be_left_out() {
    let chunk = Bytes::from_static(b"data: x\n\n: one\ndata: a\r\n:two\r\n\r\n");
    let mut decoder = Decoder::new();
    decoder.feed(chunk.clone());
    decoder.event().unwrap();
    let event = decoder.event().unwrap().unwrap();
    assert!(event.comments);
    let kept: Vec<&[u8]> = event
        .without_comments()
        .map(|range| &chunk[range])
        .collect();
    assert_eq!(kept.concat(), b"data: a\r\n\r\n");
}

/// Feeds pieces of the stream until it fails; gives the most memory that was held on the way.
fn held_until_too_large(stream: &[u8], size: usize) -> (bool, usize) {
    let mut decoder = Decoder::new();
    let mut most = 0;
    for chunk in stream.chunks(size) {
        decoder.feed(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.event() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(TooLarge) => {
                    assert_eq!(decoder.held(), 0);
                    return (true, most);
                }
            }
        }
        most = most.max(decoder.held());
    }
    (false, most)
}

#[test]
fn events_end_at_the_cap_however_they_are_cut() {
    for end in ["\n\n", "\r\r", "\r\n\r\n"] {
        // The cap counts up to the first character of the blank line's end.
        let counted = end.len().min(3);
        for begin in ["data: ", ": ", "x"] {
            let event = |length: usize| {
                let filler = "x".repeat(length - begin.len() - counted);
                format!("data: first\n\n{begin}{filler}{end}data: last\n\n").into_bytes()
            };
            for size in [997, 65_536, usize::MAX] {
                let (failed, most) = held_until_too_large(&event(EVENT_CAP), size);
                assert!(
                    !failed && most <= EVENT_CAP,
                    "{begin:?} {end:?} {size} {most}"
                );
                let (failed, most) = held_until_too_large(&event(EVENT_CAP + 1), size);
                assert!(
                    failed && most <= EVENT_CAP,
                    "{begin:?} {end:?} {size} {most}"
                );
            }
        }
    }
    let endless = vec![b'x'; 3 * EVENT_CAP];
    let (failed, most) = held_until_too_large(&endless, 10_000);
    assert!(failed && most <= EVENT_CAP);
}

#[test]
fn a_million_empty_events_take_no_memory() {
    let stream = vec![b'\n'; 1_000_000];
    let (failed, most) = held_until_too_large(&stream, 8192);
    assert!(!failed);
    assert_eq!(most, 0);
}

#[test]
fn what_is_written_can_be_read() {
    assert_eq!(&write_data(b"{}")[..], b"data: {}\n\n");
    assert_eq!(&write_comment("keep-alive")[..], b": keep-alive\n\n");
    let stream = [&write_comment("x")[..], &write_data(b"a\nb")[..], DONE].concat();
    assert_eq!(decode([&stream[..]]).0, [data("a\nb"), data("[DONE]")]);
}

/// A stream in which everything occurs that may.
fn stream(end: &str, mark: bool, comments: bool) -> Vec<u8> {
    let mut lines: Vec<&str> = vec![
        "event: x",
        "data: {\"a\":\"\u{1F600} e\u{301}\"}",
        "",
        "data:1",
        "data",
        "data: 2",
        "id: 7\0",
        "retry: 3",
        "unknown: u",
        "",
        "",
        "",
        "error: {\"e\":1}",
        "",
        "{\"error\":{}}",
        "",
        "data: last \u{feff}",
        "",
    ];
    if comments {
        for at in [0, 2, 4, 10] {
            lines.insert(at, ": comment \u{1F600}");
        }
        lines.insert(0, "");
    }
    let text: String = lines.iter().flat_map(|line| [*line, end]).collect();
    if mark {
        format!("\u{feff}{text}").into_bytes()
    } else {
        text.into_bytes()
    }
}

#[test]
fn every_cut_in_two_and_single_bytes_give_the_same_events() {
    for end in ["\n", "\r\n", "\r"] {
        for (mark, comments) in [(false, false), (false, true), (true, false), (true, true)] {
            let stream = stream(end, mark, comments);
            let want = decode([&stream[..]]);
            assert_eq!(want.0.len(), 5);
            for at in 0..=stream.len() {
                let (left, right) = stream.split_at(at);
                assert_eq!(decode([left, right]), want, "{end:?} {at}");
            }
            assert_eq!(decode(stream.chunks(1)), want, "{end:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_give_the_same_events(
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        mark in any::<bool>(),
        comments in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = stream(end, mark, comments);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert_eq!(decode(chunks), decode([&stream[..]]));
    }

    #[test]
    fn any_bytes_give_the_same_events_in_any_cuts(
        bytes in prop::collection::vec(
            prop::sample::select(vec![b'\n', b'\r', b':', b'd', b' ', b'{', 0xEF, 0xBB, 0xBF]), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(decode(chunks), decode([&bytes[..]]));
    }
}
