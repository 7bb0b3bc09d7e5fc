//! What decides where requests go: from the file to what the engine is told.

use std::time::Duration;

use tollgate_core::key::Priority;
use tollgate_core::model::Unsupported;
use tollgate_core::price::Rate;
use tollgate_core::route::backoff::Backoff;
use tollgate_core::route::breaker::BreakerRules;
use tollgate_core::route::condition::{Abilities, Ability, When};
use tollgate_core::route::fallback::Class;
use tollgate_core::route::health::Thresholds;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::order::Strategy;
use tollgate_core::route::rules::{Hedge, QueueRules, Recovery, Repeat, Rules, Sticky};
use tollgate_engine::engine::Routing;
use tollgate_engine::routes::DeclaredModel;

use super::super::schema::keys::ROOT;
use super::super::schema::{Key, Kind, find};
use super::super::{Config, Overload};
use super::load;
use crate::assemble;

/// Every key that decides where requests go, with a value that is not its default.
const FULL: &str = "\
[server]
maintenance = true
[overload]
parallel = 500
lag_ms = 0
least_parallel = 8
[routing]
attempts = 4
repeat = 'always'
sticky = 'user'
recovery = 'continue'
unsupported = 'drop'
[routing.backoff]
first_ms = 100
factor = 3
longest_ms = 900
jitter_percent = 10
[routing.breaker]
failures = 2
share_percent = 20
window_s = 7
minimum = 3
open_s = 4
longest_open_s = 9
probes = 6
cooldown = false
[routing.queue]
wait_ms = 250
length = 12
[routing.hedge]
after_ms = 80
share_percent = 1
plain = true
[routing.timeouts]
idle_ms = 700
[[connections]]
name = 'main'
provider = 'openai'
api_key = 'sk-upstream'
limits = { rpm = 10, tpm = 20, parallel = 30 }
checks = { interval_s = 3, timeout_ms = 40, model = 'gpt-4o-mini', unhealthy = 5, healthy = 6 }
[[connections]]
name = 'plain'
provider = 'simulated'
[[connections]]
name = 'checked'
provider = 'simulated'
checks = {}
[[models]]
name = 'gpt'
aliases = ['smart']
strategy = 'round_robin'
fallbacks = ['other', 'auto']
fallbacks_by = { context_length = ['plain/long'], content_filter = [], rate_limit = ['other'] }
abilities = ['vision', 'tools']
context_window = 5000
price = { input = '1', output = '2' }
[[models.targets]]
connection = 'main'
model = 'gpt-4o'
priority = 3
weight = 4
limits = { rpm = 1, tpm = 2, parallel = 3 }
when = { tags = ['a tag', 'b'], users = ['ann'], keys = ['first key'], prompt_tokens_from = 5, prompt_tokens_to = 50, needs = ['audio'] }
[[models.targets]]
connection = 'plain'
model = 'echo'
enabled = false
abilities = ['schema', 'reasoning', 'files']
context_window = 9000
max_output = 90
price = { input = '3', output = '4' }
[[models]]
name = 'other'
targets = [{ connection = 'main', model = 'gpt-4o' }]
[[models]]
name = 'plain/*'
targets = [{ connection = 'plain' }, { connection = 'checked', model = '*', priority = 1 }]
[[collections]]
name = 'auto'
aliases = ['any']
models = ['smart', 'plain/echo']
strategy = 'cost'
attempts = 1
sticky = 'off'
[[keys]]
name = 'first key'
key = 'sk-12345'
priority = 'high'
";

fn routing(text: &str) -> Routing {
    assemble::routing(&load(text, &[]).unwrap())
}

fn model<'a>(routing: &'a Routing, name: &str) -> &'a DeclaredModel {
    let mut models = routing.models.iter();
    models.find(|model| *model.name == *name).unwrap()
}

