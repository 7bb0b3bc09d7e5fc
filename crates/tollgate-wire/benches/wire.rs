//! What the hot path costs: reading a request, relaying chunks, reading an answer.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use tollgate_core::format::Operation;
use tollgate_wire::openai::reply::read_answer;
use tollgate_wire::openai::request::read_chat;
use tollgate_wire::openai::stream::ChatStream;
use tollgate_wire::same::patch;
use tollgate_wire::stream::{Flow as _, StreamRules, Terminator};

const RULES: StreamRules = StreamRules {
    show_usage: false,
    done: Terminator::Done,
    provider: "openai",
    array: false,
};

/// A side of a turn, with the escapes that code and prose bring.
const SIDE: &str = r#"fn add(a: u32, b: u32) -> u32 {\n    // \"quoted\" and a tab\there\n    a + b\n}\n\u00dcber 100 \u20ac \u2014 na\u00efve fa\u00e7ade.\n"#;

/// A conversation as Python writes it, which is how the load of the side-by-side rig looks: 245
/// bytes without turns, 130 KB with 48.
fn conversation(turns: usize) -> Bytes {
    let mut messages = vec![
        r#"{"role": "system", "content": "You are a helpful assistant."}"#.to_owned(),
        r#"{"role": "user", "content": "Explain in two sentences why the sky is blue, for a ten-year-old reader."}"#.to_owned(),
    ];
    let long = SIDE.repeat(10);
    for turn in 0..turns {
        messages.push(format!(
            r#"{{"role": "assistant", "content": "Turn {turn}: {long}"}}"#
        ));
        messages.push(format!(
            r#"{{"role": "user", "content": "Go on.\n{long}"}}"#
        ));
    }
    let messages = messages.join(", ");
    Bytes::from(format!(
        r#"{{"model": "gpt-4o-mini", "messages": [{messages}], "temperature": 0.7, "max_tokens": 200}}"#
    ))
}

fn event() -> String {
    let json = r#"{"id":"chatcmpl-mock0000000000000001","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_mock","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null}"#;
    format!("data: {json}\n\n")
}

fn answer() -> Bytes {
    let body = json!({
        "id": "chatcmpl-mock0000000000000001", "object": "chat.completion", "created": 1_760_000_000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant",
            "content": "mock answer ".repeat(42), "refusal": null, "annotations": []},
            "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 24, "completion_tokens": 100, "total_tokens": 124,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}},
        "service_tier": "default", "system_fingerprint": "fp_mock"
    });
    Bytes::from(body.to_string())
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read_chat");
    for (name, turns) in [("short", 0), ("long", 48)] {
        let body = conversation(turns);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| read_chat(black_box(body.clone())).map(|call| call.stream));
        });
    }
    group.finish();
    for (name, turns) in [("short", 0), ("long", 48)] {
        let Ok(call) = read_chat(conversation(turns)) else {
            return;
        };
        criterion.bench_function(&format!("patch/{name}"), |bencher| {
            bencher.iter(|| patch(black_box(&call), "gpt-4o-mini-2024-07-18", true).len());
        });
    }
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("relay");
    for count in [1, 8] {
        let chunk = Bytes::from(event().repeat(count));
        group.throughput(Throughput::Bytes(chunk.len() as u64));
        group.bench_function(format!("{count} of {} bytes", event().len()), |bencher| {
            let mut stream = ChatStream::new(RULES);
            bencher.iter(|| stream.feed(black_box(chunk.clone())).piece.bytes.len());
        });
    }
    let event = Bytes::from(event());
    let (left, right) = (event.slice(..150), event.slice(150..));
    group.bench_function("1 in two chunks", |bencher| {
        bencher.iter_batched_ref(
            || ChatStream::new(RULES),
            |stream| {
                stream.feed(left.clone());
                stream.feed(right.clone()).piece.bytes.len()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn answers(criterion: &mut Criterion) {
    let body = answer();
    criterion.bench_function("read_answer", |bencher| {
        bencher.iter(|| {
            read_answer(Operation::Chat, black_box(body.clone())).map(|answer| answer.usage)
        });
    });
}

criterion_group! {
    name = wire;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = requests, streams, answers
}
criterion_main!(wire);
