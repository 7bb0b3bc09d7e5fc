//! Whatever a provider says of the tokens, plain or streamed, in either format: what is charged
//! follows the written rule, and its flags say how it came about.

use serde_json::{Value, json};
use tollgate_core::ledger::Settlement;
use tollgate_core::reply::Usage;

use super::scene::{Books, CLAUDE, MODELS, ONCE, PRICE, at_rest, give, key, team, until, words};
use crate::world::{Answer, World};

/// What is to be charged.
#[derive(Clone, Copy, Debug)]
enum Charged {
    /// Exactly what the provider would have said without the fault.
    True,
    /// Exactly nothing.
    Nothing,
    /// About the truth, counted here, with this flag.
    Counted(&'static str),
    /// The prompt, all of it from the cache: more cannot have come from there. In Anthropic's
    /// format the cache is counted beside the prompt, and what is said can be true.
    Cached,
    /// The prompt, and a thousand tokens more than it from the cache.
    Beside,
    /// Twice the truth: the provider said so last.
    Doubled,
    /// So many tokens of output: the provider said so, and it may be.
    Output(u64),
    /// Nothing: the answer cannot be read.
    Unreadable,
    /// The stream breaks when all text was delivered, which is counted here; in Anthropic's format
    /// before that, and nothing is charged.
    Broken,
}
use Charged::{Beside, Broken, Cached, Counted, Doubled, Nothing, Output, True, Unreadable};

/// A fault, and what is charged for a plain answer and for a stream.
const ROWS: &[(&str, Charged, Charged)] = &[
    ("ids", True, True),
    ("usage-missing", Counted("estimated"), Counted("estimated")),
    ("usage-null", Counted("estimated"), Counted("estimated")),
    ("usage-empty", Counted("estimated"), Counted("estimated")),
    ("usage-zero", Nothing, Nothing),
    ("usage-negative", Counted("estimated"), Counted("estimated")),
    ("usage-huge", Counted("bounded"), Counted("bounded")),
    ("usage-beyond", Counted("bounded"), Counted("bounded")),
    ("usage-float", Counted("estimated"), Counted("estimated")),
    ("usage-nan", Unreadable, Broken),
    ("usage-text", Counted("estimated"), Counted("estimated")),
    ("usage-cached", Cached, Cached),
    ("usage-over-limit", Counted("bounded"), Counted("bounded")),
    ("usage-over-limit=60", Output(60), Output(60)),
    ("usage-twice", True, True),
    ("usage-changing", True, Doubled),
    ("usage-each", True, True),
    ("usage-in-finish", True, True),
];
const FORMATS: [(&str, &str); 2] = [
    ("money", "/v1/chat/completions"),
    ("claude", "/v1/messages"),
];

fn body(family: &str, fault: &str, stream: bool) -> Value {
    json!({"model": format!("{family}/fault/{fault}"), "max_tokens": 30, "stream": stream,
        "messages": [{"role": "user", "content": "Tell me of the harbour in the morning, at length."}]})
}

async fn ask(world: &World, id: &str, path: &str, body: &Value) -> Answer {
    let ask = world.gateway.post(path, body).key(&key("payer"));
    ask.header("x-request-id", id).send().await
}

fn check(row: &str, charged: Charged, truth: Usage, found: Option<&Settlement>) {
    let Some(found) = found else {
        assert!(
            matches!(charged, Unreadable),
            "{row}: there is no settlement"
        );
        return;
    };
    let (usage, flags) = (found.usage, words(found.flags));
    let (prompt, completion) = (truth.prompt, truth.completion);
    let is_near = |count: u64, truth: u64| count * 2 >= truth && count <= truth * 2;
    let counted = || {
        let is_about = is_near(usage.prompt, prompt) && is_near(usage.completion, completion);
        assert!(is_about, "{row}: {usage:?} is not about {truth:?}");
        (usage.prompt, usage.completion, 0)
    };
    let (expected, flag) = match charged {
        Unreadable => panic!("{row}: charged {found:?}"),
        True => ((prompt, completion, 0), ""),
        Nothing => ((0, 0, 0), ""),
        Doubled => ((prompt * 2, completion * 2, 0), ""),
        Output(tokens) => ((prompt, tokens, 0), ""),
        Cached => ((prompt, completion, prompt), "bounded"),
        Beside => ((prompt * 2 + 1000, completion, prompt + 1000), ""),
        Counted(flag) => (counted(), flag),
        Broken => (counted(), "estimated partial"),
    };
    let told = (usage.prompt, usage.completion, usage.cached);
    assert_eq!((told, &*flags), (expected, flag), "{row}");
    assert_eq!(
        found.charged,
        PRICE.cost(&usage),
        "{row}: the price of what is noted"
    );
    assert_eq!(found.shortfall, 0, "{row}");
}

async fn logged(world: &World, id: &str) -> Value {
    let path = format!("/api/account/request-logs/{id}/details");
    let row = async || world.gateway.get(&path).admin().send().await;
    until("the row is there", async || row().await.status == 200).await;
    row().await.json()
}

#[tokio::test]
async fn whatever_a_provider_says_of_its_tokens_is_charged_by_the_rule() {
    let mut world = World::with(&format!("{MODELS}{CLAUDE}{}{ONCE}", team("payer"))).await;
    give(&world, "payer", 1_000_000_000_000).await;
    for (fault, plain, _) in ROWS {
        for (family, path) in FORMATS {
            for stream in [false, true] {
                let id = format!("{family}.{stream}.{}", fault.replace('=', "-"));
                let answer = ask(&world, &id, path, &body(family, fault, stream)).await;
                let told_first = stream && family == "money";
                let is_read = told_first || !matches!(plain, Unreadable);
                assert_eq!(answer.status == 200, is_read, "{id}: {answer:?}");
            }
        }
    }
    let balance = at_rest(&world, "payer").await;
    let row = logged(&world, "money.true.usage-missing").await;
    let books = Books::of(&mut world, None).await;
    assert_eq!(balance + books.charged(), 1_000_000_000_000);
    // The request log tells what counted, also where the provider told nothing.
    let counted = books.of_request("money.true.usage-missing").unwrap().usage;
    let told = (&row["input_tokens"], &row["output_tokens"]);
    assert_eq!(told, (&json!(counted.prompt), &json!(counted.completion)));
    for (family, _) in FORMATS {
        let truth = books
            .of_request(&format!("{family}.false.ids"))
            .unwrap()
            .usage;
        assert!(truth.prompt > 5 && truth.completion == 30, "{truth:?}");
        for (fault, plain, streamed) in ROWS {
            for (stream, charged) in [(false, *plain), (true, *streamed)] {
                let id = format!("{family}.{stream}.{}", fault.replace('=', "-"));
                let charged = match charged {
                    Broken if family == "claude" => Unreadable,
                    Cached if family == "claude" => Beside,
                    charged => charged,
                };
                check(&id, charged, truth, books.of_request(&id));
            }
        }
    }
}
