//! Requests: the model `inspect` answers with what its provider received, in neutral terms.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::conversations;
use super::family::Family::{Anthropic, Chat, Gemini, Responses};
use super::family::{ALL, Family, world};
use crate::world::World;

/// What a provider of one format saw of a call by the surface of another, leaf by leaf, and what
/// the caller was told of what is lost.
struct Seen {
    shown: Value,
    leaves: BTreeMap<String, Value>,
    told: Vec<String>,
}

async fn seen(world: &World, from: Family, to: Family, body: &Value) -> Seen {
    let answer = from.ask(world, (to, "inspect"), body, false).send().await;
    assert_eq!(answer.status, 200, "{from:?} to {to:?}: {}", answer.text());
    let told = answer.header("x-tollgate-unsupported").to_owned();
    let body = answer.json();
    let last = |list: &Value, is_wanted: fn(&Value) -> bool| {
        let mut items = list.as_array().unwrap().iter();
        items.rfind(|item| is_wanted(item)).unwrap().clone()
    };
    let text = match from {
        Chat => body["choices"][0]["message"]["content"].clone(),
        Responses => {
            let message = last(&body["output"], |item| item["type"] == "message");
            message["content"][0]["text"].clone()
        }
        Anthropic => last(&body["content"], |block| block["type"] == "text")["text"].clone(),
        Gemini => {
            let parts = &body["candidates"][0]["content"]["parts"];
            last(parts, |part| {
                part["text"] != "" && part["thought"].is_null()
            })["text"]
                .clone()
        }
    };
    let text = text
        .as_str()
        .unwrap_or_else(|| panic!("{from:?} to {to:?}: {body}"));
    let shown: Value = serde_json::from_str(text).unwrap();
    let mut leaves = BTreeMap::new();
    collect(&shown, String::new(), &mut leaves);
    Seen {
        shown,
        leaves,
        told: told
            .split(", ")
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

fn collect(value: &Value, path: String, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                collect(value, format!("{path}/{name}"), leaves);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                collect(value, format!("{path}/{at}"), leaves);
            }
        }
        plain => {
            leaves.insert(path, plain.clone());
        }
    }
}

/// Something that a provider sees otherwise, or not at all.
struct Difference {
    to: &'static [Family],
    /// The end of the paths of its leaves, without the numbers of list items at the end.
    place: &'static str,
    /// What the caller is told; `None` where nothing is lost.
    told: Option<&'static str>,
    /// Why it is so.
    #[expect(dead_code, reason = "for whoever reads the table")]
    why: &'static str,
}

const fn lost(
    to: &'static [Family],
    place: &'static str,
    told: &'static str,
    why: &'static str,
) -> Difference {
    Difference {
        to,
        place,
        told: Some(told),
        why,
    }
}

const fn kept(to: &'static [Family], place: &'static str, why: &'static str) -> Difference {
    Difference {
        to,
        place,
        told: None,
        why,
    }
}

const DIFFERENCES: &[Difference] = &[
    lost(
        &[Responses],
        "/stop",
        "stop",
        "the format has no stop sequences",
    ),
    lost(
        &[Chat, Responses],
        "/failed",
        "is_error",
        "results of tools have no mark of failure",
    ),
    lost(
        &[Gemini],
        "/parallel",
        "parallel_tool_calls",
        "calls cannot be held to one",
    ),
    lost(
        &[Anthropic],
        "/output",
        "response_format",
        "there is no JSON without a schema",
    ),
    lost(
        &[Chat, Responses],
        "/top_k",
        "top_k",
        "OpenAI has no such setting",
    ),
    lost(&[Anthropic, Responses], "/seed", "seed", "no such setting"),
    lost(
        &[Anthropic, Responses],
        "/frequency_penalty",
        "frequency_penalty",
        "no such setting",
    ),
    lost(
        &[Anthropic, Responses],
        "/presence_penalty",
        "presence_penalty",
        "no such setting",
    ),
    kept(
        &[Gemini],
        "/user",
        "no place for the end user; it changes no answer",
    ),
    kept(
        &[Chat, Responses, Gemini],
        "/cached",
        "these providers cache by themselves; a mark changes no answer",
    ),
    kept(
        &ALL,
        "/detail",
        "`auto` is the word for nothing being said, which one format demands",
    ),
    kept(
        &ALL,
        "/thinking/on",
        "see `thinking_is_asked_for_in_the_providers_words`",
    ),
    kept(
        &ALL,
        "/thinking/effort",
        "see `thinking_is_asked_for_in_the_providers_words`",
    ),
    kept(
        &ALL,
        "/thinking/budget",
        "see `thinking_is_asked_for_in_the_providers_words`",
    ),
    kept(
        &[Chat, Anthropic],
        "/thinking/shown",
        "thoughts are shown, or not, without being asked",
    ),
    kept(
        &[Responses, Gemini],
        "/thinking/shown",
        "what Anthropic shows unasked must be asked for here",
    ),
];

