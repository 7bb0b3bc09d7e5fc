use proptest::prelude::*;
use tollgate_core::reply::{Finish, Usage};

use super::*;

const DONE: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::Done,
    provider: "openai",
    array: false,
};
const HIDE: StreamRules = StreamRules {
    show_usage: false,
    done: Terminator::Done,
    provider: "openai",
    array: false,
};
const LAX: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::FinishThenEnd,
    provider: "openai",
    array: false,
};

const ROLE: &str = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
const HI: &str =
    r#"data: {"choices":[{"index":0,"delta":{"content":"Hi 😀"},"finish_reason":null}]}"#;
const STOP: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
const END: &str = "data: [DONE]";

/// All that came of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
struct Outcome {
    bytes: Vec<u8>,
    usage: Option<Usage>,
    finishes: Vec<Finish>,
    content: bool,
    last: bool,
    problem: Option<StreamProblem>,
}

impl Outcome {
    fn add(&mut self, fed: Fed) {
        assert!(!self.last && self.problem.is_none() || fed.piece.bytes.is_empty());
        self.bytes.extend_from_slice(&fed.piece.bytes);
        self.usage = fed.piece.usage.or(self.usage);
        self.finishes.extend(fed.piece.finish);
        self.content |= fed.piece.content;
        self.last |= fed.piece.last;
        self.problem = self.problem.take().or(fed.problem);
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

fn run<'a>(rules: StreamRules, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut stream = ChatStream::new(rules);
    let mut outcome = Outcome::default();
    for chunk in chunks {
        outcome.add(stream.feed(Bytes::copy_from_slice(chunk)));
    }
    outcome.add(stream.end());
    assert_eq!(outcome.last, outcome.problem.is_none());
    outcome
}

fn events(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\n\n"]).collect()
}

fn run_events(rules: StreamRules, lines: &[&str]) -> Outcome {
    run(rules, [events(lines).as_bytes()])
}

#[test]
fn a_good_stream_goes_on_as_it_came() {
    let outcome = run_events(DONE, &[ROLE, HI, STOP, USAGE, END]);
    assert_eq!(outcome.text(), events(&[ROLE, HI, STOP, USAGE, END]));
    assert_eq!(
        outcome.usage,
        Some(Usage {
            prompt: 3,
            completion: 2,
            ..Usage::default()
        })
    );
    assert_eq!(outcome.finishes, [Finish::Stop]);
    assert!(outcome.content && outcome.last);
}

#[test]
fn a_chunk_of_whole_events_is_not_copied() {
    let mut stream = ChatStream::new(DONE);
    let chunk = Bytes::from(events(&[ROLE, HI]));
    let fed = stream.feed(chunk.clone());
    assert_eq!(
        (fed.piece.bytes.as_ptr(), fed.piece.bytes.len()),
        (chunk.as_ptr(), chunk.len())
    );
}

#[test]
fn an_idle_stream_is_small() {
    assert!(size_of::<ChatStream>() < 300, "{}", size_of::<ChatStream>());
    let mut stream = ChatStream::new(DONE);
    stream.feed(Bytes::from(events(&[ROLE, HI])));
    assert_eq!(stream.decoder.held(), 0);
}

#[test]
fn the_usage_chunk_is_cut_out_for_callers_that_did_not_ask() {
    let outcome = run_events(HIDE, &[HI, STOP, USAGE, END]);
    assert_eq!(outcome.text(), events(&[HI, STOP, END]));
    assert_eq!(outcome.usage.map(|usage| usage.prompt), Some(3));
    let with_choices = STOP.replace("]}", r#"],"usage":{"prompt_tokens":3}}"#);
    let outcome = run_events(HIDE, &[&with_choices, END]);
    assert_eq!(outcome.text(), events(&[&with_choices, END]));
    let filter = r#"data: {"choices":[],"prompt_filter_results":[],"usage":null}"#;
    let outcome = run_events(HIDE, &[filter, HI, END]);
    assert_eq!(outcome.text(), events(&[filter, HI, END]));
}

#[test]
fn what_carries_output_counts_as_content() {
    for (delta, want) in [
        (r#"{"role":"assistant","content":""}"#, false),
        (
            r#"{"role":"assistant","content":null,"refusal":null,"tool_calls":[]}"#,
            false,
        ),
        (
            r#"{"reasoning":"","reasoning_details":[],"function_call":{},"audio":null}"#,
            false,
        ),
        (r#"{"channel":"analysis"}"#, false),
        ("null", false),
        (r#"{"content":"x"}"#, true),
        (r#"{"c\u006fntent":"x"}"#, true),
        (r#"{"content":[{"type":"thinking"}]}"#, true),
        (r#"{"reasoning_content":"x"}"#, true),
        (r#"{"reasoning":"x"}"#, true),
        (r#"{"refusal":"x"}"#, true),
        (r#"{"tool_calls":[{"index":0}]}"#, true),
        (r#"{"function_call":{"name":"f"}}"#, true),
        (r#"{"audio":{"id":"a"}}"#, true),
    ] {
        let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
        let fed = ChatStream::new(DONE).feed(Bytes::from(event));
        assert_eq!((fed.piece.content, fed.problem), (want, None), "{delta}");
    }
    let fed = ChatStream::new(DONE).feed(Bytes::from(events(&[STOP])));
    assert!(fed.piece.content, "a finish is content");
}

#[test]
fn errors_are_found_in_every_form() {
    for (event, json) in [
        (
            r#"data: {"error":{"message":"m"}}"#,
            r#"{"error":{"message":"m"}}"#,
        ),
        (r#"data:{"err\u006fr":"text"}"#, r#"{"err\u006fr":"text"}"#),
        (
            r#"data: {"object":"error","message":"m"}"#,
            r#"{"object":"error","message":"m"}"#,
        ),
        (r#"data: {"type":"error"}"#, r#"{"type":"error"}"#),
        (
            r#"data: {"choices":[{"delta":{},"finish_reason":"error"}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#,
        ),
        (
            r#"data: {"x_groq":{"error":"over"},"choices":[]}"#,
            r#"{"x_groq":{"error":"over"},"choices":[]}"#,
        ),
        (r#"error: {"detail":"d"}"#, r#"{"detail":"d"}"#),
        ("event: error\ndata: {\"x\":1}", r#"{"x":1}"#),
        ("event: error\ndata: no JSON", "no JSON"),
        ("event: error", ""),
        ("{\n \"error\": {}\n}", "{\n \"error\": {}\n}"),
        ("data: {\"error\":\ndata: 1}", "{\"error\":\n1}"),
    ] {
        for before in [vec![], vec![ROLE, HI]] {
            let mut lines = before.clone();
            lines.extend([event, END]);
            let outcome = run_events(DONE, &lines);
            let want = StreamProblem::Error {
                json: Bytes::copy_from_slice(json.as_bytes()),
            };
            assert_eq!(outcome.problem, Some(want), "{event}");
            assert_eq!(outcome.text(), events(&before), "good events come first");
        }
    }
    for harmless in [
        r#"{"error":null}"#,
        r#"{"error":""}"#,
        r#"{"type":"x","object":7}"#,
    ] {
        let outcome = run_events(DONE, &[&format!("data: {harmless}"), END]);
        assert_eq!(outcome.problem, None, "{harmless}");
    }
}

#[test]
fn what_is_no_json_object_is_malformed() {
    for event in [
        "data: {",
        "data: []",
        "data: x",
        "data: {\"a\":1}x",
        "data: [DONE]x",
        "data: \"x\"",
        "{}",
        "{",
        "{\"a\":1}\ndata: {}",
    ] {
        let outcome = run_events(DONE, &[HI, event, STOP, END]);
        assert!(
            matches!(outcome.problem, Some(StreamProblem::Malformed(_))),
            "{event}"
        );
        assert_eq!(outcome.text(), events(&[HI]));
    }
    for bytes in [
        &b"data: {\"a\":\"\xF0\x9F\"}\n\n"[..],
        b": \x80\n\n",
        b"event: \xff\ndata: {}\n\n",
    ] {
        for size in [1, 1000] {
            let outcome = run(DONE, bytes.chunks(size));
            assert_eq!(
                outcome.problem,
                Some(StreamProblem::Malformed("a byte that is not UTF-8"))
            );
            assert!(outcome.bytes.is_empty());
        }
    }
}

#[test]
fn an_event_over_the_cap_is_too_large() {
    let long = format!("data: {{\"a\":\"{}\"}}\n\n", "x".repeat(sse::EVENT_CAP));
    for size in [50_000, usize::MAX] {
        let outcome = run(
            DONE,
            [HI.as_bytes(), b"\n\n"]
                .into_iter()
                .chain(long.as_bytes().chunks(size)),
        );
        assert_eq!(
            outcome.problem,
            Some(StreamProblem::TooLarge(sse::TooLarge))
        );
        assert_eq!(outcome.text(), events(&[HI]));
    }
}

#[test]
fn a_stream_without_its_terminator_is_truncated() {
    let whole = events(&[ROLE, HI, STOP, END]);
    // Without the blank line, or the whole last line end, the terminator is still there.
    let enough = whole.len() - 2;
    for length in 0..enough {
        let outcome = run(DONE, [&whole.as_bytes()[..length]]);
        assert_eq!(outcome.problem, Some(StreamProblem::Truncated), "{length}");
        assert!(!outcome.text().contains("[DONE]"));
        assert!(whole.starts_with(outcome.text().trim_end()), "{length}");
        assert!(outcome.bytes.is_empty() || outcome.text().ends_with("\n\n"));
    }
    for length in enough..=whole.len() {
        assert_eq!(
            run(DONE, [&whole.as_bytes()[..length]]).text(),
            whole,
            "{length}"
        );
    }
}

#[test]
fn where_a_finish_is_enough_the_terminator_is_added() {
    let outcome = run_events(LAX, &[HI, STOP]);
    assert_eq!(
        (outcome.text(), outcome.last),
        (&*events(&[HI, STOP, END]), true)
    );
    let cut = events(&[HI, STOP]);
    for (length, last) in [
        (cut.len() - 1, true),
        (cut.len() - 2, true),
        (cut.len() - 3, false),
    ] {
        let outcome = run(LAX, [&cut.as_bytes()[..length]]);
        assert_eq!(outcome.last, last);
        assert_eq!(
            outcome.text(),
            events(if last { &[HI, STOP, END] } else { &[HI] })
        );
    }
    assert_eq!(run_events(LAX, &[]).problem, Some(StreamProblem::Truncated));
    assert_eq!(
        run_events(LAX, &[HI]).problem,
        Some(StreamProblem::Truncated)
    );
    assert_eq!(
        run_events(DONE, &[HI, STOP]).problem,
        Some(StreamProblem::Truncated)
    );
    assert_eq!(run_events(LAX, &[HI, END]).text(), events(&[HI, END]));
    let empty_reason = HI.replace("null", "\"\"");
    assert_eq!(
        run_events(LAX, &[&empty_reason]).problem,
        Some(StreamProblem::Truncated)
    );
    let crlf = cut.replace('\n', "\r\n");
    assert_eq!(
        run(LAX, [crlf.as_bytes()]).text(),
        format!("{crlf}{END}\n\n")
    );
    let parted = crlf.trim_end_matches("\r\n");
    assert_eq!(
        run(LAX, [format!("{parted}\r").as_bytes()]).text(),
        format!("{parted}\r\r{END}\n\n")
    );
}

#[test]
fn every_choice_that_was_seen_must_finish() {
    let choice = |index: u64, reason: &str| {
        format!(
            "data: {{\"choices\":[{{\"finish_reason\":{reason},\"index\":{index},\"delta\":{{}}}}]}}"
        )
    };
    let (a, b) = (choice(0, "null"), choice(5, "null"));
    let (a_stops, b_stops) = (choice(0, "\"stop\""), choice(5, "\"length\""));
    let outcome = run_events(LAX, &[&a, &b, &a_stops]);
    assert_eq!(outcome.problem, Some(StreamProblem::Truncated));
    let outcome = run_events(LAX, &[&a, &b, &b_stops, &a_stops]);
    assert!(outcome.last);
    assert_eq!(outcome.finishes.len(), 1, "both came in one piece");
    let far = choice(1_000_000, "\"stop\"");
    assert_eq!(
        run_events(LAX, &[&far]).problem,
        Some(StreamProblem::Truncated)
    );
    assert!(run_events(LAX, &[&far, END]).last);
    let both = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"},{"delta":{}}]}"#;
    assert_eq!(
        run_events(LAX, &[both]).problem,
        Some(StreamProblem::Truncated)
    );
}

#[test]
fn repetitions_count_once() {
    let usage = USAGE.replace(":3", ":7");
    let chunks = [HI, HI, STOP, STOP, USAGE, &usage].map(|event| format!("{event}\n\n"));
    let end = events(&[END, HI, r#"data: {"error":1}"#, END]);
    let outcome = run(
        LAX,
        chunks.iter().map(String::as_bytes).chain([end.as_bytes()]),
    );
    assert_eq!(outcome.finishes, [Finish::Stop]);
    assert_eq!(
        outcome.usage.map(|usage| usage.prompt),
        Some(7),
        "the last one counts"
    );
    assert_eq!(
        outcome.text(),
        events(&[HI, HI, STOP, STOP, USAGE, &usage, END])
    );
    assert_eq!(outcome.problem, None, "what follows the end is ignored");
}

#[test]
fn comments_wait_for_the_first_content() {
    let stream =
        format!("\u{feff}: a\n\n\n: b\n{ROLE}\n\n: c\n{HI}\n\n: d\n\n: e\n{STOP}\n\n{END}\n\n");
    let outcome = run(DONE, [stream.as_bytes()]);
    let want = format!("{ROLE}\n\n: c\n{HI}\n\n: d\n\n: e\n{STOP}\n\n{END}\n\n");
    assert_eq!(outcome.text(), want);
}

#[test]
fn events_without_data_are_left_out() {
    let stream =
        format!("{HI}\n\ndata:\n\ndata\n\nevent: ping\n\nid: 1\n\nretry: 5\n\nx: y\n\n{END}\n\n");
    assert_eq!(run(DONE, [stream.as_bytes()]).text(), events(&[HI, END]));
}

#[test]
fn a_million_empty_events_are_harmless() {
    let empty = vec![b'\n'; 1_000_000];
    let chunks = [&empty[..], HI.as_bytes(), b"\n\n", END.as_bytes()];
    assert_eq!(run(DONE, chunks).text(), events(&[HI, END]));
}

/// A stream with everything in it that a good one may have.
fn logical(end: &str, mark: bool, comments: bool) -> Vec<u8> {
    let mut lines = vec![
        ROLE,
        "",
        "id: 7\0",
        "unknown: x",
        HI,
        "",
        "data: {\"choices\": [{\"index\": 0,",
        "data:  \"delta\": {\"content\": \"e\u{301}\u{1F468}\u{200D}\u{1F469}\"}}]}",
        "",
        "event: ping",
        "",
        "data:",
        "",
        STOP,
        "",
        USAGE,
        "",
        END,
        "",
        "data: late",
        "",
    ];
    if comments {
        for at in [0, 2, 6, 8] {
            lines.insert(at, ": OPENROUTER PROCESSING é");
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

/// The lines of a stream; line ends that chunks have parted make no difference to a reader.
fn normal(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes)
        .unwrap()
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let events: Vec<&str> = text
        .split("\n\n")
        .map(|event| event.trim_matches('\n'))
        .collect();
    events
        .into_iter()
        .filter(|event| !event.is_empty())
        .flat_map(|event| [event, "\n\n"])
        .collect()
}

fn comparable(outcome: &Outcome) -> (String, Option<Usage>, Vec<Finish>, bool) {
    (
        normal(&outcome.bytes),
        outcome.usage,
        outcome.finishes.clone(),
        outcome.last,
    )
}

#[test]
fn every_cut_in_two_and_single_bytes_give_the_same_stream() {
    for rules in [DONE, HIDE] {
        for end in ["\n", "\r\n", "\r"] {
            for (mark, comments) in [(false, false), (false, true), (true, false), (true, true)] {
                let stream = logical(end, mark, comments);
                let want = comparable(&run(rules, [&stream[..]]));
                assert!(want.3 && want.1.is_some() && want.2 == [Finish::Stop]);
                assert_eq!(want.0.contains("\"usage\""), rules.show_usage);
                for at in 0..=stream.len() {
                    let (left, right) = stream.split_at(at);
                    assert_eq!(comparable(&run(rules, [left, right])), want, "{end:?} {at}");
                }
                assert_eq!(comparable(&run(rules, stream.chunks(1))), want, "{end:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_give_the_same_stream(
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        mark in any::<bool>(),
        comments in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = logical(end, mark, comments);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        let want = comparable(&run(HIDE, [&stream[..]]));
        prop_assert_eq!(comparable(&run(HIDE, chunks)), want);
    }
}
