//! Streams: what is whole reaches the caller whole, and what is not never looks so.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;
use tollgate_core::error::Code;

use crate::world::{
    DONE, END, FINISH, Gateway, Outcome, Provider, ROLE, STREAM, Step, answer, chunk, delta, read,
    send, whole_stream,
};

/// The events of a stream up to, but without, the terminator.
fn events(deltas: usize) -> Vec<String> {
    let mut events = vec![ROLE.to_owned()];
    events.extend((0..deltas).map(|number| delta(&format!("part{number} "))));
    events.push(FINISH.to_owned());
    events
}

/// The steps that send the first events, each on its own, and then do something else.
fn first(events: &[String], count: usize, then: &[Step]) -> Vec<Step> {
    let mut steps = vec![send(STREAM)];
    for event in events.iter().take(count) {
        steps.extend([send(chunk(event)), Step::Pause]);
    }
    steps.extend_from_slice(then);
    steps
}

fn assert_interrupted(outcome: &Outcome, exchange: &str) {
    let failure = outcome.failure.as_ref().expect("the caller is told");
    assert_eq!(failure.code, Code::StreamInterrupted, "{failure}");
    assert_eq!(failure.exchange, Some(exchange), "{failure}");
    assert!(!outcome.is_whole());
    assert!(!outcome.text.contains("[DONE]"), "{}", outcome.text);
}

#[tokio::test]
async fn a_whole_stream_is_relayed_as_it_came() {
    let provider = Provider::always(whole_stream());
    let gateway = Gateway::at("openai", &provider.listen().await);
    let outcome = read(gateway.stream().await.unwrap()).await;
    assert!(outcome.failure.is_none());
    assert!(outcome.is_whole());
    let expected = [ROLE, &delta("Hel"), &delta("lo"), FINISH, DONE].concat();
    assert_eq!(outcome.text, expected);
}

