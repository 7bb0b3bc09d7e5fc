use tollgate_core::offer::{AccessGroup, GroupModel};
use tollgate_core::time::Timestamp;

use super::*;
use crate::assemble;
use crate::config::{Environment, Overrides};

const NOW: Timestamp = Timestamp::from_millis(7);

/// Two accounts at one provider, of which one is an organization's own, one at another, and two at
/// a third, of which one is an alias's own.
const DECLARED: &str = r#"
[[organizations]]
name = "acme"
[[connections]]
name = "main"
provider = "openai"
api_key = "sk-0123"
[[connections]]
name = "own"
provider = "openai"
api_key = "sk-4567"
owner = "acme"
[[connections]]
name = "claude"
provider = "anthropic"
api_key = "sk-89ab"
[[connections]]
name = "gem"
provider = "google"
api_key = "sk-cdef"
[[connections]]
name = "private"
provider = "google"
api_key = "sk-fedc"
[[models]]
name = "openai/gpt"
aliases = ["gpt"]
targets = [{ connection = "main", model = "gpt-x" }]
price = { input = "7", output = "9" }
fallbacks = ["wild/spare"]
[[models]]
name = "wild/*"
targets = [{ connection = "claude" }]
[[collections]]
name = "any"
models = ["gpt", "openai/gpt-2"]
[[models]]
name = "openai/gpt-2"
targets = [{ connection = "main", model = "gpt-y" }]
"#;

fn declared_config() -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.toml");
    std::fs::write(&file, DECLARED).unwrap();
    let environment = Environment::new(Vec::<(String, String)>::new());
    Config::load(Some(&file), &environment, &Overrides::default()).unwrap()
}

fn alias(provider: &str, model: &str) -> Alias {
    Alias {
        name: "fast".into(),
        display_name: "Fast".into(),
        provider: provider.into(),
        model: model.into(),
        connection: None,
        groups: Vec::new(),
        description: None,
        price_input: None,
        price_output: None,
        status: OfferStatus::Active,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// What is routed by with these offers beside what is declared.
fn routed(aliases: Vec<Alias>, groups: Vec<ModelGroup>) -> Routing {
    let config = declared_config();
    let mut routing = assemble::routing(&config);
    let mut shelf = Shelf::default();
    for (name, status) in [
        ("on", OfferStatus::Active),
        ("old", OfferStatus::Deprecated),
        ("off", OfferStatus::Inactive),
    ] {
        let group = AccessGroup {
            name: name.into(),
            display_name: name.into(),
            description: None,
            status,
            created_at: NOW,
            updated_at: NOW,
        };
        shelf.groups.insert(name.into(), Arc::new(group));
    }
    for alias in aliases {
        shelf.aliases.insert(alias.name.clone(), Arc::new(alias));
    }
    for group in groups {
        let name = group.name.clone();
        shelf.model_groups.insert(name, Arc::new(group));
    }
    add(
        &mut routing,
        &shelf,
        &config.rules,
        &BTreeSet::from(["private"]),
    );
    routing
}

/// The model of this name.
fn declared<'a>(routing: &'a Routing, name: &str) -> Option<&'a DeclaredModel> {
    let mut models = routing.models.iter();
    models.find(|model| *model.name == *name)
}

fn targets_of(model: &DeclaredModel) -> Vec<(&str, &str)> {
    let targets = model.targets.iter();
    targets
        .map(|it| (&*it.target.connection, &*it.target.model))
        .collect()
}

