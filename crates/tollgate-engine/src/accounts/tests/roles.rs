//! What managers may do, to whom, and what the audit log says of it.

use std::sync::Arc;

use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::id::TeamId;
use tollgate_core::key::Tenancy;
use tollgate_core::limit::RateLimits;
use tollgate_core::money::Money;
use tollgate_core::tenant::{Role, Status};

use super::*;
use crate::caller::Caller;
use crate::tenants::UserNode;

static ADMIN: Manager = Manager::admin();

fn tenant(id: &str) -> NewOrganization {
    NewOrganization {
        metadata: None,
        id: Some(id.into()),
        name: id.into(),
        status: Status::Active,
        keeps_bodies: false,
        controls: Controls::default(),
    }
}

fn team(id: Option<&str>, organization: &str) -> NewTeam {
    NewTeam {
        metadata: None,
        id: id.map(Into::into),
        organization: organization.into(),
        name: "team".into(),
        status: Status::Active,
        controls: Controls::default(),
        job_terms: None,
    }
}

fn person(email: &str, role: Role) -> NewUser {
    NewUser {
        email: email.into(),
        role,
        status: Status::Active,
        controls: Controls::default(),
    }
}

fn budget(usd: &str) -> Controls {
    Controls {
        limits: RateLimits::NONE,
        budgets: Box::new([Budget {
            period: Period::Monthly,
            limit: Money::parse(usd).unwrap(),
            warn_percent: 80,
            zone: "UTC".into(),
        }]),
    }
}

fn key_for(team: &str, user: Option<&Arc<UserNode>>) -> NewKey {
    NewKey {
        tenancy: Tenancy {
            team: TeamId::from_stored(team),
            user: user.map(|user| user.id.clone()),
        },
        ..new_key("app")
    }
}

/// An organization with a team and a user, and that user as a manager.
async fn someone(world: &World, organization: &str, role: Role) -> (Arc<UserNode>, Manager) {
    let accounts = &world.accounts;
    let name = format!("{organization}-team");
    if accounts.organization(&ADMIN, organization).is_err() {
        let new = tenant(organization);
        accounts.create_organization(&ADMIN, new).await.unwrap();
        let new = team(Some(&name), organization);
        accounts.create_team(&ADMIN, new).await.unwrap();
    }
    let email = format!("{}{}@example.com", role.as_str(), accounts.list().len());
    let new = person(&email, role);
    let user = accounts
        .create_user(&ADMIN, organization, new)
        .await
        .unwrap();
    let new = NewKey {
        permissions: Permissions {
            manage: true,
            ..Permissions::ALL
        },
        ..key_for(&name, Some(&user))
    };
    let (key, _) = accounts.create_key(&ADMIN, new).await.unwrap();
    let entry = accounts.get(key.id.as_str()).unwrap();
    let manager = Manager::user(Caller::new(entry)).unwrap();
    (user, manager.by_request("req-1"))
}

fn code<T>(outcome: Result<T, Failure>) -> Option<Code> {
    outcome.err().map(|failure| failure.code)
}

