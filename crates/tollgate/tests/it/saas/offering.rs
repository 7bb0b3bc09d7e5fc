//! What can be offered: under which names, at which prices, and how much of it.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_core::offer::{AccessGroup, Alias, ModelGroup, Offer, OfferStatus};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{Change, TenantStore as _};

use super::scene::{admin, alias, chat, done, team};
use crate::money::scene::reload;
use crate::world::{Gateway, KEY, World};

/// What an order is refused with.
async fn refused(world: &World, method: &str, path: &str, body: Value) -> (u16, Value) {
    let answer = admin(world, method, path, body).await;
    (answer.status.as_u16(), answer.json()["detail"].clone())
}

fn new_alias(name: &str) -> Value {
    json!({"model_alias": name, "display_name": name, "provider": "openai",
        "actual_model": "echo", "credential_name": "sim"})
}

fn new_group(name: &str) -> Value {
    json!({"group_name": name, "models": [{"model_name": "sim/echo"}]})
}

/// A model that is declared by itself, by another name, or with all others of its connection.
#[tokio::test]
async fn a_name_of_the_configuration_is_taken_also_behind_a_wildcard() {
    let world = World::start().await;
    for (name, is_taken) in [
        ("openai/gpt-4o", true),
        ("gpt-4o", true),
        ("sim/echo", true),
        ("sim/nobody/knows/it", true),
        ("sim/", false),
        ("simile/echo", false),
        ("sim", false),
    ] {
        for (kind, path, new) in [
            ("Model alias", "/api/models", new_alias(name)),
            ("Model group", "/api/model-groups", new_group(name)),
        ] {
            let create = format!("{path}/create");
            if is_taken {
                let told = refused(&world, "POST", &create, new).await;
                let text = format!("{kind} '{name}' already exists");
                assert_eq!(told, (400, text.into()), "{name}");
            } else {
                done(&world, "POST", &create, new).await;
                let one = format!("{path}/{}", name.replace('/', "%2F"));
                done(&world, "DELETE", &one, Value::Null).await;
            }
        }
    }
    let told = done(&world, "GET", "/api/models", Value::Null).await;
    assert_eq!(told, json!([]));
}

/// The configuration wins, also over what was offered before it; what is hidden comes back.
#[tokio::test]
async fn a_wildcard_of_a_new_configuration_hides_what_is_offered_behind_it() {
    let world = World::start().await;
    alias(&world, "wide/echo", "echo", &["g"]).await;
    alias(&world, "other/echo", "echo", &["g"]).await;
    let new = new_group("wide/group");
    done(&world, "POST", "/api/model-groups/create", new).await;
    let key = team(&world, &["g"], 5).await;
    let path = "/api/teams/acme-team/model-groups";
    done(&world, "PUT", path, json!(["wide/group"])).await;
    let wide = "[[models]]\nname = \"wide/*\"\ntargets = [{ connection = \"lenient\" }]\n";
    for (more, offered, declared) in [("", 200, 404), (wide, 404, 200), ("", 200, 404)] {
        reload(&world, more).await;
        for name in ["wide/echo", "wide/group"] {
            assert_eq!(chat(&world, &key, name).await.status, offered, "{name}");
            assert_eq!(chat(&world, KEY, name).await.status, declared, "{name}");
        }
        assert_eq!(chat(&world, &key, "other/echo").await.status, 200);
        // Operators still see and change it.
        let change = json!({"description": format!("then {offered}")});
        done(&world, "PUT", "/api/models/wide%2Fecho", change).await;
    }
    let log = std::fs::read_to_string(&world.gateway.log).unwrap();
    for name in ["wide/echo", "wide/group"] {
        let told = |line: &&str| line.contains("hidden") && line.contains(name);
        assert_eq!(log.lines().filter(told).count(), 1, "{name}: {log}");
    }
    assert!(!log.contains("other/echo"), "{log}");
}