/// What is told although the model `inspect` does not look at it.
const UNSEEN: &[(Family, &str)] = &[
    (Chat, "logit_bias"),
    (Responses, "top_logprobs"),
    (Gemini, "safetySettings"),
];

fn compare(
    name: &str,
    (from, to): (Family, Family),
    own: &Seen,
    there: &Seen,
    wrong: &mut Vec<String>,
) {
    let mut paths: Vec<_> = own.leaves.keys().chain(there.leaves.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut explained: Vec<&str> = Vec::new();
    for path in paths {
        let (before, after) = (own.leaves.get(path), there.leaves.get(path));
        if before == after {
            continue;
        }
        let place = path.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '/');
        let row = DIFFERENCES
            .iter()
            .find(|row| row.to.contains(&to) && place.ends_with(row.place));
        let pair = format!("{name}: {from:?} to {to:?}: {path}: {before:?} became {after:?}");
        let Some(row) = row else {
            wrong.push(pair);
            continue;
        };
        if row.place == "/detail" && before.or(after) != Some(&json!("auto")) {
            wrong.push(pair);
            continue;
        }
        let is_asked_anew = from == Anthropic && after == Some(&json!(true));
        if row.place == "/thinking/shown" && matches!(to, Responses | Gemini) && !is_asked_anew {
            wrong.push(pair);
            continue;
        }
        if let Some(told) = row.told {
            explained.push(told);
            if !there.told.iter().any(|path| path.ends_with(told)) {
                wrong.push(format!("{pair}, told was only {:?}", there.told));
            }
        }
    }
    for path in &there.told {
        let is_explained = explained.iter().any(|told| path.ends_with(told))
            || UNSEEN.iter().any(|(by, told)| *by == from && path == told);
        if !is_explained {
            wrong.push(format!(
                "{name}: {from:?} to {to:?}: {path} is told, but not lost"
            ));
        }
    }
}

