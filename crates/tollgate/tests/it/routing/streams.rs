//! Streams that break: before the first content another target answers and the caller sees one
//! clean answer; after it the stream ends in an error, and nothing is said twice.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::task::TaskTracker;
use tollgate_simulator::{Rule, Script};

use super::faults::Lateness;
use crate::surface::Surface::{self, Anthropic, Chat, Gemini, Responses};
use crate::surface::{FAMILIES, SURFACES};
use crate::world::{Answer, KEY, World};

const TEXT: &str = "one two three four five six seven eight nine ten eleven twelve";
/// The surfaces, each with the family of providers that speaks as it does.
const NATIVE: [(Surface, &str); 4] = [
    (Chat, "chat"),
    (Responses, "responses"),
    (Anthropic, "anthropic"),
    (Gemini, "google"),
];
/// What the connections that fail send along, so that the provider knows them.
const MARK: &str = "x-fails";
/// What those do that are well.
const WELL: &str = "x-well";

/// For each family `FAMILY/…`, served by a connection that fails and, after it, by one that is
/// well. No failure is remembered from one request to the next.
fn pairs(first_byte_ms: u32, idle_ms: u32) -> String {
    let mut text = format!(
        "[routing]\nbreaker = {{ failures = 0, share_percent = 0, cooldown = false }}\n\
         [routing.timeouts]\nfirst_byte_ms = {first_byte_ms}\nidle_ms = {idle_ms}\n\
         [overload]\nlag_ms = 0\n"
    );
    for family in FAMILIES {
        let (provider, more, path) = match family {
            "chat" => ("openai", "format = \"chat\"\n", "/v1"),
            "responses" => ("openai", "format = \"responses\"\n", "/v1"),
            other => (other, "", ""),
        };
        for (name, header) in [("fails", MARK), ("well", WELL)] {
            _ = write!(
                text,
                "[[connections]]\nname = \"{family}-{name}\"\nprovider = \"{provider}\"\n{more}\
                 api_key = \"sk-provider-canary-0123456789\"\n\
                 base_url = \"http://{{provider}}{path}\"\nheaders = {{ {header} = \"{family}\" }}\n"
            );
        }
        _ = write!(
            text,
            "[[models]]\nname = \"{family}/*\"\ntargets = [\n\
             {{ connection = \"{family}-fails\", priority = 0 }},\n\
             {{ connection = \"{family}-well\", priority = 1 }} ]\n"
        );
    }
    text
}

/// From here on every connection that fails meets this fault.
fn fail_with(world: &World, fault: &str) {
    world.simulator.set_script(Script::default());
    for family in FAMILIES {
        let rule = Rule::new(fault).unwrap().header(MARK, family);
        world.simulator.script(rule).unwrap();
    }
}

async fn ask(world: &World, surface: Surface, family: &str, stream: bool) -> Answer {
    surface
        .ask(world, &format!("{family}/echo"), TEXT, stream)
        .await
}

/// The whole answer, from the target that is well, and nothing else.
fn check_clean(surface: Surface, family: &str, stream: bool, answer: &Answer, what: &str) {
    let what = format!("{what}: {surface:?} {family} stream={stream}");
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    assert_eq!(answer.header("x-tollgate-attempts"), "2", "{what}");
    let connection = format!("{family}-well");
    assert_eq!(answer.header("x-tollgate-connection"), connection, "{what}");
    if stream {
        let events = surface.events(answer);
        assert_eq!(surface.streamed(&events), TEXT, "{what}");
        assert!(surface.ended_well(&events), "{what}: {events:?}");
        let failures = events.iter().filter(|event| surface.is_failure(event));
        assert_eq!(failures.count(), 0, "{what}: {events:?}");
    } else {
        assert_eq!(surface.text(&answer.json()), TEXT, "{what}");
    }
}

/// How many events the provider writes for a whole answer.
async fn length(world: &World, surface: Surface, family: &str) -> u64 {
    world.simulator.set_script(Script::default());
    world.simulator.forget_requests();
    ask(world, surface, family, true).await;
    world.simulator.requests()[0].chunks_written
}

