//! Whatever a provider sends in whatever chunks, in whatever format: the outcome is the same
//! however it is cut, and only a stream that ends well has an end. The first byte of the input is
//! the format and whether the caller wants an array, the second one the size of the chunks.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollgate_core::format::Format;
use tollgate_core::reply::{Finish, Usage};
use tollgate_wire::formats::{self, Asked};
use tollgate_wire::neutral::Event;
use tollgate_wire::sse::Decoder;
use tollgate_wire::stream::{StreamProblem, StreamRules, Terminator};

const FORMATS: [Format; 8] = [
    Format::OpenAi,
    Format::Completions,
    Format::Responses,
    Format::Anthropic,
    Format::Gemini,
    Format::Bedrock,
    Format::Cohere,
    Format::Ollama,
];

/// Reads a stream up to its end or its problem. Signs of life are left out: how many there are
/// may depend on how the bytes came.
fn read<'a>(
    format: Format,
    rules: StreamRules,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Event>, Option<StreamProblem>) {
    let mut reader = formats::stream_reader(format, rules);
    let mut events = Vec::new();
    let mut problem = None;
    for chunk in chunks {
        problem = reader
            .feed(Bytes::copy_from_slice(chunk), &mut events)
            .err();
        if problem.is_some() || events.last() == Some(&Event::End) {
            break;
        }
    }
    if problem.is_none() && events.last() != Some(&Event::End) {
        problem = reader.end(&mut events).err();
    }
    events.retain(|event| *event != Event::Idle);
    (events, problem)
}

/// What holds of the events of every reader.
fn check(events: &[Event], problem: Option<&StreamProblem>) {
    let ends = events.iter().filter(|event| **event == Event::End).count();
    assert_eq!(ends, usize::from(problem.is_none()), "{problem:?}");
    assert!(ends == 0 || events.last() == Some(&Event::End));
    if let Some(first) = events.first() {
        assert!(matches!(first, Event::Begin { .. }), "{first:?}");
    }
    let mut calls = 0;
    for event in events {
        match event {
            Event::ToolCall { index, id, .. } => {
                assert_eq!(*index, calls);
                assert!(!id.is_empty());
                calls += 1;
            }
            Event::Arguments { index, .. } | Event::CallEnd { index } => assert!(*index < calls),
            _ => {}
        }
    }
}

/// Every caller's format can say it.
fn write(events: &[Event], array: bool) {
    let asked = Asked {
        freeform: &[],
        model: "m",
        request_id: "r",
        now: 0,
        usage: true,
        array,
    };
    for format in FORMATS {
        let Some(mut writer) = formats::stream_writer(format, &asked) else {
            continue;
        };
        let mut out = Vec::new();
        for event in events {
            writer.write(event, &mut out);
        }
        let out = String::from_utf8(out).expect("a stream is text");
        let ended = events.last() == Some(&Event::End);
        if format == Format::Gemini && array && ended {
            let items = serde_json::from_str::<Vec<serde_json::Value>>(&out);
            assert!(items.is_ok_and(|items| !items.is_empty()));
        }
    }
}

type Outcome = (
    Vec<Vec<u8>>,
    Option<Usage>,
    Option<Finish>,
    bool,
    Option<StreamProblem>,
);

/// Relays a stream; `None` for formats that no caller speaks.
fn relay<'a>(
    format: Format,
    rules: StreamRules,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Option<Outcome> {
    let mut flow = formats::relay_stream(format, rules)?;
    let mut fed: Vec<_> = chunks
        .map(|chunk| flow.feed(Bytes::copy_from_slice(chunk)))
        .collect();
    fed.push(flow.end());
    let (mut relayed, mut usage, mut finish) = (Vec::new(), None, None);
    let (mut content, mut last, mut problem) = (false, false, None);
    for fed in fed {
        assert!(fed.piece.bytes.is_empty() || !last, "bytes behind the end");
        relayed.extend_from_slice(&fed.piece.bytes);
        usage = fed.piece.usage.or(usage);
        finish = fed.piece.finish.or(finish);
        content |= fed.piece.content;
        last |= fed.piece.last;
        problem = problem.or(fed.problem);
    }
    assert_eq!(last, problem.is_none(), "{problem:?}");
    Some((data(relayed, rules.array), usage, finish, content, problem))
}

/// The data of what was relayed: comments may come and go with the chunks.
fn data(relayed: Vec<u8>, array: bool) -> Vec<Vec<u8>> {
    if array && relayed.starts_with(b"[") {
        return vec![relayed];
    }
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::from(relayed));
    let mut all = Vec::new();
    while let Ok(Some(event)) = decoder.event() {
        all.extend(event.data.map(std::borrow::Cow::into_owned));
    }
    let rest = decoder.end();
    assert!(
        rest.is_none_or(|rest| rest.data.is_none()),
        "half an event was relayed"
    );
    all
}

fuzz_target!(|input: &[u8]| {
    let [first, size, stream @ ..] = input else {
        return;
    };
    let format = FORMATS[usize::from(first & 7)];
    let done = match format {
        Format::OpenAi | Format::Completions if first & 16 == 0 => Terminator::Done,
        Format::OpenAi | Format::Completions => Terminator::FinishThenEnd,
        _ => Terminator::Native,
    };
    let rules = StreamRules {
        show_usage: first & 32 == 0,
        done,
        provider: "sim",
        array: first & 8 != 0,
    };
    let chunks = || stream.chunks(usize::from(*size).max(1));
    let whole = read(format, rules, std::iter::once(stream));
    check(&whole.0, whole.1.as_ref());
    assert_eq!(read(format, rules, chunks()), whole);
    write(&whole.0, rules.array);
    let whole = relay(format, rules, std::iter::once(stream));
    assert_eq!(relay(format, rules, chunks()), whole);
});