#[tokio::test]
async fn providers_see_what_was_said_or_callers_are_told_what_is_lost() {
    let world = world().await;
    let mut wrong = Vec::new();
    for written in conversations::all() {
        for from in ALL {
            let own = seen(&world, from, from, written.of(from)).await;
            assert!(own.told.is_empty(), "{from:?}: {:?}", own.told);
            for to in ALL {
                let there = seen(&world, from, to, written.of(from)).await;
                compare(written.name, (from, to), &own, &there, &mut wrong);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_formats_say_the_same_to_begin_with() {
    let world = world().await;
    let mut wrong = Vec::new();
    for written in conversations::all() {
        let chat = seen(&world, Chat, Chat, written.of(Chat)).await;
        for from in [Responses, Anthropic, Gemini] {
            let own = seen(&world, from, from, written.of(from)).await;
            // What a format has no words for was not written in it.
            for place in [
                "/turns",
                "/tools",
                "/system",
                "/tool_choice",
                "/output",
                "/max_tokens",
            ] {
                let has_words = place != "/output" || from != Anthropic;
                let told: Vec<_> = [&chat, &own]
                    .map(|seen| {
                        let leaves = seen.leaves.iter();
                        leaves
                            .filter(|(path, _)| {
                                path.starts_with(place)
                                    && !path.ends_with("/failed")
                                    && !path.ends_with("/detail")
                                    && !path.ends_with("/type")
                            })
                            .collect::<Vec<_>>()
                    })
                    .into();
                if has_words && told[0] != told[1] {
                    wrong.push(format!("{}: {from:?}: {:?}", written.name, told));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn thinking_is_asked_for_in_the_providers_words() {
    let world = world().await;
    for (name, to, wanted) in [
        ("effort", Chat, json!({"on": true, "effort": "high"})),
        ("effort", Responses, json!({"on": true, "effort": "high"})),
        // The bound of the answer leaves no room for more.
        ("effort", Anthropic, json!({"on": true, "budget": 15_000})),
        ("effort", Gemini, json!({"on": true, "budget": 24_576})),
        ("budget", Chat, json!({"on": true, "effort": "medium"})),
        ("budget", Responses, json!({"on": true, "effort": "medium"})),
        ("budget", Anthropic, json!({"on": true, "budget": 8192})),
        ("budget", Gemini, json!({"on": true, "budget": 8192})),
        ("no thought", Chat, json!({"on": false, "effort": "none"})),
        (
            "no thought",
            Responses,
            json!({"on": false, "effort": "none"}),
        ),
        ("no thought", Anthropic, json!(null)),
        ("no thought", Gemini, json!({"on": false, "budget": 0})),
    ] {
        let written = conversations::all();
        let written = written.iter().find(|one| one.name == name).unwrap();
        for from in ALL.into_iter().filter(|from| *from != to) {
            let mut thinking =
                seen(&world, from, to, written.of(from)).await.shown["thinking"].take();
            if let Some(members) = thinking.as_object_mut() {
                let shown = members.remove("shown");
                let is_asked = from != Chat && name == "budget";
                let is_said = matches!(to, Responses | Gemini);
                assert_eq!(
                    shown.is_some(),
                    is_asked && is_said,
                    "{name}: {from:?} to {to:?}"
                );
            }
            assert_eq!(thinking, wanted, "{name}: {from:?} to {to:?}");
        }
    }
}

#[tokio::test]
async fn state_goes_back_to_its_maker_and_to_nobody_else() {
    let world = world().await;
    let question = json!({"messages": [{"role": "user", "content": "think"}]});
    for maker in [Responses, Anthropic, Gemini] {
        let mut asked = question.clone();
        asked["reasoning_effort"] = json!("high");
        asked["max_tokens"] = json!(9000);
        let answer = Chat
            .ask(&world, (maker, "think"), &asked, false)
            .send()
            .await;
        assert_eq!(answer.status, 200, "{maker:?}: {}", answer.text());
        let message = answer.json()["choices"][0]["message"].clone();
        let sealed = message["reasoning_details"].to_string();
        assert!(sealed.contains("tg1A"), "{maker:?}: {message}");
        let mut asked = question.clone();
        let turns = asked["messages"].as_array_mut().unwrap();
        turns.push(message);
        turns.push(json!({"role": "user", "content": "and now?"}));
        for to in ALL {
            world.simulator.forget_requests();
            let seen = seen(&world, Chat, to, &asked).await;
            let received = world.simulator.requests();
            let body = &received.last().unwrap().body;
            assert!(!body.contains("tg1A"), "{maker:?} to {to:?}: {body}");
            // One of the providers puts it on a text, too.
            let is_signed = seen.leaves.keys().any(|path| path.ends_with("/signed"))
                || body.contains("thoughtSignature");
            assert_eq!(is_signed, maker == to, "{maker:?} to {to:?}: {body}");
            assert_eq!(
                seen.told.is_empty(),
                maker == to,
                "{maker:?} to {to:?}: {:?}",
                seen.told
            );
        }
    }
}