/// The rules of all models in `FULL`.
fn full_rules() -> Rules {
    let defaults = Rules::default();
    Rules {
        timeouts: tollgate_core::model::Timeouts {
            idle: Duration::from_millis(700),
            ..defaults.timeouts
        },
        unsupported: Unsupported::Drop,
        strategy: Strategy::Priority,
        attempts: 4,
        backoff: Backoff {
            first: Duration::from_millis(100),
            factor: 3,
            longest: Duration::from_millis(900),
            jitter_percent: 10,
        },
        breaker: BreakerRules {
            failures: 2,
            share_percent: 20,
            window: Duration::from_secs(7),
            minimum: 3,
            open: Duration::from_secs(4),
            longest_open: Duration::from_secs(9),
            probes: 6,
            cooldown: false,
        },
        repeat: Repeat::Always,
        queue: QueueRules {
            wait: Duration::from_millis(250),
            length: 12,
        },
        sticky: Sticky::User,
        hedge: Some(Hedge {
            after: Duration::from_millis(80),
            share_percent: 1,
            plain: true,
        }),
        cache: tollgate_core::route::cache::Rules::default(),
        recovery: Recovery::Continue,
    }
}

#[test]
fn every_rule_arrives() {
    let config = load(FULL, &[]).unwrap();
    assert_eq!(config.rules, full_rules());
    let routing = assemble::routing(&config);
    assert_eq!(*model(&routing, "other").rules, full_rules());
    assert_eq!(*model(&routing, "plain/*").rules, full_rules());
    let own = Rules {
        strategy: Strategy::RoundRobin,
        ..full_rules()
    };
    assert_eq!(*model(&routing, "gpt").rules, own);
    let own = Rules {
        strategy: Strategy::Cost,
        attempts: 1,
        sticky: Sticky::Off,
        ..full_rules()
    };
    assert_eq!(*model(&routing, "auto").rules, own);
}

#[test]
fn what_protects_the_gateway_arrives() {
    let config = load(FULL, &[]).unwrap();
    let overload = Overload {
        parallel: Some(500),
        lag: Duration::ZERO,
        least_parallel: 8,
    };
    assert_eq!(config.overload, overload);
    assert!(config.server.maintenance);
    let key = assemble::accounts(&config).keys.remove(0);
    assert_eq!(key.facts.priority, Priority::High);

    let config = load("", &[]).unwrap();
    let overload = Overload {
        parallel: None,
        lag: Duration::from_millis(100),
        least_parallel: 256,
    };
    assert_eq!(config.overload, overload);
    assert!(!config.server.maintenance);
    let config = load("[[keys]]\nname = 'x'\nkey = 'sk-12345'\n", &[]).unwrap();
    assert_eq!(config.keys[0].facts.priority, Priority::Normal);
}

#[test]
fn maintenance_and_overload_change_without_a_restart() {
    let (old, new) = (load("", &[]).unwrap(), load(FULL, &[]).unwrap());
    let fixed = new.differs_in_restart_only_keys(&old);
    assert_eq!(fixed, Vec::<String>::new());
}

#[test]
fn limits_and_checks_of_connections_arrive() {
    let routing = routing(FULL);
    let [main, plain, checked] = routing.connections.as_slice() else {
        panic!("three connections")
    };
    assert_eq!((&*main.name, main.provider), ("main", "openai"));
    let limits = Limits {
        rpm: Some(10),
        tpm: Some(20),
        parallel: Some(30),
    };
    assert_eq!(main.limits, limits);
    let checks = main.checks.as_ref().unwrap();
    assert_eq!(checks.interval, Duration::from_secs(3));
    assert_eq!(checks.timeout, Duration::from_millis(40));
    assert_eq!(checks.model.as_deref(), Some("gpt-4o-mini"));
    let thresholds = Thresholds {
        unhealthy: 5,
        healthy: 6,
    };
    assert_eq!(checks.thresholds, thresholds);

    assert!(plain.limits.is_none() && plain.checks.is_none());
    let checks = checked.checks.as_ref().unwrap();
    assert_eq!(checks.interval, Duration::from_secs(30));
    assert_eq!(checks.timeout, Duration::from_secs(5));
    assert_eq!(checks.model, None);
    assert_eq!(checks.thresholds, Thresholds::default());
}