#[tokio::test]
async fn streams_are_asked_for_their_usage() {
    let provider = Provider::always(whole_stream());
    let gateway = Gateway::at("openai", &provider.listen().await);
    read(gateway.stream().await.unwrap()).await;
    let body = String::from_utf8(provider.received()[0].body.clone()).unwrap();
    assert!(body.contains(r#""include_usage":true"#), "{body}");
}

#[tokio::test]
async fn a_compatible_provider_may_leave_the_terminator_out() {
    let steps = first(&events(2), 4, &[send(END)]);
    let provider = Provider::always(steps);
    let gateway = Gateway::at("openai-compatible", &provider.listen().await);
    for _ in 0..3 {
        let outcome = read(gateway.stream().await.unwrap()).await;
        assert!(outcome.failure.is_none());
        assert!(outcome.is_whole());
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_compatible_provider_may_not_leave_the_finish_out() {
    let steps = first(&events(2), 3, &[send(END)]);
    let gateway = Gateway::at("openai-compatible", &Provider::always(steps).listen().await);
    assert_interrupted(
        &read(gateway.stream().await.unwrap()).await,
        "no_terminator",
    );
}

#[tokio::test]
async fn an_error_as_the_first_event_is_a_failure_before_the_stream() {
    let event =
        "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n";
    for before in [String::new(), ROLE.to_owned(), ": comment\n\n".to_owned()] {
        let mut steps = vec![send(STREAM)];
        if !before.is_empty() {
            steps.extend([send(chunk(&before)), Step::Pause]);
        }
        steps.extend([send(chunk(event)), send(END)]);
        let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
        assert_eq!(gateway.stream_failure().await.code, Code::ProviderError);
    }
}

#[tokio::test]
async fn an_error_in_the_middle_keeps_its_own_code() {
    let event =
        "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n";
    let steps = first(&events(2), 3, &[send(chunk(event)), send(END)]);
    let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
    let outcome = read(gateway.stream().await.unwrap()).await;
    assert_eq!(outcome.failure.as_ref().unwrap().code, Code::ProviderError);
    assert!(!outcome.is_whole());
    assert!(outcome.text.contains("part1"));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_invalid_answer() {
    for event in ["data: {\"choices\":[{\"delta\n\n", "data: <html>\n\n"] {
        let steps = first(
            &events(2),
            3,
            &[send(chunk(event)), send(chunk(DONE)), send(END)],
        );
        let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
        let outcome = read(gateway.stream().await.unwrap()).await;
        assert_eq!(
            outcome.failure.as_ref().unwrap().code,
            Code::ProviderInvalidResponse
        );
        assert!(!outcome.text.contains("[DONE]"));
    }
}

#[tokio::test]
async fn content_and_a_broken_event_in_one_read_are_both_told() {
    let both = format!("{}{}", delta("seen"), "data: {broken\n\n");
    let gateway = Gateway::at(
        "openai",
        &Provider::always(vec![send(STREAM), send(chunk(&both)), Step::Hold])
            .listen()
            .await,
    );
    let outcome = read(gateway.stream().await.unwrap()).await;
    assert!(outcome.text.contains("seen"));
    assert_eq!(outcome.failure.unwrap().code, Code::ProviderInvalidResponse);
}

#[tokio::test]
async fn a_cut_at_every_event_is_an_interruption() {
    let events = events(6);
    for count in 2..=events.len() {
        for (last, exchange) in [
            (Step::Close, "closed_in_answer"),
            (Step::Reset, "reset_in_answer"),
            (send(END), "no_terminator"),
        ] {
            let provider = Provider::always(first(&events, count, &[last]));
            let gateway = Gateway::at("openai", &provider.listen().await);
            let outcome = read(gateway.stream().await.unwrap()).await;
            assert_interrupted(&outcome, exchange);
            if exchange != "reset_in_answer" {
                assert!(
                    outcome.text.contains(&events[count - 1]),
                    "what came is given on"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_cut_before_the_first_content_is_a_failure_before_the_stream() {
    let events = events(6);
    for count in 0..2 {
        for last in [Step::Close, Step::Reset, send(END)] {
            let provider = Provider::always(first(&events, count, &[last]));
            let gateway = Gateway::at("openai", &provider.listen().await);
            let failure = gateway.stream_failure().await;
            assert_eq!(failure.code, Code::ProviderInvalidResponse, "{failure}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_after_any_number_of_events_ends_the_stream() {
    let events = events(20);
    for count in 2..=21 {
        let provider = Provider::always(first(&events, count, &[Step::Hold]));
        let mut gateway = Gateway::inside(&provider);
        gateway.timeouts.idle = Duration::from_secs(30);
        let pieces = gateway.stream().await.unwrap();
        let begin = Instant::now();
        assert_interrupted(&read(pieces).await, "stalled");
        let silence = begin.elapsed();
        assert!(silence >= Duration::from_secs(30), "{silence:?}");
        assert!(silence <= Duration::from_millis(30_250), "{silence:?}");
        provider.closed(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_for_the_first_content_does_not_lengthen_the_silence_allowed() {
    let provider = Provider::always(first(&events(3), 2, &[Step::Hold]));
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.first_byte = Duration::from_mins(2);
    gateway.timeouts.idle = Duration::from_secs(1);
    let pieces = gateway.stream().await.unwrap();
    let begin = Instant::now();
    assert_interrupted(&read(pieces).await, "stalled");
    assert!(begin.elapsed() <= Duration::from_millis(1_100));
}

#[tokio::test(start_paused = true)]
async fn headers_comments_and_roles_are_no_first_byte() {
    let second = Step::Wait(Duration::from_secs(1));
    let comment = send(chunk(": still working\n\n"));
    let comments: Vec<_> = (0..100)
        .flat_map(|_| [comment.clone(), second.clone()])
        .collect();
    for then in [
        vec![Step::Hold],
        comments,
        vec![send(chunk(ROLE)), Step::Hold],
    ] {
        let mut steps = vec![send(STREAM)];
        steps.extend(then);
        let mut gateway = Gateway::inside(&Provider::always(steps));
        gateway.timeouts.first_byte = Duration::from_secs(20);
        let begin = Instant::now();
        let failure = gateway.stream_failure().await;
        assert_eq!(failure.code, Code::ProviderTimeout);
        assert_eq!(failure.exchange, Some("first_byte_timeout"));
        assert_eq!(begin.elapsed().as_secs(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn comments_keep_a_begun_stream_alive() {
    let mut then = Vec::new();
    for _ in 0..10 {
        then.extend([
            Step::Wait(Duration::from_secs(20)),
            send(chunk(": keep-alive\n\n")),
        ]);
    }
    then.extend([send(chunk(FINISH)), send(chunk(DONE)), send(END)]);
    let mut gateway = Gateway::inside(&Provider::always(first(&events(1), 2, &then)));
    gateway.timeouts.idle = Duration::from_secs(30);
    let outcome = read(gateway.stream().await.unwrap()).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    assert!(outcome.is_whole());
}

#[tokio::test(start_paused = true)]
async fn a_lively_stream_still_ends_at_the_deadline() {
    let event = delta("more");
    let forever = (0..1000).flat_map(|_| [send(chunk(&event)), Step::Wait(Duration::from_secs(1))]);
    let mut steps = vec![send(STREAM)];
    steps.extend(forever);
    let provider = Provider::always(steps);
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.total = Duration::from_secs(45);
    let begin = Instant::now();
    let outcome = read(gateway.stream().await.unwrap()).await;
    let failure = outcome.failure.unwrap();
    assert_eq!(
        (failure.code, failure.exchange),
        (Code::ProviderTimeout, Some("deadline"))
    );
    assert_eq!(begin.elapsed().as_secs(), 45);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_reads_slowly_does_not_make_the_provider_look_silent() {
    let provider = Provider::always(whole_stream());
    let mut gateway = Gateway::inside(&provider);
    gateway.timeouts.idle = Duration::from_secs(30);
    let mut pieces = gateway.stream().await.unwrap();
    let mut last = None;
    while let Some(piece) = pieces.next().await {
        last = Some(piece.unwrap());
        tokio::time::sleep_until(Instant::now() + Duration::from_secs(40)).await;
    }
    assert!(last.unwrap().last);
}

#[tokio::test]
async fn dropping_a_stream_at_any_event_closes_the_connection() {
    let events = events(6);
    let mut closed = 0;
    let provider = Provider::always(first(&events, 7, &[Step::Hold]));
    let gateway = Gateway::at("openai", &provider.listen().await);
    for taken in 0..6 {
        let mut pieces = gateway.stream().await.unwrap();
        for _ in 0..taken {
            pieces.next().await.unwrap().unwrap();
        }
        drop(pieces);
        closed += 1;
        tokio::time::timeout(Duration::from_secs(10), provider.closed(closed))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn giving_up_before_the_first_content_closes_the_connection() {
    let provider = Provider::always(vec![send(STREAM), Step::Hold]);
    let gateway = Gateway::at("openai", &provider.listen().await);
    let given_up = tokio::time::timeout(Duration::from_secs(1), gateway.stream()).await;
    assert!(given_up.is_err());
    tokio::time::timeout(Duration::from_secs(10), provider.closed(1))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_plain_answer_or_a_page_is_no_stream() {
    for (content_type, body, word) in [
        ("application/json", crate::world::CHAT, "plain answer"),
        ("text/html; charset=utf-8", "<html></html>", "HTML"),
        ("application/json", "", "empty"),
    ] {
        let provider = Provider::always(vec![send(answer("200 OK", content_type, body))]);
        let gateway = Gateway::at("openai", &provider.listen().await);
        let failure = gateway.stream_failure().await;
        assert_eq!(failure.code, Code::ProviderInvalidResponse);
        assert!(
            failure.message.as_deref().unwrap().contains(word),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_never_comes_to_content_is_refused_at_a_bound() {
    let mut steps = vec![send(STREAM)];
    steps.extend((0..4_000).map(|_| send(chunk(&ROLE.repeat(5)))));
    steps.push(Step::Hold);
    let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
    assert_eq!(
        gateway.stream_failure().await.code,
        Code::ProviderInvalidResponse
    );
}

#[tokio::test]
async fn nothing_follows_the_last_piece() {
    let junk = format!("{}{}{}", chunk(DONE), chunk(&delta("ghost")), END);
    let steps = first(&events(1), 3, &[send(junk)]);
    let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
    let outcome = read(gateway.stream().await.unwrap()).await;
    assert!(outcome.is_whole());
    assert!(!outcome.text.contains("ghost"));
}

/// What a failure says was used, as prompt and output.
fn used(failure: &tollgate_core::error::Failure) -> Option<(u64, u64)> {
    failure.usage.map(|usage| (usage.prompt, usage.completion))
}

const EARLY: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":1}}\n\n";
const OVERLOADED: &str =
    "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n";

#[tokio::test]
async fn a_failure_before_the_first_content_keeps_what_was_used() {
    for then in [
        vec![send(chunk(OVERLOADED)), send(END)],
        vec![Step::Reset],
        vec![send(END)],
        vec![send(chunk("data: {\"choices\":[{\"delta\n\n")), send(END)],
    ] {
        let mut steps = vec![send(STREAM), send(chunk(EARLY)), Step::Pause];
        steps.extend(then);
        let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
        let failure = gateway.stream_failure().await;
        assert_eq!(used(&failure), Some((20, 1)), "{failure}");
    }
}

#[tokio::test]
async fn a_failure_in_the_middle_keeps_what_was_used_last() {
    let later = EARLY.replace(":1}", ":7}");
    let steps = first(
        &[EARLY.to_owned(), delta("part"), later],
        3,
        &[send(chunk(OVERLOADED)), send(END)],
    );
    let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
    let outcome = read(gateway.stream().await.unwrap()).await;
    assert_eq!(used(outcome.failure.as_ref().unwrap()), Some((20, 7)));
}

#[tokio::test]
async fn a_failure_of_which_nothing_was_said_says_nothing() {
    let steps = first(&events(2), 3, &[Step::Reset]);
    let gateway = Gateway::at("openai", &Provider::always(steps).listen().await);
    let outcome = read(gateway.stream().await.unwrap()).await;
    assert_eq!(used(outcome.failure.as_ref().unwrap()), None);
}
