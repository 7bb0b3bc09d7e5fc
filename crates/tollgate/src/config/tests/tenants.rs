//! Tenants, limits, budgets and money, as they are read.

use std::time::Duration;

use tollgate_core::address::AddressRange;
use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::key::{Permissions, Tenancy};
use tollgate_core::limit::RateLimits;
use tollgate_core::money::{Money, USD};
use tollgate_core::price::Rate;
use tollgate_core::tenant::{Role, Status};
use tollgate_engine::settle::{Durability, WhenStoreFails};
use tollgate_engine::throttle::DefaultLimits;
use tollgate_engine::{hold, settle};

use super::{directory, load, load_in};
use crate::config::{Config, Tenant};

/// Everything that can be said of tenants.
const ALL: &str = r#"
[server]
trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]

[limits]
ip = { rpm = 600, burst = 100 }
key = { rpm = 60, tpm = 100000, parallel = 10, burst = 10 }
team = { tpm = 1000000 }

[billing]
minimum_balance_usd = "0.000000001"
low_balance_usd = "2.5"
durability = "relaxed"
relaxed_delay_ms = 250
settle_wait_ms = 1500
when_store_fails = "continue"
unbilled_usd = "3"
unpriced = { input = "5", output = "15", cached_input = "0.5" }
longest_answer = 1000
webhook_secret = "0123456789abcdef0123456789abcdef"

[request_log]
enabled = false
retention_days = 7
longest_body = "1KiB"

[idempotency]
ttl_hours = 48
longest_answer = 4096

[[organizations]]
name = "acme"
status = "paused"
limits = { rpm = 6000 }
budgets = [{ period = "monthly", usd = "1000", zone = "Europe/Berlin" }]
keep_bodies = true
credits_usd = "500.00"

[[teams]]
name = "search"
organization = "acme"
status = "suspended"
limits = { parallel = 7 }
budgets = [{ period = "daily", usd = "0" }, { period = "total", usd = "99.999999999", warn_percent = 100 }]
credits_usd = "12.34"

[[users]]
name = "ann"
organization = "acme"
email = "ann@example.com"
role = "owner"
limits = { tpm = 5 }

[[models]]
name = "gpt"
targets = [{ connection = "sim", model = "echo" }]
limits = { rpm = 9 }
budgets = [{ period = "weekly", usd = "7", warn_percent = 1 }]

[[keys]]
name = "app"
key = "sk-12345"
team = "search"
user = "ann"
permissions = ["read", "admin"]
surfaces = ["openai_chat"]
addresses = ["192.0.2.0/24"]
limits = { rpm = 1, burst = 1 }
budgets = [{ period = "total", usd = "1" }]
"#;

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn budget(period: Period, limit: &str, warn_percent: u8, zone: &str) -> Budget {
    Budget {
        period,
        limit: usd(limit),
        warn_percent,
        zone: zone.into(),
    }
}

fn all() -> Config {
    let config = load(ALL, &[]).unwrap();
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert!(config.unsure().is_empty(), "{}", config.unsure());
    config
}

#[test]
fn limits_of_every_level_are_read() {
    let none = RateLimits::NONE;
    let expected = DefaultLimits {
        ip: RateLimits {
            rpm: Some(600),
            burst: Some(100),
            ..none
        },
        key: RateLimits {
            rpm: Some(60),
            tpm: Some(100_000),
            parallel: Some(10),
            burst: Some(10),
        },
        team: RateLimits {
            tpm: Some(1_000_000),
            ..none
        },
        ..DefaultLimits::default()
    };
    assert_eq!(all().limits, expected);
}

#[test]
fn billing_is_read_to_the_last_nano_usd() {
    let billing = all().billing;
    let unpriced = billing.rules.unpriced.as_ref().unwrap();
    assert_eq!(unpriced.price.input, Rate::parse("5").unwrap());
    assert_eq!(unpriced.price.cached_input, Rate::parse("0.5"));
    let expected = hold::Billing {
        minimum: Money::from_nano(1),
        low: Money::from_nano(2 * USD + USD / 2),
        unpriced: Some(unpriced.clone()),
        longest_answer: 1000,
    };
    assert_eq!(billing.rules, expected);
    let expected = settle::Settings {
        durability: Durability::Relaxed,
        delay: Duration::from_millis(250),
        patience: Duration::from_millis(1500),
        when_store_fails: WhenStoreFails::Continue,
        unbilled: usd("3"),
    };
    assert_eq!(billing.settling, expected);
    let secret = billing.webhook_secret.unwrap();
    assert_eq!(secret.expose().len(), 32);
}

