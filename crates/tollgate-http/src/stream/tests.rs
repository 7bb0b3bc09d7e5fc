//! Silence and failures in streams of every form.

use std::sync::Arc;

use tollgate_core::reply::Piece;

use super::*;
use crate::outgoing::Outgoing;
use crate::testing;

const ARRAY: StreamForm = StreamForm::GeminiArray { opened: false };
const FORMS: [StreamForm; 5] = [
    StreamForm::Chunks,
    StreamForm::Responses,
    StreamForm::Messages,
    StreamForm::Gemini,
    ARRAY,
];

async fn events(form: StreamForm, pieces: Vec<Result<Piece, Failure>>) -> EventBody {
    let record = testing::record().await;
    let dialect = match form {
        StreamForm::Chunks | StreamForm::Responses => Dialect::OpenAi,
        StreamForm::Messages => Dialect::Anthropic,
        StreamForm::Gemini | StreamForm::GeminiArray { .. } => Dialect::Gemini,
    };
    let pieces = testing::silent_after(pieces);
    EventBody::new(pieces, record, (dialect, form), false)
}

/// The next bytes, unless nothing comes for a hundred intervals.
async fn next(events: &mut EventBody) -> Option<Bytes> {
    let frame = poll_fn(|context| events.poll_frame(context));
    let frame = tokio::time::timeout(100 * testing::KEEP_ALIVE, frame).await;
    Some(frame.ok()??.unwrap().into_data().unwrap())
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_what_the_reader_can_take() {
    for form in FORMS {
        let mut events = events(form, vec![Ok(testing::content("x"))]).await;
        assert_eq!(next(&mut events).await.unwrap(), "x");
        let begin = Instant::now();
        let sign: Option<&[u8]> = match form {
            StreamForm::Chunks | StreamForm::Responses => Some(b": keep-alive\n\n"),
            StreamForm::Messages => Some(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
            StreamForm::Gemini | StreamForm::GeminiArray { .. } => None,
        };
        for turn in 1..4 {
            assert_eq!(next(&mut events).await.as_deref(), sign, "{form:?}");
            let waited = begin.elapsed();
            assert!(
                sign.is_none() || waited == turn * testing::KEEP_ALIVE,
                "{waited:?}"
            );
        }
    }
}

async fn whole(form: StreamForm, pieces: Vec<Result<Piece, Failure>>) -> String {
    let events = events(form, pieces).await;
    testing::body(Outgoing::Events(Box::new(events))).await
}

#[tokio::test]
async fn a_failure_is_the_last_event_in_the_form_of_the_stream() {
    for (form, content, last) in [
        (StreamForm::Chunks, "data: {}\n\n", "data: {\"error\":{"),
        (
            StreamForm::Responses,
            "data: {}\n\n",
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":",
        ),
        (
            StreamForm::Messages,
            "event: x\ndata: {}\n\n",
            "event: error\ndata: {\"type\":\"error\",\"error\":{",
        ),
        (
            StreamForm::Gemini,
            "data: {}\n\n",
            "data: {\"error\":{\"code\":",
        ),
        (ARRAY, "[{}", ",\n{\"error\":{\"code\":"),
    ] {
        let failure = Failure::provider(Code::ProviderOverloaded, "openai");
        let seen = whole(form, vec![Ok(testing::content(content)), Err(failure)]).await;
        let rest = seen.strip_prefix(content).unwrap();
        assert!(rest.starts_with(last), "{form:?}: {rest}");
        let end = if form == ARRAY { "}\n]" } else { "}\n\n" };
        assert!(rest.ends_with(end), "{form:?}: {rest}");
        assert!(!rest.contains("[DONE]"), "{form:?}: {rest}");
    }
}

#[tokio::test]
async fn an_array_that_fails_is_an_array_whatever_was_sent_of_it() {
    let failure = || Err(Failure::gateway(Code::StreamInterrupted));
    // Parts of a call are content, and wait until the call is whole.
    let held_back = Ok(testing::content(""));
    for (pieces, items) in [
        (vec![held_back, failure()], 1),
        (vec![Ok(testing::content("[{\"a\":1}")), failure()], 2),
    ] {
        let array: Vec<serde_json::Value> =
            serde_json::from_str(&whole(ARRAY, pieces).await).unwrap();
        assert_eq!(array.len(), items);
        assert_eq!(array.last().unwrap()["error"]["status"], "UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_short_by_the_gateway_says_so_in_its_form() {
    for form in FORMS {
        let mut events = events(form, vec![Ok(testing::content("x"))]).await;
        let gateway = Arc::clone(events.record.as_ref().unwrap().gateway());
        assert_eq!(next(&mut events).await.unwrap(), "x");
        gateway.cut_short();
        let last = next(&mut events).await.unwrap();
        let last = String::from_utf8(last.to_vec()).unwrap();
        assert!(last.contains("shutting down"), "{form:?}: {last}");
        if form == StreamForm::Responses {
            assert!(
                last.contains("\"sequence_number\":7,\"response\":{\"id\":\"resp_here\""),
                "{last}"
            );
        }
        assert!(events.is_over());
        assert_eq!(gateway.metrics.streams_open.get(), 0);
    }
}

#[tokio::test]
async fn nothing_is_added_to_a_stream_that_ends_well() {
    for form in FORMS {
        let last = Piece {
            last: true,
            ..testing::content("end")
        };
        let seen = whole(form, vec![Ok(testing::content("x ")), Ok(last)]).await;
        assert_eq!(seen, "x end", "{form:?}");
    }
}