#[test]
fn an_alias_leads_where_the_rules_say() {
    let at = |connection: &str, alias: Alias| Alias {
        connection: Some(connection.into()),
        ..alias
    };
    for (what, alias, expected) in [
        (
            "a connection that is named",
            at("main", alias("openai", "m")),
            &[("main", "m")][..],
        ),
        (
            "one that is named, whatever model is declared",
            at("claude", alias("openai", "gpt")),
            &[("claude", "gpt")],
        ),
        (
            "one that is not there",
            at("none", alias("openai", "m")),
            &[],
        ),
        (
            "a declared model",
            alias("openai", "openai/gpt"),
            &[("main", "gpt-x")],
        ),
        (
            "a declared model by its short name",
            alias("other", "gpt"),
            &[("main", "gpt-x")],
        ),
        (
            "a declared model by provider and name",
            alias("openai", "gpt"),
            &[("main", "gpt-x")],
        ),
        (
            "every account at the provider",
            alias("openai", "m"),
            &[("main", "m"), ("own", "m")],
        ),
        (
            "a connection in place of a provider",
            alias("own", "m"),
            &[("own", "m")],
        ),
        (
            "a provider by the word of the seed, without what is another alias's",
            alias("gemini", "m"),
            &[("gem", "m")],
        ),
        (
            "what is an alias's own",
            at("private", alias("gemini", "m")),
            &[("private", "m")],
        ),
        ("nowhere", alias("nobody", "m"), &[]),
    ] {
        let routing = routed(vec![alias], Vec::new());
        let model = declared(&routing, "fast").unwrap();
        let mut found = targets_of(model);
        found.sort_unstable();
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn the_account_of_an_organization_comes_before_everybodys() {
    let routing = routed(vec![alias("openai", "m")], Vec::new());
    let model = declared(&routing, "fast").unwrap();
    for target in &model.targets {
        let expected = u32::from(*target.target.connection == *"main");
        assert_eq!(target.priority, expected, "{:?}", target.target);
    }
}

#[test]
fn what_is_declared_keeps_its_name_and_what_is_out_of_use_is_not_there() {
    for (name, status, is_there) in [
        ("fast", OfferStatus::Active, true),
        ("fast", OfferStatus::Deprecated, true),
        ("fast", OfferStatus::Inactive, false),
        ("gpt", OfferStatus::Active, false),
        ("openai/gpt", OfferStatus::Active, false),
        ("any", OfferStatus::Active, false),
        ("wild/anything", OfferStatus::Active, false),
        ("wild/", OfferStatus::Active, true),
        ("wild", OfferStatus::Active, true),
    ] {
        let offered = Alias {
            name: name.into(),
            status,
            ..alias("claude", "m")
        };
        let of_name = group(name, &["wild/a"]);
        let of_status = ModelGroup { status, ..of_name };
        for routing in [
            routed(vec![offered.clone()], Vec::new()),
            routed(Vec::new(), vec![of_status.clone()]),
        ] {
            let offers = routing.models.iter().filter(|model| model.gate.is_some());
            assert_eq!(offers.count() == 1, is_there, "{name} {status:?}");
        }
    }
    // Of an alias and a group of one name, the alias.
    let both = routed(vec![alias("own", "m")], vec![group("fast", &["wild/a"])]);
    assert_eq!(targets_of(declared(&both, "fast").unwrap()), [("own", "m")]);
}

#[test]
fn an_alias_is_behind_its_groups_that_are_in_use() {
    for (groups, open) in [
        (&[][..], &[][..]),
        (&["on", "off", "old", "gone"], &["on", "old"]),
        (&["off"], &[]),
    ] {
        let offered = Alias {
            groups: groups.iter().map(|group| (*group).into()).collect(),
            ..alias("own", "m")
        };
        let routing = routed(vec![offered], Vec::new());
        let gate = declared(&routing, "fast").unwrap().gate.clone().unwrap();
        let open = open.iter().map(|group| (*group).into());
        assert_eq!(*gate, Gate::Alias(open.collect()), "{groups:?}");
    }
}

#[test]
fn a_price_is_set_by_both_of_its_parts() {
    let usual = ("7", "9");
    for (input, output, expected) in [
        (Some("1"), Some("2.5"), ("1", "2.5")),
        (Some("0"), Some("0"), ("0", "0")),
        (Some("1"), None, usual),
        (None, Some("2"), usual),
        (None, None, usual),
    ] {
        let offered = Alias {
            price_input: input.map(Into::into),
            price_output: output.map(Into::into),
            ..alias("openai", "gpt")
        };
        let routing = routed(vec![offered], Vec::new());
        let model = declared(&routing, "fast").unwrap();
        let priced = model.targets[0].facts.price.as_ref().unwrap();
        let rate = |text| Rate::parse(text).unwrap();
        let found = (&priced.price.input, &priced.price.output);
        assert_eq!(
            found,
            (&rate(expected.0), &rate(expected.1)),
            "{input:?} {output:?}"
        );
    }
}

fn group(name: &str, models: &[&str]) -> ModelGroup {
    let models = (0..).zip(models).map(|(priority, name)| GroupModel {
        name: (*name).into(),
        priority,
    });
    ModelGroup {
        name: name.into(),
        display_name: None,
        description: None,
        models: models.collect(),
        status: OfferStatus::Active,
        created_at: NOW,
        updated_at: NOW,
    }
}

#[test]
fn a_group_answers_by_its_first_model_and_then_by_the_others() {
    for (models, targets, others) in [
        (
            &["openai/gpt", "wild/a"][..],
            &[("main", "gpt-x")][..],
            &["wild/a"][..],
        ),
        (&["gpt"], &[("main", "gpt-x")], &[]),
        // The name behind a wildcard is what its provider is asked for.
        (
            &["wild/deep/name", "gpt", "fast"],
            &[("claude", "deep/name")],
            &["gpt", "fast"],
        ),
        (&["fast", "gpt"], &[("own", "m")], &["gpt"]),
        (&["none", "gpt"], &[], &["gpt"]),
        (&[], &[], &[]),
    ] {
        let routing = routed(vec![alias("own", "m")], vec![group("chat", models)]);
        let model = declared(&routing, "chat").unwrap();
        assert_eq!(targets_of(model), targets, "{models:?}");
        // Whatever is wrong with the first one.
        for class in Class::ALL {
            let found = model.fallbacks.of(*class);
            let found: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
            assert_eq!(found, others, "{models:?} {class:?}");
        }
        let attempts = usize::try_from(model.rules.attempts).unwrap();
        assert!(attempts >= models.len(), "{models:?}");
        let gate = model.gate.as_deref();
        assert_eq!(gate, Some(&Gate::Group("chat".into())));
    }
}

#[test]
fn a_collection_is_offered_with_its_members() {
    let of_any = Alias {
        name: "some".into(),
        ..alias("openai", "any")
    };
    let groups = vec![group("first", &["any", "wild/a"]), group("by", &["some"])];
    let routing = routed(vec![of_any], groups);
    for name in ["some", "first", "by"] {
        let model = declared(&routing, name).unwrap();
        assert_eq!(
            model.members,
            ["gpt".into(), "openai/gpt-2".into()],
            "{name}"
        );
        assert!(model.targets.is_empty(), "{name}");
    }
}