#[tokio::test]
async fn tenants_survive_a_restart_and_every_change_has_its_row() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (user, owner) = someone(&world, "acme", Role::Owner).await;
    let new = team(None, "acme");
    let made = accounts.create_team(&owner, new).await.unwrap();
    let edit = TeamEdit {
        status: Some(Status::Paused),
        ..TeamEdit::default()
    };
    let id = made.id.as_str();
    accounts.change_team(&owner, id, &edit).await.unwrap();
    // What changes nothing is not told.
    accounts.change_team(&owner, id, &edit).await.unwrap();
    let (rows, count) = accounts
        .audit(
            &owner,
            AuditQuery {
                limit: 10,
                ..AuditQuery::default()
            },
        )
        .await
        .unwrap();
    let told: Vec<_> = rows.iter().map(|row| (&*row.action, &*row.actor)).collect();
    let actor = &*owner.actor();
    assert_eq!(
        told,
        [
            ("team.pause", actor),
            ("team.create", actor),
            ("key.create", "admin"),
            ("user.create", "admin"),
            ("team.create", "admin"),
            ("organization.create", "admin"),
        ]
    );
    assert_eq!(count, 6);
    assert_eq!(
        &*rows[0].change,
        "{\"status\":{\"new\":\"paused\",\"old\":\"active\"}}"
    );
    assert_eq!(rows[0].request_id.as_deref(), Some("req-1"));
    assert_eq!(rows[0].organization.as_deref(), Some("acme"));

    let restarted = World::with_store(world.store.clone()).await;
    let again = restarted.accounts.team(&ADMIN, id).unwrap();
    assert_eq!(again.status(), Status::Paused);
    assert_eq!(again.organization().id.as_str(), "acme");
    let users = restarted.accounts.users(&ADMIN, "acme").unwrap();
    assert_eq!(users[0].id, user.id);
    assert_eq!(users[0].role(), Role::Owner);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn another_tenants_objects_are_as_those_that_are_not_there() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (theirs, _) = someone(&world, "globex", Role::Member).await;
    let key = accounts.list()[0].key().id.clone();
    let (_, owner) = someone(&world, "acme", Role::Owner).await;
    let told = |failure: Failure| {
        (
            failure.code,
            failure.message.clone(),
            failure.details.clone(),
        )
    };
    let pairs = [
        (
            accounts.organization(&owner, "globex").map(drop),
            accounts.organization(&owner, "nowhere").map(drop),
        ),
        (
            accounts.team(&owner, "globex-team").map(drop),
            accounts.team(&owner, "nowhere").map(drop),
        ),
        (
            accounts
                .user(&owner, "globex", theirs.id.as_str())
                .map(drop),
            accounts.user(&owner, "nowhere", "user_0").map(drop),
        ),
        (
            accounts.user(&owner, "acme", theirs.id.as_str()).map(drop),
            accounts.user(&owner, "acme", "user_0").map(drop),
        ),
        (
            accounts.key(&owner, key.as_str()).map(drop),
            accounts.key(&owner, "key_0").map(drop),
        ),
        (
            accounts.revoke_key(&owner, key.as_str()).await.map(drop),
            accounts.revoke_key(&owner, "key_0").await.map(drop),
        ),
        (
            accounts
                .create_key(&owner, key_for("globex-team", None))
                .await
                .map(drop),
            accounts
                .create_key(&owner, key_for("nowhere", None))
                .await
                .map(drop),
        ),
        (
            accounts
                .create_key(&owner, key_for("acme-team", Some(&theirs)))
                .await
                .map(drop),
            accounts.user(&owner, "acme", "user_0").map(drop),
        ),
        (
            accounts
                .create_team(&owner, team(None, "globex"))
                .await
                .map(drop),
            accounts
                .create_team(&owner, team(None, "nowhere"))
                .await
                .map(drop),
        ),
    ];
    for (number, (foreign, missing)) in pairs.into_iter().enumerate() {
        let (foreign, missing) = (told(foreign.unwrap_err()), told(missing.unwrap_err()));
        assert_eq!(foreign, missing, "{number}");
        assert_eq!(foreign.0, Code::ResourceNotFound, "{number}");
    }
    assert!(accounts.teams(&owner, Some("globex")).unwrap().is_empty());
    assert!(
        accounts
            .keys(&owner, |_| true)
            .unwrap()
            .iter()
            .all(|entry| { entry.team().organization().id.as_str() == "acme" })
    );
    let query = AuditQuery {
        organization: Some("globex".into()),
        limit: 10,
        ..AuditQuery::default()
    };
    assert_eq!(accounts.audit(&owner, query).await.unwrap().1, 0);
}

#[tokio::test]
async fn an_update_never_overwrites_what_it_does_not_name() {
    let world = World::new().await;
    let accounts = &world.accounts;
    accounts
        .create_organization(&ADMIN, tenant("acme"))
        .await
        .unwrap();
    let controls = Controls {
        limits: RateLimits {
            rpm: Some(10),
            tpm: Some(1000),
            ..RateLimits::NONE
        },
        ..budget("5.00")
    };
    let new = NewTeam {
        controls: controls.clone(),
        ..team(Some("search"), "acme")
    };
    accounts.create_team(&ADMIN, new).await.unwrap();
    let edit = TeamEdit {
        name: Some("Search".into()),
        controls: ControlsEdit {
            limits: LimitsEdit {
                rpm: Some(Some(20)),
                ..LimitsEdit::default()
            },
            budgets: None,
        },
        ..TeamEdit::default()
    };
    let team = accounts.change_team(&ADMIN, "search", &edit).await.unwrap();
    let facts = team.facts();
    assert_eq!(&*facts.name, "Search");
    assert_eq!(facts.controls.limits.rpm, Some(20));
    assert_eq!(facts.controls.limits.tpm, Some(1000));
    assert_eq!(facts.controls.budgets, controls.budgets);
    assert_eq!(facts.status, Status::Active);
}