/// Connections that operators make open all of their models, too.
#[tokio::test]
async fn a_connection_that_would_hide_what_is_offered_is_refused() {
    let world = World::start().await;
    done(&world, "POST", "/api/models/create", new_alias("mine/echo")).await;
    let new = |name: &str| {
        json!({"name": name, "provider": "openai-compatible",
            "base_url": format!("http://{}/v1", world.provider)})
    };
    let answer = admin(&world, "POST", "/api/connections", new("mine")).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.text().contains("`mine/echo`"), "{answer:?}");
    let answer = admin(&world, "POST", "/api/connections", new("min")).await;
    assert!(answer.status.is_success(), "{answer:?}");
    // What it opens is taken, as what is declared.
    let told = refused(&world, "POST", "/api/models/create", new_alias("min/echo")).await;
    assert_eq!(told, (400, "Model alias 'min/echo' already exists".into()));
}

#[tokio::test]
async fn half_a_price_is_refused() {
    let world = World::start().await;
    let priced = |name: &str, more: Value| {
        let mut new = new_alias(name);
        for (member, value) in more.as_object().unwrap() {
            new[member] = value.clone();
        }
        new
    };
    let both = json!({"pricing_input": 1, "pricing_output": 2.5});
    let neither = json!({"pricing_input": null});
    let create = "/api/models/create";
    done(&world, "POST", create, priced("both", both.clone())).await;
    done(&world, "POST", create, priced("neither", neither)).await;
    let (input, output) = ("pricing_input", "pricing_output");
    for (name, change, missing) in [
        ("new", json!({"pricing_input": 1}), Some(output)),
        (
            "new",
            json!({"pricing_input": null, "pricing_output": 0}),
            Some(input),
        ),
        ("neither", json!({"pricing_output": 1}), Some(input)),
        ("both", json!({"pricing_output": null}), Some(output)),
        ("both", json!({"pricing_input": null}), Some(input)),
        ("both", json!({"pricing_input": 3}), None),
        ("both", json!({"description": "d"}), None),
        (
            "both",
            json!({"pricing_input": null, "pricing_output": null}),
            None,
        ),
        ("both", both, None),
    ] {
        let (method, path) = match name {
            "new" => ("POST", create.to_owned()),
            name => ("PUT", format!("/api/models/{name}")),
        };
        let answer = admin(&world, method, &path, priced(name, change.clone())).await;
        let Some(missing) = missing else {
            assert_eq!(answer.status, 200, "{change}: {answer:?}");
            continue;
        };
        assert_eq!(answer.status, 422, "{change}: {answer:?}");
        let detail = &answer.json()["detail"];
        assert_eq!(detail[0]["loc"], json!(["body", missing]), "{detail}");
        let text = detail[0]["msg"].as_str().unwrap();
        assert!(text.contains(input) && text.contains(output), "{text}");
    }
    let told = done(&world, "GET", "/api/models/both", Value::Null).await;
    assert_eq!((&told[input], &told[output]), (&json!(1.0), &json!(2.5)));
}

/// Also where the alias is of a choice among models: whichever answers.
#[tokio::test]
async fn the_price_that_is_shown_is_what_is_charged() {
    let any = "[[collections]]\nname = \"any\"\nmodels = [\"sim/echo\"]\n";
    let world = World::once(any).await;
    alias(&world, "one", "echo", &["g"]).await;
    let mut new = new_alias("some");
    for (member, value) in [
        ("actual_model", json!("any")),
        ("credential_name", Value::Null),
        ("access_groups", json!(["g"])),
        ("pricing_input", json!(1)),
        ("pricing_output", json!(2.5)),
    ] {
        new[member] = value;
    }
    done(&world, "POST", "/api/models/create", new).await;
    let key = team(&world, &["g"], 5).await;
    let one = chat(&world, &key, "one").await;
    let some = chat(&world, &key, "some").await;
    let cost = "x-tollgate-cost-usd";
    assert!(one.header(cost).parse::<f64>().unwrap() > 0.0, "{one:?}");
    assert_eq!(some.header(cost), one.header(cost), "{some:?}");
    assert_eq!(some.header("x-tollgate-model"), "sim/echo", "{some:?}");
}

