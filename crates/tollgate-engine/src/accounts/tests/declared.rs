//! Tenants of the configuration beside those of the store.

use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::key::Tenancy;
use tollgate_core::ledger::{Holder, PageHead, WalletId};
use tollgate_core::money::{Money, Unit};
use tollgate_core::tenant::{Role, Status};

use super::*;
use crate::port::{Checkpoint, LedgerStore as _, UsageRow};

fn first_page() -> PageHead {
    PageHead {
        number: 1,
        ..PageHead::default()
    }
}

fn organization(name: &str, status: Status) -> DeclaredOrganization {
    DeclaredOrganization {
        name: name.into(),
        status,
        controls: Controls::default(),
        keeps_bodies: false,
        place: format!("organization {name}").into(),
    }
}

fn team(name: &str, organization: &str) -> DeclaredTeam {
    DeclaredTeam {
        name: name.into(),
        organization: organization.into(),
        status: Status::Active,
        controls: Controls::default(),
        job_terms: None,
        place: format!("team {name}").into(),
    }
}

fn user(name: &str, organization: &str) -> DeclaredUser {
    DeclaredUser {
        name: name.into(),
        organization: organization.into(),
        email: format!("{name}@example.com").into(),
        role: Role::Owner,
        status: Status::Active,
        controls: Controls::default(),
        place: format!("user {name}").into(),
    }
}

fn acme() -> Declared {
    Declared {
        organizations: vec![organization("acme", Status::Active)],
        teams: vec![team("search", "acme")],
        users: vec![user("ann", "acme")],
        keys: Vec::new(),
    }
}

fn key_of(team: &str, user: Option<&str>) -> NewKey {
    NewKey {
        tenancy: Tenancy {
            team: TeamId::from_stored(team),
            user: user.map(UserId::from_stored),
        },
        ..new_key("app")
    }
}

fn status_of(accounts: &Accounts, text: &str) -> Result<(), Code> {
    let entry = accounts.find(&accounts.hash(text.as_bytes())).unwrap();
    let caller = crate::caller::Caller::new(entry);
    caller.check().map_err(|failure| failure.code)
}

#[tokio::test]
async fn a_stored_key_of_a_declared_team_works_again_after_a_restart() {
    let world = World::new().await;
    world.accounts.declare(acme()).await.unwrap();
    let (_, secret) = world
        .accounts
        .create(key_of("search", Some("ann")))
        .await
        .unwrap();
    assert_eq!(status_of(&world.accounts, secret.expose()), Ok(()));

    let restarted = World::with_store(world.store).await;
    // Before the configuration is read, nobody knows whose key it is.
    assert_eq!(
        status_of(&restarted.accounts, secret.expose()),
        Err(Code::TeamSuspended)
    );
    restarted.accounts.declare(acme()).await.unwrap();
    assert_eq!(status_of(&restarted.accounts, secret.expose()), Ok(()));
    let entry = restarted.accounts.list().remove(0);
    assert_eq!(entry.team().organization().id.as_str(), "acme");
    assert_eq!(entry.user().unwrap().id.as_str(), "ann");
}

#[tokio::test]
async fn what_goes_out_of_the_configuration_is_absent_and_its_keys_are_refused() {
    let world = World::new().await;
    let accounts = &world.accounts;
    accounts.declare(acme()).await.unwrap();
    let (_, secret) = accounts.create(key_of("search", None)).await.unwrap();
    accounts.declare(Declared::default()).await.unwrap();
    assert!(
        accounts
            .tenants()
            .team(&TeamId::from_stored("search"))
            .is_none()
    );
    assert!(
        accounts
            .tenants()
            .organization(&OrgId::from_stored("acme"))
            .is_none()
    );
    assert_eq!(
        status_of(accounts, secret.expose()),
        Err(Code::TeamSuspended)
    );
    accounts.declare(acme()).await.unwrap();
    assert_eq!(status_of(accounts, secret.expose()), Ok(()));
}

