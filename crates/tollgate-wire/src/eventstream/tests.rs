use super::*;
use proptest::prelude::*;

/// A header with a value of this type.
pub(crate) fn header(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![name.len() as u8];
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(kind);
    if let 6 | 7 = kind {
        bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
    }
    bytes.extend_from_slice(value);
    bytes
}

/// A frame with right checksums.
pub(crate) fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = PRELUDE + headers.len() + payload.len() + TRAILER;
    let mut bytes = (total as u32).to_be_bytes().to_vec();
    bytes.extend((headers.len() as u32).to_be_bytes());
    bytes.extend(crc::crc32(&bytes).to_be_bytes());
    bytes.extend_from_slice(headers);
    bytes.extend_from_slice(payload);
    bytes.extend(crc::crc32(&bytes).to_be_bytes());
    bytes
}

/// A frame with this event.
pub(crate) fn event(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = header(":event-type", 7, name.as_bytes());
    headers.extend(header(":message-type", 7, b"event"));
    frame(&headers, payload)
}

fn decode(stream: &[u8], size: usize) -> Result<Vec<Frame>, StreamProblem> {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for chunk in stream.chunks(size.max(1)) {
        decoder.feed(chunk);
        while let Some(frame) = decoder.frame()? {
            frames.push(frame);
        }
    }
    assert!(decoder.is_at_a_boundary());
    Ok(frames)
}

#[test]
fn headers_of_every_type_are_read_past() {
    let mut headers = Vec::new();
    for (kind, value) in [
        (0, &b""[..]),
        (1, b""),
        (2, b"1"),
        (3, b"12"),
        (4, b"1234"),
        (5, b"12345678"),
        (6, b"any bytes \xff"),
        (7, b"text"),
        (8, b"12345678"),
        (9, b"1234567890123456"),
    ] {
        headers.extend(header("x", kind, value));
    }
    headers.extend(header(":event-type", 7, b"metadata"));
    // A name that decides, with a value that is no string.
    headers.extend(header(":exception-type", 4, b"1234"));
    let frames = decode(&frame(&headers, b"{}"), usize::MAX).unwrap();
    assert_eq!(
        frames,
        [Frame {
            event_type: Some("metadata".to_owned()),
            payload: Bytes::from_static(b"{}"),
            ..Frame::default()
        }]
    );
}

#[test]
fn a_wrong_checksum_of_an_event_stream_is_malformed() {
    let good = event("messageStop", br#"{"stopReason":"end_turn"}"#);
    for at in 0..good.len() {
        for bit in [1, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= bit;
            let Err(StreamProblem::Malformed(reason)) = decode(&bad, usize::MAX) else {
                panic!("a flipped bit of byte {at} was not noticed")
            };
            let of = if at < PRELUDE {
                "of a frame's lengths"
            } else {
                "a frame's checksum"
            };
            assert!(reason.contains("CRC32") && reason.contains(of), "{reason}");
        }
    }
}

#[test]
fn lengths_that_cannot_be_are_found_out_at_once() {
    let prelude = |total: u32, headers: u32| {
        let mut bytes = total.to_be_bytes().to_vec();
        bytes.extend(headers.to_be_bytes());
        bytes.extend(crc::crc32(&bytes).to_be_bytes());
        let mut decoder = Decoder::new();
        decoder.feed(&bytes);
        decoder.frame()
    };
    assert_eq!(prelude(16, 0), Ok(None));
    assert_eq!(prelude(EVENT_CAP as u32, 0), Ok(None));
    assert_eq!(prelude(u32::MAX, 0), Err(TooLarge.into()));
    assert_eq!(prelude(EVENT_CAP as u32 + 1, 0), Err(TooLarge.into()));
    for (total, headers) in [(0, 0), (15, 0), (16, 1), (16, u32::MAX), (1 << 20, 1 << 18)] {
        assert_eq!(
            prelude(total, headers),
            Err(StreamProblem::Malformed("a frame's lengths cannot be"))
        );
    }
}

#[test]
fn broken_headers_are_malformed() {
    for headers in [
        &b"\x05ab"[..],
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07\x00\x05abc",
        b"\x01a\x05123",
        b"\x0b:event-type\x07\x00\x01\xff",
    ] {
        let result = decode(&frame(headers, b""), usize::MAX);
        let problem = StreamProblem::Malformed("a frame's headers are broken");
        assert_eq!(result, Err(problem), "{headers:?}");
    }
}

#[test]
fn half_a_frame_is_no_boundary() {
    let whole = event("metadata", b"{}");
    for end in 1..whole.len() {
        let mut decoder = Decoder::new();
        decoder.feed(&whole[..end]);
        assert_eq!(decoder.frame(), Ok(None));
        assert!(!decoder.is_at_a_boundary());
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_frames(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5),
        size in 1_usize..60,
    ) {
        let mut stream = Vec::new();
        for payload in &payloads {
            stream.extend(event("contentBlockDelta", payload));
        }
        let frames = decode(&stream, size).unwrap();
        let found: Vec<&[u8]> = frames.iter().map(|frame| &frame.payload[..]).collect();
        prop_assert_eq!(found, payloads);
        prop_assert_eq!(decode(&stream, usize::MAX).unwrap(), frames);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new();
        decoder.feed(&bytes);
        while let Ok(Some(_)) = decoder.frame() {}
    }
}
