use super::*;

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn asked() -> Asked {
    Asked {
        prompt_tokens: 1000,
        max_output: None,
        needs: Abilities::NONE.with(Ability::Tools).with(Ability::Vision),
        tags: vec!["batch".into(), "eu".into()],
        user: Some("ann".into()),
        key: Some("app".into()),
    }
}

fn check(when: When, asked: &Asked) -> Result<(), Unfit> {
    let fitness = Fitness {
        when,
        ..Fitness::default()
    };
    fitness.check(asked)
}

#[test]
fn each_rule_holds_or_is_named() {
    let none = Abilities::NONE;
    let when = When::default;
    for (when, broken) in [
        (when(), None),
        (
            When {
                tags: names(&["us", "eu"]),
                ..when()
            },
            None,
        ),
        (
            When {
                tags: names(&["us", "EU"]),
                ..when()
            },
            Some("tags"),
        ),
        (
            When {
                users: names(&["bob", "ann"]),
                ..when()
            },
            None,
        ),
        (
            When {
                users: names(&["bob"]),
                ..when()
            },
            Some("users"),
        ),
        (
            When {
                keys: names(&["app"]),
                ..when()
            },
            None,
        ),
        (
            When {
                keys: names(&["ann"]),
                ..when()
            },
            Some("keys"),
        ),
        (
            When {
                needs: none.with(Ability::Tools).with(Ability::Vision),
                ..when()
            },
            None,
        ),
        (
            When {
                needs: none.with(Ability::Tools).with(Ability::Audio),
                ..when()
            },
            Some("needs"),
        ),
    ] {
        let expected = broken.map_or(Ok(()), |rule| Err(Unfit::Rule(rule)));
        assert_eq!(check(when.clone(), &asked()), expected, "{when:?}");
    }
}

#[test]
fn bounds_of_the_prompt_belong_to_the_range() {
    for (from, to, broken) in [
        (Some(1000), None, None),
        (Some(1001), None, Some("prompt_tokens_from")),
        (None, Some(1000), None),
        (None, Some(999), Some("prompt_tokens_to")),
        (Some(1000), Some(1000), None),
    ] {
        let when = When {
            prompt_tokens_from: from,
            prompt_tokens_to: to,
            ..When::default()
        };
        let expected = broken.map_or(Ok(()), |rule| Err(Unfit::Rule(rule)));
        assert_eq!(check(when, &asked()), expected, "{from:?} to {to:?}");
    }
}

#[test]
fn one_rule_that_does_not_hold_is_enough() {
    let when = When {
        tags: names(&["eu"]),
        users: names(&["ann"]),
        keys: names(&["other"]),
        ..When::default()
    };
    assert_eq!(check(when, &asked()), Err(Unfit::Rule("keys")));
}

#[test]
fn a_request_without_tags_user_or_key_meets_no_rule_about_them() {
    let bare = Asked::default();
    for (rule, when) in [
        (
            "tags",
            When {
                tags: names(&["eu"]),
                ..When::default()
            },
        ),
        (
            "users",
            When {
                users: names(&[""]),
                ..When::default()
            },
        ),
        (
            "keys",
            When {
                keys: names(&[""]),
                ..When::default()
            },
        ),
    ] {
        assert_eq!(check(when, &bare), Err(Unfit::Rule(rule)));
    }
}

#[test]
fn what_is_needed_has_to_be_among_what_is_declared() {
    let none = Abilities::NONE;
    for (declared, expected) in [
        (None, Ok(())),
        (Some(none), Err(Unfit::Lacks(Ability::Vision))),
        (
            Some(none.with(Ability::Vision)),
            Err(Unfit::Lacks(Ability::Tools)),
        ),
        (
            Some(none.with(Ability::Tools).with(Ability::Vision)),
            Ok(()),
        ),
    ] {
        let fitness = Fitness {
            abilities: declared,
            ..Fitness::default()
        };
        assert_eq!(fitness.check(&asked()), expected, "{declared:?}");
    }
}

#[test]
fn only_a_prompt_that_is_surely_too_long_is_kept_away() {
    for (window, expected) in [
        (None, Ok(())),
        (Some(1000), Ok(())),
        (Some(500), Ok(())),
        (Some(499), Err(Unfit::TooLong)),
    ] {
        let fitness = Fitness {
            context_window: window,
            ..Fitness::default()
        };
        assert_eq!(fitness.check(&asked()), expected, "{window:?}");
    }
}
