//! Answers: what a provider of one format says reaches the callers of every surface, plain and
//! streamed.

mod said;
mod told;

use serde_json::json;
use tollgate_simulator::{Fault, Rule};

use self::said::{Ending, Said};
use self::told::{Told, plain, streamed};
use super::family::{ALL, Family, world};
use crate::world::World;

async fn told(world: &World, from: Family, to: Family, said: &Said, stream: bool) -> Told {
    let (kind, body) = if stream {
        ("text/event-stream", said.stream(to))
    } else {
        ("application/json", said.plain(to).to_string())
    };
    let fault = Fault::named("answer").unwrap();
    let fault = fault
        .with("type", kind)
        .unwrap()
        .with("body", &body)
        .unwrap();
    world
        .simulator
        .set_script(tollgate_simulator::Script::default());
    world.simulator.script(Rule::of(vec![fault])).unwrap();
    let ask = match from {
        Family::Chat => json!({"messages": [{"role": "user", "content": "x"}]}),
        Family::Responses => json!({"input": "x"}),
        Family::Anthropic => {
            json!({"max_tokens": 99, "messages": [{"role": "user", "content": "x"}]})
        }
        Family::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
    };
    let answer = from.ask(world, (to, "m"), &ask, stream).send().await;
    assert_eq!(
        answer.status,
        200,
        "{from:?} from {to:?}: {}",
        answer.text()
    );
    if stream {
        streamed(from, &answer.text())
    } else {
        plain(from, &answer.json())
    }
}

async fn all_are_told(said: &Said) {
    let world = world().await;
    for to in ALL {
        for from in ALL {
            let wanted = said.wanted(from, to);
            for stream in [false, true] {
                let told = told(&world, from, to, said, stream).await;
                assert_eq!(told, wanted, "{to:?} to {from:?}, stream: {stream}");
            }
        }
    }
}

#[tokio::test]
async fn text_thoughts_calls_and_usage_arrive_everywhere() {
    all_are_told(&Said {
        calls: true,
        ending: Ending::Calls,
    })
    .await;
}

#[tokio::test]
async fn reasons_for_an_end_arrive_everywhere() {
    for ending in [Ending::Stop, Ending::Length, Ending::Filter] {
        all_are_told(&Said {
            calls: false,
            ending,
        })
        .await;
    }
}
