//! A stream that breaks goes on at another target.

use serde_json::{Value, json};

use crate::routing::scene::{asked, breaker, fails, until};
use crate::surface::Surface;
use crate::surface::Surface::{Anthropic, Chat, Completions, Gemini, GeminiArray, Responses};
use crate::world::{Answer, KEY, World};

/// Both targets tell the same story; the second one answers anew, so that what it repeats has to
/// be left out.
const GOING_ON: &str = r#"
[routing.breaker]
failures = 0
share_percent = 0
[[models]]
name = "counted"
recovery = "continue"
breaker = { failures = 2 }
targets = [
    { connection = "sim", model = "story-70" },
    { connection = "sim", model = "story-070", priority = 1 },
]

[[models]]
name = "m"
recovery = "continue"
targets = [
    { connection = "sim", model = "story-60" },
    { connection = "sim", model = "story-060", priority = 1 },
]

[[models]]
name = "alone"
recovery = "continue"
attempts = 3
targets = [{ connection = "sim", model = "story-60" }]

[[models]]
name = "plain"
targets = [
    { connection = "sim", model = "story-60" },
    { connection = "sim", model = "story-060", priority = 1 },
]

[[models]]
name = "caller"
recovery = "continue"
targets = [
    { connection = "sim", model = "tools" },
    { connection = "sim", model = "tools-b", priority = 1 },
]
"#;

/// The surfaces whose format has a way to go on.
const SURFACES: [Surface; 5] = [Chat, Completions, Anthropic, Gemini, GeminiArray];

async fn stream(world: &World, surface: Surface, body: &Value, model: &str) -> Answer {
    let ask = world
        .gateway
        .post(&surface.path(model, true), body)
        .key(KEY);
    ask.header("x-tollgate-trail", "full").send().await
}

/// A body that also wants to know the usage, where the surface has to be asked for it.
fn body(surface: Surface, model: &str) -> Value {
    let mut body = surface.body(model, "Tell me a story.", true);
    match surface {
        Chat => body["stream_options"] = json!({"include_usage": true}),
        Completions => {
            body["stream_options"] = json!({"include_usage": true});
            body["max_tokens"] = 500.into();
        }
        _ => {}
    }
    body
}

/// The tokens of the answer that a stream tells last.
fn output_tokens(surface: Surface, events: &[Value]) -> u64 {
    let counts = events.iter().filter_map(|event| {
        match surface {
            Chat | Completions => &event["usage"]["completion_tokens"],
            Anthropic => &event["usage"]["output_tokens"],
            _ => &event["usageMetadata"]["candidatesTokenCount"],
        }
        .as_u64()
    });
    counts.fold(0, |_, latest| latest)
}

#[tokio::test]
async fn mid_stream_continuation_makes_two_streams_one() {
    for surface in SURFACES {
        let world = World::with(GOING_ON).await;
        let whole = stream(&world, surface, &body(surface, "m"), "m").await;
        let whole = surface.streamed(&surface.events(&whole));
        assert!(whole.len() > 100, "{whole}");
        for (round, how) in ["fin", "rst"].into_iter().enumerate() {
            let chunks = 20 + round * 5;
            world.simulator.forget_requests();
            crate::routing::scene::heals(&world);
            fails(&world, "story-60", &format!("cut-after={chunks}:how={how}"));
            let answer = stream(&world, surface, &body(surface, "m"), "m").await;
            assert_eq!(asked(&world), ["story-60", "story-060"], "{surface:?}");
            let text = answer.text();
            let marked = without_marks(surface, &answer);
            let events = surface.events(&marked);
            assert_eq!(surface.streamed(&events), whole, "{surface:?}");
            assert!(surface.ended_well(&events), "{text}");
            // The second one has said sixty tokens; those of the first are added to them.
            let tokens = output_tokens(surface, &events);
            assert!(tokens > 60 + 10, "{surface:?}: {tokens}");
        }
    }
}

