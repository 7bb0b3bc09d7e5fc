//! Surfaces and the cache: what is right, and what is wrong.

use std::time::Duration;

use tollgate_core::limit::RateLimits;
use tollgate_core::route::cache::{self, CacheMode};
use tollgate_engine::cache::Settings;

use super::super::load;
use super::RIGHT;

pub(super) const ROWS: &[(&str, &[&str])] = &[
    (
        "[surfaces]\ndefault_model = 'b'\n",
        &["2:17: surfaces.default_model: is no model that callers can ask for"],
    ),
    (
        "[surfaces]\nsimple = { hints = { fast = 'sim/echo', slow = 'b' } }\n",
        &["2:48: surfaces.simple.hints.slow: is no model that callers can ask for"],
    ),
    (
        "[surfaces]\nsimple = { hints = { fast = 3 } }\n",
        &["2:29: surfaces.simple.hints.fast: expected a string"],
    ),
    (
        "[surfaces]\nsimple = { hints = 'fast' }\n",
        &["2:20: surfaces.simple.hints: expected a table of words and names of models"],
    ),
    (
        "[cache]\nmode = 'always'\n",
        &["2:8: cache.mode: expected one of \"off\", \"ask\", \"on\""],
    ),
    (
        "[cache]\nhit_price_percent = 101\n",
        &["2:21: cache.hit_price_percent: is out of bounds"],
    ),
];

#[test]
fn surfaces_and_the_cache_are_off_until_they_are_declared() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.surfaces.default_model, None);
    assert_eq!(config.surfaces.simple, None);
    assert_eq!(config.cache.mode, CacheMode::Off);
}

#[test]
fn surfaces_and_the_cache_are_what_is_declared() {
    let text = format!(
        "{RIGHT}cache = {{ mode = 'ask', stale_s = 9 }}\n[surfaces]\ndefault_model = 'a'\nsimple = \
         {{ hints = {{ fast = 'a' }} }}\n[cache]\nmode = 'on'\nttl_s = 7\nsize = '2MiB'\n\
         hit_price_percent = 10\n"
    );
    let config = load(&text, &[]).unwrap();
    let simple = config.surfaces.simple.unwrap();
    assert_eq!(config.surfaces.default_model.as_deref(), Some("a"));
    assert_eq!(*simple.hints, [("fast".into(), "a".into())]);
    let limits = RateLimits {
        rpm: Some(60),
        burst: Some(5),
        ..RateLimits::NONE
    };
    assert_eq!(simple.limits, limits, "five, and one a second");
    let settings = Settings {
        mode: CacheMode::On,
        ttl: Duration::from_secs(7),
        stale: Duration::ZERO,
        size: 2 << 20,
        longest_answer: 1 << 20,
        hit_price_percent: 10,
    };
    assert_eq!(config.cache, settings);
    let own = cache::Rules {
        mode: Some(CacheMode::Ask),
        ttl: None,
        stale: Some(Duration::from_secs(9)),
    };
    assert_eq!(config.models[0].rules.cache, own);
}
