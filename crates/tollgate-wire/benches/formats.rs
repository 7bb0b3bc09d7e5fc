//! What one chunk of a stream costs: relayed within a format, and translated into another.
//!
//! Every stream says the same words; each iteration feeds one chunk with one event of text, as it
//! comes off the network.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tollgate_core::format::Format;
use tollgate_wire::formats::{self, Asked};
use tollgate_wire::openai::stream::ChatStream;
use tollgate_wire::stream::{Flow, StreamRules, Terminator, Translated};

const CHUNKS: usize = 200;

const RULES: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::Native,
    provider: "simulated",
    array: false,
};

const ASKED: Asked<'static> = Asked {
    model: "m",
    request_id: "req_0123456789",
    now: 1_790_000_000,
    usage: true,
    array: false,
    freeform: &[],
};

/// The beginning of a stream, and one event of text, as a provider of the format writes them.
fn events(format: Format) -> Option<(Vec<Bytes>, Bytes)> {
    let (begin, text): (&[&str], &str) = match format {
        Format::OpenAi => (
            &[concat!(
                r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"m-1","#,
                r#""choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
                "\n\n"
            )],
            concat!(
                r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"m-1","#,
                r#""choices":[{"index":0,"delta":{"content":" some more words"},"finish_reason":null}]}"#,
                "\n\n"
            ),
        ),
        Format::Responses => (
            &[
                concat!(
                    "event: response.created\n",
                    r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1790000000,"status":"in_progress","model":"m-1","output":[]}}"#,
                    "\n\n"
                ),
                concat!(
                    "event: response.output_item.added\n",
                    r#"data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
                    "\n\n"
                ),
                concat!(
                    "event: response.content_part.added\n",
                    r#"data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
                    "\n\n"
                ),
            ],
            concat!(
                "event: response.output_text.delta\n",
                r#"data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":" some more words"}"#,
                "\n\n"
            ),
        ),
        Format::Anthropic => (
            &[
                concat!(
                    "event: message_start\n",
                    r#"data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}}"#,
                    "\n\n"
                ),
                concat!(
                    "event: content_block_start\n",
                    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                    "\n\n"
                ),
            ],
            concat!(
                "event: content_block_delta\n",
                r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" some more words"}}"#,
                "\n\n"
            ),
        ),
        Format::Gemini => (
            &[],
            concat!(
                r#"data: {"candidates":[{"content":{"parts":[{"text":" some more words"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":3,"totalTokenCount":13},"modelVersion":"m-1","responseId":"r1"}"#,
                "\r\n\r\n"
            ),
        ),
        _ => return None,
    };
    let begin = begin
        .iter()
        .map(|event| Bytes::from_static(event.as_bytes()));
    Some((begin.collect(), Bytes::from_static(text.as_bytes())))
}

/// How a stream of one format reaches a caller of another.
fn flow(from: Format, to: Format) -> Option<Box<dyn Flow>> {
    if from != to {
        let writer = formats::stream_writer(to, &ASKED)?;
        let reader = formats::stream_reader(from, RULES);
        return Some(Box::new(Translated::new(reader, writer)));
    }
    match from {
        Format::OpenAi => Some(Box::new(ChatStream::new(StreamRules {
            done: Terminator::Done,
            ..RULES
        }))),
        format => formats::relay_stream(format, RULES),
    }
}

/// Feeds the chunks of text, which all have to be good.
fn feed(flow: &mut dyn Flow, text: &Bytes) {
    for _ in 0..CHUNKS {
        let fed = flow.feed(black_box(text.clone()));
        assert!(fed.problem.is_none());
        black_box(fed);
    }
}

fn chunks(criterion: &mut Criterion) {
    let formats = [
        Format::OpenAi,
        Format::Responses,
        Format::Anthropic,
        Format::Gemini,
    ];
    let mut group = criterion.benchmark_group("chunk");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    for from in formats {
        for to in formats {
            let (Some((beginning, text)), Some(_)) = (events(from), flow(from, to)) else {
                continue;
            };
            let name = format!("{} to {}", from.as_str(), to.as_str());
            group.bench_function(name, |bencher| {
                let open = || {
                    let mut flow = flow(from, to);
                    for event in &beginning {
                        if let Some(flow) = &mut flow {
                            drop(flow.feed(event.clone()));
                        }
                    }
                    flow
                };
                let run = |mut flow: Option<Box<dyn Flow>>| {
                    if let Some(flow) = &mut flow {
                        feed(&mut **flow, &text);
                    }
                    flow
                };
                bencher.iter_batched(open, run, BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, chunks);
criterion_main!(benches);