#[tokio::test]
async fn the_file_wins_over_the_store_and_nothing_is_lost() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let admin = Manager::admin();
    let new = NewOrganization {
        metadata: None,
        id: Some("acme".into()),
        name: "Stored".into(),
        status: Status::Active,
        keeps_bodies: true,
        controls: Controls::default(),
    };
    accounts.create_organization(&admin, new).await.unwrap();
    let file = Declared {
        organizations: vec![organization("acme", Status::Paused)],
        ..Declared::default()
    };
    accounts.declare(file.clone()).await.unwrap();
    let node = accounts.organization(&admin, "acme").unwrap();
    assert_eq!(
        (&*node.facts().name, node.status()),
        ("acme", Status::Paused)
    );
    let edit = OrganizationEdit {
        name: Some("Other".into()),
        ..OrganizationEdit::default()
    };
    let refused = accounts.change_organization(&admin, "acme", &edit).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    assert!(
        refused
            .message
            .as_ref()
            .unwrap()
            .contains("organization acme")
    );
    accounts.declare(file).await.unwrap();
    accounts.declare(Declared::default()).await.unwrap();
    assert_eq!(
        (&*node.facts().name, node.status()),
        ("Stored", Status::Active)
    );
    assert!(node.facts().keeps_bodies);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn declarations_that_contradict_each_other_or_lead_nowhere_are_refused_with_their_place() {
    let world = World::new().await;
    let accounts = &world.accounts;
    accounts.declare(acme()).await.unwrap();
    let keys = |facts: NewKey| {
        vec![DeclaredKey {
            facts,
            ..declared("k", "sk-k", "key k")
        }]
    };
    let manages = NewKey {
        permissions: Permissions {
            manage: true,
            ..Permissions::ALL
        },
        ..new_key("k")
    };
    let two = |name: &str| {
        vec![
            organization(name, Status::Active),
            organization("globex", Status::Active),
        ]
    };
    for (declared, said) in [
        (
            Declared {
                teams: vec![team("search", "nowhere")],
                ..acme()
            },
            "team search: there is no organization \"nowhere\"",
        ),
        (
            Declared {
                organizations: two("globex"),
                ..Declared::default()
            },
            "organization globex: another organization has the name \"globex\" already",
        ),
        (
            Declared {
                organizations: two("acme"),
                teams: vec![team("search", "globex")],
                ..Declared::default()
            },
            "team search: it belongs to the organization \"acme\" already, with what it has \
             spent; give it another name",
        ),
        // What the file declared before is no reason for what it says now.
        (
            Declared {
                organizations: Vec::new(),
                ..acme()
            },
            "team search: there is no organization \"acme\"",
        ),
        (
            Declared {
                keys: keys(key_of("sales", None)),
                ..acme()
            },
            "key k: there is no team \"sales\"",
        ),
        (
            Declared {
                keys: keys(key_of("search", Some("bob"))),
                ..acme()
            },
            "key k: there is no user \"bob\"",
        ),
        (
            Declared {
                keys: keys(key_of("default", Some("ann"))),
                ..acme()
            },
            "key k: the team and the user of a key belong to one organization",
        ),
        (
            Declared {
                keys: keys(manages),
                ..acme()
            },
            "key k: a key with the permission \"admin\" needs a user",
        ),
    ] {
        let refused = accounts.declare(declared).await.unwrap_err();
        assert_eq!(refused.to_string(), said);
        assert_eq!(
            accounts.team(&Manager::admin(), "search").unwrap().status(),
            Status::Active,
            "nothing has changed"
        );
    }
}

#[tokio::test]
async fn a_team_that_is_declared_late_finds_what_the_books_hold_for_it() {
    let store = Arc::new(MemoryStore::default());
    let wallet = WalletId {
        holder: Holder::Team(TeamId::from_stored("search")),
        unit: Unit::Usd,
    };
    let checkpoint = Checkpoint {
        head: first_page(),
        balances: vec![(wallet.clone(), 5_000)],
        ..Checkpoint::default()
    };
    store.write_checkpoint(&checkpoint).await.unwrap();
    let restarted = World::with_store(store).await;
    restarted.accounts.declare(acme()).await.unwrap();
    let tenants = restarted.accounts.tenants();
    let balance = tenants.with_wallet(&wallet, |wallet| wallet.read().balance);
    assert_eq!(balance, Some(5_000));
}

#[tokio::test]
async fn what_was_spent_before_counts_in_a_budget_that_is_declared_later() {
    let store = Arc::new(MemoryStore::default());
    let used = |team: &str, cost| UsageRow {
        quarter: Timestamp::from_millis(900_000),
        organization: "acme".into(),
        team: team.into(),
        user: "".into(),
        key: "key_1".into(),
        model: "m".into(),
        calls: 1,
        prompt: 1,
        completion: 1,
        cost,
    };
    let checkpoint = Checkpoint {
        head: first_page(),
        usage: vec![used("search", 700), used("other", 50)],
        ..Checkpoint::default()
    };
    store.write_checkpoint(&checkpoint).await.unwrap();
    let world = World::with_store(store).await;
    let budget = |limit| Controls {
        budgets: Box::new([Budget {
            period: Period::Total,
            limit: Money::from_nano(limit),
            warn_percent: 80,
            zone: "UTC".into(),
        }]),
        ..Controls::default()
    };
    let mut file = acme();
    file.teams[0].controls = budget(1_000);
    file.organizations[0].controls = budget(2_000);
    world.accounts.declare(file).await.unwrap();
    let team = world.accounts.team(&Manager::admin(), "search").unwrap();
    let organization = team.organization();
    let of_team = world.accounts.budgets_of_team(&team);
    let of_organization = world.accounts.budgets_of_organization(organization);
    assert_eq!(of_team[0].spent, Money::from_nano(700));
    assert_eq!(of_organization[0].spent, Money::from_nano(750));
}