#[test]
fn everything_about_a_target_arrives() {
    let routing = routing(FULL);
    let gpt = model(&routing, "gpt");
    let [first, second] = gpt.targets.as_slice() else {
        panic!("two targets")
    };
    assert_eq!(
        (&*first.target.connection, &*first.target.model),
        ("main", "gpt-4o")
    );
    assert_eq!((first.enabled, first.priority, first.weight), (true, 3, 4));
    let limits = Limits {
        rpm: Some(1),
        tpm: Some(2),
        parallel: Some(3),
    };
    assert_eq!(first.limits, limits);
    let when = When {
        tags: vec!["a tag".into(), "b".into()],
        users: vec!["ann".into()],
        keys: vec!["first key".into()],
        prompt_tokens_from: Some(5),
        prompt_tokens_to: Some(50),
        needs: Abilities::NONE.with(Ability::Audio),
    };
    assert_eq!(first.fitness.when, when);
    let sees_and_acts = Abilities::NONE.with(Ability::Vision).with(Ability::Tools);
    assert_eq!(first.fitness.abilities, Some(sees_and_acts));

    assert_eq!(
        (second.enabled, second.priority, second.weight),
        (false, 0, 1)
    );
    assert!(second.limits.is_none());
    assert_eq!(second.fitness.when, When::default());
    let own = Abilities::NONE
        .with(Ability::Schema)
        .with(Ability::Reasoning)
        .with(Ability::Files);
    assert_eq!(second.fitness.abilities, Some(own));
    assert_eq!(model(&routing, "other").targets[0].fitness.abilities, None);
}

#[test]
fn a_target_knows_better_than_its_model_and_its_model_better_than_the_catalogue() {
    let routing = routing(FULL);
    let gpt = model(&routing, "gpt");
    let input = |place: usize| {
        let price = gpt.targets[place].facts.price.as_ref().unwrap();
        (price.price.input, price.version.to_string())
    };
    let declared = |rate, said: &str| (Rate::flat(rate), format!("configuration {said}"));
    assert_eq!(input(0), declared(1_000_000, "input=1 output=2"));
    assert_eq!(input(1), declared(3_000_000, "input=3 output=4"));
    let window = |place: usize| gpt.targets[place].facts.context_window;
    assert_eq!((window(0), window(1)), (Some(5000), Some(9000)));
    let fitting = |place: usize| gpt.targets[place].fitness.context_window;
    assert_eq!((fitting(0), fitting(1)), (Some(5000), Some(9000)));
    let longest = |place: usize| gpt.targets[place].target.max_output;
    assert_eq!(longest(1), Some(90));
    assert_eq!(longest(0), gpt.targets[0].facts.max_output);
    assert_eq!(
        gpt.facts, gpt.targets[0].facts,
        "lists tell of the first one"
    );
    let other = &model(&routing, "other").targets[0].facts;
    assert_eq!(other.context_window, Some(128_000), "the catalogue's");
}

#[test]
fn fallbacks_arrive_by_class() {
    let routing = routing(FULL);
    let fallbacks = &model(&routing, "gpt").fallbacks;
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<_>>();
    assert_eq!(fallbacks.general, names(&["other", "auto"]));
    assert_eq!(
        fallbacks.by_class,
        [
            (Class::ContextLength, names(&["plain/long"])),
            (Class::ContentFilter, names(&[])),
            (Class::RateLimit, names(&["other"])),
        ]
    );
    assert!(model(&routing, "other").fallbacks.is_empty());
}

#[test]
fn collections_arrive_behind_the_models() {
    let routing = routing(FULL);
    let names: Vec<_> = routing.models.iter().map(|model| &*model.name).collect();
    assert_eq!(names, ["gpt", "other", "plain/*", "auto"]);
    let auto = model(&routing, "auto");
    assert_eq!(*auto.aliases[0], *"any");
    let members: Vec<_> = auto.members.iter().map(|member| &**member).collect();
    assert_eq!(members, ["smart", "plain/echo"]);
    assert!(auto.targets.is_empty());
    assert!(model(&routing, "gpt").members.is_empty());
}

#[test]
fn a_wildcard_may_open_several_connections() {
    let routing = routing(FULL);
    let plain = model(&routing, "plain/*");
    let targets: Vec<_> = plain
        .targets
        .iter()
        .map(|target| (&*target.target.connection, &*target.target.model))
        .collect();
    assert_eq!(targets, [("plain", "*"), ("checked", "*")]);
    assert!(
        plain.known.iter().any(|name| **name == *"plain/echo"),
        "only the simulator answers, so its models are known"
    );
    let mixed = FULL.replace("connection = 'checked', model = '*'", "connection = 'main'");
    let mixed = self::routing(&mixed);
    assert!(model(&mixed, "plain/*").known.is_empty());
}

