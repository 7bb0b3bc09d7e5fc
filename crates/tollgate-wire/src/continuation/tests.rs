//! What must hold in every format: wherever a stream breaks, it goes on to the same words.

mod oddities;
mod requests;
mod streams;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::reply::{Finish, Usage};

use super::*;
use crate::formats::Asked;
use crate::neutral::{Answer, Content, Ending, Gathering, Part, sample};
use crate::stream::{StreamRules, Terminator};

/// A format, and whether its streams are arrays.
type Shape = (Format, bool);

const SHAPES: [Shape; 5] = [
    (Format::OpenAi, false),
    (Format::Completions, false),
    (Format::Anthropic, false),
    (Format::Gemini, false),
    (Format::Gemini, true),
];

fn rules(array: bool) -> StreamRules {
    StreamRules {
        show_usage: true,
        done: Terminator::FinishThenEnd,
        provider: "sim",
        array,
    }
}

/// A request of a format, with these members in it.
fn body(format: Format, members: &str) -> String {
    match format {
        Format::OpenAi => format!(
            r#"{{{members}"model":"m","stream":true,"messages":[{{"role":"user","content":"Hi"}}]}}"#
        ),
        Format::Completions => {
            format!(r#"{{{members}"model":"m","stream":true,"prompt":"Hi: "}}"#)
        }
        Format::Anthropic => format!(
            r#"{{{members}"model":"m","stream":true,"max_tokens":1000,"messages":[{{"role":"user","content":"Hi"}}]}}"#
        ),
        Format::Gemini => {
            format!(r#"{{{members}"contents":[{{"role":"user","parts":[{{"text":"Hi"}}]}}]}}"#)
        }
        other => panic!("{other:?}"),
    }
}

fn call((format, array): Shape, body: &str) -> Call {
    let received = Received {
        operation: Operation::Chat,
        body: Bytes::copy_from_slice(body.as_bytes()),
        model: Some("m"),
        stream: true,
        array,
    };
    formats::read(format, received).unwrap()
}

/// A stream as a provider of the format sends it, with the id of who says it.
fn spoken(format: Format, id: &str, words: &[String], usage: Usage) -> String {
    let mut answer = Answer {
        id: Some(id.to_owned()),
        model: Some(format!("model-{id}")),
        parts: Vec::new(),
        ending: Some(Ending::new(Finish::Stop)),
        usage: Some(usage),
    };
    let mut out = Vec::new();
    let mut writer = formats::stream_writer(
        format,
        &Asked {
            model: "m",
            request_id: "r",
            now: 7,
            usage: true,
            array: false,
            freeform: &[],
        },
    )
    .unwrap();
    let end = sample::events(&answer, 1);
    answer.parts = words.iter().map(Part::text).collect();
    let all = sample::events(&answer, usize::MAX);
    assert_eq!(all.len(), end.len() + words.len());
    for event in all {
        writer.write(&event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

/// A stream on its way to a caller of the same format, one piece for each event.
fn pieces((format, array): Shape, stream: &str) -> Vec<Piece> {
    let mut relay = formats::relay_stream(format, rules(array)).unwrap();
    let mut pieces = Vec::new();
    let end = if stream.contains("\r\n\r\n") {
        "\r\n\r\n"
    } else {
        "\n\n"
    };
    for event in stream.split_inclusive(end) {
        let fed = relay.feed(Bytes::copy_from_slice(event.as_bytes()));
        pieces.push(fed.piece);
        if fed.problem.is_some() {
            return pieces;
        }
    }
    let fed = relay.end();
    pieces.push(fed.piece);
    pieces
}

/// What a caller makes of a stream.
#[derive(Debug, PartialEq)]
struct Heard {
    text: String,
    finish: Option<Finish>,
    usage: Option<Usage>,
    /// How often an answer begins, ends, and changes hands.
    begun: usize,
    ended: usize,
    marks: usize,
    ids: Vec<String>,
}

fn hear((format, array): Shape, stream: &str) -> Heard {
    let mut relay = formats::relay_stream(format, rules(array)).unwrap();
    let fed = relay.feed(Bytes::copy_from_slice(stream.as_bytes()));
    assert_eq!(fed.problem, None, "{stream}");
    let end = relay.end();
    assert_eq!(end.problem, None, "{stream}");
    assert!(fed.piece.last || end.piece.last, "{stream}");
    let objects = objects(array, stream);
    let mut ids: Vec<String> = objects.iter().filter_map(id).map(str::to_owned).collect();
    ids.dedup();
    let count = |pattern: &str| stream.matches(pattern).count();
    let (begun, ended) = match format {
        Format::OpenAi => (count("\"role\""), count("\"finish_reason\":\"")),
        Format::Completions => (1, count("\"finish_reason\":\"")),
        Format::Anthropic => (
            count("event: message_start"),
            count("\"stop_reason\":\"").max(count("event: message_stop")),
        ),
        _ => (1, count("\"finishReason\"")),
    };
    Heard {
        text: text((format, array), stream, &objects),
        finish: fed.piece.finish.or(end.piece.finish),
        usage: fed.piece.usage.or(end.piece.usage),
        begun,
        ended,
        marks: count(": tollgate: continued by m2\n\n") + count("{\"continued_by\":\"m2\"}"),
        ids,
    }
}

fn objects(array: bool, stream: &str) -> Vec<Value> {
    if array {
        return serde_json::from_str(stream).unwrap();
    }
    let data = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    let data = data.map(str::trim).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn id(object: &Value) -> Option<&str> {
    let places = [
        &object["id"],
        &object["message"]["id"],
        &object["responseId"],
    ];
    let mut ids = places.into_iter().filter_map(Value::as_str);
    ids.find(|id| !id.is_empty())
}

fn text((format, _): Shape, stream: &str, objects: &[Value]) -> String {
    if format == Format::Completions {
        let texts = objects
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["text"].as_str());
        return texts.collect();
    }
    let mut reader = formats::stream_reader(format, rules(false));
    let mut events = Vec::new();
    let bytes = Bytes::copy_from_slice(stream.as_bytes());
    reader.feed(bytes, &mut events).unwrap();
    reader.end(&mut events).unwrap();
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    assert!(gathering.ended);
    let parts = gathering.into_answer().parts;
    let texts = parts.into_iter().map(|part| match part.content {
        Content::Text { text, .. } => text,
        other => panic!("{other:?}"),
    });
    texts.collect()
}

/// How the assistant's answer begins in a call for the rest.
fn sent(call: &Call) -> String {
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    let text = match call.format {
        Format::OpenAi => &body["messages"][1]["content"],
        Format::Completions => &body["prompt"],
        Format::Anthropic => &body["messages"][1]["content"][0]["text"],
        _ => &body["contents"][1]["parts"][0]["text"],
    };
    let text = text.as_str().unwrap();
    text.strip_prefix("Hi: ").unwrap_or(text).to_owned()
}

const USAGE: Usage = Usage {
    prompt: 4000,
    completion: 50,
    cached: 20,
    ..Usage::NONE
};

/// Says a text in pieces of a size, breaks at each place of `cuts` in turn, and goes on.
fn broken(shape: Shape, text: &str, (size, cuts): (usize, &[usize]), again: bool) -> String {
    let call = call(shape, &body(shape.0, ""));
    let mut continuation = Continuation::new(&call).unwrap();
    let (mut out, mut rest, mut repeated) = (Vec::new(), text.to_owned(), String::new());
    let mut breaks = cuts.iter();
    let mut round = 0;
    loop {
        let words = chunks(&(repeated + &rest), size);
        let stream = spoken(shape.0, &format!("a{round}"), &words, USAGE);
        let pieces = pieces(shape, &stream);
        let cut = breaks.next().map_or(pieces.len(), |cut| cut % pieces.len());
        for piece in pieces.into_iter().take(cut) {
            let piece = if round > 0 {
                continuation.splice(piece)
            } else {
                piece
            };
            continuation.watch(&piece);
            out.extend_from_slice(&piece.bytes);
            if piece.last {
                return String::from_utf8(out).unwrap();
            }
        }
        let Some(more) = continuation.call() else {
            return "not safe".to_owned();
        };
        let sent = sent(&more);
        text.strip_prefix(sent.as_str())
            .unwrap()
            .clone_into(&mut rest);
        repeated = if again && sent.len() >= 32 {
            sent
        } else {
            String::new()
        };
        continuation.switch("m2");
        round += 1;
    }
}

fn chunks(text: &str, size: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(size)
        .map(|piece| piece.iter().collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // Where no words have come, nothing can be gone on with.
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
    })]

    #[test]
    fn wherever_a_stream_breaks_it_goes_on_to_the_same_words(
        shape in prop::sample::select(&SHAPES[..]),
        // Often with blanks at both ends: those at the end may look like a repetition.
        text in "[ \n]{0,3}[ -~äé\u{4e2d}\u{1f600}\n\t\"\\\\]{1,120}[ \n]{0,4}",
        size in 1_usize..20,
        cuts in vec(1_usize..60, 1..4),
        again in any::<bool>(),
    ) {
        let stream = broken(shape, &text, (size, &cuts), again);
        prop_assume!(stream != "not safe");
        let heard = hear(shape, &stream);
        prop_assert_eq!(&heard.text, &text, "{}", stream);
        prop_assert_eq!((heard.begun, heard.ended), (1, 1), "{}", stream);
        prop_assert!(heard.marks <= cuts.len(), "{}", stream);
        prop_assert!(heard.ids.len() == 1, "{:?}", heard.ids);
        prop_assert_eq!(heard.finish, Some(Finish::Stop));
    }
}

#[test]
fn blanks_that_were_said_are_dropped_even_where_the_answer_begins_with_the_same() {
    let text = "\nThe quick brown fox jumps over the lazy dog.\n";
    for shape in SHAPES {
        let all = chunks(text, 6).len();
        for cut in 1..all + 6 {
            let stream = broken(shape, text, (6, &[cut]), false);
            if stream != "not safe" {
                assert_eq!(hear(shape, &stream).text, text, "{shape:?} {cut} {stream}");
            }
        }
    }
}

/// What is heard of a stream that broke when these words were said, and of one that says more.
/// With `closed`, the first one still ended what it was saying.
fn resumed(shape: Shape, said: &str, more: &str, (size, closed): (usize, bool)) -> String {
    let mut continuation = Continuation::new(&call(shape, &body(shape.0, ""))).unwrap();
    let mut out = Vec::new();
    for piece in pieces(shape, &spoken(shape.0, "a", &chunks(said, size), USAGE)) {
        if piece.finish.is_some() || piece.last || (!closed && continuation.said.text() == said) {
            break;
        }
        continuation.watch(&piece);
        out.extend_from_slice(&piece.bytes);
    }
    assert!(continuation.call().is_some(), "{shape:?} {said:?}");
    continuation.switch("m2");
    for piece in pieces(shape, &spoken(shape.0, "b", &chunks(more, size), USAGE)) {
        out.extend_from_slice(&continuation.splice(piece).bytes);
    }
    let heard = hear(shape, &String::from_utf8(out).unwrap());
    assert_eq!((heard.begun, heard.ended, heard.marks), (1, 1, 1));
    heard.text
}

#[test]
fn a_further_stream_that_says_nothing_new_adds_nothing() {
    let ways = || {
        let words = ["The quick brown fox jumps over the lazy dog.", "ha"].into_iter();
        words
            .flat_map(|words| {
                [1, 3, 1000].map(|size| [(words, (size, false)), (words, (size, true))])
            })
            .flatten()
    };
    for shape in SHAPES {
        for (before, behind) in [
            ("", ""),
            ("", " \n"),
            ("\n", "\n"),
            (" \n ", " \n \n"),
            ("\n\n", "\n"),
        ] {
            for (words, way) in ways() {
                let said = [before, words, behind].concat();
                // What was not sent. The prompt of a text completion is sent to the byte.
                let due = if shape.0 == Format::Completions {
                    ""
                } else {
                    behind
                };
                let sent = said.strip_suffix(due).unwrap();
                for again in (0..=due.len()).filter_map(|at| due.get(..at)) {
                    let heard = resumed(shape, &said, again, way);
                    assert_eq!(heard, said, "{shape:?} {again:?} {way:?}");
                    if sent.len() >= 32 {
                        let again = [sent, again].concat();
                        let heard = resumed(shape, &said, &again, way);
                        assert_eq!(heard, said, "{shape:?} {again:?} {way:?}");
                    }
                }
                let heard = resumed(shape, &said, &[due, "\n\t"].concat(), way);
                assert_eq!(
                    heard,
                    [&said, "\n\t"].concat(),
                    "{shape:?} {said:?} {way:?}"
                );
            }
        }
    }
}

#[test]
fn every_cut_of_a_plain_stream_can_be_gone_on_with_once_words_have_come() {
    let text = "One two three. \n\nFour, five  and \u{1f600} six seven eight nine.";
    for shape in SHAPES {
        let mut safe = 0;
        for cut in 0..20 {
            for again in [false, true] {
                let stream = broken(shape, text, (5, &[cut]), again);
                if stream == "not safe" {
                    continue;
                }
                safe += 1;
                let heard = hear(shape, &stream);
                let ids = heard.ids.clone();
                let want = Heard {
                    text: text.to_owned(),
                    finish: Some(Finish::Stop),
                    usage: heard.usage,
                    begun: 1,
                    ended: 1,
                    marks: heard.marks,
                    ids: heard.ids.clone(),
                };
                assert_eq!(heard, want, "{shape:?} {cut}");
                assert_eq!(ids.len(), 1, "{shape:?} {cut}");
            }
        }
        assert!(safe >= 20, "{shape:?} {safe}");
    }
}

#[test]
fn the_counts_are_those_of_both_parts_in_the_piece_and_in_the_events() {
    for shape in SHAPES {
        let words = chunks("Some forty letters are said, and more are to come.", 4);
        let request = call(shape, &body(shape.0, ""));
        let mut continuation = Continuation::new(&request).unwrap();
        let first = pieces(shape, &spoken(shape.0, "a", &words, USAGE));
        let mut out = Vec::new();
        let mut said = 0;
        for piece in first.into_iter().take(9) {
            continuation.watch(&piece);
            said = continuation.said.len() as u64;
            out.extend_from_slice(&piece.bytes);
        }
        assert!(said >= 20);
        continuation.switch("m2");
        let mut counted = None;
        for piece in pieces(shape, &spoken(shape.0, "b", &words, USAGE)) {
            let piece = continuation.splice(piece);
            counted = piece.usage.or(counted);
            out.extend_from_slice(&piece.bytes);
        }
        let stream = String::from_utf8(out).unwrap();
        let spent = said.div_ceil(4);
        // None of these writers tells counts before the end, but Anthropic's, that has none.
        let (prompt, cached) = if shape.0 == Format::Anthropic {
            (USAGE.prompt, USAGE.cached)
        } else {
            (2 * USAGE.prompt - spent, USAGE.cached)
        };
        let want = Usage {
            prompt,
            completion: USAGE.completion + spent,
            cached,
            ..USAGE
        };
        let counted = counted.unwrap();
        assert_eq!(counted.completion, want.completion, "{shape:?}");
        if shape.0 != Format::Anthropic {
            assert_eq!(counted, want, "{shape:?}");
        }
        assert_eq!(hear(shape, &stream).usage, Some(counted), "{stream}");
        let marked = stream.matches(r#""tollgate":{"estimated":true}"#).count();
        assert_eq!(marked, 1, "{stream}");
        assert_eq!(hear(shape, &stream).marks, 1, "{stream}");
    }
}

#[test]
fn formats_without_a_way_to_go_on_are_not_watched() {
    let request = call((Format::OpenAi, false), &body(Format::OpenAi, ""));
    for format in [
        Format::Responses,
        Format::Bedrock,
        Format::Cohere,
        Format::Ollama,
    ] {
        let other = Call {
            format,
            ..request.clone()
        };
        assert!(Continuation::new(&other).is_none());
    }
    let plain = Call {
        stream: false,
        ..request.clone()
    };
    let counting = Call {
        operation: Operation::CountTokens,
        ..request
    };
    assert!(Continuation::new(&plain).is_none() && Continuation::new(&counting).is_none());
}

/// A continuation that has watched these words.
fn watched(shape: Shape, body: &str, words: &str) -> Continuation {
    let mut continuation = Continuation::new(&call(shape, body)).unwrap();
    let stream = spoken(shape.0, "a", &[words.to_owned()], USAGE);
    for piece in pieces(shape, &stream) {
        if piece.finish.is_some() || piece.last {
            break;
        }
        continuation.watch(&piece);
        if continuation.said.len() == words.len() {
            break;
        }
    }
    assert_eq!(continuation.said.text(), words);
    continuation
}

#[test]
fn an_array_that_is_gone_on_with_stays_one() {
    let shape = (Format::Gemini, true);
    let stream = broken(shape, "One two three.", (4, &[2]), false);
    let items: Vec<Value> = serde_json::from_str(&stream).unwrap();
    let marks = items
        .iter()
        .filter(|item| !item["tollgate"].is_null())
        .count();
    assert_eq!(marks, 1);
    assert_eq!(
        items
            .iter()
            .find(|item| !item["tollgate"].is_null())
            .unwrap()["tollgate"],
        json!({"continued_by": "m2"})
    );
}