#[test]
fn without_a_word_billing_is_what_the_engine_begins_with() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.billing.rules, hold::Billing::default());
    assert_eq!(config.billing.settling, settle::Settings::default());
    assert!(config.billing.webhook_secret.is_none());
    assert_eq!(config.limits, DefaultLimits::default());
    assert!(config.organizations.is_empty() && config.teams.is_empty() && config.users.is_empty());
}

#[test]
fn what_is_kept_is_read() {
    let config = all();
    let day = Duration::from_hours(24);
    assert!(!config.request_log.enabled);
    assert_eq!(config.request_log.retention, 7 * day);
    assert_eq!(config.request_log.longest_body, 1024);
    assert_eq!(config.idempotency.ttl, 2 * day);
    assert_eq!(config.idempotency.longest_answer, 4096);
}

#[test]
fn everything_about_tenants_is_read() {
    let config = all();
    let [acme] = config.organizations.as_slice() else {
        panic!("one organization")
    };
    assert_eq!((acme.id.as_str(), acme.status), ("acme", Status::Paused));
    assert_eq!(acme.controls.limits.rpm, Some(6000));
    let expected = [budget(Period::Monthly, "1000", 80, "Europe/Berlin")];
    assert_eq!(*acme.controls.budgets, expected);
    assert!(acme.keep_bodies);
    assert_eq!(acme.credits, Some(usd("500")));

    let [search] = config.teams.as_slice() else {
        panic!("one team")
    };
    assert_eq!(search.id.as_str(), "search");
    assert_eq!(search.organization.as_str(), "acme");
    assert_eq!(search.status, Status::Suspended);
    assert_eq!(search.controls.limits.parallel, Some(7));
    let expected = [
        budget(Period::Daily, "0", 80, "UTC"),
        budget(Period::Total, "99.999999999", 100, "UTC"),
    ];
    assert_eq!(*search.controls.budgets, expected);
    assert_eq!(search.credits, Some(usd("12.34")));

    let [ann] = config.users.as_slice() else {
        panic!("one user")
    };
    assert_eq!(
        (ann.id.as_str(), ann.organization.as_str()),
        ("ann", "acme")
    );
    assert_eq!((&*ann.email, ann.role), ("ann@example.com", Role::Owner));
    assert_eq!(ann.controls.limits.tpm, Some(5));
    assert_eq!(ann.status, Status::Active);
}

#[test]
fn everything_about_a_tenants_key_is_read() {
    let config = all();
    let facts = &config.keys[0].facts;
    assert_eq!(facts.tenancy.team.as_str(), "search");
    assert_eq!(facts.tenancy.user.as_ref().unwrap().as_str(), "ann");
    let permissions = Permissions {
        read: true,
        write: false,
        manage: true,
    };
    assert_eq!(facts.permissions, permissions);
    assert!(facts.reach.allows_surface("openai_chat"));
    assert!(!facts.reach.allows_surface("anthropic_messages"));
    assert!(facts.reach.allows_address("192.0.2.200".parse().unwrap()));
    assert!(!facts.reach.allows_address("192.0.3.1".parse().unwrap()));
    assert_eq!(facts.controls.limits.burst, Some(1));
    assert_eq!(
        *facts.controls.budgets,
        [budget(Period::Total, "1", 80, "UTC")]
    );
}

#[test]
fn a_key_without_a_word_belongs_to_the_built_in_team_and_comes_from_anywhere() {
    let config = load("[[keys]]\nname = 'x'\nkey = 'sk-12345'\n", &[]).unwrap();
    let facts = &config.keys[0].facts;
    assert_eq!(facts.tenancy, Tenancy::default());
    assert_eq!(facts.permissions, Permissions::ALL);
    assert!(facts.reach.surfaces.is_empty() && facts.reach.addresses.is_empty());
    assert_eq!(facts.controls, Controls::default());
}

#[test]
fn models_have_limits_and_budgets_and_connections_an_owner() {
    let config = all();
    let controls = &config.models[0].controls;
    assert_eq!(controls.limits.rpm, Some(9));
    assert_eq!(*controls.budgets, [budget(Period::Weekly, "7", 1, "UTC")]);
    let text = "[[organizations]]\nname = 'acme'\n[[connections]]\nname = 'x'\n\
                provider = 'simulated'\nowner = 'acme'\n[[models]]\nname = 'x/*'\n\
                targets = [{ connection = 'x' }]\n";
    let config = load(text, &[]).unwrap();
    let owner = config.connections[0].owner.as_ref();
    assert_eq!(owner.unwrap().as_str(), "acme");
    assert!(config.unsure().is_empty());
}

