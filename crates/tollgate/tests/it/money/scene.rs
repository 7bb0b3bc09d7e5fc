//! What the tests of money share: models that cost a round sum, teams that pay, and the books.

use std::time::Instant;

use serde_json::{Value, json};
use tollgate_core::ledger::{Entry, Flags, Kind, PageHead, Settlement};
use tollgate_core::money::Money;
use tollgate_core::price::{Price, Rate};
use tollgate_core::reply::Usage;
use tollgate_engine::port::LedgerStore as _;
use tollgate_simulator::Rule;
use tollgate_store::testing::ScratchDatabase;

use crate::world::{Answer, KEY, PATIENCE, World};

/// Whatever is asked for as `money/NAME` costs 0.001 USD for a token of the prompt, a tenth of that
/// from the cache, and 0.002 for one of the answer. `free/NAME` has no price.
pub const MODELS: &str = r#"
[[models]]
name = "money/*"
targets = [{ connection = "sim" }]
price = { input = "1000", cached_input = "100", output = "2000" }
[[models]]
name = "free/*"
targets = [{ connection = "sim" }]
"#;

/// The same in Anthropic's format, as `claude/NAME`.
pub const CLAUDE: &str = r#"
[[connections]]
name = "claude"
provider = "anthropic"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}"
[[models]]
name = "claude/*"
targets = [{ connection = "claude" }]
price = { input = "1000", cached_input = "100", output = "2000" }
"#;

/// The price of [`MODELS`].
pub const PRICE: Price = Price {
    input: Rate::flat(1_000_000_000),
    output: Rate::flat(2_000_000_000),
    cached_input: Some(Rate::flat(100_000_000)),
    cache_write: None,
    cache_write_1h: None,
};

/// Everything is tried once.
pub const ONCE: &str = r"
[routing]
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }
timeouts = { connect_ms = 1000, first_byte_ms = 2000, idle_ms = 1000, answer_ms = 2000, total_ms = 5000 }
";

/// A team with a key of its own, of the same name.
pub fn team(name: &str) -> String {
    format!(
        "[[teams]]\nname = \"{name}\"\n[[keys]]\nname = \"{name}\"\nkey = \"{}\"\nteam = \"{name}\"\n",
        key(name)
    )
}

/// The secret of the key of a [`team`].
pub fn key(team: &str) -> String {
    format!("{KEY}-{team}")
}

/// Where the books are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

/// A world whose books are in one of the stores, and the database with which they go.
pub async fn world_on(store: Store, more: &str) -> (World, Option<ScratchDatabase>) {
    match store {
        Store::Sqlite => (World::with(more).await, None),
        Store::Postgres => {
            let database = ScratchDatabase::new();
            let more = format!("[database]\nurl = \"{}\"\n{more}", database.url());
            (World::with(&more).await, Some(database))
        }
    }
}

/// A plain chat of ten tokens at most.
pub fn plain(model: &str) -> Value {
    json!({"model": model, "max_tokens": 10,
        "messages": [{"role": "user", "content": "one two three"}]})
}

/// The same as a stream.
pub fn streamed(model: &str) -> Value {
    let mut body = plain(model);
    body["stream"] = true.into();
    body
}

/// Asks with the key of a team.
pub async fn ask(world: &World, team: &str, body: &Value) -> Answer {
    let ask = world.gateway.post("/v1/chat/completions", body);
    ask.key(&key(team)).send().await
}

/// Sends something as the administrator, which has to go well.
pub async fn order(world: &World, path: &str, body: Value) -> Value {
    let answer = world.gateway.post(path, body).admin().send().await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    answer.json()
}