/// The answer without the mark of the place where another model went on, which must be there.
fn without_marks(surface: Surface, answer: &Answer) -> Answer {
    let text = answer.text();
    let mark = ": tollgate: continued by m\n\n";
    let bare = if matches!(surface, Gemini | GeminiArray) {
        assert!(
            text.contains(r#""tollgate":{"continued_by":"m"}"#),
            "{text}"
        );
        text
    } else {
        assert!(text.contains(mark), "{text}");
        text.replace(mark, "")
    };
    Answer {
        status: answer.status,
        headers: answer.headers.clone(),
        body: bare.into(),
    }
}

#[tokio::test]
async fn the_request_for_the_rest_holds_what_was_said() {
    let world = World::with(GOING_ON).await;
    fails(&world, "story-60", "cut-after=20");
    for surface in [Chat, Anthropic, Gemini] {
        world.simulator.forget_requests();
        let mut body = body(surface, "m");
        match surface {
            Gemini => body["generationConfig"] = json!({"maxOutputTokens": 500}),
            _ => body["max_tokens"] = 500.into(),
        }
        stream(&world, surface, &body, "m").await;
        let requests = world.simulator.requests();
        let rest: Value = serde_json::from_str(&requests[1].body).unwrap();
        let last = rest["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(last["role"], "assistant", "{surface:?}: {rest:#}");
        assert!(last.to_string().len() > 60, "{surface:?}: {last}");
        let limit = ["max_tokens", "max_completion_tokens"].map(|name| rest[name].as_u64());
        let limit = limit.into_iter().flatten().next().unwrap();
        assert!(limit < 500, "what was said is taken off the bound: {limit}");
    }
}

#[tokio::test]
async fn both_attempts_are_told_and_the_broken_one_counts() {
    let world = World::with(GOING_ON).await;
    fails(&world, "story-70", "cut-after=20");
    for _ in 0..2 {
        let answer = stream(&world, Chat, &body(Chat, "counted"), "counted").await;
        assert!(answer.text().ends_with("data: [DONE]\n\n"));
    }
    assert_eq!(breaker(&world, "story-70").await, 3, "two streams broke");
    assert_eq!(breaker(&world, "story-070").await, 0);
    until("the requests are in the log", async || {
        world.printed().matches("\"surface\":").count() == 2
    })
    .await;
    let printed = world.printed();
    let line: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let attempts = line["attempts"].as_array().unwrap();
    let models: Vec<_> = attempts.iter().map(|one| one["model"].as_str()).collect();
    assert_eq!(models, [Some("story-70"), Some("story-070")], "{line:#}");
    let codes: Vec<_> = attempts.iter().map(|one| one["code"].as_str()).collect();
    assert_eq!(codes, [Some("stream_interrupted"), Some("ok")], "{line:#}");
    assert_eq!(line["code"], "ok");
    assert!(line["completion_tokens"].as_u64().unwrap() > 70, "{line:#}");
}

#[tokio::test]
async fn who_is_asked_to_go_on_is_told_even_if_the_caller_hangs_up_meanwhile() {
    let world = World::with(GOING_ON).await;
    fails(&world, "story-60", "cut-after=20");
    fails(&world, "story-060", "delay-head");
    {
        let ask = world.gateway.post("/v1/chat/completions", body(Chat, "m"));
        let mut opened = ask.key(KEY).open().await;
        let reading = async { while opened.next().await.is_some() {} };
        let other_is_asked = until("another target is asked", async || {
            asked(&world) == ["story-60", "story-060"]
        });
        tokio::pin!(reading, other_is_asked);
        tokio::select! {
            () = &mut reading => panic!("nobody goes on, and the stream has ended"),
            () = &mut other_is_asked => {}
        }
    }
    until("the request is in the log", async || {
        world.printed().contains("\"surface\":")
    })
    .await;
    let printed = world.printed();
    let line: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let attempts: Vec<_> = line["attempts"].as_array().unwrap().iter().collect();
    let told: Vec<_> = attempts
        .iter()
        .map(|one| [&one["model"], &one["code"]].map(|word| word.as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["story-60", "stream_interrupted"],
            ["story-060", "client_closed"]
        ],
        "{line:#}"
    );
}

#[tokio::test]
async fn a_stream_that_nobody_goes_on_with_is_told_with_all_that_was_tried() {
    let world = World::with(GOING_ON).await;
    fails(&world, "story-60", "cut-after=20");
    fails(&world, "story-060", "server-error");
    let answer = stream(&world, Chat, &body(Chat, "m"), "m").await;
    let events = Chat.events(&answer);
    assert_eq!(Chat.code(events.last().unwrap()), "stream_interrupted");
    until("the request is in the log", async || {
        world.printed().contains("\"surface\":")
    })
    .await;
    let printed = world.printed();
    let line: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let attempts = line["attempts"].as_array().unwrap().iter();
    let codes: Vec<_> = attempts.map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(
        codes[..2],
        ["stream_interrupted", "provider_error"],
        "{line:#}"
    );
    assert!(
        codes[1..].iter().all(|code| *code == "provider_error"),
        "{line:#}"
    );
}

#[tokio::test]
async fn a_stream_that_must_not_go_on_ends_in_an_error() {
    let world = World::with(GOING_ON).await;
    // Streams of responses have more to say before the first word.
    let rule = tollgate_simulator::Rule::new("cut-after=9").unwrap();
    let rule = rule.model("story-60").path("/v1/responses");
    world.simulator.script(rule).unwrap();
    fails(&world, "story-60", "cut-after=4");
    let ends_in_error = async |surface: Surface, body: Value, model: &str| {
        let answer = stream(&world, surface, &body, model).await;
        let events = surface.events(&answer);
        let last = events.last().unwrap();
        assert!(surface.is_failure(last), "{surface:?} {model}: {last}");
        assert_eq!(surface.code(last), "stream_interrupted");
        assert!(!surface.says_finished(&events));
    };
    for surface in [Chat, Anthropic, Gemini, GeminiArray, Responses] {
        // Off unless a model asks for it.
        ends_in_error(surface, surface.body("plain", "hello", true), "plain").await;
        // Nobody else can go on.
        ends_in_error(surface, surface.body("alone", "hello", true), "alone").await;
    }
    // Responses keep state at the provider.
    ends_in_error(Responses, Responses.body("m", "hello", true), "m").await;
    // Several answers at once, and answers of a form, are more than words.
    let mut many = Chat.body("m", "hello", true);
    many["n"] = 2.into();
    ends_in_error(Chat, many, "m").await;
    let mut form = Chat.body("m", "hello", true);
    form["response_format"] = json!({"type": "json_object"});
    ends_in_error(Chat, form, "m").await;
    // Thoughts come with signatures that only their own model takes back.
    let mut thinks = Anthropic.body("m", "hello", true);
    thinks["max_tokens"] = 4000.into();
    thinks["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    ends_in_error(Anthropic, thinks, "m").await;
    let mut thinks = Chat.body("m", "hello", true);
    thinks["reasoning_effort"] = "low".into();
    ends_in_error(Chat, thinks, "m").await;
    assert!(!asked(&world).contains(&"story-060".to_owned()));
}

#[tokio::test]
async fn a_call_of_a_tool_is_never_gone_on_with() {
    let world = World::with(GOING_ON).await;
    fails(&world, "tools", "cut-after=3");
    let mut body = Chat.body("caller", "Please call the tool f.", true);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"]});
    body["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
    let answer = stream(&world, Chat, &body, "caller").await;
    let text = answer.text();
    assert!(text.contains("tool_calls"), "{text}");
    let events = Chat.events(&answer);
    assert_eq!(
        Chat.code(events.last().unwrap()),
        "stream_interrupted",
        "{text}"
    );
    assert_eq!(asked(&world), ["tools"]);
}