#[tokio::test]
async fn whatever_a_first_answer_holds_in_the_place_of_content_the_caller_sees_one_clean_answer() {
    const FAULTS: [&str; 9] = [
        "error-first",
        "error-event:after=0",
        "error-200",
        "html-200",
        "empty",
        "bad-json:after=0",
        "invalid-utf8",
        "gzip",
        "bad-head",
    ];
    let world = World::with(&pairs(2000, 2000)).await;
    for fault in FAULTS {
        fail_with(&world, fault);
        // Faults of events leave plain answers as they are.
        let only_streams = fault.contains("first") || fault.contains("after");
        for surface in SURFACES {
            for family in FAMILIES {
                for stream in [true, false] {
                    if stream || !only_streams {
                        let answer = ask(&world, surface, family, stream).await;
                        check_clean(surface, family, stream, &answer, fault);
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_before_content_moves_the_stream_to_the_other_target() {
    let world = Arc::new(World::with(&pairs(1000, 1000)).await);
    // Not even a head, a head alone, and a head with events that hold no content.
    for fault in ["delay-head", "delay-body", "stall-after=1"] {
        fail_with(&world, fault);
        let tasks = TaskTracker::new();
        let running: Vec<_> = NATIVE
            .into_iter()
            // Gemini's first event has content.
            .filter(|(surface, _)| fault != "stall-after=1" || *surface != Gemini)
            .map(|(surface, family)| {
                let world = Arc::clone(&world);
                tasks.spawn(async move {
                    let begin = Instant::now();
                    let answer = ask(&world, surface, family, true).await;
                    check_clean(surface, family, true, &answer, fault);
                    assert!(begin.elapsed() >= Duration::from_secs(1), "{surface:?}");
                })
            })
            .collect();
        for one in running {
            one.await.unwrap();
        }
    }
}

/// Asks for a stream. Gives it, how long it took, and the longest silence in it.
async fn watch(
    world: &World,
    surface: Surface,
    model: &str,
    text: &str,
) -> (Answer, [Duration; 2]) {
    let body = surface.body(model, text, true);
    let path = surface.path(model, true);
    let begin = Instant::now();
    let mut opened = world.gateway.post(&path, body).key(KEY).open().await;
    let (status, headers) = (opened.status, opened.headers.clone());
    let mut silence = Duration::ZERO;
    let mut last = Instant::now();
    let mut all = Vec::new();
    while let Some(data) = opened.next().await {
        all.extend_from_slice(&data.expect("every answer is whole as HTTP"));
        silence = silence.max(last.elapsed());
        last = Instant::now();
    }
    let answer = Answer {
        status,
        headers,
        body: all.into(),
    };
    (answer, [begin.elapsed(), silence])
}

/// The stream broke after content: some of the text, then the surface's error of this code, no
/// success, and nobody was asked again. Gives the number of words.
fn check_broken(surface: Surface, answer: &Answer, code: &str, text: &str, what: &str) -> usize {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    assert_eq!(answer.header("x-tollgate-attempts"), "1", "{what}");
    let events = surface.events(answer);
    let said = surface.streamed(&events);
    assert!(
        !said.is_empty() && text.starts_with(&said),
        "{what}: {said}"
    );
    let last = events.last().unwrap();
    assert!(surface.is_failure(last), "{what}: {events:?}");
    assert_eq!(surface.code(last), code, "{what}");
    assert!(!surface.says_finished(&events), "{what}: {events:?}");
    said.split_whitespace().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_after_any_number_of_chunks_ends_within_the_idle_timeout() {
    const IDLE: Duration = Duration::from_secs(1);
    // All of them begin at once.
    let world = Arc::new(World::with(&pairs(3000, 1000)).await);
    let lateness = Lateness::watch();
    let tasks = TaskTracker::new();
    let mut running = Vec::new();
    for (surface, family) in NATIVE {
        for chunks in 1..=20 {
            let sign = format!("number {chunks}:");
            let rule = Rule::new(&format!("stall-after={chunks}")).unwrap();
            let rule = rule.header(MARK, family).body(&sign);
            world.simulator.script(rule).unwrap();
            let text = format!("{sign} {}", "more and more ".repeat(8));
            let world = Arc::clone(&world);
            running.push(tasks.spawn(async move {
                let model = format!("{family}/echo");
                let (answer, times) = watch(&world, surface, &model, &text).await;
                (surface, chunks, text, answer, times)
            }));
        }
    }
    for one in running {
        let (surface, chunks, text, answer, [took, silence]) = one.await.unwrap();
        let what = format!("{surface:?} after {chunks} chunks");
        let events = surface.events(&answer);
        assert!(took >= IDLE, "{what}: {took:?}");
        if answer.header("x-tollgate-attempts") == "2" {
            // Nothing of the first one had content.
            assert!(chunks < 6, "{what}");
            assert_eq!(surface.streamed(&events), text, "{what}");
            assert!(surface.ended_well(&events), "{what}");
            continue;
        }
        check_broken(surface, &answer, "stream_interrupted", &text, &what);
        let most = IDLE + Duration::from_secs(1) + lateness.read();
        assert!(silence <= most, "{what}: {silence:?}, {most:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_at_any_place_is_begun_anew_or_ends_in_an_error() {
    let world = World::with(&pairs(2000, 2000)).await;
    for (surface, family) in NATIVE {
        let written = length(&world, surface, family).await;
        // What was said where it broke, and how it went on.
        let (mut anew, mut broken) = (0, Vec::new());
        for how in ["rst", "fin", "clean"] {
            for chunks in 0..written {
                fail_with(&world, &format!("cut-after={chunks}:how={how}"));
                world.simulator.forget_requests();
                let answer = ask(&world, surface, family, true).await;
                let what = format!("{surface:?}, {how} after {chunks} chunks of {written}");
                let asked = world.simulator.requests();
                let again = asked.iter().filter(|one| one.header(WELL).is_some());
                if again.count() > 0 {
                    check_clean(surface, family, true, &answer, &what);
                    anew += 1;
                    continue;
                }
                let events = surface.events(&answer);
                if surface.ended_well(&events) {
                    // Only what stands behind the end can be missing.
                    assert_eq!(surface.streamed(&events), TEXT, "{what}");
                    assert!(chunks + 1 >= written, "{what}: {events:?}");
                    continue;
                }
                let said = check_broken(surface, &answer, "stream_interrupted", TEXT, &what);
                broken.push(said);
            }
        }
        assert!(anew >= 3, "{surface:?}");
        let words = [1, 2, 3, 6, 12];
        assert!(
            words.iter().all(|words| broken.contains(words)),
            "{surface:?}: {broken:?}"
        );
    }
}

#[tokio::test]
async fn a_broken_stream_is_not_mended_with_another_answer_in_a_translation_either() {
    let world = World::with(&pairs(2000, 2000)).await;
    for surface in SURFACES {
        for family in FAMILIES {
            for fault in ["cut-after=9:how=rst", "cut-after=9:how=clean"] {
                fail_with(&world, fault);
                let answer = ask(&world, surface, family, true).await;
                let what = format!("{surface:?} {family} {fault}");
                check_broken(surface, &answer, "stream_interrupted", TEXT, &what);
            }
            fail_with(&world, "error-event:after=9");
            let answer = ask(&world, surface, family, true).await;
            let what = format!("{surface:?} {family} error");
            check_broken(surface, &answer, "provider_error", TEXT, &what);
        }
    }
}

#[tokio::test]
async fn a_target_whose_streams_break_off_late_is_left_like_one_that_refuses() {
    let config = pairs(2000, 2000).replace("failures = 0", "failures = 3")
        + "[[models]]\nname = \"pair\"\ntargets = [\n\
           { connection = \"chat-fails\", model = \"echo\" },\n\
           { connection = \"chat-well\", model = \"echo\", priority = 1 } ]\n";
    let world = World::with(&config).await;
    fail_with(&world, "cut-after=9:how=fin");
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        let answer = Chat.ask(&world, "pair", TEXT, true).await;
        outcomes.push(Chat.ended_well(&Chat.events(&answer)));
    }
    assert_eq!(outcomes, [false, false, false, true, true]);
}