#[tokio::test]
async fn nobody_raises_what_they_are_allowed_or_what_they_are() {
    let world = World::new().await;
    let accounts = &world.accounts;
    for role in [Role::Owner, Role::Admin] {
        let (user, manager) = someone(&world, "acme", role).await;
        let me = ("acme", user.id.as_str());
        let raise = UserEdit {
            controls: ControlsEdit {
                budgets: Some(budget("1000.00").budgets),
                ..ControlsEdit::default()
            },
            ..UserEdit::default()
        };
        let promote = UserEdit {
            role: Some(Role::Owner),
            ..UserEdit::default()
        };
        for edit in [&raise, &promote] {
            let outcome = accounts.change_user(&manager, me, edit).await;
            assert_eq!(code(outcome), Some(Code::PermissionDenied), "{role:?}");
        }
        let outcome = accounts.delete_user(&manager, me.0, me.1).await;
        assert_eq!(code(outcome), Some(Code::PermissionDenied));
        let own = accounts.keys(&manager, |entry| {
            entry.user().is_some_and(|of| of.id == user.id)
        });
        let key = own.unwrap()[0].key().id.clone();
        let edit = KeyEdit {
            controls: raise.controls.clone(),
            ..KeyEdit::default()
        };
        let outcome = accounts.change_key(&manager, key.as_str(), &edit).await;
        assert_eq!(code(outcome), Some(Code::PermissionDenied));
        let edit = OrganizationEdit {
            controls: raise.controls.clone(),
            ..OrganizationEdit::default()
        };
        let outcome = accounts.change_organization(&manager, "acme", &edit).await;
        assert_eq!(code(outcome), Some(Code::PermissionDenied));
        let edit = KeyEdit {
            priority: Some(Priority::High),
            ..KeyEdit::default()
        };
        let outcome = accounts.change_key(&manager, key.as_str(), &edit).await;
        assert_eq!(code(outcome), Some(Code::PermissionDenied));
    }
}

#[tokio::test]
async fn administrators_do_not_touch_owners_or_each_other() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (owner, by_owner) = someone(&world, "acme", Role::Owner).await;
    let (other, _) = someone(&world, "acme", Role::Admin).await;
    let (_, admin) = someone(&world, "acme", Role::Admin).await;
    let (developer, _) = someone(&world, "acme", Role::Developer).await;
    let demote = UserEdit {
        role: Some(Role::Member),
        ..UserEdit::default()
    };
    let promote = UserEdit {
        role: Some(Role::Admin),
        ..UserEdit::default()
    };
    let denied = Some(Code::PermissionDenied);
    for user in [&owner, &other] {
        let id = user.id.as_str();
        assert_eq!(
            code(accounts.change_user(&admin, ("acme", id), &demote).await),
            denied
        );
        assert_eq!(code(accounts.delete_user(&admin, "acme", id).await), denied);
        // A key of an owner would give its maker an owner's rights.
        let new = key_for("acme-team", Some(user));
        assert_eq!(code(accounts.create_key(&admin, new).await), denied);
        let keys = accounts.keys(&admin, |entry| {
            entry.user().is_some_and(|of| of.id == user.id)
        });
        let key = keys.unwrap()[0].key().id.clone();
        assert_eq!(
            code(accounts.rotate_key(&admin, key.as_str()).await),
            denied
        );
        assert_eq!(
            code(accounts.revoke_key(&admin, key.as_str()).await),
            denied
        );
    }
    let id = developer.id.as_str();
    assert_eq!(
        code(accounts.change_user(&admin, ("acme", id), &promote).await),
        denied
    );
    for role in [Role::Owner, Role::Admin] {
        let new = person("new@example.com", role);
        assert_eq!(
            code(accounts.create_user(&admin, "acme", new).await),
            denied
        );
    }
    assert_eq!(
        code(accounts.change_user(&admin, ("acme", id), &demote).await),
        None
    );
    assert_eq!(
        code(
            accounts
                .change_user(&by_owner, ("acme", id), &promote)
                .await
        ),
        None
    );
    assert_eq!(developer.role(), Role::Admin);
}