#[test]
fn a_model_inherits_every_rule_key_by_key() {
    let text = FULL.replace(
        "name = 'other'\n",
        "name = 'other'\nbackoff = { factor = 5 }\nbreaker = { probes = 2 }\n\
         queue = { length = 3 }\nhedge = { share_percent = 9 }\ntimeouts = { connect_ms = 20 }\n\
         repeat = 'never'\nsticky = 'conversation'\nrecovery = 'off'\nunsupported = 'warn'\n\
         attempts = 2\nstrategy = 'latency'\n",
    );
    let routing = routing(&text);
    let mut own = full_rules();
    own.backoff.factor = 5;
    own.breaker.probes = 2;
    own.queue.length = 3;
    own.hedge = Some(Hedge {
        after: Duration::from_millis(80),
        share_percent: 9,
        plain: true,
    });
    own.timeouts.connect = Duration::from_millis(20);
    own.repeat = Repeat::Never;
    own.sticky = Sticky::Conversation;
    own.recovery = Recovery::Off;
    own.unsupported = Unsupported::Warn;
    own.attempts = 2;
    own.strategy = Strategy::Latency;
    assert_eq!(*model(&routing, "other").rules, own);
}

#[test]
fn a_model_may_hedge_alone_and_may_be_the_only_one_that_does_not() {
    let hedge = |text: &str| model(&routing(text), "other").rules.hedge;
    let off = FULL.replace(
        "name = 'other'\n",
        "name = 'other'\nhedge = { share_percent = 0 }\n",
    );
    assert_eq!(hedge(&off), None);
    let alone = FULL
        .replace(
            "[routing.hedge]\nafter_ms = 80\nshare_percent = 1\nplain = true\n",
            "",
        )
        .replace(
            "name = 'other'\n",
            "name = 'other'\nhedge = { after_ms = 70 }\n",
        );
    let of_schema = find(ROOT, "routing")
        .and_then(|key| find(key.kind.section()?, "hedge"))
        .and_then(|key| find(key.kind.section()?, "share_percent"))
        .unwrap();
    let own = Hedge {
        after: Duration::from_millis(70),
        share_percent: 5,
        plain: false,
    };
    assert_eq!(hedge(&alone), Some(own));
    let default = super::super::schema::Presence::Default("5");
    assert_eq!(of_schema.presence, default, "the same as in `routing`");
}

#[test]
fn nothing_configured_is_the_rules_of_the_core() {
    let routing = routing("");
    let [simulated] = routing.models.as_slice() else {
        panic!("one model")
    };
    assert_eq!(*simulated.rules, Rules::default());
    assert_eq!(simulated.targets[0].weight, 1);
    assert!(simulated.targets[0].enabled);
}

/// The words that a key of this path takes.
fn words(path: &str) -> &'static [&'static str] {
    let mut keys: &'static [Key] = ROOT;
    let mut kind = None;
    for name in path.split('.') {
        kind = find(keys, name).map(|key| key.kind);
        keys = kind.and_then(Kind::section).unwrap_or(&[]);
    }
    match kind {
        Some(Kind::Choice { words, .. } | Kind::Words(words)) => words,
        Some(Kind::Table(keys)) => keys.iter().map(|key| key.name).collect::<Vec<_>>().leak(),
        _ => panic!("{path}"),
    }
}

#[test]
fn the_words_are_those_of_the_core() {
    let strategies: Vec<_> = Strategy::ALL
        .iter()
        .map(|strategy| strategy.as_str())
        .collect();
    assert_eq!(words("models.strategy"), strategies);
    assert_eq!(words("collections.strategy"), strategies);
    let abilities: Vec<_> = Ability::ALL
        .iter()
        .map(|ability| ability.as_str())
        .collect();
    assert_eq!(words("models.abilities"), abilities);
    assert_eq!(words("models.targets.when.needs"), abilities);
    let classes: Vec<_> = Class::ALL.iter().map(|class| class.as_str()).collect();
    assert_eq!(words("models.fallbacks_by"), classes);
    let priorities: Vec<_> = Priority::ALL
        .iter()
        .map(|priority| priority.as_str())
        .collect();
    assert_eq!(words("keys.priority"), priorities);
}

