use tollgate_core::offer::GroupModel;
use tollgate_core::tenant::DEFAULT;
use tollgate_core::time::Timestamp;

use super::*;
use crate::testing::caller;

const NOW: Timestamp = Timestamp::from_millis(7);

fn alias(name: &str, groups: &[&str], status: OfferStatus) -> Offer {
    Offer::Alias(Alias {
        name: name.into(),
        display_name: name.into(),
        provider: "openai".into(),
        model: "m".into(),
        connection: None,
        groups: groups.iter().map(|group| (*group).into()).collect(),
        description: None,
        price_input: None,
        price_output: None,
        status,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn group(name: &str, status: OfferStatus) -> Offer {
    Offer::AccessGroup(AccessGroup {
        name: name.into(),
        display_name: name.into(),
        description: None,
        status,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn model_group(name: &str) -> Offer {
    Offer::ModelGroup(ModelGroup {
        name: name.into(),
        display_name: None,
        description: None,
        models: vec![GroupModel {
            name: "m".into(),
            priority: 0,
        }],
        status: OfferStatus::Active,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn team(id: &str, groups: &[&str], model_groups: &[&str]) -> TeamOffer {
    TeamOffer {
        groups: groups.iter().map(|name| (*name).into()).collect(),
        model_groups: model_groups.iter().map(|name| (*name).into()).collect(),
        ..TeamOffer::nothing(&TeamId::from_stored(id))
    }
}

#[test]
fn a_team_may_use_what_it_was_given() {
    let aliases = |groups: &[&str]| {
        let groups = groups.iter().map(|group| (*group).into());
        Some(Gate::Alias(groups.collect()))
    };
    let of_group = |name: &str| Some(Gate::Group(name.into()));
    let only = |offer: TeamOffer| TeamOffer {
        only: true,
        ..offer
    };
    // The built-in team of a caller without any other, and what another one has.
    let others = team("other", &["g"], &["m"]);
    for (offers, gate, is_open) in [
        (vec![], None, true),
        (vec![], aliases(&["g"]), false),
        (vec![], of_group("m"), false),
        (vec![others.clone()], None, true),
        (vec![others.clone()], aliases(&["g"]), false),
        (vec![team(DEFAULT, &[], &[])], None, true),
        (vec![only(team(DEFAULT, &[], &[]))], None, false),
        (vec![team(DEFAULT, &["g"], &[])], aliases(&["g"]), true),
        (vec![team(DEFAULT, &["g"], &[])], aliases(&["h", "g"]), true),
        (vec![team(DEFAULT, &["g"], &[])], aliases(&["h"]), false),
        // An alias in no group that is open is open to nobody.
        (vec![team(DEFAULT, &["g"], &[])], aliases(&[]), false),
        (vec![team(DEFAULT, &["g"], &[])], of_group("g"), false),
        (vec![team(DEFAULT, &["m"], &["m"])], of_group("m"), true),
        (
            vec![only(team(DEFAULT, &["g"], &[]))],
            aliases(&["g"]),
            true,
        ),
        (
            vec![others, team(DEFAULT, &["h"], &[])],
            aliases(&["g"]),
            false,
        ),
    ] {
        let offered = Offers::new(offers.iter().cloned().map(Offer::Team).collect());
        let found = offered.opens_gate(&caller("app", &["*"]), gate.as_ref());
        assert_eq!(found, is_open, "{offers:?} {gate:?}");
    }
}

#[test]
fn aliases_are_open_by_groups_that_are_in_use() {
    use OfferStatus::{Active, Deprecated, Inactive};
    let own = team("t", &["on", "off", "old", "gone"], &[]);
    for (name, groups, status, is_allowed) in [
        ("by one in use", &["on"][..], Active, true),
        ("by a deprecated one", &["old"], Active, true),
        ("by one out of use", &["off"], Active, false),
        ("by one of both", &["off", "on"], Active, true),
        ("by one that is gone", &["gone"], Active, false),
        ("by one of others", &["others"], Active, false),
        ("by none", &[], Active, false),
        ("deprecated itself", &["on"], Deprecated, true),
        ("out of use itself", &["on"], Inactive, false),
    ] {
        let offered = Offers::new(vec![
            group("on", Active),
            group("off", Inactive),
            group("old", Deprecated),
            group("others", Active),
            alias(name, groups, status),
        ]);
        let expected = if is_allowed { vec![name] } else { vec![] };
        assert_eq!(offered.shelf().allowed_aliases(&own), expected, "{name}");
    }
}

#[test]
fn who_has_a_group_is_told_without_teams_that_were_deleted() {
    let deleted = TeamOffer {
        deleted: true,
        ..team("c", &["g"], &["m"])
    };
    let offers = [
        team("b", &["g"], &[]),
        team("a", &["h", "g"], &["m"]),
        deleted,
    ];
    let offered = Offers::new(offers.into_iter().map(Offer::Team).collect());
    let shelf = offered.shelf();
    assert_eq!(shelf.teams_of_group("g"), ["a", "b"]);
    assert_eq!(shelf.teams_of_group("h"), ["a"]);
    assert_eq!(shelf.teams_of_group("none"), <[&str; 0]>::default());
    assert_eq!(shelf.teams_of_model_group("m"), ["a"]);
}

#[test]
fn what_requests_are_routed_by_tells_when_it_changes_and_what_teams_have_does_not() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let offered = Offers::new(Vec::new());
    let told = Arc::new(AtomicU32::new(0));
    let teller = Arc::clone(&told);
    offered.when_changed(move || {
        teller.fetch_add(1, Ordering::SeqCst);
    });
    let own = Offer::Team(team("t", &["g"], &["m"]));
    for (change, times) in [
        (Taken::Put(alias("a", &["g"], OfferStatus::Active)), 1),
        (Taken::Put(group("g", OfferStatus::Active)), 2),
        (Taken::Put(model_group("m")), 3),
        (Taken::Put(own), 3),
        (Taken::Removed(OfferKind::Alias, "a".into()), 4),
        (Taken::Removed(OfferKind::AccessGroup, "g".into()), 5),
        (Taken::Removed(OfferKind::ModelGroup, "m".into()), 6),
        (Taken::Removed(OfferKind::Team, "t".into()), 6),
    ] {
        offered.take(vec![change.clone()]);
        assert_eq!(told.load(Ordering::SeqCst), times, "{change:?}");
    }
    offered.take(Vec::new());
    assert_eq!(told.load(Ordering::SeqCst), 6, "nothing has changed");
    let shelf = offered.shelf();
    assert!(shelf.aliases.is_empty() && shelf.groups.is_empty());
    assert!(shelf.model_groups.is_empty() && shelf.teams().next().is_none());
}

#[test]
fn what_changes_together_is_seen_together_and_told_once() {
    let offered = Arc::new(Offers::new(vec![alias("old", &["g"], OfferStatus::Active)]));
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (reader, teller) = (Arc::downgrade(&offered), Arc::clone(&seen));
    offered.when_changed(move || {
        let shelf = reader.upgrade().unwrap().shelf().clone();
        let names = shelf.aliases.keys().cloned().collect::<Vec<_>>();
        teller.lock().unwrap().push((names, shelf.groups.len()));
    });
    offered.take(vec![
        Taken::Put(alias("a", &["g"], OfferStatus::Active)),
        Taken::Put(Offer::Team(team("t", &["g"], &[]))),
        Taken::Removed(OfferKind::Alias, "old".into()),
        Taken::Put(group("g", OfferStatus::Active)),
        Taken::Put(alias("b", &["g"], OfferStatus::Active)),
    ]);
    assert_eq!(*seen.lock().unwrap(), [(vec!["a".into(), "b".into()], 1)]);
}