#[tokio::test]
async fn developers_have_keys_of_their_own_and_set_no_limits() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (colleague, _) = someone(&world, "acme", Role::Member).await;
    let foreign = accounts.list()[0].key().id.clone();
    let (me, developer) = someone(&world, "acme", Role::Developer).await;
    let new = key_for("acme-team", Some(&me));
    let (key, _) = accounts.create_key(&developer, new.clone()).await.unwrap();
    let denied = Some(Code::PermissionDenied);
    let limited = NewKey {
        controls: budget("1.00"),
        ..new
    };
    assert_eq!(code(accounts.create_key(&developer, limited).await), denied);
    for new in [
        key_for("acme-team", None),
        key_for("acme-team", Some(&colleague)),
    ] {
        assert_eq!(code(accounts.create_key(&developer, new).await), denied);
    }
    let missing = Some(Code::ResourceNotFound);
    assert_eq!(code(accounts.key(&developer, foreign.as_str())), missing);
    assert_eq!(
        code(accounts.revoke_key(&developer, foreign.as_str()).await),
        missing
    );
    let seen = accounts.keys(&developer, |_| true).unwrap();
    assert!(seen.iter().all(|entry| entry.user().unwrap().id == me.id));
    assert_eq!(seen.len(), 2);
    accounts
        .revoke_key(&developer, key.id.as_str())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_team_that_the_platform_suspended_is_not_resumed_by_its_organization() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (_, owner) = someone(&world, "acme", Role::Owner).await;
    let other = accounts
        .create_team(&ADMIN, team(Some("other"), "acme"))
        .await
        .unwrap();
    let to = |status| TeamEdit {
        status: Some(status),
        ..TeamEdit::default()
    };
    accounts
        .change_team(&owner, "other", &to(Status::Paused))
        .await
        .unwrap();
    accounts
        .change_team(&owner, "other", &to(Status::Active))
        .await
        .unwrap();
    accounts
        .change_team(&ADMIN, "other", &to(Status::Suspended))
        .await
        .unwrap();
    for status in [Status::Active, Status::Paused] {
        let outcome = accounts.change_team(&owner, "other", &to(status)).await;
        assert_eq!(code(outcome), Some(Code::PermissionDenied));
    }
    assert_eq!(other.status(), Status::Suspended);
}

#[tokio::test]
async fn statuses_take_effect_at_once_for_keys_in_use() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (user, _) = someone(&world, "acme", Role::Member).await;
    let entry = accounts.list().remove(0);
    let caller = Caller::new(Arc::clone(&entry));
    let to = |status| TeamEdit {
        status: Some(status),
        ..TeamEdit::default()
    };
    let of = |status| OrganizationEdit {
        status: Some(status),
        ..OrganizationEdit::default()
    };
    for (status, expected) in [
        (Status::Paused, Some(Code::TeamPaused)),
        (Status::Suspended, Some(Code::TeamSuspended)),
        (Status::Active, None),
    ] {
        accounts
            .change_team(&ADMIN, "acme-team", &to(status))
            .await
            .unwrap();
        assert_eq!(code(caller.check()), expected);
        accounts
            .change_team(&ADMIN, "acme-team", &to(Status::Active))
            .await
            .unwrap();
        accounts
            .change_organization(&ADMIN, "acme", &of(status))
            .await
            .unwrap();
        assert_eq!(code(caller.check()), expected);
        let may_manage = expected != Some(Code::TeamSuspended);
        assert_eq!(Manager::user(caller.clone()).is_ok(), may_manage);
        accounts
            .change_organization(&ADMIN, "acme", &of(Status::Active))
            .await
            .unwrap();
    }
    let edit = UserEdit {
        status: Some(Status::Suspended),
        ..UserEdit::default()
    };
    let member = ("acme", user.id.as_str());
    accounts.change_user(&ADMIN, member, &edit).await.unwrap();
    assert_eq!(code(caller.check()), Some(Code::PermissionDenied));
}