const NOW: Timestamp = Timestamp::from_millis(7);

fn kept_alias(name: &str) -> Offer {
    Offer::Alias(Alias {
        name: name.into(),
        display_name: name.into(),
        provider: "openai".into(),
        model: "echo".into(),
        connection: Some("sim".into()),
        groups: Vec::new(),
        description: None,
        price_input: None,
        price_output: None,
        status: OfferStatus::Active,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn kept_access_group(name: &str) -> Offer {
    Offer::AccessGroup(AccessGroup {
        name: name.into(),
        display_name: name.into(),
        description: None,
        status: OfferStatus::Active,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn kept_model_group(name: &str) -> Offer {
    Offer::ModelGroup(ModelGroup {
        name: name.into(),
        display_name: None,
        description: None,
        models: Vec::new(),
        status: OfferStatus::Active,
        created_at: NOW,
        updated_at: NOW,
    })
}

/// A world in which these were offered before.
async fn world_of(offers: Vec<Offer>) -> World {
    let mut world = World::start().await;
    world.gateway.signal("TERM");
    assert!(world.gateway.wait_for_end().success());
    let put = |offer| Change::PutOffer(Arc::new(offer));
    let changes: Vec<Change> = offers.into_iter().map(put).collect();
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    let url = format!("sqlite://{}", file.display());
    let store = tollgate_store::open(&url).await.unwrap();
    store.change(&changes, &[]).await.unwrap();
    drop(store);
    world.gateway = Gateway::start(world.folder.path(), &[]);
    world
}

/// Neither memory nor the time of a change grows without end.
#[tokio::test]
async fn there_is_a_most_of_everything_that_is_offered() {
    let mut offers: Vec<Offer> = (1..10_000)
        .map(|number| kept_access_group(&format!("kept-{number}")))
        .collect();
    for number in 1..1000 {
        offers.push(kept_alias(&format!("kept-{number}")));
        offers.push(kept_model_group(&format!("group-{number}")));
    }
    let world = world_of(offers).await;
    let named = |name: &str| json!({"group_name": name, "display_name": name});
    for (path, most, many, last, other) in [
        (
            "/api/models",
            1000,
            "model aliases",
            new_alias("last"),
            new_alias("other"),
        ),
        (
            "/api/model-access-groups",
            10_000,
            "model access groups",
            named("last"),
            named("other"),
        ),
        (
            "/api/model-groups",
            1000,
            "model groups",
            new_group("the-last"),
            new_group("the-other"),
        ),
    ] {
        let create = format!("{path}/create");
        done(&world, "POST", &create, last.clone()).await;
        let told = refused(&world, "POST", &create, other.clone()).await;
        let text = format!("There are {most} {many}, which is the most. Delete one first.");
        assert_eq!(told, (400, text.into()), "{path}");
        // One that is there is told so, and one that goes makes room.
        let (_, told) = refused(&world, "POST", &create, last.clone()).await;
        assert!(told.as_str().unwrap().ends_with("already exists"), "{told}");
        let member = last.get("model_alias").or(last.get("group_name"));
        let one = format!("{path}/{}", member.unwrap().as_str().unwrap());
        done(&world, "DELETE", &one, Value::Null).await;
        done(&world, "POST", &create, other).await;
    }
}

/// As many as one list can name: what requests are routed by changes once, not a thousand times.
#[tokio::test]
async fn a_list_of_a_thousand_aliases_changes_at_once() {
    let names: Vec<String> = (0..1000).map(|number| format!("a-{number}")).collect();
    let mut offers: Vec<Offer> = names.iter().map(|name| kept_alias(name)).collect();
    offers.push(kept_access_group("g"));
    let world = world_of(offers).await;
    let key = team(&world, &["g"], 5).await;
    let path = "/api/model-access-groups/g/models";
    done(&world, "PUT", path, json!({"model_aliases": names})).await;
    for model in ["a-0", "a-999"] {
        assert_eq!(chat(&world, &key, model).await.status, 200, "{model}");
    }
}
