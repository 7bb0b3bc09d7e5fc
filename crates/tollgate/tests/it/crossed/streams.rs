//! Streams that break, for every pair of a caller's and a provider's family.

use crate::surface::{FAMILIES, FAMILIES_CONFIG, SURFACES, Surface};
use crate::world::{Answer, World};

/// The fault, and the code of the event that has to end the stream.
const BROKEN: &[(&str, &str)] = &[
    ("error-event:after=9", "provider_error"),
    ("error-event:after=9,then=done", "provider_error"),
    ("error-event:after=9,then=go-on", "provider_error"),
    ("cut-after=9", "stream_interrupted"),
    ("cut-after=9:how=rst", "stream_interrupted"),
    ("cut-after=9:how=clean", "stream_interrupted"),
    ("cut-after=9:part=20", "stream_interrupted"),
    ("stall-after=9", "stream_interrupted"),
    ("no-done", "stream_interrupted"),
    ("bad-json:after=9", "provider_invalid_response"),
    ("huge-event:after=9", "provider_invalid_response"),
];

/// What each family says in an error event, and the code that it stands for.
const NAMED: &[(&str, &str, &str)] = &[
    (
        "chat",
        "type=insufficient_quota,code=insufficient_quota",
        "provider_quota_exhausted",
    ),
    (
        "responses",
        "type=rate_limit_exceeded,code=rate_limit_exceeded",
        "provider_rate_limited",
    ),
    (
        "anthropic",
        "type=overloaded_error,message=Overloaded",
        "provider_overloaded",
    ),
    ("google", "type=RESOURCE_EXHAUSTED", "provider_rate_limited"),
];

const TIMES: &str = "[routing.timeouts]\nfirst_byte_ms = 5000\nidle_ms = 400\n";

/// What is wrong with a stream that must break off with this code.
async fn judge(world: &World, surface: Surface, model: &str, code: &str) -> Option<String> {
    let answer = surface.ask(world, model, "x", true).await;
    let says = |what: &str| {
        let text: String = answer.text().chars().take(3000).collect();
        Some(format!(
            "{surface:?} {model}: {what}: {} {text}",
            answer.status
        ))
    };
    if answer.status != 200 {
        return says("no stream");
    }
    let events = surface.events(&answer);
    let text = surface.streamed(&events);
    let failures = events.iter().filter(|event| surface.is_failure(event));
    let last = events.last().unwrap();
    if text.is_empty() {
        return says("no content");
    }
    if surface.says_finished(&events) {
        return says("it looks finished");
    }
    if failures.count() != 1 || !surface.is_failure(last) {
        return says("not one failure at the end");
    }
    (surface.code(last) != code)
        .then(|| says("another code"))
        .flatten()
}

#[tokio::test]
async fn a_broken_stream_ends_in_the_event_of_the_callers_surface() {
    let world = World::once(&format!("{FAMILIES_CONFIG}{TIMES}")).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for surface in SURFACES {
        for family in FAMILIES {
            for (fault, code) in BROKEN {
                let model = format!("{family}/fault/{fault}");
                wrong.extend(judge(&world, surface, &model, code).await);
                count += 1;
            }
        }
    }
    println!("{count} broken streams");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // No stream is left behind.
    let name = "tollgate_streams_open";
    world.gateway.metric_becomes(name, &[], 0).await;
}

#[tokio::test]
async fn an_error_event_keeps_its_meaning_at_every_surface() {
    let world = World::once(FAMILIES_CONFIG).await;
    let mut wrong = Vec::new();
    for surface in SURFACES {
        for (family, said, code) in NAMED {
            let model = format!("{family}/fault/error-event:after=9,{said}");
            wrong.extend(judge(&world, surface, &model, code).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The answer as a reader of server-sent events sees it, whatever its lines end in.
fn with_plain_lines(mut answer: Answer) -> Answer {
    let text = answer.text().replace("\r\n", "\n").replace('\r', "\n");
    answer.body = text.into();
    answer
}

#[tokio::test]
async fn oddly_framed_streams_are_read_whole() {
    let world = World::once(FAMILIES_CONFIG).await;
    let plain = Surface::Chat.ask(&world, "chat/story", "x", false).await;
    let story = plain.json()["choices"][0]["message"]["content"].clone();
    let mut wrong = Vec::new();
    for surface in SURFACES {
        for family in FAMILIES {
            for fault in [
                "line-ends",
                "line-ends=cr",
                "line-ends=mixed",
                "bom",
                "split=7",
            ] {
                let model = format!("{family}/fault/{fault}");
                let answer = surface.ask(&world, &model, "x", true).await;
                // Between equal formats events pass with the line ends that they came with.
                let events = surface.events(&with_plain_lines(answer));
                if surface.streamed(&events) != story || !surface.ended_well(&events) {
                    wrong.push(format!("{surface:?} {model}: {events:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