#[tokio::test]
async fn the_keys_of_a_removed_member_are_revoked_and_stay_so() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (user, _) = someone(&world, "acme", Role::Developer).await;
    let new = key_for("acme-team", Some(&user));
    let (_, secret) = accounts.create_key(&ADMIN, new).await.unwrap();
    accounts
        .delete_user(&ADMIN, "acme", user.id.as_str())
        .await
        .unwrap();
    assert!(!world.opens(secret.expose()));
    assert!(accounts.users(&ADMIN, "acme").unwrap().is_empty());
    let restarted = World::with_store(world.store.clone()).await;
    assert!(!restarted.opens(secret.expose()));
    // It is still a key of its organization, and of no other.
    let entry = restarted.accounts.list().pop().unwrap();
    assert_eq!(entry.team().organization().id.as_str(), "acme");
    assert_eq!(entry.user().unwrap().status(), Status::Suspended);
}

#[tokio::test]
async fn ids_are_unique_and_chosen_by_the_platform() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (_, owner) = someone(&world, "acme", Role::Owner).await;
    let conflict = Some(Code::Conflict);
    let outcome = accounts.create_organization(&ADMIN, tenant("acme")).await;
    assert_eq!(code(outcome), conflict);
    let outcome = accounts
        .create_team(&ADMIN, team(Some("acme-team"), "acme"))
        .await;
    assert_eq!(code(outcome), conflict);
    for id in ["acme-team", "free"] {
        let outcome = accounts.create_team(&owner, team(Some(id), "acme")).await;
        assert_eq!(code(outcome), Some(Code::PermissionDenied), "{id}");
    }
    let outcome = accounts.create_user(&ADMIN, "acme", person("OWNER0@example.com", Role::Member));
    assert_eq!(code(outcome.await), conflict);
    for (id, good) in [
        ("a", true),
        ("a-b_c.D9", true),
        ("", false),
        (".", false),
        ("-a", false),
        ("a b", false),
        ("a/b", false),
        ("ä", false),
        ("create", false),
    ] {
        assert_eq!(is_id(id), good, "{id}");
    }
    assert!(is_id(&"a".repeat(64)) && !is_id(&"a".repeat(65)));
}

#[tokio::test]
async fn what_the_store_refuses_leaves_tenants_as_they_were() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let (user, _) = someone(&world, "acme", Role::Member).await;
    world.store.set_broken(true);
    let broken = Some(Code::DatabaseError);
    let outcome = accounts.create_organization(&ADMIN, tenant("new")).await;
    assert_eq!(code(outcome), broken);
    let outcome = accounts
        .create_team(&ADMIN, team(Some("new"), "acme"))
        .await;
    assert_eq!(code(outcome), broken);
    let outcome = accounts.delete_user(&ADMIN, "acme", user.id.as_str()).await;
    assert_eq!(code(outcome), broken);
    let edit = TeamEdit {
        status: Some(Status::Suspended),
        ..TeamEdit::default()
    };
    let outcome = accounts.change_team(&ADMIN, "acme-team", &edit).await;
    assert_eq!(code(outcome), broken);
    world.store.set_broken(false);
    assert!(accounts.organization(&ADMIN, "new").is_err());
    assert!(accounts.team(&ADMIN, "new").is_err());
    assert_eq!(
        accounts.team(&ADMIN, "acme-team").unwrap().status(),
        Status::Active
    );
    assert_eq!(accounts.users(&ADMIN, "acme").unwrap().len(), 1);
    // And the ids are free.
    accounts
        .create_organization(&ADMIN, tenant("new"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_suspension_holds_although_its_client_hung_up_while_the_store_wrote() {
    let world = World::new().await;
    let accounts = &world.accounts;
    someone(&world, "acme", Role::Member).await;
    world.store.set_stuck(true);
    let edit = TeamEdit {
        status: Some(Status::Suspended),
        ..TeamEdit::default()
    };
    let mut changing = Box::pin(accounts.change_team(&ADMIN, "acme-team", &edit));
    assert!(is_pending(&mut changing));
    let team = accounts.team(&ADMIN, "acme-team").unwrap();
    assert_eq!(team.status(), Status::Active);
    drop(changing);
    assert_eq!(team.status(), Status::Suspended);
}
