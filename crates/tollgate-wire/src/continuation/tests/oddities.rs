//! Requests and streams of any shape: nothing panics, and nothing is made up.

use super::*;

const NAMES: [&str; 30] = [
    "id",
    "choices",
    "delta",
    "content",
    "text",
    "role",
    "index",
    "usage",
    "x_groq",
    "finish_reason",
    "type",
    "content_block",
    "message",
    "candidates",
    "parts",
    "usageMetadata",
    "finishReason",
    "promptTokenCount",
    "prompt_tokens",
    "thought",
    "messages",
    "prompt",
    "max_tokens",
    "contents",
    "generationConfig",
    "model",
    "stream",
    "n",
    "tool_calls",
    "responseId",
];

/// Objects that look like what is read here, with everything in the wrong place.
fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..3).prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        Just(Value::from("")),
        Just(Value::from("text")),
        Just(Value::from("assistant")),
        Just(Value::from("content_block_delta")),
        Just(Value::from("content_block_start")),
        Just(Value::from("content_block_stop")),
        Just(Value::from("message_delta")),
        Just(Value::from("text_delta")),
        Just(Value::from("stop")),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((prop::sample::select(&NAMES[..]), inner), 0..6).prop_map(|members| {
                let members = members.into_iter();
                Value::Object(
                    members
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

/// Takes these pieces as the first, second and third stream of a call.
fn survive(shape: Shape, request: &str, pieces: &[Bytes]) {
    let mut call = call(shape, &body(shape.0, ""));
    call.body = Bytes::copy_from_slice(request.as_bytes());
    let mut continuation = Continuation::new(&call).unwrap();
    for (at, bytes) in pieces.iter().enumerate() {
        let piece = Piece {
            bytes: bytes.clone(),
            usage: (at % 2 == 0).then_some(USAGE),
            last: at + 1 == pieces.len(),
            ..Piece::default()
        };
        drop(continuation.call());
        if at % 3 == 2 {
            continuation.switch("m\n2");
        }
        let piece = continuation.splice(piece);
        continuation.watch(&piece);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_comes_makes_it_panic(
        shape in prop::sample::select(&SHAPES[..]),
        events in vec(odd(), 1..8),
        request in odd(),
    ) {
        let written = |event: &Value| Bytes::from(match shape {
            (_, true) => format!(",\n{event}"),
            (_, false) => format!("data: {event}\n\n"),
        });
        let pieces: Vec<Bytes> = events.iter().map(written).collect();
        survive(shape, &request.to_string(), &pieces);
    }

    #[test]
    fn no_bytes_make_it_panic(
        shape in prop::sample::select(&SHAPES[..]),
        pieces in vec(vec(any::<u8>(), 0..60), 1..8),
        request in "\\PC{0,60}",
    ) {
        let pieces: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
        survive(shape, &request, &pieces);
    }

    #[test]
    fn no_damage_to_a_stream_makes_it_panic(
        shape in prop::sample::select(&SHAPES[..]),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in 1_usize..200,
    ) {
        let stream = spoken(shape.0, "a", &chunks("Some words \u{1f600} that are said.", 3), USAGE);
        let mut bytes = stream.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let pieces: Vec<Bytes> = bytes.chunks(cut).map(Bytes::copy_from_slice).collect();
        survive(shape, &body(shape.0, ""), &pieces);
    }
}
