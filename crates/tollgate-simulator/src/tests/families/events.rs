use serde_json::Value;

use super::{
    ALL, Array, Chat, Completions, Gemini, Messages, Responses, Speech, ask, documents, events,
    is_error, said,
};
use crate::tests::client::{Seen, simulator};
use crate::{Outcome, Received, faults};

async fn meet(fault: &str, speech: Speech, stream: bool) -> (Seen, Received) {
    let simulator = simulator();
    let seen = ask(&simulator, speech, &format!("fault/{fault}"), stream).await;
    simulator.stop().await;
    (seen, simulator.requests().remove(0))
}

async fn story() -> String {
    let seen = ask(&simulator(), Chat, "story", false).await;
    said(&[seen.json()])
}

#[tokio::test(start_paused = true)]
async fn what_a_reader_must_bear_changes_nothing_of_what_is_said() {
    let story = story().await;
    for fault in [
        "unknown-fields",
        "empty-choices",
        "ids",
        "id-nul",
        "comments",
        "multi-line",
        "no-space",
        "empty-events:count=2000",
        "empty-events:count=2000,form=comment",
        "line-ends",
        "line-ends-cr",
        "line-ends-mixed",
        "line-ends-lf",
        "bom",
        "split-3",
        "one-write",
        "drip-5",
        "first-token-50",
        "delay-head-50",
        "delay-body-50",
        "pause-after-3:ms=50",
        "usage-zero",
        "usage-missing",
        "finish-twice",
        "done-twice",
        "no-done",
        "until-close",
        "interim",
        "close",
    ] {
        for speech in ALL {
            if speech == Array
                && matches!(
                    fault,
                    "bom"
                        | "no-done"
                        | "empty-events:count=2000"
                        | "empty-events:count=2000,form=comment"
                )
            {
                // These break an array.
                continue;
            }
            let (seen, record) = meet(fault, speech, true).await;
            assert_eq!(seen.status(), 200, "{speech:?} {fault}");
            let heard = said(&documents(&seen, speech));
            assert_eq!(heard, story, "{speech:?} {fault}: {}", seen.text());
            assert_eq!(record.outcome, Outcome::Answered, "{speech:?} {fault}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_among_events_has_the_form_of_the_family() {
    for speech in ALL {
        for (fault, at) in [
            ("error-event", 2),
            ("error-event:after=5", 5),
            ("error-first", 0),
        ] {
            let (seen, _) = meet(fault, speech, true).await;
            let documents = documents(&seen, speech);
            let error = &documents[at];
            assert!(is_error(error, speech), "{speech:?} {fault}: {error}");
            let expected = if speech == Responses { at + 2 } else { at + 1 };
            assert_eq!(documents.len(), expected, "{speech:?} {fault}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn errors_among_events_are_named_where_events_have_names() {
    let (seen, _) = meet("error-event:type=overloaded_error", Messages, true).await;
    let read = events(&seen);
    let last = read.last().unwrap();
    assert_eq!(last.name, "error");
    assert_eq!(last.json()["type"], "error");
    assert_eq!(last.json()["error"]["type"], "overloaded_error");
    assert_eq!(
        last.json()["request_id"].as_str(),
        seen.header("request-id")
    );

    let (seen, _) = meet("error-event:code=rate_limit_exceeded", Responses, true).await;
    let read = events(&seen);
    let [.., error, failed] = &read[..] else {
        panic!("no two events");
    };
    assert_eq!(
        (error.name.as_str(), failed.name.as_str()),
        ("error", "response.failed")
    );
    assert_eq!(error.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(failed.json()["response"]["status"], "failed");
    assert_eq!(
        failed.json()["response"]["error"]["code"],
        "rate_limit_exceeded"
    );

    let (seen, _) = meet("error-event:type=UNAVAILABLE", Gemini, true).await;
    let last = events(&seen).pop().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.json()["error"]["code"]),
        ("", &503.into())
    );
}

type Check = fn(&Seen, Speech) -> bool;

fn texts(seen: &Seen, speech: Speech) -> String {
    said(&documents(seen, speech))
}

/// How many things of a stream tell its end.
fn ends(seen: &Seen, speech: Speech) -> usize {
    let read = events(seen);
    let is_end = |kind: &'static str| {
        move |event: &&super::Event| event.json()["type"] == kind || event.data == kind
    };
    match speech {
        Chat | Completions => read.iter().filter(is_end("[DONE]")).count(),
        Responses => read.iter().filter(is_end("response.completed")).count(),
        Messages => read.iter().filter(is_end("message_stop")).count(),
        Gemini | Array => seen.times("\"finishReason\""),
    }
}

/// How many things of a stream tell why it ends.
fn finishes(seen: &Seen, speech: Speech) -> usize {
    match speech {
        Chat | Completions => seen.times("\"finish_reason\":\"stop\""),
        Responses => seen.times("\"type\":\"response.completed\""),
        Messages => seen.times("\"stop_reason\":\"end_turn\""),
        Gemini | Array => seen.times("\"finishReason\""),
    }
}

const CASES: &[(&str, Check)] = &[
    ("bad-json", |s, _| s.times("{\"choices\": [oops}") == 1),
    ("cut-json-3", |s, speech| {
        let broken = |data: &str| serde_json::from_str::<Value>(data).is_err() && data != "[DONE]";
        match speech {
            Array => serde_json::from_slice::<Value>(&s.body).is_err(),
            _ => events(s).iter().filter(|event| broken(&event.data)).count() == 1,
        }
    }),
    ("huge-event-3000", |s, speech| {
        texts(s, speech).contains(&"h".repeat(3000))
    }),
    ("endless-line-100000", |s, speech| {
        s.whole && s.ends_with(&"x".repeat(100_000)) && finishes(s, speech) == 0
    }),
    ("finish-twice", |s, speech| finishes(s, speech) == 2),
    ("no-finish", |s, speech| finishes(s, speech) == 0),
    ("done-twice", |s, speech| ends(s, speech) == 2),
    ("no-done", |s, speech| s.whole && ends(s, speech) == 0),
    ("after-done", |s, _| s.times(" too late") == 1),
    ("duplicate-4", |s, speech| {
        let documents = match speech {
            Array => documents(s, speech),
            _ => events(s).iter().map(super::Event::json).collect(),
        };
        documents[4] == documents[5]
    }),
    ("index-jump-7", |s, _| {
        s.has("index\":7") && s.has("index\":0")
    }),
    ("unknown-fields", |s, speech| {
        let documents = documents(s, speech);
        documents
            .iter()
            .all(|document| document["x_simulated"].is_object())
    }),
    ("event-names-odd", |s, speech| {
        let is_odd = |event: &super::Event| event.name == "odd";
        speech == Array || events(s).iter().all(is_odd)
    }),
    ("cut-after-3", |s, speech| {
        !s.whole && finishes(s, speech) == 0 && !s.body.is_empty()
    }),
    ("cut-after-3:how=clean", |s, speech| {
        s.whole && finishes(s, speech) == 0 && !s.body.is_empty()
    }),
    ("cut-after-3:how=rst,part=9", |s, _| !s.whole),
    ("stall-after-3:ms=5000", |s, speech| {
        s.took >= 5000 && finishes(s, speech) == 0
    }),
    ("no-end-chunk", |s, speech| {
        !s.whole && finishes(s, speech) == 1
    }),
    ("html-200", |s, _| {
        s.status() == 200 && s.has("<!DOCTYPE html>")
    }),
    ("error-200", |s, speech| {
        s.status() == 200 && is_error(&s.json(), if speech == Array { Gemini } else { speech })
            || (speech == Array && is_error(&s.json()[0], speech))
    }),
    ("empty", |s, _| s.status() == 200 && s.body.is_empty()),
    ("short-body", |s, _| !s.whole),
    ("json-cut-40", |s, _| s.whole && s.body.len() == 40),
    ("big-error-5000", |s, _| {
        s.whole && s.status() == 500 && s.times(&"e".repeat(5000)) == 1
    }),
    ("invalid-utf8", |s, _| std::str::from_utf8(&s.body).is_err()),
    ("gzip", |s, _| s.header("content-encoding") == Some("gzip")),
    ("content-type-none", |s, _| {
        s.header("content-type").is_none()
    }),
    ("no-blank-end", |s, speech| {
        speech == Array || !(s.ends_with("\n\n") || s.ends_with("\r\n\r\n"))
    }),
];

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_stream_shows_itself_in_every_format() {
    let mut failed = Vec::new();
    for (fault, check) in CASES {
        for speech in ALL {
            let (seen, record) = meet(fault, speech, true).await;
            if !check(&seen, speech) {
                let text: String = seen.text().chars().rev().take(700).collect();
                let text: String = text.chars().rev().collect();
                failed.push(format!("{speech:?} {fault}: {record:?}\n{text}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn faults_of_plain_bodies_show_themselves_in_every_format() {
    for speech in ALL {
        let (seen, _) = meet("short-body", speech, false).await;
        assert!(!seen.whole, "{speech:?}");
        let (seen, _) = meet("json-cut", speech, false).await;
        assert!(seen.whole && serde_json::from_slice::<Value>(&seen.body).is_err());
        let (seen, _) = meet("invalid-utf8", speech, false).await;
        assert!(std::str::from_utf8(&seen.body).is_err(), "{speech:?}");
        let (seen, _) = meet("error-200", speech, false).await;
        assert_eq!(seen.status(), 200);
        assert!(is_error(&seen.json(), speech), "{speech:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_ends_in_exactly_one_way_in_every_format() {
    let large = [
        "endless-line",
        "empty-events",
        "huge-event",
        "big-error",
        "big-head",
    ];
    for row in faults() {
        if row.is_on_accept() || large.contains(&row.name) {
            continue;
        }
        for speech in ALL {
            for stream in [false, true] {
                let (_, record) = meet(row.name, speech, stream).await;
                let ended = matches!(record.outcome, Outcome::Answered | Outcome::Faulted);
                assert!(ended, "{speech:?} {}: {record:?}", row.name);
            }
        }
    }
}