/// Reads something as the administrator.
pub async fn read(world: &World, path: &str) -> Value {
    let answer = world.gateway.get(path).admin().send().await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Gives a team credits.
pub async fn give(world: &World, team: &str, nano: u64) {
    let usd = Money::from_nano(nano).to_string();
    let path = format!("/api/credits/teams/{team}/add");
    order(world, &path, json!({"amount_usd": usd})).await;
}

/// An amount of an answer, in nano-USD.
pub fn nano(text: &Value) -> u64 {
    let text = text
        .as_str()
        .unwrap_or_else(|| panic!("no amount: {text:?}"));
    Money::parse(text).unwrap().as_nano()
}

/// What a plain answer says that it cost.
pub fn cost(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    nano(&answer.header("x-tollgate-cost-usd").into())
}

/// What a team has, and what is held of it.
pub async fn standing(world: &World, team: &str) -> (u64, u64) {
    let told = read(world, &format!("/api/credits/teams/{team}/balance")).await;
    (nano(&told["balance_usd"]), nano(&told["held_usd"]))
}

/// Waits until no call is under way. Then nothing may be held any more, and the books must add up;
/// gives the balance.
pub async fn at_rest(world: &World, team: &str) -> u64 {
    until("no call is under way", async || {
        world.gateway.metric("tollgate_requests_open", &[]).await == 0
    })
    .await;
    let (balance, held) = standing(world, team).await;
    assert_eq!(held, 0, "something of {team} is still held");
    let told = order(world, "/api/ledger/verify", Value::Null).await;
    assert_eq!(told["ok"], true, "{told}");
    balance
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// From now on the provider's model has this fault, so many times.
pub fn fails(world: &World, model: &str, fault: &str, times: u64) {
    let rule = Rule::new(fault).unwrap().model(model).times(times);
    world.simulator.script(rule).unwrap();
}

/// How often the provider was asked.
pub fn asked(world: &World) -> usize {
    world.simulator.requests().len()
}

/// The settings were read again.
pub async fn reload(world: &World, more: &str) {
    let times = || {
        let log = std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
        log.matches("was read again and is in effect").count()
    };
    let before = times();
    world.rewrite_config(more);
    world.gateway.signal("HUP");
    until("the settings are read", async || {
        let log = std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
        assert!(!log.contains("the old one stays"), "{log}");
        times() > before
    })
    .await;
}

/// What is in the books of a gateway that has ended.
pub struct Books(pub Vec<Entry>);

impl Books {
    /// Ends the gateway and reads its books.
    pub async fn of(world: &mut World, database: Option<&ScratchDatabase>) -> Self {
        world.gateway.signal("TERM");
        assert!(world.gateway.wait_for_end().success());
        let url = database.map_or_else(
            || {
                let file = world.folder.path().join("tollgate-data/tollgate.db");
                format!("sqlite://{}", file.display())
            },
            ScratchDatabase::url,
        );
        let store = tollgate_store::open(&url).await.unwrap();
        let (mut entries, mut head) = (Vec::new(), PageHead::default());
        loop {
            let pages = store.pages(head.number, 100).await.unwrap();
            let Some(last) = pages.last() else {
                return Self(entries);
            };
            let last = last.head;
            for page in &pages {
                entries.extend(page.read(head).unwrap());
                head = page.head;
            }
            assert_eq!(head, last);
        }
    }

    /// What calls were charged.
    pub fn settlements(&self) -> impl Iterator<Item = &Settlement> {
        self.0.iter().filter_map(|entry| match &entry.kind {
            Kind::Settlement(settlement) => Some(&**settlement),
            _ => None,
        })
    }

    /// What providers charged for nothing.
    pub fn losses(&self) -> impl Iterator<Item = &Settlement> {
        self.0.iter().filter_map(|entry| match &entry.kind {
            Kind::Loss(loss) => Some(&**loss),
            _ => None,
        })
    }

    /// The settlement of a request, of which there is one at most.
    pub fn of_request(&self, id: &str) -> Option<&Settlement> {
        let mut all = self.settlements().filter(|one| &*one.request_id == id);
        let first = all.next();
        assert_eq!(all.next(), None, "{id} was charged twice");
        first
    }

    /// What all calls were charged, in nano-USD.
    pub fn charged(&self) -> u64 {
        self.settlements().map(|one| one.charged).sum()
    }
}

/// What so many tokens cost with [`PRICE`].
pub fn price_of(prompt: u64, completion: u64) -> u64 {
    PRICE.cost(&Usage {
        prompt,
        completion,
        ..Usage::NONE
    })
}

/// The words for flags, in one line.
pub fn words(flags: Flags) -> String {
    flags.names().collect::<Vec<_>>().join(" ")
}