#[test]
fn proxies_are_read() {
    let expected = ["10.0.0.0/8", "2001:db8::1"].map(|text| AddressRange::parse(text).unwrap());
    assert_eq!(*all().server.trusted_proxies, expected);
}

#[test]
fn variables_set_amounts_lists_and_whole_tenants() {
    let variables = [
        ("TOLLGATE_BILLING__MINIMUM_BALANCE_USD", "0.25"),
        (
            "TOLLGATE_BILLING__UNPRICED",
            "{ input = \"1\", output = \"2\" }",
        ),
        ("TOLLGATE_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("TOLLGATE_LIMITS__KEY__RPM", "5"),
        ("TOLLGATE_TEAMS__0__NAME", "blue"),
        ("TOLLGATE_TEAMS__0__CREDITS_USD", "7.5"),
        (
            "TOLLGATE_TEAMS__0__BUDGETS",
            "[{ period = \"daily\", usd = \"1\" }]",
        ),
    ];
    let config = load("", &variables).unwrap();
    assert_eq!(config.billing.rules.minimum, usd("0.25"));
    assert!(config.billing.rules.unpriced.is_some());
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.limits.key.rpm, Some(5));
    assert_eq!(config.teams[0].credits, Some(usd("7.5")));
    assert_eq!(config.teams[0].controls.budgets.len(), 1);
    let refuse = load(
        "billing.unpriced = { input = '1', output = '2' }\n",
        &[("TOLLGATE_BILLING__UNPRICED", "refuse")],
    );
    assert!(refuse.unwrap().billing.rules.unpriced.is_none());
}

#[test]
fn previous_master_keys_come_from_elsewhere_or_are_told_of() {
    let folder = directory("previous-keys");
    let key = "a7".repeat(32);
    std::fs::write(folder.join("old.key"), format!("{key}\n")).unwrap();
    let text = "[secrets]\nprevious_master_keys = ['${file:old.key}', '${OLD}']\n";
    let variables = [("OLD", key.as_str())];
    let config = load_in(&folder, text, &variables).unwrap();
    let keys = config.previous_master_keys.iter();
    let keys: Vec<_> = keys.map(|key| key.expose().to_owned()).collect();
    assert_eq!(keys, [key.clone(), key.clone()]);
    // They take effect at a reload.
    let nothing = load("", &[]).unwrap();
    assert!(config.differs_in_restart_only_keys(&nothing).is_empty());
}

#[test]
fn references_to_what_is_not_declared_are_left_to_the_store() {
    let text = "[[organizations]]\nname = 'acme'\n[[teams]]\nname = 'search'\n\
                organization = 'acne'\n[[users]]\nname = 'ann'\norganization = 'other'\n\
                [[keys]]\nname = 'x'\nkey = 'sk-12345'\nteam = 'serach'\nuser = 'bob'\n\
                [[keys]]\nname = 'y'\nkey = 'sk-12346'\nteam = 'default'\n";
    let config = load(text, &[]).unwrap();
    let unsure: Vec<_> = config.unsure().lines().collect();
    assert_eq!(
        unsure,
        [
            "t.toml:5:16: teams[0].organization: no organization of this name is declared, it must \
             be in the store when the gateway starts; did you mean `acme`?",
            "t.toml:8:16: users[0].organization: no organization of this name is declared, it must \
             be in the store when the gateway starts",
            "t.toml:12:8: keys[0].team: no team of this name is declared, it must be in the store \
             when the gateway starts; did you mean `search`?",
            "t.toml:13:8: keys[0].user: no user of this name is declared, it must be in the store \
             when the gateway starts",
        ]
    );
    let is_there = |tenant, name: &str| {
        [(Tenant::Organization, "other"), (Tenant::User, "bob")].contains(&(tenant, name))
    };
    let missing: Vec<_> = config.missing(is_there).lines().collect();
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing[0].starts_with("t.toml:5:16: teams[0].organization: no organization"));
    assert!(missing[0].contains("and there is none in the store; did you mean `acme`?"));
    assert!(missing[1].starts_with("t.toml:12:8: keys[0].team: no team"));
}