/// The fingerprint of the one connection of a file.
fn fingerprint(settings: &str) -> u64 {
    let text = format!(
        "[[connections]]\nname = 'x'\nprovider = 'openai'\n{settings}\
         [[models]]\nname = 'x/*'\ntargets = [{{ connection = 'x' }}]\n"
    );
    load(&text, &[]).unwrap().connections[0].fingerprint
}

#[test]
fn a_connection_is_the_same_as_long_as_the_same_account_is_asked_at_the_same_place() {
    let plain = fingerprint("api_key = 'sk-1'\nhttp = '1'\n");
    for same in [
        "api_key = 'sk-1'\nhttp = '1'\n",
        "http = '1'\napi_key = 'sk-1'\n",
        "api_key = 'sk-1'\nhttp = '1'\nlimits = { rpm = 1 }\nchecks = { unhealthy = 1 }\n",
    ] {
        assert_eq!(fingerprint(same), plain, "{same}");
    }
    for other in [
        "api_key = 'sk-2'\nhttp = '1'\n",
        "api_key = 'sk-1'\nhttp = '2'\n",
        "api_key = 'sk-1'\nhttp = '1'\nbase_url = 'http://127.0.0.1:1/v1'\n",
        "api_key = 'sk-1'\nhttp = '1'\nheaders = { x-a = 'b' }\n",
        "api_key = 'sk-1'\nhttp = '1'\norganization = 'o'\n",
        "api_key = 'sk-1'\nhttp = '1'\nformat = 'chat'\n",
    ] {
        assert_ne!(fingerprint(other), plain, "{other}");
    }
    let headers = |value: &str| {
        fingerprint(&format!(
            "api_key = 'sk-1'\nheaders = {{ x-a = '{value}' }}\n"
        ))
    };
    assert_ne!(headers("b"), headers("c"));
}

#[test]
fn variables_reach_the_new_kinds_of_keys() {
    let variables = [
        ("TOLLGATE_SERVER__MAINTENANCE", "true"),
        ("TOLLGATE_ROUTING__BREAKER__COOLDOWN", "false"),
        ("TOLLGATE_ROUTING__BREAKER__OPEN_S", "7"),
        ("TOLLGATE_ROUTING__HEDGE", "{ after_ms = 50 }"),
        ("TOLLGATE_MODELS__0__NAME", "m"),
        ("TOLLGATE_MODELS__0__ABILITIES", "vision, tools"),
        ("TOLLGATE_MODELS__0__FALLBACKS", "sim/echo"),
        (
            "TOLLGATE_MODELS__0__FALLBACKS_BY__CONTEXT_LENGTH",
            "sim/echo",
        ),
        ("TOLLGATE_MODELS__0__TARGETS__0__CONNECTION", "sim"),
        ("TOLLGATE_MODELS__0__TARGETS__0__MODEL", "a"),
        ("TOLLGATE_MODELS__0__TARGETS__0__WHEN__TAGS", "a tag, b"),
        ("TOLLGATE_COLLECTIONS__0__NAME", "auto"),
        ("TOLLGATE_COLLECTIONS__0__MODELS", "['m', 'sim/echo']"),
    ];
    let config: Config = load("", &variables).unwrap();
    assert!(config.server.maintenance);
    assert!(!config.rules.breaker.cooldown);
    assert_eq!(config.rules.breaker.open, Duration::from_secs(7));
    assert_eq!(config.rules.hedge.unwrap().share_percent, 5);
    let routing = assemble::routing(&config);
    let own = model(&routing, "m");
    assert_eq!(*own.targets[0].fitness.when.tags[0], *"a tag");
    assert!(
        own.targets[0]
            .fitness
            .abilities
            .unwrap()
            .has(Ability::Tools)
    );
    assert_eq!(own.fallbacks.by_class.len(), 1);
    assert_eq!(model(&routing, "auto").members.len(), 2);
}

