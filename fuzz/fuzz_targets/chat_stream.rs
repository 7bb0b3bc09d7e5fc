//! Whatever a provider sends in whatever chunks, the outcome is the same, and a stream that is cut
//! never ends well. The first byte of the input is the size of the chunks, and the rules.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollgate_core::reply::Usage;
use tollgate_wire::openai::stream::ChatStream;
use tollgate_wire::sse::Decoder;
use tollgate_wire::stream::{Flow as _, StreamProblem, StreamRules, Terminator};

type Outcome = (
    Vec<Vec<u8>>,
    Option<Usage>,
    bool,
    bool,
    Option<StreamProblem>,
);

/// The data of the events of what was relayed.
fn events(relayed: Vec<u8>) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::from(relayed));
    let mut events = Vec::new();
    while let Ok(Some(event)) = decoder.event() {
        events.extend(event.data.map(std::borrow::Cow::into_owned));
    }
    assert!(
        decoder.end().is_none_or(|rest| rest.data.is_none()),
        "half an event was relayed"
    );
    events
}

fn run<'a>(rules: StreamRules, chunks: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut stream = ChatStream::new(rules);
    let (mut relayed, mut usage) = (Vec::new(), None);
    let (mut content, mut last, mut problem) = (false, false, None);
    let mut fed: Vec<_> = chunks
        .map(|chunk| stream.feed(Bytes::copy_from_slice(chunk)))
        .collect();
    fed.push(stream.end());
    for fed in fed {
        relayed.extend_from_slice(&fed.piece.bytes);
        usage = fed.piece.usage.or(usage);
        content |= fed.piece.content;
        last |= fed.piece.last;
        problem = problem.or(fed.problem);
    }
    assert_eq!(last, problem.is_none());
    let events = events(relayed);
    assert_eq!(
        last,
        events
            .last()
            .is_some_and(|data| data.trim_ascii() == b"[DONE]")
    );
    (events, usage, content, last, problem)
}

fuzz_target!(|input: &[u8]| {
    let Some((first, stream)) = input.split_first() else {
        return;
    };
    let done = if first & 1 == 0 {
        Terminator::Done
    } else {
        Terminator::FinishThenEnd
    };
    let rules = StreamRules {
        show_usage: first & 2 == 0,
        done,
        provider: "openai",
        array: false,
    };
    let whole = run(rules, std::iter::once(stream));
    assert_eq!(
        run(rules, stream.chunks(usize::from(first >> 2).max(1))),
        whole
    );
});