/// A file → what is doubtful in it, as `LINE:COLUMN: key: message`.
const WARNINGS: &[(&str, &[&str])] = &[
    (
        "[[models]]\nname = 'x'\ntargets = []\n",
        &["3:11: models[0].targets: is empty: who asks for this model gets the error `no_targets`"],
    ),
    (
        "[[models]]\nname = 'x'\ntargets = [{ connection = 'sim', model = 'a', enabled = false }]\n",
        &["3:11: models[0].targets: none is enabled"],
    ),
    (
        "[[models]]\nname = 'x'\nrecovery = 'continue'\nhedge = { after_ms = 10 }\n\
         targets = [{ connection = 'sim', model = 'a' }]\n",
        &[
            "3:12: models[0].recovery: has no effect: there is no second target and no fallback",
            "4:9: models[0].hedge: has no effect: there is no second target",
        ],
    ),
    (
        "[[models]]\nname = 'x'\nrecovery = 'continue'\nfallbacks = ['sim/echo']\n\
         hedge = { share_percent = 0 }\ntargets = [{ connection = 'sim', model = 'a' }]\n",
        &[],
    ),
    (
        "[[collections]]\nname = 'one'\nmodels = ['sim/echo']\nhedge = { after_ms = 10 }\n\
         [[collections]]\nname = 'two'\nmodels = ['sim/echo', 'sim/other']\nhedge = { after_ms = 10 }\n\
         [[collections]]\nname = 'none'\nmodels = []\n",
        &[
            "4:9: collections[0].hedge: has no effect",
            "11:10: collections[2].models: is empty",
        ],
    ),
    (
        "[[models]]\nname = 'x'\ntargets = [{ connection = 'sim', model = 'a', when = { tags = [], needs = [] } }]\n",
        &[
            "3:63: models[0].targets[0].when.tags: is empty, which restricts nothing",
            "3:75: models[0].targets[0].when.needs: is empty, which restricts nothing",
        ],
    ),
    (
        "[overload]\nparallel = 10\n[routing]\nqueue = { wait_ms = 3000 }\nhedge = { after_ms = 2000 }\n\
         timeouts = { connect_ms = 100, first_byte_ms = 2000, idle_ms = 100, answer_ms = 100, total_ms = 2000 }\n",
        &[
            "4:21: routing.queue.wait_ms: is longer than `timeouts.total_ms`",
            "5:22: routing.hedge.after_ms: is no shorter than `timeouts.first_byte_ms`",
        ],
    ),
    (
        "[overload]\nparallel = 10\nleast_parallel = 11\n",
        &["3:18: overload.least_parallel: is more than `parallel`, which bounds it"],
    ),
    // A key may use a collection, and a connection may be a second target only.
    (
        "[[connections]]\nname = 'a'\nprovider = 'simulated'\n[[connections]]\nname = 'b'\n\
         provider = 'simulated'\n[[models]]\nname = 'x'\n\
         targets = [{ connection = 'a', model = 'm' }, { connection = 'b', model = 'm' }]\n\
         [[collections]]\nname = 'auto'\naliases = ['any']\nmodels = ['x']\n\
         [[keys]]\nname = 'k'\nkey = 'sk-12345'\nmodels = ['auto', 'any', 'au*', 'x', 'y']\n",
        &["17:38: keys[0].models[4]: matches no model"],
    ),
];

#[test]
fn what_is_doubtful_is_said_but_accepted() {
    for (text, expected) in WARNINGS {
        let config = load(text, &[]).unwrap();
        let found: Vec<_> = config.warnings.lines().collect();
        let is_same = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| {
                found
                    .strip_prefix("t.toml:")
                    .is_some_and(|line| line.starts_with(expected))
            });
        assert!(
            is_same,
            "in:\n{text}expected: {expected:#?}\nfound: {found:#?}"
        );
    }
}

#[test]
fn fallbacks_may_lead_in_a_circle() {
    let text = "[[models]]\nname = 'x'\nfallbacks = ['y']\ntargets = [{ connection = 'sim', model = 'a' }]\n\
                [[models]]\nname = 'y'\nfallbacks = ['x']\ntargets = [{ connection = 'sim', model = 'b' }]\n";
    assert!(load(text, &[]).unwrap().warnings.is_empty());
}
